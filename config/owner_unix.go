//go:build unix

package config

import (
	"os"
	"syscall"
)

// keepOwner gives f the owner that info tells of, if we may.
func keepOwner(f *os.File, info os.FileInfo) {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		_ = f.Chown(int(stat.Uid), int(stat.Gid)) // only root may; others keep what they are
	}
}
