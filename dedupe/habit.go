package dedupe

import (
	"cmp"
	"slices"

	"sangam/feed"

	"github.com/cespare/xxhash/v2"
)

const (
	// habitAfter is the number of items that show a sentence before it is a habit.
	habitAfter = 3
	// maxHabits bounds the sentences remembered of one source, about 2.5 kB.
	maxHabits = 256
	// maxShown bounds the habitual sentences noted with one item.
	maxShown = 64
	// minSentence is the least number of letters of a sentence that is counted.
	minSentence = 8
	// headSentences and tailSentences are how many of the first and last sentences of
	// an item are remembered after the batch even when nothing else showed them yet:
	// what outlets repeat stands at the edges.
	headSentences = 3
	tailSentences = 24
	// forgetAfter is the number of batches after which a sentence that is no habit
	// yet, and did not come again, is forgotten.
	forgetAfter = 40
)

// learn counts the sentences of the items into the habits.
func learn(habits feed.Habits, items []feed.Item) feed.Habits {
	counted := make(map[uint32]*count, len(habits.Sentences))
	for _, s := range habits.Sentences {
		s.Age = min(s.Age, 254) + 1
		counted[s.Hash] = &count{Sentence: s, edge: true}
	}
	for i := range items {
		fingerprint := byte(xxhash.Sum64String(items[i].Key + "\x00" + items[i].ID + items[i].Link))
		body := bodyOf(&items[i])
		start := 0
		for n, end := range body.ends {
			sentence := trim(body.runes[start:end])
			start = end
			if len(sentence) < minSentence {
				continue
			}
			hash := sentenceHash(sentence)
			c := counted[hash]
			if c == nil {
				c = &count{Sentence: feed.Sentence{Hash: hash}}
				counted[hash] = c
			}
			c.edge = c.edge || n < headSentences || n >= len(body.ends)-tailSentences
			c.add(fingerprint)
		}
	}
	return feed.Habits{Sentences: remember(counted), Learnt: habits.Learnt + len(items)}
}

// A count is a sentence while it is counted.
type count struct {
	feed.Sentence
	edge bool // stood at an edge of some text
}

// add counts one item, once.
func (c *count) add(item byte) {
	first, second := byte(c.Items), byte(c.Items>>8)
	c.Age = 0
	switch {
	case c.Count == 0:
		c.Items = uint16(item)
	case item == first, c.Count > 1 && item == second:
		return
	case c.Count == 1:
		c.Items |= uint16(item) << 8
	}
	if c.Count < 255 {
		c.Count++
	}
}

// remember keeps what is worth remembering, sorted by hash.
func remember(counted map[uint32]*count) []feed.Sentence {
	var kept []feed.Sentence
	for _, c := range counted {
		if c.Count >= habitAfter || c.Age <= forgetAfter && (c.edge || c.Count > 1) {
			kept = append(kept, c.Sentence)
		}
	}
	if len(kept) > maxHabits {
		slices.SortFunc(kept, func(a, b feed.Sentence) int {
			return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Age, b.Age), cmp.Compare(a.Hash, b.Hash))
		})
		kept = kept[:maxHabits]
	}
	slices.SortFunc(kept, func(a, b feed.Sentence) int { return cmp.Compare(a.Hash, b.Hash) })
	return kept
}

// rank orders sentences by what is lost if they are forgotten.
func rank(s feed.Sentence) int { return min(int(s.Count), habitAfter) }

// repeated lists the hashes of the sentences that are habits, sorted.
func repeated(habits feed.Habits) []uint32 {
	var out []uint32
	for _, s := range habits.Sentences {
		if s.Count >= habitAfter {
			out = append(out, s.Hash)
		}
	}
	return out
}

// shown lists which of the habitual sentences an item holds, sorted.
func shown(it *feed.Item, habitual []uint32) []uint32 {
	if len(habitual) == 0 {
		return nil
	}
	var out []uint32
	body := bodyOf(it)
	start := 0
	for _, end := range body.ends {
		if hash := sentenceHash(trim(body.runes[start:end])); among(habitual, hash) && len(out) < maxShown {
			out = append(out, hash)
		}
		start = end
	}
	slices.Sort(out)
	return slices.Compact(out)
}
