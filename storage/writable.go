package storage

import (
	"errors"
	"time"
)

// unwritten is why something could not be written, and since when.
type unwritten struct {
	since time.Time
	err   error
	bytes int64     // the least that could not be written since
	last  time.Time // when that was tried last
}

// assumeRoom is how long after the last failure even what is small shows that there is room again.
const assumeRoom = time.Minute

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
// there is room again, or that nothing has failed for a while. A group of visits that could not be stored
// comes again one by one.
func (db *DB) written(bytes int64, err error) {
	if errors.Is(err, ErrClosed) {
		return
	}
	before, now := db.unwritten.Load(), db.opts.Now().UTC()
	switch {
	case err == nil && before == nil:
	case err == nil && (2*bytes >= before.bytes || now.Sub(before.last) >= assumeRoom):
		db.unwritten.Store(nil)
		db.opts.Log.Info("the store can be written again", "since", before.since)
	case err == nil:
	case before == nil:
		db.unwritten.Store(&unwritten{since: now, err: err, bytes: bytes, last: now})
		db.opts.Log.Error("the store cannot be written; visits fail until it can", "err", err)
	default:
		db.unwritten.Store(&unwritten{since: before.since, err: err, bytes: min(bytes, before.bytes), last: now})
	}
}
