package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"sangam/feed"
)

// Scheduler visits sources when they are due. It never visits a source twice at
// once, never has more than Concurrency visits under way, and never more per
// domain than the source's PerHost allows; a source that must wait for its domain
// holds no place that another could use. Whoever was due while nobody ran (a
// restart, a long sleep) is visited once.
//
// Fill in the exported fields, Set the sources, Run. A waiting source costs an
// entry in a heap, not a goroutine.
type Scheduler struct {
	// Recall returns what is known of a source. It is asked when a source is new to
	// the Scheduler or was configured anew; from the answer, Next says when it is due.
	Recall func(context.Context, feed.Source) (feed.State, error)
	// Visit makes a visit and returns the state it left behind. An error means that
	// nothing could be stored; the source is asked again when its schedule says so.
	Visit func(context.Context, feed.Source) (feed.State, error)
	// Domain names whom an address belongs to, for PerHost. Nil: every source has a
	// domain of its own.
	Domain func(address string) string
	// Concurrency is the number of visits at once; less than 1 means 1.
	Concurrency int
	// Log hears of panics and of states that cannot be recalled. Nil: slog.Default.
	Log *slog.Logger

	mu      sync.Mutex
	sources map[string]*entry
	leaving map[string]*entry // no longer configured, but their visit has not ended
	agenda  agenda
	visits  sync.WaitGroup
	stopped bool
}

// What Now says of visits that will not come.
var (
	ErrUnknown = errors.New("no such source")
	ErrStopped = errors.New("no more visits: stopping")
)

const (
	// recallAtOnce bounds how many states are recalled before visits are started
	// again: with a hundred thousand sources the first is not to wait for the last.
	recallAtOnce = 256
	// longestNap bounds how long the clock is not looked at: timers stand still while
	// a machine sleeps, the clock on the wall does not.
	longestNap = 30 * time.Second
)

// Set replaces the sources, which the caller must not change afterwards. Those
// that are gone are not visited again; a visit under way is finished. Those that
// are new or changed are recalled. It may be called at any time.
func (s *Scheduler) Set(sources []feed.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agenda.begin()
	if s.leaving == nil {
		s.leaving = make(map[string]*entry)
	}
	kept := make(map[string]*entry, len(sources))
	for i := range sources {
		src := &sources[i]
		e := s.sources[src.ID]
		if back := s.leaving[src.ID]; back != nil { // dropped, and now wanted again
			e = back
			e.dropped, e.again = false, true
			delete(s.leaving, src.ID)
		}
		switch {
		case e == nil:
			e = &entry{src: src, place: -1}
			s.agenda.unknown(e)
		case !reflect.DeepEqual(*e.src, *src):
			e.src = src
			s.agenda.renew(e)
		default:
			e.src = src // lets the old list go
		}
		kept[src.ID] = e
	}
	for id, e := range s.sources {
		if kept[id] == nil {
			s.agenda.drop(e)
			if e.visited {
				s.leaving[id] = e
			}
		}
	}
	s.sources = kept
	s.agenda.nudge()
}

// Now has the source visited as soon as its domain and the concurrency allow,
// whatever its schedule says and even if it is paused or gone, and returns when
// that visit has ended, with its error. If a visit is under way already, another
// follows it. The error is ErrUnknown or ErrStopped if no visit was made.
func (s *Scheduler) Now(ctx context.Context, id string) error { return s.NowAll(ctx, []string{id}) }

// NowAll is Now for many sources at once. It returns when all visits have ended, with the
// error of the first that has one. Who waits costs a channel each, not a goroutine.
func (s *Scheduler) NowAll(ctx context.Context, ids []string) (first error) {
	visits := make([]chan error, len(ids))
	for i, id := range ids {
		visits[i] = s.want(id)
	}
	for i, done := range visits {
		select {
		case err := <-done:
			if err != nil && first == nil {
				first = fmt.Errorf("visit %s: %w", ids[i], err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return first
}

// want has a source visited; the channel tells how that ended.
func (s *Scheduler) want(id string) chan error {
	done := make(chan error, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.sources[id]
	switch {
	case e == nil:
		done <- ErrUnknown
	case s.stopped:
		done <- ErrStopped
	default:
		e.wanted = append(e.wanted, done)
		s.agenda.hurry(e, time.Now())
	}
	return done
}

type wantedKey struct{}

// Wanted reports whether somebody asked for this visit with Now: ctx is what Visit was given.
func Wanted(ctx context.Context) bool { return ctx.Value(wantedKey{}) != nil }

// Waiting returns how many sources have a visit ahead of them, for metrics.
func (s *Scheduler) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.agenda.domains {
		n += len(d.line)
	}
	return n + len(s.agenda.heap)
}

// Visiting returns how many visits are under way, for metrics.
func (s *Scheduler) Visiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.agenda.running + s.agenda.lent
}

// Alive returns nil once Run has shown that it looks at what is due. It waits for that
// as long as it must, or until ctx ends: it is for supervisors that would rather have a
// scheduler that hangs begin anew.
func (s *Scheduler) Alive(ctx context.Context) error {
	s.mu.Lock()
	s.agenda.begin()
	asked := s.agenda.asked
	s.mu.Unlock()
	select {
	case asked <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run visits sources until ctx ends, and returns nil after the last visit has
// ended. It may be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	s.agenda.begin()
	s.mu.Unlock()
	defer s.stop()

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.agenda.asked:
			continue
		case <-s.agenda.changed:
		case <-timer.C:
		}
		s.recall(ctx)
		timer.Reset(s.start(ctx))
	}
}

// stop waits for the visits and answers everybody who waits for another.
func (s *Scheduler) stop() {
	s.visits.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, e := range s.sources {
		e.tell(ErrStopped)
	}
}

// recall finds out when those are due of whom nothing is known yet.
func (s *Scheduler) recall(ctx context.Context) {
	s.mu.Lock()
	fresh := s.agenda.takeUnknown(recallAtOnce)
	sources := make([]*feed.Source, len(fresh))
	for i, e := range fresh {
		sources[i] = e.src
	}
	s.mu.Unlock()
	for i, e := range fresh {
		state, err := s.Recall(ctx, *sources[i])
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		switch now := time.Now(); {
		case e.dropped || e.visited || e.place >= 0 || e.lined || !reflect.DeepEqual(e.src, sources[i]): // overtaken by events
		case err != nil:
			s.log().Error("cannot recall a source, asking again in a minute", "source", e.src.ID, "error", err)
			s.agenda.unknownUntil(e, now.Add(time.Minute))
		default:
			s.settle(e, &state, now, Next)
		}
		s.mu.Unlock()
	}
}

// start begins every visit that may begin, and returns how long until another may.
func (s *Scheduler) start(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.agenda.wake(now)
	for s.agenda.running < max(1, s.Concurrency) {
		v := &begun{}
		if !s.begin(v, now) {
			break
		}
		s.visits.Go(func() { s.work(ctx, v) })
	}
	return min(s.agenda.until(now), longestNap)
}

// begun is a visit that holds a place, and what came of it.
type begun struct {
	domain  *domain
	entry   *entry
	src     *feed.Source // as it was when the visit began
	waiting []chan error // who waits for this visit
	state   feed.State
	err     error
}

// work makes a visit, and then, in the place that it gives back, those of others who are
// due: a goroutine that has grown its stack once need not be followed by one that must.
func (s *Scheduler) work(ctx context.Context, v *begun) {
	ctx = context.WithValue(ctx, placeKey{}, s)
	wanted := context.WithValue(ctx, wantedKey{}, true)
	for more := true; more; {
		if len(v.waiting) > 0 {
			s.visit(wanted, v)
		} else {
			s.visit(ctx, v)
		}
		waiting, err := v.waiting, v.err
		more = s.finish(ctx, v)
		for _, done := range waiting {
			done <- err
		}
	}
}

// begin takes the next visit out of its line, if one may begin at now.
func (s *Scheduler) begin(v *begun, now time.Time) bool {
	d, e := s.agenda.next(now)
	if e == nil {
		return false
	}
	v.domain, v.entry, v.src, v.waiting = d, e, e.src, e.begin()
	return true
}

// visit calls Visit and turns a panic into an error: it is this source's trouble
// and nobody else's.
func (s *Scheduler) visit(ctx context.Context, v *begun) {
	defer func() {
		if p := recover(); p != nil {
			v.err = fmt.Errorf("panic: %v", p)
			s.log().Error("a visit panicked; this is a bug, please report it",
				"source", v.src.ID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	v.state, v.err = s.Visit(ctx, *v.src)
}

// finish takes note that a visit has ended, and when the next is due. It makes of v a
// visit of somebody else that may have its place, if there is one.
func (s *Scheduler) finish(ctx context.Context, v *begun) (more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, e := time.Now(), v.entry
	s.agenda.finished(v.domain)
	s.giveBack()
	e.visited = false
	switch {
	case e.dropped:
		delete(s.leaving, e.src.ID)
		e.tell(ErrUnknown)
	case e.again: // configured anew meanwhile
		e.again = false
		s.agenda.unknown(e)
	case v.err != nil:
		// Nothing was stored, so nothing is known: as if it had failed once.
		s.settle(e, &feed.State{Visited: now, Failures: 1}, now, nextAfter)
	default:
		s.settle(e, &v.state, now, nextAfter)
	}
	s.agenda.nudge()
	if ctx.Err() != nil || s.agenda.running >= max(1, s.Concurrency) {
		return false
	}
	return s.begin(v, now)
}

// nextAfter is Next for a visit that ended just now, which the state may tell already.
// Slots that passed while it lasted are skipped, and whatever the state says, the answer
// lies ahead: nothing may become a busy loop.
func nextAfter(src *feed.Source, st *feed.State, at time.Time) (time.Time, string) {
	now := time.Now()
	if st.Due.After(now) {
		return st.Due, st.DueWhy
	}
	due, why := Next(src, st, at)
	if due.IsZero() || due.After(now) {
		return due, why
	}
	later := *st
	later.Visited, later.ConfiguredURL = now, ""
	return Next(src, &later, now)
}

// settle puts an entry where its state says.
func (s *Scheduler) settle(e *entry, st *feed.State, now time.Time, next func(*feed.Source, *feed.State, time.Time) (time.Time, string)) {
	at := now
	if v := st.Visited; !v.IsZero() && v.Before(now) { // a time to come means that a clock was wrong
		at = v
	}
	due, _ := next(e.src, st, at)
	if len(e.wanted) > 0 {
		due = now
	}
	address := e.src.FeedURL
	if st.URL != "" && st.Fits(e.src) {
		address = st.URL
	}
	switch {
	case s.Domain == nil:
		e.domain = "source " + e.src.ID
	case e.domain == "" || e.address != address:
		e.domain, e.address = s.Domain(address), address
	}
	if !due.IsZero() {
		s.agenda.enter(e, due)
	}
}

func (s *Scheduler) log() *slog.Logger {
	if s.Log == nil {
		return slog.Default()
	}
	return s.Log
}
