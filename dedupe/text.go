package dedupe

import (
	"html"
	"math/bits"
	"strings"
	"unicode/utf8"

	"sangam/normalize"
)

// A text is what of a piece of writing is compared: its folded characters, words
// parted by single spaces, and where its sentences and lines end.
type text struct {
	runes []rune
	ends  []int // index in runes after each sentence; the last is len(runes)
	lines []int // those of ends that also end a line
}

// maxRunes bounds how much of a text is compared; what comes after is taken for
// read. No newspaper article is longer, and a feed can hold a book.
const maxRunes = 40_000

// plain reads a text without markup, such as a title.
func plain(s string) text { return scan(s, false, make([]rune, 0, sizeOf(s))) }

// sizeOf is about how many characters the text of s has.
func sizeOf(s string) int { return min(guessRunes(s), maxRunes) + roomForExpansion }

// scan reads s, which may be a fragment of safe, balanced HTML, into out, which is empty. A
// line of the text is a block of the markup, or a line of the source where an outlet
// sends bare text.
func scan(s string, markup bool, out []rune) text {
	sc := scanner{out: out}
	for i := 0; i < len(s) && len(sc.out) < maxRunes; {
		c := s[i]
		if 'a' <= c && c <= 'z' { // the commonest case of all, in a few instructions
			if sc.space {
				sc.part()
			}
			sc.stop, sc.digits, sc.separator = false, false, 0
			out, end := sc.out, min(len(s), i+maxRunes-len(sc.out))
			for ; i < end && 'a' <= s[i] && s[i] <= 'z'; i++ {
				out = append(out, rune(s[i]))
			}
			sc.out = out
			continue
		}
		r, size := rune(c), 1
		switch {
		case c >= 0xC2 && c < 0xE0 && i+1 < len(s) && s[i+1]&0xC0 == 0x80:
			r, size = rune(c&0x1F)<<6|rune(s[i+1]&0x3F), 2 // all of Arabic, Cyrillic and accented Latin, without a call
		case c >= utf8.RuneSelf:
			r, size = utf8.DecodeRuneInString(s[i:])
		case !markup:
		case c == '<':
			if skip, block := tag(s[i:]); skip > 0 {
				if block {
					sc.endLine()
				}
				i += skip
				continue
			}
		case c == '&':
			if decoded, n := entity(s[i:]); n > 0 {
				r, size = decoded, n
			}
		}
		i += size
		f := normalize.FoldRune(r)
		if f.Kind() != normalize.One {
			sc.take(f, r, s[i:])
			continue
		}
		if sc.space {
			sc.part()
		}
		sc.stop = false
		if sc.digits = f.Digit(); !sc.digits {
			sc.separator = 0
		}
		if n := len(sc.out); n > 0 && f.Composes() {
			if r, one := normalize.Compose(sc.out[n-1], f.Rune()); one {
				sc.out[n-1] = r
				continue
			}
		}
		sc.out = append(sc.out, f.Rune())
	}
	sc.endLine()
	return text{runes: sc.out, ends: sc.ends, lines: sc.lines}
}

// guessRunes guesses the number of characters from those at the beginning.
func guessRunes(s string) int {
	const sample = 128
	if len(s) <= sample {
		return len(s)
	}
	return len(s) * (utf8.RuneCountInString(s[:sample]) + 2) / sample
}

// roomForExpansion is for the few characters that become several.
const roomForExpansion = 16

// scanner folds in one pass; see normalize.Fold for what folding means.
type scanner struct {
	out         []rune
	ends, lines []int
	space       bool
	digits      bool
	separator   rune
	stop        bool // a full stop that ends the sentence if a space follows
}

// take adds a character that is not folded to one other.
func (sc *scanner) take(f normalize.Folding, r rune, rest string) {
	switch f.Kind() {
	case normalize.Spaced:
		if sc.digits && normalize.Separates(r) && (sc.separator == 0 || sc.separator == r) && normalize.GroupFollows(rest, r) {
			sc.separator = r
			return
		}
		sc.punctuate(r)
	case normalize.Several:
		for _, r := range normalize.Expand(r) {
			if r == ' ' {
				sc.space = true
				continue
			}
			if sc.space {
				sc.part()
			}
			sc.out = append(sc.out, r)
		}
		sc.digits, sc.separator, sc.stop = false, 0, false
	}
}

// part writes the space between two words.
func (sc *scanner) part() {
	sc.space = false
	if n := len(sc.out); n > 0 && sc.out[n-1] != ' ' {
		sc.out = append(sc.out, ' ')
	}
}

func (sc *scanner) punctuate(r rune) {
	sc.space, sc.digits, sc.separator = true, false, 0
	switch r {
	case '\n', '\r', '\u2028', '\u2029':
		sc.endLine()
	case '!', '?', '؟', '۔', '।', '॥', '。', '！', '？', '…', '｡', '|':
		sc.endSentence()
	case '.':
		sc.stop = true
	default:
		if sc.stop && (r == ' ' || r == '\t' || r == '\u00a0') {
			sc.endSentence()
		}
		sc.stop = false
	}
}

func (sc *scanner) endSentence() {
	sc.space, sc.digits, sc.separator, sc.stop = true, false, 0, false
	n := len(sc.out)
	if n > 0 && (len(sc.ends) == 0 || sc.ends[len(sc.ends)-1] < n) {
		sc.ends = append(sc.ends, n)
	}
}

func (sc *scanner) endLine() {
	sc.endSentence()
	n := len(sc.out)
	if n > 0 && (len(sc.lines) == 0 || sc.lines[len(sc.lines)-1] < n) {
		sc.lines = append(sc.lines, n)
	}
}

// inline holds the elements that do not part two lines.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "bdi": true, "bdo": true, "cite": true, "code": true, "del": true, "em": true,
	"font": true, "i": true, "ins": true, "kbd": true, "mark": true, "q": true, "s": true, "small": true, "span": true,
	"strong": true, "sub": true, "sup": true, "time": true, "u": true, "wbr": true, "img": true,
}

// longestTag is how far the end of a tag is looked for: a text full of "<" that no
// ">" follows costs no more than any other.
const longestTag = 8192

// tag returns the length of the tag that s begins with, 0 if it is none, and
// whether it begins or ends a block.
func tag(s string) (length int, block bool) {
	i := 1
	if i < len(s) && s[i] == '/' {
		i++
	}
	start := i
	for i < len(s) && (s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z' || i > start && s[i] >= '0' && s[i] <= '9') {
		i++
	}
	if i == start && !strings.HasPrefix(s, "<!--") {
		return 0, false
	}
	end := strings.IndexByte(s[i:min(len(s), i+longestTag)], '>')
	if end < 0 {
		return 0, false
	}
	return i + end + 1, !inline[strings.ToLower(s[start:i])]
}

// longestEntity is the longest character reference that clean HTML holds.
const longestEntity = 10

// entity reads the character reference at the beginning of s; n is 0 if it is none.
func entity(s string) (r rune, n int) {
	end := strings.IndexByte(s[:min(len(s), longestEntity)], ';')
	if end < 0 {
		return 0, 0
	}
	decoded := html.UnescapeString(s[:end+1])
	r, size := utf8.DecodeRuneInString(decoded)
	if size != len(decoded) {
		return 0, 0
	}
	return r, end + 1
}

// width is how much of a text one character says: a Han, kana or Thai letter as
// much as three of an alphabet, a space nothing.
func width(r rune) int {
	switch {
	case r == ' ':
		return 0
	case r >= firstWide && normalize.FoldRune(r).Wide():
		return wideWidth
	}
	return 1
}

// firstWide is where the Thai letters begin; all wide scripts come after.
const firstWide = 0x0E00

const wideWidth = 3

// shingleWidth is the width of a window of text that is compared as one. Shorter
// ones are shared by texts that have nothing in common, longer ones break at
// every edit.
const shingleWidth = 14

// A shingled text is known by the hashes of all its windows, in their order. Spaces
// are no letters: a word parted by another hand is the same.
type shingled struct {
	runes  []rune
	hashes []uint32 // of the window that begins at the letter of the same number
	lead   int      // windows that begin within the lead
	width  int      // of the whole text
}

// leadWidth is the width of the lead of a text: about two sentences.
const leadWidth = 260

// base is an odd multiplier for the polynomial hash of a window.
const base = 0x9E3779B97F4A7C15

// shingle hashes every window of the runes. A text narrower than one window is one
// window.
func shingle(runes []rune, d *desk) shingled {
	s := shingled{runes: runes, hashes: d.hashes.room(len(runes))}
	for _, r := range runes {
		if r >= firstWide && normalize.FoldRune(r).Wide() {
			s.wide()
			return s
		}
	}
	s.narrow()
	return s
}

// narrow hashes a text in which every letter is of width 1, and so every window of
// shingleWidth letters: that is most texts, and much quicker.
func (s *shingled) narrow() {
	var ring [ringSize]uint64 // the prefix hashes of the last letters
	var prefix uint64
	hashes, letters := s.hashes[:len(s.runes)], 0
	for _, r := range s.runes {
		if r == ' ' {
			continue
		}
		ring[letters%ringSize] = prefix
		prefix = prefix*base + uint64(r) + 1
		letters++
		if first := letters - shingleWidth; first >= 0 {
			hashes[first] = finish(prefix - ring[first%ringSize]*powers[shingleWidth])
		}
	}
	s.width = letters
	switch windows := letters - shingleWidth + 1; {
	case windows > 0:
		s.hashes, s.lead = hashes[:windows], min(windows, leadWidth-shingleWidth)
	case letters > 0:
		hashes[0] = finish(prefix)
		s.hashes, s.lead = hashes[:1], 1
	}
}

// wide hashes a text with letters of several widths.
func (s *shingled) wide() {
	// The prefix hashes and widths of the last letters; a window has at most 14.
	var ring [ringSize]uint64
	var widths [ringSize]uint8
	var prefix uint64
	first, letters, wide, before := 0, 0, 0, 0
	for _, r := range s.runes {
		if r == ' ' {
			continue
		}
		w := width(r)
		s.width += w
		ring[letters%ringSize], widths[letters%ringSize] = prefix, uint8(w)
		prefix = prefix*base + uint64(r) + 1
		letters++
		wide += w
		for wide >= shingleWidth {
			s.hashes = append(s.hashes, finish(prefix-ring[first%ringSize]*powers[(letters-first)%ringSize]))
			if before < leadWidth-shingleWidth {
				s.lead++
			}
			before += int(widths[first%ringSize])
			wide -= int(widths[first%ringSize])
			first++
		}
	}
	if len(s.hashes) == 0 && letters > 0 {
		s.hashes, s.lead = append(s.hashes, finish(prefix)), 1
	}
}

// ringSize is a power of two above shingleWidth.
const ringSize = 16

var powers = func() (p [ringSize]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * base
	}
	return p
}()

// finish spreads the bits of a hash.
func finish(h uint64) uint32 {
	h ^= h >> 32
	h *= 0xD6E8FEB86659FD93
	h ^= h >> 32
	return uint32(h)
}

// hashRunes hashes letters, leaving out spaces: a word parted or joined by another
// hand is the same word.
func hashRunes(runes []rune) uint64 {
	var h uint64 = 1469598103934665603
	for _, r := range runes {
		if r != ' ' {
			h = bits.RotateLeft64(h, 5)*base + uint64(r)
		}
	}
	h ^= h >> 31
	h *= 0xD6E8FEB86659FD93
	return h ^ h>>32
}

// words lists the words of a folded text.
func words(r []rune) []string { return strings.Fields(string(r)) }
