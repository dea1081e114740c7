package storage

import (
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"sangam/storage/storagetest"
)

// TestWhoReadsTheSameItemsReadsThemOnce wants an item made of its bytes once, and nobody to see what another makes
// of his own.
func TestWhoReadsTheSameItemsReadsThemOnce(t *testing.T) {
	db, err := Open(t.TempDir()+"/sangam.db", Options{Decider: storagetest.Titles{}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet("herald"), 0, storagetest.Item("herald", "1", "Ferry sinks", "Twelve rescued"))); err != nil {
		t.Fatal(err)
	}
	read := func() (shared, own *stored) {
		if err := db.view(func(tx *bbolt.Tx) error {
			shared, own = db.itemReader(tx).shared(1), db.itemReader(tx).item(1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return shared, own
	}
	first, own := read()
	own.Title = "Ferry found"
	if again, other := read(); first == nil || again != first || other.Title != "Ferry sinks" {
		t.Errorf("an item was read as %p and %p, and is called %q to another", first, again, other.Title)
	}
}

// TestItemsAreRememberedAsTheyAreStored wants an item back as long as its record is the same, and what is
// remembered to stay within bounds.
func TestItemsAreRememberedAsTheyAreStored(t *testing.T) {
	c := recordCache[stored]{room: itemRoom}
	itemOf := func(no uint64, text string) (*stored, []byte) {
		body := slices.Repeat([]byte(text), 1000)
		return &stored{No: no}, (&pack{no: no, items: []packed{{no, body}}}).record()
	}
	remember := func(it *stored, rec []byte) { c.put(it.No, signOf(rec), it, 5000) }
	first, rec := itemOf(1, "ferry")
	remember(first, rec)
	_, other := itemOf(1, "ferrY")
	if c.get(1, rec) != first || c.get(1, other) != nil || c.get(2, rec) != nil {
		t.Error("an item is remembered for another record than its own")
	}
	for no := uint64(2); no < 4*itemRoom/5000; no++ {
		remember(itemOf(no, "waves"))
		if c.get(1, rec) != first {
			t.Fatalf("the item that is read again and again is forgotten after %d others", no)
		}
		if most := (itemRoom + itemRoom/5) / 5000; len(c.young)+len(c.old) > most {
			t.Fatalf("%d items are remembered, want at most %d", len(c.young)+len(c.old), most)
		}
	}
	if _, rec := itemOf(2, "waves"); c.get(2, rec) != nil {
		t.Error("an item that was read once, long ago, is remembered still")
	}
}
