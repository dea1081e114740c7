package dedupe

import (
	"math"
	"slices"

	"sangam/feed"
	"sangam/internal/breath"

	"github.com/cespare/xxhash/v2"
)

// The kinds of marks, their first byte. Capitals are strong: one alone makes two
// items worth comparing, and they are never ignored. Small letters are weak: a text
// has many, two texts about one matter may share some, and one that very many items
// hold says nothing.
const (
	idMark       = 'I' // the outlet's own id
	stableMark   = 'X' // another id that the outlet keeps when link and headline change
	linkMark     = 'L' // canonical address, or the one that the item names as its original
	headlineMark = 'T' // a variant of the headline
	textMark     = 's' // a window of the text or of the headline: one may quote the other
	numberMark   = 'n' // a number in its context
)

// How many weak marks of each kind an item gets: the smallest hashes of the lead,
// of the whole text, of the headline, of the numbers.
const (
	leadMarks   = 16
	bodyMarks   = 16
	headMarks   = 8
	bareMarks   = 12 // of a headline without a text
	pairMarks   = 6  // and of the pairs of words of such a headline
	numberMarks = 4
)

// mostMarks is how many marks an item usually has at most, fewMarks how many of them are
// strong.
const (
	mostMarks = leadMarks + bodyMarks + headMarks + numberMarks + fewMarks
	fewMarks  = 8
)

// Mark gives items of one outlet the marks by which they can be recognised, notes
// who they say they are from, and learns what the outlet repeats. It returns the
// habits to be remembered for the next visit; the items are changed in place. The
// items of one batch are counted before any of them is marked, so the first batch
// of a source already knows its boilerplate.
func Mark(items []feed.Item, src feed.Outlet, habits feed.Habits) feed.Habits {
	return Rules{NearDuplicates: true}.Mark(items, src, habits)
}

// Mark is Mark for these rules alone: if they do not look for copies by their text, items
// get no marks of it. Whoever changes the rules later has Reindex mark them anew.
func (r Rules) Mark(items []feed.Item, src feed.Outlet, habits feed.Habits) feed.Habits {
	d := sit()
	defer d.leave()
	bodies := make([]text, len(items))
	var air breath.Breath
	for i := range items {
		air.Take()
		bodies[i] = bodyOf(&items[i], d.marked)
	}
	habits = learn(habits, items, bodies)
	habitual, own := repeated(habits), solid(src.Name)
	for i := range items {
		air.Take()
		it := &items[i]
		it.Habitual = shown(bodies[i], habitual)
		it.Credits = creditsOf(it, own)
		if !r.NearDuplicates {
			it.Marks = strongMarks(it, glance(it), make([]feed.Mark, 0, fewMarks))
			continue
		}
		d.hashes.clear()
		it.Marks = marks(it, readText(it, bodies[i], it.Habitual, d))
	}
	return habits
}

// strongMarks are those of what an item calls itself: they go into out.
func strongMarks(it *feed.Item, r *reading, out []feed.Mark) []feed.Mark {
	add := func(kind byte, text string, bits int) {
		m := encode(kind, xxhash.Sum64String(text), bits)
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if it.ID != "" {
		add(idMark, it.Source+"\x00"+it.ID, strongBits)
	}
	where := r.addresses
	if where.stable != "" {
		add(stableMark, it.Source+"\x00"+where.stable, strongBits)
	}
	if where.number != "" {
		add(stableMark, it.Source+"\x00"+where.number, strongBits)
	}
	for _, link := range where.links {
		add(linkMark, link, strongBits)
	}
	for _, v := range r.variants {
		out = append(out, encode(headlineMark, v.hash, strongBits))
	}
	return out
}

func marks(it *feed.Item, r *reading) []feed.Mark {
	out := strongMarks(it, r, make([]feed.Mark, 0, mostMarks))
	weak := make([]uint32, 0, mostMarks)
	weak = smallest(weak, r.body.hashes[:r.body.lead], leadMarks)
	weak = smallest(weak, r.body.hashes, bodyMarks)
	heads := headMarks
	if len(r.body.hashes) == 0 {
		heads = bareMarks
		weak = smallest(weak, wordPairs(r.title.runes), pairMarks)
	}
	weak = smallest(weak, r.head.hashes, heads)
	for _, h := range weak {
		out = append(out, encode(textMark, uint64(h), weakBits))
	}
	numbers := make([]uint32, 0, len(r.numbers))
	for _, n := range r.numbers {
		numbers = append(numbers, n.context^n.value)
	}
	for _, h := range smallest(nil, numbers, numberMarks) {
		out = append(out, encode(numberMark, uint64(h), weakBits))
	}
	return out
}

const (
	strongBits = 60
	weakBits   = 30
	alphabet   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// encode writes a mark: its kind and so many bits of a hash, six to a character, so
// that marks are valid text wherever they are stored or shown.
func encode(kind byte, hash uint64, bits int) feed.Mark {
	var b [1 + strongBits/6]byte
	b[0] = kind
	n := 1
	for ; bits > 0; bits -= 6 {
		b[n] = alphabet[hash&63]
		hash >>= 6
		n++
	}
	return feed.Mark(b[:n])
}

// smallest appends to out the n smallest different hashes that out does not hold.
func smallest(out []uint32, hashes []uint32, n int) []uint32 {
	var kept [32]uint32
	count, limit := 0, uint32(math.MaxUint32)
	for _, h := range hashes {
		if h >= limit && count == n { // nearly all of a long text
			continue
		}
		i := count
		for i > 0 && kept[i-1] > h {
			i--
		}
		if i > 0 && kept[i-1] == h || slices.Contains(out, h) {
			continue
		}
		if count < n {
			count++
		}
		copy(kept[i+1:count], kept[i:count-1])
		kept[i] = h
		limit = kept[count-1]
	}
	return append(out, kept[:count]...)
}
