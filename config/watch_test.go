package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// watching starts Watch on a path; told says whether it is told of a change, untold
// whether it is left alone for a while.
func watching(t *testing.T, path string) (told, untold func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changes, done := make(chan struct{}, 100), make(chan error, 1)
	go func() { done <- Watch(ctx, path, func() { changes <- struct{}{} }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Watch: %v", err)
		}
	})
	<-changes // it watches
	within := func(limit time.Duration) func() bool {
		return func() bool {
			select {
			case <-changes:
				return true
			case <-time.After(limit):
				return false
			}
		}
	}
	hears := within(quiet + 600*time.Millisecond)
	return within(time.Minute), func() bool { return !hears() }
}

// What was read may be what the file said for a moment only: an operator who takes a
// change back at once must be heard all the same.
func TestWatchTellsOfAChangeTakenBackWhileItWasRead(t *testing.T) {
	path := filepath.Join(write(t, map[string]string{"config.yaml": one}), "config.yaml")
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	say := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	again, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- Watch(ctx, path, func() {
			switch calls++; calls {
			case 1:
				say(one + "title: x\n") // and that is read
				say(one)
			case 2:
				close(again)
			}
		})
	}()
	select {
	case <-again:
	case <-time.After(time.Minute):
		t.Error("never told that the change was taken back")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchSeesHowFilesAreReplaced(t *testing.T) {
	put := func(t *testing.T, path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Run("written in place", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(write(t, map[string]string{"config.yaml": one}), "config.yaml")
		told, untold := watching(t, path)
		put(t, path, one+"title: x\n")
		if !told() {
			t.Error("not told")
		}
		same := func() {
			f, err := os.OpenFile(path, os.O_WRONLY, 0) // it is never empty in between, which would be a change
			must(t, err)
			_, err = f.WriteString(one + "title: x\n")
			must(t, errors.Join(err, f.Close()))
			must(t, os.Chmod(path, 0o644))
			put(t, filepath.Join(filepath.Dir(path), "other"), "x")
		}
		// What is written while the one before is still being told is a change whatever it says: then once more.
		for range 5 {
			if same(); untold() {
				return
			}
		}
		t.Error("told of a change that is none, each time")
	})
	t.Run("renamed over, twice, and many writes at once", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(write(t, map[string]string{"config.yaml": one}), "config.yaml")
		told, untold := watching(t, path)
		for _, title := range []string{"x", "y"} {
			must(t, os.Rename(path, path+"~"))
			put(t, path+".swp", one+"title: "+title+"\n")
			must(t, os.Rename(path+".swp", path))
			if !told() {
				t.Errorf("not told of %s", title)
			}
		}
		for try := range 10 {
			began := time.Now()
			for i := range 20 {
				put(t, path, fmt.Sprintf("%stitle: %d of try %d\n", one, i, try))
			}
			atOnce := time.Since(began) < quiet/2
			once := told() && untold()
			for !once && !untold() { // told of them one by one
			}
			if once {
				return
			}
			if atOnce {
				t.Fatal("20 writes at once: want to be told once")
			}
		}
		t.Error("20 writes took too long to be at once, ten times: nothing was tested")
	})
	t.Run("link swapped as Kubernetes does", func(t *testing.T) {
		t.Parallel()
		dir := write(t, map[string]string{"..1/config.yaml": one, "..2/config.yaml": one + "title: x\n"})
		must(t, os.Symlink("..1", filepath.Join(dir, "..data")))
		must(t, os.Symlink("..data/config.yaml", filepath.Join(dir, "config.yaml")))
		told, _ := watching(t, filepath.Join(dir, "config.yaml"))
		must(t, os.Symlink("..2", filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		must(t, os.RemoveAll(filepath.Join(dir, "..1")))
		if !told() {
			t.Error("not told")
		}
	})
	t.Run("written where a link leads", func(t *testing.T) {
		t.Parallel()
		dir := write(t, map[string]string{"real/config.yaml": one, "here/x": ""})
		path := filepath.Join(dir, "here/config.yaml")
		must(t, os.Symlink("../real/config.yaml", path))
		told, _ := watching(t, path)
		put(t, filepath.Join(dir, "real/config.yaml"), one+"title: x\n")
		if !told() {
			t.Error("not told")
		}
	})
	t.Run("edited by ourselves, after being away", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(write(t, map[string]string{"config.yaml": one}), "config.yaml")
		told, untold := watching(t, path)
		must(t, os.Remove(path))
		untold() // long enough to have looked
		put(t, path, one)
		if !told() {
			t.Error("not told that the file is back; who has read it meanwhile found none")
		}
		must(t, Edit(path, nil, func(f *File) error { return f.SetPaused("herald.example", true) }))
		if !told() {
			t.Error("not told of our own edit")
		}
	})
	for name, spoil := range map[string]func(path string) error{
		"gone for good":   os.Remove,
		"a directory now": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
		"a pipe now": func(path string) error {
			return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) // who opens it, waits
		},
		"a link that ends none": func(path string) error { return errors.Join(os.Remove(path), os.Symlink("none", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(write(t, map[string]string{"config.yaml": one}), "config.yaml")
			told, untold := watching(t, path)
			since := time.Now()
			must(t, spoil(path))
			if !told() || time.Since(since) < patience {
				t.Errorf("told after %v that there is nothing to read; want to wait %v whether there is soon", time.Since(since), patience)
			}
			if !untold() {
				t.Error("told twice")
			}
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			put(t, path, one)
			if !told() {
				t.Error("not told that the file is back")
			}
		})
	}
	if err := Watch(t.Context(), filepath.Join(t.TempDir(), "none/config.yaml"), nil); err == nil {
		t.Error("a directory that does not exist is watched; want an error")
	}
}
