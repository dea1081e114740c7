package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/internal/outlet"
	"sangam/storage"
)

// TestKilledDaemonKeepsEveryItem kills the daemon in the middle of rounds of visits, again and
// again. What readers were shown before a kill must be in the store after it, before any outlet is asked again. And
// after one more round everything that outlets served must be: they answer 304 to whoever has their validators, so
// validators stored without their items would have lost them. SANGAM_KILLS=200 kills it 200 times.
func TestKilledDaemonKeepsEveryItem(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("SANGAM_KILLS"))
	if err != nil {
		kills = 5
	}
	outlets := map[string]*outlet.Outlet{}
	for i := range 6 {
		id := fmt.Sprintf("o%d", i)
		outlets[id] = openOutlet(t, id, outlet.RSS2)
	}
	d := newDaemon(t, outlets)
	served, shown := map[string]bool{}, map[string]bool{}
	random := rand.New(rand.NewPCG(1, 1))
	for round := range kills {
		for id, o := range outlets {
			for n := range 2 {
				it := outlet.Item{ID: fmt.Sprintf("%s-%d-%d", id, round, n), Title: fmt.Sprintf("Report %d of day %d from the town of %s", n, round, id)}
				o.Publish(it)
				served[it.ID] = true
			}
		}
		d.start()
		visiting := exec.Command(d.bin, "fetch", "--all")
		visiting.Dir = d.dir
		if err := visiting.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		for _, e := range d.served() {
			shown[e.ID] = true
		}
		d.killed()
		_ = visiting.Wait() // it may have lost its daemon
		if lost := d.lacks(shown); len(lost) > 0 {
			t.Fatalf("after kill %d, of %d entries that were shown %d are lost: %.300q", round, len(shown), len(lost), lost)
		}
		d.start()
		d.fetch()
		d.killed()
		if lost := d.lacks(served); len(lost) > 0 {
			t.Fatalf("a round after kill %d, of %d items that were served %d are not stored: %.300q", round, len(served), len(lost), lost)
		}
	}
	if len(shown) == 0 {
		t.Error("readers were never shown anything: nothing was tested")
	}
	db, err := storage.Open(filepath.Join(d.dir, "data", "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	kept := map[string]int{}
	for st, err := range db.Stories(t.Context(), feed.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range st.Members {
			kept[it.Source+" "+it.ID]++
		}
	}
	if len(kept) != len(served) {
		t.Errorf("%d items kept of %d served, after %d kills", len(kept), len(served), kills)
	}
	for name, n := range kept {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
	if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
		t.Errorf("check: %v, %q", err, h.Problems)
	}
}

// lacks are those of the entries or items that the store of a daemon that is not running does not have.
func (d *daemon) lacks(refs map[string]bool) (lost []string) {
	d.t.Helper()
	db, err := storage.Open(filepath.Join(d.dir, "data", "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	for ref := range refs {
		if _, err := db.Story(d.t.Context(), ref); err != nil {
			lost = append(lost, ref)
		}
	}
	return lost
}
