package storage

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"iter"
	"slices"
	"time"

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
	return explore(ctx, db, q, (*look).find)
}

// Find finds the same as Stories, and leaves the reading of them to who needs it: it costs
// little where their number and their sources tell whether they are answers. One whose items
// are all damaged may come too; reading it gives ErrNotFound.
func (db *DB) Find(ctx context.Context, q feed.Query) iter.Seq2[feed.Found, error] {
	return explore(ctx, db, q, (*look).spot)
}

// explore walks down the river and yields what see makes of the stories on the way.
func explore[T any](ctx context.Context, db *DB, q feed.Query, see func(*look, uint64) (T, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		f := db.compile(q)
		w := &walk{f: f, at: top, scan: f.scanPays()}
		err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error { return w.begin(tx) }))
		for size := firstPage; err == nil && !w.end; size = nextPages {
			var page []T
			err = errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error {
				page = stretch(w, tx, size, see)
				return nil
			}))
			for _, found := range page {
				if !yield(found, nil) {
					return
				}
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// A walk goes down the river, page by page.
type walk struct {
	f    *filter
	at   place // where it stands: everything down to here has been seen
	end  bool
	scan bool // look through the whole river, not source by source

	// When only what arrived since a time is asked for:
	since uint64
	floor uint64            // nothing of that is further down
	first map[uint32]uint64 // the smallest number of what arrived on a day or later
}

// scanPays reports whether looking through the whole river finds stories of the
// wanted sources sooner than going to each source: opening k sources costs k steps,
// and scanning for a page of stories of k sources out of n about 100·n/k.
func (f *filter) scanPays() bool {
	k, n := len(f.pick), len(f.roster.byNum)
	return f.pick == nil || k*k > 5*n
}

// begin finds where to start, and where to end.
func (w *walk) begin(tx *bbolt.Tx) error {
	if before := w.f.q.Before; !before.Order.IsZero() {
		w.at = resume(tx, before, w.f.db)
	}
	w.end = w.f.void || w.f.pick != nil && len(w.f.pick) == 0
	if since := w.f.q.Since; !since.IsZero() {
		w.since, w.floor, w.first = stamp(since), stamp(since.Add(-feed.Archival)), map[uint32]uint64{}
		w.end = w.end || w.firstOf(tx, day(since)) == 0
	}
	return nil
}

// missed reports whether the number of a story that a single source brought tells that it did not
// arrive since the time asked for: it is of an earlier day, or the story was archival by then.
// Batches do not come more than a day out of order.
func (w *walk) missed(tx *bbolt.Tx, p place) bool {
	if w.since == 0 {
		return false
	}
	if p.no < w.firstOf(tx, day(w.f.q.Since)) {
		return true
	}
	archival := w.firstOf(tx, day(unstamp(p.order).Add(feed.Archival))+2)
	return p.order < w.since && archival != 0 && p.no >= archival
}

// firstOf is the smallest number of what arrived on a day or later, 0 if nothing did.
func (w *walk) firstOf(tx *bbolt.Tx, day uint32) uint64 {
	first, known := w.first[day]
	if !known {
		first, _ = firstSince(tx, day)
		w.first[day] = first
	}
	return first
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

// stretch goes on until see has made something of so many stories.
func stretch[T any](w *walk, tx *bbolt.Tx, size int, see func(*look, uint64) (T, bool)) []T {
	out := make([]T, 0, size)
	steps, l := 0, w.f.look(tx)
	for p := range w.places(tx, &steps) {
		w.at = p
		if !w.brings(tx, p) {
			continue
		}
		if found, ok := see(l, p.no); ok {
			out = append(out, found)
		}
		if len(out) == size {
			return out
		}
	}
	switch {
	case steps < maxSteps:
		w.end = true
	case len(out) < firstPage && w.f.pick != nil:
		w.scan = false // the wanted sources are rare in this stretch
	}
	return out
}

// A look is a filter within one transaction.
type look struct {
	*filter
	stories *bbolt.Bucket
	items   *itemReader
}

func (f *filter) look(tx *bbolt.Tx) *look {
	return &look{filter: f, stories: tx.Bucket([]byte(bStories)), items: f.db.itemReader(tx)}
}

// find reads a story and judges it.
func (l *look) find(no uint64) (feed.Story, bool) {
	if !l.q.Since.IsZero() {
		if g := l.db.gist(l.stories, no); g == nil || l.arrived(g) < stamp(l.q.Since) {
			return feed.Story{}, false
		}
	}
	return l.read(no)
}

// read reads a story, whenever it arrived, and judges it.
func (l *look) read(no uint64) (feed.Story, bool) {
	st := l.db.readStory(l.stories, no)
	if st == nil || st.Into != 0 {
		return feed.Story{}, false
	}
	var members []member
	for i, no := range st.Members {
		if !l.roster.shown(st.Sources[i]) {
			continue
		}
		if it := l.items.shared(no); it != nil {
			members = append(members, member{item: it, src: st.Sources[i]})
		}
	}
	if len(members) == 0 || !l.judge(members) {
		return feed.Story{}, false
	}
	return l.show(st, members), true
}

// spot judges a story, by its gist alone if that is enough.
func (l *look) spot(no uint64) (feed.Found, bool) {
	g := l.db.gist(l.stories, no)
	if g == nil || !slices.ContainsFunc(g.sources, l.roster.shown) {
		return feed.Found{}, false
	}
	arrived := l.arrived(g)
	if !l.q.Since.IsZero() && arrived < stamp(l.q.Since) {
		return feed.Found{}, false
	}
	for _, list := range l.lists {
		if !slices.ContainsFunc(g.sources, func(src uint32) bool { return list[src] }) {
			return feed.Found{}, false
		}
	}
	found := feed.Found{
		Key: g.key, Order: unstamp(g.order), Seq: g.seq, Arrived: unstamp(arrived), Version: l.version(g),
		Read: func() (st feed.Story, err error) {
			err = l.db.view(func(tx *bbolt.Tx) error {
				var ok bool
				if st, ok = l.look(tx).read(no); !ok {
					return ErrNotFound
				}
				return nil
			})
			return st, err
		},
	}
	if l.readsItems() {
		st, ok := l.read(no)
		found.Read = func() (feed.Story, error) { return st, nil }
		return found, ok
	}
	return found, true
}

// arrived is when a story came to those who ask: with its first member of a source that they
// ask about. A story that was old by then counts as arrived at its place.
func (l *look) arrived(g *gist) uint64 {
	first := ^uint64(0)
	for i, no := range g.members {
		if no < first && l.wants(g.sources[i]) {
			first = no
		}
	}
	at := g.born
	if first > g.no { // not with the item that founded it
		if it := l.items.shared(first); it != nil {
			at = stamp(it.Seen)
		}
	}
	if at > g.order && time.Duration(at-g.order) > feed.Archival {
		return g.order
	}
	return at
}

// version is that of a story as this filter shows it: it is another when the story has
// changed, or what is known of one of its outlets, or the store or its rules as a whole.
func (l *look) version(g *gist) feed.Version {
	v := feed.Version{g.seq, 0, l.era}
	for _, src := range g.sources {
		if o := l.roster.byNum[src]; o != nil {
			v[1] = max(v[1], o.version)
		}
	}
	return v
}

// places goes down the river from where the walk stands, over places that may hold
// an answer, for at most maxSteps.
func (w *walk) places(tx *bbolt.Tx, steps *int) iter.Seq[place] {
	if w.scan {
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
			switch {
			case p.order < w.floor:
				w.end = true
				return
			case single(v) && w.missed(tx, p) || !anySource(v, w.f.wants):
				w.at = p
			case !yield(p):
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
			if p.order < w.floor {
				w.end = true
				return
			}
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
		l := db.compile(feed.Query{}).look(tx)
		for _, no := range db.lookUp(tx, ref) {
			if st, ok := l.find(no); ok {
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
