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

// A sighting is a sentence in an item of the batch.
type sighting struct {
	hash uint32
	item uint16 // its number in the batch
	mark byte   // a byte of the hash of the item, see feed.Sentence
	edge bool   // at an edge of the text
}

// learn counts the sentences of the items into the habits.
func learn(habits feed.Habits, items []feed.Item, bodies []text) feed.Habits {
	var seen []sighting
	for i := range items {
		mark := byte(xxhash.Sum64String(items[i].Key) ^ xxhash.Sum64String(items[i].ID+items[i].Link))
		body := &bodies[i]
		start := 0
		for n, end := range body.ends {
			sentence := trim(body.runes[start:end])
			start = end
			if len(sentence) >= minSentence {
				edge := n < headSentences || n >= len(body.ends)-tailSentences
				seen = append(seen, sighting{sentenceHash(sentence), uint16(i), mark, edge})
			}
		}
	}
	slices.SortFunc(seen, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.mark, b.mark), cmp.Compare(a.item, b.item))
	})
	habits.Sentences, habits.Learnt = forget(count(habits.Sentences, seen)), habits.Learnt+len(items)
	return habits
}

// count merges the sightings, in order of their hashes, into the sentences known, in
// the same order. Sentences seen once in the middle of a text are left out.
func count(known []feed.Sentence, seen []sighting) []feed.Sentence {
	var out []feed.Sentence
	for len(known) > 0 || len(seen) > 0 {
		if len(seen) == 0 || len(known) > 0 && known[0].Hash < seen[0].hash {
			s := known[0]
			s.Age = min(s.Age, 254) + 1
			if s.Count >= habitAfter || s.Age <= forgetAfter {
				out = append(out, s)
			}
			known = known[1:]
			continue
		}
		s, edge := feed.Sentence{Hash: seen[0].hash}, false
		if len(known) > 0 && known[0].Hash == s.Hash {
			s, edge, known = known[0], true, known[1:]
		}
		s.Age = 0
		for len(seen) > 0 && seen[0].hash == s.Hash {
			add(&s, seen[0].mark)
			edge = edge || seen[0].edge
			seen = seen[1:]
		}
		if edge || s.Count > 1 {
			out = append(out, s)
		}
	}
	return out
}

// add counts one item, once.
func add(s *feed.Sentence, item byte) {
	first, second := byte(s.Items), byte(s.Items>>8)
	switch {
	case s.Count == 0:
		s.Items = uint16(item)
	case item == first, s.Count > 1 && item == second:
		return
	case s.Count == 1:
		s.Items |= uint16(item) << 8
	}
	if s.Count < 255 {
		s.Count++
	}
}

// forget keeps the sentences most worth remembering, in order of their hashes.
func forget(sentences []feed.Sentence) []feed.Sentence {
	if len(sentences) > maxHabits {
		slices.SortFunc(sentences, func(a, b feed.Sentence) int {
			return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Age, b.Age), cmp.Compare(a.Hash, b.Hash))
		})
		sentences = sentences[:maxHabits]
		slices.SortFunc(sentences, func(a, b feed.Sentence) int { return cmp.Compare(a.Hash, b.Hash) })
	}
	return sentences
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
func shown(body text, habitual []uint32) []uint32 {
	if len(habitual) == 0 {
		return nil
	}
	var out []uint32
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
