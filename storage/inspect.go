package storage

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"go.etcd.io/bbolt/errors"
)

var (
	bboltErrInvalid  = errors.ErrInvalid
	bboltErrChecksum = errors.ErrChecksum
	bboltErrVersion  = errors.ErrVersionMismatch
	bboltErrMapping  = errors.ErrInvalidMapping
)

// A bbolt meta page: a page header of 16 bytes, then these fields in the byte order
// of the machine.
const (
	metaMagic    = 0xED0CDAED
	metaVersion  = 2
	pageHeader   = 16
	metaSize     = 64
	offVersion   = 4
	offPageSize  = 8
	offHighWater = 40 // number of the first page that was never used
	offTxid      = 48
	offChecksum  = 56
)

// inspect refuses a file that must not be mapped: reading a mapped page beyond the
// end of a file ends the process with a signal. It reads the two meta pages by hand.
func inspect(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	damaged := func(format string, args ...any) error {
		return &Damaged{Path: f.Name(), What: fmt.Sprintf(format, args...)}
	}
	switch {
	case !info.Mode().IsRegular():
		return damaged("it is not a regular file")
	case info.Size() == 0:
		return damaged("it is empty")
	}
	first := make([]byte, pageHeader+metaSize)
	if _, err := f.ReadAt(first, 0); err != nil && err != io.EOF {
		return err
	}
	pageSize, need, ok := readMeta(first)
	if !ok { // a torn write may have hit page 0; page 1 then holds the state before it
		for size := int64(512); size <= 64<<10 && !ok; size *= 2 {
			second := make([]byte, pageHeader+metaSize)
			if _, err := f.ReadAt(second, size); err != nil {
				break
			}
			if pageSize, need, ok = readMeta(second); ok && pageSize != size {
				ok = false
			}
		}
	} else {
		second := make([]byte, pageHeader+metaSize)
		if _, err := f.ReadAt(second, pageSize); err == nil {
			if _, other, valid := readMeta(second); valid {
				need = max(need, other)
			}
		}
	}
	if !ok {
		return damaged("neither of its two head pages is readable; it is not a store, or its beginning was overwritten")
	}
	if info.Size() < need {
		return damaged("it is cut short: %d bytes of at least %d", info.Size(), need)
	}
	return nil
}

// readMeta reads a meta page: its page size, and how many bytes the file must have.
func readMeta(p []byte) (pageSize, need int64, ok bool) {
	m := p[pageHeader:]
	ne := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(m[:offChecksum])
	if ne.Uint32(m) != metaMagic || ne.Uint32(m[offVersion:]) != metaVersion || sum.Sum64() != ne.Uint64(m[offChecksum:]) {
		return 0, 0, false
	}
	pageSize = int64(ne.Uint32(m[offPageSize:]))
	pages := ne.Uint64(m[offHighWater:])
	if pageSize < 512 || pageSize > 64<<10 || pages > 1<<44 {
		return 0, 0, false
	}
	return pageSize, int64(pages) * pageSize, true
}

// faultsPanic makes a fault in mapped memory a panic of this goroutine that can be
// recovered, until the function it returns is called.
func faultsPanic() (restore func()) {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// backupGlob matches the names that Rotate gives.
const backupGlob = "*.backup.db"

// newestBackup finds the newest backup by name; rotated names sort by time.
func newestBackup(path string, opts Options) string {
	dir := opts.Backups
	if dir == "" {
		dir = filepath.Dir(path)
	}
	names, err := filepath.Glob(filepath.Join(dir, backupGlob))
	if err != nil || len(names) == 0 {
		return ""
	}
	newest := names[0]
	for _, n := range names {
		if strings.Compare(n, newest) > 0 {
			newest = n
		}
	}
	return newest
}
