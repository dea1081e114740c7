package storage_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sangam/storage"
	"sangam/storage/storagetest"
)

func TestCopyIsMadeOnlyOfAStoreThatNobodyHasOpen(t *testing.T) {
	dir := t.TempDir()
	live, to := filepath.Join(dir, "sangam.db"), filepath.Join(dir, "copy.db")
	opts := storage.Options{Decider: storagetest.Titles{}, LockTimeout: 50 * time.Millisecond}
	db, err := storage.Open(live, opts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve."))); err != nil {
		t.Fatal(err)
	}
	if err := storage.Copy(t.Context(), live, to, opts, nil); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("of a store that is open: %v, want that it is locked", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := storage.Copy(t.Context(), live, to, opts, nil); err != nil {
		t.Fatal(err)
	}
	if db, err = storage.Open(to, opts); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if st, err := db.State(t.Context(), "herald"); err != nil || st.Visited.IsZero() {
		t.Errorf("the copy knows %+v, %v", st, err)
	}
}
