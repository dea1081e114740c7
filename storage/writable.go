package storage

import (
	"errors"
	"time"
)

// unwritten is why something could not be written, and since when.
type unwritten struct {
	since time.Time
	err   error
	bytes int64 // the least that could not be written since
}

// Writable is nil if what is to be written to the file can be; else it tells why not (a full disk,
// mostly), and since when. What is stored can be read meanwhile. It begins to succeed
// again by itself.
func (db *DB) Writable() (since time.Time, err error) {
	if u := db.unwritten.Load(); u != nil {
		return u.since, u.err
	}
	return time.Time{}, nil
}

// written notes what came of a try to write so many bytes to the file. The log is told when that turns. On a full disk
// what is small still finds room in the file's free pages: only what is about as big as what failed shows that
// there is room again. It comes, since visits that could not be stored are made again.
func (db *DB) written(bytes int64, err error) {
	before := db.unwritten.Load()
	switch {
	case errors.Is(err, ErrClosed):
	case err == nil && before != nil && 2*bytes >= before.bytes:
		db.unwritten.Store(nil)
		db.opts.Log.Info("the store can be written again", "since", before.since)
	case err != nil && before == nil:
		db.unwritten.Store(&unwritten{db.opts.Now().UTC(), err, bytes})
		db.opts.Log.Error("the store cannot be written; visits fail until it can", "err", err)
	case err != nil:
		db.unwritten.Store(&unwritten{before.since, err, min(bytes, before.bytes)})
	}
}
