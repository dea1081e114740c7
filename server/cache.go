package server

import (
	"container/list"
	"sync"
)

// cacheBytes bounds the documents kept in memory, all codings counted as if made.
const cacheBytes = 64 << 20

// generations is how many former states of a document are remembered, for readers
// who want only what is new since theirs.
const generations = 64

// generation is a former state of a document: what it was called, and the store's
// sequence number when it was made.
type generation struct {
	etag string
	seq  uint64
}

// cache keeps the documents that were asked for last.
type cache struct {
	limit int

	mu    sync.Mutex
	size  int
	order *list.List // of *slot, last used first
	slots map[string]*list.Element
}

type slot struct {
	key string
	doc *document
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), slots: map[string]*list.Element{}}
}

func (c *cache) get(key string) *document {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.slots[key]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*slot).doc
}

// put keeps a document in the place of its predecessor.
func (c *cache) put(key string, d *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.slots[key]; e != nil {
		c.remove(e)
	}
	c.slots[key] = c.order.PushFront(&slot{key, d})
	c.size += d.weight()
	for c.size > c.limit && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(e *list.Element) {
	s := e.Value.(*slot)
	c.order.Remove(e)
	delete(c.slots, s.key)
	c.size -= s.doc.weight()
}

// weight is what a document may cost: a coding takes at most half of the body in
// practice, and there are two.
func (d *document) weight() int { return 2*len(d.body) + 1024 }

// follow takes over what the predecessor knew, if it has the same content its codings too.
func (d *document) follow(before *document) {
	d.known = before.known
	if d.etag == before.etag {
		d.body, d.plain, d.gzip, d.zstd, d.since = before.body, before.plain, before.gzip, before.zstd, before.since
		return
	}
	d.since = append(append([]generation{}, before.since...), generation{before.etag, before.seq})
	if n := len(d.since) - generations; n > 0 {
		d.since = d.since[n:]
	}
}
