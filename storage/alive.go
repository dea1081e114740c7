package storage

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// aliveAgain is how often Alive looks whether maintenance has begun meanwhile.
const aliveAgain = time.Second

// Alive returns nil once the store has shown that it reads, and that whoever merges
// gets his turn: it waits for that as long as it must, or until ctx ends. Maintenance
// that lets merges wait on purpose (compact, reindex, restore, check) is not taken for
// death; only reading is asked of the store then. It is for supervisors that would
// rather have a store that hangs begin anew.
func (db *DB) Alive(ctx context.Context) error {
	if err := db.view(func(*bbolt.Tx) error { return nil }); err != nil {
		return err
	}
	again := time.NewTicker(aliveAgain)
	defer again.Stop()
	for db.resting.Load() == 0 {
		select {
		case db.asked <- struct{}{}:
			return nil
		case <-again.C:
		case <-db.closing:
			return ErrClosed
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// rest takes the right to write, for as long as maintenance needs it, and returns
// what gives it back.
func (db *DB) rest() (done func()) {
	db.work.Lock()
	db.resting.Add(1)
	return func() {
		db.resting.Add(-1)
		db.work.Unlock()
	}
}
