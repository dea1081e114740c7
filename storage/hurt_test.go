package storage_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// spoil flips a bit of one record.
func spoil(t *testing.T, path, bucket, key string) {
	t.Helper()
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(bolt.Update(func(tx *bbolt.Tx) error {
			rec := slices.Clone(tx.Bucket([]byte(bucket)).Get([]byte(key)))
			rec[len(rec)-1] ^= 1
			return tx.Bucket([]byte(bucket)).Put([]byte(key), rec)
		}), bolt.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestALostOutletIsKnownAgainByItsItems damages what a store knows of one outlet: the
// others are not touched by it, its items show, and what it is called is learnt anew.
func TestALostOutletIsKnownAgainByItsItems(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	outlets := []feed.Outlet{storagetest.Outlet("daily"), storagetest.Outlet("herald")}
	if err := db.SetOutlets(t.Context(), outlets); err != nil {
		t.Fatal(err)
	}
	merge(t, db, storagetest.Batch(outlets[0], time.Hour, storagetest.Item("daily", "1", "Mayor opens the tunnel", "Traffic moves.")))
	merge(t, db, storagetest.Batch(outlets[1], time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve.")))
	before := all(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "outlets", "herald")

	db = openAt(t, path)
	if db.Lost() != 1 || len(all(t, db)) != len(before) {
		t.Errorf("%d records lost, %d stories; want one lost and %d stories", db.Lost(), len(all(t, db)), len(before))
	}
	if h, err := db.Check(t.Context(), nil); err != nil || len(h.Problems) != 1 || !strings.Contains(h.Problems[0], "herald") {
		t.Errorf("check: %+v, %v; want one problem, which names herald", h, err)
	}
	// A newcomer does not get the number of the outlet that was lost.
	stranger := storagetest.Outlet("stranger")
	merge(t, db, storagetest.Batch(stranger, 2*time.Hour, storagetest.Item("stranger", "1", "Bees return", "In spring.")))
	if err := db.SetOutlets(t.Context(), append(outlets, stranger)); err != nil {
		t.Fatal(err)
	}
	healthy(t, db)
	r := merge(t, db, storagetest.Batch(outlets[1], 3*time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve."), storagetest.Item("herald", "2", "Ferry raised", "All.")))
	if r.Same != 1 || r.Fresh != 1 {
		t.Errorf("the next visit: %+v, want one item known and one new", r)
	}
	got, err := db.Outlets(t.Context())
	if err != nil || got["herald"].Name != outlets[1].Name {
		t.Errorf("herald is %+v, %v; want it to be called %q again", got["herald"], err, outlets[1].Name)
	}
}

// TestADamagedRecordIsToldOnce reads past a damaged item again and again: it is counted each time, and the log is told
// once. A file that is made anew does without it.
func TestADamagedRecordIsToldOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve.")))
	long := strings.Repeat("Traffic moves. ", 3000) // and so it has a record of its own
	merge(t, db, storagetest.Batch(storagetest.Outlet("daily"), time.Hour, storagetest.Item("daily", "1", "Mayor opens the tunnel", long)))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "items", string([]byte{7: 1}))
	var said bytes.Buffer
	db = openAt(t, path, func(o *storage.Options) { o.Log = slog.New(slog.NewTextHandler(&said, nil)) })
	for range 3 {
		if n := len(all(t, db)); n != 1 {
			t.Errorf("%d stories are shown, want the other one", n)
		}
	}
	if n := strings.Count(said.String(), "it is skipped"); n != 1 || db.Spoilt() != 1 || db.Lost() < 3 {
		t.Errorf("%d records are spoilt, met %d times, and the log said:\n%s", db.Spoilt(), db.Lost(), &said)
	}
	backup := filepath.Join(t.TempDir(), "backup.db") // a copy of what is damaged would be none
	if err := db.Backup(t.Context(), backup, nil); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("backup: %v, want that the store is damaged", err)
	}
	if left, _ := filepath.Glob(backup + "*"); len(left) > 0 {
		t.Errorf("a backup that was not made left %q", left)
	}
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, db)); n != 1 || db.Spoilt() != 0 {
		t.Errorf("after a rebuild: %d stories, %d records spoilt", n, db.Spoilt())
	}
}

// TestWhatComesAfterADamagedRecordIsKept damages the last record of items: the item that comes next would have joined it.
func TestWhatComesAfterADamagedRecordIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve.")))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "items", string([]byte{7: 1}))
	db = openAt(t, path)
	merge(t, db, storagetest.Batch(storagetest.Outlet("daily"), 2*time.Hour, storagetest.Item("daily", "1", "Mayor opens the tunnel", "Traffic moves.")))
	if h, err := db.Check(t.Context(), nil); err != nil || h.Items != 1 || h.OK() {
		t.Errorf("check: %+v, %v; want the damage told and one item", h, err)
	}
	if left := all(t, db); len(left) != 1 || left[0].Lead().Source != "daily" {
		t.Errorf("%+v is shown, want what came after the damage", left)
	}
}

// TestReindexKeepsALostOutlet rebuilds a store that has lost what it knew of an outlet.
func TestReindexKeepsALostOutlet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "Twelve.")))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, path, "outlets", "herald")
	db = openAt(t, path)
	if r, err := db.Reindex(t.Context(), nil); err != nil || r.Items != 1 || r.Lost != 1 {
		t.Errorf("reindex: %+v, %v; want its item kept and one record lost", r, err)
	}
	healthy(t, db)
	if n := len(all(t, db)); n != 1 {
		t.Errorf("%d stories, want 1", n)
	}
}

// TestInterruptedCompactionLeavesTheOldFile kills a process that compacts, at many
// moments, and wants everything to be there afterwards.
func TestInterruptedCompactionLeavesTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	var sent []int
	for n := range 150 {
		merge(t, db, loadBatch(n))
		sent = append(sent, n)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	half := 0
	for n := range longRun(t, "SANGAM_KILLS", 8) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), compactEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil { // it begins
			t.Fatal(err)
		}
		time.Sleep(time.Duration(n*7%40) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(path + ".compact"); err == nil {
			half++
		}
		db := openAt(t, path)
		if err := errors.Join(accountFor(t.Context(), db, sent), db.Close()); err != nil {
			t.Fatalf("after kill %d: %v", n, err)
		}
	}
	t.Logf("%d compactions were killed half way", half)
	db = openAt(t, path)
	if _, err := db.Compact(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + ".compact"); err == nil {
		t.Error("what an interrupted compaction left is still there after one that was not")
	}
}

const compactEnv = "SANGAM_STORAGE_COMPACT"

// compactForEver compacts a store again and again, until it is killed.
func compactForEver(path string) int {
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}})
	for err == nil {
		_, _ = os.Stdout.WriteString(".")
		_, err = db.Compact(context.Background(), nil)
	}
	return 1
}

// TestCompactionWithoutSpaceLeavesTheOldFile compacts on a file system that has no room
// for a second file.
func TestCompactionWithoutSpaceLeavesTheOldFile(t *testing.T) {
	dir := small(t, "size=6m")
	path := filepath.Join(dir, "sangam.db")
	db := openAt(t, path)
	var sent []int
	for n := range 100 {
		merge(t, db, loadBatch(n))
		sent = append(sent, n)
	}
	var fs syscall.Statfs_t
	err := syscall.Statfs(dir, &fs)
	if err == nil { // no more room than for a few batches
		err = os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, int64(fs.Bavail)*fs.Bsize-64<<10), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Compact(t.Context(), nil); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("compact: %v, want no space left", err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("%q are left behind", left)
	}
	merge(t, db, loadBatch(len(sent)))
	if err := accountFor(t.Context(), db, append(sent, len(sent))); err != nil {
		t.Error(err)
	}
}

// TestRulesChangeWithoutReopening has a store that compared no texts compare them.
func TestRulesChangeWithoutReopening(t *testing.T) {
	var exact, near storage.Options
	realRules(false)(&exact)
	realRules(true)(&near)
	db := open(t, realRules(false), func(o *storage.Options) { o.Exact = true })
	report := func(source string, after time.Duration, text string) feed.Report {
		t.Helper()
		it := feed.Item{Key: source + text[:9], ID: source + text[:9], Title: "Told by " + source, Content: text, Published: start.Add(after)}
		b := storagetest.Batch(storagetest.Outlet(source), after, it)
		b.State.Habits = near.Mark(b.Items, b.Outlet, feed.Habits{})
		return merge(t, db, b)
	}
	ferry := benchWords(benchRand(1), 900)
	tunnel := benchWords(benchRand(2), 900)
	report("herald", time.Hour, ferry)
	if r := report("gazette", 2*time.Hour, ferry); r.Fresh != 1 {
		t.Fatalf("while no texts are compared: %+v", r)
	}
	db.SetRules(near.Decider, false)
	report("herald", 3*time.Hour, tunnel)
	if r := report("gazette", 4*time.Hour, tunnel); r.Copies != 1 {
		t.Errorf("once texts are compared: %+v, want a copy", r)
	}
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, db)); n != 2 {
		t.Errorf("%d stories after a rebuild, want 2", n)
	}
	healthy(t, db)
	db.SetRules(exact.Decider, true)
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, db)); n != 4 {
		t.Errorf("%d stories after a rebuild that compared no texts, want 4", n)
	}
	healthy(t, db)
}
