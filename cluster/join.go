package cluster

import (
	"context"
	"encoding/hex"
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
	state, err := n.look(ctx, eng)
	if err != nil {
		return err
	}
	pos, err := n.reach(ctx, eng, state)
	if err != nil {
		return err
	}
	charter, err := underTerms(pos)
	if err != nil {
		return err
	}
	n.applied.Store(pos.Seq)
	n.underCharter(charter)
	n.beaten.Store(time.Now().UnixNano())
	n.set(func(s *Standing) { s.Phase, s.Problem, s.Last = CatchingUp, "", state.LastSeq })
	n.Log.Info("cluster: joining", "log", eng.identity, "from", pos.Seq, "to", state.LastSeq)
	n.arrive()
	return nil
}

// reach gets the store to a position from which the log can be read on.
func (n *Node) reach(ctx context.Context, eng *engine, state jetstream.StreamState) (storage.Position, error) {
	pos, err := n.Store.Position(ctx)
	if err != nil {
		return pos, err
	}
	switch {
	case pos.Log == "":
		return n.enter(ctx, eng, state)
	case pos.Log != eng.identity:
		return pos, refuse("the store follows another log (%s; this cluster's is %q). If this cluster is the right one, move the store away: it is made anew from a snapshot", pos, eng.identity)
	case pos.Seq > state.LastSeq:
		return pos, refuse("the store has read entry %d of the log, and the log ends with %d: the servers have lost what they had acknowledged. "+
			"If other nodes agree with the servers, move this store away: it is made anew from a snapshot", pos.Seq, state.LastSeq)
	case state.FirstSeq > pos.Seq+1:
		return n.restore(ctx, eng, state.FirstSeq-1, state.LastSeq, "it was away for longer than the log is kept")
	case n.stuck.Load(): // only what is newer than the store helps
		next, err := n.restore(ctx, eng, pos.Seq+1, state.LastSeq, "it cannot take what comes next in the log")
		if errors.Is(err, errNoSnapshot) {
			return pos, nil // the tail says again why
		}
		return next, err
	case pos.Seq == 0:
		return pos, n.begins(ctx, eng, state)
	}
	return pos, nil
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

// look reads the log's state.
func (n *Node) look(ctx context.Context, eng *engine) (jetstream.StreamState, error) {
	info, err := eng.log.Info(ctx)
	if err != nil {
		return jetstream.StreamState{}, n.explain("look at the log", err)
	}
	return info.State, nil
}

// enter has a store that follows no log follow this one.
func (n *Node) enter(ctx context.Context, eng *engine, state jetstream.StreamState) (storage.Position, error) {
	start := storage.Position{Log: eng.identity}
	if empty, err := n.empty(ctx); err != nil {
		return start, err
	} else if !empty {
		return start, refuse("the store holds what this machine has gathered alone. \"sangam cluster seed\" fills an empty cluster with it; " +
			"to join a cluster that is not empty, move it away")
	}
	if state.LastSeq == 0 {
		if err := n.found(ctx); err != nil {
			return start, err
		}
		return start, n.Store.Follow(ctx, start)
	}
	pos, err := n.restore(ctx, eng, state.FirstSeq-1, state.LastSeq, "it is new")
	if err == nil || !errors.Is(err, errNoSnapshot) || state.FirstSeq > 1 {
		return pos, err
	}
	if seed, err := n.seedOf(ctx, eng); err != nil {
		return start, err
	} else if seed != "" {
		return start, errNoSnapshot
	}
	return start, n.Store.Follow(ctx, start)
}

// begins makes sure that a store which is to read the log's first entry holds what the log begins with.
func (n *Node) begins(ctx context.Context, eng *engine, state jetstream.StreamState) error {
	empty, err := n.empty(ctx)
	if err != nil {
		return err
	}
	if state.LastSeq == 0 {
		if !empty {
			return refuse("this store was to seed the cluster, and that was interrupted: run \"sangam cluster seed\" again")
		}
		return n.found(ctx)
	}
	seed, err := n.seedOf(ctx, eng)
	if err != nil || seed == "" && empty {
		return err
	}
	own, err := n.digest(ctx)
	if err == nil && own != seed {
		err = refuse("the cluster begins with what another store held, or with nothing: move this store away, it is made anew from a snapshot")
	}
	return err
}

// seedOf is the digest of the store with which the log begins, as its first entry says.
func (n *Node) seedOf(ctx context.Context, eng *engine) (string, error) {
	msg, err := eng.log.GetMsg(ctx, 1)
	if err != nil {
		return "", n.explain("read the log's first entry", err)
	}
	e, err := unpack(msg.Data) // a charter is small: it has no parts
	if err != nil || e.Charter == nil {
		return "", refuse("the log does not begin with a charter (%v)", err)
	}
	return e.Charter.Seed, nil
}

func (n *Node) digest(ctx context.Context) (string, error) {
	sum, _, err := n.Store.Digest(ctx)
	return hex.EncodeToString(sum[:]), err
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
func (n *Node) found(ctx context.Context) error {
	e, err := n.ownCharter(ctx)
	if err != nil {
		return err
	}
	if _, err := n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(0)); outrun(err) {
		return errors.New("another node founds the cluster")
	} else if err != nil {
		return err
	}
	n.Log.Info("cluster: founded, with this node's configuration")
	return nil
}

// outrun reports whether the log has more entries than the writer had read.
func outrun(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) &&
		(api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// ownCharter is the charter by which this node decides, with the outlets it is configured with.
func (n *Node) ownCharter(ctx context.Context) (*entry, error) {
	outlets, err := n.Outlets(ctx)
	if err != nil {
		return nil, err
	}
	return &entry{
		Charter: &Charter{Rules: n.Rules, Config: n.Config()},
		Outlets: &storage.Roll{Outlets: outlets},
	}, nil
}

// Adopt makes this node's rules and configuration the cluster's. Nodes that have others say so
// and stop visiting until they have the same.
func (n *Node) Adopt(ctx context.Context) error {
	if err := n.adopt(ctx); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	return nil
}

func (n *Node) adopt(ctx context.Context) error {
	charter := n.inForce()
	if charter == nil {
		return n.notYet()
	}
	e, err := n.ownCharter(ctx)
	if err != nil {
		return err
	}
	if charter.Rules == n.Rules {
		_, err := n.write(ctx, e)
		return err
	}
	// Other rules: nothing that was written by the old ones may be unread here.
	if _, err = n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(n.applied.Load())); outrun(err) {
		return fmt.Errorf("this node has not read the whole log, and by its own rules it cannot: stop the other nodes, and adopt on the one that has read most (%w)", err)
	}
	return err
}

// ConfigChanged tells the node that its configuration is another than it was. If it was the
// cluster's, the new one becomes the cluster's.
func (n *Node) ConfigChanged(ctx context.Context, before string) error {
	charter := n.inForce()
	if now := n.Config(); charter != nil && charter.Config == before && now != before && charter.Rules == n.Rules {
		return n.Adopt(ctx)
	}
	n.underCharter(charter)
	return nil
}

// inForce is the charter in force where the store is in the log; nil before the first entry.
func (n *Node) inForce() *Charter {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.charter
}

// underCharter notes which charter is in force.
func (n *Node) underCharter(c *Charter) {
	n.mu.Lock()
	n.charter = c
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
	switch charter := n.inForce(); {
	case charter == nil:
		return CatchingUp, ""
	case charter.Rules != n.Rules:
		return Differs, fmt.Sprintf("the program or configuration here decides by other rules (%s) than the cluster (%s): it visits nobody and folds nothing. "+
			"Give all nodes the same version, stories and public_url; \"sangam cluster adopt\" makes those of this node the cluster's", n.Rules, charter.Rules)
	case charter.Config != n.Config():
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
	state, err := n.look(ctx, eng)
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
		// First this: whoever has a seed in the log must be known to follow it.
		if err := n.Store.Follow(ctx, storage.Position{Log: eng.identity}); err != nil {
			return err
		}
	}
	if state.LastSeq == 0 {
		err = n.sow(ctx, eng)
	} else if pos.Seq == 0 {
		err = n.begins(ctx, eng, state)
	}
	if err != nil {
		return err
	}
	return n.takeSnapshot(ctx, eng)
}

// sow writes the first entry of a log that begins with what the store holds.
func (n *Node) sow(ctx context.Context, eng *engine) error {
	e, err := n.ownCharter(ctx)
	if err != nil {
		return err
	}
	if e.Charter.Seed, err = n.digest(ctx); err != nil {
		return err
	}
	seq, err := n.appendEntry(ctx, nuid.Next(), e, jetstream.WithExpectLastSequence(0))
	if err != nil {
		return err
	}
	_, err = n.Store.Fold(ctx, eng.identity, []storage.Step{e.step(seq)})
	return err
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
