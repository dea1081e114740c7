package storage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"go.etcd.io/bbolt"
)

// References lead from the hash of a key, id or link to the numbers of items. They are small,
// many, and in random order: one by one they would take up five times their bytes,
// and each commit of a busy day would touch all of that day's pages. So those whose hash
// begins with the same bits share a slot, and what changes in one transaction is written together.
const (
	// refSlotBits are the bits of a hash that name its slot. There are a thousand slots: a day of
	// ten thousand items has thirty references in each.
	refSlotBits = 10

	// refLen is the length of a reference in its slot: 4 bytes of the hash, those behind the slot's, and
	// 5 of the number. Whoever looks something up compares it with the item itself.
	refLen = 9
)

// A ref is a reference as it stands in its slot.
type ref [refLen]byte

func refOf(hash, no uint64) (r ref) {
	binary.BigEndian.PutUint64(r[1:], no)
	binary.BigEndian.PutUint32(r[:], restOf(hash)) // over the upper bytes of the number, which are zero
	return r
}

// restOf is what of a hash is written in its slot.
func restOf(hash uint64) uint32 { return uint32(hash >> (64 - refSlotBits - 32)) }

func slotKey(slot uint16) []byte { return binary.BigEndian.AppendUint16(nil, slot) }

func slotOf(hash uint64) uint16 { return uint16(hash >> (64 - refSlotBits)) }

// A refEdit is a reference to be written, or to be removed, at the end of the transaction.
type refEdit struct {
	slot uint16
	ref  ref
	gone bool
}

// refDay are the edits of one day's references.
type refDay struct {
	edits []refEdit
	first uint64 // the smallest number added; 0 = none
}

// putRef lets the number be found by the hash.
func (m *merger) putRef(d uint32, hash, no uint64) {
	day := m.refDay(d)
	day.edits = append(day.edits, refEdit{slot: slotOf(hash), ref: refOf(hash, no)})
	if day.first == 0 || no < day.first {
		day.first = no
	}
}

// dropRef undoes putRef.
func (m *merger) dropRef(d uint32, hash, no uint64) {
	day := m.refDay(d)
	day.edits = append(day.edits, refEdit{slotOf(hash), refOf(hash, no), true})
}

func (m *merger) refDay(d uint32) *refDay {
	day := m.refDays[d]
	if day == nil {
		day = &refDay{}
		m.refDays[d] = day
	}
	return day
}

// flushRefs writes the references that changed. It must come before whatever looks for them.
func (m *merger) flushRefs() error {
	for _, d := range sortedKeys(m.refDays) {
		if err := m.refDays[d].flush(m.refs, be32(d), &m.arena); err != nil {
			return err
		}
	}
	clear(m.refDays)
	return nil
}

func (day *refDay) flush(refs *bbolt.Bucket, key []byte, a *arena) error {
	b, err := refs.CreateBucketIfNotExists(key)
	if err != nil {
		return err
	}
	if first := b.Sequence(); day.first != 0 && (first == 0 || day.first < first) {
		if err := b.SetSequence(day.first); err != nil {
			return err
		}
	}
	slices.SortStableFunc(day.edits, func(a, b refEdit) int {
		if a.slot != b.slot {
			return cmp.Compare(a.slot, b.slot)
		}
		return bytes.Compare(a.ref[:], b.ref[:])
	})
	at := b.Cursor()
	for edits := day.edits; len(edits) > 0; {
		n := 1
		for n < len(edits) && edits[n].slot == edits[0].slot {
			n++
		}
		if err := editSlot(b, at, edits[:n], a); err != nil {
			return err
		}
		edits = edits[n:]
	}
	if k, _ := b.Cursor().First(); k == nil {
		return refs.DeleteBucket(key)
	}
	return nil
}

// editSlot applies edits, in order, to the slot that they are of. References stand there in order,
// each once, however they came.
func editSlot(day *bbolt.Bucket, at *bbolt.Cursor, edits []refEdit, a *arena) error {
	key := slotKey(edits[0].slot)
	old := get(at, key)
	next := a.take(len(old) + len(edits)*refLen)[:0]
	for i, e := range edits {
		if i+1 < len(edits) && edits[i+1].ref == e.ref {
			continue // the last word counts
		}
		n := searchRefs(old, e.ref[:])
		next, old = append(next, old[:n]...), old[n:]
		old = bytes.TrimPrefix(old, e.ref[:])
		if !e.gone {
			next = append(next, e.ref[:]...)
		}
	}
	if next = append(next, old...); len(next) == 0 {
		return day.Delete(key)
	}
	return day.Put(key, next)
}

// searchRefs is where in a slot the first reference is that does not come before one, or
// before the beginning of one.
func searchRefs(slot, want []byte) int {
	low, high := 0, len(slot)/refLen
	for low < high {
		if mid := (low + high) / 2; bytes.Compare(slot[mid*refLen:(mid+1)*refLen], want) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low * refLen
}

// hasRef reports whether the number can be found by the hash on a day.
func hasRef(day *bbolt.Bucket, hash, no uint64) bool {
	want := refOf(hash, no)
	slot := day.Get(slotKey(slotOf(hash)))
	return bytes.HasPrefix(slot[searchRefs(slot, want[:]):], want[:])
}

// refsTo goes over the numbers that a hash leads to on a day.
func refsTo(day *bbolt.Bucket, hash uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		slot, want := day.Get(slotKey(slotOf(hash))), binary.BigEndian.AppendUint32(nil, restOf(hash))
		for slot = slot[searchRefs(slot, want):]; len(slot) >= refLen && bytes.HasPrefix(slot, want); slot = slot[refLen:] {
			if !yield(num(append(make([]byte, 3, 8), slot[4:refLen]...))) {
				return
			}
		}
	}
}

// maxFound is how many items are looked at that a reference may mean.
const maxFound = 64

// found goes over the numbers filed under any of the hashes, the newest day first.
func found(tx *bbolt.Tx, hashes []uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		refs := tx.Bucket([]byte(bRefs))
		days, n := refs.Cursor(), 0
		for d, _ := days.Last(); d != nil; d, _ = days.Prev() {
			day := refs.Bucket(d)
			if day == nil {
				continue
			}
			for _, h := range hashes {
				for no := range refsTo(day, h) {
					if n++; n > maxFound || !yield(no) {
						return
					}
				}
			}
		}
	}
}

// firstSince is the smallest number of an item that arrived on that day or later.
func firstSince(tx *bbolt.Tx, from uint32) (first uint64, ok bool) {
	refs := tx.Bucket([]byte(bRefs))
	c := refs.Cursor()
	for k, _ := c.Seek(be32(from)); k != nil; k, _ = c.Next() {
		if b := refs.Bucket(k); b != nil && b.Sequence() > 0 && (!ok || b.Sequence() < first) {
			first, ok = b.Sequence(), true
		}
	}
	return first, ok
}

// renewRefs rewrites the references that layout 1 kept one by one: 8 bytes of hash and 8 of number.
func renewRefs(tx *bbolt.Tx) error {
	refs := tx.Bucket([]byte(bRefs))
	days := map[string]*refDay{}
	err := refs.ForEachBucket(func(d []byte) error {
		old, day := refs.Bucket(d), &refDay{}
		day.first = old.Sequence()
		days[string(d)] = day
		return old.ForEach(func(k, _ []byte) error {
			if len(k) == 16 {
				day.edits = append(day.edits, refEdit{slot: slotOf(num(k)), ref: refOf(num(k), num(k[8:]))})
			}
			return nil
		})
	})
	for _, d := range sortedKeys(days) {
		err = cmp.Or(err, refs.DeleteBucket([]byte(d)))
		err = cmp.Or(err, days[d].flush(refs, []byte(d), nil))
	}
	return err
}
