//go:build linux

package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sangam/storage"
	"sangam/storage/storagetest"
	"sangam/storage/storagetest/powercut"
)

// TestPowerCutsLoseNothing cuts the power under load, a third of the times in the first
// milliseconds of a new file. SANGAM_POWER_CUTS=200 does it 200 times.
func TestPowerCutsLoseNothing(t *testing.T) {
	loseNothing(t, longRun(t, "SANGAM_POWER_CUTS", 6), "", soon)
}

// TestPowerCutsSpareNewFiles cuts the power while files are put in the place of the store, and just after.
func TestPowerCutsSpareNewFiles(t *testing.T) {
	loseNothing(t, max(4, longRun(t, "SANGAM_POWER_CUTS", 4)/4), choresEnv+"=1", func(_ uint64, rnd *rand.Rand) time.Duration {
		return time.Duration(30+rnd.IntN(500)) * time.Millisecond
	})
}

// loseNothing cuts the power so many times, and wants what was acknowledged.
func loseNothing(t *testing.T, cuts int, env string, after func(uint64, *rand.Rand) time.Duration) {
	t.Helper()
	needFUSE(t)
	total := 0
	for n := range cuts {
		acked, err := cutPower(t, uint64(n), env, after)
		if err != nil {
			t.Fatalf("cut %d, after %d batches: %v", n, acked, err)
		}
		total += acked
	}
	if total == 0 {
		t.Fatal("no batch was acknowledged: nothing was tested")
	}
	t.Logf("%d cuts, %d batches acknowledged, none lost", cuts, total)
}

// TestPowerCutsAreFelt is the control: without fsync the same cuts must do harm, or the
// test above proves nothing.
func TestPowerCutsAreFelt(t *testing.T) {
	needFUSE(t)
	for n := range 12 {
		if _, err := cutPower(t, uint64(n), noSyncEnv+"=1", soon); err != nil {
			t.Logf("cut %d without fsync: %.300v", n, err)
			return
		}
	}
	t.Error("twelve power cuts without fsync did no harm: the simulator proves nothing")
}

// TestANameOutlivesThePowerCut opens a store whose name is not durable yet, as a compaction leaves it that is killed at
// its very end. What is stored from then on must be found under that name.
func TestANameOutlivesThePowerCut(t *testing.T) {
	needFUSE(t)
	whole := filled(t)
	for n := range 4 {
		rnd := rand.New(rand.NewPCG(uint64(n), 3))
		mount, after := t.TempDir(), t.TempDir()
		disk, err := powercut.Mount(mount)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(mount, "sangam.db")
		f, err := os.Create(path + ".compact")
		if err == nil {
			_, err = f.Write(whole)
			err = errors.Join(err, f.Sync(), f.Close(), os.Rename(path+".compact", path))
		}
		if err != nil {
			t.Fatal(err)
		}
		load := startLoad(t, path, 64)
		<-load.first
		disk.Cut()
		got := load.kill()
		if err := disk.Unmount(); err != nil {
			t.Fatal(err)
		}
		if err := disk.Survivors(rnd, after); err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			t.Fatalf("no batch was acknowledged: %s", &load.errs)
		}
		db, err := tryOpen(filepath.Join(after, "sangam.db"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(accountForSent(t.Context(), db, got), db.Close()); err != nil {
			t.Errorf("cut %d: %v", n, err)
		}
	}
}

func needFUSE(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err == nil {
		_ = f.Close()
		if os.Geteuid() == 0 {
			return
		}
		err = fmt.Errorf("mounting needs root")
	}
	if os.Getenv("CI") == "true" && os.Getenv("SANGAM_NO_FUSE") == "" {
		t.Fatalf("no power-cut simulation: %v", err)
	}
	t.Skipf("no power-cut simulation: %v", err)
}

// soon is when the power is cut: a third of the times in the first milliseconds of a new file.
func soon(seed uint64, rnd *rand.Rand) time.Duration {
	if seed%3 == 0 {
		return time.Duration(rnd.IntN(12_000)) * time.Microsecond
	}
	return time.Duration(12+rnd.IntN(150)) * time.Millisecond
}

// cutPower loads a store on a disk of its own, cuts its power after some time, and says what is
// wrong with what is left.
func cutPower(t *testing.T, seed uint64, env string, after func(uint64, *rand.Rand) time.Duration) (acked int, err error) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(seed, 2))
	mount, left := t.TempDir(), t.TempDir()
	disk, err := powercut.Mount(mount)
	if err != nil {
		t.Fatal(err)
	}
	load := startLoad(t, filepath.Join(mount, "sangam.db"), 0, env)
	select {
	case <-disk.Touched():
	case <-time.After(20 * time.Second):
		load.kill()
		t.Fatalf("the load did not begin: %s", &load.errs)
	}
	time.Sleep(after(seed, rnd))
	disk.Cut()
	got := load.kill()
	if err := disk.Unmount(); err != nil {
		t.Fatal(err)
	}
	if err := disk.Survivors(rnd, left); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(left, "sangam.db")
	if _, err := os.Stat(path + backupSuffix); err == nil { // what has the name of a backup is whole
		opts := storage.Options{Decider: storagetest.Titles{}}
		if _, err := storage.Restore(t.Context(), filepath.Join(left, "restored.db"), path+backupSuffix, opts, nil); err != nil {
			return len(got), err
		}
	}
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}, NoSync: true})
	if err != nil {
		return len(got), err
	}
	defer db.Close()
	return len(got), accountFor(t.Context(), db, got)
}
