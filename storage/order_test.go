package storage_test

import (
	"testing"
	"time"

	"sangam/storage/storagetest"
)

// TestOrderTime is the rule of the package comment, line by line: a source is read, and
// read again when an item turns up.
func TestOrderTime(t *testing.T) {
	const none = time.Duration(-1)
	h, d := time.Hour, 24*time.Hour
	seen := 100 * d // after Start; when the item turns up
	for _, c := range []struct {
		what      string
		published time.Duration // before it was seen; negative = after; none = not said
		lastRead  time.Duration // before it was seen; none = newly added
		asSeen    bool          // its place is when it was seen, else when it was published
	}{
		{"no date", none, h, true},
		{"no date, newly added source", none, none, true},
		{"in the future", -3 * h, h, true},
		{"a second in the future", -time.Second, h, true},
		{"just now", 0, h, false},
		{"between two visits", 10 * time.Minute, 15 * time.Minute, false},
		{"before the last visit, but not long", 2 * h, 15 * time.Minute, false},
		{"readers have read past it", 2*h + time.Second, 15 * time.Minute, true},
		{"days late", 6 * d, 15 * time.Minute, true},
		{"the source failed for two days", 30 * h, 2 * d, true},
		{"an archive appears in a known source", 8 * d, 15 * time.Minute, false},
		{"years old", 3000 * d, 15 * time.Minute, false},
		{"newly added source, old item", 5 * d, none, false},
		{"newly added source, fresh item", time.Minute, none, false},
		{"the source was away for a week", 5 * d, 7*d + h, false},
		{"from before feeds existed", 20000 * d, none, true},
	} {
		db := open(t)
		o := storagetest.Outlet("herald")
		if c.lastRead != none {
			merge(t, db, storagetest.Batch(o, seen-c.lastRead, storagetest.Item("herald", "0", "Another", "Words.")))
		}
		it := storagetest.Item("herald", "1", "Ferry sinks", "Twelve rescued.")
		it.Published = start.Add(seen - c.published)
		want := it.Published
		if c.published == none {
			it.Published = time.Time{}
		}
		if c.asSeen {
			want = start.Add(seen)
		}
		merge(t, db, storagetest.Batch(o, seen, it))
		st, err := db.Story(t.Context(), it.Key)
		if err != nil {
			t.Fatal(err)
		}
		if !st.Order.Equal(want) {
			t.Errorf("%s: its place is %v, want %v", c.what, st.Order, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
