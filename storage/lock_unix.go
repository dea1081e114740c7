//go:build unix

package storage

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// noFollow refuses to open a symbolic link.
const noFollow = unix.O_NOFOLLOW

// lockEvery is how often a lock that is held elsewhere is tried again.
const lockEvery = 50 * time.Millisecond

// lockFile opens a file and locks it for this process alone. If the name stands for
// another file once the lock is held (a compaction or restore swapped it), it starts anew.
func lockFile(path string, flags int, timeout time.Duration) (*os.File, error) {
	for deadline := time.Now().Add(timeout); ; {
		f, err := os.OpenFile(path, flags, 0o600)
		if err != nil {
			return nil, err
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil && sameFile(f, path):
			return f, nil
		case err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR):
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		_ = f.Close()
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s is %w", path, ErrLocked)
		}
		time.Sleep(lockEvery)
	}
}

func sameFile(f *os.File, path string) bool {
	held, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(held, named)
}
