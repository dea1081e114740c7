package storage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// The benchmarks run over stores of these many items; SANGAM_BENCH_ITEMS=1000000 adds
// one of that size (it takes a few minutes and 2 GB of disk to make).
func benchSizes(b *testing.B) []int {
	sizes := []int{10_000}
	var more int
	if _, err := fmt.Sscan(os.Getenv("SANGAM_BENCH_ITEMS"), &more); err == nil {
		sizes = append(sizes, more)
	}
	return sizes
}

const (
	benchSources = 1000
	benchItems   = 30              // per batch
	benchText    = 1127            // bytes of text per item
	benchPace    = 5 * time.Minute // between batches: a million items are sixteen weeks
	benchGroup   = 24              // batches that share a commit, as many as may
)

var vocabulary = func() []string {
	rnd := rand.New(rand.NewPCG(1, 1))
	words := make([]string, 4000)
	for i := range words {
		w := make([]byte, 3+rnd.IntN(8))
		for j := range w {
			w[j] = "etaoinshrdlucmfwypvbgk"[min(rnd.IntN(22), rnd.IntN(22))]
		}
		words[i] = string(w)
	}
	return words
}()

func benchWords(rnd *rand.Rand, size int) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(vocabulary[min(rnd.IntN(len(vocabulary)), rnd.IntN(len(vocabulary)), rnd.IntN(len(vocabulary)))])
		b.WriteByte(' ')
	}
	return b.String()[:size]
}

// benchBatch is the nth batch: thirty new items of one source, one in ten a copy of
// another's.
func benchBatch(n int) feed.Batch {
	rnd := rand.New(rand.NewPCG(uint64(n), 3))
	o := storagetest.Outlet(fmt.Sprintf("source%04d", n%benchSources))
	o.Categories = []string{fmt.Sprintf("c%d", n%10)}
	items := make([]feed.Item, benchItems)
	for i := range items {
		title := benchWords(rnd, 60)
		if i%10 == 0 {
			title = benchWords(rand.New(rand.NewPCG(uint64(n/2), uint64(i))), 60)
		}
		it := storagetest.Item(o.ID, fmt.Sprintf("https://%s.example/news/%d/%d", o.ID, n, i), title, benchWords(rnd, benchText-60))
		it.Link = it.ID
		it.Published = start.Add(time.Duration(n) * benchPace)
		it.Marks = []feed.Mark{feed.Mark("U" + mark(it.Link)), feed.Mark("T" + mark(title))}
		for range 6 {
			it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("n%08x", rnd.Uint32())))
		}
		items[i] = it
	}
	return storagetest.Batch(o, time.Duration(n)*benchPace+time.Minute, items...)
}

func benchRand(n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(n), 9)) }

func mark(s string) string {
	h := fnv.New64a()
	h.Write([]byte(s))
	return fmt.Sprintf("%016x", h.Sum64())
}

// grow fills a store up to so many items, in full groups.
func grow(b testing.TB, db *storage.DB, from, batches int) {
	all := func(yield func(feed.Batch) bool) {
		for n := range batches {
			if !yield(benchBatch(from + n)) {
				return
			}
		}
	}
	pour(b, db, all)
}

// pour merges batches, as many at a time as share a commit.
func pour(b testing.TB, db *storage.DB, batches iter.Seq[feed.Batch]) {
	queue := make(chan feed.Batch, 64)
	var wg sync.WaitGroup
	for range benchGroup {
		wg.Go(func() {
			for batch := range queue {
				if _, err := db.Merge(context.Background(), batch); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for batch := range batches {
		queue <- batch
	}
	close(queue)
	wg.Wait()
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchStore keeps one filled store of each size for the whole run.
var benchFiles = map[int]string{}

func benchStore(b *testing.B, items int) string {
	if path := benchFiles[items]; path != "" {
		return path
	}
	dir, err := os.MkdirTemp("", "sangam-bench-")
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(dir, "sangam.db")
	db := benchOpen(b, path, true)
	began := cpu()
	grow(b, db, 0, items/benchItems)
	b.Logf("made %d items in %v CPU", items, cpu()-began)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	benchFiles[items] = path
	return path
}

// dropBenchStores is called when the tests end.
func dropBenchStores() {
	for _, path := range benchFiles {
		_ = os.RemoveAll(filepath.Dir(path))
	}
}

func benchOpen(b testing.TB, path string, noSync bool) *storage.DB {
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}, NoSync: noSync, CommitEvery: 100 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkInsert merges batches of thirty new items into stores of different size, in
// groups, with fsync. It then writes the same keys and values into the same number of
// buckets with plain bbolt, with the same commits, into a copy of the same file.
func BenchmarkInsert(b *testing.B) {
	for _, size := range benchSizes(b) {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const batches = benchGroup * 27
			path := benchStore(b, size)
			dir := b.TempDir()
			ours, raw := filepath.Join(dir, "ours.db"), filepath.Join(dir, "raw.db")
			for b.Loop() {
				copyFile(b, path, ours)
				copyFile(b, path, raw)
				db := benchOpen(b, ours, false)
				grow(b, db, size/benchItems, 1) // the index of marks is loaded by the first
				var news []feed.Batch
				for n := range batches {
					news = append(news, benchBatch(size/benchItems+1+n))
				}
				runtime.GC()
				began := cpu()
				pour(b, db, slices.Values(news))
				mine := cpu() - began
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				theirs := replay(b, ours, raw, benchGroup*benchItems)
				n := float64(batches * benchItems)
				b.ReportMetric(float64(mine.Microseconds())/n, "cpu-µs/item")
				b.ReportMetric(float64(theirs.Microseconds())/n, "raw-cpu-µs/item")
				b.ReportMetric(float64(mine)/float64(theirs), "ratio")
				b.ReportMetric(bytesPerItem(b, ours), "B/item")
			}
		})
	}
}

// copyFile copies a file, and waits until the copy is on disk: or the first commit would wait for it.
func copyFile(b testing.TB, from, to string) {
	in, err := os.Open(from)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		b.Fatal(err)
	}
}

// bytesPerItem is what a compacted copy takes per item.
func bytesPerItem(b *testing.B, path string) float64 {
	copied := filepath.Join(b.TempDir(), "c.db")
	copyFile(b, path, copied)
	db := benchOpen(b, copied, true)
	defer db.Close()
	c, err := db.Compact(b.Context(), nil)
	if err != nil {
		b.Fatal(err)
	}
	var items uint64
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer bolt.Close()
	_ = bolt.View(func(tx *bbolt.Tx) error { items = tx.Bucket([]byte("items")).Sequence(); return nil })
	b.ReportMetric(float64(c.Before)/float64(items), "B/item-uncompacted")
	return float64(c.After) / float64(items)
}

type put struct {
	bucket, sub string
	key, value  []byte
}

// A slot is one of those that references are kept in, with 9 bytes for each, of which the last 5 are
// the item's number.
type slot struct {
	day, key string
	value    []byte
}

func slotsOf(tx *bbolt.Tx) (slots []slot) {
	refs := tx.Bucket([]byte("refs"))
	_ = refs.ForEachBucket(func(d []byte) error {
		return refs.Bucket(d).ForEach(func(k, v []byte) error {
			slots = append(slots, slot{string(d), string(k), slices.Clone(v)})
			return nil
		})
	})
	return slots
}

// until is the slot as it was when the item of that number came, and whether it got anything since
// another came.
func (s slot) until(no, since uint64) (value []byte, fresh bool) {
	for ref := range slices.Chunk(s.value, 9) {
		if n := binary.BigEndian.Uint64(append(make([]byte, 3), ref[4:]...)); n <= no {
			value = append(value, ref...)
			fresh = fresh || n >= since
		}
	}
	return value, fresh
}

// visitsOf are the states and habits that one store has and the other has not.
func visitsOf(src, dst *bbolt.DB) (puts []put) {
	_ = src.View(func(tx *bbolt.Tx) error {
		return dst.View(func(old *bbolt.Tx) error {
			for _, name := range []string{"states", "habits"} {
				_ = tx.Bucket([]byte(name)).ForEach(func(k, v []byte) error {
					if !bytes.Equal(old.Bucket([]byte(name)).Get(k), v) {
						puts = append(puts, put{name, "", slices.Clone(k), slices.Clone(v)})
					}
					return nil
				})
			}
			return nil
		})
	})
	return puts
}

// replay writes what one store has more than the other with plain bbolt, so many
// items per commit, and says what CPU that took.
func replay(b testing.TB, from, to string, perCommit int) time.Duration {
	byItem := map[uint64][]put{}
	src, err := bbolt.Open(from, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	dst, err := bbolt.Open(to, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistArrayType, InitialMmapSize: 4 << 30})
	if err != nil {
		b.Fatal(err)
	}
	dst.AllocSize = 256 << 10
	defer dst.Close()
	var slots []slot
	var first uint64
	_ = dst.View(func(tx *bbolt.Tx) error { first = tx.Bucket([]byte("items")).Sequence(); return nil })
	note := func(no uint64, p put) {
		if no > first {
			p.key, p.value = slices.Clone(p.key), slices.Clone(p.value)
			byItem[no] = append(byItem[no], p)
		}
	}
	err = src.View(func(tx *bbolt.Tx) error {
		each := func(bucket string, no func(k, v []byte) uint64) {
			_ = tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
				note(no(k, v), put{bucket, "", k, v})
				return nil
			})
		}
		key := func(at int) func(k, v []byte) uint64 {
			return func(k, _ []byte) uint64 { return binary.BigEndian.Uint64(k[at:]) }
		}
		val := func(_, v []byte) uint64 { n, _ := binary.Uvarint(v); return n }
		log := func(_, v []byte) uint64 { n, _ := binary.Uvarint(v[5:]); return n } // of the first item, after the head of the record
		each("items", key(0))
		each("stories", key(0))
		each("timeline", key(8))
		each("bysource", key(12))
		each("names", val)
		each("entries", val)
		each("changes", val)
		daily := func(bucket string, no func(k, v []byte) uint64) error {
			return tx.Bucket([]byte(bucket)).ForEachBucket(func(d []byte) error {
				return tx.Bucket([]byte(bucket)).Bucket(d).ForEach(func(k, v []byte) error {
					note(no(k, v), put{bucket, string(d), k, v})
					return nil
				})
			})
		}
		slots = slotsOf(tx)
		return daily("marks", log)
	})
	if err != nil {
		b.Fatal(err)
	}
	nos := slices.Sorted(maps.Keys(byItem))
	for i, p := range visitsOf(src, dst) { // one with each batch
		no := nos[min(i*benchItems, len(nos)-1)]
		byItem[no] = append(byItem[no], p)
	}
	_ = src.Close()
	for group := range slices.Chunk(nos, perCommit) { // slots are written once a commit, as they are then
		at := group[len(group)-1]
		for _, s := range slots {
			if value, fresh := s.until(at, group[0]); fresh {
				byItem[at] = append(byItem[at], put{"refs", s.day, []byte(s.key), value})
			}
		}
	}
	runtime.GC()
	began := cpu()
	for group := range slices.Chunk(nos, perCommit) {
		err := dst.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"items", "stories", "changes", "bysource"} {
				tx.Bucket([]byte(name)).FillPercent = 0.9
			}
			for _, name := range []string{"names", "timeline", "states"} {
				tx.Bucket([]byte(name)).FillPercent = 0.65
			}
			for _, no := range group {
				for _, p := range byItem[no] {
					bucket := tx.Bucket([]byte(p.bucket))
					if p.sub != "" {
						if bucket, err = bucket.CreateBucketIfNotExists([]byte(p.sub)); err != nil {
							return err
						}
					}
					if err := bucket.Put(p.key, p.value); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return cpu() - began
}

// BenchmarkNewest reads the newest hundred stories of everything, of a source and of a
// category.
func BenchmarkNewest(b *testing.B) {
	for _, size := range benchSizes(b) {
		db := benchOpen(b, benchStore(b, size), true)
		for name, q := range map[string]feed.Query{
			"everything": {}, "source": {Sources: []string{"source0007"}}, "category": {Categories: []string{"c3"}},
		} {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				for b.Loop() {
					n := 0
					for _, err := range db.Stories(b.Context(), q) {
						if err != nil {
							b.Fatal(err)
						}
						if n++; n == 100 {
							break
						}
					}
				}
			})
		}
		_ = db.Close()
	}
}

// BenchmarkOpen opens a store, and, as "first merge", makes the index of marks too.
func BenchmarkOpen(b *testing.B) {
	for _, size := range benchSizes(b) {
		path := benchStore(b, size)
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				if err := benchOpen(b, path, true).Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("first-merge/%d", size), func(b *testing.B) {
			for b.Loop() {
				db := benchOpen(b, path, true)
				if _, err := db.Merge(b.Context(), benchBatch(size/benchItems-1)); err != nil {
					b.Fatal(err)
				}
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestFill makes a store of a million items of ten thousand sources, over sixteen weeks
// until now, with as many marks as articles have, in the directory that
// SANGAM_FILL names, and a configuration to run the daemon on it: for measuring what the idle
// daemon holds.
func TestFill(t *testing.T) {
	dir := os.Getenv("SANGAM_FILL")
	if dir == "" {
		t.Skip("SANGAM_FILL names no directory")
	}
	const sources, batches = 10_000, 1_000_000 / benchItems
	began := time.Now().UTC().Add(-batches * benchPace)
	db, err := storage.Open(filepath.Join(dir, "data", "sangam.db"), storage.Options{Decider: storagetest.Titles{}, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	pour(t, db, func(yield func(feed.Batch) bool) {
		for n := range batches {
			b, rnd := benchBatch(n), benchRand(n)
			o := storagetest.Outlet(fmt.Sprintf("source%04d", n%sources))
			b.Outlet, b.State.Source, b.At = o, o.ID, began.Add(time.Duration(n)*benchPace)
			b.State.Visited, b.State.Succeeded = b.At, b.At
			for i := range b.Items {
				it := &b.Items[i]
				it.Source, it.Key, it.Published = o.ID, it.Key+o.ID, b.At.Add(-time.Minute)
				for len(it.Marks) < 45 {
					it.Marks = append(it.Marks, feed.Mark(fmt.Sprintf("s%08x", rnd.Uint32())))
				}
			}
			if !yield(b) {
				return
			}
		}
	})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var c strings.Builder
	c.WriteString("listen: 127.0.0.1:0\nadmin: 127.0.0.1:18099\nlog: {level: error}\nsources:\n")
	for n := range sources {
		fmt.Fprintf(&c, "  - {id: source%04d, url: \"http://source%d.example/feed\", paused: true}\n", n, n)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(c.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
