package normalize_test

import (
	"strings"
	"testing"
	"unicode"

	"sangam/normalize"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

// byTheBook folds a whole text step by step, in the order that folding is defined in.
func byTheBook(s string) string {
	var kept []rune
	apostrophes := "'’‘‛ʼʻʽ＇`´′׳"
	for _, r := range s {
		if !strings.ContainsRune(apostrophes, r) {
			kept = append(kept, r)
		}
	}
	within := func(r rune, ranges ...rune) bool {
		for i := 0; i < len(ranges); i += 2 {
			if ranges[i] <= r && r <= ranges[i+1] {
				return true
			}
		}
		return false
	}
	letters := map[rune]rune{}
	for to, from := range map[rune]string{
		'ی': "يىیۍېئ", 'ک': "كکڪګ", 'ه': "ہهھةۃۀەۂ", 'ا': "أإآٱ", 'و': "ؤۆۇۈۋ", 'ن': "ں", 'ے': "ۓ", 'σ': "ς",
	} {
		for _, r := range from {
			letters[r] = to
		}
	}
	var out []rune
	for _, r := range norm.NFKD.String(string(kept)) {
		switch {
		case within(r, 0x300, 0x36F, 0x610, 0x61A, 0x64B, 0x65F, 0x670, 0x670, 0x6D6, 0x6DC, 0x6DF, 0x6E8, 0x6EA, 0x6ED, 0x8D3, 0x8FF),
			within(r, 0x591, 0x5C7) && unicode.Is(unicode.Mn, r),
			strings.ContainsRune("़়਼઼଼಼", r),
			r == 'ـ', r == 'ء', unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r), strings.ContainsRune(apostrophes, r):
			continue
		}
		if to, found := letters[r]; found {
			r = to
		}
		switch {
		case r == 'ß' || r == 'ẞ':
			out = append(out, 's', 's')
		case unicode.Is(unicode.Nd, r):
			out = append(out, decimal(r))
		default:
			out = append(out, unicode.ToLower(r))
		}
	}
	var words strings.Builder
	for _, r := range out {
		if unicode.In(r, unicode.L, unicode.M, unicode.N) {
			words.WriteRune(r)
		} else {
			words.WriteByte(' ')
		}
	}
	return norm.NFC.String(strings.Join(strings.Fields(words.String()), " "))
}

// decimal is the digit 0–9 that a decimal digit of any script stands for.
func decimal(r rune) rune {
	for _, zero := range []rune{
		'0', 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x17E0, 0xFF10,
	} {
		if zero <= r && r <= zero+9 {
			return '0' + r - zero
		}
	}
	return r
}

// TestFoldGoesByTheBook compares the one pass of Fold, with its tables, to the steps one
// after the other: for every character of the basic plane, and for texts of those
// that compose, decompose, vanish or part words.
func TestFoldGoesByTheBook(t *testing.T) {
	for r := rune(1); r <= 0xFFFF; r++ {
		if r >= 0xD800 && r < 0xE000 || unicode.Is(unicode.Nd, r) && decimal(r) == r && r > '9' {
			continue // no character, or a digit of a script whose digits are not listed here
		}
		s := "a" + string(r) + "b"
		if got, want := normalize.Fold(s), byTheBook(s); got != want {
			t.Errorf("%U %c folds to %q, want %q", r, r, got, want)
		}
	}
	alphabet := []rune("aAßẞée\u0301ïİıſﬁ½①ｶﾞガｱ日本กำิน้\u0e4d\u0e32कि़ज़\u0958क्षوؤئيىیكکەۀۂةهھہآأا\u0653\u0654\u0655ءـَُِّٰۓےں" +
		"٣۳३๓３ ’'`´\u200c\u200d\u2067\ufeff\u00ad\ufe0f\u0300\u0327\u0345-—۔،!ΣσςΌ\u1112\u1161\u11ab한ﻻﷺשׁלוֹם")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom(alphabet)).Draw(t, "text")
		if got, want := normalize.Fold(s), byTheBook(s); got != want {
			t.Fatalf("%q folds to %q, want %q", s, got, want)
		}
	})
}
