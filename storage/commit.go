package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

const (
	// maxGroup is how many batches share a commit at most: it bounds the dirty
	// pages, and so the memory, of one transaction.
	maxGroup = 24

	// idleFlush is how long the state of a visit without items may wait for a
	// commit to travel with.
	idleFlush = 2 * time.Second
)

// An errand is a batch on its way into the file.
type errand struct {
	batch   feed.Batch
	counted bool // the batch's state is as the merge leaves it
	report  feed.Report
	err     error
	done    chan struct{} // closed when report and err are final
}

// start begins the committer, which Close ends and waits for.
func (db *DB) start() {
	db.queue = make(chan *errand)
	db.asked = make(chan struct{})
	db.closing = make(chan struct{})
	db.done = make(chan struct{})
	db.pending.states = map[string]*errand{}
	go db.commitLoop()
}

// Merge stores what a visit brought. It returns when that is durable, except that
// the state of a visit without items may follow within two seconds (State already
// tells it). The same batch again changes nothing; a batch that is not newer than the
// last of its source changes nothing and is reported as Late. If ctx ends before the batch is taken
// up, nothing is stored.
func (db *DB) Merge(ctx context.Context, b feed.Batch) (feed.Report, error) {
	if b.Outlet.ID == "" {
		return feed.Report{}, errors.New("merge: the batch has no outlet")
	}
	b.State.Source = b.Outlet.ID
	if b.State.Visited.IsZero() {
		b.State.Visited = b.At
	}
	e := &errand{batch: b, done: make(chan struct{})}
	select {
	case db.queue <- e:
	case <-ctx.Done():
		return feed.Report{}, ctx.Err()
	case <-db.closing:
		return feed.Report{}, ErrClosed
	}
	<-e.done
	if e.err != nil {
		return feed.Report{}, fmt.Errorf("merge %s: %w", b.Outlet.ID, e.err)
	}
	return e.report, nil
}

// commitLoop takes batches as they come and commits them in groups.
func (db *DB) commitLoop() {
	defer close(db.done)
	var last time.Time
	flush := time.NewTimer(idleFlush)
	flush.Stop()
	defer flush.Stop()
	armed := false // the timer runs; it is not put off by what comes meanwhile
	for {
		select {
		case e := <-db.queue:
			group := db.gather(e, last)
			db.commit(group)
			last = time.Now()
			if !armed && db.hasPending() {
				flush.Reset(idleFlush)
				armed = true
			}
		case <-flush.C:
			db.commit(nil)
			last, armed = time.Now(), false
			if db.hasPending() { // they could not be written
				flush.Reset(idleFlush)
				armed = true
			}
		case <-db.asked:
		case <-db.closing:
			db.commit(nil)
			return
		}
	}
}

func (db *DB) hasPending() bool {
	db.pending.Lock()
	defer db.pending.Unlock()
	return len(db.pending.states) > 0
}

// gather collects what else is waiting, for as long as the next commit has to wait
// anyway.
func (db *DB) gather(first *errand, last time.Time) []*errand {
	group := []*errand{first}
	var until <-chan time.Time
	if wait := db.opts.CommitEvery - time.Since(last); wait > 0 && !lazy(first) {
		t := time.NewTimer(wait)
		defer t.Stop()
		until = t.C
	}
	for len(group) < maxGroup {
		select {
		case e := <-db.queue:
			group = append(group, e)
			continue
		default:
		}
		if until == nil {
			return group
		}
		select {
		case e := <-db.queue:
			group = append(group, e)
		case <-until:
			until = nil
		case <-db.closing:
			return group
		}
	}
	return group
}

// lazy reports whether a batch may wait for another to share its commit: it brought
// no items, so what would be lost is that a visit was made.
func lazy(e *errand) bool { return len(e.batch.Items) == 0 }

// commit writes a group in one transaction. A batch that cannot be merged fails
// alone: the others are merged again without it.
func (db *DB) commit(group []*errand) {
	db.work.Lock()
	defer db.work.Unlock()
	var full, lazies []*errand
	for _, e := range group {
		if lazy(e) {
			lazies = append(lazies, e)
		} else {
			full = append(full, e)
		}
	}
	if len(lazies) > 0 {
		db.postpone(lazies)
	}
	if group != nil && len(full) == 0 {
		return
	}
	waiting := db.takePending(full)
	for {
		bad, err := db.tryCommit(append(waiting[:len(waiting):len(waiting)], full...))
		if bad == nil {
			db.finish(full, waiting, err)
			return
		}
		if i := indexOf(full, bad); i >= 0 {
			full = append(full[:i:i], full[i+1:]...)
			bad.err = err
			close(bad.done)
		} else {
			i := indexOf(waiting, bad)
			waiting = append(waiting[:i:i], waiting[i+1:]...)
		}
		if len(full)+len(waiting) == 0 {
			return
		}
	}
}

// finish tells the waiting callers. States that could not be written stay pending.
func (db *DB) finish(full, waiting []*errand, err error) {
	for _, e := range full {
		e.err = err
		close(e.done)
	}
	if err == nil {
		return
	}
	db.pending.Lock()
	defer db.pending.Unlock()
	for _, e := range waiting {
		if id := e.batch.Outlet.ID; db.pending.states[id] == nil {
			db.pending.states[id] = e
		}
	}
}

// postpone keeps batches without items for the next commit, and tells their callers what
// will come of them.
func (db *DB) postpone(lazies []*errand) {
	err := db.view(func(tx *bbolt.Tx) error {
		seq, _ := lastChange(tx)
		for _, e := range lazies {
			db.putOff(e, seq, tx)
		}
		return nil
	})
	for _, e := range lazies {
		if !e.counted && !e.report.Late {
			e.err = err
		}
		close(e.done)
	}
}

// putOff keeps a batch without items, and fills in the report that it will have: nobody
// writes it again, since the caller may be reading it by the time the batch is written.
func (db *DB) putOff(e *errand, seq uint64, tx *bbolt.Tx) {
	id := e.batch.Outlet.ID
	before := db.waitingState(id)
	if before == nil {
		before = db.readState(tx, id)
	}
	e.report = feed.Report{Source: id, Seq: seq, Late: late(before.Visited, e.batch.At)}
	if e.report.Late {
		return
	}
	e.batch.State.Count(e.batch.At, before, e.report)
	e.counted = true
	db.pending.Lock()
	defer db.pending.Unlock()
	db.pending.states[id] = e
}

// takePending takes what is waiting. A waiting state of a source that has a batch
// in this very group goes with it only if it is older, which Merge sees by its time.
func (db *DB) takePending(full []*errand) []*errand {
	db.pending.Lock()
	defer db.pending.Unlock()
	var out []*errand
	for _, id := range sortedKeys(db.pending.states) {
		out = append(out, db.pending.states[id])
	}
	clear(db.pending.states)
	return out
}

// tryCommit merges the batches in one transaction. If one of them cannot be merged
// it is returned, and nothing has happened.
func (db *DB) tryCommit(batches []*errand) (bad *errand, err error) {
	if len(batches) == 0 {
		return nil, nil
	}
	if err := db.loadWindow(); err != nil {
		return nil, err
	}
	var m *merger
	err = db.updateRoster(func(tx *bbolt.Tx) (*roster, error) {
		m = db.newMerger(tx)
		for _, e := range batches {
			report, err := m.merge(e.batch, e.counted)
			if err != nil {
				bad = e
				return nil, err
			}
			if !e.counted {
				e.report = report
			}
		}
		return m.roster, m.finish()
	})
	if err != nil {
		// What of a failed commit reached the disk is unknown; merging again is
		// harmless, but the index in memory must be made from what is there.
		if bad != nil {
			db.win.rollback()
		} else {
			db.win = nil
		}
		return bad, err
	}
	db.win.settle()
	db.win.expire(m.horizon())
	return nil, nil
}

func indexOf(list []*errand, e *errand) int {
	for i := range list {
		if list[i] == e {
			return i
		}
	}
	return -1
}
