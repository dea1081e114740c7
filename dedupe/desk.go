package dedupe

import "sync"

// A desk is the memory in which the texts of a batch are read, or those of the items
// that one is compared with. They are large and wanted only until the marks are made or
// the verdict is given, so the next are read in the same.
type desk struct {
	runes  arena[rune]
	hashes arena[uint32]
	slots  arena[slot]
	hits   arena[bool]
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// sit takes a desk; the caller puts it back with leave, and keeps nothing that lies on it.
func sit() *desk {
	d := desks.Get().(*desk)
	d.runes.clear()
	d.hashes.clear()
	d.slots.clear()
	d.hits.clear()
	return d
}

func (d *desk) leave() { desks.Put(d) }

// marked reads a text with markup.
func (d *desk) marked(s string) text { return scan(s, true, d.runes.room(sizeOf(s))) }

// An arena cuts pieces from one piece of memory.
type arena[T any] struct{ used []T }

// deskRoom is for how much an arena has room at first: it doubles until a usual batch fits.
// maxDesk is for how much it has at most; what is more gets memory of its own.
const (
	deskRoom = 16 << 10
	maxDesk  = 1 << 20
)

// room is an empty slice that n fit in. What it held before is still there.
func (a *arena[T]) room(n int) []T {
	from := len(a.used)
	to := from + n
	if to > cap(a.used) {
		if to > maxDesk {
			return make([]T, 0, n)
		}
		a.used, from, to = make([]T, 0, max(2*cap(a.used), to, deskRoom)), 0, n
	}
	a.used = a.used[:to]
	return a.used[from:from:to]
}

// clear takes everything back.
func (a *arena[T]) clear() { a.used = a.used[:0] }

// zeroed is a slice of n zero values.
func (a *arena[T]) zeroed(n int) []T {
	s := a.room(n)[:n]
	clear(s)
	return s
}
