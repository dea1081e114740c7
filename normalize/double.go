package normalize

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// undoubled reads what somebody encoded twice: "CafÃ© – donâ€™t" was made of UTF-8 that was
// taken for windows-1252. Text up to the next tag, reference or line is read again only if
// all of it can be, and has one of the letters by which such text is known; what is meant
// as it is has other letters too, which cannot. In HTML tags stay as they are.
func undoubled(s string) string {
	for range maxDoubled {
		if !doubled(s) {
			break
		}
		var b strings.Builder
		for rest := s; rest != ""; {
			end := strings.IndexAny(rest, "<>&\n")
			if end < 0 {
				end = len(rest)
			}
			b.WriteString(once(rest[:end]))
			rest = rest[end:]
			if tag := strings.IndexByte(rest, '>'); tag > 0 && rest[0] == '<' {
				end = tag + 1
			} else {
				end = min(1, len(rest))
			}
			b.WriteString(rest[:end])
			rest = rest[end:]
		}
		if b.String() == s {
			break
		}
		s = b.String()
	}
	return s
}

// maxDoubled is how often a text is read again.
const maxDoubled = 3

// doubled finds what nearly all text that was encoded twice has: the first byte of a Latin
// letter (Ã), a sign (Â) or a quotation mark (â) as a letter, with the next byte behind it.
func doubled(s string) bool {
	for {
		_, after, found := strings.Cut(s, "\xC3")
		if !found {
			return false
		}
		if len(after) > 1 && after[1] >= utf8.RuneSelf && (after[0] == 0x82 || after[0] == 0x83 || after[0] == 0xA2) {
			return true
		}
		s = after
	}
}

// once reads a text as it was before it was encoded the second time.
func once(s string) string {
	if !doubled(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for _, r := range strings.ReplaceAll(s, "â€\ufffd", "â€\u009d") { // a closing quotation mark, which windows-1252 cannot read
		c, ok := charmap.Windows1252.EncodeRune(r)
		switch {
		case 0x80 <= r && r < 0xA0:
			c = byte(r)
		case !ok:
			return s
		}
		b = append(b, c)
	}
	if !utf8.Valid(b) {
		return s
	}
	return string(b)
}
