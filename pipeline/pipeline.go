// Package pipeline carries one source through every step, from its address to
// the store. It is the program's plot and knows the order of the steps; how each
// is done is the business of the package that does it.
package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sangam/feed"
)

// Store is what a visit needs of storage.
type Store interface {
	// State recalls what the last visit of a source left; the zero State with only
	// Source set when there was none. It may leave the habits to Here.Habits.
	State(ctx context.Context, source string) (feed.State, error)
	// Merge decides what every item of the batch is and stores it, all or nothing. A
	// batch without items leaves the source's habits as they are.
	Merge(ctx context.Context, batch feed.Batch) (feed.Report, error)
}

// A Gatherer makes a visit. It needs nothing but the visit itself, so it may run
// in this process or on another machine.
type Gatherer func(context.Context, feed.Visit) feed.Batch

// Pipeline visits sources and stores what it finds.
type Pipeline struct {
	Store  Store
	Gather Gatherer
	// Room has a place for every visit whose items are in memory, from reading the document
	// until they are stored; nil = any number. Visits that bring nothing need none.
	Room chan struct{}
	Now  func() time.Time
	Log  *slog.Logger
	// Told is told of every visit that was stored, with the states before and after it;
	// may be nil.
	Told func(src feed.Source, before, after feed.State, r feed.Report)
}

// Run visits src once, stores what it finds, and returns the state the visit left
// and what came of its items. A visit that failed is no error: it is stored as the
// source's state. A visit cut short because ctx ended is neither: nothing is
// stored, and the error is ctx's.
func (p *Pipeline) Run(ctx context.Context, src feed.Source) (feed.State, feed.Report, error) {
	state, err := p.Store.State(ctx, src.ID)
	if err != nil {
		return state, feed.Report{}, fmt.Errorf("recall %s: %w", src.ID, err)
	}
	place := &place{room: p.Room}
	defer place.leave()
	batch := p.Gather(context.WithValue(ctx, placeKey{}, place), feed.Visit{Source: src, State: state, At: p.Now().UTC()})
	if err := ctx.Err(); err != nil {
		return state, feed.Report{}, err // we are stopping; the source did nothing wrong
	}
	report, err := p.Store.Merge(ctx, batch)
	if err != nil {
		return state, report, fmt.Errorf("store %s: %w", src.ID, err)
	}
	if report.Late { // a newer visit has been stored …
		if ahead := state.Visited.Sub(batch.At); ahead > 0 { // … or one that only seems to be
			p.Log.Error("nothing of a visit is stored: the clock was ahead when the source was last visited; set it right, or restore a backup from before",
				"source", src.ID, "ahead", ahead)
		}
		return batch.State, report, nil
	}
	after := batch.State.Counted(batch.At, state, report)
	p.tell(ctx, src, state, after, report)
	return after, report, nil
}

// place is one visit's place in the room. It is taken while gathering and left after
// merging, so it travels with the context.
type place struct {
	room  chan struct{}
	taken bool
}

type placeKey struct{}

// takePlace waits for the place of the visit that ctx belongs to, if there is a room, or
// until ctx ends.
func takePlace(ctx context.Context) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok || p.room == nil || p.taken {
		return
	}
	select {
	case p.room <- struct{}{}:
		p.taken = true
	case <-ctx.Done():
	}
}

func (p *place) leave() {
	if p.taken {
		<-p.room
	}
}

// tell writes the one log line of a visit: quiet when nothing happened, a
// warning when the source began to fail, and once more when it recovered.
func (p *Pipeline) tell(ctx context.Context, src feed.Source, before, st feed.State, r feed.Report) {
	if p.Told != nil {
		p.Told(src, before, st, r)
	}
	took := slog.Duration("took", time.Duration(st.Took)*time.Millisecond)
	due := slog.Time("next", st.Due)
	if st.Due.IsZero() {
		due = slog.String("next", "never")
	}
	switch {
	case st.Trouble != feed.NoTrouble:
		level := slog.LevelWarn
		if st.Failures > 1 {
			level = slog.LevelInfo // it has been said; the status page keeps saying it
		}
		p.Log.Log(ctx, level, "visit failed", "source", src.ID, "trouble", string(st.Trouble),
			"problem", st.Problem, "failures", st.Failures, due, took)
	case r.Fresh+r.Copies+r.Revised > 0:
		p.Log.Info("visit", "source", src.ID, "fresh", r.Fresh, "copies", r.Copies,
			"revised", r.Revised, "same", r.Same, due, took)
	default:
		p.Log.Debug("visit, nothing new", "source", src.ID, "status", st.Status, due, took)
	}
	for _, w := range st.Warnings {
		p.Log.Debug("visit warning", "source", src.ID, "warning", w)
	}
}
