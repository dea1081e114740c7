package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The chores: what one node does for all, in a slot of time.
const (
	choreSnapshot = "snapshot"
	choreKeep     = "keep"

	// keepSlot is how often what is not kept any more is deleted.
	keepSlot = time.Hour
	// keepStep is how many items one entry of the log deletes at most.
	keepStep = 2048
	// choreLook is how often it is asked whether a chore is due.
	choreLook = 20 * time.Second
)

// chores offers the chores that are due, until ctx ends.
func (n *Node) chores(ctx context.Context) error {
	eng := n.engine.Load()
	for {
		if err := n.whenOpen(ctx); err != nil {
			return nil
		}
		for chore, every := range map[string]time.Duration{choreSnapshot: n.Snapshot, choreKeep: keepSlot} {
			slot := slotOf(time.Now(), every)
			done, err := n.choreDone(ctx, eng, chore, slot)
			if err == nil && !done {
				_, err = n.offer(ctx, "chore "+chore, Job{Chore: chore, Slot: slot, After: n.applied.Load()}, 0)
			}
			if err != nil && ctx.Err() == nil {
				n.Log.Debug("cluster: a chore could not be offered", "chore", chore, "err", err)
			}
		}
		pause(ctx, min(choreLook, n.Snapshot/2))
		if ctx.Err() != nil {
			return nil
		}
	}
}

func slotOf(at time.Time, every time.Duration) string {
	return at.UTC().Truncate(every).Format("20060102T150405Z")
}

// choreDone reports whether a chore of that slot, or of a later one, has been done.
func (n *Node) choreDone(ctx context.Context, eng *engine, chore, slot string) (bool, error) {
	kv, err := eng.nodes.Get(ctx, "chore."+chore)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return string(kv.Value()) >= slot, nil
}

// chore does one, unless it has been done meanwhile.
func (n *Node) chore(ctx context.Context, job Job) error {
	eng := n.engine.Load()
	if done, err := n.choreDone(ctx, eng, job.Chore, job.Slot); done || err != nil {
		return err
	}
	var err error
	switch job.Chore {
	case choreSnapshot:
		err = n.takeSnapshot(ctx, eng)
	case choreKeep:
		err = n.keep(ctx)
	default:
		return nil // of a newer version; it will offer it again
	}
	if err != nil {
		return fmt.Errorf("%s: %w", job.Chore, err)
	}
	_, err = eng.nodes.Put(ctx, "chore."+job.Chore, []byte(job.Slot))
	return err
}

// keep has everything deleted, on all nodes, that this node's configuration does not keep.
func (n *Node) keep(ctx context.Context) error {
	age, perSource := n.Kept()
	for {
		d, err := n.Store.Doomed(ctx, age, perSource, time.Now(), keepStep)
		if err != nil || d.Empty() {
			return err
		}
		if _, err := n.write(ctx, &entry{Delete: &d}); err != nil {
			return err
		}
		n.Log.Info("cluster: housekeeping", "items", len(d.Items))
	}
}
