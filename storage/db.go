package storage

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"
	"go.etcd.io/bbolt"

	"sangam/feed"
)

// The buckets; the package comment says what is in them.
const (
	bMeta     = "meta"
	bOutlets  = "outlets"
	bStates   = "states"
	bHabits   = "habits"
	bItems    = "items"
	bMarks    = "marks"
	bNames    = "names"
	bRefs     = "refs"
	bStories  = "stories"
	bEntries  = "entries"
	bTimeline = "timeline"
	bBySource = "bysource"
	bChanges  = "changes"
	bVerdicts = "verdicts"
)

var allBuckets = []string{
	bMeta, bOutlets, bStates, bHabits, bItems, bMarks, bNames, bRefs, bStories,
	bEntries, bTimeline, bBySource, bChanges, bVerdicts,
}

// DB is an open store. Its methods may be called from many goroutines at once.
type DB struct {
	path string
	opts Options

	swap sync.RWMutex // held for reading while bolt is used, for writing while the file is swapped
	bolt *bbolt.DB    // nil once closed

	chore sync.Mutex // held by what copies or swaps the file; taken before work
	work  sync.Mutex // whoever writes holds it; guards win
	win   *window    // nil = to be made from the file before the next merge

	outlets atomic.Pointer[roster]
	rules   atomic.Pointer[rules]

	queue     chan *errand
	asked     chan struct{} // taken by the committer when it has nothing else to do: it lives
	closing   chan struct{}
	closeOnce sync.Once
	done      chan struct{} // closed when the committer has ended

	pending struct {
		sync.Mutex
		states map[string]*errand // visits without items, to travel with the next commit
	}

	spoilt struct {
		sync.Mutex
		records map[string]bool // those found damaged in this file
	}

	resting   atomic.Int32 // maintenance that holds work on purpose
	damaged   atomic.Int64
	unwritten atomic.Pointer[unwritten] // nil = the last try to write succeeded

	edition atomic.Uint64          // grows with every commit, and when the file is another
	era     atomic.Uint64          // grows when the rules are others, and when the file is another
	newest  atomic.Pointer[newest] // what Sequence found last
	recent  recordCache[stored]    // items
	gists   recordCache[gist]
	states  recordCache[feed.State] // by a hash of the source's id
}

// newest is the newest change as of an edition of the file.
type newest struct {
	edition, seq uint64
	at           time.Time
}

// rules are those in force.
type rules struct {
	feed.Decider
	exact bool
}

// SetRules replaces Options.Decider and Options.Exact for what is merged from now on, and for
// Reindex, which applies them to what is stored. A wider window than before reaches as far
// back as its marks are there: to the old one, or all the way after a Reindex.
func (db *DB) SetRules(decider feed.Decider, exact bool) {
	db.work.Lock()
	defer db.work.Unlock()
	db.rules.Store(&rules{decider, exact})
	db.era.Add(1)
	db.win = nil // the next merge makes it by the new rules
}

// roster is what is known of outlets; it is never changed, only replaced.
type roster struct {
	byID  map[string]*outletRecord
	byNum map[uint32]*outletRecord
	next  uint32
	all   bool // SetOutlets was never called: every outlet counts as configured
}

type outletRecord struct {
	Outlet     feed.Outlet `cbor:"1,keyasint"`
	Num        uint32      `cbor:"2,keyasint"`
	Configured bool        `cbor:"3,keyasint"`

	recalled bool   // its record is lost
	version  uint64 // no other record has the same
}

// versions counts the records of outlets there ever were.
var versions atomic.Uint64

// shown reports whether items of the source show in the merged feed.
func (r *roster) shown(src uint32) bool {
	o := r.byNum[src]
	return o != nil && (r.all || o.Configured)
}

func (r *roster) clone() *roster {
	return &roster{byID: maps.Clone(r.byID), byNum: maps.Clone(r.byNum), next: r.next, all: r.all}
}

// put adds a record that nobody else has yet.
func (r *roster) put(o *outletRecord) {
	o.version = versions.Add(1)
	r.byID[o.Outlet.ID], r.byNum[o.Num] = o, o
	r.next = max(r.next, o.Num+1)
}

// load reads what is kept in memory besides the index of marks.
func (db *DB) load() error {
	return db.view(func(tx *bbolt.Tx) error {
		r := &roster{byID: map[string]*outletRecord{}, byNum: map[uint32]*outletRecord{}, next: 1}
		r.all = tx.Bucket([]byte(bMeta)).Get([]byte("configured")) == nil
		lost := map[string]bool{}
		err := tx.Bucket([]byte(bOutlets)).ForEach(func(k, v []byte) error {
			var o outletRecord
			if err := decode(bOutlets, k, v, &o); err != nil {
				db.lost(bOutlets, k, err)
				lost[string(k)] = true
				return nil
			}
			r.put(&o)
			return nil
		})
		if len(lost) > 0 {
			db.recall(tx, r, lost)
		}
		db.outlets.Store(r)
		return err
	})
}

// recall finds the src of outlets whose record is lost, by the items that are theirs. An
// outlet so found goes by its id until SetOutlets or a visit tells more. No src
// that something is filed under is given to anybody else.
func (db *DB) recall(tx *bbolt.Tx, r *roster, lost map[string]bool) {
	c, items := tx.Bucket([]byte(bNames)).Cursor(), db.itemReader(tx)
	for src := uint32(0); ; src++ {
		k, v := c.Seek(be32(src))
		if k == nil || binary.BigEndian.Uint32(k) >= ghosts {
			return
		}
		src = binary.BigEndian.Uint32(k)
		r.next = max(r.next, src+1)
		for ; r.byNum[src] == nil && bytes.HasPrefix(k, be32(src)); k, v = c.Next() {
			no, _ := readName(v)
			if it := items.item(no); it != nil && lost[it.Source] {
				delete(lost, it.Source)
				r.put(&outletRecord{Outlet: feed.Outlet{ID: it.Source, Name: it.Source}, Num: src, Configured: true, recalled: true})
			}
		}
	}
}

// view runs fn in a read transaction. Nonsense in the file becomes an error.
func (db *DB) view(fn func(*bbolt.Tx) error) error {
	db.swap.RLock()
	defer db.swap.RUnlock()
	return db.guard(func(bolt *bbolt.DB) error { return bolt.View(fn) })
}

// update runs fn in a write transaction. The caller holds db.work.
func (db *DB) update(fn func(*bbolt.Tx) error) error {
	db.swap.RLock()
	defer db.swap.RUnlock()
	defer db.edition.Add(1)
	var ours error // what fn says tells nothing of the file
	var made *bbolt.Tx
	err := db.guard(func(bolt *bbolt.DB) error {
		return bolt.Update(func(tx *bbolt.Tx) error {
			made = tx
			ours = fn(tx)
			return ours
		})
	})
	if ours == nil {
		var bytes int64
		if made != nil {
			stats := made.Stats()
			bytes = stats.GetPageAlloc()
		}
		db.written(bytes, err)
	}
	return err
}

// updateRoster is update with a change of what is known of outlets. That is in force
// before the transaction is: whoever reads the sequence of the change must not be shown
// what was before it, since it would keep that as the answer for this sequence.
func (db *DB) updateRoster(fn func(*bbolt.Tx) (*roster, error)) error {
	before := db.outlets.Load()
	err := db.update(func(tx *bbolt.Tx) error {
		next, err := fn(tx)
		if err == nil {
			db.outlets.Store(next)
		}
		return err
	})
	if err != nil {
		db.outlets.Store(before)
	}
	return err
}

func (db *DB) guard(use func(*bbolt.DB) error) (err error) {
	if db.bolt == nil {
		return ErrClosed
	}
	defer faultsPanic()()
	defer func() {
		if p := recover(); p != nil {
			err = &Damaged{Path: db.path, What: fmt.Sprint(p), Backup: newestBackup(db.path, db.opts)}
		}
	}()
	return use(db.bolt)
}

// mostSpoilt is how many damaged records are told of one by one: in a file that is nothing but damage, there may be
// millions.
const mostSpoilt = 10_000

// lost counts and reports a record that cannot be read. The log is told once of each, not whenever
// somebody reads.
func (db *DB) lost(bucket string, key []byte, err error) {
	db.damaged.Add(1)
	record := bucket + "\x00" + string(key)
	db.spoilt.Lock()
	told := db.spoilt.records[record] || len(db.spoilt.records) == mostSpoilt
	if !told {
		db.spoilt.records[record] = true
	}
	db.spoilt.Unlock()
	if !told {
		db.opts.Log.Error("a stored record is damaged; it is skipped", "bucket", bucket, "key", fmt.Sprintf("%x", key), "err", err)
	}
}

// Spoilt is how many records, ten thousand at most, have been found damaged since Open, or since the file was made anew.
func (db *DB) Spoilt() int {
	db.spoilt.Lock()
	defer db.spoilt.Unlock()
	return len(db.spoilt.records)
}

// Lost is how many times since Open a stored record was found damaged and skipped.
func (db *DB) Lost() int64 { return db.damaged.Load() }

// Path is the file's name.
func (db *DB) Path() string { return db.path }

// Close waits for what is being written and closes the file. Whatever was
// acknowledged is on disk. It may be called twice.
func (db *DB) Close() error {
	db.closeOnce.Do(func() { close(db.closing) })
	<-db.done
	db.work.Lock()
	defer db.work.Unlock()
	db.swap.Lock()
	defer db.swap.Unlock()
	if db.bolt == nil {
		return nil
	}
	err := db.bolt.Close()
	db.bolt = nil
	db.edition.Add(1)
	return err
}

// State is what the last visit of a source left behind; zero but for Source when
// there was none.
func (db *DB) State(ctx context.Context, id string) (feed.State, error) {
	st, err := db.Brief(ctx, id)
	if err == nil {
		st.Habits, err = db.Habits(ctx, id)
	}
	return st, err
}

// Brief is State without the habits of the source, which are most of its bytes and
// matter only to a visit that brings items.
func (db *DB) Brief(ctx context.Context, id string) (feed.State, error) {
	if err := ctx.Err(); err != nil {
		return feed.State{}, err
	}
	var st feed.State
	err := db.view(func(tx *bbolt.Tx) error {
		st = *db.readState(tx, id)
		return nil
	})
	if late := db.waitingState(id); err == nil && late != nil {
		st = *late
	}
	return st, err
}

// Habits is what a source was found to repeat; zero when nothing is known of it.
func (db *DB) Habits(ctx context.Context, id string) (feed.Habits, error) {
	if err := ctx.Err(); err != nil {
		return feed.Habits{}, err
	}
	var habits feed.Habits
	err := db.view(func(tx *bbolt.Tx) error {
		habits = db.readHabits(tx, id)
		return nil
	})
	return habits, err
}

// waitingState is what a visit without items left that has not been written yet, if any.
func (db *DB) waitingState(id string) *feed.State {
	db.pending.Lock()
	defer db.pending.Unlock()
	if e := db.pending.states[id]; e != nil {
		return &e.batch.State
	}
	return nil
}

// stateRoom is how many states are remembered. A visit has the state of the last read when
// it begins, when it is merged and when it is written; that is soon after each other.
const stateRoom = 1024

// readState reads a state without its habits. It is shared, and never changed.
func (db *DB) readState(tx *bbolt.Tx, id string) *feed.State {
	rec, no := tx.Bucket([]byte(bStates)).Get([]byte(id)), xxhash.Sum64String(id)
	if st := db.states.get(no, rec); st != nil && st.Source == id {
		return st
	}
	st := &feed.State{Source: id}
	if rec == nil {
		return st
	}
	if err := decode(bStates, []byte(id), rec, st); err != nil {
		db.lost(bStates, []byte(id), err)
		return &feed.State{Source: id} // as if never visited: it is fetched anew
	}
	db.states.put(no, signOf(rec), st, 1)
	return st
}

// lastVisit reads of a state, where it is not remembered, only when its visit was, and to
// what address.
func (db *DB) lastVisit(tx *bbolt.Tx, id string) *feed.State {
	rec := tx.Bucket([]byte(bStates)).Get([]byte(id))
	if st := db.states.get(xxhash.Sum64String(id), rec); st != nil && st.Source == id {
		return st
	}
	var st struct { // numbered as in feed.State
		ConfiguredURL string    `cbor:"6,keyasint,omitempty"`
		Visited       time.Time `cbor:"10,keyasint,omitzero"`
	}
	if rec == nil || decode(bStates, []byte(id), rec, &st) != nil {
		return &feed.State{} // readState tells of the damage
	}
	return &feed.State{Source: id, ConfiguredURL: st.ConfiguredURL, Visited: st.Visited}
}

func (db *DB) readHabits(tx *bbolt.Tx, id string) feed.Habits {
	var habits feed.Habits
	if err := readRecord(tx, bHabits, id, &habits); err != nil {
		db.lost(bHabits, []byte(id), err)
		return feed.Habits{}
	}
	return habits
}

// readRecord reads what is stored under key into v, which stays as it is if nothing is.
func readRecord(tx *bbolt.Tx, bucket, key string, v any) error {
	rec := tx.Bucket([]byte(bucket)).Get([]byte(key))
	if rec == nil {
		return nil
	}
	return decode(bucket, []byte(key), rec, v)
}

// States goes over the states of every source that was ever visited, by id.
func (db *DB) States(ctx context.Context) iter.Seq2[feed.State, error] {
	return func(yield func(feed.State, error) bool) {
		var ids []string
		err := db.view(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bStates)).ForEach(func(k, _ []byte) error {
				ids = append(ids, string(k))
				return nil
			})
		})
		if err != nil {
			yield(feed.State{}, err)
			return
		}
		ids = append(ids, db.waitingIDs()...)
		slices.Sort(ids)
		for _, id := range slices.Compact(ids) {
			st, err := db.State(ctx, id)
			if !yield(st, err) || err != nil {
				return
			}
		}
	}
}

func (db *DB) waitingIDs() []string {
	db.pending.Lock()
	defer db.pending.Unlock()
	return slices.Collect(maps.Keys(db.pending.states))
}

// SetOutlets says which outlets are configured. Items of all others stay stored and
// leave the merged feed at once; when an outlet comes back, so do they. Setting what is
// already set changes nothing.
func (db *DB) SetOutlets(ctx context.Context, outlets []feed.Outlet) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	db.work.Lock()
	defer db.work.Unlock()
	next, changed := db.outlets.Load().with(outlets)
	if next == db.outlets.Load() {
		return nil
	}
	err := db.updateRoster(func(tx *bbolt.Tx) (*roster, error) { return next, putOutlets(tx, changed, db.opts.Now()) })
	if err != nil {
		return fmt.Errorf("set outlets: %w", err)
	}
	return nil
}

// with is the roster after SetOutlets, and what of it is to be written; the same roster
// if nothing changes.
func (r *roster) with(outlets []feed.Outlet) (next *roster, changed []*outletRecord) {
	next = r.clone()
	configured := map[string]bool{}
	for _, o := range outlets {
		configured[o.ID] = true
		old := next.byID[o.ID]
		rec := &outletRecord{Outlet: o, Num: next.next, Configured: true}
		if old != nil {
			rec.Num = old.Num
		}
		if old == nil || old.recalled || !old.Configured || !sameOutlet(old.Outlet, o) {
			changed = append(changed, rec)
			next.put(rec)
		}
	}
	for id, o := range r.byID {
		if o.Configured && !configured[id] {
			gone := *o
			gone.Configured = false
			changed = append(changed, &gone)
			next.put(&gone)
		}
	}
	if len(changed) == 0 && !r.all {
		return r, nil
	}
	if r.all { // those that are not configured do not show any more
		for _, o := range r.byID {
			if next.byID[o.Outlet.ID] == o {
				same := *o
				next.put(&same)
			}
		}
	}
	next.all = false
	return next, changed
}

func putOutlets(tx *bbolt.Tx, changed []*outletRecord, at time.Time) error {
	for _, o := range changed {
		if err := putRecord(tx, bOutlets, []byte(o.Outlet.ID), o); err != nil {
			return err
		}
	}
	if err := tx.Bucket([]byte(bMeta)).Put([]byte("configured"), []byte{1}); err != nil {
		return err
	}
	return logGeneral(tx, at)
}

func sameOutlet(a, b feed.Outlet) bool {
	if reflect.DeepEqual(a, b) { // as nearly all are; but none is the same as an empty list
		return true
	}
	x, err1 := encMode.Marshal(a)
	y, err2 := encMode.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

func putRecord(tx *bbolt.Tx, bucket string, key []byte, v any) error {
	rec, err := encode(bucket, key, v)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucket)).Put(key, rec)
}

// Outlets are the configured outlets by source id (every known one as long as
// SetOutlets was never called). The map is the caller's own.
func (db *DB) Outlets(ctx context.Context) (map[string]feed.Outlet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := db.outlets.Load()
	m := make(map[string]feed.Outlet, len(r.byID))
	for id, o := range r.byID {
		if r.all || o.Configured {
			m[id] = o.Outlet
		}
	}
	return m, nil
}

// Outlet is one of the Outlets; false if there is none of that id.
func (db *DB) Outlet(id string) (feed.Outlet, bool) {
	r := db.outlets.Load()
	o := r.byID[id]
	if o == nil || !r.all && !o.Configured {
		return feed.Outlet{}, false
	}
	return o.Outlet, true
}

// Retired are the outlets that are not configured any more but may still have items
// stored, by source id.
func (db *DB) Retired(ctx context.Context) (map[string]feed.Outlet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := db.outlets.Load()
	m := map[string]feed.Outlet{}
	for id, o := range r.byID {
		if !r.all && !o.Configured {
			m[id] = o.Outlet
		}
	}
	return m, nil
}

// Change is an entry of the change log: what readers see of a story is not what it
// was. Only the last change of each story is kept.
type Change struct {
	Seq   uint64
	Story string    // its key; "" = which outlets show, or what is kept, changed
	At    time.Time // of the batch that did it, whole seconds
}

// Sequence is the number of the newest change and when it was; 0 and the zero time
// in an empty store. It grows with every change of what readers see.
func (db *DB) Sequence(ctx context.Context) (seq uint64, at time.Time, err error) {
	if err := ctx.Err(); err != nil {
		return 0, time.Time{}, err
	}
	edition := db.edition.Load() // before reading: a commit meanwhile makes what we read old
	if n := db.newest.Load(); n != nil && n.edition == edition {
		return n.seq, n.at, nil
	}
	err = db.view(func(tx *bbolt.Tx) error {
		seq, at = lastChange(tx)
		return nil
	})
	if err == nil {
		db.newest.Store(&newest{edition, seq, at})
	}
	return seq, at, err
}

// changesPerView is how many changes are copied out in one transaction.
const changesPerView = 256

// Changes goes over what changed after a sequence number, oldest first.
func (db *DB) Changes(ctx context.Context, after uint64) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for {
			var page []Change
			err := errors.Join(ctx.Err(), db.view(func(tx *bbolt.Tx) error {
				c := tx.Bucket([]byte(bChanges)).Cursor()
				for k, v := c.Seek(be64(after + 1)); k != nil && len(page) < changesPerView; k, v = c.Next() {
					page = append(page, db.readChange(tx, k, v))
				}
				return nil
			}))
			if err != nil {
				yield(Change{}, err)
				return
			}
			for _, ch := range page {
				if !yield(ch, nil) {
					return
				}
				after = ch.Seq
			}
			if len(page) < changesPerView {
				return
			}
		}
	}
}
