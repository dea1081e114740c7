package storage

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Reindexed counts what Reindex found.
type Reindexed struct {
	Items   int64 `json:"items"` // kept
	Stories int64 `json:"stories"`
	Changed int64 `json:"changed"` // stories that have other members, or another lead, than before
	Lost    int64 `json:"lost"`    // records that could not be read, and are gone now
}

// Reindex makes a new file from the items, and from what only stories, states and verdicts
// can tell, and puts it in the place of the old one. The items are marked anew by
// Options.Mark, visit by visit as they came, and the Decider says anew who belongs
// together; what the operator ruled stands. Every index is made anew, and records that
// cannot be read are left out. A story whose first item begins a story again keeps its
// key, entry id and place; the keys and ids of the others lead to where their first item
// is now. Visits that want to store something wait meanwhile; readers do not. Interrupted,
// it leaves the old file as it was.
func (db *DB) Reindex(ctx context.Context, p Progress) (Reindexed, error) {
	if db.opts.Mark == nil {
		return Reindexed{}, errors.New("reindex: nobody can make marks (Options.Mark)")
	}
	r := &reindexer{db: db, ctx: ctx, progress: p, habits: map[uint32]feed.Habits{}, read: map[uint32]time.Time{}}
	err := db.rewrite(ctx, reindexSuffix, func(to *bbolt.DB) error {
		r.to = to
		if problems, sane, err := db.walk(ctx); err != nil || !sane {
			return errors.Join(err, db.damage(problems))
		}
		return db.view(r.run)
	})
	if err != nil {
		return r.done, fmt.Errorf("reindex: %w", err)
	}
	return r.done, nil
}

// A reindexer reads one file and merges its items into another. What it must remember of
// an item is what the window does; of a story, some words: a million stories need about
// 100 MB while it runs.
type reindexer struct {
	db       *DB
	ctx      context.Context
	progress Progress
	from     *bbolt.Tx
	to       *bbolt.DB
	fresh    *DB       // to, as a merger sees it
	tx       *bbolt.Tx // being filled
	m        *merger   // into tx
	written  int

	habits map[uint32]feed.Habits // of each source, as far as we are
	read   map[uint32]time.Time   // when each source was last read
	done   Reindexed
}

// filing is what is needed of a story to file it.
type filing struct {
	no, order, seq uint64
	sources        []uint32
}

func (r *reindexer) run(from *bbolt.Tx) (err error) {
	r.from = from
	r.fresh = newDB(r.db.path, r.db.opts, nil)
	r.fresh.rules.Store(r.db.rules.Load())
	r.fresh.win = r.fresh.newWindow()
	r.fresh.outlets.Store(r.db.outlets.Load())
	if r.tx, err = r.to.Begin(true); err != nil {
		return err
	}
	defer func() { _ = r.tx.Rollback() }() // of what was not committed
	for _, name := range allBuckets {
		if _, err := r.tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	small := []struct {
		bucket string
		record any // nil: no records
	}{{bMeta, nil}, {bOutlets, &outletRecord{}}, {bStates, &feed.State{}}, {bHabits, &feed.Habits{}}, {bVerdicts, &overrideRecord{}}}
	for _, s := range small {
		if err := r.copyAll(s.bucket, s.record); err != nil {
			return err
		}
	}
	for _, o := range r.db.outlets.Load().byNum { // also those whose record was lost
		if err := putRecord(r.tx, bOutlets, []byte(o.Outlet.ID), o); err != nil {
			return err
		}
	}
	for _, step := range []func() error{r.sequences, r.items, r.tombstones, r.aliases, r.file, func() error { return r.m.flushRefs() }} {
		if err := step(); err != nil {
			return err
		}
	}
	return r.tx.Commit()
}

// reindexChunk is how many entries one transaction writes.
const reindexChunk = 20_000

// put writes an entry, and commits now and then.
func (r *reindexer) put(bucket string, key, value []byte) error {
	if err := r.pause(1); err != nil {
		return err
	}
	b := r.tx.Bucket([]byte(bucket))
	b.FillPercent = fillSequential
	return b.Put(key, value)
}

// pause counts what is written, and commits when it is enough for one transaction.
func (r *reindexer) pause(entries int) (err error) {
	if r.written += entries; r.written < reindexChunk {
		return nil
	}
	r.written = 0
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if r.m != nil {
		if err := r.m.flushRefs(); err != nil {
			return err
		}
	}
	if err := r.tx.Commit(); err != nil {
		return err
	}
	if r.tx, err = r.to.Begin(true); err == nil && r.m != nil {
		r.newMerger(r.m.clock)
	}
	return err
}

// newMerger lets the items that follow be merged into the transaction that began, at
// that time: the clock in the file is that of the end.
func (r *reindexer) newMerger(clock time.Time) {
	r.m = r.fresh.newMerger(r.tx)
	r.m.marksFrom, r.m.toCome = r.m.horizon(), r.from
	r.m.clock = clock
}

// copyAll copies a bucket but for records that cannot be read.
func (r *reindexer) copyAll(name string, record any) error {
	return r.from.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
		if record != nil && decode(name, k, v, record) != nil {
			r.done.Lost++
			return nil
		}
		return r.put(name, k, v)
	})
}

func (r *reindexer) sequences() error {
	for _, name := range []string{bItems, bChanges} {
		if err := r.tx.Bucket([]byte(name)).SetSequence(r.from.Bucket([]byte(name)).Sequence()); err != nil {
			return err
		}
	}
	return nil
}

// items merges the items that can be read, in the order in which they came.
func (r *reindexer) items() error {
	r.newMerger(time.Time{})
	roster := r.db.outlets.Load()
	total := int64(r.from.Bucket([]byte(bItems)).Sequence())
	var visit []*stored
	lost := func([]byte, error) error { r.done.Lost++; return nil }
	err := eachItem(r.from.Bucket([]byte(bItems)), 0, lost, func(it *stored) error {
		if roster.byID[it.Source] == nil {
			r.done.Lost++
			return nil
		}
		if len(visit) > 0 && (visit[0].Source != it.Source || !visit[0].Seen.Equal(it.Seen)) {
			if err := r.visit(visit); err != nil {
				return err
			}
			visit = visit[:0]
		}
		visit = append(visit, it)
		r.done.Items++
		r.progress.tell(int64(it.No), total)
		return nil
	})
	if err != nil || len(visit) == 0 {
		return err
	}
	return r.visit(visit)
}

// visit marks and merges what one visit brought.
func (r *reindexer) visit(list []*stored) (err error) {
	defer catchBug(&err)
	o := r.db.outlets.Load().byID[list[0].Source]
	r.mark(list, o)
	r.m.src, r.m.at, r.m.lastRead = o.Num, list[0].Seen, r.read[o.Num]
	r.m.clock = later(r.m.clock, r.m.at)
	for _, it := range list {
		if err := r.readmit(it); err != nil {
			return fmt.Errorf("item %s: %w", it.Key, err)
		}
	}
	for _, no := range sortedKeys(r.m.dirty) {
		if err := r.m.putStory(r.m.dirty[no]); err != nil {
			return err
		}
	}
	clear(r.m.dirty)
	if err := r.m.flushItems(); err != nil {
		return err
	}
	r.read[o.Num] = r.m.at
	r.fresh.win.settle()
	r.fresh.win.expire(r.m.horizon())
	return r.pause(reindexCost * len(list))
}

// reindexCost is about how many entries merging one item writes.
const reindexCost = 8

func (r *reindexer) mark(list []*stored, o *outletRecord) {
	defer func() {
		if p := recover(); p != nil {
			panic(deciderPanic{p})
		}
	}()
	items := make([]feed.Item, len(list))
	for i, it := range list {
		items[i] = it.Item
	}
	r.habits[o.Num] = r.db.opts.Mark(items, o.Outlet, r.habits[o.Num])
	for i, it := range list {
		it.Item = items[i]
	}
}

// readmit is merger.admit for an item that has its number already, and may have begun
// a story before.
func (r *reindexer) readmit(it *stored) error {
	known := holderOf(it.No, &it.Item)
	verdict, near := r.m.decide(&it.Item, known)
	st, joined, err := r.m.joinable(&it.Item, verdict.Joins, near)
	if err != nil {
		return err
	}
	if st != nil {
		st.join(it.No, r.m.src, joined)
	} else if st, err = r.refound(it); err != nil {
		return err
	}
	return r.m.enter(it, known, st)
}

// refound begins a story with an item: the one it began before; or the one it is in, if
// that has outlived what began it; or a new one.
func (r *reindexer) refound(it *stored) (*story, error) {
	no := it.No
	if r.m.item(it.StoryNo) == nil && r.m.story(it.StoryNo) == nil {
		no = it.StoryNo // what began it is gone, since numbers grow
	}
	old := r.recall(no, it)
	if old == nil {
		return r.m.found(it, true)
	}
	st := &story{
		no: no, Key: old.Key, Entry: old.Entry, Order: old.Order, Updated: old.Updated, Born: old.Born, Seq: old.Seq,
		Lead: it.No, Members: []uint64{it.No}, Sources: []uint32{r.m.src},
	}
	it.Entry = ""
	if no == it.No && st.Entry != it.ID {
		it.Entry = st.Entry
	}
	r.m.read[no] = st
	return st, r.name(st)
}

// recall is the story of that number as it was; if its record is lost, as its item
// tells; nil if there was none.
func (r *reindexer) recall(no uint64, it *stored) *story {
	stories := r.from.Bucket([]byte(bStories))
	if st := r.db.readStory(stories, no); st != nil {
		return st
	}
	if stories.Get(be64(no)) != nil {
		r.done.Lost++
	}
	if it.StoryNo != no {
		return nil
	}
	st := &story{no: no, Key: it.Story, Entry: it.Entry}
	if st.Entry == "" {
		if st.Entry = it.ID; it.No != no || adopted(it.ID) == "" {
			st.Entry = mintEntry(r.db.opts.Authority, st.Key)
		}
	}
	st.Order, st.Updated, st.Born = stamp(orderTime(&it.Item, it.Seen)), stamp(later(firstUpdated(&it.Item), it.Revised)), stamp(it.Seen)
	return st
}

// name lets a story be found by its key, whatever becomes of its items, and nobody else take
// its entry id.
func (r *reindexer) name(st *story) error {
	if h, ok := storyHash(st.Key); ok {
		r.m.putRef(day(unstamp(st.Born)), h, st.no)
	}
	if _, yes := minted(st.Entry); yes {
		return nil
	}
	return r.m.take(st)
}

// tombstones keeps deleted items from coming back.
func (r *reindexer) tombstones() error {
	return r.from.Bucket([]byte(bNames)).ForEach(func(k, v []byte) error {
		// A damaged entry may look like the tombstone of an item that is there.
		if no, _ := readName(v); no != 0 || r.m.names.Get(k) != nil {
			return nil
		}
		return r.put(bNames, k, v)
	})
}

// aliases lets the stories that are none any more lead to where their first item is now.
func (r *reindexer) aliases() error {
	stories := r.from.Bucket([]byte(bStories))
	return stories.ForEach(func(k, v []byte) error {
		old, err := decodeStory(k, v)
		if err != nil || r.m.stories.Get(k) != nil {
			return nil // it still is one; or counted as lost, where it matters
		}
		into := r.whereTo(old)
		if into == nil || into.no == old.no {
			return nil
		}
		alias := &story{
			no: old.no, Key: old.Key, Entry: old.Entry, Into: into.no,
			Order: old.Order, Updated: old.Updated, Born: old.Born,
		}
		into.Aliases = append(into.Aliases, old.no)
		r.m.read[old.no] = alias
		if err := cmp.Or(r.m.putStory(alias), r.m.putStory(into), r.name(alias)); err != nil {
			return err
		}
		return r.pause(reindexCost)
	})
}

// whereTo is the new story of the first item of an old one that is still there; nil if
// none is.
func (r *reindexer) whereTo(old *story) *story {
	if it := r.m.item(old.no); it != nil {
		return r.m.story(it.StoryNo)
	}
	if old.Into != 0 {
		if old = r.db.resolve(r.from, old.no); old == nil {
			return nil
		}
	}
	for _, no := range old.Members {
		if it := r.m.item(no); it != nil {
			return r.m.story(it.StoryNo)
		}
	}
	return nil
}

// file writes the river, the lists of sources and the change log, each in its order.
func (r *reindexer) file() error {
	filed, err := r.filings()
	if err != nil {
		return err
	}
	slices.SortFunc(filed, func(a, b filing) int { return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.no, b.no)) })
	var lists [][]byte
	for _, st := range filed {
		if err := r.put(bTimeline, placeKey(st.order, st.no), packSources(nil, st.sources)); err != nil {
			return err
		}
		for _, src := range st.sources {
			lists = append(lists, sourceKey(src, st.order, st.no))
		}
	}
	slices.SortFunc(lists, bytes.Compare)
	for _, key := range lists {
		if err := r.put(bBySource, key, nil); err != nil {
			return err
		}
	}
	slices.SortFunc(filed, func(a, b filing) int { return cmp.Compare(a.seq, b.seq) })
	old := r.from.Bucket([]byte(bChanges))
	_, now := lastChange(r.from)
	for _, st := range filed {
		at := now
		if v := old.Get(be64(st.seq)); v != nil {
			_, at = splitChange(v)
		}
		if err := r.put(bChanges, be64(st.seq), appendChange(nil, st.no, at)); err != nil {
			return err
		}
	}
	if general := r.from.Bucket([]byte(bMeta)).Get([]byte("general")); general != nil {
		return r.put(bChanges, general, bytes.Clone(old.Get(general)))
	}
	return nil
}

// filings are the stories to be filed. Those that are not what they were get a new number in
// the change log.
func (r *reindexer) filings() ([]filing, error) {
	var filed []filing
	var changed []uint64
	before := r.from.Bucket([]byte(bStories))
	err := r.m.stories.ForEach(func(k, v []byte) error {
		st, err := decodeStory(k, v)
		if err != nil || st.Into != 0 {
			return err
		}
		r.done.Stories++
		if st.Seq == 0 || !sameStory(r.db.readStory(before, st.no), st) {
			changed = append(changed, st.no)
			return nil
		}
		filed = append(filed, filing{st.no, st.Order, st.Seq, distinct(st.Sources)})
		return r.ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	r.done.Changed = int64(len(changed))
	for _, no := range changed {
		st := r.m.story(no)
		if st.Seq, err = r.tx.Bucket([]byte(bChanges)).NextSequence(); err != nil {
			return nil, err
		}
		filed = append(filed, filing{no, st.Order, st.Seq, distinct(st.Sources)})
		if err := cmp.Or(r.m.putStory(st), r.pause(1)); err != nil {
			return nil, err
		}
	}
	return filed, nil
}

// sameStory reports whether readers see no difference.
func sameStory(a, b *story) bool {
	return a != nil && a.Into == 0 && a.Lead == b.Lead &&
		slices.Equal(slices.Sorted(slices.Values(a.Members)), slices.Sorted(slices.Values(b.Members)))
}
