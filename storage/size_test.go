package storage_test

import (
	"path/filepath"
	"testing"
	"time"

	"sangam/storage"
	"sangam/storage/storagetest"
)

func TestSizeIsNotedOnceADayAndForAMonth(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}})
	if err != nil {
		t.Fatal(err)
	}
	day := storagetest.Start
	for range 40 {
		for _, at := range []time.Time{day, day.Add(time.Hour)} {
			if err := db.NoteSize(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		day = day.Add(24 * time.Hour)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = storage.Open(path, storage.Options{Decider: storagetest.Titles{}}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sizes, err := db.Sizes(t.Context())
	if err != nil || len(sizes) != 30 {
		t.Fatalf("got %d sizes, %v; want one a day for 30 days", len(sizes), err)
	}
	now, err := db.Size(day)
	if err != nil || now.Bytes <= 0 || now.Free >= now.Bytes || sizes[29].Date != now.Date-1 {
		t.Errorf("got %+v after %+v, %v", now, sizes[29], err)
	}
	now.Bytes, now.Free = sizes[0].Bytes-sizes[0].Free+3000, 0
	if perDay, known := storage.Growth(sizes, now); perDay != 100 || !known {
		t.Errorf("3000 bytes in 30 days are %d a day (known: %t)", perDay, known)
	}
	if _, known := storage.Growth(sizes[29:], sizes[29]); known {
		t.Error("the growth of no time is known")
	}
	if health, err := db.Check(t.Context(), nil); err != nil || !health.OK() {
		t.Errorf("check: %+v, %v", health, err)
	}
}
