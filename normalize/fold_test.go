package normalize_test

import (
	"testing"
	"unicode/utf8"

	"sangam/feed"
	"sangam/normalize"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestWordsTypedOnDifferentKeyboardsFoldAlike(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"Arabic and Urdu yeh, kaf, heh", "يهي كتاب", "یہی کتاب"},
		{"tatweel and harakat", "السَّـــلامُ", "السلام"},
		{"zero width non-joiner", "می‌خواهم", "میخواهم"},
		{"alef with and without hamza", "أحمد إلى آخر", "احمد الى اخر"},
		{"teh marbuta and heh", "مدينة", "مدینہ"},
		{"yeh with hamza", "آئندہ", "اینده"},
		{"noon ghunna and noon", "میں", "مین"},
		{"presentation forms", "ﻻﺟﺊ", "لاجئ"},
		{"digits of four scripts", "۲۰۲۴ ٢٠٢٤ २०२४ ２０２４", "2024 2024 2024 2024"},
		{"thousands in three fashions", "1,250,000 1.250.000 1'250'000", "1250000 1250000 1250000"},
		{"lakhs", "2,50,000", "250000"},
		{"Arabic thousands separator", "٢٬٥٠٠", "2500"},
		{"case and accents", "ÉLYSÉE Straße", "elysee strasse"},
		{"capital sharp s", "STRAẞE", "strasse"},
		{"quotes, dashes, stops", "„Nein“ – sagt: er!", "Nein sagt er"},
		{"apostrophes of two kinds", "Iraq’s O'Neill", "Iraqs ONeill"},
		{"nukta", "ज़रूरत", "जरूरत"},
		{"nukta composed", "\u0958लम", "कलम"},
		{"half-width kana with voicing", "ｶﾞｽ", "ガス"},
		{"Hebrew points", "שָׁלוֹם", "שלום"},
		{"soft hyphen and byte order mark", "\ufeffBundes\u00adtag", "Bundestag"},
		{"emoji with variation selector", "Sonne ☀️ heute", "Sonne heute"},
		{"final sigma", "ΛΌΓΟΣ", "λογος"},
		{"Hangul in pieces", "\u1112\u1161\u11ab", "한"},
	} {
		if a, b := normalize.Fold(c.a), normalize.Fold(c.b); a != b {
			t.Errorf("%s: %q folds to %q, %q folds to %q", c.name, c.a, a, c.b, b)
		}
	}
}

func TestDifferentWordsStayDifferent(t *testing.T) {
	for _, c := range []struct{ name, a, b string }{
		{"matras", "कि", "की"},
		{"virama", "पक्का", "पकका"},
		{"kana voicing", "か", "が"},
		{"Thai vowels", "กิน", "กัน"},
		{"decimal point is no thousands separator", "3.14", "314"},
		{"a group of four is none", "1,2345", "12345"},
		{"scores", "6-3", "63"},
		{"numbers", "2500", "2600"},
	} {
		if a, b := normalize.Fold(c.a), normalize.Fold(c.b); a == b {
			t.Errorf("%s: both %q and %q fold to %q", c.name, c.a, c.b, a)
		}
	}
}

func TestFoldingTwiceChangesNothing(t *testing.T) {
	alphabet := []rune("aÉßẞ'’,.٬ \u00a0-1२۳٤ک كيیـءآئ\u064b\u0654\u200c\u093cक़क\u3099か゛ｶﾞ\u1112\u1161\u11ab한가ﻻ½①ⅷﷲ\u0995\u09c7\u09be\u09cb\u0300ำ")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom(alphabet))).Draw(t, "text")
		once := normalize.Fold(s)
		if twice := normalize.Fold(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", s, once, twice)
		}
		if !utf8.ValidString(once) || !norm.NFC.IsNormalString(once) {
			t.Fatalf("%q folds to %q, which is not in normal form C", s, once)
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add("Ünïcode \xff\xfe ٣٬٠٠٠")
	f.Fuzz(func(t *testing.T, s string) {
		once := normalize.Fold(s)
		if twice := normalize.Fold(once); twice != once {
			t.Fatalf("%q folds to %q, and that to %q", s, once, twice)
		}
	})
}

func TestDirectionFollowsTheLettersThenTheLanguage(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		want       feed.Direction
	}{
		{"ur", "دریا میں پانی کی سطح بلند", feed.RightToLeft},
		{"en", "دریا میں پانی کی سطح بلند", feed.RightToLeft}, // the default of somebody's software
		{"ur", "The river is rising", feed.LeftToRight},
		{"", "NATO: اجلاس آج برسلز میں شروع ہوگا", feed.RightToLeft},
		{"he", "", feed.RightToLeft},
		{"ur-PK", "2024", feed.RightToLeft},
		{"pa-Arab", "", feed.RightToLeft},
		{"pa", "", feed.LeftToRight},
		{"ur-Latn", "", feed.LeftToRight},
		{"de_DE", "", feed.LeftToRight},
		{"", "…", feed.Unknown},
		{"", "\xff\xff", feed.Unknown},
	} {
		if got := normalize.Direction(c.lang, c.text); got != c.want {
			t.Errorf("Direction(%q, %q) = %q, want %q", c.lang, c.text, got, c.want)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for name, text := range map[string]string{
		"urdu":    "دریا میں پانی کی سطح مسلسل بلند ہو رہی ہے، حکام نے ۳۵ دیہات خالی کرانے کا حکم دیا ہے۔ ",
		"german":  "Der Pegel des Flusses steigt weiter, die Behörden ließen 35 Dörfer räumen. ",
		"english": "The river keeps rising, and officials ordered 35 villages to be cleared. ",
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				normalize.Fold(text)
			}
		})
	}
}
