package storage_test

import (
	"slices"
	"testing"
	"time"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// together lists the stories' members by id, in the order of their first items.
func together(t *testing.T, db *storage.DB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, st := range all(t, db) {
		for _, it := range st.Members {
			out[st.Key] = append(out[st.Key], it.ID)
		}
		slices.Sort(out[st.Key])
	}
	return out
}

// companions are the ids of the items in the story of one.
func companions(t *testing.T, db *storage.DB, id string) []string {
	t.Helper()
	st, err := db.Story(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return together(t, db)[st.Key]
}

func wantStory(t *testing.T, db *storage.DB, when, id string, want ...string) {
	t.Helper()
	if got := companions(t, db, id); !slices.Equal(got, want) {
		t.Errorf("%s: %s is one story with %v, want %v", when, id, got, want)
	}
}

// TestRewrittenItemIsJudgedAnew lets items of one id say wholly other things, and wants
// the same stories as if they had been judged by what they say now.
func TestRewrittenItemIsJudgedAnew(t *testing.T) {
	type version struct{ id, title string }
	say := func(t *testing.T, db *storage.DB, hour int, list ...version) {
		for i, v := range list {
			o := storagetest.Outlet("outlet-" + v.id)
			merge(t, db, storagetest.Batch(o, time.Duration(hour)*time.Hour+time.Duration(i)*time.Second,
				storagetest.Item(o.ID, "http://"+v.id+".example/", v.title, "Text.")))
		}
	}
	a, b, c, d := "http://a.example/", "http://b.example/", "http://c.example/", "http://d.example/"
	begin := []version{{"a", "Ferry sinks"}, {"b", "Ferry sinks"}, {"c", "Ferry sinks"}, {"d", "Bread dearer"}}
	reindexed := func(t *testing.T, db *storage.DB) {
		t.Helper()
		live := together(t, db)
		if _, err := db.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for key, members := range together(t, db) {
			if !slices.Equal(live[key], members) {
				t.Errorf("after a reindex story %s is %v, was %v", key, members, live[key])
			}
		}
		healthy(t, db)
	}

	t.Run("one that joined leaves for what it says now", func(t *testing.T) {
		db := open(t)
		say(t, db, 1, begin...)
		say(t, db, 2, version{"b", "Bread dearer"})
		wantStory(t, db, "rewritten", a, a, c)
		wantStory(t, db, "rewritten", b, b, d)
		reindexed(t, db)
		say(t, db, 3, version{"b", "Ferry sinks"})
		wantStory(t, db, "written back", b, a, b, c)
		reindexed(t, db)
	})
	t.Run("the first keeps the entry, the others go on in a story of their own", func(t *testing.T) {
		db := open(t)
		say(t, db, 1, begin...)
		entry, _ := db.Story(t.Context(), a)
		say(t, db, 2, version{"a", "Tunnel opens"})
		wantStory(t, db, "rewritten", a, a)
		wantStory(t, db, "rewritten", c, b, c)
		if st, _ := db.Story(t.Context(), a); st.ID != entry.ID || st.Key != entry.Key || !st.Order.Equal(entry.Order) {
			t.Errorf("the entry of the rewritten item is %s at %v, was %s at %v", st.ID, st.Order, entry.ID, entry.Order)
		}
		if st, _ := db.Story(t.Context(), b); st.Order.After(start.Add(time.Hour)) {
			t.Errorf("the others are placed at %v, as if they were new", st.Order)
		}
		reindexed(t, db)
	})
	t.Run("an edit that still joins changes nothing", func(t *testing.T) {
		db := open(t)
		say(t, db, 1, begin...)
		before, _ := db.Story(t.Context(), a)
		o := storagetest.Outlet("outlet-b")
		merge(t, db, storagetest.Batch(o, 2*time.Hour, storagetest.Item(o.ID, b, "Ferry sinks", "Another text.")))
		after, _ := db.Story(t.Context(), a)
		if after.ID != before.ID || len(after.Members) != 3 || len(after.Joins) != len(before.Joins) {
			t.Errorf("after an edit: %s with %d members and %d joins, was %s with %d and %d",
				after.ID, len(after.Members), len(after.Joins), before.ID, len(before.Members), len(before.Joins))
		}
		reindexed(t, db)
	})
	t.Run("what the operator ruled stands", func(t *testing.T) {
		db := open(t)
		say(t, db, 1, begin...)
		if err := db.Always(t.Context(), b, a, "me"); err != nil {
			t.Fatal(err)
		}
		if err := db.Never(t.Context(), b, d, "me"); err != nil {
			t.Fatal(err)
		}
		say(t, db, 2, version{"b", "Bread dearer"})
		wantStory(t, db, "rewritten", b, a, b, c)
		reindexed(t, db)
	})
	t.Run("one whose partner is gone stays", func(t *testing.T) {
		db := open(t)
		say(t, db, 1, version{"a", "Ferry sinks"})
		say(t, db, 2, version{"b", "Ferry sinks"})
		say(t, db, 30, version{"c", "Ferry sinks"})
		if _, err := db.Keep(t.Context(), 10*time.Hour, 0, start.Add(31*time.Hour), nil); err != nil {
			t.Fatal(err)
		}
		before, err := db.Story(t.Context(), c)
		if err != nil || len(before.Members) != 1 {
			t.Fatalf("after a and b were deleted: %d members, %v", len(before.Members), err)
		}
		say(t, db, 32, version{"c", "Tunnel opens"})
		if st, _ := db.Story(t.Context(), c); st.ID != before.ID {
			t.Errorf("its entry is %s, was %s", st.ID, before.ID)
		}
		healthy(t, db)
	})
}

func TestPurgedItemsReturnToTheirPlace(t *testing.T) {
	db := open(t)
	o, other := storagetest.Outlet("herald"), storagetest.Outlet("gazette")
	undated := func(id, title string) feed.Item {
		it := storagetest.Item("herald", "http://herald.example/"+id, title, "Text.")
		it.Published = time.Time{}
		return it
	}
	first, second := undated("1", "Ferry sinks"), undated("2", "Bread dearer")
	merge(t, db, storagetest.Batch(o, time.Hour, first))
	merge(t, db, storagetest.Batch(other, 2*time.Hour, storagetest.Item("gazette", "http://gazette.example/1", "Ferry sinks", "Copied.")))
	merge(t, db, storagetest.Batch(o, 30*time.Hour, first, second))
	was := map[string]time.Time{}
	for _, st := range all(t, db) {
		was[st.Lead().Title] = st.Order
	}
	if _, err := db.Purge(t.Context(), "herald", nil); err != nil {
		t.Fatal(err)
	}
	healthy(t, db)
	third := undated("3", "Tunnel opens")
	if r := merge(t, db, storagetest.Batch(o, 3*aDay, first, second, third)); r.Fresh+r.Copies != 3 {
		t.Fatalf("after a purge: %+v, want all three back", r)
	}
	for _, st := range all(t, db) {
		want, old := was[st.Lead().Title], st.Lead().Title != "Tunnel opens"
		if old && !st.Order.Equal(want) || !old && !st.Order.Equal(start.Add(3*aDay)) {
			t.Errorf("%q is placed at %v, was at %v", st.Lead().Title, st.Order, want)
		}
	}
	ids := map[string]bool{}
	for _, st := range all(t, db) {
		if ids[st.ID] || ids[st.Key] {
			t.Errorf("two stories are called %s or %s", st.ID, st.Key)
		}
		ids[st.ID], ids[st.Key] = true, true
	}
	healthy(t, db)
	// What was deleted by age before the purge comes back as old as it is.
	if _, err := db.Keep(t.Context(), aDay, 0, start.Add(10*aDay), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Purge(t.Context(), "herald", nil); err != nil {
		t.Fatal(err)
	}
	merge(t, db, storagetest.Batch(o, 11*aDay, first))
	if st, err := db.Story(t.Context(), first.ID); err != nil || !st.Order.Equal(start.Add(time.Hour)) {
		t.Errorf("an item deleted before the purge is placed at %v, %v; want when it was first seen", st.Order, err)
	}
	healthy(t, db)
}
