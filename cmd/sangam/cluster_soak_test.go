package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sangam/cluster"
	"sangam/dedupe"
	"sangam/feed"
	"sangam/storage"
)

// A street is outlets that remember who came when. Every visit is told something new, which no
// later one is: what is lost stays lost.
type street struct {
	interval time.Duration // that every outlet asks for between two visits

	mu      sync.Mutex
	served  map[string]int         // by source
	starts  map[string][]time.Time // of visits, by source
	now     map[string]int         // visits under way, by outlet
	last    map[string]time.Time   // when a visit began, by outlet
	crowded []string               // outlets that had two visits at once, or too soon one after the other
	begun   chan struct{}          // holds a word when a visit begins
}

func newStreet(t *testing.T, outlets, each int) (s *street, sources string) {
	t.Helper()
	s = &street{
		interval: 300 * time.Millisecond, served: map[string]int{}, starts: map[string][]time.Time{}, now: map[string]int{},
		last: map[string]time.Time{}, begun: make(chan struct{}, 1),
	}
	srv := &http.Server{Handler: s}
	t.Cleanup(func() { srv.Close() })
	var text strings.Builder
	for i := range outlets {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go srv.Serve(l)
		for j := range each {
			id, schedule := fmt.Sprintf("o%d-%d", i, j), "* * * * *"
			if i == 0 {
				schedule = "@yearly" // visited by hand
			}
			fmt.Fprintf(&text, "  - {id: %[1]s, name: %[1]s, url: 'http://%[2]s/%[1]s', schedule: '%[3]s'}\n", id, l.Addr(), schedule)
		}
	}
	return s, text.String()
}

func (s *street) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, began := strings.TrimPrefix(r.URL.Path, "/"), time.Now()
	s.mu.Lock()
	if s.now[r.Host]++; s.now[r.Host] > 1 {
		s.crowded = append(s.crowded, fmt.Sprintf("%s had %d visits at once", id, s.now[r.Host]))
	}
	if before := s.last[r.Host]; began.Sub(before) < s.interval-20*time.Millisecond { // requests travel at different speed
		s.crowded = append(s.crowded, fmt.Sprintf("%s was visited again after %s", id, began.Sub(before)))
	}
	s.last[r.Host] = began
	s.starts[id] = append(s.starts[id], began)
	s.served[id]++
	n := s.served[id]
	s.mu.Unlock()
	select {
	case s.begun <- struct{}{}:
	default:
	}
	select {
	case <-time.After(200 * time.Millisecond):
	case <-r.Context().Done():
	}
	s.mu.Lock()
	s.now[r.Host]--
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/rss+xml")
	fmt.Fprintf(w, `<rss version="2.0"><channel><title>%s</title><link>http://%s/</link><description/><item><guid>%[1]s-%[3]d</guid>
<title>Report %[3]d of the desk at %[1]s</title><link>http://%[2]s/%[1]s/%[3]d</link><description>What happened there at %[3]d.</description></item></channel></rss>`, id, r.Host, n)
}

// latest is by how much the latest of all visits by schedule came too late. Every source has its second
// of the minute; which one that is, most visits say. The first visit has none.
func (s *street) latest() (source string, late time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, starts := range s.starts {
		if strings.HasPrefix(id, "o0-") || len(starts) < 3 {
			continue
		}
		starts = starts[1:]
		behind := func(begun, slot time.Time) time.Duration {
			const early = time.Second // by so much it may seem to come before its time
			return (begun.Sub(slot)%time.Minute+time.Minute+early)%time.Minute - early
		}
		var sum, worst time.Duration
		for i, slot := range starts {
			var all, most time.Duration
			for _, begun := range starts {
				all, most = all+behind(begun, slot), max(most, behind(begun, slot))
			}
			if i == 0 || all < sum {
				sum, worst = all, most
			}
		}
		if worst > late {
			source, late = id, worst
		}
	}
	return source, late
}

// longest is the longest time in which a source of the schedule was not visited: two minutes when
// a visit came so late that the next slot was too soon after it.
func (s *street) longest() (source string, gap time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, starts := range s.starts {
		if strings.HasPrefix(id, "o0-") {
			continue
		}
		for i, begun := range append(starts[1:len(starts):len(starts)], time.Now()) {
			if between := begun.Sub(starts[i]); between > gap {
				source, gap = id, between
			}
		}
	}
	return source, gap
}

// ill is one run of a cluster that is hurt.
type ill struct {
	t       *testing.T
	e       *engine
	s       *street
	sources string
	nodes   []*daemon
	acked   int // items that sangam fetch said were stored
	random  *rand.Rand
}

func (c *ill) node(name string, ports []string) *daemon {
	d := &daemon{t: c.t, dir: c.t.TempDir(), bin: sangam(c.t), listen: freePort(c.t), admin: freePort(c.t)}
	var urls []string
	for _, p := range ports {
		urls = append(urls, "'nats://127.0.0.1:"+p+"'")
	}
	text := fmt.Sprintf("listen: %s\nadmin: %s\npublic_url: https://news.example/\ncluster: {urls: [%s], node: %s, snapshot: 1m}\n"+
		"fetch: {allow_networks: [127.0.0.0/8], per_host: {interval: %s}}\nsources:\n%s", d.listen, d.admin, strings.Join(urls, ", "), name, c.s.interval, c.sources)
	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return d
}

// visit has a source visited by hand, through some node, and notes what is acknowledged.
func (c *ill) visit() {
	c.t.Helper()
	out, stderr, status := c.nodes[c.random.IntN(len(c.nodes))].command("fetch", fmt.Sprintf("o0-%d", c.random.IntN(2)), "-o", "json")
	var reports []visitReport
	if err := json.Unmarshal([]byte(out), &reports); err != nil || status != 0 {
		c.t.Logf("a visit by hand was not made: %d %s", status, stderr)
		return
	}
	for _, r := range reports {
		c.acked += r.Fresh
	}
}

// well waits until all nodes are ready and serve the same.
func (c *ill) well(after string) {
	c.t.Helper()
	began := time.Now()
	for _, d := range c.nodes {
		d.ready()
	}
	ready := time.Since(began)
	c.visit()
	until(c.t, "all nodes to serve the same", func() bool {
		var tags []string
		for _, d := range c.nodes {
			resp, err := http.Get("http://" + d.listen + "/feed.json")
			if err != nil {
				return false
			}
			resp.Body.Close()
			tags = append(tags, resp.Header.Get("ETag"))
		}
		return len(slices.Compact(tags)) == 1
	})
	source, late := c.s.latest()
	unseen, gap := c.s.longest()
	c.t.Logf("%s: all nodes ready %s later; up to now the latest visit came %s late (%s), the longest time without one was %s (%s)",
		after, ready.Round(100*time.Millisecond), late.Round(100*time.Millisecond), source, gap.Round(time.Second), unseen)
}

func (c *ill) status() (st cluster.Status) {
	out, _, _ := c.nodes[0].command("cluster", "status", "-o", "json")
	_ = json.Unmarshal([]byte(out), &st) // an empty one is not what is waited for
	return st
}

// leader is the number of the server that leads the log.
func (c *ill) leader() int {
	n := -1
	until(c.t, "the log to have a leader", func() bool {
		var err error
		n, err = strconv.Atoi(strings.TrimPrefix(c.status().Log.Leader, "nats-"))
		return err == nil
	})
	return n
}

// TestAHurtClusterLosesNothing hurts three servers and three daemons in every way there is, again and
// again for so many minutes: SANGAM_CLUSTER_SOAK=20.
func TestAHurtClusterLosesNothing(t *testing.T) {
	minutes, err := strconv.Atoi(os.Getenv("SANGAM_CLUSTER_SOAK"))
	if err != nil {
		t.Skip("SANGAM_CLUSTER_SOAK says for how many minutes")
	}
	c := &ill{t: t, e: startEngine(t), random: rand.New(rand.NewPCG(uint64(minutes), 3))}
	c.s, c.sources = newStreet(t, 8, 2)
	way := newStrait(t, c.e.ports)
	c.nodes = []*daemon{c.node("node-1", c.e.ports), c.node("node-2", c.e.ports), c.node("node-3", way.ports)}
	disk := filepath.Join(c.nodes[1].dir, "data")
	if err := os.Mkdir(disk, 0o700); err != nil {
		t.Fatal(err)
	}
	mounted := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=16m") == nil
	if mounted {
		t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	}
	for _, d := range c.nodes {
		d.start()
	}
	c.well("started")
	hurts := []func(){
		func() {
			i := c.random.IntN(3)
			c.e.kill(i)
			c.visit()
			c.e.start(i)
			c.well("a server killed")
		},
		func() {
			i := c.leader()
			c.e.kill(i)
			c.visit()
			c.visit()
			c.e.start(i)
			c.well("the log's leader killed")
		},
		func() {
			d := c.nodes[c.random.IntN(3)]
			for range 3 { // one of three is in the middle of it
				select {
				case <-c.s.begun:
				default:
				}
				<-c.s.begun
				d.killed()
				d.start()
			}
			c.well("a node killed in the middle of visits")
		},
		func() {
			p := c.nodes[c.random.IntN(3)].cmd.Process
			_ = p.Signal(syscall.SIGSTOP)
			time.Sleep(40 * time.Second) // longer than its lease
			_ = p.Signal(syscall.SIGCONT)
			c.well("a node stopped for 40 s")
		},
		func() {
			open := way.shut(t)
			until(t, "the node to know that it is cut off", func() bool { return !c.nodes[2].readyz() })
			resp, err := http.Get("http://" + c.nodes[2].listen + "/feed.json")
			if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Sangam-Stale") == "" {
				t.Errorf("a node that is cut off answers %v, %v", resp, err)
			} else {
				resp.Body.Close()
			}
			for range 20 {
				time.Sleep(2 * time.Second)
				if c.nodes[2].readyz() {
					t.Error("a node that is cut off is ready")
				}
			}
			open()
			c.well("a node cut off for a minute")
		},
		func() {
			if !mounted {
				t.Log("only root can fill a disk of its own: left out")
				return
			}
			filler := filepath.Join(disk, "filler")
			fill(t, filler)
			until(t, "the node with the full disk to be red", func() bool { c.visitBy(0); return !c.nodes[1].readyz() })
			if !c.nodes[0].readyz() || !c.nodes[2].readyz() {
				t.Error("a full disk on one node makes others red")
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			c.well("a disk full for a while")
		},
		func() {
			d := c.node(fmt.Sprint("fresh-", c.random.Uint32()), c.e.ports)
			d.start()
			d.ready()
			c.nodes = append(c.nodes, d)
			c.well("a fresh node joined")
			c.nodes = c.nodes[:3]
			d.stop()
		},
		func() {
			for i, d := range c.nodes {
				d.killed()
				c.e.kill(i)
			}
			for i, d := range c.nodes {
				c.e.start(i)
				d.start()
			}
			c.well("everything killed at once")
		},
	}
	for began := time.Now(); time.Since(began) < time.Duration(minutes)*time.Minute; {
		for _, i := range c.random.Perm(len(hurts)) {
			hurts[i]()
		}
	}
	c.autopsy()
}

// visitBy has a visit made through that node.
func (c *ill) visitBy(i int) {
	all := c.nodes
	c.nodes = all[i : i+1]
	defer func() { c.nodes = all }()
	c.visit()
}

// fill writes into a file until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
}

// autopsy stops everything at a moment when all nodes have read the whole log, and compares what they hold.
func (c *ill) autopsy() {
	t := c.t
	var st cluster.Status
	defer func() {
		if t.Failed() {
			t.Logf("the status at last: %+v", st)
		}
	}()
	for try := 0; ; try++ {
		// Nodes say every five seconds how far they are, and every four a visit comes.
		within(t, 10*time.Minute, "a quiet moment", func() bool {
			st = c.status()
			quiet := st.Log.Last > 0 && st.Visits.Waiting+uint64(st.Visits.Making) == 0
			for _, n := range st.Nodes {
				quiet = quiet && (n.Leaving || !strings.HasPrefix(n.Node, "node-") || n.Applied == st.Log.Last)
			}
			return quiet
		})
		for i := range c.e.cmds {
			c.e.kill(i)
		}
		for _, d := range c.nodes {
			d.stop()
		}
		digests, places, items := map[[32]byte]bool{}, map[uint64]bool{}, 0
		for _, d := range c.nodes {
			db, err := storage.Open(filepath.Join(d.dir, "data", "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}})
			if err != nil {
				t.Fatal(err)
			}
			digest, pos, err := db.Digest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			digests[digest], places[pos.Seq] = true, true
			if h, err := db.Check(t.Context(), nil); err != nil || !h.OK() {
				t.Errorf("check: %v %.200q", err, h.Problems)
			}
			items = 0
			for st, err := range db.Stories(t.Context(), feed.Query{Sources: []string{"o0-0", "o0-1"}}) {
				if err != nil {
					t.Fatal(err)
				}
				items += len(st.Members)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if len(places) > 1 && try < 5 { // a visit came between
			for i, d := range c.nodes {
				c.e.start(i)
				d.start()
			}
			continue
		}
		t.Logf("%d items acknowledged, %d kept; stores alike: %v, at %v", c.acked, items, len(digests) == 1, places)
		if len(digests) != 1 || len(places) != 1 || items < c.acked {
			t.Error("that is not what was to be")
		}
		break
	}
	if id, gap := c.s.longest(); gap > 3*time.Minute {
		t.Errorf("%s was not visited for %s", id, gap)
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for _, crowd := range c.s.crowded {
		t.Error(crowd)
	}
}
