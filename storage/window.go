package storage

import (
	"cmp"
	"slices"
	"time"

	"sangam/feed"
)

const (
	// maxNear is how many stored items one new item is compared with at most.
	maxNear = 64
	// maxWeak is how many items may hold a weak mark before it says nothing.
	maxWeak = 64
	// maxStrong bounds what one strong mark may bring.
	maxStrong = 256
)

// window is the index of marks: which stored items of the last days share a mark with
// a new one. It lives in memory and is undone when a transaction is.
type window struct {
	byMark map[feed.Mark][]uint64
	items  map[uint64]windowItem
	undo   []func() // since the last settle, newest last
}

type windowItem struct {
	at, seen int64 // Unix nanoseconds
	marks    []feed.Mark
}

func newWindow() *window {
	return &window{byMark: map[feed.Mark][]uint64{}, items: map[uint64]windowItem{}}
}

// put adds an item, or replaces what was put under its number.
func (w *window) put(no uint64, it *feed.Item) {
	w.drop(no)
	w.add(no, windowItem{at: int64(stamp(it.Time())), seen: int64(stamp(it.Seen)), marks: it.Marks})
	w.undo = append(w.undo, func() { w.remove(no) })
}

// drop forgets an item.
func (w *window) drop(no uint64) {
	if old, ok := w.items[no]; ok {
		w.remove(no)
		w.undo = append(w.undo, func() { w.add(no, old) })
	}
}

func (w *window) add(no uint64, it windowItem) {
	w.items[no] = it
	for _, m := range it.marks {
		list := w.byMark[m]
		if i, found := slices.BinarySearch(list, no); !found {
			w.byMark[m] = slices.Insert(list, i, no)
		}
	}
}

func (w *window) remove(no uint64) {
	for _, m := range w.items[no].marks {
		list := w.byMark[m]
		if i, found := slices.BinarySearch(list, no); found {
			list = slices.Delete(list, i, i+1)
		}
		if len(list) == 0 {
			delete(w.byMark, m)
		} else {
			w.byMark[m] = list
		}
	}
	delete(w.items, no)
}

// settle makes what was done final, rollback undoes what was not settled.
func (w *window) settle() { w.undo = nil }

func (w *window) rollback() {
	for _, undo := range slices.Backward(w.undo) {
		undo()
	}
	w.undo = nil
}

// near finds the items that share a mark with it, were seen since cut, and claim a
// time at most span away: those that share most first.
func (w *window) near(it *feed.Item, span time.Duration, cut time.Time) []uint64 {
	at, seen := int64(stamp(it.Time())), int64(stamp(cut))
	shared := map[uint64]int{}
	for _, m := range it.Marks {
		list := w.byMark[m]
		if weak(m) && len(list) > maxWeak {
			continue
		}
		if len(list) > maxStrong {
			list = list[len(list)-maxStrong:]
		}
		for _, no := range list {
			other := w.items[no]
			if other.seen >= seen && abs(other.at-at) <= int64(span) {
				shared[no]++
			}
		}
	}
	nos := make([]uint64, 0, len(shared))
	for no := range shared {
		nos = append(nos, no)
	}
	slices.SortFunc(nos, func(a, b uint64) int {
		return cmp.Or(cmp.Compare(shared[b], shared[a]), cmp.Compare(a, b))
	})
	return nos[:min(len(nos), maxNear)]
}

// expire forgets what was seen before cut.
func (w *window) expire(cut time.Time) {
	limit := int64(stamp(cut))
	for no, it := range w.items {
		if it.seen < limit {
			w.remove(no)
		}
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
