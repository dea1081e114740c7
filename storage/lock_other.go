//go:build !unix

package storage

import (
	"os"
	"time"
)

const noFollow = 0

// lockFile only opens: bbolt takes the lock itself a moment later.
func lockFile(path string, flags int, _ time.Duration) (*os.File, error) {
	return os.OpenFile(path, flags, 0o600)
}
