package dedupe

import (
	"slices"
	"unicode/utf8"

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
	Key      string    `json:"key"`
	Headline string    `json:"headline"`
	Text     string    `json:"text"`
	Shared   []Passage `json:"shared,omitempty"` // stretches of Text that the other's text holds too, in order
	// Numbers are those that stand between words between which the other item has
	// another number, with these words.
	Numbers []string `json:"numbers,omitempty"`
}

// Passage is a stretch of a text, from byte From up to byte To.
type Passage struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Longest returns the widest shared passage, empty if nothing is shared.
func (c Compared) Longest() string {
	var longest Passage
	for _, p := range c.Shared {
		if p.To-p.From > longest.To-longest.From {
			longest = p
		}
	}
	return c.Text[longest.From:longest.To]
}

// Explain judges two items as Decide would if they were alone, and shows what was
// compared. What Decide learns from the other items of the window, that a headline
// recurs or a passage is a sidebar, is not known here.
func (r Rules) Explain(a, b *feed.Item) Explanation {
	habitual := habitualOf(a, []*feed.Item{b})
	d := new(desk)
	s, o := r.subject(a, habitual, d), read(b, habitual, d)
	s.recurring = recurring(s.reading, []*reading{o})
	return Explanation{
		Ruling: r.judge(s, o, s.likeness(o)),
		A:      compared(s.reading, o),
		B:      compared(o, s.reading),
	}
}

func compared(r, other *reading) Compared {
	return Compared{
		Key:      r.item.Key,
		Headline: string(r.title.runes),
		Text:     string(r.body.runes),
		Shared:   sharedPassages(r.body, other.indexed()),
		Numbers:  otherNumbers(r, other),
	}
}

// sharedPassages are the stretches of a text covered by windows that the other text
// has.
func sharedPassages(s shingled, other *index) []Passage {
	var out []Passage
	byteAt := make([]int, len(s.runes)+1)
	var letters []int // index in runes of each
	for i, r := range s.runes {
		byteAt[i+1] = byteAt[i] + utf8.RuneLen(r)
		if r != ' ' {
			letters = append(letters, i)
		}
	}
	covered := -1 // letters up to here belong to the last passage
	last, wide := 0, 0
	for i, h := range s.hashes {
		for last < len(letters) && wide < shingleWidth {
			wide += width(s.runes[letters[last]])
			last++
		}
		if other.find(h) >= 0 {
			to := byteAt[letters[last-1]+1]
			if len(out) > 0 && i <= covered {
				out[len(out)-1].To = to
			} else {
				out = append(out, Passage{From: byteAt[letters[i]], To: to})
			}
			covered = last
		}
		wide -= width(s.runes[letters[i]])
	}
	return out
}

// otherNumbers lists the numbers of one item, with the words around them, where the
// other has another number between the same words.
func otherNumbers(r, other *reading) []string {
	var out []string
	for _, t := range [][]rune{r.title.runes, r.body.runes} {
		eachNumber(t, func(before, digits, after []rune) bool {
			context, value := contextOf(before, after), uint32(hashRunes(digits))
			in := func(numbers []number) (there, equal bool) {
				for _, n := range numbers {
					if n.context == context {
						there, equal = true, equal || n.value == value
					}
				}
				return there, equal
			}
			if there, equal := in(other.numbers); there && !equal {
				words := string(slices.Concat(before, []rune(" "), digits, []rune(" "), after))
				if !slices.Contains(out, words) {
					out = append(out, words)
				}
			}
			return len(out) < maxNumbers
		})
	}
	return out
}
