package normalize_test

import (
	"testing"

	"sangam/feed"
	"sangam/normalize"
)

func TestTextThatWasEncodedTwiceIsReadAsItWasMeant(t *testing.T) {
	for written, want := range map[string]string{
		"CafÃ© – trÃ¨s":                 "CafÃ© – trÃ¨s", // who writes a dash did not encode twice
		"CafÃ© trÃ¨s cher":              "Café très cher",
		"It donâ€™t matter":             "It don’t matter",
		"Â£5 for tea":                   "£5 for tea",
		"&Atilde;&copy;t&Atilde;&copy;": "été",
		"CafÃƒÂ© encoded thrice":        "Café encoded thrice",
		"Ã‰tÃ© & â€œhiverâ€\u009d":      "Été & “hiver”",
		"Ã‰tÃ© & â€œhiverâ€\ufffd":      "Été & “hiver”",
		"The letter é read as Ã©":       "The letter é read as Ã©",
		"Château Ânes, MÃE":             "Château Ânes, MÃE",
		"CAFÉ® and ESPAÑA":              "CAFÉ® and ESPAÑA",
		"«IRMû":                         "«IRMû",
		"دریا Ã©":                       "دریا Ã©",
	} {
		for _, kind := range []feed.TextKind{feed.Guess, feed.HTML} {
			e := feed.Entry{
				ID: "1", Title: feed.Text{Kind: kind, Value: written}, Content: feed.Text{Kind: kind, Value: `<p title="Ã©">` + written + "</p>"},
				Categories: []string{written}, Authors: []feed.Person{{Name: written}},
			}
			it, _ := normalize.Item(e, feed.Channel{}, feed.Outlet{ID: "s"}, visit)
			if it.Title != want || it.Categories[0] != want || it.Authors[0].Name != want {
				t.Errorf("%s: title %q, category %q, author %q; want %q", written, it.Title, it.Categories, it.Authors[0].Name, want)
			}
			if got := normalize.Text(it.Content); got != want {
				t.Errorf("%s: content %q, want %q", written, got, want)
			}
		}
	}
}
