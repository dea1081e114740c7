package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Job is a visit that is due.
type Job struct {
	Source string    `json:"source,omitempty"`
	Due    time.Time `json:"due,omitzero"`
	Wanted bool      `json:"wanted,omitempty"` // somebody asked for it, whatever the schedule says
	After  uint64    `json:"after,omitempty"`  // what of the log whoever offers it had read: who makes it must have too
	Chore  string    `json:"chore,omitempty"`  // instead of a visit: what else is to be done by one node
	Errand string    `json:"errand,omitempty"` // instead of a visit: what a node was sent on
	Slot   string    `json:"slot,omitempty"`   // which one of its kind
}

const (
	// offerAgain is how long to wait for a visit that has been offered before it is offered under
	// another message id: the job may have been lost with all servers, or given up.
	offerAgain = 45 * time.Second
	// A domain that is busy is asked again after soonest, then less often.
	soonest, latest = 20 * time.Millisecond, time.Second
	// nakDelay is how long a visit that could not be made waits for another try.
	nakDelay = 3 * time.Second
	// jobWait bounds how long a worker waits for its store to have read what the offerer had.
	jobWait = 10 * time.Second
)

// codeSubjectFull says that the domain has a visit already.
const codeSubjectFull = 10077

type offered int

const (
	accepted offered = iota // or offered before, by this node or another
	busy                    // the domain has another visit
)

// Ask has a visit made by whichever node is free, and returns when made says that it has been: it is
// asked after every batch of the source that is folded here. While this node is cut off, or has
// not caught up, nothing is offered.
func (n *Node) Ask(ctx context.Context, domain string, job Job, made func() (bool, error)) error {
	folded, forget := n.watch(job.Source)
	defer forget()
	wait := soonest
	for attempt := 0; ; {
		if err := n.whenOpen(ctx); err != nil {
			return err
		}
		if done, err := made(); done || err != nil {
			return err
		}
		job.After = n.applied.Load()
		what, err := n.offer(ctx, domain, job, attempt)
		pause := offerAgain
		switch {
		case err != nil:
			n.Log.Debug("cluster: a visit could not be offered", "source", job.Source, "err", err)
			pause = latest
		case what == busy:
			pause = wait
			wait = min(2*wait, latest)
		default:
			attempt++ // if nothing comes of this one
		}
		t := time.NewTimer(pause)
		select {
		case <-folded:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// CatchUp waits until this node has folded all that was in the log when it was called.
func (n *Node) CatchUp(ctx context.Context) error {
	for wait := soonest; ; wait = min(2*wait, latest) {
		if err := n.whenOpen(ctx); err != nil {
			return err
		}
		last, err := n.lastEntry(ctx)
		if err == nil {
			return n.reached(ctx, last)
		}
		n.Log.Debug("cluster: the end of the log is not known", "err", err)
		if pause(ctx, wait); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

func (n *Node) lastEntry(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := n.engine.Load().log.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// watch returns a channel that holds a word whenever a batch of the source has been folded.
func (n *Node) watch(source string) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watched[source] = append(n.watched[source], c)
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		list := n.watched[source]
		for i := range list {
			if list[i] == c {
				list = append(list[:i:i], list[i+1:]...)
				break
			}
		}
		if n.watched[source] = list; len(list) == 0 {
			delete(n.watched, source)
		}
	}
}

// offer puts a job into the queue, unless it is there or its domain has another.
func (n *Node) offer(ctx context.Context, domain string, job Job, attempt int) (offered, error) {
	text, err := json.Marshal(job)
	if err != nil {
		return busy, err
	}
	name := job.Source
	switch {
	case job.Chore != "":
		name = "chore " + job.Chore
	case job.Errand != "":
		name = "errand " + job.Errand
	}
	id := fmt.Sprint(name, "@", job.Due.UnixMilli(), job.Slot, ".", attempt)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err = n.js.Publish(ctx, n.visitSubject(token(domain)), text,
		jetstream.WithMsgID(id), jetstream.WithExpectStream(n.visitStream()), jetstream.WithRetryAttempts(0))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeSubjectFull {
		return busy, nil
	}
	return accepted, err
}

// token is a domain as part of a subject, which allows few letters.
func token(domain string) string {
	sum := sha256.Sum256([]byte(domain))
	return hex.EncodeToString(sum[:12])
}

// labour takes one job after the other until ctx ends.
func (n *Node) labour(ctx context.Context) error {
	eng := n.engine.Load()
	for ctx.Err() == nil {
		if err := n.whenOpen(ctx); err != nil {
			return nil
		}
		waiting, cancel := context.WithTimeout(ctx, n.Beat)
		msg, err := eng.workers.Next(jetstream.FetchContext(waiting))
		cancel()
		switch {
		case err == nil:
			n.do(ctx, msg)
		case ctx.Err() == nil && !errors.Is(err, jetstream.ErrNoMessages) && !isTimeout(err):
			n.Log.Debug("cluster: waiting for visits", "err", err)
			pause(ctx, time.Second)
		}
	}
	return nil
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
}

// do makes one visit and gives its domain free when that may be visited again.
func (n *Node) do(ctx context.Context, msg jetstream.Msg) {
	var job Job
	if err := json.Unmarshal(msg.Data(), &job); err != nil {
		n.Log.Error("cluster: a visit that cannot be read was dropped", "err", err)
		_ = msg.Ack() // if that is lost it comes again
		return
	}
	held, drop := n.hold(ctx, msg)
	rest, err := n.perform(held, job)
	switch {
	case held.Err() != nil: // stopping, or the lease is lost: somebody else has it
		drop()
		if ctx.Err() != nil {
			_ = msg.Nak()
		}
	case err != nil:
		drop()
		n.Log.Warn("cluster: a visit was not made; it is offered again", "source", job.Source, "chore", job.Chore, "errand", job.Errand, "err", err)
		_ = msg.NakWithDelay(nakDelay)
	case time.Until(rest) <= 0:
		drop()
		_ = msg.Ack()
	default: // no worker is kept for that
		n.resting.Go(func() {
			defer drop()
			pause(held, time.Until(rest))
			if held.Err() == nil || ctx.Err() != nil {
				_ = msg.Ack()
			}
		})
	}
}

func (n *Node) perform(ctx context.Context, job Job) (time.Time, error) {
	if job.Chore != "" {
		return time.Time{}, n.chore(ctx, job)
	}
	reading, cancel := context.WithTimeout(ctx, jobWait)
	defer cancel()
	if err := n.reached(reading, job.After); err != nil {
		return time.Time{}, fmt.Errorf("this node has not read entry %d yet: %w", job.After, err)
	}
	if job.Errand != "" {
		if n.Errand == nil {
			return time.Time{}, nil // of nodes that are set up otherwise
		}
		return time.Time{}, n.Errand(ctx, job.Errand)
	}
	return n.Visit(ctx, job)
}

// hold keeps a job for as long as it is worked on: the context ends when the lease may have been
// lost, because this process stood still or the majority does not answer.
func (n *Node) hold(ctx context.Context, msg jetstream.Msg) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(n.Lease / 6)
		defer tick.Stop()
		for renewed, wall := time.Now(), time.Now().Round(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// The clock that only counts stands still while a machine sleeps, the one on the wall does not.
			late := max(time.Since(renewed), time.Now().Round(0).Sub(wall))
			heard := time.Since(time.Unix(0, n.beaten.Load()))
			// A majority that is not heard has not heard the renewals either.
			if late > n.Lease/2 || heard > n.Lease/2 {
				n.Log.Warn("cluster: a visit was given up: another node may have it", "stood still for", late, "heard of the majority", heard)
				cancel()
				return
			}
			if err := msg.InProgress(); err == nil {
				renewed, wall = time.Now(), time.Now().Round(0)
			}
		}
	}()
	return ctx, func() { cancel(); <-ended }
}
