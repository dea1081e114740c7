package dedupe

import (
	"strings"
	"testing"
	"unicode"
)

// Every space parts words, beyond ASCII too, and nothing else does.
func TestLinesAreSingleSpacedByEverySpace(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		line := "a" + string(r) + "b"
		if got, want := singleSpaced(line), strings.Join(strings.Fields(line), " "); got != want {
			t.Errorf("%U: got %q, want %q", r, got, want)
		}
	}
}
