package storage

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Reindexed counts what Reindex found.
type Reindexed struct {
	Items   int64 // kept
	Stories int64
	Lost    int64 // records that could not be read, and are gone now
}

// Reindex makes a new file from the items, and from what only stories, states and
// verdicts can tell, and puts it in the place of the old one: every index is made anew, records
// that cannot be read are left out, stories are made of the items that name them, and who
// leads is settled again. Entry ids, keys and places stay. Visits that want to store something
// wait meanwhile; readers do not. Interrupted, it leaves the old file as it was.
func (db *DB) Reindex(ctx context.Context, p Progress) (Reindexed, error) {
	r := &reindexer{db: db, ctx: ctx, progress: p}
	err := db.rewrite(ctx, ".reindex", func(to *bbolt.DB) error {
		r.to = to
		return db.view(r.run)
	})
	if err != nil {
		return r.done, fmt.Errorf("reindex: %w", err)
	}
	return r.done, nil
}

// A reindexer reads one file and writes another. What it must remember of an item fits
// in a few words: a million items need about 200 MB while it runs.
type reindexer struct {
	db       *DB
	ctx      context.Context
	progress Progress
	from     *bbolt.Tx
	to       *bbolt.DB
	tx       *bbolt.Tx // being filled
	written  int

	members []memberOf
	names   []entry // src, hash → value
	refs    []entry // day, hash, no
	done    Reindexed
}

type memberOf struct {
	story, no uint64
	src       uint32
}

// entry is an index entry: a key that sorts, and its value.
type entry struct {
	a    uint32
	b, c uint64
	v    uint64
}

func (r *reindexer) run(from *bbolt.Tx) (err error) {
	r.from = from
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
	for _, step := range []func() error{r.items, r.marks, r.stories, r.writeNames, r.writeRefs} {
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
	if r.written++; r.written%reindexChunk == 0 {
		if err := r.turnOver(); err != nil {
			return err
		}
	}
	b := r.tx.Bucket([]byte(bucket))
	b.FillPercent = fillSequential
	return b.Put(key, value)
}

func (r *reindexer) turnOver() (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if err := r.tx.Commit(); err != nil {
		return err
	}
	r.tx, err = r.to.Begin(true)
	return err
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

// items copies the items that can be read, and remembers what stories and names
// are to be made of.
func (r *reindexer) items() error {
	if err := r.sequences(); err != nil {
		return err
	}
	roster := r.db.outlets.Load()
	total := int64(r.from.Bucket([]byte(bItems)).Sequence())
	err := r.from.Bucket([]byte(bItems)).ForEach(func(k, v []byte) error {
		it := stored{No: num(k)}
		o, err := (*outletRecord)(nil), decode(bItems, k, v, &it)
		if err == nil {
			o = roster.byID[it.Source]
		}
		if o == nil {
			r.done.Lost++
			return nil
		}
		r.done.Items++
		r.progress.tell(int64(it.No), total)
		r.members = append(r.members, memberOf{it.StoryNo, it.No, o.Num})
		for _, key := range append([]string{it.Key}, it.Former...) {
			r.names = append(r.names, entry{a: o.Num, b: hashKey(key), v: it.No})
		}
		for _, h := range refsOf(&it) {
			r.refs = append(r.refs, entry{a: day(it.Seen), b: h, c: it.No})
		}
		return r.put(bItems, k, v)
	})
	if err != nil {
		return err
	}
	return r.from.Bucket([]byte(bNames)).ForEach(func(k, v []byte) error {
		if no, _ := readName(v); no != 0 {
			return nil
		}
		src := binary.BigEndian.Uint32(k)
		r.names = append(r.names, entry{a: src, b: num(k[4:]), v: tombFlag | uint64(tombDay(v))})
		return nil
	})
}

// marks copies the marks of items that are still there.
func (r *reindexer) marks() error {
	from := r.from.Bucket([]byte(bMarks))
	return from.ForEachBucket(func(d []byte) error {
		return from.Bucket(d).ForEach(func(k, v []byte) error {
			if r.tx.Bucket([]byte(bItems)).Get(k) == nil || decode(bMarks, k, v, &markRecord{}) != nil {
				r.done.Lost++
				return nil
			}
			if r.written++; r.written%reindexChunk == 0 {
				if err := r.turnOver(); err != nil {
					return err
				}
			}
			to, err := r.tx.Bucket([]byte(bMarks)).CreateBucketIfNotExists(d)
			if err != nil {
				return err
			}
			return to.Put(k, v)
		})
	})
}

func tombDay(v []byte) uint32 {
	_, until := readName(v)
	return until
}

// stories makes the stories anew from their members, and files them.
func (r *reindexer) stories() error {
	slices.SortFunc(r.members, func(a, b memberOf) int {
		return cmp.Or(cmp.Compare(a.story, b.story), cmp.Compare(a.no, b.no))
	})
	var filed []story // without what is not needed for filing
	for members := r.members; len(members) > 0; {
		n := 1
		for n < len(members) && members[n].story == members[0].story {
			n++
		}
		st, err := r.story(members[:n])
		if err != nil {
			return err
		}
		filed = append(filed, story{no: st.no, Order: st.Order, Seq: st.Seq, Sources: distinct(st.Sources), Born: st.Born})
		r.done.Stories++
		members = members[n:]
	}
	r.members = nil
	if err := r.aliases(); err != nil {
		return err
	}
	return r.file(filed)
}

// story makes one story of its members: as it was, if its record can be read.
func (r *reindexer) story(members []memberOf) (*story, error) {
	no := members[0].story
	stories := r.from.Bucket([]byte(bStories))
	st := r.db.readStory(stories, no)
	if st == nil || st.Into != 0 {
		if st == nil && stories.Get(be64(no)) != nil {
			r.done.Lost++
		}
		var err error
		if st, err = r.rebuilt(members); err != nil {
			return nil, err
		}
	}
	st.Members, st.Sources = st.Members[:0], st.Sources[:0]
	var items []*feed.Item
	keep := st.Lead == members[0].no
	for _, m := range members {
		st.Members, st.Sources = append(st.Members, m.no), append(st.Sources, m.src)
		if len(members) > 1 {
			if it := r.db.readItem(r.from.Bucket([]byte(bItems)), m.no); it != nil {
				items = append(items, &it.Item)
			}
		}
	}
	if len(items) == len(members) {
		st.Lead = st.Members[r.db.leadOf(items, r.db.outlets.Load())]
	} else if !keep {
		st.Lead = members[0].no
	}
	r.naming(st)
	return st, r.putStory(st)
}

// rebuilt is a story whose own record is lost, from what its items tell.
func (r *reindexer) rebuilt(members []memberOf) (*story, error) {
	it := r.db.readItem(r.from.Bucket([]byte(bItems)), members[0].no)
	if it == nil {
		return nil, fmt.Errorf("item %d was there and is gone", members[0].no)
	}
	st := &story{no: members[0].story, Key: it.Story, Lead: it.No, Entry: it.Entry}
	if st.Entry == "" {
		if st.Entry = it.ID; it.No != st.no || !adoptable(it.ID) {
			st.Entry = mintEntry(r.db.opts.Authority, st.Key)
		}
	}
	st.Order, st.Updated, st.Born = stamp(orderTime(&it.Item, it.Seen)), stamp(later(firstUpdated(&it.Item), it.Revised)), stamp(it.Seen)
	return st, nil
}

// naming remembers under what a story is found besides its items.
func (r *reindexer) naming(st *story) {
	if h, ok := storyHash(st.Key); ok {
		r.refs = append(r.refs, entry{a: day(unstamp(st.Born)), b: h, c: st.no})
	}
}

func (r *reindexer) putStory(st *story) error {
	if st.Seq == 0 && st.Into == 0 {
		seq, err := r.tx.Bucket([]byte(bChanges)).NextSequence()
		if err != nil {
			return err
		}
		st.Seq = seq
	}
	key := be64(st.no)
	rec, err := encode(bStories, key, st)
	if err != nil {
		return err
	}
	if err := r.put(bStories, key, rec); err != nil {
		return err
	}
	if _, yes := minted(st.Entry); yes {
		return nil
	}
	return r.put(bEntries, refKey(hashRef(st.Entry), st.no), nil)
}

// aliases keeps the stories that became part of one that still is.
func (r *reindexer) aliases() error {
	return r.from.Bucket([]byte(bStories)).ForEach(func(k, v []byte) error {
		st := story{no: num(k)}
		if err := decode(bStories, k, v, &st); err != nil || st.Into == 0 {
			return nil // read, or counted as lost, above
		}
		if end := r.db.resolve(r.from, st.no); end == nil || r.tx.Bucket([]byte(bStories)).Get(be64(end.no)) == nil ||
			r.tx.Bucket([]byte(bStories)).Get(k) != nil {
			return nil
		}
		r.naming(&st)
		return r.putStory(&st)
	})
}

// file writes the river, the lists of sources and the change log, each in its order.
func (r *reindexer) file(filed []story) error {
	slices.SortFunc(filed, func(a, b story) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.no, b.no))
	})
	var lists []entry
	for _, st := range filed {
		if err := r.put(bTimeline, placeKey(st.Order, st.no), packSources(st.Sources)); err != nil {
			return err
		}
		for _, src := range st.Sources {
			lists = append(lists, entry{a: src, b: st.Order, c: st.no})
		}
	}
	for _, e := range sorted(lists) {
		if err := r.put(bBySource, sourceKey(e.a, e.b, e.c), nil); err != nil {
			return err
		}
	}
	slices.SortFunc(filed, func(a, b story) int { return cmp.Compare(a.Seq, b.Seq) })
	old := r.from.Bucket([]byte(bChanges))
	for _, st := range filed {
		_, at := splitChange(old.Get(be64(st.Seq)))
		if at.Unix() <= 0 {
			at = unstamp(st.Born)
		}
		if err := r.put(bChanges, be64(st.Seq), changeValue(st.no, at)); err != nil {
			return err
		}
	}
	if general := r.from.Bucket([]byte(bMeta)).Get([]byte("general")); general != nil {
		return r.put(bChanges, general, bytes.Clone(old.Get(general)))
	}
	return nil
}

func sorted(list []entry) []entry {
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.a, b.a), cmp.Compare(a.b, b.b), cmp.Compare(a.c, b.c), cmp.Compare(a.v, b.v))
	})
	return list
}

// tombFlag marks an entry of names as a tombstone.
const tombFlag = 1 << 63

func (r *reindexer) writeNames() error {
	names := sorted(r.names)
	for i, e := range names {
		if i > 0 && e.a == names[i-1].a && e.b == names[i-1].b {
			continue // a damaged entry looked like the tombstone of an item that is there
		}
		v := binary.AppendUvarint(nil, e.v)
		if e.v&tombFlag != 0 {
			v = tombstone(uint32(e.v))
		}
		if err := r.put(bNames, append(be32(e.a), be64(e.b)...), v); err != nil {
			return err
		}
	}
	r.names = nil
	return nil
}

func (r *reindexer) writeRefs() error {
	list := sorted(r.refs)
	for i, e := range list {
		if r.written++; r.written%reindexChunk == 0 {
			if err := r.turnOver(); err != nil {
				return err
			}
		}
		d, err := r.tx.Bucket([]byte(bRefs)).CreateBucketIfNotExists(be32(e.a))
		if err != nil {
			return err
		}
		if first := d.Sequence(); first == 0 || e.c < first {
			err = d.SetSequence(e.c)
		}
		if err = cmp.Or(err, d.Put(refKey(e.b, e.c), nil)); err != nil {
			return err
		}
		r.progress.tell(int64(i), int64(len(list)))
	}
	return nil
}
