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
// a new one. It lives in memory, about 0.8 kB an item at 45 marks, and is undone when a
// transaction is. It is made of days, by when items were seen, so that a day expires at
// once. Marks are kept as 32 bits of a hash: two different ones may be taken for one,
// the same on every machine, and what they bring together the decider reads anyway.
type window struct {
	days  []*windowDay // in order
	where map[uint64]spot
	undo  []func() // since the last settle, newest last
}

// spot is where an item is in the window.
type spot struct {
	day  *windowDay
	slot uint32
}

// windowDay holds the items seen in one day.
type windowDay struct {
	day     int64 // days since 1970
	slots   []windowItem
	newest  map[uint32]uint32 // from the hash of a mark to its newest holding, counted from 1
	holding []holding
}

// holding says that an item holds a mark.
type holding struct {
	slot  uint32
	older uint32 // the next holding of the same mark, counted from 1; 0 = none
}

type windowItem struct {
	no       uint64
	at, seen int64 // Unix nanoseconds
	gone     bool
}

func newWindow() *window { return &window{where: map[uint64]spot{}} }

// put adds an item, or replaces what was put under its number.
func (w *window) put(no uint64, it *feed.Item) {
	w.drop(no)
	seen := int64(stamp(it.Seen))
	d := w.dayOf(seen)
	slot := uint32(len(d.slots))
	d.slots = append(d.slots, windowItem{no: no, at: int64(stamp(it.Time())), seen: seen})
	for _, m := range it.Marks {
		d.hold(markKey(m), slot)
	}
	w.where[no] = spot{d, slot}
	w.undo = append(w.undo, func() { w.remove(no) })
}

// hold notes that an item holds a mark: before those with smaller numbers, as if the index
// had been made from the file just now. A revised item is put again long after its number
// was given, and which holders are the newest must not depend on when a store was opened.
func (d *windowDay) hold(key, slot uint32) {
	d.holding = append(d.holding, holding{slot: slot})
	h, after := d.newest[key], uint32(0)
	for ; h != 0 && d.slots[d.holding[h-1].slot].no > d.slots[slot].no; h = d.holding[h-1].older {
		after = h
	}
	d.holding[len(d.holding)-1].older = h
	if after == 0 {
		d.newest[key] = uint32(len(d.holding))
	} else {
		d.holding[after-1].older = uint32(len(d.holding))
	}
}

// drop forgets an item.
func (w *window) drop(no uint64) {
	if old, ok := w.where[no]; ok {
		w.remove(no)
		w.undo = append(w.undo, func() {
			old.day.slots[old.slot].gone = false
			w.where[no] = old
		})
	}
}

func (w *window) remove(no uint64) {
	if p, ok := w.where[no]; ok {
		p.day.slots[p.slot].gone = true
		delete(w.where, no)
	}
}

func (w *window) dayOf(seen int64) *windowDay {
	day := seen / int64(24*time.Hour)
	i, found := slices.BinarySearchFunc(w.days, day, func(d *windowDay, day int64) int { return cmp.Compare(d.day, day) })
	if !found {
		w.days = slices.Insert(w.days, i, &windowDay{day: day, newest: map[uint32]uint32{}})
	}
	return w.days[i]
}

func markKey(m feed.Mark) uint32 { return uint32(xxhash.Sum64String(string(m))) }

// settle makes what was done final, rollback undoes what was not settled.
func (w *window) settle() { w.undo = nil }

func (w *window) rollback() {
	for _, undo := range slices.Backward(w.undo) {
		undo()
	}
	w.undo = nil
}

// near finds the items that share a strong mark or some weak ones with it, were seen
// since cut, and claim a time at most span away: those that share most first. A weak
// mark that too many of them hold says nothing.
func (w *window) near(it *feed.Item, span time.Duration, cut time.Time) []uint64 {
	at, since := int64(stamp(it.Time())), int64(stamp(cut))
	type bond struct{ strong, weak int }
	shared := map[uint64]bond{}
	var holders []windowItem
	for i, m := range it.Marks {
		if slices.Contains(it.Marks[:i], m) {
			continue
		}
		most := maxStrong
		if weak(m) {
			most = maxWeak + 1
		}
		holders = w.holders(holders[:0], markKey(m), since, most)
		if weak(m) && len(holders) == most {
			continue
		}
		for _, h := range holders {
			if abs(h.at-at) > int64(span) {
				continue
			}
			b := shared[h.no]
			if weak(m) {
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

// holders appends the items that hold a mark and were seen since, the newest first, at
// most so many.
func (w *window) holders(out []windowItem, key uint32, since int64, most int) []windowItem {
	for _, d := range slices.Backward(w.days) {
		for h := d.newest[key]; h != 0 && len(out) < most; {
			holding := d.holding[h-1]
			if it := d.slots[holding.slot]; !it.gone && it.seen >= since {
				out = append(out, it)
			}
			h = holding.older
		}
	}
	return out
}

// expire forgets the days before cut.
func (w *window) expire(cut time.Time) {
	first := int64(stamp(cut)) / int64(24*time.Hour)
	for len(w.days) > 0 && w.days[0].day < first {
		for _, it := range w.days[0].slots {
			if !it.gone {
				delete(w.where, it.no)
			}
		}
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
