package storage_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// stuck does not come back from a decision until it is let go.
type stuck struct {
	storagetest.Titles
	begun, letGo chan struct{}
}

func (s stuck) Decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	close(s.begun)
	<-s.letGo
	return s.Titles.Decide(it, near)
}

// TestAStoreThatIsStuckIsNotAlive has a merge that never ends.
func TestAStoreThatIsStuckIsNotAlive(t *testing.T) {
	rules := stuck{begun: make(chan struct{}), letGo: make(chan struct{})}
	db := open(t, func(o *storage.Options) { o.Decider = rules })
	if err := db.Alive(t.Context()); err != nil {
		t.Errorf("an idle store: %v", err)
	}
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Words.")))
	merged := make(chan error, 1)
	go func() {
		_, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet("gazette"), time.Hour, storagetest.Item("gazette", "1", "Ferry sinks", "Words.")))
		merged <- err
	}()
	<-rules.begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a merge that does not end, Alive says %v", err)
	}
	close(rules.letGo)
	if err := <-merged; err != nil {
		t.Fatal(err)
	}
	if err := db.Alive(t.Context()); err != nil {
		t.Errorf("once the merge has ended: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Alive(t.Context()); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("a closed store: %v", err)
	}
}

// TestMaintenanceIsAlive asks in the middle of a check, which lets merges wait.
func TestMaintenanceIsAlive(t *testing.T) {
	db := open(t)
	var items []feed.Item
	for n := range 1024 { // so many that a check tells how far it has come
		items = append(items, storagetest.Item("herald", strconv.Itoa(n), "Ferry sinks "+strconv.Itoa(n), "Words."))
	}
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, items...))
	asked := false
	_, err := db.Check(t.Context(), func(int64, int64) {
		if asked {
			return
		}
		asked = true
		if err := db.Alive(t.Context()); err != nil {
			t.Errorf("during a check: %v", err)
		}
	})
	if err != nil || !asked {
		t.Errorf("asked %v, %v", asked, err)
	}
}
