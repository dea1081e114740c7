package storage_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// under runs a load against the store while fn works, and gives how long each batch
// took.
func under(t *testing.T, db *storage.DB, from int, fn func()) []time.Duration {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var took []time.Duration
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := from; ctx.Err() == nil; n++ {
			began := time.Now()
			if _, err := db.Merge(t.Context(), loadBatch(n)); err != nil {
				t.Errorf("merge under load: %v", err)
				return
			}
			took = append(took, time.Since(began))
			time.Sleep(time.Millisecond)
		}
	})
	fn()
	stop()
	wg.Wait()
	slices.Sort(took)
	return took
}

// TestABackupNeverTakesTheStoresName would otherwise put a copy in the place of the file that the
// daemon goes on writing to.
func TestABackupNeverTakesTheStoresName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data", "sangam.db")
	db := openAt(t, path)
	if err := os.Symlink("data", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + ".new", path + ".compact", path + ".restore", filepath.Join(dir, "link", "sangam.db")} {
		if err := db.Backup(t.Context(), name, nil); err == nil {
			t.Errorf("a backup was written to %s", name)
		}
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("another file is in the place of the store: %v", err)
	}
	if err := db.Backup(t.Context(), path+".bak", nil); err != nil {
		t.Errorf("beside the store: %v", err)
	}
}

// TestBackupUnderLoadIsWhole copies a store that is being written, restores the copy
// elsewhere, and rotates.
func TestBackupUnderLoadIsWhole(t *testing.T) {
	db := open(t)
	for n := range fewer(200) {
		merge(t, db, loadBatch(n))
	}
	dir := t.TempDir()
	cut := filepath.Join(dir, "backups", "sangam-20260101T000000Z.backup.db.part") // of one that was interrupted
	if err := errors.Join(os.Mkdir(filepath.Dir(cut), 0o700), os.WriteFile(cut, randomBytes(5000), 0o600)); err != nil {
		t.Fatal(err)
	}
	var files []string
	took := under(t, db, 200, func() {
		for i := range 4 {
			file, err := db.Rotate(t.Context(), filepath.Join(dir, "backups"), 2, start.Add(time.Duration(i)*time.Hour), nil)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
	})
	if len(took) == 0 {
		t.Fatal("there was no load")
	}
	left, _ := filepath.Glob(filepath.Join(dir, "backups", "*"))
	if !slices.Equal(left, files[2:]) {
		t.Errorf("left are %q, want the newest two of %q", left, files)
	}
	path := filepath.Join(dir, "elsewhere.db")
	opts := storage.Options{Decider: storagetest.Titles{}}
	aside, err := storage.Restore(t.Context(), path, files[3], opts, nil)
	if err != nil || aside != "" {
		t.Fatalf("restore: %q, %v", aside, err)
	}
	restored := openAt(t, path)
	healthy(t, restored)
	if _, err := restored.Story(t.Context(), loadBatch(fewer(200) - 1).Items[0].Key); err != nil {
		t.Errorf("what was stored before the backup is not in it: %v", err)
	}
	if err := os.WriteFile(path+".restore", []byte("being written"), 0o600); err != nil { // by who has it open
		t.Fatal(err)
	}
	opts.LockTimeout = time.Millisecond
	if _, err := storage.Restore(t.Context(), path, files[3], opts, nil); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("a store in use was replaced: %v", err)
	}
	if _, err := os.Stat(path + ".restore"); err != nil {
		t.Errorf("what the other one wrote: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.db"), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := restored.Restore(t.Context(), filepath.Join(dir, "bad.db"), nil); err == nil {
		t.Error("a file that is no store was restored")
	}
	healthy(t, restored)
}

// TestKeepingHoldsNobodyUp deletes thousands of items while visits are stored. The
// promise is 50 ms, which it logs; what a busy machine can be held to is that
// visits are stored in between.
func TestKeepingHoldsNobodyUp(t *testing.T) {
	db := open(t)
	for n := range fewer(800) {
		merge(t, db, loadBatch(n))
	}
	var kept storage.Kept
	took := under(t, db, 5000, func() {
		var err error
		if kept, err = db.Keep(t.Context(), time.Hour, 0, start.Add(time.Duration(fewer(800))*time.Minute+time.Hour), nil); err != nil {
			t.Fatal(err)
		}
	})
	if kept.Items < int64(fewer(3000)) || len(took) == 0 {
		t.Fatalf("%+v deleted beside %d batches: nothing was tested", kept, len(took))
	}
	half, slowest := took[len(took)/2], took[len(took)-1]
	if len(took) < 5 || slowest > time.Minute {
		t.Errorf("while %d items were deleted, %d batches were stored, the slowest took %v", kept.Items, len(took), slowest)
	}
	t.Logf("while %d items were deleted, half of %d batches took %v, the slowest %v", kept.Items, len(took), half, slowest)
	healthy(t, db)
}

var update = flag.Bool("update", false, "write the files in testdata anew")

// TestLayoutOfThePastIsRead opens files that earlier builds wrote, one for every layout
// there was, the newest being that of today: -update writes only that one.
func TestLayoutOfThePastIsRead(t *testing.T) {
	for layout := 1; layout <= storage.Schema; layout++ {
		t.Run(fmt.Sprint(layout), func(t *testing.T) { readLayout(t, layout) })
	}
}

func readLayout(t *testing.T, layout int) {
	file := fmt.Sprintf("testdata/layout-%d.db.zst", layout)
	if *update && layout == storage.Schema {
		enc, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, enc.EncodeAll(filled(t), nil), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := openAt(t, unpacked(t, file))
	if h := healthy(t, db); h.Items != 60*loadItems {
		t.Errorf("%d items, want %d", h.Items, 60*loadItems)
	}
	for n := range 60 {
		want := loadBatch(n).Items[1]
		st, err := db.Story(t.Context(), want.Key)
		if err != nil || !slices.ContainsFunc(st.Members, func(it feed.Item) bool { return it.Key == want.Key && it.Content == want.Content }) {
			t.Fatalf("item %s: %+v, %v", want.Key, st, err)
		}
	}
	for n := range 60 { // known as they are
		again := loadBatch(n)
		again.At = again.At.Add(aDay)
		again.State.Visited = again.At
		if r := merge(t, db, again); r.Same != loadItems {
			t.Fatalf("batch %d again: %+v, want everything known", n, r)
		}
	}
	copied := loadBatch(58) // recognised by the marks that were stored
	copied.Outlet = storagetest.Outlet("stranger")
	for i := range copied.Items {
		it := &copied.Items[i]
		it.Key, it.Source, it.Seen = "copy of "+it.Key, "stranger", time.Time{}
	}
	copied.At = start.Add(61 * time.Minute)
	copied.State = feed.State{Source: "stranger", Visited: copied.At}
	if r := merge(t, db, copied); r.Copies == 0 {
		t.Errorf("copies of stored items: %+v, want them recognised", r)
	}
	merge(t, db, loadBatch(160))
	healthy(t, db)
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		t.Error(err)
	}
	healthy(t, db)
}

// TestBackupOfThePastIsRestored puts a backup that an earlier build made in the place of
// a store of today.
func TestBackupReplacesNothingButABackup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	merge(t, db, loadBatch(0))
	dir := t.TempDir()
	kept := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(kept, []byte("title: mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, kept, dir, "/dev/null"} {
		if err := db.Backup(t.Context(), file, nil); err == nil {
			t.Errorf("a backup took the place of %s", file)
		}
	}
	theirs := filepath.Join(t.TempDir(), "sangam.db")
	other := openAt(t, theirs)
	if err := db.Backup(t.Context(), theirs, nil); err == nil {
		t.Error("a backup took the place of a store that somebody has open")
	}
	merge(t, other, loadBatch(1))
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, openAt(t, theirs))); n != loadItems {
		t.Errorf("the other store has %d stories, want %d", n, loadItems)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "title: mine\n" {
		t.Errorf("the file of another kind is %q now, %v", text, err)
	}
	empty, again := filepath.Join(dir, "empty"), filepath.Join(dir, "again")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{empty, again, again} {
		if err := db.Backup(t.Context(), file, nil); err != nil {
			t.Error(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestBackupOfThePastIsRestored(t *testing.T) {
	db := open(t)
	if _, err := db.Restore(t.Context(), unpacked(t, "testdata/layout-1.db.zst"), nil); err != nil {
		t.Fatal(err)
	}
	if h := healthy(t, db); h.Items != 60*loadItems {
		t.Errorf("%d items, want %d", h.Items, 60*loadItems)
	}
}

// unpacked is the path of an uncompressed copy of a file.
func unpacked(t *testing.T, file string) string {
	t.Helper()
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	whole, err := dec.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sangam.db")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
