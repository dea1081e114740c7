package storage

import (
	"cmp"
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
	found   []holder     // room for near
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
	at, since := int64(asked.at), int64(stamp(cut))
	type bond struct{ strong, weak int }
	shared := map[uint64]bond{}
	w.warmed = w.holders.warm(asked.keys)
	for i, key := range asked.keys {
		weak, most := i >= asked.strong, maxStrong
		if weak {
			most = maxWeak + 1
		}
		if w.exact && weak || slices.Contains(asked.keys[:i], key) {
			continue
		}
		w.found = w.whoHold(w.found[:0], key, since, most)
		if weak && len(w.found) == most {
			continue
		}
		for _, h := range w.found {
			if abs(int64(h.at)-at) > int64(span) {
				continue
			}
			b := shared[h.no]
			if weak {
				b.weak++
			} else {
				b.strong++
			}
			shared[h.no] = b
		}
	}
	if len(shared) == 0 {
		return nil
	}
	nos := make([]uint64, 0, len(shared))
	for no, b := range shared {
		if b.strong > 0 || b.weak >= enoughWeak {
			nos = append(nos, no)
		}
	}
	slices.SortFunc(nos, func(a, b uint64) int {
		x, y := shared[a], shared[b]
		return cmp.Or(cmp.Compare(y.strong+y.weak, x.strong+x.weak), cmp.Compare(a, b))
	})
	return nos[:min(len(nos), maxNear)]
}

// whoHold appends the items that hold a mark and were seen since, the newest first (by
// number, whenever they were put), at most so many.
func (w *window) whoHold(out []holder, key uint32, since int64, most int) []holder {
	for _, e := range slices.Backward(w.holders.of(key)) {
		if len(out) == most {
			break
		}
		if i, found := w.find(uint32(e)); found && w.items[i].seen >= since {
			it := w.items[i]
			out = append(out, holder{no: w.long(it.short), at: uint64(it.at), seen: uint64(it.seen)})
		}
	}
	return out
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
