package storage_test

import (
	"path/filepath"
	"testing"

	"sangam/storage"
	"sangam/storage/storagetest"
)

// open opens a store in a directory of the test, without fsync: only fault tests need it.
func open(t testing.TB, change ...func(*storage.Options)) *storage.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "sangam.db"), change...)
}

func openAt(t testing.TB, path string, change ...func(*storage.Options)) *storage.DB {
	t.Helper()
	opts := storage.Options{Decider: storagetest.Titles{}, Mark: storagetest.Mark, NoSync: true}
	for _, c := range change {
		c(&opts)
	}
	db, err := storage.Open(path, opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func TestLaws(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Store { return open(t) })
}
