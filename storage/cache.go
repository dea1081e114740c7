package storage

import "sync"

// A recordCache remembers what was read from records of one bucket. It holds two generations: what is
// read moves to the young one, and when that is full the old one goes.
type recordCache[T any] struct {
	room int // about how much is remembered at most, in what put counts

	mu         sync.Mutex
	young, old map[uint64]cached[T]
	size       int // of the young ones
}

// cached is something read, and the sign of the record it was read from. It is shared, and
// never changed.
type cached[T any] struct {
	value *T
	from  recordSign
	cost  int
}

// A recordSign tells a record from others: the checksum in its head covers its place and its content.
type recordSign struct {
	head [headerLen]byte
	size int
}

func signOf(rec []byte) recordSign { return recordSign{[headerLen]byte(rec), len(rec)} }

// get returns what was read from a record, if it is remembered.
func (c *recordCache[T]) get(no uint64, rec []byte) *T {
	if len(rec) < headerLen {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.young[no]
	if !ok {
		if p, ok = c.old[no]; ok {
			delete(c.old, no)
			c.add(no, p)
		}
	}
	if !ok || p.from != signOf(rec) {
		return nil
	}
	return p.value
}

// put remembers what was read from a record, and what that costs.
func (c *recordCache[T]) put(no uint64, from recordSign, value *T, cost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young[no].from != from {
		c.add(no, cached[T]{value, from, cost})
	}
}

func (c *recordCache[T]) add(no uint64, p cached[T]) {
	if c.young == nil || c.size > c.room/2 {
		c.old, c.young, c.size = c.young, map[uint64]cached[T]{}, 0
	}
	c.young[no] = p
	c.size += p.cost
}
