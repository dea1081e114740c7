package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// replaceFile puts data in the place of the file at path, which must still hold old:
// under another name first, synced, then renamed. A symbolic link stays one; the file
// it leads to is replaced. The mode is kept, and the owner if we may.
func replaceFile(path string, old, data []byte) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	dir := filepath.Dir(target)
	temp, err := os.CreateTemp(dir, ".config-*.yaml")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already once it has been renamed
	if err := fill(temp, data, info); err != nil {
		return err
	}
	if now, err := os.ReadFile(target); err != nil || !bytes.Equal(now, old) {
		return fmt.Errorf("it has changed meanwhile; nothing was written")
	}
	if err := os.Rename(temp.Name(), target); err != nil {
		return err
	}
	return syncDir(dir)
}

// fill writes, syncs and closes a new file that is to stand for the one info is of.
func fill(f *os.File, data []byte, info os.FileInfo) error {
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	keepOwner(f, info)
	if err := f.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
