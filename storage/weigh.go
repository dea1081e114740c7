package storage

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Weigh asks the rules again what a stored item is, among all that is stored within
// the window today, and changes nothing. The item may be named by key, id or link. An
// item whose marks have expired with the window resembles nothing any more.
func (db *DB) Weigh(ctx context.Context, ref string) (v feed.Verdict, err error) {
	if err := ctx.Err(); err != nil {
		return v, err
	}
	db.work.Lock()
	defer db.work.Unlock()
	if err := db.loadWindow(); err != nil {
		return v, err
	}
	err = db.view(func(tx *bbolt.Tx) (err error) {
		defer catchBug(&err)
		m := db.newMerger(tx) // of which only questions are asked
		it, err := m.named(ref)
		if err != nil {
			return err
		}
		weighed := *it
		weighed.Marks = db.readMarks(tx, it)
		v, _ = m.decide(&weighed.Item)
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("weigh %s: %w", ref, err)
	}
	return v, nil
}

// readMarks are the marks of a stored item, none once they have expired.
func (db *DB) readMarks(tx *bbolt.Tx, it *stored) []feed.Mark {
	b := tx.Bucket([]byte(bMarks)).Bucket(be32(day(it.Seen)))
	if b == nil {
		return nil
	}
	key := be64(it.No)
	v := b.Get(key)
	if v == nil {
		return nil
	}
	var rec markRecord
	if err := decode(bMarks, key, v, &rec); err != nil {
		db.lost(bMarks, key, err)
		return nil
	}
	return rec.Marks
}
