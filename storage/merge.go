package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
	"sangam/internal/breath"
)

const (
	// maxMembers is how many items one story holds; an agency's report at a few
	// hundred outlets is the most the world has shown.
	maxMembers = 256
	// maxJoins is how many reasons are kept for one item's joining.
	maxJoins = 2
	// maxFormer is how many earlier keys of an item still lead to it.
	maxFormer = 4
	// tombLife is how long a deleted item is not taken back after an outlet last
	// listed it.
	tombLife = 90
)

// stored is an item as it is kept. Numbers from 60 on belong to storage.
type stored struct {
	feed.Item
	No      uint64   `cbor:"-"`
	StoryNo uint64   `cbor:"60,keyasint"`
	Entry   string   `cbor:"61,keyasint,omitempty"` // of a founder: the entry id of its story, when that is not its own id
	Former  []string `cbor:"62,keyasint,omitempty"` // keys it had before

	hash uint64 // of the key; 0 = ask keyHash
}

// keyHash is the hash of the item's key.
func (it *stored) keyHash() uint64 {
	if it.hash == 0 {
		it.hash = hashKey(it.Key)
	}
	return it.hash
}

// A merger merges batches into one transaction.
type merger struct {
	db     *DB
	tx     *bbolt.Tx
	roster *roster
	clock  time.Time // newest batch seen
	span   time.Duration

	items, names, refs, stories, entries, timeline, bySource, changes *bbolt.Bucket

	nameAt, entryAt *bbolt.Cursor // to look names and entries up: making a cursor each time takes as long

	packs *itemReader
	fresh []*stored        // items to be written for the first time at the end of the batch, by number
	pages map[uint64]*pack // packs to be written anew at the end of the batch
	notes struct {         // marks of new items, to be written at the end of the batch
		day  uint32
		no   uint64 // of the first
		body []byte
	}

	known map[uint64]*stored // items read or written in this transaction
	dirty map[uint64]*story  // stories to be written at the end of the batch
	read  map[uint64]*story  // stories read or written in this transaction

	refDays map[uint32]*refDay // references to be written at the end of the transaction

	air     breath.Breath // taken for each item
	haunted bool          // there may be tombstones of sources that were purged
	ruled   bool          // there may be verdicts of the operator

	arena   arena    // what is written
	keyRoom [24]byte // of the key at hand, which bbolt copies
	scratch []byte   // of the record at hand
	bodies  []byte   // of the items to be written
	hashes  []uint64 // by which the item at hand can be found

	// of a reindex
	marksFrom time.Time // marks of items seen earlier are not written
	toCome    *bbolt.Tx // the file whose stories are still to come: their keys and entry ids are taken; nil = none

	// of the batch being merged
	src      uint32
	at       time.Time
	lastRead time.Time
	report   feed.Report
	returned bool // the item being placed was here before its source was purged
}

const (
	// fillSequential is for buckets whose keys only grow: pages are left full.
	fillSequential = 0.9
	// fillBetween is for buckets whose keys come between others: they grow source by source, or by the time
	// that items claim. Pages left full would soon be split again, into one that is full and one
	// that is all but empty.
	fillBetween = 0.65
	// fillRuns is for the lists of the sources: what is new comes at the end of its source's list, or nearly. When
	// a page is split there, the full one is done with, and the other begins the next list.
	fillRuns = 0.9
)

func (db *DB) newMerger(tx *bbolt.Tx) *merger {
	b := func(name string, fill float64) *bbolt.Bucket {
		bucket := tx.Bucket([]byte(name))
		if fill > 0 {
			bucket.FillPercent = fill
		}
		return bucket
	}
	m := &merger{
		db: db, tx: tx, roster: db.outlets.Load(), span: db.rules.Load().Window(),
		items: b(bItems, fillSequential), stories: b(bStories, fillSequential), timeline: b(bTimeline, fillBetween),
		names: b(bNames, fillBetween), refs: b(bRefs, 0), entries: b(bEntries, 0), bySource: b(bBySource, fillRuns), changes: b(bChanges, fillSequential),
		packs: db.itemReader(tx), pages: map[uint64]*pack{},
		known: map[uint64]*stored{}, dirty: map[uint64]*story{}, read: map[uint64]*story{}, refDays: map[uint32]*refDay{},
	}
	b(bStates, fillBetween)
	m.clock = readClock(tx)
	m.nameAt, m.entryAt = m.names.Cursor(), m.entries.Cursor()
	ghost, _ := m.nameAt.Seek(be32(ghosts))
	verdict, _ := tx.Bucket([]byte(bVerdicts)).Cursor().First()
	m.haunted, m.ruled = ghost != nil, verdict != nil
	return m
}

// get is Bucket.Get with a cursor at hand. It may be used after every change of the bucket.
func get(c *bbolt.Cursor, key []byte) []byte {
	if k, v := c.Seek(key); bytes.Equal(k, key) {
		return v
	}
	return nil
}

// key64 is be64 for a key that is used at once.
func (m *merger) key64(n uint64) []byte { return binary.BigEndian.AppendUint64(m.keyRoom[:0], n) }

// number is a value that is a number, a varint.
func (m *merger) number(n uint64) []byte {
	var room [binary.MaxVarintLen64]byte
	return m.arena.keep(binary.AppendUvarint(room[:0], n))
}

// haunt keeps the tombstone of an item of a source that is purged.
func (m *merger) haunt(source string, hash uint64, tomb []byte) error {
	m.haunted = true
	return m.names.Put(ghostKey(source, hash), tomb)
}

func readClock(tx *bbolt.Tx) time.Time {
	if v := tx.Bucket([]byte(bMeta)).Get([]byte("clock")); len(v) == 8 {
		return unstamp(num(v))
	}
	return time.Time{}
}

// finish writes what the whole group has in common, and drops the marks that nothing
// will be compared with any more.
func (m *merger) finish() error {
	if err := cmp.Or(m.flushRefs(), m.expireMarks()); err != nil {
		return err
	}
	return m.tx.Bucket([]byte(bMeta)).Put([]byte("clock"), be64(stamp(m.clock)))
}

// horizon is how far back the index of marks reaches: copies may be published a
// window apart, and be seen a day late.
func (m *merger) horizon() time.Time { return horizon(m.clock, m.span) }

func horizon(clock time.Time, span time.Duration) time.Time {
	return clock.Add(-span - 24*time.Hour)
}

// late reports whether a batch of the time at comes after one that is not older.
func late(visited, at time.Time) bool { return !at.After(visited) }

// merge stores one batch: its items one by one, then what became of stories, then
// lastly the state; counted says that it has been completed already.
func (m *merger) merge(b feed.Batch, counted bool) (report feed.Report, err error) {
	defer catchBug(&err)
	m.report = feed.Report{Source: b.Outlet.ID}
	var before *feed.State
	if counted { // and so without items
		before = m.db.lastVisit(m.tx, b.Outlet.ID)
	} else {
		before = m.db.readState(m.tx, b.Outlet.ID)
	}
	if late(before.Visited, b.At) {
		m.report.Late = true
		m.report.Seq, _ = lastChange(m.tx)
		return m.report, nil
	}
	m.at, m.lastRead = b.At, before.Succeeded
	m.clock = later(m.clock, b.At)
	if err := m.meet(b.Outlet); err != nil {
		return m.report, err
	}
	for _, it := range arrange(b.Items) {
		if err := m.place(it); err != nil {
			return m.report, fmt.Errorf("item %s: %w", it.Key, err)
		}
	}
	m.report.Same = len(b.Items) - m.report.Fresh - m.report.Copies - m.report.Revised
	if err := m.flush(); err != nil {
		return m.report, err
	}
	if !counted {
		b.State.Count(b.At, before, m.report)
	}
	if err := m.putState(b, before.ConfiguredURL); err != nil {
		return m.report, err
	}
	m.report.Seq, _ = lastChange(m.tx)
	return m.report, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// meet makes the outlet known, and follows what is said of it.
func (m *merger) meet(o feed.Outlet) error {
	if old := m.roster.byID[o.ID]; old != nil {
		m.src = old.Num
		if !m.roster.all || sameOutlet(old.Outlet, o) {
			return nil // SetOutlets has the word
		}
		return m.know(&outletRecord{Outlet: o, Num: old.Num})
	}
	m.src = m.roster.next
	return m.know(&outletRecord{Outlet: o, Num: m.src})
}

func (m *merger) know(o *outletRecord) error {
	if m.roster == m.db.outlets.Load() { // what others read stays as it is
		m.roster = m.roster.clone()
	}
	m.roster.put(o)
	return putRecord(m.tx, bOutlets, []byte(o.Outlet.ID), o)
}

// arrange puts items into an order that does not depend on how they came, the
// oldest first, and keeps one of those that share a key. They are copies: the caller's
// batch stays as it is.
func arrange(items []feed.Item) []*stored {
	copies, list := make([]stored, len(items)), make([]*stored, len(items))
	for i := range items {
		copies[i].Item = items[i]
		list[i] = &copies[i]
	}
	slices.SortStableFunc(list, func(a, b *stored) int {
		if byKey := strings.Compare(a.Key, b.Key); byKey != 0 { // as of nearly all
			return byKey
		}
		return cmp.Or(
			b.Updated.Compare(a.Updated), // of two versions the newer one
			b.Published.Compare(a.Published),
			bytes.Compare(a.Hash, b.Hash),
			strings.Compare(a.Link, b.Link),
			strings.Compare(a.ID, b.ID),
		)
	})
	list = slices.CompactFunc(list, func(a, b *stored) bool { return a.Key == b.Key })
	slices.SortStableFunc(list, func(a, b *stored) int { return a.Time().Compare(b.Time()) }) // and those of one time by key
	return list
}

// place decides what an item is and stores it.
func (m *merger) place(it *stored) error {
	m.air.Take()
	it.Source, it.Seen, it.Revised = m.roster.byNum[m.src].Outlet.ID, m.at, m.at
	if v := get(m.nameAt, m.name(it.keyHash())); v != nil {
		no, until := readName(v)
		if no == 0 {
			return m.stayDead(nameKey(m.src, it.Key), until, firstSeen(v, m.at))
		}
		if old := m.item(no); old != nil {
			return m.again(old, &it.Item)
		}
		// Its record is lost: it begins anew under another number.
	}
	if err := m.welcome(&it.Item); err != nil {
		return err
	}
	known := holderOf(0, &it.Item)
	verdict, near := m.decide(&it.Item, known)
	if old := near[verdict.Revises]; old != nil && old.Source == it.Source {
		return m.revise(old, &it.Item)
	}
	return m.admit(it, known, verdict.Joins, near)
}

// name is the key of an item in names, by the hash of its own; to be used at once.
func (m *merger) name(hash uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(m.keyRoom[:0], m.src), hash)
}

// welcome gives an item whose source was purged the time back when it was first seen.
func (m *merger) welcome(it *feed.Item) error {
	if m.returned = false; !m.haunted {
		return nil
	}
	key := ghostKey(it.Source, hashKey(it.Key))
	tomb := m.names.Get(key)
	if m.returned = tomb != nil; !m.returned {
		return nil
	}
	if seen := firstSeen(tomb, it.Seen); seen.Before(it.Seen) {
		it.Seen, it.Revised = seen, seen
	}
	return m.names.Delete(key)
}

// stayDead keeps a deleted item from coming back for as long as it is listed.
func (m *merger) stayDead(key []byte, until uint32, seen time.Time) error {
	if today := day(m.at); until < today+tombLife/2 {
		return m.names.Put(key, tombstone(today+tombLife, seen))
	}
	return nil
}

// again meets a known item: unchanged, or revised.
func (m *merger) again(old *stored, it *feed.Item) error {
	if bytes.Equal(old.Hash, it.Hash) {
		return nil
	}
	return m.revise(old, it)
}

// decide asks which stored items it is one with. The answer comes with those items,
// by key. known is what the index of marks knows of it.
func (m *merger) decide(it *feed.Item, known holder) (feed.Verdict, map[string]*stored) {
	return m.decideAmong(it, known, math.MaxUint64)
}

// decideAmong is decide among the items that came before that number, those of the
// other numbers given among them.
func (m *merger) decideAmong(it *feed.Item, known holder, before uint64, and ...uint64) (feed.Verdict, map[string]*stored) {
	nos := append(m.db.win.near(known, m.span, m.horizon()), and...)
	if len(nos) == 0 && !m.ruled { // as of most
		return feed.Verdict{}, nil
	}
	byKey := map[string]*stored{}
	var near []*feed.Item
	apart := m.apart(it.Source)
	for _, no := range nos {
		other := m.item(no)
		if no >= before || other == nil || byKey[other.Key] != nil || other.Source != it.Source && (apart || m.apart(other.Source)) {
			continue
		}
		byKey[other.Key] = other
		near = append(near, &other.Item)
	}
	var v feed.Verdict
	if len(near) > 0 {
		v = m.db.decide(it, near)
	}
	return m.overrule(it, v, byKey), byKey
}

func (m *merger) apart(source string) bool {
	o := m.roster.byID[source]
	return o != nil && o.Outlet.Apart
}

// admit stores a new item: in the stories it joins, which become one, or in a story
// of its own. known is what the index of marks is to know of it.
func (m *merger) admit(it *stored, known holder, joins []feed.Ruling, near map[string]*stored) (err error) {
	if it.No, err = m.items.NextSequence(); err != nil {
		return err
	}
	st, joined, err := m.joinable(&it.Item, joins, near)
	if err != nil {
		return err
	}
	if st == nil {
		if st, err = m.found(it, m.returned); err != nil {
			return err
		}
		m.report.Fresh++
	} else {
		st.join(it.No, m.src, joined)
		m.report.Copies++
	}
	known.no = it.No
	return m.enter(it, known, st)
}

// enter stores a new item that belongs to the story, under its number.
func (m *merger) enter(it *stored, known holder, st *story) error {
	it.StoryNo, it.Story = st.no, st.Key
	no := m.number(it.No)
	err := m.names.Put(m.name(it.keyHash()), no)
	for _, key := range it.Former {
		err = cmp.Or(err, m.names.Put(nameKey(m.src, key), no))
	}
	if err != nil {
		return err
	}
	m.moveRefs(nil, it)
	if err := m.addMarks(it, known); err != nil {
		return err
	}
	m.addItem(it)
	return m.lead(st)
}

// joinable is the story that the rulings lead to, and the rulings worth keeping. If
// they lead to several, those become one.
func (m *merger) joinable(it *feed.Item, joins []feed.Ruling, near map[string]*stored) (*story, []feed.Ruling, error) {
	var into *story
	var kept []feed.Ruling
	var reached []*story
	for _, j := range joins {
		other := near[j.With]
		if other == nil {
			continue
		}
		st := m.story(other.StoryNo)
		if st == nil || len(st.Members) >= maxMembers || m.forbidden([]string{it.Key}, st) {
			continue
		}
		j.Item = it.Key
		fresh := !slices.Contains(reached, st)
		if fresh {
			reached = append(reached, st)
		}
		if fresh || len(kept) < maxJoins {
			kept = append(kept, j)
		}
	}
	// By the oldest item that each has, not by the number: what founded a story may be gone,
	// and Reindex must come to the same where a verdict forbids one of the unions.
	slices.SortFunc(reached, func(a, b *story) int { return cmp.Compare(slices.Min(a.Members), slices.Min(b.Members)) })
	for _, st := range reached {
		if into == nil {
			into = st
			continue
		}
		if len(into.Members)+len(st.Members) >= maxMembers || m.forbidden(m.keysOf(st), into) {
			continue
		}
		var err error
		if into, err = m.union(into, st); err != nil {
			return nil, nil, err
		}
	}
	return into, kept, nil
}

// item reads an item; nil if it is not there or cannot be read.
func (m *merger) item(no uint64) *stored {
	if it, ok := m.known[no]; ok {
		return it
	}
	it := m.packs.item(no)
	m.known[no] = it
	return it
}

// putState stores the state, and the habits if they are not what they were. A batch
// without items tells nothing of habits: they stay, as far as they hold at another
// address than before.
func (m *merger) putState(b feed.Batch, before string) error {
	key, habits := []byte(b.Outlet.ID), b.State.Habits
	b.State.Habits = feed.Habits{}
	if err := putRecord(m.tx, bStates, key, &b.State); err != nil {
		return err
	}
	if len(b.Items) == 0 {
		if before == "" || before == b.State.ConfiguredURL {
			return nil
		}
		habits = m.db.readHabits(m.tx, b.Outlet.ID).Elsewhere()
	}
	rec, err := encode(bHabits, key, &habits)
	if bucket := m.tx.Bucket([]byte(bHabits)); err == nil && !bytes.Equal(bucket.Get(key), rec) {
		err = bucket.Put(key, rec)
	}
	return err
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
