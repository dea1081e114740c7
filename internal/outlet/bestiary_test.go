package outlet_test

import (
	"testing"

	"sangam/internal/outlet"
)

func TestAnimalsHaveNamesAndAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range outlet.Bestiary() {
		if seen[a.Name] || a.About == "" || a.Handler == nil {
			t.Errorf("animal %q: named twice, or not described", a.Name)
		}
		seen[a.Name] = true
	}
	if len(seen) < 80 {
		t.Errorf("%d animals", len(seen))
	}
}
