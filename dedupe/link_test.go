package dedupe

import "testing"

func TestArticleNumbersAreFoundAndDatesAreNot(t *testing.T) {
	for path, want := range map[string]string{
		"ur/some-slug/a-12345678":                           "12345678",
		"sport/slug-of-it-41743836":                         "41743836",
		"news/2026-01/slug-without-number":                  "",
		"news/2026/01/02/slug":                              "",
		"20260102/slug":                                     "",
		"x/article69576e25a42fa187f142c74c/ab":              "69576e25a42fa187f142c74c",
		"dpa.urn-newsml-dpa-com-20090101-260102-930-489957": "20090101-260102-930-489957",
		"slug-6957790ba42fa187f142c7e7":                     "6957790ba42fa187f142c7e7",
		"page-12":                                           "",
		"":                                                  "",
	} {
		if got := articleNumber(path); got != want {
			t.Errorf("articleNumber(%q) = %q, want %q", path, got, want)
		}
	}
}
