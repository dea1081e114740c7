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
	// both; one strong mark is enough.
	enoughWeak = 2
)

// window is the index of marks: which stored items of the last days share a mark with
// a new one. It lives in memory, about 9 bytes a mark, and is undone when a transaction
// is. It is made of days, by when items were seen, so that a day expires at once. Marks
// are kept as 32 bits of a hash: two different ones may be taken for one, the same on
// every machine, and what they bring together the decider reads anyway.
type window struct {
	days []*windowDay // in order
	undo []func()     // since the last settle, newest last
	// exact leaves weak marks out: nobody asks who shares them.
	exact bool
}

// windowDay holds the items seen in one day.
type windowDay struct {
	day     int64 // days since 1970
	base    uint64
	items   []windowItem // by number
	holders holders
}

type windowItem struct {
	at, seen int64  // Unix nanoseconds
	short    uint32 // its number
	marks    int32  // it holds
}

func (db *DB) newWindow() *window { return &window{exact: db.rules.Load().exact} }

// put adds an item, or replaces what was put under its number on the day it was seen.
// To replace it is quick if drop has been told of its marks before.
func (w *window) put(h holder) {
	w.drop(holder{no: h.no, seen: h.seen})
	keys, seen := w.keys(h), int64(h.seen)
	w.add(h.no, windowItem{at: int64(h.at), seen: seen, marks: int32(len(keys))}, keys)
	w.undo = append(w.undo, func() { w.remove(h.no, seen, keys) })
}

// drop forgets an item, given when it was seen and which marks it has. If those are not
// the marks it was put with, all that there are must be searched.
func (w *window) drop(h holder) {
	if old, keys, ok := w.remove(h.no, int64(h.seen), w.keys(h)); ok {
		w.undo = append(w.undo, func() { w.add(h.no, old, keys) })
	}
}

func (w *window) add(no uint64, it windowItem, keys []uint32) {
	d := w.dayOf(it.seen, no)
	it.short = d.short(no)
	i, _ := d.find(it.short)
	d.items = slices.Insert(d.items, i, it)
	for _, key := range keys {
		d.holders.insert(key, it.short)
	}
}

// remove takes an item out and returns it with its keys.
func (w *window) remove(no uint64, seen int64, keys []uint32) (windowItem, []uint32, bool) {
	i, found := w.findDay(seen)
	if !found {
		return windowItem{}, nil, false
	}
	d := w.days[i]
	short := d.short(no)
	i, found = d.find(short)
	if !found {
		return windowItem{}, nil, false
	}
	it := d.items[i]
	d.items = slices.Delete(d.items, i, i+1)
	keys = slices.DeleteFunc(keys, func(key uint32) bool { return !d.holders.remove(key, short) })
	if len(keys) < int(it.marks) {
		keys = append(keys, d.holders.removeAll(short)...)
	}
	return it, keys, true
}

// keys are the hashes of an item's marks, each once.
func (w *window) keys(h holder) []uint32 {
	keys := slices.Clone(h.keys)
	if w.exact {
		keys = keys[:h.strong]
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func (w *window) findDay(seen int64) (int, bool) {
	day := seen / int64(24*time.Hour)
	return slices.BinarySearchFunc(w.days, day, func(d *windowDay, day int64) int { return cmp.Compare(d.day, day) })
}

// dayOf is the day on which an item was seen; if it is the first, the day begins with it.
func (w *window) dayOf(seen int64, no uint64) *windowDay {
	i, found := w.findDay(seen)
	if !found {
		w.days = slices.Insert(w.days, i, &windowDay{day: seen / int64(24*time.Hour), base: no, holders: newHolders()})
	}
	return w.days[i]
}

// find tells where an item is, or belongs. Numbers are given one after the other, so it
// is as far from the first as its number, less those that are gone.
func (d *windowDay) find(short uint32) (int, bool) {
	if len(d.items) == 0 || short < d.items[0].short {
		return 0, false
	}
	most := len(d.items)
	if i := int(short - d.items[0].short); i < most {
		if d.items[i].short == short {
			return i, true
		}
		most = i
	} else if d.items[most-1].short < short {
		return most, false
	}
	return slices.BinarySearchFunc(d.items[:most], short, func(it windowItem, short uint32) int { return cmp.Compare(it.short, short) })
}

// short is a number in 32 bits, in the same order: those of one day are close together.
func (d *windowDay) short(no uint64) uint32 { return uint32(no - d.base + 1<<31) }

// long is the number that short made shorter.
func (d *windowDay) long(short uint32) uint64 { return uint64(short) + d.base - 1<<31 }

func markKey(m feed.Mark) uint32 { return uint32(xxhash.Sum64String(string(m))) }

// settle makes what was done final, rollback undoes what was not settled.
func (w *window) settle() {
	clear(w.undo)
	w.undo = w.undo[:0]
}

func (w *window) rollback() {
	for _, undo := range slices.Backward(w.undo) {
		undo()
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
	var holders []holder
	for i, key := range asked.keys {
		weak, most := i >= asked.strong, maxStrong
		if weak {
			most = maxWeak + 1
		}
		if w.exact && weak || slices.Contains(asked.keys[:i], key) {
			continue
		}
		holders = w.holders(holders[:0], key, since, most)
		if weak && len(holders) == most {
			continue
		}
		for _, h := range holders {
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

// holders appends the items that hold a mark and were seen since, the newest first (by
// number, whenever they were put), at most so many.
func (w *window) holders(out []holder, key uint32, since int64, most int) []holder {
	for _, d := range slices.Backward(w.days) {
		for _, e := range slices.Backward(d.holders.of(key)) {
			if len(out) == most {
				return out
			}
			if i, found := d.find(uint32(e)); found && d.items[i].seen >= since {
				it := d.items[i]
				out = append(out, holder{no: d.long(it.short), at: uint64(it.at), seen: uint64(it.seen)})
			}
		}
	}
	return out
}

// expire forgets the days before cut.
func (w *window) expire(cut time.Time) {
	first := int64(stamp(cut)) / int64(24*time.Hour)
	for len(w.days) > 0 && w.days[0].day < first {
		w.days = slices.Delete(w.days, 0, 1)
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
