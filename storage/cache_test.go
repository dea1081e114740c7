package storage

import (
	"slices"
	"testing"
)

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
