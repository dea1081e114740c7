package storage

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sangam/feed"
)

var dawn = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func marked(after time.Duration, marks ...feed.Mark) *feed.Item {
	return &feed.Item{Published: dawn.Add(after), Seen: dawn.Add(after), Marks: marks}
}

func newTestWindow() *window { return &window{holders: newHolders()} }

const threeDays = 72 * time.Hour

func TestOneStrongMarkOrThreeWeakOnesBringItemsTogether(t *testing.T) {
	w := newTestWindow()
	w.put(holderOf(1, marked(0, "Lsame", "sa")))
	w.put(holderOf(2, marked(25*time.Hour, "sa", "sb", "sc", "sd")))
	w.put(holderOf(3, marked(26*time.Hour, "sa", "sb")))
	w.put(holderOf(4, marked(27*time.Hour, "sb", "sc", "sd")))
	it := marked(30*time.Hour, "Lsame", "sa", "sb", "sc", "sd")
	if got, want := w.near(holderOf(0, it), threeDays, dawn), []uint64{2, 4, 1}; !slices.Equal(got, want) {
		t.Errorf("near are %v, want %v", got, want)
	}
	if got, want := w.near(holderOf(0, it), 28*time.Hour, dawn), []uint64{2, 4}; !slices.Equal(got, want) {
		t.Errorf("near within 28 hours are %v, want %v", got, want)
	}
	if got, want := w.near(holderOf(0, it), threeDays, dawn.Add(26*time.Hour)), []uint64{4}; !slices.Equal(got, want) {
		t.Errorf("near seen since are %v, want %v", got, want)
	}
}

func TestWeakMarksThatManyHoldSayNothing(t *testing.T) {
	w := newTestWindow()
	for no := range uint64(maxWeak) {
		w.put(holderOf(no, marked(time.Duration(no)*time.Minute, "sx", "sy", "sz")))
	}
	it := marked(threeDays/2, "sx", "sy", "sz")
	if got := len(w.near(holderOf(0, it), threeDays, dawn)); got != maxWeak {
		t.Errorf("%d items near, want %d", got, maxWeak)
	}
	w.put(holderOf(maxWeak, marked(time.Hour, "sx", "sy", "sz")))
	if got := len(w.near(holderOf(0, it), threeDays, dawn)); got != 0 {
		t.Errorf("%d items near through marks of %d, want none", got, maxWeak+1)
	}
	w.drop(holderOf(7, &feed.Item{Seen: dawn, Marks: []feed.Mark{"sx", "sy", "sz"}}))
	if got := len(w.near(holderOf(0, it), threeDays, dawn)); got != maxWeak {
		t.Errorf("%d items near after one was dropped, want %d", got, maxWeak)
	}
}

func TestRollbackUndoesPutReplaceAndDrop(t *testing.T) {
	w := newTestWindow()
	w.put(holderOf(1, marked(0, "La")))
	w.put(holderOf(2, marked(0, "Lb")))
	w.settle()
	w.put(holderOf(1, marked(time.Hour, "Lc")))
	w.put(holderOf(1, marked(2*time.Hour, "Ld")))
	w.drop(holderOf(2, &feed.Item{Seen: dawn, Marks: nil}))
	w.put(holderOf(3, marked(time.Hour, "La")))
	w.rollback()
	for mark, want := range map[feed.Mark][]uint64{"La": {1}, "Lb": {2}, "Lc": {}, "Ld": {}} {
		if got := w.near(holderOf(0, marked(0, mark)), threeDays, dawn.Add(-time.Hour)); !slices.Equal(got, want) {
			t.Errorf("%s brings %v, want %v", mark, got, want)
		}
	}
}

func TestDaysExpire(t *testing.T) {
	w := newTestWindow()
	w.put(holderOf(1, marked(0, "La")))
	w.put(holderOf(2, marked(48*time.Hour, "La")))
	w.settle()
	w.expire(dawn.Add(24 * time.Hour))
	if got, want := w.near(holderOf(0, marked(48*time.Hour, "La")), threeDays, dawn), []uint64{2}; !slices.Equal(got, want) {
		t.Errorf("near are %v, want %v", got, want)
	}
	if n := len(w.holders.of(markKey("La"))); len(w.items) != 1 || n != 1 {
		t.Errorf("%d items are left, of whom %d hold the mark, want 1", len(w.items), n)
	}
}

// The index must not depend on the order in which items were put, or on what was put,
// dropped and undone in between.
func TestWindowIsWhatIsPutInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, want := newTestWindow(), map[uint64]*feed.Item{}
		var settled map[uint64]*feed.Item
		settle := func() { w.settle(); settled = maps.Clone(want) }
		settle()
		item := func() *feed.Item {
			it := marked(time.Duration(rapid.IntRange(0, 50).Draw(t, "hours")) * time.Hour)
			for range rapid.IntRange(0, 40).Draw(t, "marks") {
				it.Marks = append(it.Marks, feed.Mark(fmt.Sprint("s", rapid.IntRange(0, 3000).Draw(t, "mark"))))
			}
			return it
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			no := uint64(rapid.IntRange(1, 40).Draw(t, "no"))
			switch old := want[no]; rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				settle()
			case 1:
				w.rollback()
				want = maps.Clone(settled)
			case 2:
				if old != nil {
					w.drop(holderOf(no, &feed.Item{Seen: old.Seen, Marks: old.Marks}))
					delete(want, no)
				}
			case 3: // of whose marks nothing is known
				if old != nil {
					w.drop(holderOf(no, &feed.Item{Seen: old.Seen, Marks: nil}))
					delete(want, no)
				}
			default:
				it := item()
				if old != nil { // when an item was seen does not change
					it.Seen = old.Seen
				}
				w.put(holderOf(no, it))
				want[no] = it
			}
		}
		again := newTestWindow()
		for _, no := range slices.Sorted(maps.Keys(want)) {
			again.put(holderOf(no, want[no]))
		}
		all := func(w *window) (pairs []uint64) {
			w.holders.each(func(l *leaf) {
				if !slices.IsSorted(l.pairs) {
					t.Fatalf("a leaf is not sorted: %x", l.pairs)
				}
				for _, p := range l.pairs {
					pairs = append(pairs, p&^math.MaxUint32|w.long(uint32(p)))
				}
			})
			return pairs
		}
		if got, want := all(w), all(again); !slices.Equal(got, want) {
			t.Fatalf("the index holds %x, want %x", got, want)
		}
	})
}

// TestNearIsWhatLookingAtEveryItemFinds asks by marks that up to a hundred and fifty items hold.
func TestNearIsWhatLookingAtEveryItemFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		item := func() *feed.Item {
			it := marked(time.Duration(rnd.IntN(60)) * time.Hour)
			it.Published = it.Published.Add(-time.Duration(rnd.IntN(30)) * time.Hour)
			for range rnd.IntN(6) {
				it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("s%d", rnd.IntN(10))))
			}
			for range rnd.IntN(2) {
				it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("L%d", rnd.IntN(2))))
			}
			return it
		}
		w, items := newTestWindow(), map[uint64]*feed.Item{}
		for no := range uint64(rapid.IntRange(200, 400).Draw(t, "items")) {
			items[no+1] = item()
			w.put(holderOf(no+1, items[no+1]))
		}
		asked, span, cut := item(), time.Duration(rnd.IntN(60))*time.Hour, dawn.Add(time.Duration(rnd.IntN(40)-10)*time.Hour)
		shared, worth := map[uint64]int{}, map[uint64]bool{}
		for mark := range maps.Keys(markSet(asked)) {
			var hold []uint64 // the newest first
			for _, no := range slices.Backward(slices.Sorted(maps.Keys(items))) {
				if markSet(items[no])[mark] && !items[no].Seen.Before(cut) {
					hold = append(hold, no)
				}
			}
			if weak(mark) && len(hold) > maxWeak {
				continue
			}
			for _, no := range hold[:min(len(hold), maxStrong)] {
				shared[no]++
				worth[no] = worth[no] || !weak(mark) || shared[no] >= enoughWeak
			}
		}
		var want []uint64
		for no := range shared {
			if worth[no] && items[no].Time().Sub(asked.Time()).Abs() <= span {
				want = append(want, no)
			}
		}
		slices.SortFunc(want, func(a, b uint64) int {
			return cmp.Or(cmp.Compare(shared[b], shared[a]), cmp.Compare(a, b))
		})
		want = want[:min(len(want), maxNear)]
		if got := w.near(holderOf(0, asked), span, cut); !slices.Equal(got, want) {
			t.Fatalf("near are %v, want %v", got, want)
		}
	})
}

func markSet(it *feed.Item) map[feed.Mark]bool {
	set := map[feed.Mark]bool{}
	for _, m := range it.Marks {
		set[m] = true
	}
	return set
}

// TestAKeyThatThousandsHoldIsFoundAmongOthers searches leaves in which keys are not evenly spread.
func TestAKeyThatThousandsHoldIsFoundAmongOthers(t *testing.T) {
	h, rnd := newHolders(), rand.New(rand.NewPCG(1, 1))
	want := map[uint32]int{}
	put := func(key, item uint32) {
		h.insert(key, item)
		want[key]++
	}
	for i := range uint32(6000) {
		put(0x12345678, i) // one that all hold,
		put(0xfffffff0+i%16, i)
		put(i%3, i)          // some close together at both ends,
		put(rnd.Uint32(), i) // and others
	}
	for key, n := range want {
		got := h.of(key)
		if len(got) != n || !slices.IsSorted(got) || uint32(got[0]>>32) != key || uint32(got[n-1]>>32) != key {
			t.Fatalf("%d items hold the key %x, want %d", len(got), key, n)
		}
		if n := len(h.of(key + 1)); n != want[key+1] {
			t.Fatalf("%d items hold the key %x, want %d", n, key+1, want[key+1])
		}
	}
}

// BenchmarkWindow looks items with 45 marks up among 100,000, and reports the bytes
// that one item takes.
func BenchmarkWindow(b *testing.B) {
	const items, marks = 100_000, 45
	item := func(no int) *feed.Item {
		it := marked(time.Duration(no) * 2500 * time.Millisecond)
		for i := range marks {
			it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("s%05x", uint32((no*marks+i)*2654435761)>>12)))
		}
		return it
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w := newTestWindow()
	for no := range items {
		w.put(holderOf(uint64(no), item(no)))
		w.settle()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	asked := make([]*feed.Item, 1000)
	for i := range asked {
		asked[i] = item(i * 97)
	}
	i := 0
	for b.Loop() {
		w.near(holderOf(0, asked[i%len(asked)]), threeDays, dawn)
		i++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/items, "B/item")
}
