package storage

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"sangam/feed"
)

const (
	// maxNear is how many stored items one new item is compared with at most.
	maxNear = 64
	// maxWeak is how many items may hold a weak mark before it says nothing.
	maxWeak = 64
	// maxStrong is how many items, the newest, one strong mark brings at most.
	maxStrong = 64
	// enoughWeak is how many weak marks two items must share to be worth reading
	// both; one strong mark is enough. Copies share a dozen and more of forty, excerpts some; two are shared
	// by chance, by one item in seven with another, and reading both takes most of what comparing takes.
	enoughWeak = 3
)

// window is the index of marks: which stored items of the last days share a mark with
// a new one. It lives in memory, about 9 bytes a mark, and is undone when a transaction
// is. What is too old is taken out once a day, all at once. Marks
// are kept as 32 bits of a hash: two different ones may be taken for one, the same on
// every machine, and what they bring together the decider reads anyway.
type window struct {
	base    uint64       // the number that was put first
	items   []windowItem // by number
	holders holders
	from    int64        // the day, since 1970, on which what is left was seen at the earliest
	warmed  uint64       // so that the compiler does not leave it out
	shared  []uint64     // room for near
	done    []windowStep // since the last settle, newest last
	// exact leaves weak marks out: nobody asks who shares them.
	exact bool
}

type windowItem struct {
	at, seen int64  // Unix nanoseconds
	short    uint32 // its number
	marks    int32  // it holds
}

// A windowStep is an item that was put in, or taken out.
type windowStep struct {
	item windowItem
	keys []uint32
	out  bool
}

func (db *DB) newWindow() *window {
	return &window{exact: db.rules.Load().exact, holders: newHolders()}
}

// put adds an item, or replaces what was put under its number. To replace it is quick if drop has
// been told of its marks before.
func (w *window) put(h holder) {
	w.drop(holder{no: h.no})
	keys := w.keys(h)
	it := w.add(windowItem{at: int64(h.at), seen: int64(h.seen), short: w.short(h.no)}, keys)
	w.done = append(w.done, windowStep{it, keys, false})
}

// drop forgets an item, given which marks it has. If those are not
// the marks it was put with, all that there are must be searched.
func (w *window) drop(h holder) {
	if len(w.items) == 0 {
		return
	}
	if it, keys, ok := w.remove(w.short(h.no), w.keys(h)); ok {
		w.done = append(w.done, windowStep{it, keys, true})
	}
}

func (w *window) add(it windowItem, keys []uint32) windowItem {
	it.marks = 0
	for _, key := range keys {
		if w.holders.insert(key, it.short) {
			it.marks++
		}
	}
	i, _ := w.find(it.short)
	w.items = slices.Insert(w.items, i, it)
	return it
}

// remove takes an item out and returns it with its keys.
func (w *window) remove(short uint32, keys []uint32) (windowItem, []uint32, bool) {
	i, found := w.find(short)
	if !found {
		return windowItem{}, nil, false
	}
	it := w.items[i]
	w.items = slices.Delete(w.items, i, i+1)
	var gone []uint32
	for _, key := range keys {
		if w.holders.remove(key, short) {
			gone = append(gone, key)
		}
	}
	if len(gone) < int(it.marks) {
		gone = append(gone, w.holders.removeAll(short)...)
	}
	return it, gone, true
}

// keys are the hashes of an item's marks that count.
func (w *window) keys(h holder) []uint32 {
	if w.exact {
		return h.keys[:h.strong]
	}
	return h.keys
}

// find tells where an item is, or belongs. Numbers are given one after the other, so it
// is as far from the first as its number, less those that are gone.
func (w *window) find(short uint32) (int, bool) {
	if len(w.items) == 0 || short < w.items[0].short {
		return 0, false
	}
	most := len(w.items)
	if i := int(short - w.items[0].short); i < most {
		if w.items[i].short == short {
			return i, true
		}
		most = i
	} else if w.items[most-1].short < short {
		return most, false
	}
	return slices.BinarySearchFunc(w.items[:most], short, func(it windowItem, short uint32) int { return cmp.Compare(it.short, short) })
}

// short is a number in 32 bits, in the same order: those of some days are close together.
func (w *window) short(no uint64) uint32 {
	if len(w.items) == 0 && len(w.done) == 0 {
		w.base = no
	}
	return uint32(no - w.base + 1<<31)
}

// long is the number that short made shorter.
func (w *window) long(short uint32) uint64 { return uint64(short) + w.base - 1<<31 }

func markKey(m feed.Mark) uint32 { return uint32(xxhash.Sum64String(string(m))) }

// settle makes what was done final, rollback undoes what was not settled.
func (w *window) settle() {
	clear(w.done)
	w.done = w.done[:0]
}

func (w *window) rollback() {
	for _, step := range slices.Backward(w.done) {
		if step.out {
			w.add(step.item, step.keys)
		} else {
			w.remove(step.item.short, step.keys)
		}
	}
	w.settle()
}

// near finds the items that share a strong mark or some weak ones with it, were seen
// since cut, and claim a time at most span away: those that share most first. A weak
// mark that too many of them hold says nothing.
func (w *window) near(asked holder, span time.Duration, cut time.Time) []uint64 {
	const weakly, strongly = 1, 1 << 16
	since := int64(stamp(cut))
	w.warmed = w.holders.warm(asked.keys)
	w.shared = w.shared[:0] // a number and how they share one mark: most share so little that nothing else matters
	for i, key := range asked.keys {
		how, most := uint64(weakly), maxWeak
		if i < asked.strong {
			how, most = strongly, maxStrong
		}
		if w.exact && how == weakly || slices.Contains(asked.keys[:i], key) {
			continue
		}
		held := w.holders.of(key)
		if len(held) > most {
			if held = w.seenSince(held, since, most+1); len(held) > most && how == weakly {
				continue
			}
			held = held[:min(len(held), most)]
		}
		for _, e := range held {
			w.shared = append(w.shared, e<<32|how)
		}
	}
	slices.Sort(w.shared)
	type bond struct {
		no     uint64
		shared uint64 // marks
	}
	var bonds []bond
	for i := 0; i < len(w.shared); {
		short, sum := uint32(w.shared[i]>>32), uint64(0)
		for ; i < len(w.shared) && uint32(w.shared[i]>>32) == short; i++ {
			sum += w.shared[i] & math.MaxUint32
		}
		strong, weak := sum/strongly, sum%strongly
		if strong == 0 && weak < enoughWeak {
			continue
		}
		at, found := w.find(short)
		if !found || w.items[at].seen < since || abs(w.items[at].at-int64(asked.at)) > int64(span) {
			continue
		}
		bonds = append(bonds, bond{w.long(short), strong + weak})
	}
	slices.SortFunc(bonds, func(a, b bond) int {
		return cmp.Or(cmp.Compare(b.shared, a.shared), cmp.Compare(a.no, b.no))
	})
	nos := make([]uint64, 0, min(len(bonds), maxNear))
	for _, b := range bonds[:cap(nos)] {
		nos = append(nos, b.no)
	}
	return nos
}

// seenSince is those of the pairs, the newest first (by number, whenever they were put), whose items were seen
// since, at most so many.
func (w *window) seenSince(pairs []uint64, since int64, most int) (seen []uint64) {
	for _, e := range slices.Backward(pairs) {
		if len(seen) == most {
			break
		}
		if i, found := w.find(uint32(e)); found && w.items[i].seen >= since {
			seen = append(seen, e)
		}
	}
	return seen
}

// expire forgets what was seen on the days before cut.
func (w *window) expire(cut time.Time) {
	first := int64(stamp(cut)) / int64(24*time.Hour)
	if first <= w.from {
		return
	}
	w.from = first
	left := len(w.items)
	w.items = slices.DeleteFunc(w.items, func(it windowItem) bool { return it.seen/int64(24*time.Hour) < first })
	if len(w.items) < left {
		w.holders.filter(func(item uint32) bool { _, found := w.find(item); return found })
	}
}

// weak reports whether a mark is only a hint: it begins with a small letter.
func weak(m feed.Mark) bool { return m != "" && m[0] >= 'a' && m[0] <= 'z' }

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
