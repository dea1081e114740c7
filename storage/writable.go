package storage

import (
	"errors"
	"time"
)

// unwritten is why nothing could be written at the last try, and since when.
type unwritten struct {
	since time.Time
	err   error
}

// Writable is nil if the last try to write to the file succeeded; else it tells why it did
// not (a full disk, mostly), and since when none has. What is stored can be read
// meanwhile. It begins to succeed again by itself.
func (db *DB) Writable() (since time.Time, err error) {
	if u := db.unwritten.Load(); u != nil {
		return u.since, u.err
	}
	return time.Time{}, nil
}

// written notes what came of a try to write to the file. The log is told when that turns.
func (db *DB) written(err error) {
	before := db.unwritten.Load()
	switch {
	case errors.Is(err, ErrClosed):
	case err == nil && before != nil:
		db.unwritten.Store(nil)
		db.opts.Log.Info("the store can be written again", "since", before.since)
	case err != nil && before == nil:
		db.unwritten.Store(&unwritten{db.opts.Now().UTC(), err})
		db.opts.Log.Error("the store cannot be written; visits fail until it can", "err", err)
	case err != nil:
		db.unwritten.Store(&unwritten{before.since, err})
	}
}
