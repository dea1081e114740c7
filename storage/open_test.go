package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// filled makes a store with some hundred items and gives its bytes, without what
// the file has grown ahead.
func filled(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path)
	for n := range 60 {
		merge(t, db, loadBatch(n))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	var used int64
	err = errors.Join(bolt.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }), bolt.Close())
	b, readErr := os.ReadFile(path)
	if err := errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	return b[:used]
}

func tryOpen(path string) (*storage.DB, error) {
	return storage.Open(path, storage.Options{Decider: storagetest.Titles{}, Mark: storagetest.Mark, NoSync: true, LockTimeout: 100 * time.Millisecond})
}

// TestDamagedFileIsRefusedAndKept opens files that are no stores: each is refused with
// its name, a reason and the newest backup, and stays as it is.
func TestDamagedFileIsRefusedAndKept(t *testing.T) {
	whole := filled(t)
	foreign := filepath.Join(t.TempDir(), "foreign")
	other, err := bbolt.Open(foreign, 0o600, nil)
	if err == nil {
		err = errors.Join(other.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("users")); return err }), other.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	bolt, _ := os.ReadFile(foreign)
	overwritten := bytes.Clone(whole)
	clear(overwritten[:16<<10])
	cases := map[string][]byte{
		"empty": {}, "one byte": {1}, "zeroes": make([]byte, len(whole)), "a page": []byte("<!doctype html><title>x</title>"),
		"another program's": bolt, "beginning overwritten": overwritten, "random": randomBytes(1 << 16),
	}
	for _, size := range []int{100, 4096, 8192, 9000, 16384, len(whole) / 4, len(whole) / 2, len(whole) * 3 / 4} {
		cases[fmt.Sprintf("cut to %d", size)] = whole[:size]
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "sangam.db")
			newest := filepath.Join(dir, "sangam-20260302T000000Z.backup.db")
			for _, f := range []string{newest, filepath.Join(dir, "sangam-20260301T000000Z.backup.db")} {
				if err := os.WriteFile(f, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := tryOpen(path)
			if err == nil {
				_ = db.Close()
				t.Fatal("it was opened")
			}
			var damaged *storage.Damaged
			if !errors.As(err, &damaged) || damaged.Backup != newest || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want *Damaged that names the file and %s", err, newest)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, content) {
				t.Error("the file was changed")
			}
		})
	}
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// TestFlippedBitsHurtNobody flips single bits all over a store. Whatever happens is an
// error or a skipped record, never the end of the process, and a story is shown as it
// was or not at all.
func TestFlippedBitsHurtNobody(t *testing.T) {
	whole := filled(t)
	want := map[string]string{}
	path := filepath.Join(t.TempDir(), "sangam.db")
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	db := openAt(t, path)
	for _, st := range all(t, db) {
		for _, it := range st.Members {
			want[it.Key] = it.Title + it.Content
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(7, 7))
	refused, found, silent := 0, 0, 0
	for range longRun(t, "SANGAM_BIT_FLIPS", 40) {
		hurt := bytes.Clone(whole)
		at := rnd.IntN(len(hurt))
		if rnd.IntN(3) == 0 {
			at = rnd.IntN(16 << 10) // the pages that hold everything together
		}
		hurt[at] ^= 1 << rnd.IntN(8)
		if err := os.WriteFile(path, hurt, 0o600); err != nil {
			t.Fatal(err)
		}
		switch outcome := useHurt(t, path, want); outcome {
		case "refused":
			refused++
		case "found":
			found++
		default:
			silent++
		}
	}
	if refused+found == 0 {
		t.Error("no flip was ever noticed")
	}
	t.Logf("%d refused, %d found by Check or a read, %d without effect", refused, found, silent)
}

// useHurt does with a hurt store what a daemon does, and says how it showed.
func useHurt(t *testing.T, path string, want map[string]string) string {
	t.Helper()
	db, err := tryOpen(path)
	if err != nil {
		return "refused"
	}
	defer db.Close()
	outcome := ""
	for st, err := range db.Stories(t.Context(), feed.Query{}) {
		if err != nil {
			outcome = "found"
			break
		}
		for _, it := range st.Members {
			if text, ok := want[it.Key]; !ok || text != it.Title+it.Content {
				t.Fatalf("item %q is shown with a text it never had", it.Key)
			}
		}
	}
	if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
		outcome = "found"
	}
	if _, err := db.Merge(t.Context(), loadBatch(100)); err != nil {
		outcome = "found"
	}
	if _, err := db.Reindex(t.Context(), nil); err != nil {
		outcome = "found"
	} else if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
		t.Errorf("after a rebuild: %v %.300q", err, h.Problems)
	}
	return outcome
}

// TestCheckTellsOfBucketsWhereNoneBelong makes what a flipped bit makes of a value. To let bbolt's own
// check follow it would be the end of the process.
func TestCheckTellsOfBucketsWhereNoneBelong(t *testing.T) {
	for _, at := range []string{"timeline", "refs"} {
		path := filepath.Join(t.TempDir(), "sangam.db")
		if err := os.WriteFile(path, filled(t), 0o600); err != nil {
			t.Fatal(err)
		}
		bolt, err := bbolt.Open(path, 0o600, nil)
		if err == nil {
			err = errors.Join(bolt.Update(func(tx *bbolt.Tx) error {
				b := tx.Bucket([]byte(at))
				if day, _ := b.Cursor().First(); b.Bucket(day) != nil {
					b = b.Bucket(day)
				}
				stray, err := b.CreateBucket([]byte("stray"))
				if err != nil {
					return err
				}
				return stray.SetSequence(1)
			}), bolt.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		h, err := openAt(t, path).Check(t.Context(), nil)
		if stray := fmt.Sprintf("%x: a bucket where none belongs", "stray"); err != nil || !strings.Contains(strings.Join(h.Problems, "\n"), stray) {
			t.Errorf("%s: Check says %v, %.300q, want %q", at, err, h.Problems, stray)
		}
	}
}

func TestNewerLayoutIsRefusedUntouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	if err := openAt(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	bolt, err := bbolt.Open(path, 0o600, nil)
	if err == nil {
		err = errors.Join(bolt.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte{0, 0, 0, storage.Schema + 1})
		}), bolt.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	_, err = tryOpen(path)
	var newer *storage.Newer
	if !errors.As(err, &newer) || newer.Schema != storage.Schema+1 || newer.Known != storage.Schema {
		t.Errorf("error is %v, want *Newer", err)
	}
	_, err = open(t).Restore(t.Context(), path, nil)
	if !errors.As(err, &newer) || newer.Path != path {
		t.Errorf("as a backup: %v, want *Newer that names it", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestSecondProcessIsToldWithinTwoSeconds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	openAt(t, path)
	began := time.Now()
	_, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}})
	if took := time.Since(began); !errors.Is(err, storage.ErrLocked) || !strings.Contains(err.Error(), path) || took > 2*time.Second {
		t.Errorf("after %v: %v, want ErrLocked naming %s", took, err, path)
	}
}

// TestCrashWhileCreatingDoesNotMatter leaves what crashes at each step would leave.
func TestCrashWhileCreatingDoesNotMatter(t *testing.T) {
	for name, left := range map[string][]byte{"nothing": nil, "empty": {}, "half": filled(t)[:5000], "garbage": randomBytes(20000)} {
		path := filepath.Join(t.TempDir(), "data", "sangam.db")
		if left != nil {
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path+".new", left, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		db := openAt(t, path)
		merge(t, db, loadBatch(1))
		healthy(t, db)
		entries, _ := os.ReadDir(filepath.Dir(path))
		for _, e := range entries {
			if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 || e.Name() != "sangam.db" {
				t.Errorf("after a crash that left %s: %s with mode %v", name, e.Name(), info.Mode())
			}
		}
	}
}

// TestTenAtOnceCreateOneStore lets ten openers race for a file that is not there.
func TestTenAtOnceCreateOneStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	won := make(chan *storage.DB, 10)
	for range 10 {
		go func() {
			db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}, LockTimeout: 300 * time.Millisecond})
			if err != nil && !errors.Is(err, storage.ErrLocked) {
				t.Errorf("open: %v", err)
			}
			won <- db
		}()
	}
	winners := 0
	for range 10 {
		if db := <-won; db != nil {
			winners++
			defer db.Close()
		}
	}
	if winners != 1 {
		t.Errorf("%d of ten opened the store at the same time", winners)
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}

// TestASymbolicLinkIsNotFollowed keeps creating from writing where somebody else points.
func TestASymbolicLinkIsNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	if err := errors.Join(os.WriteFile(victim, []byte("precious"), 0o600), os.Symlink(victim, filepath.Join(dir, "sangam.db.new"))); err != nil {
		t.Fatal(err)
	}
	if db, err := tryOpen(filepath.Join(dir, "sangam.db")); err == nil {
		_ = db.Close()
		t.Error("a store was made through a symbolic link")
	}
	if b, _ := os.ReadFile(victim); string(b) != "precious" {
		t.Errorf("the file the link points to is now %q", b)
	}
	elsewhere, link := filepath.Join(t.TempDir(), "elsewhere.db"), filepath.Join(dir, "linked.db")
	if err := errors.Join(openAt(t, elsewhere).Close(), os.Symlink(elsewhere, link)); err != nil {
		t.Fatal(err)
	}
	if db, err := tryOpen(link); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a store that is a symbolic link: %v, want it to be said and refused", err)
		if err == nil {
			_ = db.Close()
		}
	}
}

// TestOpeningTidiesUp wants a store that was copied here by hand to be its owner's alone, and
// what interrupted work has left to go.
func TestOpeningTidiesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	err := openAt(t, path).Close()
	for _, left := range []string{".compact", ".reindex", ".restore"} {
		err = errors.Join(err, os.WriteFile(path+left, randomBytes(5000), 0o600))
	}
	if err := errors.Join(err, os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	healthy(t, openAt(t, path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the store has mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("%q are left", left)
	}
}

// small is a directory on a file system of its own.
func small(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			t.Fatalf("mount: %v", err)
		}
		t.Skipf("needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

// TestFullDiskRecovers fills a small file system: visits fail and say why, reads go on,
// and when there is space again so do visits, without a restart.
func TestFullDiskRecovers(t *testing.T) {
	dir := small(t, "size=3m")
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 3<<19), 0o600); err != nil {
		t.Fatal(err)
	}
	db := openAt(t, filepath.Join(dir, "sangam.db"), func(o *storage.Options) { o.NoSync = false })
	var acked []int
	var full error
	n := 0
	for ; n < 2000 && full == nil; n++ {
		if _, full = db.Merge(t.Context(), loadBatch(n)); full == nil {
			acked = append(acked, n)
		}
	}
	if !errors.Is(full, syscall.ENOSPC) {
		t.Fatalf("after %d batches: %v, want no space left", n, full)
	}
	if err := accountFor(t.Context(), db, acked); err != nil {
		t.Errorf("with the disk full: %v", err)
	}
	if since, err := db.Writable(); !errors.Is(err, syscall.ENOSPC) || time.Since(since) > time.Minute {
		t.Errorf("with the disk full the store says %v since %v", err, since)
	}
	// What is small finds room in the file. That does not make the disk less full.
	fits := db.NoteSize(t.Context(), start.Add(time.Hour))
	if _, err := db.Writable(); err == nil {
		t.Errorf("with the disk full, once something small was written (%v), the store says that all is well", fits)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	for ; n < 2*len(acked); n++ {
		if _, err := db.Merge(t.Context(), loadBatch(n-1)); err != nil { // the one that failed again, and those after it
			break
		}
		acked = append(acked, n-1)
	}
	if _, err := db.Merge(t.Context(), storagetest.Batch(storagetest.Outlet("after"), time.Hour, storagetest.Item("after", "1", "Space again", "Words."))); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("with space again: %v", err)
	} else if _, err := db.Writable(); err != nil {
		t.Errorf("with space again the store still says %v", err)
	}
	if err := accountFor(t.Context(), db, acked); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
