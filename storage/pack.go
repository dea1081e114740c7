package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"go.etcd.io/bbolt"
)

// Items that came together, or one after the other, are written together, in packs: what they repeat
// (addresses, markup, words) is then stored once, a page holds little air, and one write does for
// all of them.
const (
	// packItems is how many items a pack holds at most. To read one item its pack is
	// decompressed, some 40 µs; a larger pack would take no less room, as pages end where they do.
	packItems = 16
	// packFull ends a pack early, in bytes before compression: who brings whole books
	// should not pay for its neighbours.
	packFull = 32 << 10
)

// A pack is a record of items in the order of their numbers. It bears the number that its first
// item had when it was written, and goes with its last item.
type pack struct {
	no    uint64
	items []packed
	size  int        // of the bodies, while it is being filled
	from  recordSign // of its record, when it was read
}

// itemRoom is about how many bytes of items are remembered at most: to read one of a pack, all of it is
// decompressed, and to make an item of its bytes takes as long as all else that a reader needs of it. The hundred newest of everything and of each feed, which are read
// whenever something is new, have some hundred kB.
const itemRoom = 2 << 20

// packed is an item in a pack: its number and its CBOR.
type packed struct {
	no   uint64
	body []byte
}

// find is where in the pack an item is.
func (p *pack) find(no uint64) (int, bool) {
	return slices.BinarySearchFunc(p.items, no, func(it packed, no uint64) int { return cmp.Compare(it.no, no) })
}

// record is the pack as it is stored: the number of items, of each how far its number is from
// that of the one before, and its length; then the items. All numbers are varints.
func (p *pack) record() []byte {
	scratch := bodies.Get().(*[]byte)
	defer bodies.Put(scratch)
	body := binary.AppendUvarint((*scratch)[:0], uint64(len(p.items)))
	last := p.no
	for _, it := range p.items {
		body = binary.AppendUvarint(body, it.no-last)
		body = binary.AppendUvarint(body, uint64(len(it.body)))
		last = it.no
	}
	for _, it := range p.items {
		body = append(body, it.body...)
	}
	*scratch = body
	return seal(bItems, be64(p.no), versionPack, body)
}

// readPack reads a record of the items. Nothing in the pack refers to the record afterwards.
func readPack(key, rec []byte) (*pack, error) {
	version, body, err := unseal(bItems, key, rec, nil)
	if err != nil {
		return nil, err
	}
	p := &pack{no: num(key), from: signOf(rec)}
	switch version {
	case versionCBOR: // of layout 1: one item
		p.items = []packed{{p.no, body}}
		return p, nil
	case versionPack:
	default:
		return nil, fmt.Errorf("record version %d is not known", version)
	}
	count, body, ok := cutUvarint(body)
	if !ok || count > uint64(len(body)) {
		return nil, errPack
	}
	p.items = make([]packed, count)
	lengths := make([]uint64, count)
	last := p.no
	for i := range p.items {
		var step uint64
		if step, body, ok = cutUvarint(body); !ok {
			return nil, errPack
		}
		if lengths[i], body, ok = cutUvarint(body); !ok {
			return nil, errPack
		}
		last += step
		p.items[i].no = last
	}
	for i, n := range lengths {
		if n > uint64(len(body)) {
			return nil, errPack
		}
		p.items[i].body, body = body[:n:n], body[n:]
	}
	return p, nil
}

func cutUvarint(b []byte) (n uint64, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 {
		return 0, b, false
	}
	return n, b[w:], true
}

// seekPack finds the record that holds the item, if any does.
func seekPack(items *bbolt.Bucket, no uint64) (key, rec []byte) {
	c := items.Cursor()
	want := be64(no)
	if key, rec = c.Seek(want); key == nil {
		key, rec = c.Last()
	} else if !bytes.Equal(key, want) {
		key, rec = c.Prev()
	}
	return key, rec
}

// decodeItem reads an item of a pack.
func decodeItem(it packed) (*stored, error) {
	out := &stored{No: it.no}
	if err := decMode.Unmarshal(it.body, out); err != nil {
		return nil, fmt.Errorf("decode item %d: %w", it.no, err)
	}
	out.expand()
	return out, nil
}

// byAuthority marks an entry id that is only written as the authority that made it: the
// rest is the story's key.
const byAuthority = "\x00"

// expand fills in what follows from the rest: the key of a story that the item founded, and of an entry
// id that was made from a story's key all but the authority.
func (it *stored) expand() {
	if it.Story == "" {
		it.Story = storyKeyOf(it.keyHash())
	}
	it.Entry = expandEntry(it.Entry, it.Story)
}

func abridgeEntry(entry, story string) string {
	rest, ours := strings.CutSuffix(entry, story)
	if authority, yes := strings.CutSuffix(rest, mintMiddle); ours && yes {
		if authority, yes := strings.CutPrefix(authority, "tag:"); yes {
			return byAuthority + authority
		}
	}
	return entry
}

func expandEntry(entry, story string) string {
	if authority, ok := strings.CutPrefix(entry, byAuthority); ok {
		return mintEntry(authority, story)
	}
	return entry
}

// An itemReader reads items within one transaction, and has the last packs at hand: who
// came together is often read together. Packs are not changed.
type itemReader struct {
	db    *DB
	items *bbolt.Bucket
	seen  []*pack // newest last
}

// readerPacks is how many packs a reader remembers.
const readerPacks = 16

func (db *DB) itemReader(tx *bbolt.Tx) *itemReader {
	return &itemReader{db: db, items: tx.Bucket([]byte(bItems))}
}

// item reads an item; nil if it is not there or cannot be read. The item is the caller's own, but what it
// refers to (lists, the hash) others read too: it may be replaced, not changed.
func (r *itemReader) item(no uint64) *stored {
	it := r.shared(no)
	if it == nil {
		return nil
	}
	own := *it
	return &own
}

// shared is item for who only reads it.
func (r *itemReader) shared(no uint64) *stored {
	p := r.at(no)
	if p == nil {
		key, rec := seekPack(r.items, no)
		if it := r.db.recent.get(no, rec); it != nil {
			return it
		}
		if p = r.read(key, rec); p == nil {
			return nil
		}
	}
	i, ok := p.find(no)
	if !ok {
		return nil
	}
	it, err := decodeItem(p.items[i])
	if err != nil {
		r.db.lost(bItems, be64(no), err)
		return nil
	}
	r.db.recent.put(no, p.from, it, len(p.items[i].body)+int(unsafe.Sizeof(*it)))
	return it
}

// pack reads the pack that holds the item, if any does.
func (r *itemReader) pack(no uint64) *pack {
	if p := r.at(no); p != nil {
		return p
	}
	return r.read(seekPack(r.items, no))
}

// at is the pack at hand that holds the item, if any does.
func (r *itemReader) at(no uint64) *pack {
	for _, p := range slices.Backward(r.seen) {
		if n := len(p.items); n > 0 && p.no <= no && no <= p.items[n-1].no {
			return p
		}
	}
	return nil
}

// read reads a pack; nil if there is none, or it cannot be read.
func (r *itemReader) read(key, rec []byte) *pack {
	if key == nil {
		return nil
	}
	p, err := readPack(key, rec)
	if err != nil {
		r.db.lost(bItems, key, err)
		return nil
	}
	if len(r.seen) == readerPacks {
		r.seen = slices.Delete(r.seen, 0, readerPacks/2)
	}
	r.seen = append(r.seen, p)
	return p
}

// has reports whether the item is there, readable or not.
func (r *itemReader) has(no uint64) bool {
	p := r.pack(no)
	if p == nil {
		key, _ := seekPack(r.items, no)
		return key != nil && num(key) == no
	}
	_, ok := p.find(no)
	return ok
}

// readItem reads an item; nil if it is not there or cannot be read.
func (db *DB) readItem(tx *bbolt.Tx, no uint64) *stored { return db.itemReader(tx).item(no) }

// eachItem goes over the items from a number on, in order. Of packs that cannot be
// read, bad is told.
func eachItem(items *bbolt.Bucket, from uint64, bad func(key []byte, err error) error, each func(*stored) error) error {
	c := items.Cursor()
	key, rec := c.First()
	if from > 0 {
		if key, rec = seekPack(items, from); key == nil {
			key, rec = c.First()
		} else {
			c.Seek(key)
		}
	}
	for ; key != nil; key, rec = c.Next() {
		p, err := readPack(key, rec)
		if err != nil {
			if err := bad(key, err); err != nil {
				return err
			}
			continue
		}
		for _, packed := range p.items {
			if packed.no < from {
				continue
			}
			it, err := decodeItem(packed)
			if err == nil {
				err = each(it)
			} else {
				err = bad(key, err)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// addItem has a new item written at the end of the batch. Its number is the largest so far.
func (m *merger) addItem(it *stored) {
	m.known[it.No] = it
	m.fresh = append(m.fresh, it)
}

// putItem has the new version of a stored item written at the end of the batch.
func (m *merger) putItem(it *stored) error {
	m.known[it.No] = it
	if i, ok := m.findFresh(it.No); ok {
		m.fresh[i] = it
		return nil
	}
	p, i := m.packOf(it.No)
	if p == nil {
		return fmt.Errorf("item %s: %w", it.Key, ErrNotFound)
	}
	body, err := appendItem(nil, it)
	p.items[i].body = body
	return err
}

// deleteItem has a stored item removed at the end of the batch.
func (m *merger) deleteItem(no uint64) {
	m.known[no] = nil
	if i, ok := m.findFresh(no); ok {
		m.fresh = slices.Delete(m.fresh, i, i+1)
		return
	}
	if p, i := m.packOf(no); p != nil {
		p.items = slices.Delete(p.items, i, i+1)
	}
}

func (m *merger) findFresh(no uint64) (int, bool) {
	return slices.BinarySearchFunc(m.fresh, no, func(it *stored, no uint64) int { return cmp.Compare(it.No, no) })
}

// packOf is the pack, to be changed and then written at the end of the batch, that holds a stored item,
// and where in it that is; nil if there is none.
func (m *merger) packOf(no uint64) (*pack, int) {
	p := m.packs.pack(no)
	if p == nil {
		return nil, 0
	}
	changed := m.pages[p.no]
	if changed != nil {
		p = changed
	}
	i, ok := p.find(no)
	if !ok {
		return nil, 0
	}
	if changed == nil {
		p = &pack{no: p.no, items: slices.Clone(p.items)} // others read the one that is stored
		m.pages[p.no] = p
	}
	return p, i
}

// flushItems writes the items and marks that came, and the packs that changed.
func (m *merger) flushItems() error {
	for _, no := range sortedKeys(m.pages) {
		p := m.pages[no]
		err := error(nil)
		if len(p.items) == 0 {
			err = m.items.Delete(be64(no))
		} else {
			err = m.items.Put(be64(no), p.record())
		}
		if err != nil {
			return err
		}
	}
	if err := m.flushFresh(); err != nil {
		return err
	}
	clear(m.pages)
	m.fresh, m.packs.seen = nil, nil
	return m.flushMarks()
}

// flushFresh writes the new items, in packs.
//
// A visit mostly brings one item or two. As packs of their own those would leave half of each page empty, because
// bbolt leaves two records behind when it splits the last page; so they join the pack before them.
func (m *merger) flushFresh() error {
	all, ends := m.bodies[:0], make([]int, len(m.fresh))
	for i, it := range m.fresh {
		var err error
		if all, err = appendItem(all, it); err != nil {
			return err
		}
		ends[i] = len(all)
	}
	m.bodies = all
	begin := 0
	p := m.roomFor(len(all))
	for i, it := range m.fresh {
		if len(p.items) == 0 {
			p.no = it.No
		}
		p.items = append(p.items, packed{it.No, all[begin:ends[i]]})
		p.size += ends[i] - begin
		begin = ends[i]
		if i < len(m.fresh)-1 && len(p.items) < packItems && p.size < packFull {
			continue
		}
		if err := m.items.Put(be64(p.no), p.record()); err != nil {
			return err
		}
		p = pack{items: p.items[:0]}
	}
	return nil
}

// roomFor is the last pack, if the new items, so many bytes, have room in it, else an empty one. The numbers tell
// how many it holds at most, so that one that is full need not be read.
func (m *merger) roomFor(size int) (p pack) {
	key, rec := m.items.Cursor().Last()
	if key == nil || len(m.fresh) == 0 || m.fresh[len(m.fresh)-1].No-num(key) >= packItems {
		return pack{}
	}
	last, err := readPack(key, rec)
	if err != nil {
		return pack{} // who reads it will tell
	}
	for _, it := range last.items {
		size += len(it.body)
		p.size += len(it.body)
	}
	if size > packFull {
		return pack{}
	}
	p.no, p.items = last.no, last.items
	return p
}
