package config

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// quiet is how long a directory must be still before the file is looked at:
	// editors write, rename and touch within a few milliseconds.
	quiet = 200 * time.Millisecond
	// patience is how long a directory that is never still may put that off.
	patience = 2 * time.Second
	// look is how often the file is looked at without being told: network file systems
	// and files mounted one by one send no events.
	look = 15 * time.Second
)

// Watch calls changed, one call at a time: once as soon as it watches, for whoever read
// the file before that, and then whenever the file at path says something else than
// before, until ctx is done; it then returns nil. It watches the
// directories, not the file, so editors that rename and the swap of Kubernetes'
// "..data" link are seen, also when path is a chain of symbolic links. A file that is
// written again with the same bytes, or is gone for a moment, is no change; neither
// is a change of a file that a *_file key names. That there is no file to be read for
// longer is a change, and so is that it can be read again, even with the same bytes:
// whoever was told in between has found none. The error is that nothing can be
// watched at all.
func Watch(ctx context.Context, path string, changed func()) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	defer watcher.Close()
	w := &watch{path: path, watcher: watcher}
	if err := w.follow(); err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	w.differs() // from here on no change is missed, so what it says now can be taken
	w.tell(changed)
	return w.run(ctx, changed)
}

// tell calls changed. If the file is another afterwards than was looked at, or was written
// again, nobody knows what was read there: then whatever it says when next looked at is a
// change. The write that came between has an event of its own, so that will be soon.
func (w *watch) tell(changed func()) {
	changed()
	if now, err := os.Stat(w.path); err != nil || !untouched(w.seen, now) {
		w.said = [sha256.Size]byte{}
	}
}

func untouched(before, now os.FileInfo) bool {
	return before != nil && os.SameFile(before, now) && before.Size() == now.Size() && before.ModTime().Equal(now.ModTime())
}

type watch struct {
	path    string
	watcher *fsnotify.Watcher
	said    [sha256.Size]byte // what the file said last
	seen    os.FileInfo       // the file that said it
	away    bool              // there was nothing to read when last asked
	told    bool              // that it is away
}

func (w *watch) run(ctx context.Context, changed func()) error {
	regular := time.NewTicker(look)
	defer regular.Stop()
	settled := time.NewTimer(time.Hour)
	settled.Stop()
	var since time.Time // the first event that has not been answered
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-w.watcher.Events:
			if !open {
				return nil
			}
			if since.IsZero() {
				since = time.Now()
			}
			settled.Reset(min(quiet, max(0, patience-time.Since(since))))
			continue
		case <-w.watcher.Errors: // too many events at once: some were lost, so look
		case <-regular.C:
		case <-settled.C:
		}
		since = time.Time{}
		_ = w.follow() // a directory that has gone may be back; until then the ticker looks
		if w.differs() {
			w.tell(changed)
		}
		if w.away && !w.told { // for a moment, or for longer?
			settled.Reset(patience)
		}
	}
}

// follow watches the directory of path and of every symbolic link on the way.
func (w *watch) follow() error {
	const mostLinks = 16
	path := w.path
	for range mostLinks {
		if err := w.watcher.Add(filepath.Dir(path)); err != nil {
			return err
		}
		if whole, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			_ = w.watcher.Add(whole)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return nil // the file itself, or nothing yet
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return nil
}

// differs tells whether there is something else to be read than when last asked, or
// nothing any more.
func (w *watch) differs() bool {
	said, seen, ok := w.read()
	if !ok {
		differs := w.away && !w.told
		w.away, w.told = true, differs || w.told
		return differs
	}
	differs := said != w.said || w.away
	w.said, w.seen, w.away, w.told = said, seen, false, false
	return differs
}

// read returns the hash of what the file says, if it is one that can be read.
func (w *watch) read() (said [sha256.Size]byte, seen os.FileInfo, ok bool) {
	// What is no file is not opened: a pipe would keep us until somebody writes.
	seen, err := os.Stat(w.path)
	if err != nil || !seen.Mode().IsRegular() {
		return said, nil, false
	}
	f, err := os.Open(w.path)
	if err != nil {
		return said, nil, false
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(f, largestFile+1)); err != nil {
		return said, nil, false
	}
	return [sha256.Size]byte(sum.Sum(nil)), seen, true
}
