package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Errands and records are for what the daemons do for others than outlets: an errand is a
// job that one node does, and records are what all nodes must know for it. Stories do not depend on them.

// changeTries is how often a record is read and changed anew because another node was faster.
const changeTries = 20

// Send has an errand done by whichever node is free; sent again by the same name and for the
// same reason, it is done once. It is an error if somebody is on it for another reason. It may be done again if a node dies while it does it.
func (n *Node) Send(ctx context.Context, name, reason string) error {
	if !n.open() {
		return n.notYet()
	}
	what, err := n.offer(ctx, "errand "+name, Job{Errand: name, Slot: reason, After: n.applied.Load()}, 0)
	if err == nil && what == busy {
		err = errors.New("somebody is on that errand already")
	}
	return err
}

// Change changes a record for all nodes: change is given the text that it has, nil if there is none,
// and returns the one that it is to have, nil for none. It may be asked more than once.
func (n *Node) Change(ctx context.Context, key string, change func(text []byte) []byte) error {
	eng := n.engine.Load()
	if eng == nil || eng.records == nil {
		return n.notYet()
	}
	err := errors.New("others change it all the time")
	for range changeTries {
		var conflict bool
		if conflict, err = changeOnce(ctx, eng.records, key, change); !conflict {
			break
		}
		pause(ctx, 10*time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("change the record %s: %w", key, err)
	}
	return nil
}

func changeOnce(ctx context.Context, records jetstream.KeyValue, key string, change func([]byte) []byte) (conflict bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var text []byte
	var revision uint64
	switch is, err := records.Get(ctx, key); {
	case err == nil:
		text, revision = is.Value(), is.Revision()
	case !errors.Is(err, jetstream.ErrKeyNotFound):
		return false, err
	}
	next := change(text)
	switch {
	case next == nil && text == nil:
		return false, nil
	case next == nil:
		err = records.Delete(ctx, key, jetstream.LastRevision(revision))
	case text == nil:
		_, err = records.Create(ctx, key, next)
	default:
		_, err = records.Update(ctx, key, next, revision)
	}
	return outrun(err) || errors.Is(err, jetstream.ErrKeyExists), err
}

// watchRecords tells Options.Record of every record, those that are there first, until ctx ends.
func (n *Node) watchRecords(ctx context.Context) error {
	eng := n.engine.Load()
	if eng.records == nil {
		return nil
	}
	w, err := eng.records.WatchAll(ctx)
	if err != nil {
		return n.explain("watch the records", err)
	}
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case is, ok := <-w.Updates():
			switch {
			case !ok:
				return errors.New("the records are not told any more")
			case is == nil: // all that were there
			case is.Operation() == jetstream.KeyValuePut:
				n.Record(is.Key(), is.Value())
			default:
				n.Record(is.Key(), nil)
			}
		}
	}
}

func (n *Node) setUpRecords(ctx context.Context, e *engine) (err error) {
	if n.Record == nil {
		return nil
	}
	if e.records, err = n.js.KeyValue(ctx, n.recordBucket()); err == nil {
		if s, err := e.records.Status(ctx); err == nil && s.Config().Replicas == n.Replicas {
			return nil
		}
	}
	e.records, err = n.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: n.recordBucket(), Description: "Sangam: what nodes must know of each other's errands", History: 1,
		Storage: jetstream.FileStorage, Replicas: n.Replicas,
	})
	return err
}
