package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Backup writes a copy of the store, as it is now, into a file. The copy is written
// under a temporary name, synced, read and checked wholly, and only then given its name.
// Visits and readers go on meanwhile. An older copy makes way, anything else that has
// that name does not.
func (db *DB) Backup(ctx context.Context, file string, p Progress) error {
	db.chore.Lock()
	defer db.chore.Unlock()
	part := file + partSuffix
	err := db.spare(file)
	if err == nil {
		err = makesWay(file)
	}
	if err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	err = db.copyTo(ctx, part, p)
	if err == nil {
		err = verify(ctx, part, db.opts)
	}
	if err == nil {
		err = publish(part, file)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	return nil
}

// partSuffix is of the temporary name of a backup.
const partSuffix = ".part"

// The suffixes of the names that maintenance gives to files beside the store.
const (
	newSuffix     = ".new"
	compactSuffix = ".compact"
	reindexSuffix = ".reindex"
	restoreSuffix = ".restore"
)

// spare refuses a name for a backup that is the store's own: a copy that takes the place of an open
// store takes away all that is written from then on.
func (db *DB) spare(file string) error {
	if same, err := sameDir(filepath.Dir(file), filepath.Dir(db.path)); err != nil || !same {
		return err
	}
	suffix, ours := strings.CutPrefix(filepath.Base(file), filepath.Base(db.path))
	if ours && slices.Contains([]string{"", newSuffix, compactSuffix, reindexSuffix, restoreSuffix}, suffix) {
		return errors.New("that is a name of the store itself")
	}
	return nil
}

// makesWay tells whether a backup may take the place of what has a name: nobody means
// it to replace a file of another kind.
func makesWay(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("that is there already, and no file")
	case info.Size() == 0:
		return nil // made by who keeps the name for us
	}
	f, err := lockFile(file, os.O_RDONLY, 0)
	if errors.Is(err, ErrLocked) {
		return errors.New("that is the store of another process, which has it open")
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if inspect(f) != nil {
		return errors.New("that file is there already and is no backup; it stays as it is")
	}
	return nil
}

func sameDir(a, b string) (bool, error) {
	x, err := os.Stat(a)
	if err != nil {
		return false, err
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y), err
}

func (db *DB) copyTo(ctx context.Context, file string, p Progress) error {
	f, err := createPrivate(file)
	if err != nil {
		return err
	}
	err = db.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(&meter{w: f, ctx: ctx, progress: p, total: tx.Size()})
		return err
	})
	return errors.Join(err, f.Sync(), f.Close())
}

// createPrivate makes an empty file that only its owner can read, and replaces what
// had its name.
func createPrivate(file string) (*os.File, error) {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// A meter counts what passes through it, and stops when the context ends.
type meter struct {
	w           io.Writer
	ctx         context.Context
	progress    Progress
	done, total int64
}

func (m *meter) Write(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.w.Write(b)
	m.done += int64(n)
	m.progress.tell(m.done, m.total)
	return n, err
}

// verify reads a whole store that nobody has open and reports the first thing that is wrong. The
// file is a copy of ours: if its layout is an older one, it is brought up to date first.
func verify(ctx context.Context, file string, opts Options) (err error) {
	if err := renew(file); err != nil {
		return err
	}
	bolt, err := openReadOnly(file)
	if err != nil {
		return err
	}
	db := newDB(file, opts, bolt)
	defer func() { err = errors.Join(err, bolt.Close()) }()
	if err := db.load(); err != nil {
		return err
	}
	h, err := db.Check(ctx, nil)
	if err == nil && !h.OK() {
		err = &Damaged{Path: file, What: fmt.Sprintf("%d problems, the first: %s", int64(len(h.Problems))+h.More, h.Problems[0])}
	}
	return err
}

// renew brings a store that nobody has open to the layout of today.
func renew(file string) error {
	bolt, err := openReadOnly(file)
	if err != nil {
		return err
	}
	schema, err := checkSchema(bolt, file)
	if err = errors.Join(err, bolt.Close()); err != nil || schema == Schema {
		return err
	}
	if bolt, err = bbolt.Open(file, 0o600, &bbolt.Options{Timeout: time.Second}); err != nil {
		return err
	}
	return errors.Join(migrate(bolt), bolt.Close())
}

// openReadOnly opens a store that must not change, after looking at it as Open does.
func openReadOnly(file string) (bolt *bbolt.DB, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	err = errors.Join(inspect(f), f.Close())
	if err != nil {
		return nil, err
	}
	defer faultsPanic()()
	defer func() {
		if p := recover(); p != nil {
			err = &Damaged{Path: file, What: fmt.Sprint(p)}
		}
	}()
	return bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second, PreLoadFreelist: true})
}

// rotated is the name of a rotated backup; such names sort by time.
const rotated = "sangam-20060102T150405Z.backup.db"

// Rotate makes a backup named after the time in a directory, and then removes the
// oldest ones that were made so beyond keep. It returns the file's name.
func (db *DB) Rotate(ctx context.Context, dir string, keep int, now time.Time, p Progress) (string, error) {
	if err := makeDir(dir); err != nil {
		return "", fmt.Errorf("backup: %w", err)
	}
	file := filepath.Join(dir, now.UTC().Format(rotated))
	if err := db.Backup(ctx, file, p); err != nil {
		return "", err
	}
	old, err := rotatedIn(dir)
	if err != nil {
		return file, err
	}
	// The one just made stays, also if others bear later times: the clock was wrong then, or is now.
	old = slices.DeleteFunc(old, func(f string) bool { return f == file })
	err = dropParts(dir)
	for len(old) > max(0, keep-1) {
		err = errors.Join(err, os.Remove(old[0]))
		old = old[1:]
	}
	return file, err
}

// rotatedIn are the backups that Rotate made in a directory, the oldest first.
func rotatedIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for backups: %w", err)
	}
	var files []string // by name, and so by time
	for _, e := range entries {
		if _, err := time.Parse(rotated, e.Name()); err == nil {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}

// dropParts removes what backups by Rotate left that were interrupted, the machine's power
// cut, say. The caller has the store open, so none of them is being written.
func dropParts(dir string) error {
	parts, err := filepath.Glob(filepath.Join(dir, "*"+partSuffix))
	for _, part := range parts {
		if _, other := time.Parse(rotated+partSuffix, filepath.Base(part)); other == nil {
			err = errors.Join(err, os.Remove(part))
		}
	}
	return err
}

// LastRotated is when the newest backup that Rotate made in a directory was begun; zero if there
// is none. Those from after now do not count: they were made before the clock was set right.
func LastRotated(dir string, now time.Time) (last time.Time, err error) {
	files, err := rotatedIn(dir)
	for _, f := range files {
		if at, err := time.Parse(rotated, filepath.Base(f)); err == nil && !at.After(now) {
			last = at
		}
	}
	return last, err
}

// Compacted says what a compaction did to the size of the file, in bytes.
type Compacted struct {
	Before int64 `json:"bytes_before"`
	After  int64 `json:"bytes_after"`
}

// compactChunk is how many bytes one transaction of a compaction copies.
const compactChunk = 32 << 20

// Compact copies the store into a new file without its free pages and puts that in
// its place. Visits that want to store something wait meanwhile; readers do not. Interrupted, it leaves
// the old file as it was.
func (db *DB) Compact(ctx context.Context, p Progress) (Compacted, error) {
	var c Compacted
	err := db.rewrite(ctx, compactSuffix, func(to *bbolt.DB) error {
		// Where a page leads elsewhere, less than all would be copied, or without end, and the old file goes.
		if problems, _, err := db.walk(ctx); err != nil || len(problems) > 0 {
			return errors.Join(err, db.damage(problems))
		}
		return db.view(func(tx *bbolt.Tx) error {
			info, err := os.Stat(db.path)
			if err != nil {
				return err
			}
			c.Before = info.Size()
			p.tell(0, c.Before)
			return bbolt.Compact(to, tx.DB(), compactChunk)
		})
	})
	if err != nil {
		return c, fmt.Errorf("compact: %w", err)
	}
	if info, err := os.Stat(db.path); err == nil {
		c.After = info.Size()
	}
	p.tell(c.Before, c.Before)
	return c, nil
}

// rewrite lets fill write a new file, and puts it in the place of the old one.
func (db *DB) rewrite(ctx context.Context, suffix string, fill func(*bbolt.DB) error) error {
	db.chore.Lock()
	defer db.chore.Unlock()
	defer db.rest()()
	fresh := db.path + suffix
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	old, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	to, err := bbolt.Open(fresh, 0o600, &bbolt.Options{
		FreelistType: bbolt.FreelistArrayType, InitialMmapSize: mapSize(old.Size()),
		NoSync: true, NoFreelistSync: true, // once, at the end
		NoGrowSync: true, // and so not ahead: it ends where it is full
	})
	if err == nil {
		err = fill(to)
		to.NoFreelistSync = false
		err = errors.Join(err, ctx.Err())
		if err == nil {
			err = to.Update(func(*bbolt.Tx) error { return nil }) // writes the free list
		}
		if !db.opts.NoSync {
			err = errors.Join(err, to.Sync())
		}
		err = errors.Join(err, to.Close())
	}
	if err == nil {
		err = db.swapIn(fresh)
	}
	if err != nil {
		_ = os.Remove(fresh)
	}
	return err
}

// swapIn makes a finished file the store. Its lock is held before it gets the name, so
// that no other process comes in between. The caller holds db.work.
func (db *DB) swapIn(fresh string) error {
	lock, err := lockFile(fresh, os.O_RDWR, db.opts.LockTimeout)
	if err != nil {
		return err
	}
	db.swap.Lock()
	defer db.swap.Unlock()
	if db.bolt == nil {
		return errors.Join(ErrClosed, lock.Close())
	}
	if err := inspect(lock); err != nil {
		return errors.Join(err, lock.Close())
	}
	if err := os.Rename(fresh, db.path); err != nil {
		return errors.Join(err, lock.Close())
	}
	err = syncDir(filepath.Dir(db.path)) // the name stands for the new file now, whether or not this succeeds
	old := db.bolt
	var openErr error
	db.bolt, openErr = openLocked(db.path, db.opts, lock)
	db.win = nil
	db.edition.Add(1)
	db.era.Add(1)
	db.spoilt.Lock()
	clear(db.spoilt.records)
	db.spoilt.Unlock()
	return errors.Join(err, openErr, old.Close())
}

// Restore puts a backup in the place of the store that is open. The file that was the
// store stays aside under the name returned. The backup is checked wholly before
// anything happens.
func (db *DB) Restore(ctx context.Context, backup string, p Progress) (aside string, err error) {
	db.chore.Lock()
	defer db.chore.Unlock()
	defer db.rest()()
	fresh := db.path + restoreSuffix
	if err = copyVerified(ctx, backup, fresh, db.opts, p); err == nil {
		if aside, err = keepAside(db.path); err == nil {
			err = db.swapIn(fresh)
		}
	}
	if err == nil {
		err = db.load()
	}
	if err != nil {
		_ = os.Remove(fresh)
		return aside, fmt.Errorf("restore %s: %w", backup, err)
	}
	db.pending.Lock()
	clear(db.pending.states)
	db.pending.Unlock()
	return aside, nil
}

// Restore puts a backup in the place of a store that nobody has open, be it damaged or
// missing. What was there stays aside under the name returned ("" = nothing was there).
func Restore(ctx context.Context, path, backup string, opts Options, p Progress) (aside string, err error) {
	opts = opts.complete()
	defer func() {
		if err != nil {
			err = fmt.Errorf("restore %s: %w", backup, err)
		}
	}()
	_, err = os.Lstat(path)
	replaces := err == nil
	if replaces {
		lock, err := lockFile(path, os.O_RDWR, opts.LockTimeout) // nobody opens it meanwhile
		if err != nil {
			return "", err
		}
		defer lock.Close()
	}
	fresh := path + restoreSuffix
	defer func() {
		if err != nil {
			_ = os.Remove(fresh)
		}
	}()
	if err := copyVerified(ctx, backup, fresh, opts, p); err != nil {
		return "", err
	}
	if replaces {
		if aside, err = keepAside(path); err != nil {
			return "", err
		}
	} else if _, err := os.Lstat(path); err == nil {
		return "", fmt.Errorf("somebody has begun a store at %s meanwhile", path)
	}
	return aside, publish(fresh, path)
}

// Copy copies a store that nobody has open, and that stays as it is, into a new file.
// The error is ErrLocked when somebody has it open.
func Copy(ctx context.Context, from, to string, opts Options, p Progress) error {
	opts = opts.complete()
	lock, err := lockFile(from, os.O_RDWR, opts.LockTimeout) // nobody writes meanwhile
	if err != nil {
		return err
	}
	defer lock.Close()
	return copyVerified(ctx, from, to, opts, p)
}

// keepAside gives a file a second name, under which it stays when the first one gets
// another file.
func keepAside(path string) (string, error) {
	for n := 1; ; n++ {
		aside := fmt.Sprintf("%s.aside-%d", path, n)
		err := os.Link(path, aside)
		if !errors.Is(err, os.ErrExist) {
			return aside, err
		}
	}
}

// copyVerified copies a store file that is whole into a new file, durably.
func copyVerified(ctx context.Context, from, to string, opts Options, p Progress) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	dst, err := createPrivate(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(&meter{w: dst, ctx: ctx, progress: p, total: info.Size()}, src)
	if err = errors.Join(err, dst.Sync(), dst.Close()); err != nil {
		return err
	}
	if err := verify(ctx, to, opts); err != nil {
		var damaged *Damaged
		if errors.As(err, &damaged) {
			damaged.Path = from
		}
		var newer *Newer
		if errors.As(err, &newer) {
			newer.Path = from
		}
		return err
	}
	return nil
}
