// Package pipeline carries one source through every step, from its address to
// the store. It is the program's plot and knows the order of the steps; how each
// is done is the business of the package that does it.
package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
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
type Gatherer func(context.Context, *feed.Visit) *feed.Batch

// Pipeline visits sources and stores what it finds.
type Pipeline struct {
	Store  Store
	Gather Gatherer
	// Room has a place for every visit whose items are in memory, from reading the document
	// until they are stored; nil = any number. Visits that bring nothing need none.
	Room chan struct{}
	// Hall has a place for every document that has come and waits for one in the room; nil =
	// any number. It is not strict, see Arrive.
	Hall chan struct{}
	// Door has a place for every visit that is about to bring a document, from asking for it
	// until it is in the room; nil = any number. Visits whose outlets take their time need none.
	Door chan struct{}
	Now  func() time.Time
	Log  *slog.Logger
	// Told is told of every visit that was stored, and of the state after it; may be nil.
	Told func(v *feed.Visit, after *feed.State, r feed.Report)
}

// Run visits src once, stores what it finds, and returns the state the visit left
// and what came of its items. A visit that failed is no error: it is stored as the
// source's state. A visit cut short because ctx ended is neither: nothing is
// stored, and the error is ctx's.
func (p *Pipeline) Run(ctx context.Context, src feed.Source) (*feed.State, feed.Report, error) {
	place := &place{room: p.Room, hall: p.Hall, door: p.Door}
	place.enter(ctx)
	defer place.leave()
	visit, err := p.recall(ctx, src)
	if err != nil {
		return &feed.State{Source: src.ID}, feed.Report{}, fmt.Errorf("recall %s: %w", src.ID, err)
	}
	batch := p.Gather(context.WithValue(ctx, placeKey{}, place), visit)
	if err := ctx.Err(); err != nil {
		return &visit.State, feed.Report{}, err // we are stopping; the source did nothing wrong
	}
	report, err := p.Store.Merge(ctx, *batch)
	if err != nil {
		return &visit.State, report, fmt.Errorf("store %s: %w", src.ID, err)
	}
	p.conclude(ctx, visit, batch, report)
	return &batch.State, report, nil
}

// recall makes a visit of a source, as it was left by the last.
func (p *Pipeline) recall(ctx context.Context, src feed.Source) (*feed.Visit, error) {
	state, err := p.Store.State(ctx, src.ID)
	return &feed.Visit{Source: src, State: state, At: p.Now().UTC()}, err
}

// conclude brings the state of a batch that was merged up to what the merge has stored, and
// tells of the visit.
func (p *Pipeline) conclude(ctx context.Context, v *feed.Visit, b *feed.Batch, r feed.Report) {
	if !r.Late {
		b.State.Count(b.At, &v.State, r)
		p.tell(ctx, v, &b.State, r)
		return
	}
	// A newer visit has been stored, or one that only seems to be.
	if ahead := v.State.Visited.Sub(b.At); ahead > 0 {
		p.Log.Error("nothing of a visit is stored: the clock was ahead when the source was last visited; set it right, or restore a backup from before",
			"source", v.Source.ID, "ahead", ahead)
	}
}

// place is one visit's place at the door, in the hall, and then in the room. That is taken while
// gathering and left after merging, so it travels with the context.
type place struct {
	room, hall, door chan struct{}
	inRoom, inHall   bool
	atDoor           atomic.Bool
	enough           *time.Timer // ends the time at the door; nil = there is no door
}

// promptly is how long a visit keeps its place at the door while its outlet is silent: what comes
// later comes one by one.
const promptly = 100 * time.Millisecond

// enter waits for a place at the door, or until ctx ends. Where documents come faster than they are
// read, as many outlets are asked as will be read soon: each holds a connection, and a
// stack or two.
func (p *place) enter(ctx context.Context) {
	if p.door == nil {
		return
	}
	select {
	case p.door <- struct{}{}:
		p.atDoor.Store(true)
		p.enough = time.AfterFunc(promptly, p.leaveDoor)
	case <-ctx.Done():
	}
}

func (p *place) leaveDoor() {
	if p.atDoor.CompareAndSwap(true, false) {
		<-p.door
	}
}

type placeKey struct{}

// takePlace waits for the place of the visit that ctx belongs to, if there is a room, or
// until ctx ends.
func takePlace(ctx context.Context) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok || p.inRoom {
		return
	}
	defer p.leaveDoor()
	defer p.leaveHall()
	if p.room == nil {
		return
	}
	select {
	case p.room <- struct{}{}:
		p.inRoom = true
	case <-ctx.Done():
	}
}

// Arrive waits for a place in the hall for the document of the visit that ctx belongs to, but
// not for longer than patience: those who have one may still be waiting for their outlet.
// It is for whoever fetches, before the document is received.
func Arrive(ctx context.Context, patience time.Duration) {
	p, ok := ctx.Value(placeKey{}).(*place)
	if ok && p.enough != nil {
		p.enough.Reset(patience)
	}
	if !ok || p.hall == nil || p.inHall {
		return
	}
	select {
	case p.hall <- struct{}{}:
		p.inHall = true
		return
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case p.hall <- struct{}{}:
		p.inHall = true
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *place) leaveHall() {
	if p.inHall {
		p.inHall = false
		<-p.hall
	}
}

func (p *place) leave() {
	if p.enough != nil {
		p.enough.Stop()
	}
	p.leaveDoor()
	p.leaveHall()
	if p.inRoom {
		<-p.room
	}
}

// tell writes the one log line of a visit: quiet when nothing happened, a
// warning when the source began to fail, and once more when it recovered.
func (p *Pipeline) tell(ctx context.Context, v *feed.Visit, st *feed.State, r feed.Report) {
	if p.Told != nil {
		p.Told(v, st, r)
	}
	fresh := r.Fresh+r.Copies+r.Revised > 0
	if st.Trouble == feed.NoTrouble && !fresh && !p.Log.Enabled(ctx, slog.LevelDebug) {
		return // as of most visits, nothing is to be said
	}
	source := slog.String("source", v.Source.ID)
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
		p.Log.Log(ctx, level, "visit failed", source, "trouble", string(st.Trouble),
			"problem", st.Problem, "failures", st.Failures, due, took)
	case fresh:
		p.Log.Info("visit", source, "fresh", r.Fresh, "copies", r.Copies,
			"revised", r.Revised, "same", r.Same, due, took)
	default:
		p.Log.Debug("visit, nothing new", source, "status", st.Status, due, took)
	}
	for _, w := range st.Warnings {
		p.Log.Debug("visit warning", source, "warning", w)
	}
}
