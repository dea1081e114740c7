package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"sangam/feed"
	"sangam/storage"
)

// join finds out whether the store may follow the cluster's log, and gets it to where
// the log can be read on from: a store that is new, or was away for too long, becomes the newest
// snapshot.
func (n *Node) join(ctx context.Context) error {
	eng, err := n.setUp(ctx)
	if err != nil {
		return err
	}
	if err := n.alone(ctx, eng); err != nil {
		return err
	}
	state, charter, err := n.look(ctx, eng)
	if err != nil {
		return err
	}
	pos, err := n.Store.Position(ctx)
	if err != nil {
		return err
	}
	switch {
	case pos.Log == "":
		pos, charter, err = n.enter(ctx, eng, state, charter)
	case pos.Log != eng.identity:
		err = refuse("the store follows another log (%s; this cluster's is %q). If this cluster is the right one, move the store away: it is made anew from a snapshot", pos, eng.identity)
	case pos.Seq > state.LastSeq:
		err = refuse("the store has read entry %d of the log, and the log ends with %d: the servers have lost what they had acknowledged. "+
			"If other nodes agree with the servers, move this store away: it is made anew from a snapshot", pos.Seq, state.LastSeq)
	case state.FirstSeq > pos.Seq+1:
		pos, err = n.restore(ctx, eng, state, "it was away for longer than the log is kept")
	case n.stuck.Load() && charter != nil && charter.Rules == n.Rules:
		state.FirstSeq = pos.Seq + 2 // only what is newer than the store helps
		pos, err = n.restore(ctx, eng, state, "other rules decided what comes next")
	}
	if err != nil {
		return err
	}
	if charter != nil && charter.Rules != n.Rules {
		// What comes before the charter is to be folded by the old rules: let the tail find out.
		n.Log.Warn("cluster: the charter asks for other rules than this program and configuration have", "charter", charter.Rules, "here", n.Rules)
	}
	n.applied.Store(pos.Seq)
	if charter != nil {
		n.underCharter(*charter)
	}
	if eng.log, err = n.js.Stream(ctx, n.logStream()); err != nil {
		return n.explain("read the log", err)
	}
	last := eng.log.CachedInfo().State.LastSeq
	n.beaten.Store(time.Now().UnixNano())
	n.set(func(s *Standing) { s.Phase, s.Problem, s.Last = CatchingUp, "", last })
	n.Log.Info("cluster: joining", "log", eng.identity, "from", pos.Seq, "to", last)
	n.arrive()
	return nil
}

// alone makes sure that no other running node has the same name.
func (n *Node) alone(ctx context.Context, eng *engine) error {
	other, err := n.info(ctx, eng, n.Node)
	if err != nil || other == nil || other.Run == n.id || n.Place != "" && other.Place == n.Place {
		return err
	}
	if time.Since(other.At) < staleBeats*n.Beat && !other.Leaving {
		return refuse("another node is called %q: give this one a name of its own, cluster.node (or wait, if it has just been restarted)", n.Node)
	}
	return nil
}

// look reads the log's state and the newest charter; nil if there is none.
func (n *Node) look(ctx context.Context, eng *engine) (jetstream.StreamState, *Charter, error) {
	info, err := eng.log.Info(ctx)
	if err != nil {
		return jetstream.StreamState{}, nil, n.explain("look at the log", err)
	}
	msg, err := eng.log.GetLastMsgForSubject(ctx, n.logSubject(kindCharter))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return info.State, nil, nil
	}
	if err != nil {
		return info.State, nil, n.explain("look for the charter", err)
	}
	e, err := unpack(msg.Data) // a charter is small: it has no parts
	if err != nil || e.Charter == nil {
		return info.State, nil, refuse("the charter cannot be read: %v", err)
	}
	return info.State, e.Charter, nil
}

// enter has a store that follows no log follow this one.
func (n *Node) enter(ctx context.Context, eng *engine, state jetstream.StreamState, charter *Charter) (storage.Position, *Charter, error) {
	start := storage.Position{Log: eng.identity}
	if empty, err := n.empty(ctx); err != nil {
		return start, nil, err
	} else if !empty {
		return start, nil, refuse("the store holds what this machine has gathered alone. \"sangam cluster seed\" fills an empty cluster with it; " +
			"to join a cluster that is not empty, move it away")
	}
	if state.LastSeq == 0 {
		c, err := n.found(ctx)
		if err != nil {
			return start, nil, err
		}
		return start, c, n.Store.Follow(ctx, start)
	}
	switch pos, err := n.restore(ctx, eng, state, "it is new"); {
	case err == nil:
		return pos, charter, nil
	case !errors.Is(err, errNoSnapshot) || state.FirstSeq > 1 || charter == nil || charter.Seeded:
		return start, nil, err
	}
	return start, charter, n.Store.Follow(ctx, start)
}

// empty reports whether nothing has ever been stored.
func (n *Node) empty(ctx context.Context) (bool, error) {
	seq, _, err := n.Store.Sequence(ctx)
	if err != nil || seq > 0 {
		return false, err
	}
	for _, err := range n.Store.States(ctx) {
		return false, err
	}
	return true, nil
}

// found writes the first entry of an empty log: the charter. Of several nodes that try at once
// one does.
func (n *Node) found(ctx context.Context) (*Charter, error) {
	e, err := n.ownCharter(ctx)
	if err != nil {
		return nil, err
	}
	_, err = n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(0))
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
		return nil, errors.New("another node founds the cluster")
	}
	if err != nil {
		return nil, err
	}
	n.Log.Info("cluster: founded, with this node's configuration")
	return e.Charter, nil
}

// ownCharter is the charter by which this node decides, with the outlets it is configured with.
func (n *Node) ownCharter(ctx context.Context) (*entry, error) {
	outlets, err := n.Outlets(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	seeded := n.charter != nil && n.charter.Seeded
	n.mu.Unlock()
	return &entry{
		Charter: &Charter{Rules: n.Rules, Config: n.Config(), Seeded: seeded},
		Outlets: &storage.Roll{Outlets: outlets},
	}, nil
}

// Adopt makes this node's rules and configuration the cluster's. Nodes that have others say so
// and stop visiting until they have the same.
func (n *Node) Adopt(ctx context.Context) error {
	e, err := n.ownCharter(ctx)
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	n.mu.Lock()
	charter := n.charter
	n.mu.Unlock()
	if charter == nil || charter.Rules == n.Rules {
		if _, err := n.write(ctx, e); err != nil {
			return fmt.Errorf("adopt: %w", err)
		}
		return nil
	}
	// Other rules: nothing that was written by the old ones may be unread here.
	_, err = n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(n.applied.Load()))
	if err != nil {
		return fmt.Errorf("adopt: this node must first have read the whole log, and the other nodes must be stopped: %w", err)
	}
	return nil
}

// ConfigChanged tells the node that its configuration is another than it was. If it was the
// cluster's, the new one becomes the cluster's.
func (n *Node) ConfigChanged(ctx context.Context, before string) error {
	n.mu.Lock()
	charter := n.charter
	n.mu.Unlock()
	if now := n.Config(); charter != nil && charter.Config == before && now != before && charter.Rules == n.Rules {
		return n.Adopt(ctx)
	}
	if charter != nil {
		n.underCharter(*charter)
	}
	return nil
}

// underCharter notes which charter is in force.
func (n *Node) underCharter(c Charter) {
	n.mu.Lock()
	n.charter = &c
	phase := n.stand.Phase
	n.mu.Unlock()
	if phase == Joined || phase == Differs {
		next, problem := n.phase()
		if next != phase {
			n.Log.Warn("cluster: the charter has changed", "phase", string(next), "problem", problem)
		}
		n.set(func(s *Standing) { s.Phase, s.Problem = next, problem })
	}
}

// phase is where a node stands that has read the whole log.
func (n *Node) phase() (Phase, string) {
	n.mu.Lock()
	charter := n.charter
	n.mu.Unlock()
	if charter != nil && charter.Config != n.Config() {
		return Differs, fmt.Sprintf("the configuration here (%s) is not the cluster's (%s): it visits nobody. "+
			"Give it the same config.yaml, or make this one the cluster's: sangam cluster adopt", n.Config(), charter.Config)
	}
	return Joined, ""
}

// Seed fills an empty cluster from this node's store: it becomes the first snapshot, from which
// other nodes start, and follows the log from then on. Run must not be running. Interrupted, it
// can be called again.
func (n *Node) Seed(ctx context.Context) error {
	if err := n.seed(ctx); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	return nil
}

func (n *Node) seed(ctx context.Context) error {
	eng, err := n.setUp(ctx)
	if err != nil {
		return err
	}
	state, charter, err := n.look(ctx, eng)
	if err != nil {
		return err
	}
	pos, err := n.Store.Position(ctx)
	switch {
	case err != nil:
		return err
	case pos.Log == "" && state.LastSeq > 0:
		return refuse("the cluster %q is not empty: its log has %d entries. Give this one another cluster.name, or remove the other's streams", n.Name, state.LastSeq)
	case pos.Log != "" && pos.Log != eng.identity:
		return refuse("the store follows another cluster already (%s)", pos)
	case pos.Log == "":
		pos = storage.Position{Log: eng.identity}
		if err := n.Store.Follow(ctx, pos); err != nil {
			return err
		}
	}
	if charter == nil {
		e, err := n.ownCharter(ctx)
		if err != nil {
			return err
		}
		e.Charter.Seeded = true
		seq, err := n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(0))
		if err != nil {
			return err
		}
		if _, err := n.Store.Fold(ctx, eng.identity, []storage.Step{e.step(seq)}); err != nil {
			return err
		}
	}
	return n.takeSnapshot(ctx, eng)
}

// SameOutlets reports whether the store knows exactly these outlets.
func (n *Node) SameOutlets(ctx context.Context, outlets []feed.Outlet) (bool, error) {
	known, err := n.Store.Outlets(ctx)
	if err != nil || len(known) != len(outlets) {
		return false, err
	}
	for _, o := range outlets {
		have, ok := known[o.ID]
		x, err1 := encoding.Marshal(have)
		y, err2 := encoding.Marshal(o)
		if !ok || err1 != nil || err2 != nil || string(x) != string(y) {
			return false, errors.Join(err1, err2)
		}
	}
	return true, nil
}
