package storage

import (
	"bytes"
	"sync"
)

// A recordCache remembers what was read from records of one bucket. It holds two generations: what is
// read moves to the young one, and when that is full the old one goes.
type recordCache[T any] struct {
	room int // about how much is remembered at most, in what put counts

	mu         sync.Mutex
	young, old map[uint64]cached[T]
	size       int // of the young ones
}

// cached is something read, and the head of the record it was read from. It is shared, and
// never changed.
type cached[T any] struct {
	value *T
	head  [headerLen]byte
	size  int // of the record
	cost  int
}

// get returns what was read from a record, if it is remembered: the checksum in the record's head
// covers its place and its content.
func (c *recordCache[T]) get(no uint64, rec []byte) *T {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, ok := c.young[no]
	if !ok {
		if p, ok = c.old[no]; ok {
			delete(c.old, no)
			c.add(no, p)
		}
	}
	if !ok || p.size != len(rec) || !bytes.HasPrefix(rec, p.head[:]) {
		return nil
	}
	return p.value
}

// put remembers what was read from a record, and what that costs.
func (c *recordCache[T]) put(no uint64, rec []byte, value *T, cost int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(no, cached[T]{value, [headerLen]byte(rec), len(rec), cost})
}

func (c *recordCache[T]) add(no uint64, p cached[T]) {
	if c.young == nil || c.size > c.room/2 {
		c.old, c.young, c.size = c.young, map[uint64]cached[T]{}, 0
	}
	c.young[no] = p
	c.size += p.cost
}
