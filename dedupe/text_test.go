package dedupe

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sangam/normalize"
)

// TestTextsAreFoldedAsFoldDoes compares the reader of texts, which finds sentences on the
// way, to the folding that is defined for all of the program.
func TestTextsAreFoldedAsFoldDoes(t *testing.T) {
	alphabet := []rune("aAßẞéïİﬁ½①ｶﾞﾊﾟガハか\u3099\u309aア日本กำิน\u0e4d\u0e32किज़क\u093c\u0958\u09c7\u09be\u0bc6\u0bbeوؤئيىیكکەۂةآأا\u0653\u0654ءـَّۓےں" +
		"123٣۳३３ ,.’'\u200c\u2067\u00ad\ufe0f\u0301-—۔،!Σς\u1112\u1161\u11ab한ﻻ\n")
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom(alphabet)).Draw(t, "text")
		if got, want := strings.TrimSpace(string(plain(s).runes)), normalize.Fold(s); got != want {
			t.Fatalf("%q is read as %q, Fold says %q", s, got, want)
		}
	})
}
