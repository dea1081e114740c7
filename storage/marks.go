package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// holder is what the index of marks knows of an item. One that was never seen is gone.
type holder struct {
	no       uint64
	at, seen uint64   // stamps: feed.Item.Time, and when it was seen
	strong   int      // so many of the marks are strong; they come first
	keys     []uint32 // of its marks
}

// holderOf is what the index of marks knows of an item.
func holderOf(no uint64, it *feed.Item) holder {
	h := holder{no: no, at: stamp(it.Time()), seen: stamp(it.Seen), keys: make([]uint32, 0, len(it.Marks))}
	for _, m := range it.Marks {
		if !weak(m) {
			h.keys = append(h.keys, markKey(m))
		}
	}
	h.strong = len(h.keys)
	for _, m := range it.Marks {
		if weak(m) {
			h.keys = append(h.keys, markKey(m))
		}
	}
	return h
}

func (h holder) append(b []byte) []byte {
	b = binary.AppendUvarint(b, h.no)
	b = binary.BigEndian.AppendUint64(b, h.at)
	b = binary.BigEndian.AppendUint64(b, h.seen)
	b = binary.AppendUvarint(b, uint64(h.strong))
	b = binary.AppendUvarint(b, uint64(len(h.keys)))
	for _, k := range h.keys {
		b = binary.BigEndian.AppendUint32(b, k)
	}
	return b
}

// cutHolder reads what append wrote.
func cutHolder(b []byte) (h holder, rest []byte, ok bool) {
	if h.no, b, ok = cutUvarint(b); !ok || len(b) < 16 {
		return h, nil, false
	}
	h.at, h.seen, b = num(b), num(b[8:]), b[16:]
	strong, b, ok1 := cutUvarint(b)
	n, b, ok2 := cutUvarint(b)
	if !ok1 || !ok2 || n > uint64(len(b)/4) || strong > n {
		return h, nil, false
	}
	h.strong, h.keys = int(strong), make([]uint32, n)
	for i := range h.keys {
		h.keys[i] = binary.BigEndian.Uint32(b[4*i:])
	}
	return h, b[4*n:], true
}

// addMarks makes a new item known by its marks, for as long as they matter.
func (m *merger) addMarks(it *stored, h holder) error {
	if it.Seen.Before(m.horizon()) {
		return nil
	}
	m.db.win.put(h)
	if it.Seen.Before(m.marksFrom) {
		return nil
	}
	if d := day(it.Seen); len(m.notes.body) > 0 && m.notes.day != d { // one that was here before
		if err := m.flushMarks(); err != nil {
			return err
		}
	}
	if len(m.notes.body) == 0 {
		m.notes.day, m.notes.no = day(it.Seen), it.No
	}
	m.notes.body = h.append(m.notes.body)
	return nil
}

// setMarks makes a stored item known by its marks of now, and returns by what it was
// known before.
func (m *merger) setMarks(old, it *stored) (before holder, err error) {
	if it.Seen.Before(m.horizon()) {
		return holder{no: old.No}, nil
	}
	if err := m.flushMarks(); err != nil { // it may be among them
		return before, err
	}
	before = m.db.readMarks(m.tx, old)
	m.db.win.drop(before)
	h := holderOf(it.No, &it.Item)
	m.db.win.put(h)
	return before, m.logMarks(day(it.Seen), it.No, h.append(nil))
}

// dropMarks forgets an item.
func (m *merger) dropMarks(it *stored) error {
	if err := m.flushMarks(); err != nil {
		return err
	}
	m.db.win.drop(m.db.readMarks(m.tx, it))
	if day(it.Seen) < day(m.horizon()) {
		return nil
	}
	return m.logMarks(day(it.Seen), it.No, holder{no: it.No}.append(nil))
}

// flushMarks writes the marks of the items that came.
func (m *merger) flushMarks() error {
	if len(m.notes.body) == 0 {
		return nil
	}
	body := m.notes.body
	m.notes.body = body[:0]
	return m.logMarks(m.notes.day, m.notes.no, body)
}

// logMarks writes a record of marks, of items from a number on.
func (m *merger) logMarks(d uint32, no uint64, body []byte) error {
	b, err := m.tx.Bucket([]byte(bMarks)).CreateBucketIfNotExists(be32(d))
	if err != nil {
		return err
	}
	b.FillPercent = fillSequential
	seq, err := b.NextSequence()
	if err != nil {
		return err
	}
	key := append(be64(no), be64(seq)...)
	return b.Put(key, seal(bMarks, key, versionMarks, body))
}

// readMarks is what the index of marks was told of a stored item; nothing once that has
// expired.
func (db *DB) readMarks(tx *bbolt.Tx, it *stored) holder {
	none := holder{no: it.No, at: stamp(it.Time()), seen: stamp(it.Seen)}
	b := tx.Bucket([]byte(bMarks)).Bucket(be32(day(it.Seen)))
	if b == nil {
		return none
	}
	bad := func(k []byte, err error) { db.lost(bMarks, k, err) }
	c := b.Cursor()
	c.Seek(be64(it.No + 1))
	k, v := c.Prev()
	if k == nil {
		k, v = c.Last()
	}
	// Between the record of those it came with and its own, if it was revised, may be
	// revisions of the others.
	for range maxSteps {
		if k == nil {
			break
		}
		var found holder
		eachHolder(k, v, bad, func(h holder) {
			if h.no == it.No {
				found = h
			}
		})
		if found.no == it.No {
			return found
		}
		k, v = c.Prev()
	}
	return none
}

// expireMarks drops the days that lie behind the horizon.
func (m *merger) expireMarks() error {
	marks, first := m.tx.Bucket([]byte(bMarks)), be32(day(m.horizon()))
	var gone [][]byte
	c := marks.Cursor()
	for d, _ := c.First(); d != nil && bytes.Compare(d, first) < 0; d, _ = c.Next() {
		gone = append(gone, bytes.Clone(d))
	}
	for _, d := range gone {
		if err := marks.DeleteBucket(d); err != nil {
			return err
		}
	}
	return nil
}

// eachHolder goes over a record of marks. If it cannot be read, bad is told.
func eachHolder(k, v []byte, bad func(key []byte, err error), each func(holder)) {
	version, body, err := unseal(bMarks, k, v, nil)
	if err == nil && version != versionMarks {
		err = fmt.Errorf("record version %d is not known", version)
	}
	if err != nil {
		bad(k, err)
		return
	}
	for len(body) > 0 {
		h, rest, ok := cutHolder(body)
		if !ok {
			bad(k, errPack)
			return
		}
		each(h)
		body = rest
	}
}

// holdersOf is what a day's log says in the end; of items that are gone, that they were
// seen at 0.
func (db *DB) holdersOf(log *bbolt.Bucket) []holder {
	var all []holder
	at := map[uint64]int{}
	lost := func(k []byte, err error) { db.lost(bMarks, k, err) }
	_ = log.ForEach(func(k, v []byte) error {
		eachHolder(k, v, lost, func(h holder) {
			i, known := at[h.no]
			if !known {
				i = len(all)
				at[h.no], all = i, append(all, h)
			}
			all[i] = h
		})
		return nil
	})
	return all
}

// loadWindow makes the index of marks, if it is not there. The caller holds db.work.
func (db *DB) loadWindow() error {
	if db.win != nil {
		return nil
	}
	win := db.newWindow()
	err := db.view(func(tx *bbolt.Tx) error {
		cut := stamp(horizon(readClock(tx), db.rules.Load().Window()))
		marks := tx.Bucket([]byte(bMarks))
		return marks.ForEachBucket(func(d []byte) error {
			if uint64(binary.BigEndian.Uint32(d)) < cut/stampsPerDay {
				return nil
			}
			for _, h := range db.holdersOf(marks.Bucket(d)) {
				if h.seen >= cut {
					win.put(h)
					win.settle()
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("load the index of marks: %w", err)
	}
	db.win = win
	return nil
}

// markRecord is what layout 1 kept of an item's marks.
type markRecord struct {
	_     struct{} `cbor:",toarray"`
	At    uint64   // stamp of feed.Item.Time
	Seen  uint64   // stamp
	Marks []feed.Mark
}

// renewMarks rewrites the marks that layout 1 kept item by item.
func renewMarks(tx *bbolt.Tx) error {
	marks := tx.Bucket([]byte(bMarks))
	type entry struct{ key, rec []byte }
	days := map[string][]entry{}
	err := marks.ForEachBucket(func(d []byte) error {
		days[string(d)] = nil
		return marks.Bucket(d).ForEach(func(k, v []byte) error {
			var old markRecord
			if decode(bMarks, k, v, &old) != nil {
				return nil // an item that nothing will be compared with
			}
			h := holderOf(num(k), &feed.Item{Published: unstamp(old.At), Seen: unstamp(old.Seen), Marks: old.Marks})
			key := append(bytes.Clone(k), be64(0)...)
			days[string(d)] = append(days[string(d)], entry{key, seal(bMarks, key, versionMarks, h.append(nil))})
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, d := range sortedKeys(days) {
		if err := marks.DeleteBucket([]byte(d)); err != nil {
			return err
		}
		b, err := marks.CreateBucket([]byte(d))
		if err != nil {
			return err
		}
		b.FillPercent = fillSequential
		for _, e := range days[d] {
			if err := b.Put(e.key, e.rec); err != nil {
				return err
			}
		}
	}
	return nil
}
