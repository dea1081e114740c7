package storage

import (
	"bytes"
	"sync"
)

// packRoom is about how many bytes of packs are remembered at most. The hundred newest stories, which
// are read whenever something is new, may be in twice as many packs of 20 kB.
const packRoom = 8 << 20

// A packCache remembers packs that were read, as they are when decompressed. It holds
// two generations: what is read moves to the young one, and when that is full the old one goes.
type packCache struct {
	mu         sync.Mutex
	young, old map[uint64]cachedPack
	size       int // of the young ones
}

// A cachedPack is a pack and the head of the record it was read from. It is shared, and never changed.
type cachedPack struct {
	*pack
	head [headerLen]byte
	size int
}

// get returns the pack of a record, if it is remembered: the checksum in the record's head covers its
// place and its content.
func (c *packCache) get(no uint64, rec []byte) *pack {
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
	return p.pack
}

// put remembers a pack.
func (c *packCache) put(p *pack, rec []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(p.no, cachedPack{p, [headerLen]byte(rec), len(rec)})
}

func (c *packCache) add(no uint64, p cachedPack) {
	if c.young == nil || c.size > packRoom/2 {
		c.old, c.young, c.size = c.young, map[uint64]cachedPack{}, 0
	}
	c.young[no] = p
	for _, it := range p.items {
		c.size += len(it.body)
	}
}
