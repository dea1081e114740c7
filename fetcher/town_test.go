package fetcher_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
	"sangam/schedule"
)

// town is a scheduler and a fetcher at work on real outlets.
type town struct {
	*schedule.Scheduler
	mu   sync.Mutex
	docs map[string][]feed.Document
}

func newTown(t *testing.T, concurrency int) *town {
	t.Helper()
	c := client(t, fetcher.Options{Lend: schedule.Lend})
	town := &town{docs: map[string][]feed.Document{}}
	states := map[string]feed.State{}
	town.Scheduler = &schedule.Scheduler{
		Concurrency: concurrency, Domain: fetcher.Domain, Log: slog.New(slog.DiscardHandler),
		Recall: func(_ context.Context, src feed.Source) (feed.State, error) {
			town.mu.Lock()
			defer town.mu.Unlock()
			return states[src.ID], nil
		},
		Visit: func(ctx context.Context, src feed.Source) (feed.State, error) {
			town.mu.Lock()
			st := states[src.ID]
			town.mu.Unlock()
			at := time.Now()
			doc := c.Fetch(ctx, &feed.Visit{Source: src, State: st, At: at})
			if err := ctx.Err(); err != nil {
				return st, err
			}
			town.mu.Lock()
			defer town.mu.Unlock()
			town.docs[src.ID] = append(town.docs[src.ID], doc)
			if doc.Outcome != feed.Failed {
				st = remember(src, doc)
			}
			st.Source, st.Visited, st.ConfiguredURL = src.ID, at, src.Address()
			states[src.ID] = st
			return st, nil
		},
	}
	return town
}

// begin runs the town until the test, or whoever calls stop, has seen enough.
func (town *town) begin(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = town.Run(ctx)
	}()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); <-done }) }
	t.Cleanup(stop)
	return stop
}

// visited counts the visits that ended well.
func (town *town) visited() (n int) {
	town.mu.Lock()
	defer town.mu.Unlock()
	for _, docs := range town.docs {
		for _, doc := range docs {
			if doc.Outcome != feed.Failed {
				n++
			}
		}
	}
	return n
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in time: " + what)
		}
	}
}

func daily(id, address string) feed.Source {
	src := source(address)
	src.ID, src.Schedule = id, "@daily"
	return src
}

func TestHostSeesOneRequestAtATimeWithPausesBetween(t *testing.T) {
	o := start(t, outlet.Options{Latency: 10 * time.Millisecond})
	zoo := outlet.Zoo()
	o.Behave(zoo)
	var sources []feed.Source
	for i, path := range []string{"/home", "/301", "/etag-weak", "/301-301", "/gzip", "/302", "/empty", "/404"} { // 8 sources, 4 redirects
		src := daily(fmt.Sprint("s", i), o.Base()+path)
		src.PerHost = feed.PerHost{Concurrency: 1, Interval: 50 * time.Millisecond}
		sources = append(sources, src)
	}
	town := newTown(t, 8)
	town.Set(sources)
	began := time.Now()
	town.begin(t)
	eventually(t, "every source visited", func() bool { return town.visited() == 7 && len(o.Requests()) == 12 })
	if o.Most() != 1 {
		t.Errorf("%d requests at once, want 1", o.Most())
	}
	for i, r := range o.Requests() { // a busy machine may delay any of them, but bring none forward
		if after, want := r.At.Sub(began), time.Duration(i)*50*time.Millisecond; after < want {
			t.Errorf("request %d, %s, came after %s, want %s at least", i+1, r.Path, after, want)
		}
	}
}

// The way to a host takes longer the first time: that is no reason to come too soon the
// second.
func TestPauseIsCountedFromWhenAHostIsAsked(t *testing.T) {
	o := start(t, outlet.Options{})
	var arrived time.Time
	c := client(t, fetcher.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		<-time.After(150 * time.Millisecond) // only once: the connection is kept
		arrived = time.Now()
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}})
	src := source(o.Feed())
	src.PerHost.Interval = 200 * time.Millisecond
	for range 2 {
		fetch(t, c, src, feed.State{})
	}
	if asked := o.Requests(); len(asked) != 2 || asked[1].At.Sub(arrived) < src.PerHost.Interval {
		t.Errorf("asked %d times, the second %s after we got there, want %s at least", len(asked), asked[len(asked)-1].At.Sub(arrived), src.PerHost.Interval)
	}
}

// A redirect may lead many sources to one slow host. While they wait for their
// turn there, their places belong to others.
func TestRedirectsToOneSlowHostHoldNobodyUp(t *testing.T) {
	slow := start(t, outlet.Options{Address: "127.3.0.1:0"})
	slow.Behave(outlet.Zoo())
	var sources []feed.Source
	for i := range 12 {
		gate := neighbour(t, slow, fmt.Sprintf("127.3.0.%d", i+2))
		gate.Behave(redirect(slow.Base()+fmt.Sprint("/drip-body?", i), 302))
		sources = append(sources, daily(fmt.Sprint("slow", i), gate.Feed()))
	}
	const quick = 40
	for i := range quick {
		o := start(t, outlet.Options{Address: fmt.Sprintf("127.3.1.%d:0", i+1)})
		sources = append(sources, daily(fmt.Sprint("quick", i), o.Feed()))
	}
	town := newTown(t, 2)
	town.Set(sources)
	began := time.Now()
	town.begin(t)
	eventually(t, "the quick ones visited", func() bool { return town.visited() == quick })
	if took := time.Since(began); took > 4*time.Second { // the first of the slow has five
		t.Errorf("the quick ones took %s beside slow ones", took)
	}
	if slow.Most() > 1 {
		t.Errorf("%d requests at once to the slow host, want 1", slow.Most())
	}
}

// One poisoned feed among a hundred costs the others nothing.
func TestPoisonedFeedDelaysNobody(t *testing.T) {
	zoo := start(t, outlet.Options{Address: "127.4.0.1:0"})
	zoo.Behave(outlet.Zoo())
	var sources []feed.Source
	for _, animal := range outlet.Bestiary() {
		poisoned := daily("zoo-"+animal.Name, zoo.Base()+"/"+animal.Name)
		sources = append(sources, poisoned)
	}
	const good = 99
	o := make([]*outlet.Outlet, good)
	for i := range o {
		o[i] = start(t, outlet.Options{Address: fmt.Sprintf("127.4.1.%d:0", i+1)})
		sources = append(sources, daily(fmt.Sprint("good", i), o[i].Feed()))
	}
	town := newTown(t, 4)
	town.Set(sources)
	began := time.Now()
	town.begin(t)
	eventually(t, "the good ones visited", func() bool {
		for i := range o {
			if len(o[i].Requests()) == 0 {
				return false
			}
		}
		return true
	})
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%d good sources took %s beside a zoo", good, took)
	}
}

func TestShutdownInTheMiddleOfFiftyFetches(t *testing.T) {
	var sources []feed.Source
	var outlets []*outlet.Outlet
	for i := range 50 {
		o := start(t, outlet.Options{Address: fmt.Sprintf("127.5.0.%d:0", i+1)})
		o.Behave(outlet.Zoo())
		outlets = append(outlets, o)
		sources = append(sources, daily(fmt.Sprint("s", i), o.Base()+"/stuck-body"))
	}
	town := newTown(t, 64)
	town.Set(sources)
	stop := town.begin(t)
	eventually(t, "fifty fetches under way", func() bool {
		return town.Visiting() == 50 && outlets[49].Connections() == 1 && outlets[0].Connections() == 1
	})
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("stopping took %s", took)
	}
	if len(town.docs) != 0 {
		t.Errorf("%d visits were counted, want none", len(town.docs))
	}
}

// Twenty restarts in a row ask nobody again.
func TestRestartsAskNobodyEarly(t *testing.T) {
	o := start(t, outlet.Options{})
	town := newTown(t, 4)
	town.Set([]feed.Source{daily("a", o.Feed())})
	stop := town.begin(t)
	eventually(t, "the first visit", func() bool { return town.visited() == 1 })
	stop()
	var recalled atomic.Int32
	for range 20 {
		again := &schedule.Scheduler{
			Visit: town.Visit,
			Recall: func(ctx context.Context, src feed.Source) (feed.State, error) {
				recalled.Add(1)
				return town.Recall(ctx, src)
			},
		}
		again.Set([]feed.Source{daily("a", o.Feed())})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		_ = again.Run(ctx)
		cancel()
	}
	if len(o.Requests()) != 1 || recalled.Load() == 0 {
		t.Errorf("%d requests after 20 restarts, want 1", len(o.Requests()))
	}
}
