package storage

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// markRecord is what is kept to find an item by its marks.
type markRecord struct {
	_     struct{} `cbor:",toarray"`
	At    uint64   // stamp of feed.Item.Time
	Seen  uint64   // stamp
	Marks []feed.Mark
}

// putMarks makes an item known by its marks, for as long as they matter.
func (m *merger) putMarks(it *stored) error {
	if it.Seen.Before(m.horizon()) {
		return nil
	}
	m.db.win.put(it.No, &it.Item)
	if it.Seen.Before(m.marksFrom) {
		return nil
	}
	key := be64(it.No)
	rec, err := encode(bMarks, key, &markRecord{At: stamp(it.Time()), Seen: stamp(it.Seen), Marks: it.Marks})
	if err != nil {
		return err
	}
	b, err := m.tx.Bucket([]byte(bMarks)).CreateBucketIfNotExists(be32(day(it.Seen)))
	if err != nil {
		return err
	}
	b.FillPercent = fillSequential
	return b.Put(key, rec)
}

// deleteMarks forgets an item.
func (m *merger) deleteMarks(it *stored) error {
	m.db.win.drop(it.No, it.Seen, m.db.readMarks(m.tx, it))
	if b := m.tx.Bucket([]byte(bMarks)).Bucket(be32(day(it.Seen))); b != nil {
		return b.Delete(be64(it.No))
	}
	return nil
}

// dropMarks drops the days that lie behind the horizon.
func (m *merger) dropMarks() error {
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

// loadWindow makes the index of marks, if it is not there. The caller holds db.work.
func (db *DB) loadWindow() error {
	if db.win != nil {
		return nil
	}
	win := db.newWindow()
	err := db.view(func(tx *bbolt.Tx) error {
		cut := stamp(horizon(readClock(tx), db.opts.Decider.Window()))
		marks := tx.Bucket([]byte(bMarks))
		return marks.ForEachBucket(func(d []byte) error {
			if uint64(binary.BigEndian.Uint32(d)) < cut/stampsPerDay {
				return nil
			}
			return marks.Bucket(d).ForEach(func(k, v []byte) error {
				var it markRecord
				if err := decode(bMarks, k, v, &it); err != nil {
					db.lost(bMarks, k, err)
				} else if it.Seen >= cut {
					win.put(num(k), &feed.Item{Published: unstamp(it.At), Seen: unstamp(it.Seen), Marks: it.Marks})
					win.settle()
				}
				return nil
			})
		})
	})
	if err != nil {
		return fmt.Errorf("load the index of marks: %w", err)
	}
	db.win = win
	return nil
}
