package storage

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// TestReferencesDoNotTellHowTheyCame writes and removes references in transactions of any size.
// What is on disk must depend on nothing but which of them are left, as stores that
// follow one log commit at different moments.
func TestReferencesDoNotTellHowTheyCame(t *testing.T) {
	bolt, err := bbolt.Open(filepath.Join(t.TempDir(), "x.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer bolt.Close()
	type pair struct{ hash, no uint64 }
	rapid.Check(t, func(t *rapid.T) {
		tx, err := bolt.Begin(true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		var refs [2]*bbolt.Bucket
		for i, name := range []string{"one", "other"} {
			if refs[i], err = tx.CreateBucket([]byte(name)); err != nil {
				t.Fatal(err)
			}
		}
		m, want := &merger{refs: refs[0], refDays: map[uint32]*refDay{}}, map[pair]bool{}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			// Few hashes, so that many meet in a slot.
			p := pair{rapid.Uint64Range(0, 7).Draw(t, "slot")<<61 | rapid.Uint64Range(0, 3).Draw(t, "hash")<<30, rapid.Uint64Range(1, 9).Draw(t, "no")}
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				m.dropRef(7, p.hash, p.no)
				delete(want, p)
			case 1:
				err = errors.Join(err, m.flushRefs())
			default:
				m.putRef(7, p.hash, p.no)
				want[p] = true
			}
		}
		if err := errors.Join(err, m.flushRefs()); err != nil {
			t.Fatal(err)
		}
		again := &merger{refs: refs[1], refDays: map[uint32]*refDay{}}
		for p := range want {
			again.putRef(7, p.hash, p.no)
		}
		if err := again.flushRefs(); err != nil {
			t.Fatal(err)
		}
		one, other := map[string]string{}, map[string]string{}
		for i, all := range []map[string]string{one, other} {
			if day := refs[i].Bucket(be32(7)); day != nil {
				_ = day.ForEach(func(k, v []byte) error { all[string(k)] = string(v); return nil })
			}
		}
		if !maps.Equal(one, other) {
			t.Fatalf("on disk is %x, want %x", one, other)
		}
		day := refs[0].Bucket(be32(7))
		if (day == nil) != (len(want) == 0) {
			t.Fatalf("%d references are left, and the day is there: %v", len(want), day != nil)
		}
		for p := range want {
			if !hasRef(day, p.hash, p.no) || !slices.Contains(slices.Collect(refsTo(day, p.hash)), p.no) {
				t.Fatalf("%x does not lead to %d", p.hash, p.no)
			}
		}
	})
}
