package parser

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/saintfish/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
)

const (
	// guessReach is how many bytes the charset detector is shown, from the first
	// one that is not ASCII. More changes no guess and costs time.
	guessReach = 16 << 10
	// longRun is the mean length, in bytes beyond ASCII without a break, that shows a
	// script without spaces between words.
	longRun = 12
)

// guess names the charset of a text that says nothing true about it.
func guess(body []byte) (string, encoding.Encoding) {
	first := bytes.IndexFunc(body, func(r rune) bool { return r >= utf8.RuneSelf })
	sample := body[max(first-64, 0):]
	sample = sample[:min(len(sample), guessReach)]
	high, run := highBytes(sample)
	// A handful of letters is no evidence: the detector would name anything.
	if high < chanceLetters {
		return "windows-1252", charmap.Windows1252
	}
	candidates, err := chardet.NewHtmlDetector().DetectAll(sample)
	if err != nil {
		candidates = nil
	}
	for _, c := range candidates {
		enc := lookup(c.Charset)
		if enc == nil {
			continue
		}
		if !multibyte(c.Charset) && run >= longRun && plausible("windows-874", convert(charmap.Windows874, sample)) {
			return "windows-874", charmap.Windows874 // Thai, which the detector does not know
		}
		if plausible(strings.ToLower(c.Charset), convert(enc, sample)) {
			return c.Charset, enc
		}
	}
	return "windows-1252", charmap.Windows1252
}

// highBytes counts the bytes beyond ASCII, and how many of them stand together on
// average.
func highBytes(b []byte) (count, run int) {
	runs := 0
	for i, c := range b {
		if c < utf8.RuneSelf {
			continue
		}
		count++
		if i == 0 || b[i-1] < utf8.RuneSelf {
			runs++
		}
	}
	return count, count / max(runs, 1)
}

// commonHan are the characters that no Chinese text of a few sentences does without.
const commonHan = "的一是不了在人有我他这這个個上们們来來到时時大地为為子中你说說生国國年着就那和要出也得里以会會"

// plausible reports whether a text can have been written in the charset that it was
// decoded from. A charset in which it has holes is not its charset, however well the
// letters fit (Urdu in windows-1256 looks like Arabic in ISO-8859-6), and a language
// is not written without its own letters.
func plausible(label, text string) bool {
	if strings.ContainsRune(text, utf8.RuneError) {
		return false
	}
	var all, own, odd int
	for _, r := range text {
		if r < utf8.RuneSelf || !unicode.IsLetter(r) {
			continue
		}
		all++
		switch {
		case r >= 0xff61 && r <= 0xff9f: // half-width katakana: other bytes taken for Japanese
			odd++
		case label == "euc-kr" && unicode.Is(unicode.Hangul, r),
			(label == "euc-jp" || label == "shift_jis" || label == "iso-2022-jp") && unicode.In(r, unicode.Hiragana, unicode.Katakana),
			label == "windows-874" && unicode.Is(unicode.Thai, r),
			(label == "big5" || strings.HasPrefix(label, "gb")) && strings.ContainsRune(commonHan, r):
			own++
		}
	}
	switch label {
	case "euc-kr", "windows-874":
		return own*10 >= all*9
	case "big5", "gb-18030", "gb18030":
		return own*30 >= all
	case "euc-jp", "shift_jis", "iso-2022-jp":
		return odd*4 <= all && own*10 >= all
	}
	return true
}
