package dedupe

import (
	"sangam/feed"
)

// An Explanation is why two items are one story, or are not.
type Explanation struct {
	Ruling feed.Ruling `json:"ruling"`
	A      Compared    `json:"a"`
	B      Compared    `json:"b"`
}

// Compared is an item as it was compared: folded, without what its source always
// repeats.
type Compared struct {
	Headline string    `json:"headline"`
	Text     string    `json:"text"`
	Shared   []Passage `json:"shared,omitempty"` // of Text, found in the other's; in order
	Numbers  []string  `json:"numbers,omitempty"`
}

// Passage is a stretch of a text, in bytes.
type Passage struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Explain judges two items as Decide would if they were alone, and shows what was
// compared.
func (r Rules) Explain(a, b *feed.Item) Explanation {
	habitual := habitualOf(a, []*feed.Item{b})
	s, o := r.subject(a, habitual), read(b, habitual)
	return Explanation{
		Ruling: r.judge(s, o, s.likeness(o)),
		A:      compared(s.reading, newIndex(o.body)),
		B:      compared(o, s.body),
	}
}

func compared(r *reading, other *index) Compared {
	c := Compared{Headline: string(r.title.runes), Text: string(r.body.runes)}
	_ = other
	return c
}
