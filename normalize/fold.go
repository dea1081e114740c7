package normalize

import (
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// Fold reduces a text to what two people who typed the same words on different
// keyboards have in common: for comparing, never for showing. Letters lose their
// case, accents and vowel points, the Arabic, Persian and Urdu code points of one
// letter become one, every decimal digit becomes 0–9, numbers lose their thousands
// separators, and whatever is neither letter, mark nor number becomes one space.
// Marks that make another word (Indic vowel signs and virama, Thai vowels and
// tones, the voicing of kana) stay. The result is in Unicode normal form C, and
// folding it again changes nothing.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	f := folder{b: &b}
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		i += size
		if f.digits && Separates(r) && GroupFollows(s[i:], r) && (f.separator == 0 || f.separator == r) {
			f.separator = r
			continue
		}
		f.add(r)
	}
	if f.compose {
		return norm.NFC.String(b.String())
	}
	return b.String()
}

// folder collects the folded text of one string.
type folder struct {
	b         *strings.Builder
	space     bool // a space is due before the next character
	digits    bool // the last character was a digit
	compose   bool // a character came that may melt into the one before it
	separator rune // what parts the thousands of the number being read
}

func (f *folder) add(r rune) {
	folding := FoldRune(r)
	switch folding.Kind() {
	case Dropped:
		return
	case Spaced:
		f.space, f.digits, f.separator = true, false, 0
		return
	}
	if f.digits = folding.Digit(); !f.digits {
		f.separator = 0
	}
	if folding.Kind() == Several {
		for _, r := range Expand(r) {
			f.write(r)
		}
		f.compose = true
		return
	}
	f.compose = f.compose || folding.Melts()
	f.write(folding.Rune())
}

func (f *folder) write(r rune) {
	if r == ' ' {
		f.space = true
		return
	}
	if f.space && f.b.Len() > 0 {
		f.b.WriteByte(' ')
	}
	f.space = false
	f.b.WriteRune(r)
}

// thousands is the number of digits between two thousands separators; in South
// Asia all groups but the last have lakhs digits.
// maxGroups bounds the look ahead, so that a hostile row of digits costs no more
// than any other text.
const (
	thousands = 3
	lakhs     = 2
	maxGroups = 8
)

// Separates reports whether r can stand between the thousands of a number.
func Separates(r rune) bool {
	switch r {
	case ',', '.', '٬', '\u00a0', '\u2009', '\u202f':
		return true
	}
	return false
}

// GroupFollows reports whether rest, the text after a separator, begins with the
// group of digits that makes it one: three digits, or two where another separator
// of the same kind and a group follow, as in 2,50,000.
func GroupFollows(rest string, separator rune) bool {
	for range maxGroups {
		n, i := 0, 0
		for i < len(rest) && n <= thousands {
			r, size := utf8.DecodeRuneInString(rest[i:])
			if !FoldRune(r).Digit() {
				break
			}
			i += size
			n++
		}
		if n == thousands {
			return true
		}
		if n != lakhs {
			return false
		}
		r, size := utf8.DecodeRuneInString(rest[i:])
		if r != separator {
			return false
		}
		rest = rest[i+size:]
	}
	return false
}

// Folding says what becomes of one character, packed so that looking it up and
// asking it are a few instructions.
type Folding uint32

// FoldKind is the kind of a Folding.
type FoldKind uint8

// The kinds of folding.
const (
	Spaced  FoldKind = iota // becomes a space
	Dropped                 // vanishes
	One                     // becomes Rune
	Several                 // becomes the characters that Expand returns
)

const (
	kindShift = 30
	digitBit  = 1 << 29
	meltsBit  = 1 << 28
	wideBit   = 1 << 27
	tailBit   = 1 << 26
	runeMask  = 1<<21 - 1
)

// Kind is what kind of folding it is.
func (f Folding) Kind() FoldKind { return FoldKind(f >> kindShift) }

// Rune is the folded character of a folding to One.
func (f Folding) Rune() rune { return rune(f & runeMask) }

// Digit reports whether the folded character is one of 0–9.
func (f Folding) Digit() bool { return f&digitBit != 0 }

// Melts reports whether the character may combine with the one before it.
func (f Folding) Melts() bool { return f&meltsBit != 0 }

// Composes reports whether the folded character may become one with the one before
// it: the voicing of kana, the second part of a vowel sign, a piece of a Hangul syllable.
func (f Folding) Composes() bool { return f&tailBit != 0 }

// Compose returns the character that two folded ones are in normal form C, if it is one.
func Compose(a, b rune) (rune, bool) {
	composed := []rune(norm.NFC.String(string([]rune{a, b})))
	return composed[0], len(composed) == 1
}

// Wide reports whether the character belongs to a script that writes without
// spaces and says more with one sign than an alphabet does: Han, kana, Thai, Lao,
// Khmer, Burmese.
func (f Folding) Wide() bool { return f&wideBit != 0 }

// page holds the foldings of 256 neighbouring characters.
type page struct {
	foldings [256]Folding
	several  map[rune][]rune
}

// pages is filled as characters are met: a program that reads Urdu never computes
// the foldings of Han. Two goroutines may compute the same page; they agree.
var pages [(unicode.MaxRune + 1) >> 8]atomic.Pointer[page]

// FoldRune returns what becomes of r in folding. Invalid characters become a space.
func FoldRune(r rune) Folding {
	if uint32(r) > unicode.MaxRune {
		return 0
	}
	p := pages[r>>8].Load()
	if p == nil {
		p = fill(r >> 8)
	}
	return p.foldings[r&0xff]
}

// Expand returns the characters that r becomes, when its folding is Several. A
// space among them parts two words.
func Expand(r rune) []rune {
	if uint32(r) > unicode.MaxRune {
		return nil
	}
	p := pages[r>>8].Load()
	if p == nil {
		p = fill(r >> 8)
	}
	return p.several[r]
}

func fill(number rune) *page {
	p := &page{}
	for i := range p.foldings {
		r := number<<8 | rune(i)
		folded, spaces := foldSlowly(r)
		switch {
		case len(folded) == 0 && spaces:
			p.foldings[i] = Folding(Spaced) << kindShift
		case len(folded) == 0:
			p.foldings[i] = Folding(Dropped) << kindShift
		case len(folded) == 1:
			p.foldings[i] = Folding(One)<<kindShift | Folding(folded[0]) | traits(folded[0])
		default:
			if p.several == nil {
				p.several = map[rune][]rune{}
			}
			p.several[r] = folded
			p.foldings[i] = Folding(Several)<<kindShift | traits(folded[len(folded)-1])
		}
	}
	pages[number].Store(p)
	return p
}

func traits(r rune) (f Folding) {
	if '0' <= r && r <= '9' {
		f |= digitBit
	}
	if !norm.NFC.PropertiesString(string(r)).BoundaryBefore() {
		f |= meltsBit
	}
	if unicode.Is(tails, r) {
		f |= tailBit
	}
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
		f |= wideBit
	}
	return f
}

// tails are the characters that are not dropped and compose with the one before them, in
// scripts that are written today.
var tails = rangetable.New(append(hangul(), 0x09BE, 0x09D7, 0x0B3E, 0x0B56, 0x0B57, 0x0BBE, 0x0BD7, 0x0C56, 0x0CC2, 0x0CD5, 0x0CD6,
	0x0D3E, 0x0D57, 0x0DCA, 0x0DCF, 0x0DDF, 0x102E, 0x3099, 0x309A)...)

// hangul lists the vowels and finals of syllables in pieces.
func hangul() (pieces []rune) {
	for r := rune(0x1161); r <= 0x1175; r++ {
		pieces = append(pieces, r)
	}
	for r := rune(0x11A8); r <= 0x11C2; r++ {
		pieces = append(pieces, r)
	}
	return pieces
}

// foldSlowly folds one character by the book: decompose, drop, replace, compose.
// spaces says that the character parts words; then inner spaces are kept in folded.
func foldSlowly(r rune) (folded []rune, spaces bool) {
	if apostrophe(r) { // before decomposition makes a space of some
		return nil, false
	}
	var out []rune
	for _, d := range norm.NFKD.String(string(r)) {
		switch d = letter(d); {
		case drops(d):
		case d == 'ß':
			out = append(out, 's', 's')
		case unicode.In(d, unicode.L, unicode.M, unicode.N):
			out = append(out, d)
		default:
			spaces = true
			out = append(out, ' ')
		}
	}
	if strings.TrimSpace(string(out)) == "" {
		return nil, spaces
	}
	return []rune(norm.NFC.String(string(out))), spaces
}

func apostrophe(r rune) bool {
	switch r {
	case '\'', '’', '‘', '‛', 'ʼ', 'ʻ', 'ʽ', '＇', '`', '´', '′', '׳':
		return true
	}
	return false
}

// drops reports whether a decomposed character makes no difference to the word.
func drops(r rune) bool {
	switch {
	case apostrophe(r),
		r >= 0x0300 && r <= 0x036F,                              // accents
		r >= 0x0591 && r <= 0x05C7 && unicode.Is(unicode.Mn, r), // Hebrew points
		r >= 0x0610 && r <= 0x061A,                              // Arabic honorifics and small letters
		r == 'ء', r == 'ـ',                                      // lone hamza, tatweel
		r >= 0x064B && r <= 0x065F, r == 0x0670, // harakat, superscript alef
		r >= 0x06D6 && r <= 0x06DC, r >= 0x06DF && r <= 0x06E8, r >= 0x06EA && r <= 0x06ED,
		r >= 0x08D3 && r <= 0x08FF,
		r == 0x093C, r == 0x09BC, r == 0x0A3C, r == 0x0ABC, r == 0x0B3C, r == 0x0CBC, // nukta
		unicode.Is(unicode.Variation_Selector, r),
		unicode.Is(unicode.Cf, r):
		return true
	}
	return false
}

// letter replaces one decomposed character by the one that stands for all its
// variants: keyboards of Arabic, Persian, Urdu, Pashto, Kurdish and Uyghur write
// the same letter with different code points.
func letter(r rune) rune {
	switch r {
	case 'ي', 'ى', 'ی', 'ۍ', 'ې', 'ئ':
		return 'ی'
	case 'ك', 'ک', 'ڪ', 'ګ':
		return 'ک'
	case 'ہ', 'ه', 'ھ', 'ة', 'ۃ', 'ۀ', 'ە', 'ۂ':
		return 'ه'
	case 'أ', 'إ', 'آ', 'ٱ':
		return 'ا'
	case 'ؤ', 'ۆ', 'ۇ', 'ۈ', 'ۋ':
		return 'و'
	case 'ں':
		return 'ن'
	case 'ۓ':
		return 'ے'
	case 'ς':
		return 'σ'
	case 'ẞ':
		return 'ß'
	}
	if value, ok := digit(r); ok {
		return '0' + value
	}
	return unicode.ToLower(r)
}

// digit returns the value of a decimal digit of any script.
func digit(r rune) (rune, bool) {
	if '0' <= r && r <= '9' {
		return r - '0', true
	}
	if r < 0x80 || !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10, true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10, true
		}
	}
	return 0, false
}
