package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// drawSteps makes a log of everything that may stand in one, for three outlets.
func drawSteps(random *rand.Rand, n int) []storage.Step {
	outlets := []feed.Outlet{storagetest.Outlet("herald"), storagetest.Outlet("gazette"), storagetest.Outlet("dariya")}
	begin := storagetest.Batch(outlets[0], 0).At
	steps := []storage.Step{{Seq: 1, At: begin, Outlets: &storage.Roll{Outlets: outlets[:2]}}}
	key := func() string {
		o := outlets[random.IntN(3)].ID
		return fmt.Sprintf("https://%s.example/%d", o, random.IntN(20))
	}
	for len(steps) < n {
		after := time.Duration(len(steps)) * time.Hour
		s := storage.Step{Seq: steps[len(steps)-1].Seq + 1 + random.Uint64N(3), At: begin.Add(after)}
		switch kind := random.IntN(20); {
		case kind < 14:
			o := outlets[random.IntN(3)]
			var items []feed.Item
			for range random.IntN(6) {
				id := random.IntN(20)
				items = append(items, storagetest.Item(o.ID, fmt.Sprintf("https://%s.example/%d", o.ID, id),
					fmt.Sprintf("Report number %d from the quay", id%8), fmt.Sprint("text ", random.IntN(3))))
			}
			b := storagetest.Batch(o, after, items...)
			s.Batch = &b
		case kind < 15:
			s.Outlets = &storage.Roll{Outlets: outlets[:1+random.IntN(3)]}
		case kind < 18:
			s.Ruling = &storage.Ruled{A: key(), B: key(), By: "somebody", Always: random.IntN(2) == 0, Undo: random.IntN(4) == 0}
		case kind < 19:
			s.Delete = &storage.Doomed{Items: []uint64{random.Uint64N(20), random.Uint64N(20)}, Purge: random.IntN(2) == 0}
		default:
			s.Forget = "dariya"
		}
		steps = append(steps, s)
	}
	return steps
}

func TestTheSameLogFoldsToTheSameStore(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		steps := drawSteps(random, 60)
		var want [32]byte
		for store := range 3 {
			path := filepath.Join(t.TempDir(), "sangam.db")
			db := openAt(t, path)
			if err := db.Follow(t.Context(), storage.Position{Log: "river"}); err != nil {
				t.Fatal(err)
			}
			for done := 0; done < len(steps); {
				next := min(len(steps), done+1)
				if store > 0 { // in groups of any size, some of it again, closed in between
					next = min(len(steps), done+1+random.IntN(12))
					done = max(0, done-random.IntN(3))
				}
				if _, err := db.Fold(t.Context(), "river", steps[done:next]); err != nil {
					t.Fatal(err)
				}
				if done = next; store > 1 && random.IntN(4) == 0 {
					if err := db.Close(); err != nil {
						t.Fatal(err)
					}
					db = openAt(t, path)
				}
			}
			got, pos, err := db.Digest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if pos != (storage.Position{Log: "river", Seq: steps[len(steps)-1].Seq}) {
				t.Errorf("position %+v", pos)
			}
			if store == 0 {
				want = got
			} else if got != want {
				t.Errorf("log %d, store %d: digest %x, want %x", seed, store, got, want)
			}
			if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
				t.Fatalf("log %d, store %d: check: %v %.200q", seed, store, err, h.Problems)
			}
		}
	}
}

func TestAStepThatCannotBeDoneIsSkippedAlone(t *testing.T) {
	db := open(t)
	o := storagetest.Outlet("herald")
	b := storagetest.Batch(o, time.Hour, storagetest.Item("herald", "a", "Ferry sinks off the northern coast", "text"))
	steps := []storage.Step{
		{Seq: 4, At: b.At, Ruling: &storage.Ruled{A: "nobody", B: "nowhere"}},
		{Seq: 7, At: b.At, Batch: &b},
	}
	if _, err := db.Fold(t.Context(), "river", steps); err == nil {
		t.Fatal("a store that follows no log folded one")
	}
	if err := db.Follow(t.Context(), storage.Position{Log: "river", Seq: 3}); err != nil {
		t.Fatal(err)
	}
	done, err := db.Fold(t.Context(), "river", steps)
	if err != nil {
		t.Fatal(err)
	}
	if !errors.Is(done[0].Err, storage.ErrNotFound) || done[1].Err != nil || done[1].Report.Fresh != 1 {
		t.Errorf("got %+v", done)
	}
	again, err := db.Fold(t.Context(), "river", steps)
	if err != nil || !again[0].Known || !again[1].Known {
		t.Errorf("folded again: %+v, %v", again, err)
	}
	if _, err := db.Fold(t.Context(), "another", steps); err == nil {
		t.Error("folded another log than its own")
	}
}

// What Keep would delete, deleted by steps, is gone in the same way.
func TestDoomedIsWhatKeepDeletes(t *testing.T) {
	kept, folded := open(t), open(t)
	if err := folded.Follow(t.Context(), storage.Position{Log: "river"}); err != nil {
		t.Fatal(err)
	}
	o := storagetest.Outlet("herald")
	seq := uint64(0)
	fold := func(s storage.Step) {
		t.Helper()
		seq++
		s.Seq = seq
		if done, err := folded.Fold(t.Context(), "river", []storage.Step{s}); err != nil || done[0].Err != nil {
			t.Fatal(done, err)
		}
	}
	var last time.Time
	for day := range 10 {
		var items []feed.Item
		for n := range 20 {
			items = append(items, storagetest.Item("herald", fmt.Sprint(day, "-", n), fmt.Sprintf("Report %d of day %d", n, day), "text"))
		}
		b := storagetest.Batch(o, time.Duration(day)*24*time.Hour, items...)
		if _, err := kept.Merge(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		fold(storage.Step{At: b.At, Batch: &b})
		last = b.At
	}
	age, most := 5*24*time.Hour, 40
	if _, err := kept.Keep(t.Context(), age, 70, last, nil); err != nil {
		t.Fatal(err)
	}
	for rounds := 0; ; rounds++ {
		d, err := folded.Doomed(t.Context(), age, 70, last, 30)
		if err != nil {
			t.Fatal(err)
		}
		if d.Empty() {
			break
		}
		if len(d.Items) > 30 || rounds > most {
			t.Fatalf("%d items doomed in round %d", len(d.Items), rounds)
		}
		fold(storage.Step{At: last, Delete: &d})
	}
	got, want := storagetest.All(t, folded, feed.Query{}), storagetest.All(t, kept, feed.Query{})
	if len(got) != len(want) || len(got) != 70 {
		t.Fatalf("%d stories, want %d, and 70", len(got), len(want))
	}
	for i := range got {
		if got[i].Key != want[i].Key {
			t.Errorf("story %d is %s, want %s", i, got[i].Key, want[i].Key)
		}
	}
}
