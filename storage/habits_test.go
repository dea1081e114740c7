package storage_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sangam/feed"
	"sangam/storage/storagetest"
)

func TestVisitWithoutItemsLeavesHabitsAlone(t *testing.T) {
	db := open(t)
	habits := feed.Habits{Learnt: 7, Sentences: []feed.Sentence{{Hash: 1, Count: 2}}, NoIDs: true, NewIDs: 3}
	hours := 0
	visit := func(address string, habits feed.Habits, items ...feed.Item) {
		t.Helper()
		hours++
		after := time.Duration(hours) * time.Hour
		b := storagetest.Batch(storagetest.Outlet("herald"), after, items...)
		b.State.ConfiguredURL, b.State.Habits = address, habits
		merge(t, db, b)
		// Its commit carries what waits for one.
		merge(t, db, storagetest.Batch(storagetest.Outlet("gazette"), after, storagetest.Item("gazette", address, "Ferry sinks", "Words.")))
	}
	want := func(when string, want feed.Habits) {
		t.Helper()
		st, err := db.State(t.Context(), "herald")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, st.Habits, cmpopts.IgnoreUnexported(feed.Sentence{})); d != "" {
			t.Errorf("%s, its habits are not those wanted (-want +got):\n%s", when, d)
		}
	}
	visit("one", habits, storagetest.Item("herald", "1", "A headline", "Words."))
	want("after a visit that brought items", habits)
	visit("one", feed.Habits{})
	want("after one that brought none", habits)
	visit("another", feed.Habits{})
	want("after one at another address", habits.Elsewhere())
}
