package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sangam/cluster"
	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// A member is a node with its store, and visits that bring what the test says.
type member struct {
	t     *testing.T
	name  string
	path  string
	db    *storage.DB
	node  *cluster.Node
	ended chan struct{}
	stop  context.CancelFunc
	opts  cluster.Options

	mu     sync.Mutex
	config string
	visits []cluster.Job
}

// visitsOf is replaced by tests that make visits.
type visitFunc func(ctx context.Context, m *member, job cluster.Job) (time.Time, error)

func newMember(t *testing.T, s *servers, name string, visit visitFunc, change ...func(*cluster.Options)) *member {
	t.Helper()
	m := &member{t: t, name: name, path: filepath.Join(t.TempDir(), "sangam.db"), config: "one"}
	level := slog.LevelError
	if testing.Verbose() {
		level = slog.LevelDebug
	}
	m.opts = cluster.Options{
		URLs: s.urls(), Name: "sangam", Node: name, Replicas: len(s.opts), Keep: 24 * time.Hour, Snapshot: time.Hour,
		Rules: "rules", Version: "test", Dir: filepath.Dir(m.path), Workers: 4,
		Config: func() string { m.mu.Lock(); defer m.mu.Unlock(); return m.config },
		Outlets: func(context.Context) ([]feed.Outlet, error) {
			return []feed.Outlet{storagetest.Outlet("herald"), storagetest.Outlet("gazette")}, nil
		},
		Kept: func() (time.Duration, int) { return 0, 0 },
		Visit: func(ctx context.Context, job cluster.Job) (time.Time, error) {
			m.mu.Lock()
			m.visits = append(m.visits, job)
			m.mu.Unlock()
			if visit == nil {
				return time.Time{}, nil
			}
			return visit(ctx, m, job)
		},
		Log:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", name),
		Beat: 500 * time.Millisecond, Lease: 6 * time.Second,
	}
	for _, c := range change {
		c(&m.opts)
	}
	m.start()
	t.Cleanup(m.kill)
	return m
}

func (m *member) open() {
	m.t.Helper()
	db, err := storage.Open(m.path, storage.Options{Decider: storagetest.Titles{}, Mark: storagetest.Mark, NoSync: true})
	if err != nil {
		m.t.Fatal(err)
	}
	m.db, m.opts.Store = db, db
}

func (m *member) start() {
	m.t.Helper()
	m.open()
	node, err := cluster.New(m.opts)
	if err != nil {
		m.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.node, m.stop, m.ended = node, stop, make(chan struct{})
	go func() {
		defer close(m.ended)
		_ = node.Run(ctx)
		node.Bye()
		node.Close()
	}()
}

// kill ends the node; it may be started again.
func (m *member) kill() {
	if m.node == nil {
		return
	}
	m.stop()
	<-m.ended
	m.node = nil
	if err := m.db.Close(); err != nil {
		m.t.Error(err)
	}
}

func (m *member) ready() {
	m.t.Helper()
	waitFor(m.t, m.name+" to be ready", func() bool { return m.node.Ready() == nil })
}

// merge has a batch logged by this node.
func (m *member) merge(b feed.Batch) feed.Report {
	m.t.Helper()
	r, err := m.node.Merge(m.t.Context(), b)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func herald(n int) feed.Batch {
	return storagetest.Batch(storagetest.Outlet("herald"), time.Duration(n)*time.Minute,
		storagetest.Item("herald", fmt.Sprint("id", n), fmt.Sprintf("Report %d from the harbour", n), "text"))
}

// alike waits until all nodes have read the whole log, and wants their stores to be the same.
func alike(t *testing.T, members ...*member) {
	t.Helper()
	var last uint64
	waitFor(t, "all nodes to have read the log", func() bool {
		last = 0
		for _, m := range members {
			last = max(last, m.node.Standing().Applied, m.node.Standing().Last)
		}
		for _, m := range members {
			if m.node.Standing().Applied < last {
				return false
			}
		}
		return true
	})
	var want [32]byte
	for i, m := range members {
		got, pos, err := m.db.Digest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = got
		} else if got != want {
			t.Errorf("%s differs from %s at entry %d", m.name, members[0].name, pos.Seq)
		}
		if h, err := m.db.Check(t.Context(), nil); err != nil || !h.OK() {
			t.Errorf("%s: check: %v %.200q", m.name, err, h.Problems)
		}
	}
}

func titles(t *testing.T, db *storage.DB) string { return titlesOf(t, db, feed.Query{}) }

func titlesOf(t *testing.T, db *storage.DB, q feed.Query) string {
	var list []string
	for _, s := range storagetest.All(t, db, q) {
		list = append(list, s.Lead().Title)
	}
	return strings.Join(list, ", ")
}

func TestEveryNodeHoldsTheSame(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	a := newMember(t, s, "a", nil)
	a.ready()
	b, c := newMember(t, s, "b", nil), newMember(t, s, "c", nil)
	b.ready()
	c.ready()
	for n := range 20 {
		m := []*member{a, b, c}[n%3]
		if r := m.merge(herald(n)); r.Fresh != 1 {
			t.Errorf("batch %d: %+v", n, r)
		}
	}
	big := herald(30)
	noise := make([]byte, 0, 3<<20)
	for x := uint64(1); len(noise) < cap(noise); x = x*6364136223846793005 + 1442695040888963407 {
		noise = append(noise, "abcdefghijklmnopqrstuvwxyz012345"[x>>59], 'a'+byte(x>>40)%26)
	}
	big.Items[0].Content = string(noise) // in several messages
	if r := b.merge(big); r.Fresh != 1 {
		t.Errorf("a large batch: %+v", r)
	}
	first, second := herald(1).Items[0].Key, herald(2).Items[0].Key
	if err := c.node.Rule(t.Context(), storage.Ruled{A: first, B: second, Always: true, By: "somebody"}); err != nil {
		t.Error(err)
	}
	if err := c.node.Rule(t.Context(), storage.Ruled{A: first, B: "nothing", Always: true}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a verdict about nothing: %v", err)
	}
	alike(t, a, b, c)
	if n := len(storagetest.All(t, a.db, feed.Query{})); n != 20 {
		t.Errorf("%d stories, want 20", n)
	}
	c.kill()
	a.merge(herald(40))
	c.start()
	c.ready()
	if items, err := b.node.Purge(t.Context(), "herald"); err != nil || items != 22 {
		t.Errorf("purged %d items: %v", items, err)
	}
	alike(t, a, b, c)
	if n := len(storagetest.All(t, c.db, feed.Query{})); n != 0 {
		t.Errorf("%d stories are left of a purged source", n)
	}
}

// A town counts who visits what at once.
type town struct {
	mu      sync.Mutex
	at      map[string]int       // visits under way, by domain
	most    map[string]int       // at once
	made    map[string]int       // by source
	ended   map[string]time.Time // by domain
	closest time.Duration        // between two starts at one domain
	begun   map[string]time.Time
	takes   time.Duration
}

func newTown(takes time.Duration) *town {
	return &town{at: map[string]int{}, most: map[string]int{}, made: map[string]int{}, ended: map[string]time.Time{}, begun: map[string]time.Time{}, closest: time.Hour, takes: takes}
}

// domainOf says that sources "a1", "a2" live at one domain.
func domainOf(source string) string { return source[:1] }

func (w *town) visit(ctx context.Context, m *member, job cluster.Job) (time.Time, error) {
	st, err := m.db.Brief(ctx, job.Source)
	if err != nil || !job.Wanted && !st.Visited.IsZero() && !st.Visited.Before(job.Due) {
		return time.Time{}, err
	}
	d, began := domainOf(job.Source), time.Now()
	w.mu.Lock()
	w.at[d]++
	w.most[d] = max(w.most[d], w.at[d])
	w.made[job.Source]++
	if before, ok := w.begun[d]; ok {
		w.closest = min(w.closest, began.Sub(before))
	}
	w.begun[d] = began
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.at[d]--
	}()
	select {
	case <-time.After(w.takes):
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	b := storagetest.Batch(storagetest.Outlet(job.Source), 0, storagetest.Item(job.Source, "id", "Report of "+job.Source, "text"))
	b.At = time.Now().UTC()
	b.State.Visited = b.At
	_, err = m.node.Merge(ctx, b)
	return began.Add(interval), err
}

const interval = 200 * time.Millisecond

// ask has a source visited once, as its schedule would.
func (m *member) ask(ctx context.Context, source string, due time.Time) error {
	return m.node.Ask(ctx, domainOf(source), cluster.Job{Source: source, Due: due}, func() (bool, error) {
		st, err := m.db.Brief(ctx, source)
		return !st.Visited.Before(due) && !st.Visited.IsZero(), err
	})
}

func TestAVisitIsMadeOnceAndADomainIsNeverVisitedTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	w := newTown(20 * time.Millisecond)
	members := []*member{newMember(t, s, "a", w.visit), newMember(t, s, "b", w.visit), newMember(t, s, "c", w.visit)}
	for _, m := range members {
		m.ready()
	}
	var all sync.WaitGroup
	due := time.Now()
	for _, m := range members { // every node runs the schedule
		for _, source := range []string{"a1", "a2", "a3", "b1", "c1", "c2", "d1", "e1"} {
			all.Go(func() {
				if err := m.ask(t.Context(), source, due); err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	for source, n := range w.made {
		if n != 1 {
			t.Errorf("%s was visited %d times", source, n)
		}
	}
	if len(w.made) != 8 {
		t.Errorf("%d of 8 sources were visited", len(w.made))
	}
	for d, n := range w.most {
		if n != 1 {
			t.Errorf("domain %s had %d visits at once", d, n)
		}
	}
	if w.closest < interval {
		t.Errorf("a domain was visited again after %s, want %s", w.closest, interval)
	}
	for i := range 20 { // what one node has had logged, another knows that has caught up
		b := herald(i + 1)
		members[0].merge(b)
		if err := members[1].node.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if st, err := members[1].db.Brief(t.Context(), "herald"); err != nil || !st.Visited.Equal(b.State.Visited) {
			t.Fatalf("after catching up, the last visit is that of %v (%v), want %v", st.Visited, err, b.State.Visited)
		}
	}
	alike(t, members...)
}

func TestTheVisitOfADeadNodeIsMadeByAnother(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	w := newTown(10 * time.Millisecond)
	begun := make(chan struct{}, 8)
	hang := func(ctx context.Context, _ *member, _ cluster.Job) (time.Time, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return time.Time{}, ctx.Err()
	}
	a := newMember(t, s, "a", hang)
	a.ready()
	asked, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.ask(asked, "a1", time.Now()) }()
	<-begun
	cancel()
	<-done
	a.kill() // in the middle of the visit
	b := newMember(t, s, "b", w.visit)
	b.ready()
	waitFor(t, "the visit to be made by another node", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.made["a1"] == 1
	})
}

func TestANewNodeStartsFromASnapshotAndCatchesUp(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	a := newMember(t, s, "a", nil, func(o *cluster.Options) { o.Snapshot = time.Second })
	a.ready()
	for n := range 10 {
		a.merge(herald(n))
	}
	waitFor(t, "a snapshot", func() bool {
		st := a.node.Status(t.Context())
		return len(st.Snapshots) > 0 && st.Snapshots[0].Seq >= 11
	})
	st := a.node.Status(t.Context())
	if len(st.Nodes) != 1 || st.Nodes[0].Node != "a" || st.Charter == nil || len(st.Problems) > 0 || len(st.Snapshots) > 2 {
		t.Errorf("status: %+v", st)
	}
	a.merge(herald(11))
	b := newMember(t, s, "b", nil)
	b.ready()
	if got, want := titles(t, b.db), titles(t, a.db); got != want {
		t.Errorf("b has %s, want %s", got, want)
	}
	alike(t, a, b)
}

func TestASingleMachineSeedsACluster(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	var alone *member
	path := filepath.Join(t.TempDir(), "sangam.db")
	db, err := storage.Open(path, storage.Options{Decider: storagetest.Titles{}, Mark: storagetest.Mark, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if _, err := db.Merge(t.Context(), herald(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Its daemon does not join with what it has gathered alone.
	alone = newMember(t, s, "alone", nil, func(o *cluster.Options) { o.Dir = t.TempDir() })
	alone.ready() // an empty one founds a cluster
	alone.kill()
	other := newMember(t, s, "other", nil, func(o *cluster.Options) { o.Name = "fresh" })
	other.kill()
	if err := os.WriteFile(other.path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	other.opts.Name = "seeded"
	other.start()
	waitFor(t, "a node with stories of its own to be refused", func() bool {
		st := other.node.Standing()
		return st.Phase == cluster.Refused && strings.Contains(st.Problem, "cluster seed")
	})
	other.kill()
	other.open()
	seeding, err := cluster.New(other.opts)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be interrupted and called again
		if err := seeding.Seed(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seeding.Close()
	if err := other.db.Close(); err != nil {
		t.Fatal(err)
	}
	other.start()
	other.ready()
	fresh := newMember(t, s, "third", nil, func(o *cluster.Options) { o.Name = "seeded" })
	fresh.ready()
	fresh.merge(herald(9))
	alike(t, other, fresh)
	if n := len(storagetest.All(t, fresh.db, feed.Query{})); n != 6 {
		t.Errorf("%d stories, want the 5 of the seed and a new one", n)
	}
}

func TestANodeThatDecidesOtherwiseSaysSo(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	a := newMember(t, s, "a", nil)
	a.ready()
	a.merge(herald(1))
	rules := newMember(t, s, "rules", nil, func(o *cluster.Options) { o.Rules = "others" })
	waitFor(t, "a node with other rules to be refused", func() bool {
		st := rules.node.Standing()
		return st.Phase == cluster.Refused && strings.Contains(st.Problem, "rules")
	})
	if n := len(storagetest.All(t, rules.db, feed.Query{})); n != 0 {
		t.Errorf("it folded %d stories all the same", n)
	}
	twin := newMember(t, s, "a", nil)
	waitFor(t, "a second node of one name to be refused", func() bool {
		return strings.Contains(twin.node.Standing().Problem, `another node is called "a"`)
	})
	b := newMember(t, s, "b", nil, func(o *cluster.Options) { o.Config = func() string { return "two" } })
	waitFor(t, "a node with another configuration to say so", func() bool { return b.node.Standing().Phase == cluster.Differs })
	a.merge(herald(2))
	alike(t, a, b) // it folds and serves
	if err := b.node.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the others to differ now", func() bool { return a.node.Standing().Phase == cluster.Differs })
	b.ready()
	a.mu.Lock()
	a.config = "two"
	a.mu.Unlock()
	if err := a.node.ConfigChanged(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	a.ready()
	// A change under a node that is in agreement becomes everybody's.
	a.mu.Lock()
	a.config = "three"
	a.mu.Unlock()
	if err := a.node.ConfigChanged(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	a.ready()
	waitFor(t, "the others to differ again", func() bool { return b.node.Standing().Phase == cluster.Differs })
}

func TestWrongServersAreNamed(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	m := newMember(t, s, "a", nil, func(o *cluster.Options) { o.Replicas = 3 })
	waitFor(t, "too few servers to be named", func() bool {
		return strings.Contains(m.node.Standing().Problem, "too few servers for cluster.replicas: 3")
	})
	s.opts[0].JetStream, s.opts[0].SyncAlways = true, false
	s.stop(0)
	s.start(0)
	n := newMember(t, s, "b", nil, func(o *cluster.Options) { o.Monitors = []string{s.monitor(0)} })
	n.ready()
	if w := n.node.Standing().Warnings; len(w) != 1 || !strings.Contains(w[0], "sync_interval is not always") {
		t.Errorf("warnings %q", w)
	}
	s.opts[0].JetStream = false
	s.stop(0)
	s.start(0)
	o := newMember(t, s, "c", nil)
	waitFor(t, "a server without JetStream to be named", func() bool {
		return strings.Contains(o.node.Standing().Problem, "without JetStream")
	})
}

func TestWithoutAMajorityNothingIsVisitedAndReadersAreTold(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	w := newTown(time.Millisecond)
	a := newMember(t, s, "a", w.visit)
	a.ready()
	a.merge(herald(1))
	s.stop(1)
	a.merge(herald(2)) // one of three may go
	s.stop(2)
	waitFor(t, "the node to know that it is cut off", func() bool { return a.node.Stale() > 0 && a.node.Ready() != nil })
	asked := make(chan error, 1)
	go func() { asked <- a.ask(t.Context(), "a1", time.Now()) }()
	if n := len(storagetest.All(t, a.db, feed.Query{})); n != 2 {
		t.Errorf("%d stories are served, want 2", n)
	}
	w.mu.Lock()
	if len(w.made) != 0 {
		t.Error("it visits though it is cut off")
	}
	w.mu.Unlock()
	s.start(1)
	a.ready()
	if err := <-asked; err != nil {
		t.Error(err)
	}
	if w.made["a1"] != 1 {
		t.Errorf("visited %d times afterwards", w.made["a1"])
	}
}
