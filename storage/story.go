package storage

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/text/unicode/norm"

	"sangam/feed"
)

// story is what is stored of a story. It bears the number of the item that founded it.
type story struct {
	_       struct{} `cbor:",toarray"`
	Key     string
	Entry   string        // entry id; never changes
	Into    uint64        // not 0: it became part of that story, and only Key and Entry count
	Lead    uint64        // the member that speaks for it
	Members []uint64      // by arrival
	Sources []uint32      // of the members, one each
	Joins   []feed.Ruling // why they are one
	Order   uint64        // stamp; never changes
	Updated uint64        // stamp
	Born    uint64        // stamp: when it arrived
	Seq     uint64        // of its last change; 0 = not in the log yet
	Aliases []uint64      // stories that became part of it

	no  uint64
	was []uint32 // the sources it is filed under, each once
}

// A deciderPanic is a bug met in the rules, as opposed to damage met in the file.
type deciderPanic struct{ value any }

// catchBug makes a panic of the rules an error; it is to be deferred.
func catchBug(err *error) {
	p := recover()
	if bug, ok := p.(deciderPanic); ok {
		*err = fmt.Errorf("a bug in the rules: %v", bug.value)
	} else if p != nil {
		panic(p)
	}
}

func (db *DB) decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	defer func() {
		if p := recover(); p != nil {
			panic(deciderPanic{p})
		}
	}()
	return db.rules.Load().Decide(it, near)
}

// leadOf is the index of the member that speaks for them; 0 if the rules give none.
func (db *DB) leadOf(members []*feed.Item, r *roster) int {
	if len(members) < 2 {
		return 0
	}
	defer func() {
		if p := recover(); p != nil {
			panic(deciderPanic{p})
		}
	}()
	outlets := map[string]feed.Outlet{}
	for _, it := range members {
		if o := r.byID[it.Source]; o != nil {
			outlets[it.Source] = o.Outlet
		}
	}
	if i := db.rules.Load().Lead(members, outlets); i >= 0 && i < len(members) {
		return i
	}
	return 0
}

// story reads the story of that number, or the one it became part of; nil if there is none that
// can be read.
func (m *merger) story(no uint64) *story {
	for range maxMembers { // a bound, should damage have made a circle
		st, ok := m.read[no]
		if !ok {
			st = m.db.readStory(m.stories, no)
			m.read[no] = st
		}
		if st == nil || st.Into == 0 {
			return st
		}
		no = st.Into
	}
	return nil
}

// readStory reads one story record, whatever became of it; nil if there is none, or
// none that can be read.
func (db *DB) readStory(stories *bbolt.Bucket, no uint64) *story {
	key := be64(no)
	v := stories.Get(key)
	if v == nil {
		return nil
	}
	st, err := decodeStory(key, v)
	if err != nil {
		db.lost(bStories, key, err)
		return nil
	}
	return st
}

func decodeStory(key, v []byte) (*story, error) {
	st := &story{no: num(key)}
	if err := decode(bStories, key, v, st); err != nil {
		return nil, err
	}
	st.Entry, st.was = expandEntry(st.Entry, st.Key), distinct(st.Sources)
	return st, nil
}

// A gist is what of a story tells whether it is an answer. It is shared, and never changed.
type gist struct {
	no, order, born, seq uint64
	key                  string
	members              []uint64
	sources              []uint32
}

// gistRoom is how many gists of 200 bytes are remembered at most: three times as many as a document has
// stories.
const gistRoom = 32 << 10

// gist reads the gist of a story; nil if there is none, or none that can be read, or it
// became part of another.
func (db *DB) gist(stories *bbolt.Bucket, no uint64) *gist {
	rec := stories.Get(be64(no))
	if rec == nil {
		return nil
	}
	g := db.gists.get(no, rec)
	if g == nil {
		st := db.readStory(stories, no)
		if st == nil || st.Into != 0 {
			return nil
		}
		g = &gist{no: no, order: st.Order, born: st.Born, seq: st.Seq, key: st.Key, members: st.Members, sources: st.Sources}
		db.gists.put(no, signOf(rec), g, 1)
	}
	return g
}

// distinct is the sources in order, each once.
func distinct(srcs []uint32) []uint32 {
	list := slices.Clone(srcs)
	slices.Sort(list)
	return slices.Compact(list)
}

// join adds an item of a source, and why it belongs.
func (st *story) join(no uint64, src uint32, why []feed.Ruling) {
	st.Members, st.Sources = append(st.Members, no), append(st.Sources, src)
	st.Joins = append(st.Joins, why...)
}

// found begins a story with its first item. A wary one makes sure that no other story
// bears its key already, as one may that a purged item began and others live on in.
func (m *merger) found(it *stored, wary bool) (*story, error) {
	key, taken, err := storyKeyOf(it.keyHash()), false, error(nil)
	if wary {
		taken, err = m.keyTaken(key)
	}
	if err != nil {
		return nil, err
	}
	if taken {
		key = storyKey(fmt.Sprintf("%s\x00%d", it.Key, it.No))
		m.refer(key, it) // the item's own names do not lead to it
	}
	st := &story{
		no: it.No, Key: key, Lead: it.No,
		Members: []uint64{it.No}, Sources: []uint32{m.src},
		Order: stamp(orderTime(&it.Item, m.lastRead)), Born: stamp(it.Seen),
	}
	st.Updated = stamp(firstUpdated(&it.Item))
	st.Entry = adopted(it.ID)
	if st.Entry == "" || !unmistakable(st.Entry) || m.taken(st.Entry) {
		st.Entry = mintEntry(m.db.opts.Authority, st.Key)
	} else if err := m.take(st); err != nil {
		return nil, err
	}
	if st.Entry != it.ID {
		it.Entry = st.Entry
	}
	m.read[st.no] = st
	return st, nil
}

// unmistakable reports whether the letters of an id are in the one form that they should have in
// it (RFC 3987, 5.3.2.2) and escaped no more than once. Ids that differ in nothing else are one to
// some readers.
func unmistakable(id string) bool {
	if text, err := url.PathUnescape(id); err == nil {
		if again, err := url.PathUnescape(text); err == nil && again != text {
			return false
		}
		id = text
	}
	return norm.NFC.IsNormalString(id)
}

// refer lets a story that an item begins be found by its key.
func (m *merger) refer(key string, it *stored) {
	if h, ok := storyHash(key); ok {
		m.putRef(day(it.Seen), h, it.No)
	}
}

// keyTaken reports whether a story goes by that key, or did before it became part of
// another. It looks through every day.
func (m *merger) keyTaken(key string) (bool, error) {
	h, ok := storyHash(key)
	if err := m.flushRefs(); err != nil || !ok {
		return false, err
	}
	for no := range found(m.tx, []uint64{h}) {
		st := m.read[no]
		if st == nil {
			st = m.db.readStory(m.stories, no)
		}
		if st != nil && st.Key == key {
			return true, nil
		}
	}
	return m.toCome != nil && m.db.namesAny(m.toCome, h), nil
}

// namesAny reports whether a story goes by the key of that hash, or did before it became
// part of another.
func (db *DB) namesAny(tx *bbolt.Tx, hash uint64) bool {
	for no := range found(tx, []uint64{hash}) {
		if st := db.readStory(tx.Bucket([]byte(bStories)), no); st != nil {
			if h, ok := storyHash(st.Key); ok && h == hash {
				return true
			}
		}
	}
	return false
}

// firstUpdated is when a new item's content last changed, as far as can be known.
func firstUpdated(it *feed.Item) time.Time {
	t := it.Published
	if it.Updated.After(t) {
		t = it.Updated
	}
	if t.Before(earliest) || t.After(it.Seen) {
		return it.Seen
	}
	return t
}

// take notes that the story's entry id, which an item brought, is in use.
func (m *merger) take(st *story) error {
	return m.entries.Put(entryKey(st.Entry), m.number(st.no))
}

// taken reports whether an entry id is in use already.
func (m *merger) taken(id string) bool {
	key := entryKey(id)
	return get(m.entryAt, key) != nil || m.toCome != nil && m.toCome.Bucket([]byte(bEntries)).Get(key) != nil
}

// numberIn is the number, a varint, that a bucket has under a key; 0 if none.
func numberIn(b *bbolt.Bucket, key []byte) uint64 {
	no, _ := binary.Uvarint(b.Get(key))
	return no
}

// renewEntries files the entry ids that are in use by their makers; layout 1 had hash and number only.
func renewEntries(tx *bbolt.Tx) error {
	if err := tx.DeleteBucket([]byte(bEntries)); err != nil {
		return err
	}
	entries, err := tx.CreateBucket([]byte(bEntries))
	if err != nil {
		return err
	}
	m := &merger{entries: entries}
	return tx.Bucket([]byte(bStories)).ForEach(func(k, v []byte) error {
		st, err := decodeStory(k, v)
		if err != nil {
			return nil // damaged: Check and Reindex tell
		}
		if _, yes := minted(st.Entry); yes {
			return nil
		}
		return m.take(st)
	})
}

// lead settles who speaks for a story and marks it as changed.
func (m *merger) lead(st *story) error {
	m.dirty[st.no] = st
	if len(st.Members) == 1 && m.known[st.Members[0]] != nil { // as of nearly all
		st.Lead = st.Members[0]
		return nil
	}
	var members []*feed.Item
	var nos []uint64
	for _, no := range st.Members {
		if it := m.item(no); it != nil {
			members, nos = append(members, &it.Item), append(nos, no)
		}
	}
	if len(nos) > 0 {
		st.Lead = nos[m.db.leadOf(members, m.roster)]
	}
	return nil
}

// union makes two stories one, and returns it. The older story's key, entry id and place
// survive; the other's key and id still lead to it.
func (m *merger) union(into, from *story) (*story, error) {
	if into.no > from.no {
		into, from = from, into
	}
	for _, no := range from.Members {
		it := m.item(no)
		if it == nil {
			continue
		}
		moved := *it
		moved.StoryNo, moved.Story = into.no, into.Key
		if err := m.putItem(&moved); err != nil {
			return nil, err
		}
	}
	into.Members = append(into.Members, from.Members...)
	into.Sources = append(into.Sources, from.Sources...)
	into.Joins = append(into.Joins, from.Joins...)
	into.Aliases = append(into.Aliases, from.no)
	if err := m.unfile(from); err != nil {
		return nil, err
	}
	alias := &story{
		no: from.no, Key: from.Key, Entry: from.Entry, Into: into.no,
		Order: from.Order, Updated: from.Updated, Born: from.Born, Aliases: from.Aliases,
	}
	delete(m.dirty, from.no)
	m.read[from.no] = alias
	if err := m.putStory(alias); err != nil {
		return nil, err
	}
	return into, m.lead(into)
}

// unfile takes a story out of every list.
func (m *merger) unfile(st *story) error {
	if err := m.timeline.Delete(placeKey(st.Order, st.no)); err != nil {
		return err
	}
	for _, src := range st.was {
		if err := m.bySource.Delete(sourceKey(src, st.Order, st.no)); err != nil {
			return err
		}
	}
	st.was = nil
	if st.Seq == 0 {
		return nil
	}
	return m.changes.Delete(be64(st.Seq))
}

// flush writes the stories that changed, files them and logs the change, and writes the items.
func (m *merger) flush() error {
	for _, no := range sortedKeys(m.dirty) {
		if err := m.file(m.dirty[no]); err != nil {
			return err
		}
	}
	clear(m.dirty)
	return m.flushItems()
}

func (m *merger) file(st *story) error {
	now := distinct(st.Sources)
	for _, src := range st.was {
		if !slices.Contains(now, src) {
			if err := m.bySource.Delete(sourceKey(src, st.Order, st.no)); err != nil {
				return err
			}
		}
	}
	for _, src := range now {
		if !slices.Contains(st.was, src) {
			key := appendPlace(binary.BigEndian.AppendUint32(m.keyRoom[:0], src), st.Order, st.no)
			if err := m.bySource.Put(key, nil); err != nil {
				return err
			}
		}
	}
	if !slices.Equal(now, st.was) {
		m.scratch = packSources(m.scratch[:0], now)
		if err := m.timeline.Put(appendPlace(m.keyRoom[:0], st.Order, st.no), m.arena.keep(m.scratch)); err != nil {
			return err
		}
	}
	st.was = now
	if st.Seq != 0 {
		if err := m.changes.Delete(be64(st.Seq)); err != nil {
			return err
		}
	}
	seq, err := m.changes.NextSequence()
	if err != nil {
		return err
	}
	st.Seq = seq
	m.scratch = appendChange(m.scratch[:0], st.no, m.at)
	if err := m.changes.Put(m.key64(seq), m.arena.keep(m.scratch)); err != nil {
		return err
	}
	return m.putStory(st)
}

func (m *merger) putStory(st *story) error {
	body, err := appendStory(m.scratch[:0], st)
	if err != nil {
		return err
	}
	m.scratch = body
	key := m.key64(st.no)
	return m.stories.Put(key, sealIn(&m.arena, bStories, key, versionCBOR, body))
}

// refsOf appends the hashes under which an item can be found to an empty list.
func refsOf(refs []uint64, it *stored) []uint64 {
	add := func(hash uint64) {
		if !slices.Contains(refs, hash) {
			refs = append(refs, hash)
		}
	}
	add(it.keyHash())
	for _, s := range [...]string{it.ID, it.Link} {
		if s != "" {
			add(hashRef(s))
		}
	}
	for _, key := range it.Former { // the first of them may be the one in a story's key
		add(hashKey(key))
	}
	return refs
}

// moveRefs files an item under what it can be found by, and no longer under what old
// was found by. Either may be nil.
func (m *merger) moveRefs(old, next *stored) {
	var was, now []uint64
	var it *stored
	if old != nil {
		was, it = refsOf(nil, old), old
	}
	if next != nil {
		m.hashes = refsOf(m.hashes[:0], next)
		now, it = m.hashes, next
	}
	born := day(it.Seen)
	for _, h := range was {
		if !slices.Contains(now, h) && !m.namesStory(h, it.No) {
			m.dropRef(born, h, it.No)
		}
	}
	for _, h := range now {
		if !slices.Contains(was, h) {
			m.putRef(born, h, it.No)
		}
	}
}

// namesStory reports whether a hash is that of the key of the story of that number. The
// story may outlive the item that founded it.
func (m *merger) namesStory(hash, no uint64) bool {
	st, ok := m.read[no]
	if !ok {
		st = m.db.readStory(m.stories, no)
	}
	if st == nil {
		return false
	}
	h, ok := storyHash(st.Key)
	return ok && h == hash
}

func appendChange(to []byte, no uint64, at time.Time) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(to, no), uint64(max(0, at.Unix())))
}

// logGeneral logs a change that is not of one story; only the newest of them is kept.
func logGeneral(tx *bbolt.Tx, at time.Time) error {
	changes, meta := tx.Bucket([]byte(bChanges)), tx.Bucket([]byte(bMeta))
	if _, newest := lastChange(tx); at.Before(newest) {
		at = newest
	}
	seq, err := changes.NextSequence()
	if err != nil {
		return err
	}
	if old := meta.Get([]byte("general")); old != nil {
		if err := changes.Delete(old); err != nil {
			return err
		}
	}
	if err := meta.Put([]byte("general"), be64(seq)); err != nil {
		return err
	}
	return changes.Put(be64(seq), appendChange(nil, 0, at))
}

func lastChange(tx *bbolt.Tx) (uint64, time.Time) {
	k, v := tx.Bucket([]byte(bChanges)).Cursor().Last()
	if k == nil {
		return 0, time.Time{}
	}
	_, at := splitChange(v)
	return num(k), at
}

func splitChange(v []byte) (no uint64, at time.Time) {
	no, n := binary.Uvarint(v)
	if n <= 0 {
		return 0, time.Time{}
	}
	sec, _ := binary.Uvarint(v[n:])
	return no, time.Unix(int64(sec), 0).UTC()
}

func (db *DB) readChange(tx *bbolt.Tx, k, v []byte) Change {
	no, at := splitChange(v)
	ch := Change{Seq: num(k), At: at}
	if no != 0 {
		if st := db.readStory(tx.Bucket([]byte(bStories)), no); st != nil {
			ch.Story = st.Key
		}
	}
	return ch
}
