package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sangam/cluster"
	"sangam/dedupe"
	"sangam/feed"
	"sangam/internal/outlet"
	"sangam/storage"
)

// startNodes starts daemons over the same outlets, as one cluster, and waits until they are ready.
func startNodes(t *testing.T, e *engine, outlets map[string]*outlet.Outlet, count int) []*daemon {
	t.Helper()
	var nodes []*daemon
	for i := range count {
		d := &daemon{t: t, dir: t.TempDir(), bin: sangam(t), listen: freePort(t), admin: freePort(t)}
		d.configure(outlets, e.section(fmt.Sprint("node-", i+1)))
		d.start()
		nodes = append(nodes, d)
	}
	for _, d := range nodes {
		d.ready()
	}
	return nodes
}

func (d *daemon) readyz() bool {
	resp, err := http.Get("http://" + d.admin + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (d *daemon) ready() {
	d.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !d.readyz(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			out, _, _ := d.command("cluster", "status")
			d.t.Fatalf("the node is not ready:\n%s\n%s", out, d.stderr)
		}
	}
}

// agree waits until all nodes serve a feed in which so many items stand, and wants the feeds,
// and their tags, to be the same.
func agree(t *testing.T, nodes []*daemon, items int) {
	t.Helper()
	var bodies, tags [8]string
	same := func() bool {
		for i, d := range nodes {
			resp, err := http.Get("http://" + d.listen + "/feed.json")
			if err != nil {
				return false
			}
			var doc struct{ Items []json.RawMessage }
			err = json.NewDecoder(resp.Body).Decode(&doc)
			resp.Body.Close()
			bodies[i], tags[i] = fmt.Sprintf("%s", doc.Items), resp.Header.Get("ETag")
			if err != nil || len(doc.Items) != items || bodies[i] != bodies[0] || tags[i] != tags[0] {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(90 * time.Second); !same(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			var counts []int
			for _, b := range bodies[:len(nodes)] {
				counts = append(counts, strings.Count(b, `"id"`))
			}
			for i, d := range nodes {
				status, _, _ := d.command("status")
				cluster, _, _ := d.command("cluster", "status")
				t.Logf("node %d:\n%s\n%s\n%s", i+1, status, cluster, d.stderr)
			}
			t.Fatalf("the nodes do not come to the same feed of %d items: about %v, tags %v", items, counts, tags[:len(nodes)])
		}
	}
}

// identical stops the nodes and wants their stores to be the same, at the same place of the log.
func identical(t *testing.T, nodes []*daemon) {
	t.Helper()
	var st cluster.Status
	var out string
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(out)
		}
	})
	until(t, "all nodes to have read the log", func() bool {
		out, _, _ = nodes[0].command("cluster", "status", "-o", "json")
		st = cluster.Status{}
		if json.Unmarshal([]byte(out), &st) != nil || len(st.Nodes) < len(nodes) || st.Visits.Waiting+uint64(st.Visits.Making) > 0 {
			return false
		}
		for _, n := range st.Nodes {
			if n.Applied < st.Log.Last {
				return false
			}
		}
		return true
	})
	for _, d := range nodes {
		d.stop()
	}
	var want [32]byte
	var at storage.Position
	for i, d := range nodes {
		db, err := storage.Open(filepath.Join(d.dir, "data", "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}})
		if err != nil {
			t.Fatal(err)
		}
		got, pos, err := db.Digest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
			t.Errorf("check: %v %.200q", err, h.Problems)
		}
		if i == 0 {
			want, at = got, pos
		} else if got != want || pos != at {
			t.Errorf("node %d holds %x at %v, node 1 %x at %v", i+1, got, pos, want, at)
		}
		db.Close()
	}
}

// TestNodesShareTheWork runs three daemons over three servers of the engine, each a process, and kills
// one of each. TestAHurtClusterLosesNothing does worse, for longer.
func TestNodesShareTheWork(t *testing.T) {
	if testing.Short() {
		t.Skip("starts six processes")
	}
	e := startEngine(t)
	outlets := map[string]*outlet.Outlet{}
	for i := range 6 {
		id := fmt.Sprintf("o%d", i)
		outlets[id] = openOutlet(t, id, outlet.RSS2)
	}
	items, round := 0, 0
	publish := func() {
		for id, o := range outlets {
			o.Publish(outlet.Item{ID: fmt.Sprintf("%s-%d", id, round), Title: fmt.Sprintf("Report of day %d from the town of %s", round, id)})
			items++
		}
		round++
	}
	publish()
	nodes := startNodes(t, e, outlets, 3)
	agree(t, nodes, items)

	visited := func(d *daemon) {
		for _, r := range d.fetch() {
			if r.Trouble != feed.NoTrouble {
				t.Errorf("%s: %s", r.Source, r.Problem)
			}
		}
	}
	publish()
	visited(nodes[1])
	agree(t, nodes, items)
	until(t, "cluster status to show all nodes", func() bool {
		out, _, status := nodes[0].command("cluster", "status")
		return status == 0 && strings.Count(out, "joined") == 3
	})

	e.kill(0) // perhaps it led the log
	publish()
	visited(nodes[0])
	nodes[2].killed()
	e.start(0)
	publish()
	visited(nodes[1])
	nodes[2].start()
	nodes[2].ready()
	agree(t, nodes, items)
	for id, o := range outlets {
		if n := o.Most(); n > 1 {
			t.Errorf("%s had %d visits at once", id, n)
		}
	}
	identical(t, nodes)
	for _, order := range [][]string{{"reindex"}, {"sources", "purge", "o1"}, {"fetch", "o1"}} {
		if _, stderr, status := nodes[0].command(order...); status != 1 || !strings.Contains(stderr, "changed by its cluster's log alone") {
			t.Errorf("%v under a node that is stopped: status %d, %s", order, status, stderr)
		}
	}
}

// killed ends the daemon as a power failure would.
func (d *daemon) killed() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Fatal(err)
	}
	<-d.ended
}
