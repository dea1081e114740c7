package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Schema is the version of the layout that this package writes. Since 2, items are stored in packs
// (what was stored one by one before is read as it is), and marks as a log.
const Schema = 2

// Options say how to open a store.
type Options struct {
	// Decider knows how items resemble each other. Required.
	Decider feed.Decider

	// Exact says that weak marks bring nothing together, because the Decider does not
	// look at what they hint at: they need no memory then.
	Exact bool

	// Mark makes the marks of what one visit brought, as those who fetch do, and returns what
	// the outlet is known to repeat afterwards: Reindex needs it. It must be pure.
	Mark func(items []feed.Item, src feed.Outlet, habits feed.Habits) feed.Habits

	// Authority is the host in the entry ids made here, RFC 4151: the host of
	// public_url. Default "sangam.invalid". Entry ids once made keep theirs.
	Authority string

	// Fold makes words comparable for search. Default strings.ToLower.
	Fold func(string) string

	// CommitEvery bounds how often commits are made: a batch waits at most this long
	// for others to share its commit with, and not at all when the last commit is
	// longer ago. Zero commits whatever is waiting at once.
	CommitEvery time.Duration

	// LockTimeout is how long to wait for another process to let go of the file.
	// Default 1.5 s.
	LockTimeout time.Duration

	// Backups is the directory in which the newest backup is looked for when the
	// file turns out to be damaged. "" = the file's own.
	Backups string

	// Log gets what an operator should know: damaged records, a damaged index.
	// Default: nothing is logged.
	Log *slog.Logger

	// Now is the clock for what the operator does by hand (outlets, verdicts),
	// never for merging. Default time.Now.
	Now func() time.Time

	// NoSync skips fsync: only for scratch copies and for proving that the
	// fault tests can fail.
	NoSync bool
}

func (o Options) complete() Options {
	if o.Decider == nil {
		panic("storage: Options.Decider is required")
	}
	if o.Authority == "" {
		o.Authority = "sangam.invalid"
	}
	if o.Fold == nil {
		o.Fold = strings.ToLower
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 1500 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

var (
	// ErrLocked says that another process has the file open.
	ErrLocked = errors.New("in use by another process")
	// ErrNotFound says that there is no such story, item, or verdict.
	ErrNotFound = errors.New("not found")
	// ErrClosed says that the store has been closed.
	ErrClosed = errors.New("store is closed")
)

// Damaged says that a file is not, or no longer, a store. The file is left as it is.
type Damaged struct {
	Path   string
	What   string // in plain words
	Backup string // the newest backup found; "" = none
	Err    error  // the cause, if there is more to say
}

func (d *Damaged) Error() string {
	msg := fmt.Sprintf("%s is damaged: %s", d.Path, d.What)
	if d.Err != nil {
		msg += ": " + d.Err.Error()
	}
	if d.Backup != "" {
		msg += fmt.Sprintf(" (newest backup: %s)", d.Backup)
	}
	return msg
}

func (d *Damaged) Unwrap() error { return d.Err }

// Newer says that a file was written by a later version of the program. It has not
// been touched.
type Newer struct {
	Path          string
	Schema, Known uint32
}

func (n *Newer) Error() string {
	return fmt.Sprintf("%s has layout %d, written by a newer version; this one knows up to %d", n.Path, n.Schema, n.Known)
}

// Open opens the store in the file, and creates it, and its directory, if there is
// none. Errors: ErrLocked (wrapped, after Options.LockTimeout), *Damaged, *Newer, or
// one of the file system. The caller must Close it.
func Open(path string, opts Options) (*DB, error) {
	opts = opts.complete()
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := create(path, opts); err != nil {
		return nil, fmt.Errorf("create store: %w", err)
	}
	if !opts.NoSync { // whoever gave the file its name may have been killed before that was durable
		if err := syncDir(filepath.Dir(path)); err != nil {
			opts.Log.Warn("the store's name may not outlive a power cut", "file", path, "err", err)
		}
	}
	bolt, err := openBolt(path, opts)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db := newDB(path, opts, bolt)
	if err := db.load(); err != nil {
		_ = bolt.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	for _, suffix := range []string{compactSuffix, reindexSuffix, restoreSuffix} { // whoever made them held the lock that is ours now
		if os.Remove(path+suffix) == nil {
			opts.Log.Info("removed what interrupted work on the store had left", "file", path+suffix)
		}
	}
	db.start()
	return db, nil
}

// newDB is a store that nothing writes to yet.
func newDB(path string, opts Options, bolt *bbolt.DB) *DB {
	db := &DB{path: path, opts: opts, bolt: bolt, recent: recordCache[stored]{room: itemRoom}, gists: recordCache[gist]{room: gistRoom}, states: recordCache[feed.State]{room: stateRoom}}
	db.rules.Store(&rules{opts.Decider, opts.Exact})
	db.spoilt.records = map[string]bool{}
	return db
}

// create makes an empty store under a temporary name and renames it, so that the
// real name only ever stands for a whole store. It does nothing if the file exists.
func create(path string, opts Options) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	fresh := path + newSuffix
	// Whoever holds the lock of the fresh file creates the store; what a crash left
	// under its name is worth nothing.
	lock, err := lockFile(fresh, os.O_RDWR|os.O_CREATE|noFollow, opts.LockTimeout)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(err, os.Remove(fresh), lock.Close()) // another process was faster
	}
	if err := lock.Truncate(0); err != nil {
		return errors.Join(err, lock.Close())
	}
	if err := initialise(fresh, path, lock, opts); err != nil {
		_ = os.Remove(fresh)
		return err
	}
	return nil
}

// publish gives a file that is already synced its real name, durably.
func publish(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

// makeDir makes a directory, and those above it that are not there, durably.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// initialise fills a fresh file and publishes it while its lock is still held. It
// closes the file.
func initialise(fresh, path string, locked *os.File, opts Options) error {
	bolt, err := bbolt.Open(fresh, 0o600, &bbolt.Options{
		NoSync:   opts.NoSync,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) { return locked, nil },
	})
	if err != nil {
		return err
	}
	err = bolt.Update(func(tx *bbolt.Tx) error {
		for _, name := range allBuckets {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return tx.Bucket([]byte(bMeta)).Put([]byte("schema"), be32(Schema))
	})
	if err == nil && !opts.NoSync {
		err = bolt.Sync()
	}
	if err == nil {
		err = publish(fresh, path)
	}
	return errors.Join(err, bolt.Close())
}

// mapAhead is the address space reserved for the file, so that it can grow without
// waiting for readers. It costs no memory.
const mapAhead = 1 << 30

// mapSize is the address space for a file of that size.
func mapSize(size int64) int { return int(max(mapAhead, 2*size)) }

// growBy is how much the file grows beyond what is needed at the moment. Each time costs one more
// fsync: a commit of a busy round needs more than this at once, and when little comes, one of some commits grows it.
const growBy = 256 << 10

// openBolt locks the file, looks at it before it is mapped, and opens it.
func openBolt(path string, opts Options) (*bbolt.DB, error) {
	file, err := lockFile(path, os.O_RDWR|noFollow, opts.LockTimeout)
	if err != nil {
		if info, other := os.Lstat(path); other == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("%s is a symbolic link, and those are not followed: its place belongs to the store, which puts other files there", path)
		}
		return nil, err
	}
	return openLocked(path, opts, file)
}

// openLocked opens the file whose lock is held. The very descriptor that holds the
// lock is handed to bbolt; if anything goes wrong it is closed.
func openLocked(path string, opts Options, file *os.File) (bolt *bbolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil { // bbolt panics when it meets nonsense while it reads the free list
			err = &Damaged{Path: path, What: fmt.Sprint(p)}
		}
		if err != nil {
			_ = file.Close() // and with it the lock
		}
		var damaged *Damaged
		if errors.As(err, &damaged) {
			damaged.Path, damaged.Backup = path, newestBackup(path, opts)
		}
	}()
	defer faultsPanic()()
	if err := inspect(file); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	handed := false
	bolt, err = bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: opts.LockTimeout,
		// The first free pages that suffice are taken. The other kind, a map, takes any, and so breaks up what is
		// in one piece, until a record of some pages finds no room in a file that is half empty.
		FreelistType:    bbolt.FreelistArrayType,
		InitialMmapSize: mapSize(info.Size()),
		NoSync:          opts.NoSync,
		OpenFile: func(_ string, flags int, mode os.FileMode) (*os.File, error) {
			if handed { // for copying, later; the descriptor may have been opened under another name
				return os.OpenFile(path, flags, mode)
			}
			handed = true
			return file, nil
		},
	})
	if isBoltDamage(err) {
		return nil, &Damaged{Path: path, What: "it is not readable", Err: err}
	}
	if err != nil {
		return nil, err
	}
	bolt.AllocSize = growBy
	if info.Mode().Perm()&0o077 != 0 { // copied here by hand: what is in it is for nobody else
		if err := file.Chmod(0o600); err != nil {
			opts.Log.Warn("others can read the store", "file", path, "err", err)
		}
	}
	schema, err := checkSchema(bolt, path)
	if err == nil && schema < Schema {
		if err = migrate(bolt); err != nil {
			err = fmt.Errorf("bring the layout from %d to %d: %w", schema, Schema, err)
		}
	}
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	return bolt, nil
}

// migrate brings a file of an older layout to this one, in one transaction.
func migrate(bolt *bbolt.DB) error {
	return bolt.Update(func(tx *bbolt.Tx) error {
		if err := errors.Join(renewMarks(tx), renewRefs(tx), renewEntries(tx)); err != nil {
			return err
		}
		return tx.Bucket([]byte(bMeta)).Put([]byte("schema"), be32(Schema))
	})
}

// checkSchema says which layout a file has, if it is one that is known.
func checkSchema(bolt *bbolt.DB, path string) (schema uint32, err error) {
	err = bolt.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte(bMeta))
		if meta == nil {
			return &Damaged{Path: path, What: "it is a bbolt file, but of another program"}
		}
		v := meta.Get([]byte("schema"))
		if len(v) != 4 {
			return &Damaged{Path: path, What: "it does not say which layout it has"}
		}
		if schema = binary.BigEndian.Uint32(v); schema > Schema {
			return &Newer{Path: path, Schema: schema, Known: Schema}
		}
		for _, name := range allBuckets {
			if tx.Bucket([]byte(name)) == nil {
				return &Damaged{Path: path, What: fmt.Sprintf("its part %q is missing", name)}
			}
		}
		return nil
	})
	return schema, err
}

func isBoltDamage(err error) bool {
	for _, e := range []error{bboltErrInvalid, bboltErrChecksum, bboltErrVersion, bboltErrMapping, io.ErrUnexpectedEOF} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
