package storage_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// The fault tests put a store under load in a process of its own, so that it can be
// killed or lose its disk. The test binary is that process when loadEnv names the file.
const (
	loadEnv     = "SANGAM_STORAGE_LOAD"
	loadFromEnv = "SANGAM_STORAGE_LOAD_FROM" // number of the first batch
	noSyncEnv   = "SANGAM_STORAGE_NOSYNC"
	choresEnv   = "SANGAM_STORAGE_CHORES" // the file is compacted, rebuilt, backed up and restored meanwhile
)

func TestMain(m *testing.M) {
	if path := os.Getenv(loadEnv); path != "" {
		os.Exit(load(path))
	}
	if path := os.Getenv(compactEnv); path != "" {
		os.Exit(compactForEver(path))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		dropBenchStores()
		os.Exit(code)
	}))
}

// longRun is how often to do what a fault test does: few by default, more when the
// environment says so.
func longRun(t *testing.T, env string, few int) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(env))
	if err != nil {
		return fewer(few)
	}
	return n
}

// fewer is how much of something to do: a quarter of it under the race detector.
func fewer(n int) int {
	if raced {
		return (n + 3) / 4
	}
	return n
}

const (
	loadSources = 8
	loadItems   = 4
	loaders     = 4
)

// loadBatch is the nth batch of the load: some of its items are copies of those of
// its neighbours.
func loadBatch(n int) feed.Batch {
	o := storagetest.Outlet(fmt.Sprintf("s%d", n%loadSources))
	var items []feed.Item
	for i := range loadItems {
		it := storagetest.Item(o.ID, fmt.Sprintf("http://%s.example/%d/%d", o.ID, n, i), fmt.Sprintf("Title %d/%d", n/3, i), strings.Repeat(fmt.Sprintf("Sentence %d of %d. ", n, i), 20))
		it.Published = start.Add(time.Duration(n) * time.Minute)
		items = append(items, it)
	}
	return storagetest.Batch(o, time.Duration(n)*time.Minute+time.Second, items...)
}

// load merges batch after batch and prints the number of each that was acknowledged.
func load(path string) int {
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}, Mark: storagetest.Mark, NoSync: os.Getenv(noSyncEnv) != "", CommitEvery: 2 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		return 1
	}
	from, _ := strconv.Atoi(os.Getenv(loadFromEnv))
	var wg sync.WaitGroup
	var mu sync.Mutex
	var still sync.RWMutex // held for reading while a batch is merged
	if os.Getenv(choresEnv) != "" {
		wg.Go(func() { fmt.Fprintln(os.Stderr, "load:", chores(db, path+backupSuffix, &still)) })
	}
	for g := range loaders { // each loader has sources of its own, so their batches come in order
		wg.Go(func() {
			for n := from + g; ; n += loaders {
				still.RLock()
				_, err := db.Merge(context.Background(), loadBatch(n))
				still.RUnlock()
				if err != nil {
					fmt.Fprintln(os.Stderr, "load:", err)
					return
				}
				mu.Lock()
				fmt.Println(n)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	_ = db.Close()
	return 1
}

const backupSuffix = ".bak"

// chores puts new files in the place of the store, one after the other, until that fails. Nothing is merged
// meanwhile, nor for some milliseconds after: a commit would make up for what was not synced.
func chores(db *storage.DB, backup string, still *sync.RWMutex) error {
	ctx := context.Background()
	for n := 0; ; n++ {
		still.Lock()
		var err error
		switch n % 3 {
		case 0:
			_, err = db.Compact(ctx, nil)
		case 1:
			if err = db.Backup(ctx, backup, nil); err == nil {
				_, err = db.Restore(ctx, backup, nil)
			}
		case 2:
			_, err = db.Reindex(ctx, nil)
		}
		time.Sleep(15 * time.Millisecond)
		still.Unlock()
		if err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A loaded process puts a store under load.
type loaded struct {
	cmd   *exec.Cmd
	acked []int
	first chan struct{} // closed when one batch is acknowledged, or none will be
	read  chan struct{} // closed when acked is complete
	errs  strings.Builder
}

func startLoad(t *testing.T, path string, from int, env ...string) *loaded {
	t.Helper()
	l := &loaded{cmd: exec.Command(os.Args[0]), first: make(chan struct{}), read: make(chan struct{})}
	l.cmd.Env = append(os.Environ(), loadEnv+"="+path, loadFromEnv+"="+strconv.Itoa(from))
	l.cmd.Env = append(l.cmd.Env, env...)
	l.cmd.Stderr = &l.errs
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.read)
		met := sync.OnceFunc(func() { close(l.first) })
		defer met()
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if n, err := strconv.Atoi(lines.Text()); err == nil {
				l.acked = append(l.acked, n)
				met()
			}
		}
	}()
	return l
}

// kill ends the process the hard way and gives the batches it acknowledged.
func (l *loaded) kill() []int {
	_ = l.cmd.Process.Kill()
	<-l.read
	_ = l.cmd.Wait()
	return l.acked
}

// accountFor says what is wrong with a store after a fault: all that was acknowledged
// must be there, and of every batch all or nothing.
func accountFor(ctx context.Context, db *storage.DB, acked []int) error {
	h, err := db.Check(ctx, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range h.Problems {
		errs = append(errs, errors.New(p))
	}
	states := map[string]feed.State{}
	for st, err := range db.States(ctx) {
		if err != nil {
			return err
		}
		states[st.Source] = st
	}
	stored := map[string]bool{}
	for st, err := range db.Stories(ctx, feed.Query{}) {
		if err != nil {
			return err
		}
		for _, it := range st.Members {
			stored[it.Key] = true
		}
	}
	last := 0
	for _, n := range acked {
		b := loadBatch(n)
		last = max(last, n)
		if states[b.Outlet.ID].Visited.Before(b.At) {
			errs = append(errs, fmt.Errorf("batch %d was acknowledged, but %s was last visited %v", n, b.Outlet.ID, states[b.Outlet.ID].Visited))
		}
	}
	for n := range last + 4*loaders {
		b := loadBatch(n)
		merged := !states[b.Outlet.ID].Visited.Before(b.At)
		for _, it := range b.Items {
			if stored[it.Key] != merged {
				errs = append(errs, fmt.Errorf("batch %d: state stored %v, item %s stored %v", n, merged, it.Key, stored[it.Key]))
			}
		}
	}
	return errors.Join(errs[:min(len(errs), 10)]...)
}

// TestKillLosesNothing kills a process under load again and again.
// SANGAM_KILLS=200 does it 200 times.
func TestKillLosesNothing(t *testing.T) {
	path := t.TempDir() + "/sangam.db"
	var acked []int
	from, kills, rounds := 0, 0, longRun(t, "SANGAM_KILLS", 4)
	for round := range rounds {
		l := startLoad(t, path, from)
		if round%2 == 0 { // in the others the kill may come before anything was stored
			<-l.first
		}
		time.Sleep(time.Duration(20+round*37%130) * time.Millisecond)
		fresh := l.kill()
		acked = append(acked, fresh...)
		kills++
		for _, n := range acked {
			from = max(from, n+1)
		}
		from += (loaders*loadSources - from%(loaders*loadSources)) // loaders keep their sources
		check := len(fresh) > 0 && (rounds < 20 || round%10 == 9)
		db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}})
		if err != nil {
			t.Fatalf("after kill %d: %v", kills, err)
		}
		if check {
			// Gaps between rounds were never sent; account for what was.
			err = accountForSent(t.Context(), db, acked)
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatalf("after kill %d, %d batches acknowledged: %v", kills, len(acked), err)
		}
	}
	if len(acked) == 0 {
		t.Fatal("no batch was acknowledged: nothing was tested")
	}
	t.Logf("%d kills, %d batches acknowledged", kills, len(acked))
}

// accountForSent is accountFor when numbers were skipped between rounds: only
// acknowledged batches are looked for.
func accountForSent(ctx context.Context, db *storage.DB, acked []int) error {
	h, err := db.Check(ctx, nil)
	if err == nil && !h.OK() {
		err = errors.New(strings.Join(h.Problems, "\n"))
	}
	if err != nil {
		return err
	}
	for _, n := range acked {
		for _, it := range loadBatch(n).Items {
			st, err := db.Story(ctx, it.Key)
			if err != nil {
				return fmt.Errorf("batch %d was acknowledged, item %s: %w", n, it.Key, err)
			}
			if len(st.Members) == 0 {
				return fmt.Errorf("story of %s is empty", it.Key)
			}
		}
	}
	return nil
}
