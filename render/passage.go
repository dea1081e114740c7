package render

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sangam/feed"
)

// piece is part of a line, and whether it is one of the words looked for.
type piece struct {
	Text string
	Hit  bool
}

// searchWords splits a search into the words that a page marks: without those that
// must not be there, and without quotes.
func searchWords(q string) []string {
	var words []string
	for q = strings.TrimSpace(q); q != ""; q = strings.TrimSpace(q) {
		term, without := strings.CutPrefix(q, "-")
		if phrase, quoted := strings.CutPrefix(term, `"`); quoted {
			term, q, _ = strings.Cut(phrase, `"`)
		} else {
			end := strings.IndexFunc(term, unicode.IsSpace)
			if end < 0 {
				end = len(term)
			}
			term, q = term[:end], term[end:]
		}
		for _, w := range splitWords(term) {
			if w = like(w); !without && strings.ContainsFunc(w, wordRune) && len(words) < 16 {
				words = append(words, w)
			}
		}
	}
	return words
}

// wholeWord is the length up to which a word is marked only where another begins with
// it. Longer ones are marked within others too, where the search has found them.
const wholeWord = 2

// highlight parts a line into words that were looked for and what lies between.
func highlight(s string, words []string) []piece {
	if len(words) == 0 {
		return []piece{{Text: s}}
	}
	var ps []piece
	for _, part := range splitWords(s) {
		hit := false
		folded := like(part)
		for _, w := range words {
			hit = hit || strings.HasPrefix(folded, w) || utf8.RuneCountInString(w) > wholeWord && strings.Contains(folded, w)
		}
		if n := len(ps); n > 0 && ps[n-1].Hit == hit {
			ps[n-1].Text += part
			continue
		}
		ps = append(ps, piece{Text: part, Hit: hit})
	}
	return ps
}

const (
	// searchedLength is how much of a text is looked through for the place to show, and
	// beforeHit how much is shown before it, in characters.
	searchedLength, beforeHit = 20_000, 60
)

// around returns the part of a fragment where the first of the words stands, "" if none does.
func around(fragment string, words []string) string {
	text, at := excerpt(fragment, searchedLength), 0
	for _, p := range highlight(text, words) {
		if !p.Hit {
			at += len(p.Text)
			continue
		}
		from := at
		for range beforeHit {
			_, size := utf8.DecodeLastRuneInString(text[:from])
			from -= size
		}
		if from == 0 {
			return shorten(text, summaryLength)
		}
		if space := strings.IndexByte(text[from:at], ' '); space >= 0 {
			from += space + 1
		}
		return "…" + shorten(text[from:], summaryLength)
	}
	return ""
}

// hits says whether any of the pieces is a word that was looked for.
func hits(ps []piece) bool { return slices.ContainsFunc(ps, func(p piece) bool { return p.Hit }) }

// splitWords parts a line into runs of letters and runs of everything else.
func splitWords(s string) []string {
	var parts []string
	start, in := 0, false
	for i, r := range s {
		if w := wordRune(r); w != in {
			if i > start {
				parts = append(parts, s[start:i])
			}
			start, in = i, w
		}
	}
	return append(parts, s[start:])
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r) || r == 0x200c || r == '\'' || r == '’'
}

// like makes words comparable for the eye: lower case, without vowel signs, one
// letter for those that only code points tell apart. Deciding what is one story
// is another package's work; this only finds what to mark on a page.
func like(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r), r == 0x640, r == 0x200c, r == 0x200d:
			return -1
		case r == 'ي', r == 'ى', r == 'ې', r == 'ئ':
			return 'ی'
		case r == 'ك':
			return 'ک'
		case r == 'ه', r == 'ة', r == 'ۀ', r == 'ۃ', r == 'ە':
			return 'ہ'
		case r == 'ؤ':
			return 'و'
		case r == 'أ', r == 'إ', r == 'ٱ', r == 'آ':
			return 'ا'
		}
		return unicode.ToLower(r)
	}, s)
}

// passage is the longest run of words that two reports share, as one of them writes
// it, with a few words around it.
type passage struct {
	Outlet                outletLink
	Before, Shared, After string
	Lang                  string
	Dir                   feed.Direction
}

const (
	// passageWords bounds how much of a text is compared: 1,200 words are about two
	// pages, and comparing costs the product of both lengths.
	passageWords = 1200
	// minPassage is the shortest run worth showing; shorter ones are idiom.
	minPassage = 5
	// showPassage is how many words of a long passage are shown, contextWords how many around it.
	showPassage, contextWords = 60, 8
)

// shared finds the passage that two items have in common, as the first writes it and
// as the second does: letters and signs may differ. It is nil if there is none.
func shared(a, b *feed.Item) []passage {
	text := func(it *feed.Item) []string {
		ws := strings.Fields(excerpt(cmp.Or(it.Content, it.Summary), passageWords*8))
		return ws[:min(len(ws), passageWords)]
	}
	as, bs := text(a), text(b)
	atA, atB, n := longestRun(as, bs)
	if n < minPassage {
		return nil
	}
	return []passage{quote(a, as, atA, n), quote(b, bs, atB, n)}
}

// quote cuts a passage of n words out of an item's words.
func quote(it *feed.Item, words []string, at, n int) passage {
	p := passage{Lang: languageTag(it.Language), Dir: it.Direction, Shared: strings.Join(words[at:at+min(n, showPassage)], " ")}
	if n > showPassage {
		p.Shared += " …"
	} else if end := at + n; end < len(words) {
		p.After = " " + strings.Join(words[end:min(len(words), end+contextWords)], " ")
		if end+contextWords < len(words) {
			p.After += " …"
		}
	}
	if from := max(0, at-contextWords); from < at {
		p.Before = strings.Join(words[from:at], " ") + " "
		if from > 0 {
			p.Before = "… " + p.Before
		}
	}
	return p
}

// longestRun returns where in as and in bs the longest run of words begins that both
// have, and its length.
func longestRun(as, bs []string) (atA, atB, n int) {
	ids := map[string]int{}
	number := func(ws []string) []int {
		ns := make([]int, len(ws))
		for i, w := range ws {
			w = strings.TrimFunc(like(w), func(r rune) bool { return !wordRune(r) })
			if ids[w] == 0 {
				ids[w] = len(ids) + 1
			}
			ns[i] = ids[w]
		}
		return ns
	}
	x, y := number(as), number(bs)
	row := make([]int, len(y)+1)
	for i := range x {
		for j := len(y) - 1; j >= 0; j-- { // backwards: row[j] is still the last round's
			if x[i] != y[j] {
				row[j+1] = 0
				continue
			}
			row[j+1] = row[j] + 1
			if row[j+1] > n {
				n = row[j+1]
				atA, atB = i-n+1, j-n+1
			}
		}
	}
	return atA, atB, n
}
