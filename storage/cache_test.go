package storage

import (
	"slices"
	"testing"
)

// TestPacksAreRememberedAsTheyAreStored wants a pack back as long as its record is the same, and what is
// remembered to stay within bounds.
func TestPacksAreRememberedAsTheyAreStored(t *testing.T) {
	c := recordCache[pack]{room: packRoom}
	packOf := func(no uint64, text string) (*pack, []byte) {
		p := &pack{no: no, items: []packed{{no, slices.Repeat([]byte(text), 1000)}}}
		return p, p.record()
	}
	first, rec := packOf(1, "ferry")
	c.put(1, rec, first, first.weight())
	_, other := packOf(1, "ferrY")
	if c.get(1, rec) != first || c.get(1, other) != nil || c.get(2, rec) != nil {
		t.Error("a pack is remembered for another record than its own")
	}
	for no := uint64(2); no < 4*packRoom/5000; no++ {
		p, rec2 := packOf(no, "waves")
		c.put(no, rec2, p, p.weight())
		if c.get(1, rec) != first {
			t.Fatalf("the pack that is read again and again is forgotten after %d others", no)
		}
		if most := (packRoom + packRoom/5) / 5000; len(c.young)+len(c.old) > most {
			t.Fatalf("%d packs are remembered, want at most %d", len(c.young)+len(c.old), most)
		}
	}
	if _, rec := packOf(2, "waves"); c.get(2, rec) != nil {
		t.Error("a pack that was read once, long ago, is remembered still")
	}
}
