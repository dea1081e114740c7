package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sangam/config"
	"sangam/feed"
	"sangam/storage"
)

// TestDamagedRecordsAreTold spoils what a store knows of a source.
func TestDamagedRecordsAreTold(t *testing.T) {
	file, opts := filepath.Join(t.TempDir(), "sangam.db"), storeOptions(&config.Config{Window: time.Hour}, nil)
	db, err := storage.Open(file, opts)
	if err == nil {
		err = errors.Join(db.SetOutlets(t.Context(), []feed.Outlet{{ID: "herald"}}), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	bolt, err := bbolt.Open(file, 0o600, nil)
	if err == nil {
		err = errors.Join(bolt.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("outlets")).Put([]byte("herald"), []byte("nothing that makes sense"))
		}), bolt.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if db, err = storage.Open(file, opts); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if told := storeNotices(db); len(told) != 1 || !strings.Contains(told[0], "damaged") || !strings.Contains(told[0], "sangam db check") {
		t.Errorf("told: %q, want that a record is damaged and what to do", told)
	}
}
