package storage_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sangam/feed"
	"sangam/storage/storagetest"
)

// TestNobodyReadsANewSequenceAndOldOutlets looks at stories while sources come and go:
// what is read at a sequence is never older than the sequence. Pages are kept under the
// sequence that was read before them, and would stay as they were.
func TestNobodyReadsANewSequenceAndOldOutlets(t *testing.T) {
	db := open(t)
	all := []feed.Outlet{storagetest.Outlet("herald"), storagetest.Outlet("gazette"), storagetest.Outlet("post")}
	for i, o := range all {
		if _, err := db.Merge(t.Context(), storagetest.Batch(o, time.Hour, storagetest.Item(o.ID, "1", fmt.Sprint("Report number ", i), "Words."))); err != nil {
			t.Fatal(err)
		}
	}
	const rounds = 300
	size := func(round int) int { return 1 + round%len(all) } // three in turn: what comes next is told from what was
	begun := make(chan uint64, 1)
	seen := map[uint64]int{} // stories that a reader saw at a sequence
	done := make(chan struct{})
	var readers sync.WaitGroup
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			before, _, err := db.Sequence(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			n := 0
			for range db.Stories(t.Context(), feed.Query{}) {
				n++
			}
			if after, _, _ := db.Sequence(t.Context()); after == before {
				seen[before] = n
			}
		}
	})
	for round := range rounds {
		if err := db.SetOutlets(t.Context(), all[:size(round)]); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			seq, _, err := db.Sequence(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			begun <- seq
		}
	}
	close(done)
	readers.Wait()
	first, looked := <-begun, 0
	for seq, n := range seen {
		round := int(seq) - int(first)
		if round < 0 {
			continue
		}
		looked++
		if n != size(round) && n != size(round+1) {
			t.Errorf("after change %d a reader saw %d stories, want %d", round, n, size(round))
		}
	}
	if looked == 0 {
		t.Error("nobody looked")
	}
}
