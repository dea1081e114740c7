package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sangam/feed"
	"sangam/schedule"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is where the visits of a test are kept: the states, and who came when.
type desk struct {
	mu     sync.Mutex
	states map[string]feed.State
	starts map[string][]time.Time
	now    map[string]int // visits under way, by source or by domain
	most   map[string]int
	takes  func(src feed.Source) time.Duration
	after  func(src feed.Source, st *feed.State)
}

func newDesk() *desk {
	return &desk{
		states: map[string]feed.State{}, starts: map[string][]time.Time{}, now: map[string]int{}, most: map[string]int{},
		takes: func(feed.Source) time.Duration { return time.Second },
		after: func(feed.Source, *feed.State) {},
	}
}

func (d *desk) recall(_ context.Context, src feed.Source) (feed.State, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.states[src.ID], nil
}

func (d *desk) visit(ctx context.Context, src feed.Source) (feed.State, error) {
	at := time.Now()
	whom := []string{src.ID, domain(src.FeedURL), "all"}
	d.mu.Lock()
	d.starts[src.ID] = append(d.starts[src.ID], at)
	for _, who := range whom {
		d.now[who]++
		d.most[who] = max(d.most[who], d.now[who])
	}
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, who := range whom {
			d.now[who]--
		}
	}()
	select {
	case <-time.After(d.takes(src)):
	case <-ctx.Done():
		return feed.State{}, ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st := d.states[src.ID]
	st.Source, st.Visited, st.ConfiguredURL = src.ID, at, src.Address()
	st.Visits++
	d.after(src, &st)
	st.Due, st.DueWhy = next(src, st, at)
	d.states[src.ID] = st
	return st, nil
}

func (d *desk) visits(id string) []time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.starts[id]
}

func domain(address string) string { return "domain of " + address }

// runFor lets a scheduler work for a while.
func runFor(d time.Duration, s *schedule.Scheduler, meanwhile ...func()) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx)
	}()
	for _, f := range meanwhile {
		f()
	}
	<-done
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestSourcesAreVisitedAtOnceAndThenOnSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit, Concurrency: 4}
		s.Set([]feed.Source{source("a", "*/15 * * * *"), source("b", "@hourly")})
		began := time.Now()
		runFor(4*time.Hour, s)
		if got := d.visits("a"); len(got) < 16 || len(got) > 18 || !got[0].Equal(began) {
			t.Errorf("a: %d visits, first at %s; want 1 at once and 16 in four hours", len(got), got[0])
		}
		if got := d.visits("b"); len(got) < 4 || len(got) > 5 {
			t.Errorf("b: %d visits; want 1 at once and 4 in four hours", len(got))
		}
	})
}

func TestLongVisitSkipsSlotsAndNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes = func(feed.Source) time.Duration { return 40 * time.Minute }
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit, Concurrency: 4}
		s.Set([]feed.Source{source("a", "*/15 * * * *")})
		runFor(4*time.Hour, s)
		if got := len(d.visits("a")); d.most["a"] != 1 || got < 5 || got > 6 {
			t.Errorf("%d visits, %d at once; want one at a time, each after a later slot", got, d.most["a"])
		}
	})
}

func TestPanicIsConfinedToItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		tries := 0
		visit := func(ctx context.Context, src feed.Source) (feed.State, error) {
			if src.ID == "bad" {
				tries++
				panic("no such luck")
			}
			return d.visit(ctx, src)
		}
		s := &schedule.Scheduler{Recall: d.recall, Visit: visit, Concurrency: 2, Log: quiet()}
		s.Set([]feed.Source{source("bad", "*/15 * * * *"), source("good", "*/15 * * * *")})
		var err error
		runFor(2*time.Hour, s, func() {
			time.Sleep(time.Minute)
			err = s.Now(t.Context(), "bad")
		})
		if err == nil {
			t.Error("Now of the panicking source: no error")
		}
		if got := len(d.visits("good")); got < 8 {
			t.Errorf("the good source was visited %d times, want 8", got)
		}
		if tries < 3 || tries > 11 {
			t.Errorf("the bad source was tried %d times, want about 8", tries)
		}
	})
}

func TestStoppingWaitsForVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := &schedule.Scheduler{
			Recall: newDesk().recall,
			Visit: func(ctx context.Context, _ feed.Source) (feed.State, error) {
				<-ctx.Done()
				time.Sleep(3 * time.Second) // putting things away
				ended = true
				return feed.State{}, ctx.Err()
			},
		}
		s.Set([]feed.Source{source("a", "@hourly")})
		runFor(time.Minute, s)
		if !ended {
			t.Error("Run returned before the visit had ended")
		}
		if err := s.Now(t.Context(), "a"); !errors.Is(err, schedule.ErrStopped) {
			t.Errorf("Now after Run: got %v", err)
		}
	})
}

func TestAllThatAreWantedAreVisitedAndWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes = func(feed.Source) time.Duration { return time.Minute }
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit, Concurrency: 2}
		ids, sources := []string{"nobody"}, []feed.Source(nil)
		for i := range 5 {
			src := source(fmt.Sprint("s", i), "@yearly")
			ids, sources = append(ids, src.ID), append(sources, src)
		}
		s.Set(sources)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		time.Sleep(time.Hour) // they have been visited at once
		began := time.Now()
		if err := s.NowAll(ctx, ids); !errors.Is(err, schedule.ErrUnknown) {
			t.Errorf("got %v, want to be told of the one that is not there", err)
		}
		if took := time.Since(began); took < 3*time.Minute || took > 4*time.Minute {
			t.Errorf("five visits of a minute, two at once, took %s", took)
		}
		for _, src := range sources {
			if got := len(d.visits(src.ID)); got != 2 {
				t.Errorf("%s was visited %d times, want at once and when it was wanted", src.ID, got)
			}
		}
		cancel()
		<-ended
	})
}

func TestNowVisitsWhateverTheScheduleSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.after = func(_ feed.Source, st *feed.State) { st.Gone = true }
		paused := source("paused", "@daily")
		paused.Paused = true
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit}
		s.Set([]feed.Source{source("gone", "@daily"), paused})
		runFor(time.Hour, s, func() {
			time.Sleep(time.Minute)
			for _, id := range []string{"gone", "paused"} {
				if err := s.Now(t.Context(), id); err != nil {
					t.Error(err)
				}
			}
			if err := s.Now(t.Context(), "nobody"); !errors.Is(err, schedule.ErrUnknown) {
				t.Errorf("Now of a stranger: got %v", err)
			}
		})
		if got := len(d.visits("gone")); got != 2 {
			t.Errorf("gone: %d visits, want the first and the one asked for", got)
		}
		if got := len(d.visits("paused")); got != 1 {
			t.Errorf("paused: %d visits, want the one asked for", got)
		}
	})
}

func TestSourcesMayChangeWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes = func(feed.Source) time.Duration { return 10 * time.Minute }
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit, Concurrency: 8}
		a, b := source("a", "*/30 * * * *"), source("b", "@daily")
		s.Set([]feed.Source{a, b})
		runFor(6*time.Hour, s, func() {
			time.Sleep(5 * time.Minute)
			s.Set([]feed.Source{b}) // a is being visited
			s.Set([]feed.Source{a, b})
			time.Sleep(time.Hour)
			s.Set([]feed.Source{source("b", "*/30 * * * *"), source("c", "@daily")})
		})
		if d.most["a"] > 1 || len(d.visits("a")) < 2 || len(d.visits("a")) > 4 {
			t.Errorf("a: %d visits, %d at once; want its two or three in the first hour, one at a time", len(d.visits("a")), d.most["a"])
		}
		if got := len(d.visits("b")); got < 8 || got > 12 {
			t.Errorf("b: %d visits, want one at first and then two in the hour", got)
		}
		if got := len(d.visits("c")); got != 1 && got != 2 {
			t.Errorf("c: %d visits, want one when it was added", got)
		}
	})
}

func TestSlowDomainHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		d.takes = func(src feed.Source) time.Duration {
			if src.FeedURL == "https://slow.example/" {
				return 30 * time.Second
			}
			return time.Second
		}
		var sources []feed.Source
		for i := range 100 {
			slow := source(fmt.Sprint("slow", i), "@hourly")
			slow.FeedURL = "https://slow.example/"
			slow.PerHost = feed.PerHost{Concurrency: 1, Interval: time.Second}
			sources = append(sources, slow)
		}
		for i := range 20 {
			sources = append(sources, source(fmt.Sprint("quick", i), "@hourly"))
		}
		s := &schedule.Scheduler{Recall: d.recall, Visit: d.visit, Domain: domain, Concurrency: 2}
		s.Set(sources)
		began := time.Now()
		runFor(55*time.Minute, s)
		for i := range 20 {
			if got := d.visits(fmt.Sprint("quick", i)); len(got) == 0 || got[0].Sub(began) > 40*time.Second {
				t.Errorf("quick%d: visited %v, want within seconds", i, got)
			}
		}
		if got := d.most[domain("https://slow.example/")]; got != 1 {
			t.Errorf("%d visits at once to one domain, want 1", got)
		}
		if d.most["all"] != 2 {
			t.Errorf("%d visits at once, want 2", d.most["all"])
		}
	})
}

func TestWaitingVisitLendsItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk()
		var mu sync.Mutex
		working, most := 0, 0
		work := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			working += n
			most = max(most, working)
		}
		visit := func(ctx context.Context, src feed.Source) (feed.State, error) {
			work(1)
			defer work(-1)
			if src.ID != "last" {
				work(-1) // before the place is lent: from then on another may be at work
				_ = schedule.Lend(ctx, func(context.Context) error {
					time.Sleep(10 * time.Second)
					return nil
				})
				work(1)
			}
			return d.visit(ctx, src)
		}
		s := &schedule.Scheduler{Recall: d.recall, Visit: visit, Concurrency: 2}
		s.Set([]feed.Source{source("a", "@daily"), source("b", "@daily"), source("c", "@daily"), source("last", "@daily")})
		began := time.Now()
		runFor(time.Minute, s)
		if got := d.visits("last"); len(got) != 1 || got[0].Sub(began) > 2*time.Second {
			t.Errorf("last: visited %v, want while the others wait", got)
		}
		if most > 2 {
			t.Errorf("%d at work at once, want 2", most)
		}
	})
}

// BenchmarkWaiting measures what a hundred thousand sources cost that wait: bytes
// of heap and goroutines for each, beyond the configuration itself.
func BenchmarkWaiting(b *testing.B) {
	const n = 100_000
	sources := make([]feed.Source, n)
	for i := range sources {
		sources[i] = source(fmt.Sprint("desk-", i), "*/15 * * * *")
	}
	now := time.Now()
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		idle := runtime.NumGoroutine()
		recalled := 0
		s := &schedule.Scheduler{
			Concurrency: 32,
			Recall: func(_ context.Context, src feed.Source) (feed.State, error) {
				recalled++
				return feed.State{Source: src.ID, Visited: now, NotBefore: now.Add(time.Hour)}, nil
			},
			Visit: func(context.Context, feed.Source) (feed.State, error) { panic("nobody is due") },
		}
		s.Set(sources)
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		began := time.Now()
		go func() { defer close(done); _ = s.Run(ctx) }()
		for ; s.Waiting() < n; time.Sleep(time.Millisecond) {
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/n, "µs/source")
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/source")
		b.ReportMetric(float64(runtime.NumGoroutine()-idle-1), "goroutines")
		cancel()
		<-done
	}
}
