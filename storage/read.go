package storage

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

const (
	// firstPage and nextPages are how many stories are copied out in one
	// transaction: few at first, for who wants few; together the hundred that a feed
	// usually shows.
	firstPage = 20
	nextPages = 80

	// maxSteps bounds how many places of the river one transaction looks at.
	maxSteps = 4096
)

// place is a place in the river: a story at an order time.
type place struct{ order, no uint64 }

// top is before the first story.
var top = place{order: 1<<64 - 1, no: 1<<64 - 1}

// Stories finds stories, newest first. No transaction is held while the caller works
// with one, so stories that change meanwhile may come as they were or as they are.
// Stories whose every member is hidden (its outlet is not configured) do not come.
func (db *DB) Stories(ctx context.Context, q feed.Query) iter.Seq2[feed.Story, error] {
	return func(yield func(feed.Story, error) bool) {
		f := db.compile(q)
		w := &walk{f: f, at: top, scan: f.scanPays()}
		err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error { return w.begin(tx) }))
		for size := firstPage; err == nil && !w.end; size = nextPages {
			var page []feed.Story
			err = errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) (err error) {
				page, err = w.page(tx, size)
				return err
			}))
			for _, st := range page {
				if !yield(st, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(feed.Story{}, err)
		}
	}
}

// A walk goes down the river, page by page.
type walk struct {
	f        *filter
	at       place // where it stands: everything down to here has been seen
	end      bool
	scan     bool    // look through the whole river, not source by source
	arrivals []place // when only what arrived since a time is asked for: all of it
}

// scanPays reports whether looking through the whole river finds stories of the
// wanted sources sooner than going to each source: opening k sources costs k steps,
// and scanning for a page of stories of k sources out of n about 100·n/k.
func (f *filter) scanPays() bool {
	k, n := len(f.pick), len(f.roster.byNum)
	return f.pick == nil || k*k > 5*n
}

// begin finds where to start.
func (w *walk) begin(tx *bbolt.Tx) error {
	if before := w.f.q.Before; !before.Order.IsZero() {
		w.at = resume(tx, before, w.f.db)
	}
	if !w.f.q.Since.IsZero() {
		w.arrivals = w.arrived(tx)
	}
	w.end = w.f.pick != nil && len(w.f.pick) == 0
	return nil
}

// resume is the place of a cursor. If its story is gone, the walk starts at its time
// again: better something twice than something not at all.
func resume(tx *bbolt.Tx, before feed.Cursor, db *DB) place {
	order := stamp(before.Order)
	c := tx.Bucket([]byte(bTimeline)).Cursor()
	prefix := be64(order)
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		no := num(k[8:])
		if st := db.readStory(tx.Bucket([]byte(bStories)), no); st != nil && st.Key == before.Story {
			return place{order, no}
		}
	}
	if before.Story == "" {
		return place{order, 0}
	}
	return place{order, 1<<64 - 1}
}

// page copies out up to size stories.
func (w *walk) page(tx *bbolt.Tx, size int) ([]feed.Story, error) {
	var out []feed.Story
	steps, stories, items := 0, tx.Bucket([]byte(bStories)), w.f.db.itemReader(tx)
	for p := range w.places(tx, &steps) {
		w.at = p
		if !w.brings(tx, p) {
			continue
		}
		if st, ok := w.f.find(stories, items, p.no); ok {
			out = append(out, st)
		}
		if len(out) == size {
			return out, nil
		}
	}
	switch {
	case steps < maxSteps:
		w.end = true
	case len(out) < firstPage && w.f.pick != nil:
		w.scan = false // the wanted sources are rare in this stretch
	}
	return out, nil
}

// find reads a story and judges it.
func (f *filter) find(stories *bbolt.Bucket, items *itemReader, no uint64) (feed.Story, bool) {
	st := f.db.readStory(stories, no)
	if st == nil || st.Into != 0 {
		return feed.Story{}, false
	}
	var members []member
	for i, no := range st.Members {
		if !f.roster.shown(st.Sources[i]) {
			continue
		}
		if it := items.item(no); it != nil {
			members = append(members, member{item: it, src: st.Sources[i]})
		}
	}
	if len(members) == 0 || !f.judge(members) {
		return feed.Story{}, false
	}
	return f.show(st, members), true
}

// places goes down the river from where the walk stands, over places that may hold
// an answer, for at most maxSteps.
func (w *walk) places(tx *bbolt.Tx, steps *int) iter.Seq[place] {
	switch {
	case !w.f.q.Since.IsZero():
		return w.fromArrivals(steps)
	case w.scan:
		return w.fromTimeline(tx, steps)
	}
	return w.fromSources(tx, steps)
}

func (w *walk) fromTimeline(tx *bbolt.Tx, steps *int) iter.Seq[place] {
	return func(yield func(place) bool) {
		c := tx.Bucket([]byte(bTimeline)).Cursor()
		for k, v := seekBelow(c, placeKey(w.at.order, w.at.no)); k != nil; k, v = c.Prev() {
			if *steps++; *steps > maxSteps {
				return
			}
			p := place{num(k), num(k[8:])}
			if !anySource(v, w.f.wants) {
				w.at = p
			} else if !yield(p) {
				return
			}
		}
	}
}

// seekBelow goes to the last key that is smaller than key.
func seekBelow(c *bbolt.Cursor, key []byte) (k, v []byte) {
	if k, _ = c.Seek(key); k == nil {
		return c.Last()
	}
	return c.Prev()
}

// fromSources merges the lists of the wanted sources.
func (w *walk) fromSources(tx *bbolt.Tx, steps *int) iter.Seq[place] {
	return func(yield func(place) bool) {
		bucket := tx.Bucket([]byte(bBySource))
		var heads heads
		for _, src := range w.f.pick {
			h := head{c: bucket.Cursor(), src: be32(src)}
			k, _ := seekBelow(h.c, sourceKey(src, w.at.order, w.at.no))
			if h.take(k) {
				heads = append(heads, h)
			}
		}
		heap.Init(&heads)
		for last := w.at; len(heads) > 0; {
			h := &heads[0]
			p := h.at
			k, _ := h.c.Prev()
			if h.take(k) {
				heap.Fix(&heads, 0)
			} else {
				heap.Pop(&heads)
			}
			if p == last {
				continue // a story that two of the sources carry
			}
			last = p
			if *steps++; *steps > maxSteps || !yield(p) {
				return
			}
		}
	}
}

// A head is the place that one source's list has reached.
type head struct {
	c   *bbolt.Cursor
	src []byte
	at  place
}

func (h *head) take(k []byte) bool {
	if k == nil || !bytes.HasPrefix(k, h.src) {
		return false
	}
	h.at = place{num(k[4:]), num(k[12:])}
	return true
}

type heads []head

func (h heads) Len() int           { return len(h) }
func (h heads) Less(i, j int) bool { return below(h[j].at, h[i].at) < 0 }
func (h heads) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *heads) Push(x any)        { *h = append(*h, x.(head)) }
func (h *heads) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func below(a, b place) int {
	return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.no, b.no))
}

// arrived are the places of all stories that arrived since the time asked for. The
// river is not in order of arrival, but the numbers of stories are.
func (w *walk) arrived(tx *bbolt.Tx) []place {
	first, ok := firstSince(tx, day(w.f.q.Since))
	if !ok {
		return nil
	}
	var out []place
	c := tx.Bucket([]byte(bStories)).Cursor()
	for k, v := c.Seek(be64(first)); k != nil; k, v = c.Next() {
		st, err := decodeStory(k, v)
		if err != nil {
			w.f.db.lost(bStories, k, err)
			continue
		}
		if st.Into == 0 && w.f.since(st) && slices.ContainsFunc(st.Sources, w.f.wants) {
			out = append(out, place{st.Order, st.no})
		}
	}
	slices.SortFunc(out, func(a, b place) int { return below(b, a) })
	return out
}

func (w *walk) fromArrivals(steps *int) iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, p := range w.arrivals {
			if below(p, w.at) >= 0 {
				continue
			}
			if *steps++; *steps > maxSteps || !yield(p) {
				return
			}
		}
	}
}

// Story finds the story that a reference means: the key of a story (also one that
// became part of another), its entry id, or the key, the id or the link of an item. Several items
// may have one id or link: the newest counts. ErrNotFound if there is none that
// shows.
func (db *DB) Story(ctx context.Context, ref string) (feed.Story, error) {
	if err := ctx.Err(); err != nil {
		return feed.Story{}, err
	}
	var out feed.Story
	err := db.view(func(tx *bbolt.Tx) error {
		f := db.compile(feed.Query{})
		stories, items := tx.Bucket([]byte(bStories)), db.itemReader(tx)
		for _, no := range db.lookUp(tx, ref) {
			if st, ok := f.find(stories, items, no); ok {
				out = st
				return nil
			}
		}
		return ErrNotFound
	})
	return out, err
}

// lookUp are the numbers of the stories that a reference may mean, the best first.
func (db *DB) lookUp(tx *bbolt.Tx, ref string) []uint64 {
	if ref == "" {
		return nil
	}
	hashes := []uint64{hashKey(ref), hashRef(ref)}
	key := ref
	if k, yes := minted(ref); yes {
		key = k
	}
	if h, yes := storyHash(key); yes {
		hashes = append(hashes, h)
	}
	var out []uint64
	add := func(no uint64) {
		if st := db.resolve(tx, no); st != nil && !slices.Contains(out, st.no) {
			out = append(out, st.no)
		}
	}
	if no := numberIn(tx.Bucket([]byte(bEntries)), entryKey(ref)); no != 0 {
		if st := db.readStory(tx.Bucket([]byte(bStories)), no); st != nil && st.Entry == ref {
			add(st.no)
		}
	}
	for no := range found(tx, hashes) {
		it := db.readItem(tx, no)
		switch {
		case it != nil && (it.Key == ref || it.ID == ref || it.Link == ref || slices.Contains(it.Former, ref)):
			add(it.StoryNo)
		default:
			st := db.readStory(tx.Bucket([]byte(bStories)), no)
			if st != nil && st.Key == key {
				add(no)
			}
		}
	}
	return out
}

// resolve is the story of that number, or the one it became part of.
func (db *DB) resolve(tx *bbolt.Tx, no uint64) *story {
	for range maxMembers {
		st := db.readStory(tx.Bucket([]byte(bStories)), no)
		if st == nil || st.Into == 0 {
			return st
		}
		no = st.Into
	}
	return nil
}
