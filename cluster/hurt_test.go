package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sangam/cluster"
	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// many is more items than a check of a store reads before it says how far it is.
func many() feed.Batch {
	items := make([]feed.Item, 1100)
	for i := range items {
		items[i] = storagetest.Item("gazette", fmt.Sprint("old", i), fmt.Sprint("Old report ", i), "text")
	}
	return storagetest.Batch(storagetest.Outlet("gazette"), 0, items...)
}

// standStill keeps the node's store, which holds many items, from taking anything until the
// function returned is called: it is being checked.
func (m *member) standStill() (goOn func()) {
	m.t.Helper()
	begun, enough := make(chan struct{}), make(chan struct{})
	var once sync.Once
	ended := make(chan error, 1)
	go func() {
		_, err := m.db.Check(context.Background(), func(int64, int64) {
			once.Do(func() { close(begun) })
			<-enough
		})
		ended <- err
	}()
	<-begun
	goOn = sync.OnceFunc(func() {
		close(enough)
		if err := <-ended; err != nil {
			m.t.Error(err)
		}
	})
	m.t.Cleanup(goOn)
	return goOn
}

// snapshotUpTo waits for a snapshot that holds the log that far.
func (m *member) snapshotUpTo(seq uint64) {
	m.t.Helper()
	waitFor(m.t, "a snapshot", func() bool {
		st := m.node.Status(m.t.Context())
		return len(st.Snapshots) > 0 && st.Snapshots[0].Seq >= seq
	})
}

func TestWhatAgedOutWhileANodeStoodStillIsNotPassedOver(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	often := func(o *cluster.Options) { o.Snapshot = time.Second }
	a := newMember(t, s, "a", nil, often)
	a.ready()
	b := newMember(t, s, "b", nil, often)
	b.ready()
	a.merge(many())
	alike(t, a, b)
	goOn := b.standStill()
	for n := range 400 { // more than is read ahead
		a.merge(herald(n + 1))
	}
	last := a.node.Standing().Applied
	a.snapshotUpTo(last)
	nc, err := nats.Connect(s.urls()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	log, err := js.Stream(t.Context(), "sangam-log")
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Purge(t.Context(), jetstream.WithPurgeSequence(last)); err != nil {
		t.Fatal(err)
	}
	goOn()
	a.merge(herald(401))
	waitFor(t, "the node to have started anew from a snapshot", func() bool { return b.node.Standing().Applied > last && b.node.Ready() == nil })
	alike(t, a, b)
	if n := len(storagetest.All(t, b.db, feed.Query{Sources: []string{"herald"}})); n != 401 {
		t.Errorf("%d stories, want 401", n)
	}
}

// A node of another version that has read the whole log must not go on with it by its own rules.
func TestAnotherVersionTakesOverOnlyWhenAdopted(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	a, b := newMember(t, s, "a", nil), newMember(t, s, "b", nil)
	a.ready()
	b.ready()
	a.merge(many())
	alike(t, a, b)
	goOn := a.standStill()
	b.merge(herald(1)) // which the other hears no further than
	b.kill()
	b.opts.Rules = "new"
	b.start()
	waitFor(t, "the new version to say that it differs", func() bool {
		st := b.node.Standing()
		return st.Phase == cluster.Differs && strings.Contains(st.Problem, "other rules")
	})
	if _, err := b.node.Merge(t.Context(), herald(2)); err == nil {
		t.Error("it wrote into the log by its own rules")
	}
	if err := b.node.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.ready()
	// The old version does not know of it, and writes by its rules.
	late, cancel := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() { _, err := a.node.Merge(late, herald(3)); written <- err }()
	waitFor(t, "what the old version wrote to be in the log", func() bool { return b.node.Standing().Applied == 5 })
	goOn()
	waitFor(t, "the old version to stop", func() bool { return a.node.Standing().Phase == cluster.Refused })
	cancel()
	if err := <-written; err == nil {
		t.Error("a void batch was taken for a stored one")
	}
	b.merge(herald(4))
	if got, want := titlesOf(t, b.db, feed.Query{Sources: []string{"herald"}}), "Report 4 from the harbour, Report 1 from the harbour"; got != want {
		t.Errorf("stories %s, want %s", got, want)
	}
	a.kill()
	a.opts.Rules = "new"
	a.start()
	a.ready()
	alike(t, a, b)
}

// What old rules decided cannot be folded by new ones: who is behind starts from a snapshot.
func TestWhoIsBehindAChangeOfRulesStartsFromASnapshot(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	a, b := newMember(t, s, "a", nil, func(o *cluster.Options) { o.Snapshot = time.Second }), newMember(t, s, "b", nil)
	a.ready()
	b.ready()
	b.kill()
	a.merge(herald(1))
	a.kill()
	a.opts.Rules, b.opts.Rules = "new", "new"
	b.start()
	waitFor(t, "the node that is behind to be refused", func() bool { return b.node.Standing().Phase == cluster.Refused })
	if err := b.node.Adopt(t.Context()); err == nil || !strings.Contains(err.Error(), "has not read the whole log") {
		t.Errorf("a node that is behind made its rules the cluster's: %v", err)
	}
	a.start()
	waitFor(t, "the other to differ", func() bool { return a.node.Standing().Phase == cluster.Differs })
	if err := a.node.Adopt(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.ready()
	b.ready()
	alike(t, a, b)
}

func TestASeedThatWasInterruptedIsNotTakenForAnEmptyStore(t *testing.T) {
	t.Parallel()
	s := startServers(t, 1)
	m := newMember(t, s, "a", nil)
	m.ready()
	m.kill()
	m.opts.Name = "seeded"
	m.open()
	if err := m.db.Follow(t.Context(), storage.Position{}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.db.Merge(t.Context(), herald(1)); err != nil {
		t.Fatal(err)
	}
	if err := m.db.Close(); err != nil {
		t.Fatal(err)
	}
	m.start()
	waitFor(t, "the log to be made", func() bool { st := m.node.Standing(); return st.Phase == cluster.Refused && st.Log != "" })
	log := m.node.Standing().Log
	m.kill()
	m.open()
	if err := m.db.Follow(t.Context(), storage.Position{Log: log}); err != nil { // as far as it came
		t.Fatal(err)
	}
	if err := m.db.Close(); err != nil {
		t.Fatal(err)
	}
	m.start()
	waitFor(t, "the daemon to ask for the seed", func() bool { return strings.Contains(m.node.Standing().Problem, "cluster seed\" again") })
	m.kill()
	// Another node begins with nothing: then it is too late.
	empty := newMember(t, s, "b", nil, func(o *cluster.Options) { o.Name = "seeded" })
	empty.ready()
	m.open()
	defer m.db.Close()
	node, err := cluster.New(m.opts)
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if err := node.Seed(t.Context()); err == nil || !strings.Contains(err.Error(), "another store") {
		t.Errorf("seeded a cluster that began with nothing: %v", err)
	}
}

func TestANodeEndsSoonThoughNoMajorityAnswers(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	m := newMember(t, s, "a", nil)
	m.ready()
	s.stop(1)
	s.stop(2)
	waitFor(t, "the node to know that it is cut off", func() bool { return m.node.Stale() > 3*time.Second }) // the client asks for the log again by then
	began := time.Now()
	m.kill()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a node took %s to end", took)
	}
}
