package storage_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
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

// TestPagesHoldLittleAir reads a file as bbolt does: what it grew ahead, and how full the pages are of the
// parts that grow for ever, after many sources have brought their first items.
func TestPagesHoldLittleAir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	for s := range 300 {
		o := storagetest.Outlet(fmt.Sprintf("s%d", s))
		var items []feed.Item
		for i := range 30 {
			it := storagetest.Item(o.ID, fmt.Sprintf("http://%s.example/%d", o.ID, i), fmt.Sprintf("Title %d of %d", i, s), "Words.")
			it.Published = start.Add(-time.Duration(i)*time.Hour - time.Duration(s*7)*time.Second)
			items = append(items, it)
		}
		merge(t, db, storagetest.Batch(o, time.Duration(s)*time.Second, items...))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	inside(t, path, func(tx *bbolt.Tx) {
		if ahead := size(t, path) - tx.Size(); ahead > 264<<10 {
			t.Errorf("the file has grown %d bytes ahead, want a quarter of a megabyte at most", ahead)
		}
		for name, least := range map[string]int{"changes": 85, "stories": 85, "bysource": 80, "names": 60, "entries": 60, "states": 60} {
			s := tx.Bucket([]byte(name)).Stats()
			if full := 100 * s.LeafInuse / s.LeafAlloc; full < least {
				t.Errorf("the pages of %s are %d %% full, want %d at least", name, full, least)
			}
		}
	})
}

// TestCompactEndsWhereTheFileIsFull wants neither free pages nor room ahead after compacting and reindexing.
func TestCompactEndsWhereTheFileIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	for n := range 60 {
		merge(t, db, loadBatch(n))
	}
	for name, do := range map[string]func() error{
		"compact": func() error { _, err := db.Compact(t.Context(), nil); return err },
		"reindex": func() error { _, err := db.Reindex(t.Context(), nil); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
		bytes, copied := size(t, path), filepath.Join(t.TempDir(), "copy.db")
		copyFile(t, path, copied) // the store itself is locked
		inside(t, copied, func(tx *bbolt.Tx) {
			if bytes != tx.Size() {
				t.Errorf("after %s the file has %d bytes, of which %d are used", name, bytes, tx.Size())
			}
		})
		healthy(t, db)
	}
}

// TestFewItemsShareARecord lets outlets bring one item at a time, as they mostly do. The pages must be as full as if all
// had come together, and each item must live on by itself: be read, revised, deleted.
func TestFewItemsShareARecord(t *testing.T) {
	const visits = 480
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	item := func(n int, word string) feed.Item {
		it := storagetest.Item(fmt.Sprintf("s%d", n%7), fmt.Sprint(n), fmt.Sprintf("Title %d", n), benchWords(benchRand(n), 800)+word)
		it.Published = start.Add(time.Duration(n) * time.Minute)
		return it
	}
	visit := func(n, at int, word string) {
		merge(t, db, storagetest.Batch(storagetest.Outlet(fmt.Sprintf("s%d", n%7)), time.Duration(at)*time.Minute, item(n, word)))
	}
	for n := range visits {
		visit(n, n, "")
	}
	for n := 1; n < 100; n += 3 { // the oldest, whose records are full, and one of the newest
		visit(n, visits+n, " Revised.")
	}
	visit(visits-1, 2*visits, " Revised.")
	check := func(left int) {
		t.Helper()
		if h := healthy(t, db); h.Items != int64(left) {
			t.Errorf("%d items, want %d", h.Items, left)
		}
		for _, st := range all(t, db) {
			it := st.Lead()
			n, err := strconv.Atoi(it.ID)
			if err != nil {
				t.Fatal(err)
			}
			word := ""
			if n == visits-1 || n < 100 && n%3 == 1 {
				word = " Revised."
			}
			if want := item(n, word); it.Content != want.Content || it.Title != want.Title {
				t.Errorf("item %d is %q: %q", n, it.Title, it.Content)
			}
		}
	}
	check(visits)
	if _, err := db.Keep(t.Context(), 0, 40, start.Add(aDay), nil); err != nil {
		t.Fatal(err)
	}
	check(7 * 40)
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	check(7 * 40)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	inside(t, path, func(tx *bbolt.Tx) {
		s := tx.Bucket([]byte("items")).Stats()
		if full := 100 * s.LeafInuse / s.LeafAlloc; full < 75 || s.KeyN > 7*40/16+2 {
			t.Errorf("%d items are in %d records, in pages that are %d %% full", 7*40, s.KeyN, full)
		}
	})
}

// inside reads a store's file as bbolt does.
func inside(t *testing.T, path string, read func(*bbolt.Tx)) {
	t.Helper()
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	err = bolt.View(func(tx *bbolt.Tx) error { read(tx); return nil })
	if err := errors.Join(err, bolt.Close()); err != nil {
		t.Fatal(err)
	}
}
