package storage

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"sangam/feed"
)

var dawn = time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)

func marked(after time.Duration, marks ...feed.Mark) *feed.Item {
	return &feed.Item{Published: dawn.Add(after), Seen: dawn.Add(after), Marks: marks}
}

const threeDays = 72 * time.Hour

func TestOneStrongMarkOrTwoWeakOnesBringItemsTogether(t *testing.T) {
	w := newWindow()
	w.put(1, marked(0, "Lsame", "sa"))
	w.put(2, marked(25*time.Hour, "sa", "sb", "sc"))
	w.put(3, marked(26*time.Hour, "sa"))
	w.put(4, marked(27*time.Hour, "sb", "sc"))
	it := marked(30*time.Hour, "Lsame", "sa", "sb", "sc")
	if got, want := w.near(it, threeDays, dawn), []uint64{2, 1, 4}; !slices.Equal(got, want) {
		t.Errorf("near are %v, want %v", got, want)
	}
	if got, want := w.near(it, 28*time.Hour, dawn), []uint64{2, 4}; !slices.Equal(got, want) {
		t.Errorf("near within 28 hours are %v, want %v", got, want)
	}
	if got, want := w.near(it, threeDays, dawn.Add(26*time.Hour)), []uint64{4}; !slices.Equal(got, want) {
		t.Errorf("near seen since are %v, want %v", got, want)
	}
}

func TestWeakMarksThatManyHoldSayNothing(t *testing.T) {
	w := newWindow()
	for no := range uint64(maxWeak) {
		w.put(no, marked(time.Duration(no)*time.Minute, "sx", "sy"))
	}
	it := marked(threeDays/2, "sx", "sy")
	if got := len(w.near(it, threeDays, dawn)); got != maxWeak {
		t.Errorf("%d items near, want %d", got, maxWeak)
	}
	w.put(maxWeak, marked(time.Hour, "sx", "sy"))
	if got := len(w.near(it, threeDays, dawn)); got != 0 {
		t.Errorf("%d items near through marks of %d, want none", got, maxWeak+1)
	}
	w.drop(7)
	if got := len(w.near(it, threeDays, dawn)); got != maxWeak {
		t.Errorf("%d items near after one was dropped, want %d", got, maxWeak)
	}
}

func TestRollbackUndoesPutReplaceAndDrop(t *testing.T) {
	w := newWindow()
	w.put(1, marked(0, "La"))
	w.put(2, marked(0, "Lb"))
	w.settle()
	w.put(1, marked(time.Hour, "Lc"))
	w.put(1, marked(2*time.Hour, "Ld"))
	w.drop(2)
	w.put(3, marked(time.Hour, "La"))
	w.rollback()
	for mark, want := range map[feed.Mark][]uint64{"La": {1}, "Lb": {2}, "Lc": {}, "Ld": {}} {
		if got := w.near(marked(0, mark), threeDays, dawn.Add(-time.Hour)); !slices.Equal(got, want) {
			t.Errorf("%s brings %v, want %v", mark, got, want)
		}
	}
}

func TestDaysExpire(t *testing.T) {
	w := newWindow()
	w.put(1, marked(0, "La"))
	w.put(2, marked(48*time.Hour, "La"))
	w.settle()
	w.expire(dawn.Add(24 * time.Hour))
	if got, want := w.near(marked(48*time.Hour, "La"), threeDays, dawn), []uint64{2}; !slices.Equal(got, want) {
		t.Errorf("near are %v, want %v", got, want)
	}
	if len(w.where) != 1 || len(w.days) != 1 {
		t.Errorf("%d items in %d days are left, want 1 in 1", len(w.where), len(w.days))
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
	w := newWindow()
	for no := range items {
		w.put(uint64(no), item(no))
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
		w.near(asked[i%len(asked)], threeDays, dawn)
		i++
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/items, "B/item")
}
