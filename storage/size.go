package storage

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Size is how large the store was on a day.
type Size struct {
	Date  feed.Date `cbor:"1,keyasint" json:"date"`
	Bytes int64     `cbor:"2,keyasint" json:"bytes"` // of the file
	Free  int64     `cbor:"3,keyasint" json:"free"`  // of those, room that will be used again
}

// mostSizes is how many days the size is remembered for.
const mostSizes = 30

// Size is how large the store is at that time.
func (db *DB) Size(at time.Time) (Size, error) {
	size := Size{Date: feed.DateOf(at)}
	db.swap.RLock()
	defer db.swap.RUnlock()
	if db.bolt == nil {
		return size, ErrClosed
	}
	info, err := os.Stat(db.path)
	if err != nil {
		return size, fmt.Errorf("size of the store: %w", err)
	}
	size.Bytes = info.Size()
	stats := db.bolt.Stats()
	size.Free = int64(stats.FreePageN+stats.PendingPageN) * int64(db.bolt.Info().PageSize)
	return size, nil
}

// NoteSize remembers how large the store is, once a day, for a month.
func (db *DB) NoteSize(ctx context.Context, at time.Time) error {
	sizes, err := db.Sizes(ctx)
	if err != nil {
		return err
	}
	if n := len(sizes); n > 0 && sizes[n-1].Date >= feed.DateOf(at) {
		return nil
	}
	now, err := db.Size(at)
	if err != nil {
		return err
	}
	sizes = append(sizes, now)
	sizes = sizes[max(0, len(sizes)-mostSizes):]
	db.work.Lock()
	defer db.work.Unlock()
	return db.update(func(tx *bbolt.Tx) error { return putRecord(tx, bMeta, []byte(sizesKey), sizes) })
}

const sizesKey = "sizes"

// Sizes are the sizes that were noted, the oldest first.
func (db *DB) Sizes(ctx context.Context) ([]Size, error) {
	var sizes []Size
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err := db.view(func(tx *bbolt.Tx) error {
		key := []byte(sizesKey)
		v := tx.Bucket([]byte(bMeta)).Get(key)
		if v == nil {
			return nil
		}
		if err := decode(bMeta, key, v, &sizes); err != nil {
			db.lost(bMeta, key, err)
			sizes = nil
		}
		return nil
	})
	return slices.Clip(sizes), err
}

// Growth is by how many bytes a day the store has grown from the first of the sizes to
// now, free room not counted; known is false if the first is less than a day old.
func Growth(sizes []Size, now Size) (perDay int64, known bool) {
	if len(sizes) == 0 || sizes[0].Date >= now.Date {
		return 0, false
	}
	first := sizes[0]
	return (now.Bytes - now.Free - first.Bytes + first.Free) / int64(now.Date-first.Date), true
}
