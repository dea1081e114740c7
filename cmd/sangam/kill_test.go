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
// again, and wants every item that outlets served in the store at the end. Outlets
// answer 304 to whoever has their validators, so validators stored without their items
// would lose them for ever. SANGAM_KILLS=200 kills it 200 times.
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
	served := 0
	publish := func(round int) {
		for id, o := range outlets {
			for n := range 2 {
				o.Publish(outlet.Item{ID: fmt.Sprintf("%s-%d-%d", id, round, n), Title: fmt.Sprintf("Report %d of day %d from the town of %s", n, round, id)})
				served++
			}
		}
	}
	random := rand.New(rand.NewPCG(1, 1))
	for round := range kills {
		publish(round)
		d.start()
		visiting := exec.Command(d.bin, "fetch", "--all")
		visiting.Dir = d.dir
		if err := visiting.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(150)) * time.Millisecond)
		if err := d.cmd.Process.Kill(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		<-d.ended
		_ = visiting.Wait() // it may have lost its daemon
	}
	publish(kills)
	d.start()
	d.fetch()
	d.stop()
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
	if len(kept) != served {
		t.Errorf("%d items kept of %d served, after %d kills", len(kept), served, kills)
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
