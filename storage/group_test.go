package storage_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// fragile panics when it meets an item that says so.
type fragile struct{ storagetest.Titles }

func (f fragile) Decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	if it.Content == "<p>panic</p>" {
		panic("told to")
	}
	return f.Titles.Decide(it, near)
}

// TestABadBatchFailsAlone merges many batches at once, one of which meets a bug.
func TestABadBatchFailsAlone(t *testing.T) {
	db := open(t, func(o *storage.Options) { o.Decider, o.CommitEvery = fragile{}, 20*time.Millisecond })
	merge(t, db, storagetest.Batch(storagetest.Outlet("first"), time.Hour, storagetest.Item("first", "1", "Ferry sinks", "Words.")))
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed := map[int]error{}
	for n := range 40 {
		wg.Go(func() {
			content := "words"
			if n == 17 {
				content = "panic"
			}
			source := fmt.Sprintf("s%d", n)
			_, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet(source), time.Hour, storagetest.Item(source, "1", "Ferry sinks", content)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[n] = err
			}
		})
	}
	wg.Wait()
	if len(failed) != 1 || failed[17] == nil {
		t.Errorf("failed: %v, want only the one that panics", failed)
	}
	if st, err := db.State(t.Context(), "s17"); err != nil || !st.Visited.IsZero() {
		t.Errorf("the state of the failed batch was stored: %+v, %v", st, err)
	}
	if got := all(t, db); len(got) != 1 || len(got[0].Members) != 40 {
		t.Errorf("%d stories", len(got))
	}
	healthy(t, db)
}

// TestCommitsAreGrouped lets outlets answer one after the other and counts commits by
// how long they take: a batch never waits much longer than CommitEvery, and a lone one
// does not wait at all.
func TestCommitsAreGrouped(t *testing.T) {
	const every = 100 * time.Millisecond
	db := open(t, func(o *storage.Options) { o.CommitEvery = every })
	began := time.Now()
	merge(t, db, loadBatch(0))
	if lone := time.Since(began); lone > every {
		t.Errorf("a lone batch took %v", lone)
	}
	done := map[time.Duration]int{} // batches by the tick in which they were acknowledged
	var mu sync.Mutex
	var wg sync.WaitGroup
	began = time.Now()
	for n := range 50 {
		time.Sleep(8 * time.Millisecond)
		wg.Go(func() {
			sent := time.Now()
			source := fmt.Sprintf("o%d", n)
			if _, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet(source), time.Hour, storagetest.Item(source, "1", source, "Words."))); err != nil {
				t.Error(err)
			}
			if took := time.Since(sent); took > 10*every {
				t.Errorf("a batch waited %v", took)
			}
			mu.Lock()
			defer mu.Unlock()
			done[time.Since(began).Round(5*time.Millisecond)]++
		})
	}
	wg.Wait()
	if took := time.Since(began); len(done) > 3+2*int(took/every) {
		t.Errorf("50 batches in %v were acknowledged at %d different times", took, len(done))
	}
}

// TestClosedAndCancelled asks a store that is closing, and one that is told to stop.
func TestClosedAndCancelled(t *testing.T) {
	db := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Merge(ctx, loadBatch(1)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("merge with an ended context: %v", err)
	}
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if _, err := db.Merge(t.Context(), loadBatch(n)); err != nil && !errors.Is(err, storage.ErrClosed) {
				t.Errorf("merge while closing: %v", err)
			}
		})
	}
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	wg.Wait()
	if _, err := db.Merge(t.Context(), loadBatch(30)); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("merge after close: %v", err)
	}
	if _, err := db.State(t.Context(), "s1"); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("state after close: %v", err)
	}
}

// TestWhatWasVisitedSurvivesClose closes right after a visit that brought nothing.
func TestWhatWasVisitedSurvivesClose(t *testing.T) {
	path := t.TempDir() + "/sangam.db"
	db := openAt(t, path)
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := openAt(t, path).State(t.Context(), "herald")
	if err != nil || !st.Visited.Equal(start.Add(time.Hour)) {
		t.Errorf("visited %v, %v", st.Visited, err)
	}
}

// TestQuietVisitsAreWrittenWithinSeconds makes visits that bring nothing, one a second, and
// looks into a copy of the file: what is told must be written, though no item comes.
func TestQuietVisitsAreWrittenWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "sangam.db")
		db := openAt(t, path)
		for n := range 10 {
			merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Duration(n+1)*time.Hour))
			time.Sleep(time.Second)
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		copyFile(t, path, copied)
		st, err := openAt(t, copied).State(t.Context(), "herald")
		if err != nil || st.Visited.Before(start.Add(7*time.Hour)) {
			t.Errorf("after ten quiet visits the file knows of one at %v, %v", st.Visited, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}
