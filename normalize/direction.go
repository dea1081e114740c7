package normalize

import (
	"strings"
	"unicode/utf8"

	"sangam/feed"

	"golang.org/x/text/unicode/bidi"
)

// rightToLeft holds the languages, and below the scripts, that are written from
// right to left, by their BCP 47 subtag.
var rightToLeft = map[string]bool{
	"ar": true, "arc": true, "arz": true, "azb": true, "bal": true, "bgn": true, "bqi": true, "ckb": true, "dv": true,
	"fa": true, "glk": true, "he": true, "iw": true, "ji": true, "ks": true, "lrc": true, "mzn": true, "nqo": true,
	"pnb": true, "prs": true, "ps": true, "sd": true, "skr": true, "syr": true, "ug": true, "ur": true, "yi": true,
}

var rightToLeftScript = map[string]bool{
	"arab": true, "aran": true, "hebr": true, "nkoo": true, "syrc": true, "thaa": true, "rohg": true, "adlm": true,
}

// directionSample is how many bytes of a text are read to judge its direction.
const directionSample = 2048

// Direction settles which way a text is written: by its letters, of which the
// majority decides (a Latin name at the head of an Urdu headline turns nothing
// round), else by the language, a BCP 47 tag; Unknown when neither tells. The text
// goes first because outlets leave the default of their software in the language
// tag, and a script cannot be mistaken.
func Direction(lang, text string) feed.Direction {
	left, right := letters(text[:min(len(text), directionSample)])
	return majority(lang, left, right)
}

// majority is the direction of a text with so many letters of either.
func majority(lang string, left, right int) feed.Direction {
	switch {
	case right > left:
		return feed.RightToLeft
	case left > right:
		return feed.LeftToRight
	}
	return ofLanguage(lang)
}

// letters counts those that are written from the left and from the right.
func letters(text string) (left, right int) {
	for i := 0; i < len(text); {
		if c := text[i]; c < 0x80 {
			if 'a' <= c|0x20 && c|0x20 <= 'z' {
				left++
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if r == utf8.RuneError {
			continue
		}
		p, _ := bidi.LookupString(text[i-size : i])
		switch p.Class() {
		case bidi.L:
			left++
		case bidi.R, bidi.AL:
			right++
		}
	}
	return left, right
}

// lettersIn is letters of what a reader sees of a fragment of HTML.
func lettersIn(fragment string) (left, right int) {
	for s := (scanner{in: fragment}); s.next(); {
		switch {
		case s.kind == textRun:
			l, r := letters(unescape(s.text))
			left, right = left+l, right+r
		case s.kind == startTag && unseen[s.atom]:
			s.skipTo(s.name)
		}
	}
	return left, right
}

// ofLanguage is the direction of a language tag such as "ur-PK" or "pa-Arab".
func ofLanguage(lang string) feed.Direction {
	parts := strings.FieldsFunc(strings.ToLower(lang), func(r rune) bool { return r == '-' || r == '_' })
	if len(parts) == 0 {
		return feed.Unknown
	}
	for _, part := range parts[1:] {
		if len(part) == 4 {
			if rightToLeftScript[part] {
				return feed.RightToLeft
			}
			return feed.LeftToRight
		}
	}
	if rightToLeft[parts[0]] {
		return feed.RightToLeft
	}
	return feed.LeftToRight
}
