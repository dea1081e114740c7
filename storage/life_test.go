package storage_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

var start = storagetest.Start

// healthy fails the test unless every page, record and index of the store agrees.
func healthy(t testing.TB, db *storage.DB) storage.Health {
	t.Helper()
	h, err := db.Check(t.Context(), nil)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for i, p := range h.Problems {
		if i < 10 {
			t.Errorf("check: %s", p)
		}
	}
	if !h.OK() {
		t.Fatalf("%d problems", int64(len(h.Problems))+h.More)
	}
	return h
}

func merge(t testing.TB, db *storage.DB, b feed.Batch) feed.Report {
	t.Helper()
	r, err := db.Merge(t.Context(), b)
	if err != nil {
		t.Fatalf("merge %s: %v", b.Outlet.ID, err)
	}
	return r
}

func all(t testing.TB, db *storage.DB) []feed.Story {
	t.Helper()
	return storagetest.All(t, db, feed.Query{})
}

// TestAnyLifeLeavesAHealthyStore does what outlets, operators and time do, in random
// order, and wants every index to be what a rebuild makes, every story to be found by the
// names it had, and readers to see the same after a second rebuild, a compaction, a backup
// and a restart. (The first rebuild judges revised items by what they say now.)
func TestAnyLifeLeavesAHealthyStore(t *testing.T) {
	db := open(t) // the compressor's channels, which all stores share, are made outside of any bubble
	it := storagetest.Item("s0", "1", "Title", strings.Repeat("Long enough to be compressed. ", 40))
	merge(t, db, feed.Batch{At: start, Outlet: storagetest.Outlet("s0"), Items: []feed.Item{it}})
	all(t, db)
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { live(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func live(t *testing.T, rnd *rand.Rand) {
	time.Sleep(time.Until(start))
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	var keys []string
	for range 120 {
		time.Sleep(time.Duration(rnd.IntN(200)) * time.Minute)
		now := time.Now().UTC()
		switch n := rnd.IntN(20); {
		case n < 14:
			b := randomBatch(rnd, now)
			for _, it := range b.Items {
				keys = append(keys, it.Key)
			}
			merge(t, db, b)
		case n < 16 && len(keys) > 1:
			rule := db.Never
			if n == 15 {
				rule = db.Always
			}
			_ = rule(t.Context(), keys[rnd.IntN(len(keys))], keys[rnd.IntN(len(keys))], "the tester") // the items may be gone
		case n == 16:
			if vs, err := db.Verdicts(t.Context()); err == nil && len(vs) > 0 {
				v := vs[rnd.IntN(len(vs))]
				_ = db.UndoVerdict(t.Context(), v.A, v.B)
			}
		case n == 17:
			if _, err := db.Keep(t.Context(), 72*time.Hour, 20, now, nil); err != nil {
				t.Fatal(err)
			}
		case n == 18 && rnd.IntN(4) == 0:
			_, _ = db.Purge(t.Context(), fmt.Sprintf("s%d", rnd.IntN(6)), nil)
		}
	}
	healthy(t, db)
	want := all(t, db)
	if len(want) == 0 {
		t.Fatal("nothing left to look at")
	}
	unchanged := func(after string) {
		t.Helper()
		healthy(t, db)
		if diff := cmp.Diff(want, all(t, db)); diff != "" {
			t.Fatalf("stories after %s (-want +got):\n%s", after, diff)
		}
	}
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	healthy(t, db)
	namesStay(t, db, want)
	want = all(t, db)
	if r, err := db.Reindex(t.Context(), nil); err != nil || r.Changed != 0 {
		t.Fatalf("second reindex: %+v, %v", r, err)
	}
	unchanged("a second reindex")
	if _, err := db.Compact(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	unchanged("compact")
	backup := filepath.Join(t.TempDir(), "b.db")
	if err := db.Backup(t.Context(), backup, nil); err != nil {
		t.Fatal(err)
	}
	merge(t, db, randomBatch(rnd, time.Now().UTC().Add(time.Hour)))
	aside, err := db.Restore(t.Context(), backup, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Errorf("the store before the restore is not aside: %v", err)
	}
	unchanged("restore")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, path)
	unchanged("restart")
}

// namesStay wants the stories as they were to be found by their keys and by every item,
// and those whose first item still begins a story to have their id and place.
func namesStay(t *testing.T, db *storage.DB, was []feed.Story) {
	t.Helper()
	var items int
	for _, old := range was {
		items += len(old.Members)
		st, err := db.Story(t.Context(), old.Key)
		if err != nil {
			t.Fatalf("story %s: %v", old.Key, err)
		}
		if st.Key == old.Key && (st.ID != old.ID || !st.Order.Equal(old.Order)) {
			t.Errorf("story %s was %s at %v and is %s at %v", old.Key, old.ID, old.Order, st.ID, st.Order)
		}
		for _, it := range old.Members {
			if _, err := db.Story(t.Context(), it.Key); err != nil {
				t.Errorf("item %s: %v", it.Key, err)
			}
		}
	}
	for _, st := range all(t, db) {
		items -= len(st.Members)
	}
	if items != 0 {
		t.Errorf("%d items more or less than before", items)
	}
}

// randomBatch is a visit of one of six sources that lists some of forty titles.
func randomBatch(rnd *rand.Rand, now time.Time) feed.Batch {
	o := storagetest.Outlet(fmt.Sprintf("s%d", rnd.IntN(6)))
	o.Priority = rnd.IntN(3)
	var items []feed.Item
	for range rnd.IntN(8) {
		id := fmt.Sprint(rnd.IntN(60))
		if rnd.IntN(2) == 0 {
			id = "http://shared.example/" + id
		}
		title := fmt.Sprintf("Title %d", rnd.IntN(40))
		it := storagetest.Item(o.ID, id, title, fmt.Sprintf("Version %d.", rnd.IntN(3)))
		it.Published = now.Add(-time.Duration(rnd.IntN(100)) * time.Hour)
		it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("w%d", rnd.IntN(10))))
		if rnd.IntN(6) == 0 { // the outlet moves an old link to another id
			it.Link = fmt.Sprintf("http://%s.example/%d", o.ID, rnd.IntN(60))
			it.Marks = append(it.Marks, feed.Mark("L"+it.Link))
		}
		items = append(items, it)
	}
	at := now
	st := feed.State{Source: o.ID, Visited: at, Succeeded: at, Habits: feed.Habits{Learnt: rnd.IntN(3)}}
	return feed.Batch{At: at, Outlet: o, Items: items, State: st}
}
