package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// NodeInfo is what a node says of itself.
type NodeInfo struct {
	Node    string    `json:"node"`
	Run     string    `json:"run"` // another for each start
	Place   string    `json:"place,omitempty"`
	Version string    `json:"version"`
	Rules   string    `json:"rules"`
	Config  string    `json:"config"`
	Phase   Phase     `json:"phase"`
	Problem string    `json:"problem,omitempty"`
	Applied uint64    `json:"applied"`
	At      time.Time `json:"at"`
	Leaving bool      `json:"leaving,omitempty"`
}

// Status is how a cluster fares, as one node sees it.
type Status struct {
	Here      Standing       `json:"here"`
	Stale     string         `json:"stale,omitempty"`
	Charter   *Charter       `json:"charter,omitempty"`
	Nodes     []NodeInfo     `json:"nodes,omitempty"`
	Log       StreamStatus   `json:"log"`
	Visits    VisitStatus    `json:"visits"`
	Snapshots []SnapshotInfo `json:"snapshots,omitempty"` // the newest first
	Problems  []string       `json:"problems,omitempty"`  // what could not be asked
}

// StreamStatus is how the log fares.
type StreamStatus struct {
	First    uint64   `json:"first"`
	Last     uint64   `json:"last"`
	Bytes    uint64   `json:"bytes"`
	Leader   string   `json:"leader,omitempty"`
	Replicas []string `json:"replicas,omitempty"` // the others, with what is wrong with them
}

// VisitStatus is how many visits wait and are being made.
type VisitStatus struct {
	Waiting uint64 `json:"waiting"`
	Making  int    `json:"making"`
}

// beat tells the others how this node fares, which also proves that the majority answers, and
// finds out how long the log is.
func (n *Node) beat(ctx context.Context) error {
	eng := n.engine.Load()
	tick := time.NewTicker(n.Beat)
	defer tick.Stop()
	n.lastBeat = math.MaxUint64 // there was none: nothing has stalled yet
	for failures := 0; ; {
		err := n.beatOnce(ctx, eng)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			failures = 0
		default:
			if failures++; failures == staleBeats {
				n.Log.Error("cluster: cut off from the majority of the servers; what is served may be old, nobody is visited", "err", err)
				n.set(func(*Standing) {})
			}
			if errors.As(err, new(refusal)) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (n *Node) beatOnce(ctx context.Context, eng *engine) error {
	ctx, cancel := context.WithTimeout(ctx, max(n.Beat, time.Second))
	defer cancel()
	if err := n.say(ctx, eng, false); err != nil {
		return err
	}
	info, err := eng.log.Info(ctx)
	if err != nil {
		return err
	}
	if info.Config.Metadata[identityKey] != eng.identity {
		return refuse("the log was deleted and made anew while this node ran")
	}
	was := n.Stale() > 0
	n.beaten.Store(time.Now().UnixNano())
	if was {
		n.Log.Info("cluster: the majority of the servers answers again")
	}
	before := n.Standing()
	if before.Applied < before.Last && before.Applied == n.lastBeat && n.idle() {
		select {
		case n.stalled <- struct{}{}:
		default:
		}
	}
	n.lastBeat = before.Applied
	// Whoever has not read what was there one beat ago lags.
	if (before.Phase == Joined || before.Phase == Differs) && before.Applied < before.Last {
		n.Log.Warn("cluster: this node lags behind the log", "entry", before.Applied, "of", info.State.LastSeq)
		n.set(func(s *Standing) { s.Phase, s.Last = CatchingUp, info.State.LastSeq })
		return nil
	}
	n.set(func(s *Standing) { s.Last = info.State.LastSeq })
	n.arrive()
	return nil
}

// idle reports whether nothing of the log is being read or folded.
func (n *Node) idle() bool {
	inHand := n.inHand.Load()
	return inHand == nil || inHand.Load() == 0
}

func (n *Node) say(ctx context.Context, eng *engine, leaving bool) error {
	s := n.Standing()
	text, err := json.Marshal(NodeInfo{
		Node: n.Node, Run: n.id, Place: n.Place, Version: n.Version, Rules: n.Rules, Config: n.Config(),
		Phase: s.Phase, Problem: s.Problem, Applied: s.Applied, At: time.Now().UTC(), Leaving: leaving,
	})
	if err != nil {
		return err
	}
	_, err = eng.nodes.Put(ctx, "node."+n.Node, text)
	return err
}

// info is what a node last said; nil if it has said nothing.
func (n *Node) info(ctx context.Context, eng *engine, node string) (*NodeInfo, error) {
	kv, err := eng.nodes.Get(ctx, "node."+node)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, n.explain("ask for the nodes", err)
	}
	info := &NodeInfo{}
	return info, json.Unmarshal(kv.Value(), info)
}

// Bye tells the others that this node stops, so that one of the same name may start at once.
func (n *Node) Bye() {
	if eng := n.engine.Load(); eng != nil && n.nc.IsConnected() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = n.say(ctx, eng, true) // without it the name is free after some beats
	}
}

// Status asks the engine how the cluster fares. What cannot be asked is among its problems.
func (n *Node) Status(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	st := Status{Here: n.Standing()}
	if age := n.Stale(); age > 0 {
		st.Stale = age.Round(time.Second).String()
	}
	n.mu.Lock()
	st.Charter = n.charter
	n.mu.Unlock()
	eng := n.engine.Load()
	if eng == nil {
		return st
	}
	ask := func(what string, f func() error) {
		if err := f(); err != nil {
			st.Problems = append(st.Problems, fmt.Sprintf("%s: %v", what, err))
		}
	}
	ask("nodes", func() (err error) { st.Nodes, err = n.nodes(ctx, eng); return err })
	ask("log", func() error {
		info, err := eng.log.Info(ctx)
		if err != nil {
			return err
		}
		st.Log = StreamStatus{First: info.State.FirstSeq, Last: info.State.LastSeq, Bytes: info.State.Bytes}
		if c := info.Cluster; c != nil {
			st.Log.Leader = c.Leader
			for _, r := range c.Replicas {
				st.Log.Replicas = append(st.Log.Replicas, replica(r))
			}
		}
		return nil
	})
	ask("visits", func() error {
		info, err := eng.workers.Info(ctx)
		if err == nil {
			st.Visits = VisitStatus{Waiting: info.NumPending, Making: info.NumAckPending}
		}
		return err
	})
	ask("snapshots", func() (err error) { st.Snapshots, err = n.listSnapshots(ctx, eng); return err })
	return st
}

func replica(r *jetstream.PeerInfo) string {
	switch {
	case r.Offline:
		return r.Name + " (offline)"
	case !r.Current:
		return fmt.Sprintf("%s (%d entries behind)", r.Name, r.Lag)
	}
	return r.Name
}

func (n *Node) nodes(ctx context.Context, eng *engine) ([]NodeInfo, error) {
	lister, err := eng.nodes.ListKeys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []NodeInfo
	for key := range lister.Keys() {
		name, ok := strings.CutPrefix(key, "node.")
		if !ok {
			continue
		}
		info, err := n.info(ctx, eng, name)
		if err != nil {
			return list, err
		}
		if info != nil {
			list = append(list, *info)
		}
	}
	slices.SortFunc(list, func(a, b NodeInfo) int { return cmp.Compare(a.Node, b.Node) })
	return list, nil
}

// Leave ends this node's part in the cluster: it takes no more visits, is not listed any
// more, and its store follows no log. The daemon goes on serving what it has until it is stopped.
func (n *Node) Leave(ctx context.Context) error {
	n.left.Do(func() { close(n.leaving) })
	select {
	case <-n.stopped:
	case <-ctx.Done():
		return ctx.Err()
	}
	n.set(func(s *Standing) { s.Phase, s.Problem = Left, "" })
	var err error
	if eng := n.engine.Load(); eng != nil {
		err = eng.nodes.Purge(ctx, "node."+n.Node)
	}
	if err := errors.Join(err, n.Store.Follow(ctx, noPosition)); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}
