package dedupe_test

import (
	"html"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"sangam/feed"
)

// everyFew puts something behind every so many letters.
func everyFew(n int, what string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		letters := 0
		for _, r := range s {
			b.WriteRune(r)
			if r > ' ' {
				if letters++; letters%n == 0 {
					b.WriteString(what)
				}
			}
		}
		return b.String()
	}
}

// shifted writes the characters of a range by those of another.
func shifted(from, to, first rune) func(string) string {
	return func(s string) string {
		return strings.Map(func(r rune) rune {
			if from <= r && r <= to {
				return r - from + first
			}
			return r
		}, s)
	}
}

// hands are what keyboards, editors and systems do to the same words.
var hands = map[string]func(string) string{
	"decomposed":                 norm.NFD.String,
	"decomposed, compatibly":     norm.NFKD.String,
	"capitals":                   strings.ToUpper,
	"full width":                 shifted('!', '~', '！'),
	"Arabic digits":              shifted('0', '9', '٠'),
	"Persian digits":             shifted('0', '9', '۰'),
	"Hindi digits":               shifted('0', '9', '०'),
	"Thai digits":                shifted('0', '9', '๐'),
	"an Arabic keyboard":         strings.NewReplacer("ی", "ي", "ک", "ك", "ہ", "ه").Replace,
	"an Urdu keyboard":           strings.NewReplacer("ي", "ی", "ك", "ک", "ه", "ہ", "ة", "ۃ").Replace,
	"without joiners":            strings.NewReplacer("\u200c", " ").Replace,
	"zero width spaces":          everyFew(9, "\u200b"),
	"soft hyphens":               everyFew(7, "\u00ad"),
	"marks of direction":         everyFew(11, "\u2067"),
	"other spaces, other quotes": strings.NewReplacer(" ", "\u00a0 ", "\"", "«", "'", "´", "-", "—").Replace,
}

func TestCopiesAreFoundInAnyCodePoints(t *testing.T) {
	for _, f := range read[ferry](t, "testdata/ferry.json") {
		say := speaker{lang: f.Lang}
		say.add("dw", "desk", 0, f.Title, f.Sentences[0]+" "+f.Sentences[1])
		for name, hand := range hands {
			var written []string
			for _, s := range f.Sentences {
				written = append(written, html.EscapeString(hand(s)))
			}
			copies := speaker{lang: f.Lang}
			copies.add("full", "awaz", 9*hour, f.Retitle, "", written...)
			copies.add("summary", "echo", 5*hour, f.Retitle, written[0]+" "+written[1])
			copies.add("headline", "wire", 3*hour, hand(f.Title), "")
			for _, it := range copies.items {
				clusters := decideAll([]feed.Item{say.items[0], it})
				if clusters[it.Key] != clusters[say.items[0].Key] {
					t.Errorf("%s, %s, %s: not found to be a copy", f.Lang, name, it.Key)
				}
			}
		}
	}
}
