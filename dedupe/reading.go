package dedupe

import (
	"slices"

	"sangam/feed"
)

// A reading is an item as it is compared: its headline in variants, its text
// without what its source always repeats, its numbers.
type reading struct {
	item *feed.Item
	addresses
	title    text
	head     shingled  // of the whole headline
	variants []variant // the whole headline first
	body     shingled  // the text; empty for a bare headline
	numbers  []number  // of headline and text, by context
	live     bool      // a live blog or ticker: it changes under one headline

	desk  *desk
	index *index // of the body, once it was wanted
}

// read makes a reading of an item, which lies on the desk. Sentences whose hash is in
// habitual, sorted, do not count.
func read(it *feed.Item, habitual []uint32, d *desk) *reading {
	r := readText(it, bodyOf(it, d.marked), habitual, d)
	r.live = liveblog(r.title.runes) || liveGlued(it.Title) || labelled(it.Title)
	return r
}

// glance reads only where an item is and what it is called.
func glance(it *feed.Item) *reading {
	r := &reading{item: it, addresses: addressesOf(it), title: plain(it.Title)}
	r.variants = variants(it.Title, r.title.runes)
	return r
}

// readText is read, for marks, of an item whose body is at hand; the body is used up.
func readText(it *feed.Item, body text, habitual []uint32, d *desk) *reading {
	r := glance(it)
	r.desk, r.head = d, shingle(r.title.runes, d)
	body = prune(body, r.title.runes, habitual)
	r.body = shingle(body.runes, d)
	r.numbers = numbersOf(r.title.runes, body.runes)
	return r
}

// indexed is the index of the windows of the text.
func (r *reading) indexed() *index {
	if r.index == nil {
		r.index = newIndex(r.body, r.desk)
	}
	return r.index
}

// bodyOf is the whole text of an item, as marked reads it: its content, after its
// summary where that says something else.
func bodyOf(it *feed.Item, marked func(string) text) text {
	if it.Content == "" {
		return marked(it.Summary)
	}
	body := marked(it.Content)
	if it.Summary == "" {
		return body
	}
	if it.Summary == it.Content {
		return body
	}
	summary := marked(it.Summary)
	probe := summary.runes[:min(len(summary.runes), probeRunes)]
	if contains(body.runes, probe) {
		return body
	}
	if contains(summary.runes, body.runes[:min(len(body.runes), probeRunes)]) {
		return summary
	}
	return join(summary, body)
}

// probeRunes is how much of the beginning of a summary is looked for in the content
// to see whether it says anything else.
const probeRunes = 60

func contains(all, part []rune) bool {
	if len(part) == 0 {
		return true
	}
	for i := 0; i+len(part) <= len(all); i++ {
		if all[i] == part[0] && slices.Equal(all[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

func join(a, b text) text {
	if len(a.runes) == 0 {
		return b
	}
	shift := len(a.runes) + 1
	a.runes = append(append(a.runes, ' '), b.runes...)
	for _, e := range b.ends {
		a.ends = append(a.ends, e+shift)
	}
	for _, l := range b.lines {
		a.lines = append(a.lines, l+shift)
	}
	return a
}

const (
	headLines = 8  // lines at the head of a text among which headline and byline are repeated
	shortLine = 30 // width of a line that is no paragraph: a byline, a place, a word of the software
)

// prune takes out of a text what does not count: the headline said again at its
// head, bylines there, and the sentences that its source repeats.
//
// It works in place: what is kept never reaches what is still to be read.
func prune(t text, title []rune, habitual []uint32) text {
	out := text{runes: t.runes[:0]}
	start, line, lineStart := 0, 0, 0
	headline := hashRunes(title)
	for _, end := range t.ends {
		for line < len(t.lines) && t.lines[line] <= start {
			lineStart = t.lines[line]
			line++
		}
		sentence := trim(t.runes[start:end])
		start = end
		whole := line < len(t.lines) && t.lines[line] == end && lineStart <= end-len(sentence) && lineStart+1 >= end-len(sentence)
		atHead := line < headLines && len(t.lines) > 1
		switch {
		case len(sentence) == 0:
			continue
		case atHead && whole && (hashRunes(sentence) == headline || widthOf(sentence, shortLine) < shortLine):
			continue
		case len(habitual) > 0 && among(habitual, sentenceHash(sentence)):
			continue
		}
		if len(out.runes) > 0 {
			out.runes = append(out.runes, ' ')
		}
		out.runes = append(out.runes, sentence...)
	}
	return out
}

func among(sorted []uint32, h uint32) bool {
	_, found := slices.BinarySearch(sorted, h)
	return found
}

func trim(r []rune) []rune {
	for len(r) > 0 && r[0] == ' ' {
		r = r[1:]
	}
	for len(r) > 0 && r[len(r)-1] == ' ' {
		r = r[:len(r)-1]
	}
	return r
}

// widthOf is the width of a text, counted no further than enough.
func widthOf(r []rune, enough int) int {
	w := 0
	for _, c := range r {
		if w += width(c); w >= enough {
			break
		}
	}
	return w
}

func sentenceHash(s []rune) uint32 { return uint32(hashRunes(s)) }
