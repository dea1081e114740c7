//go:build linux

// Package powercut is a file system that can lose power: a directory, mounted through
// FUSE, that knows at every moment what would be on the disk and what only in memory.
//
// A write is durable once fsync of its file has returned; a name once fsync of its
// directory has. When the power is cut, each sector written since is there or not,
// independently of all others: so writes are lost, reordered and torn. Of the changes of names
// since, the first few are there.
//
// The process that mounts must not touch the mounted files itself: a page fault on a
// mapped file waits for a goroutine that the Go runtime might have stopped.
package powercut

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// sector is how much of a write is there wholly or not at all.
const sector = 512

// Disk is a mounted directory without subdirectories.
type Disk struct {
	server  *fuse.Server
	touched chan struct{}

	mu      sync.Mutex
	off     bool // the power is off: nothing is accepted
	first   sync.Once
	names   map[string]*file // as they are
	durable map[string]*file // as they are on the disk
	pending []rename         // changes of names since the last fsync of the directory
	Fsyncs  int              // so far, of files and of the directory
}

// rename is a change of names: to gets f; from, if any, goes; a nil f only removes.
type rename struct {
	from, to string
	f        *file
}

// file is one file. Its fields are guarded by the disk's mutex.
type file struct {
	fs.Inode
	disk    *Disk
	data    []byte // as it is
	durable []byte // as it is on the disk
	pending []write
}

// write is a write, or, without data, a change of size.
type write struct {
	off  int64
	data []byte
}

// Mount mounts an empty disk on an existing directory. Needs /dev/fuse and the right to
// mount.
func Mount(dir string) (*Disk, error) {
	d := &Disk{touched: make(chan struct{}), names: map[string]*file{}, durable: map[string]*file{}}
	server, err := fs.Mount(dir, &root{disk: d}, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "powercut", Name: "powercut", MaxBackground: 64},
	})
	if err != nil {
		return nil, fmt.Errorf("mount: %w", err)
	}
	d.server = server
	return d, nil
}

// Touched is closed when the first file is made.
func (d *Disk) Touched() <-chan struct{} { return d.touched }

// Cut turns the power off. What is asked of the disk from now on fails.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// Unmount waits for the file system to end. Nobody may have a file open.
func (d *Disk) Unmount() error {
	if err := d.server.Unmount(); err != nil {
		return err
	}
	d.server.Wait()
	return nil
}

// Survivors writes what is found when the power is back into a directory. The chance
// with which what was not synced is there is drawn too.
func (d *Disk) Survivors(rnd *rand.Rand, dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := maps.Clone(d.durable)
	for _, r := range d.pending[:rnd.IntN(len(d.pending)+1)] {
		r.apply(names)
	}
	chance := []float64{0, 0.1, 0.5, 0.9, 1}[rnd.IntN(5)]
	for name, f := range names {
		if err := os.WriteFile(filepath.Join(dir, name), f.survives(rnd, chance), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (r rename) apply(names map[string]*file) {
	delete(names, r.from)
	if r.f != nil {
		names[r.to] = r.f
	}
}

func (f *file) survives(rnd *rand.Rand, chance float64) []byte {
	data := append([]byte(nil), f.durable...)
	for _, w := range f.pending {
		if w.data == nil {
			if rnd.Float64() < chance {
				data = resize(data, w.off)
			}
			continue
		}
		for at := 0; at < len(w.data); at += sector {
			if rnd.Float64() < chance {
				part := w.data[at:min(at+sector, len(w.data))]
				data = write{w.off + int64(at), part}.apply(data)
			}
		}
	}
	return data
}

func (w write) apply(data []byte) []byte {
	if w.data == nil {
		return resize(data, w.off)
	}
	if end := w.off + int64(len(w.data)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[w.off:], w.data)
	return data
}

func resize(data []byte, size int64) []byte {
	if size <= int64(len(data)) {
		return data[:size:size]
	}
	return append(data, make([]byte, size-int64(len(data)))...)
}

// change does what fn does, if there is power.
func (d *Disk) change(fn func()) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return syscall.EIO
	}
	fn()
	return 0
}

// root is the directory.
type root struct {
	fs.Inode
	disk *Disk
}

var (
	_ fs.NodeCreater   = (*root)(nil)
	_ fs.NodeRenamer   = (*root)(nil)
	_ fs.NodeLinker    = (*root)(nil)
	_ fs.NodeUnlinker  = (*root)(nil)
	_ fs.NodeFsyncer   = (*root)(nil)
	_ fs.NodeOpener    = (*file)(nil)
	_ fs.NodeReader    = (*file)(nil)
	_ fs.NodeWriter    = (*file)(nil)
	_ fs.NodeFsyncer   = (*file)(nil)
	_ fs.NodeGetattrer = (*file)(nil)
	_ fs.NodeSetattrer = (*file)(nil)
)

func (r *root) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	f := &file{disk: r.disk}
	errno := r.disk.change(func() {
		r.disk.names[name] = f
		r.disk.pending = append(r.disk.pending, rename{to: name, f: f})
	})
	if errno != 0 {
		return nil, nil, 0, errno
	}
	r.disk.first.Do(func() { close(r.disk.touched) })
	out.Mode = syscall.S_IFREG | 0o600
	return r.NewPersistentInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG}), nil, 0, 0
}

func (r *root) Rename(_ context.Context, name string, _ fs.InodeEmbedder, newName string, _ uint32) syscall.Errno {
	return r.disk.change(func() {
		change := rename{from: name, to: newName, f: r.disk.names[name]}
		change.apply(r.disk.names)
		r.disk.pending = append(r.disk.pending, change)
	})
}

func (r *root) Link(_ context.Context, target fs.InodeEmbedder, name string, _ *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	f, ok := target.(*file)
	if !ok {
		return nil, syscall.EPERM
	}
	return &f.Inode, r.disk.change(func() {
		change := rename{to: name, f: f}
		change.apply(r.disk.names)
		r.disk.pending = append(r.disk.pending, change)
	})
}

func (r *root) Unlink(_ context.Context, name string) syscall.Errno {
	return r.disk.change(func() {
		change := rename{from: name}
		change.apply(r.disk.names)
		r.disk.pending = append(r.disk.pending, change)
	})
}

func (r *root) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return r.disk.change(func() {
		r.disk.Fsyncs++
		r.disk.durable, r.disk.pending = maps.Clone(r.disk.names), nil
	})
}

func (f *file) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, 0, 0
}

func (f *file) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if off >= int64(len(f.data)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(dest[:copy(dest, f.data[off:])]), 0
}

func (f *file) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	errno := f.disk.change(func() { f.note(write{off, append([]byte{}, data...)}) })
	return uint32(len(data)), errno
}

// note does a write in memory only.
func (f *file) note(w write) {
	f.data = w.apply(f.data)
	f.pending = append(f.pending, w)
}

func (f *file) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return f.disk.change(func() {
		f.disk.Fsyncs++
		for _, w := range f.pending {
			f.durable = w.apply(f.durable)
		}
		f.pending = nil
	})
}

func (f *file) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	out.Mode, out.Size, out.Nlink = syscall.S_IFREG|0o600, uint64(len(f.data)), 1
	return 0
}

func (f *file) Setattr(ctx context.Context, fh fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := f.disk.change(func() { f.note(write{off: int64(size)}) }); errno != 0 {
			return errno
		}
	}
	return f.Getattr(ctx, fh, out)
}
