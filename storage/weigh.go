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
		v, _ = m.decide(&it.Item, db.readMarks(tx, it))
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("weigh %s: %w", ref, err)
	}
	return v, nil
}
