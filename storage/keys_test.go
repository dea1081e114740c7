package storage

import "testing"

// TestIdsOfOneMakerAreTogether says what counts as the maker of an entry id.
func TestIdsOfOneMakerAreTogether(t *testing.T) {
	for id, want := range map[string]string{
		"https://herald.example/2026/03/01/ferry": "https://herald.example",
		"https://herald.example":                  "https://herald.example",
		"tag:herald.example,2026:news/1":          "tag:herald.example,2026",
		"urn:uuid:60a76c80-d399-11d9-b93c":        "urn:uuid",
		"urn:":                                    "urn:",
		"x":                                       "x",
		"":                                        "",
	} {
		if got := makerOf(id); got != want {
			t.Errorf("the maker of %q is %q, want %q", id, got, want)
		}
	}
}
