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

// Progress is told how far long work has come, of how much. It may be nil.
type Progress func(done, total int64)

func (p Progress) tell(done, total int64) {
	if p != nil {
		p(done, total)
	}
}

const (
	// keepChunk and keepPause bound one transaction of Keep, so that visits which
	// want to store something wait for milliseconds only: when what is deleted lies in as many records, to
	// write those anew takes once more as long as to find them, and then comes the disk.
	keepChunk = 128
	keepPause = 5 * time.Millisecond

	// keepScan is how many records one reading transaction of Keep looks at.
	keepScan = 2048
)

// Kept counts what Keep did.
type Kept struct {
	Items      int64 `json:"items"`      // deleted
	Stories    int64 `json:"stories"`    // deleted with their last item
	Tombstones int64 `json:"tombstones"` // expired
}

// Keep deletes items that were first seen, and last revised, longer than age before
// now, and of each source those beyond its perSource newest; zero means no limit. Deleted items
// leave tombstones, so that they do not come back while the outlet still lists them. It
// works in small transactions between which visits are stored, and may be
// interrupted and called again at any time.
func (db *DB) Keep(ctx context.Context, age time.Duration, perSource int, now time.Time, p Progress) (Kept, error) {
	k := &keeper{db: db, now: now, tomb: true, progress: p}
	err := errors.Join(k.byAge(ctx, age), k.byCount(ctx, perSource), k.tombstones(ctx))
	if err != nil {
		return k.done, fmt.Errorf("keep: %w", err)
	}
	return k.done, nil
}

// A keeper deletes items, a few per transaction.
type keeper struct {
	db       *DB
	now      time.Time
	tomb     bool
	progress Progress
	// instead is told of what would be deleted, items or tombstones; nil = it is deleted.
	instead func(nos []uint64, names [][]byte) error
	total   int64
	done    Kept
}

// byAge deletes from the beginning: numbers are in order of arrival.
func (k *keeper) byAge(ctx context.Context, age time.Duration) error {
	if age <= 0 {
		return nil
	}
	cut := k.now.Add(-age)
	for from, more := uint64(0), true; more; {
		var old []uint64
		err := errors.Join(ctx.Err(), k.db.view(func(tx *bbolt.Tx) error {
			old, from, more = k.db.olderThan(tx, from, cut)
			return nil
		}))
		if err == nil {
			err = k.delete(ctx, old)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a loop that has found what it looked for.
var errEnough = errors.New("enough")

// olderThan finds items last touched before cut among the next keepScan, and where to
// go on. Records that cannot be read go too.
func (db *DB) olderThan(tx *bbolt.Tx, from uint64, cut time.Time) (old []uint64, next uint64, more bool) {
	n := 0
	lost := func(key []byte, err error) error { db.lost(bItems, key, err); return nil }
	_ = eachItem(tx.Bucket([]byte(bItems)), from, lost, func(it *stored) error {
		if n++; n > keepScan {
			next, more = it.No, true
			return errEnough
		}
		if it.Seen.After(cut.Add(24 * time.Hour)) {
			return errEnough // batches do not arrive more than a day out of order
		}
		if later(it.Seen, it.Revised).Before(cut) {
			old = append(old, it.No)
		}
		return nil
	})
	return old, next, more
}

// byCount deletes what lies below the newest items of each source.
func (k *keeper) byCount(ctx context.Context, perSource int) error {
	if perSource <= 0 {
		return nil
	}
	r := k.db.outlets.Load()
	for _, src := range sortedKeys(r.byNum) {
		id := r.byNum[src].Outlet.ID
		for at, left := top, perSource; ; {
			var surplus []uint64
			var end bool
			err := errors.Join(ctx.Err(), k.db.view(func(tx *bbolt.Tx) error {
				surplus, end = k.db.beyond(tx, src, id, &at, &left)
				return nil
			}))
			if err == nil {
				err = k.delete(ctx, surplus)
			}
			if err != nil {
				return err
			}
			if end {
				break
			}
		}
	}
	return nil
}

// beyond goes down a source's list, counts left down, and finds its items below that.
func (db *DB) beyond(tx *bbolt.Tx, src uint32, id string, at *place, left *int) (surplus []uint64, end bool) {
	c := tx.Bucket([]byte(bBySource)).Cursor()
	stories, items := tx.Bucket([]byte(bStories)), db.itemReader(tx)
	n := 0
	for k, _ := seekBelow(c, sourceKey(src, at.order, at.no)); k != nil && bytes.HasPrefix(k, be32(src)); k, _ = c.Prev() {
		if n > 64*keepScan || len(surplus) > keepScan {
			return surplus, false
		}
		*at = place{num(k[4:]), num(k[12:])}
		n++
		if *left > 0 {
			*left--
			continue
		}
		st := db.readStory(stories, at.no)
		if st == nil {
			continue
		}
		for i, no := range st.Members {
			if st.Sources[i] != src {
				continue
			}
			if it := items.item(no); it != nil && it.Source == id {
				surplus = append(surplus, no)
			}
		}
	}
	return surplus, true
}

// tombstones removes those whose day has come, but for those of an item whose story lives on without
// it: should the outlet list it again, it would begin another story of the same name.
func (k *keeper) tombstones(ctx context.Context) error {
	today := day(k.now)
	for from, more := []byte{}, true; more; {
		var dead [][]byte
		err := errors.Join(ctx.Err(), k.db.view(func(tx *bbolt.Tx) error {
			more = false
			c, n := tx.Bucket([]byte(bNames)).Cursor(), 0
			for key, v := c.Seek(from); key != nil; key, v = c.Next() {
				if n++; n > 16*keepScan {
					from, more = bytes.Clone(key), true
					return nil
				}
				if no, until := readName(v); no == 0 && until < today && (len(key) != nameLen || !k.db.namesAny(tx, num(key[4:]))) {
					dead = append(dead, bytes.Clone(key))
				}
			}
			return nil
		}))
		if err == nil && k.instead != nil {
			err, dead = k.instead(nil, dead), nil
		}
		for err == nil && len(dead) > 0 {
			some := dead[:min(len(dead), keepChunk)]
			dead = dead[len(some):]
			err = errors.Join(ctx.Err(), k.db.amend(k.now, func(m *merger) error {
				for _, key := range some {
					if err := m.names.Delete(key); err != nil {
						return err
					}
				}
				return nil
			}))
			k.done.Tombstones += int64(len(some))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// delete deletes items, a few per transaction.
func (k *keeper) delete(ctx context.Context, nos []uint64) error {
	if k.instead != nil {
		return k.instead(nos, nil)
	}
	k.total += int64(len(nos))
	for len(nos) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		var n int
		var before Kept
		err := k.db.amend(k.now, func(m *merger) error {
			n, before = 0, k.done
			began := k.db.opts.Now()
			for n < min(len(nos), keepChunk) && (n == 0 || k.db.opts.Now().Sub(began) < keepPause) {
				if err := k.deleteOne(m, nos[n]); err != nil {
					return err
				}
				n++
			}
			if err := m.flush(); err != nil {
				return err
			}
			return logGeneral(m.tx, k.now)
		})
		if err != nil {
			k.done = before
			return err
		}
		nos = nos[n:]
		k.progress.tell(k.done.Items, k.total)
	}
	return nil
}

func (k *keeper) deleteOne(m *merger, no uint64) error {
	it := m.item(no)
	if it == nil {
		return nil // somebody was faster
	}
	o := m.roster.byID[it.Source]
	if o == nil {
		return fmt.Errorf("item %d is of an unknown source %q", no, it.Source)
	}
	tomb := tombstone(day(k.now)+tombLife, it.Seen)
	for _, key := range append([]string{it.Key}, it.Former...) {
		name, err := nameKey(o.Num, key), error(nil)
		if k.tomb {
			err = m.names.Put(name, tomb)
		} else {
			err = cmp.Or(m.names.Delete(name), m.haunt(it.Source, hashKey(key), tomb))
		}
		if err != nil {
			return err
		}
	}
	m.moveRefs(it, nil)
	if err := m.dropMarks(it); err != nil {
		return err
	}
	m.deleteItem(no)
	k.done.Items++
	st := m.story(it.StoryNo)
	if st == nil {
		return nil
	}
	if err := m.leave(st, it); err != nil {
		return err
	}
	if len(st.Members) == 0 {
		k.done.Stories++
	}
	return nil
}

// leave takes an item out of its story; the last one takes the story with it.
func (m *merger) leave(st *story, it *stored) error {
	if i := slices.Index(st.Members, it.No); i >= 0 {
		st.Members, st.Sources = slices.Delete(st.Members, i, i+1), slices.Delete(st.Sources, i, i+1)
	}
	st.Joins = slices.DeleteFunc(st.Joins, func(j feed.Ruling) bool { return j.Item == it.Key })
	if len(st.Members) > 0 {
		return m.lead(st)
	}
	delete(m.dirty, st.no)
	if err := m.unfile(st); err != nil {
		return err
	}
	return m.forget(st)
}

// forget removes the record of a story, its names, and the stories that became
// part of it.
func (m *merger) forget(st *story) error {
	m.read[st.no] = nil
	if err := m.stories.Delete(be64(st.no)); err != nil {
		return err
	}
	if key := entryKey(st.Entry); numberIn(m.entries, key) == st.no {
		if err := m.entries.Delete(key); err != nil {
			return err
		}
	}
	if h, ok := storyHash(st.Key); ok && !m.namesItem(h, st.no) {
		m.dropRef(day(unstamp(st.Born)), h, st.no)
	}
	for _, no := range st.Aliases {
		alias := m.db.readStory(m.stories, no)
		if alias != nil && alias.Into == st.no {
			if err := m.forget(alias); err != nil {
				return err
			}
		}
	}
	return nil
}

// namesItem reports whether the item of that number is to be found by the hash.
func (m *merger) namesItem(hash, no uint64) bool {
	it := m.item(no)
	return it != nil && slices.Contains(refsOf(nil, it), hash)
}

// amend runs fn in a transaction of its own. The time is that of the changes it makes.
func (db *DB) amend(at time.Time, fn func(*merger) error) error {
	db.work.Lock()
	defer db.work.Unlock()
	if err := db.loadWindow(); err != nil {
		return err
	}
	var m *merger
	err := db.updateRoster(func(tx *bbolt.Tx) (_ *roster, err error) {
		m = db.newMerger(tx)
		m.at = at
		defer func() {
			p := recover()
			if bug, ok := p.(deciderPanic); ok {
				err = fmt.Errorf("a bug in the rules: %v", bug.value)
			} else if p != nil {
				panic(p)
			}
		}()
		if err := fn(m); err != nil {
			return nil, err
		}
		return m.roster, cmp.Or(m.flushItems(), m.flushRefs())
	})
	if err != nil {
		db.win = nil // made from the file again before it is needed
		return err
	}
	db.win.settle()
	return nil
}

// Purge deletes everything of a source: its items, its state and what it was called. If
// it is still configured, its next visit starts anew. For tombLife days a hash of each
// item's key is kept with the time when it was first seen, so that what comes back takes
// the place it had, not the top of the river.
func (db *DB) Purge(ctx context.Context, source string, p Progress) (Kept, error) {
	o := db.outlets.Load().byID[source]
	if o == nil {
		return Kept{}, fmt.Errorf("purge %s: %w", source, ErrNotFound)
	}
	k := &keeper{db: db, now: db.opts.Now(), progress: p}
	for {
		var nos []uint64
		err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error {
			nos = db.itemsOf(tx, o.Num)
			return nil
		}))
		if err == nil && len(nos) > 0 {
			err = k.delete(ctx, nos)
		}
		if err != nil {
			return k.done, fmt.Errorf("purge %s: %w", source, err)
		}
		if len(nos) == 0 {
			break
		}
	}
	err := db.amend(k.now, func(m *merger) error { return m.forgetSource(o) })
	if err != nil {
		return k.done, fmt.Errorf("purge %s: %w", source, err)
	}
	return k.done, nil
}

// itemsOf are the numbers of some items of a source, at most keepScan.
func (db *DB) itemsOf(tx *bbolt.Tx, src uint32) []uint64 {
	var nos []uint64
	c, items := tx.Bucket([]byte(bNames)).Cursor(), db.itemReader(tx)
	for k, v := c.Seek(be32(src)); k != nil && bytes.HasPrefix(k, be32(src)) && len(nos) < keepScan; k, v = c.Next() {
		if no, _ := readName(v); no != 0 && items.has(no) {
			nos = append(nos, no)
		}
	}
	slices.Sort(nos)
	return slices.Compact(nos)
}

// forgetSource removes what is left of a source without items.
func (m *merger) forgetSource(o *outletRecord) error {
	id := []byte(o.Outlet.ID)
	m.db.pending.Lock()
	delete(m.db.pending.states, o.Outlet.ID)
	m.db.pending.Unlock()
	type name struct{ key, value []byte }
	var left []name
	c := m.names.Cursor()
	for k, v := c.Seek(be32(o.Num)); k != nil && bytes.HasPrefix(k, be32(o.Num)); k, v = c.Next() {
		left = append(left, name{bytes.Clone(k), bytes.Clone(v)})
	}
	err := errors.Join(m.tx.Bucket([]byte(bStates)).Delete(id), m.tx.Bucket([]byte(bHabits)).Delete(id))
	for _, n := range left {
		if no, _ := readName(n.value); no == 0 {
			err = cmp.Or(err, m.haunt(o.Outlet.ID, num(n.key[4:]), n.value))
		}
		err = cmp.Or(err, m.names.Delete(n.key))
	}
	if err != nil || o.Configured {
		return err
	}
	m.roster = m.roster.clone()
	delete(m.roster.byID, o.Outlet.ID)
	delete(m.roster.byNum, o.Num)
	m.roster.next = 1 // as when the file is opened: the number may be given anew
	for num := range m.roster.byNum {
		m.roster.next = max(m.roster.next, num+1)
	}
	return m.tx.Bucket([]byte(bOutlets)).Delete(id)
}
