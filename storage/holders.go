package storage

import (
	"math"
	"math/bits"
	"slices"
)

// holders is a set of pairs of 32-bit numbers, a key and an item that holds it: which
// items hold a key is asked for every mark of every new item. Keys are hashes, evenly
// spread. There are more pairs than anything else in memory, so they are kept as nothing
// but themselves: in sorted leaves without pointers, found by the first bits of the key
// (extendible hashing; a leaf that is full is split by one bit more).
type holders struct {
	leaves []*leaf // 1<<bits of them; some leaves stand in several places
	bits   uint
}

type leaf struct {
	bits  uint     // of the key, the same in all its pairs
	pairs []uint64 // key<<32 | item, sorted
}

const (
	// leafPairs is how many pairs fill a leaf: to insert one moves half of them.
	leafPairs = 128
	// deepest is by how many bits leaves are split at most. What is full even then, as
	// thousands hold one key, grows.
	deepest = 20
)

func newHolders() holders { return holders{leaves: []*leaf{{}}} }

func (h *holders) leaf(key uint32) *leaf { return h.leaves[uint64(key)>>(32-h.bits)] }

func pair(key, item uint32) uint64 { return uint64(key)<<32 | uint64(item) }

// of returns the pairs of a key, in order, until the next insert or remove.
func (h *holders) of(key uint32) []uint64 {
	l := h.leaf(key)
	from := l.search(pair(key, 0))
	if from == len(l.pairs) || l.pairs[from]>>32 != uint64(key) {
		return nil // as of most
	}
	to := l.search(pair(key, math.MaxUint32))
	if to < len(l.pairs) && l.pairs[to] == pair(key, math.MaxUint32) {
		to++
	}
	return l.pairs[from:to]
}

// warm reads where each of the keys belongs, which is hardly ever in the processor's caches: memory
// answers many such questions in the time of one, if none waits for the answer to another.
func (h *holders) warm(keys []uint32) (sum uint64) {
	for _, key := range keys {
		if l := h.leaf(key); len(l.pairs) > 0 {
			sum += l.pairs[l.guess(pair(key, 0))]
		}
	}
	return sum
}

// guess is where in the leaf a pair would be if keys were perfectly evenly spread.
func (l *leaf) guess(p uint64) int {
	guess, _ := bits.Mul64(p<<l.bits, uint64(len(l.pairs)))
	return int(guess)
}

// search is where in the leaf a pair is, or belongs. As keys are evenly spread, that is close to
// where it would be if they were perfectly so: one or two lines of the cache are looked at, where
// halving the leaf again and again would look at five.
func (l *leaf) search(p uint64) int {
	n := len(l.pairs)
	low, high := l.guess(p), l.guess(p) // what is sought lies from low to high
	for step := 8; low > 0 && l.pairs[low-1] >= p; step *= 2 {
		low, high = max(0, low-step), low-1
	}
	for step := 8; high < n && l.pairs[high] < p; step *= 2 {
		low, high = high+1, min(n, high+step)
	}
	i, _ := slices.BinarySearch(l.pairs[low:high], p)
	return low + i
}

// insert adds a pair, and reports whether it was not there.
func (h *holders) insert(key, item uint32) bool {
	l := h.leaf(key)
	for len(l.pairs) >= leafPairs && l.bits < deepest {
		h.split(l, key)
		l = h.leaf(key)
	}
	p := pair(key, item)
	i := l.search(p)
	if i < len(l.pairs) && l.pairs[i] == p {
		return false
	}
	if n := len(l.pairs); n == cap(l.pairs) { // append would take more than is needed
		l.pairs = append(make([]uint64, 0, n+n/4+8), l.pairs...)
	}
	l.pairs = slices.Insert(l.pairs, i, p)
	return true
}

// split makes two of the leaf that a key belongs to.
func (h *holders) split(l *leaf, key uint32) {
	if l.bits == h.bits {
		twice := make([]*leaf, 0, 2*len(h.leaves))
		for _, l := range h.leaves {
			twice = append(twice, l, l)
		}
		h.leaves, h.bits = twice, h.bits+1
	}
	first := uint64(key) >> (32 - l.bits) << (32 - l.bits)
	middle, _ := slices.BinarySearch(l.pairs, (first|1<<(31-l.bits))<<32)
	low := &leaf{l.bits + 1, slices.Clone(l.pairs[:middle])}
	high := &leaf{l.bits + 1, slices.Clone(l.pairs[middle:])}
	from, n := first>>(32-h.bits), uint64(1)<<(h.bits-l.bits)
	for i := range n {
		h.leaves[from+i] = low
		if i >= n/2 {
			h.leaves[from+i] = high
		}
	}
}

// remove takes a pair out, and reports whether it was there.
func (h *holders) remove(key, item uint32) bool {
	l := h.leaf(key)
	i := l.search(pair(key, item))
	found := i < len(l.pairs) && l.pairs[i] == pair(key, item)
	if found {
		l.pairs = slices.Delete(l.pairs, i, i+1)
	}
	return found
}

// removeAll takes all pairs of an item out, which it has to search for, and returns
// their keys.
func (h *holders) removeAll(item uint32) (keys []uint32) {
	h.each(func(l *leaf) {
		l.pairs = slices.DeleteFunc(l.pairs, func(p uint64) bool {
			if uint32(p) != item {
				return false
			}
			keys = append(keys, uint32(p>>32))
			return true
		})
	})
	return keys
}

// filter keeps the pairs of some items.
func (h *holders) filter(keep func(item uint32) bool) {
	h.each(func(l *leaf) {
		l.pairs = slices.DeleteFunc(l.pairs, func(p uint64) bool { return !keep(uint32(p)) })
	})
}

// each goes over the leaves.
func (h *holders) each(do func(*leaf)) {
	for i, l := range h.leaves {
		if i == 0 || h.leaves[i-1] != l {
			do(l)
		}
	}
}
