package cluster

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"sangam/feed"
	"sangam/storage"
)

const (
	// partsHeader names the messages that hold the first parts of an entry, in order.
	partsHeader = "Sangam-Parts"
	// tries and between are how long an entry is offered to an engine that does not answer:
	// shorter than the engine remembers message ids, so that it is never written twice.
	tries   = 8
	between = 500 * time.Millisecond
	// mostSteps is how many entries share a transaction: it bounds the dirty pages.
	mostSteps = 32
	// ahead is how many entries are read from the engine before they are folded.
	ahead = 256
	// foldWait is how long a caller waits for its entry to be folded here. It is in the log by
	// then: whoever cannot fold it now will later.
	foldWait = 30 * time.Second
	// foldRetry is how long to wait when the store cannot take an entry: a full disk, say.
	foldRetry = time.Second
	// shortestHeartbeat is the least the client takes.
	shortestHeartbeat = 500 * time.Millisecond
)

// errNotYet says that the cluster has not been joined, so nothing can be written to its log.
var errNotYet = errors.New("the cluster has not been joined")

// Merge has a batch logged, and returns what came of it once it is folded here. It is then as
// safe as the engine makes it; if folding takes very long the report is empty.
func (n *Node) Merge(ctx context.Context, b feed.Batch) (feed.Report, error) {
	done, err := n.write(ctx, &entry{Batch: &batch{At: b.At, Outlet: b.Outlet, State: b.State, Items: b.Items}})
	if err == nil {
		err = done.result.Err
	}
	if err != nil {
		return feed.Report{}, fmt.Errorf("log the visit of %s: %w", b.Outlet.ID, err)
	}
	return done.result.Report, nil
}

// Rule has a verdict of the operator logged, and returns once it is folded here.
func (n *Node) Rule(ctx context.Context, r storage.Ruled) error {
	done, err := n.write(ctx, &entry{Ruling: &r})
	if err == nil {
		err = done.result.Err
	}
	if err != nil {
		return fmt.Errorf("rule on %s and %s: %w", r.A, r.B, err)
	}
	return nil
}

// Tell has the list of outlets logged, for all nodes.
func (n *Node) Tell(ctx context.Context, outlets []feed.Outlet) error {
	_, err := n.write(ctx, &entry{Outlets: &storage.Roll{Outlets: outlets}})
	return err
}

// Purge deletes everything of a source on all nodes, and returns how many items that were.
func (n *Node) Purge(ctx context.Context, source string) (items int64, err error) {
	for {
		d, err := n.Store.ItemsOf(ctx, source)
		if err != nil {
			return items, err
		}
		if d.Empty() {
			break
		}
		if _, err := n.write(ctx, &entry{Delete: &d}); err != nil {
			return items, fmt.Errorf("purge %s: %w", source, err)
		}
		items += int64(len(d.Items))
	}
	if _, err := n.write(ctx, &entry{Forget: source}); err != nil {
		return items, fmt.Errorf("purge %s: %w", source, err)
	}
	return items, nil
}

// write appends an entry and waits until it is folded here.
func (n *Node) write(ctx context.Context, e *entry) (folded, error) {
	id := nuid.Next()
	done := make(chan folded, 1)
	n.mu.Lock()
	n.waiting[id] = done
	n.mu.Unlock()
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.waiting, id)
	}()
	seq, err := n.appendEntry(ctx, id, e)
	if err != nil {
		return folded{}, err
	}
	t := time.NewTimer(foldWait)
	defer t.Stop()
	select {
	case f := <-done:
		return f, nil
	case <-t.C:
		n.Log.Warn("cluster: an entry is in the log, but folding it here takes long", "entry", seq)
		return folded{seq: seq}, nil
	case <-ctx.Done():
		return folded{}, ctx.Err()
	}
}

// appendEntry writes an entry to the log, in several messages if it is large. It returns when
// the majority has it; it is written once, however often it must be offered.
func (n *Node) appendEntry(ctx context.Context, id string, e *entry, more ...jetstream.PublishOpt) (uint64, error) {
	eng := n.engine.Load()
	if eng == nil {
		return 0, errNotYet
	}
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	e.Node, e.Rules = n.Node, n.Rules
	data, err := e.pack()
	if err != nil {
		return 0, err
	}
	var parts []string
	for ; len(data) > eng.largest; data = data[eng.largest:] {
		part := nats.NewMsg(n.logSubject(kindPart))
		part.Data = data[:eng.largest]
		seq, err := n.publish(ctx, part, fmt.Sprint(id, "-", len(parts)))
		if err != nil {
			return 0, err
		}
		parts = append(parts, strconv.FormatUint(seq, 10))
	}
	msg := nats.NewMsg(n.logSubject(e.kind()))
	msg.Data = data
	if len(parts) > 0 {
		msg.Header.Set(partsHeader, strings.Join(parts, ","))
	}
	return n.publish(ctx, msg, id, more...)
}

// publish offers a message to the log until the majority has it.
func (n *Node) publish(ctx context.Context, msg *nats.Msg, id string, more ...jetstream.PublishOpt) (uint64, error) {
	opts := append([]jetstream.PublishOpt{jetstream.WithMsgID(id), jetstream.WithExpectStream(n.logStream())}, more...)
	for try := 1; ; try++ {
		ack, err := n.js.PublishMsg(ctx, msg, opts...)
		if err == nil {
			return ack.Sequence, nil
		}
		var api *jetstream.APIError
		if ctx.Err() != nil || try == tries || errors.As(err, &api) && api.Code < 500 {
			return 0, fmt.Errorf("write to the log: %w", err)
		}
		pause(ctx, between)
	}
}

// logged is an entry on its way from the log into the store.
type logged struct {
	seq   uint64
	id    string
	entry *entry // nil = a part of another, or nothing of ours
}

// tail folds the log into the store, from where the store is, until ctx ends or something is
// wrong with it.
func (n *Node) tail(ctx context.Context) error {
	for {
		err := n.tailOnce(ctx)
		if !errors.Is(err, errStalled) {
			return err
		}
		n.Log.Warn("cluster: the log does not come though there is more of it; asking for it anew", "entry", n.applied.Load())
	}
}

// errStalled says that the log has more entries, and none comes: the server that sent it is lost.
var errStalled = errors.New("the log does not come")

func (n *Node) tailOnce(ctx context.Context) error {
	eng := n.engine.Load()
	begin := n.applied.Load()
	c, err := eng.log.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: begin + 1,
	})
	if err != nil {
		if ctx.Err() == nil {
			pause(ctx, time.Second)
		}
		return n.explain("read the log", err)
	}
	read := make(chan logged, ahead)
	broken := make(chan error, 1)
	consuming, err := c.Consume(func(m jetstream.Msg) {
		l, err := n.read(ctx, eng, m)
		if err != nil {
			select {
			case broken <- err:
			default:
			}
			return
		}
		select {
		case read <- l:
		case <-ctx.Done():
		}
	}, jetstream.PullMaxMessages(ahead), jetstream.PullHeartbeat(max(n.Beat/2, shortestHeartbeat)), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
		n.Log.Debug("cluster: reading the log", "err", err)
	}))
	if err != nil {
		return n.explain("read the log", err)
	}
	defer consuming.Stop()
	ended := consuming.Closed()
	next := begin + 1
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-broken:
			return err
		case <-n.stalled:
			return errStalled
		case <-ended:
			return errStalled
		case first := <-read:
			if first.seq < next { // after a reset of the consumer
				continue
			}
			group := gather(first, read)
			if err := n.fold(ctx, eng, group); err != nil {
				return err
			}
			next = group[len(group)-1].seq + 1
		}
	}
}

// gather takes what has been read already, to share a transaction.
func gather(first logged, read <-chan logged) []logged {
	group := []logged{first}
	for len(group) < mostSteps {
		select {
		case l := <-read:
			if l.seq > group[len(group)-1].seq {
				group = append(group, l)
			}
		default:
			return group
		}
	}
	return group
}

// read makes an entry of a message, with its parts if it has some.
func (n *Node) read(ctx context.Context, eng *engine, m jetstream.Msg) (logged, error) {
	meta, err := m.Metadata()
	if err != nil {
		return logged{}, fmt.Errorf("read the log: %w", err)
	}
	l := logged{seq: meta.Sequence.Stream, id: m.Headers().Get(nats.MsgIdHdr)}
	if m.Subject() == n.logSubject(kindPart) {
		return l, nil
	}
	data := m.Data()
	if list := m.Headers().Get(partsHeader); list != "" {
		var whole []byte
		for _, text := range strings.Split(list, ",") {
			seq, err := strconv.ParseUint(text, 10, 64)
			if err != nil {
				return l, fmt.Errorf("entry %d of the log names a part %q", l.seq, text)
			}
			part, err := eng.log.GetMsg(ctx, seq)
			if err != nil {
				return l, fmt.Errorf("read part %d of entry %d of the log: %w", seq, l.seq, err)
			}
			whole = append(whole, part.Data...)
		}
		data = append(whole, data...)
	}
	if l.entry, err = unpack(data); err != nil {
		return l, refuse("entry %d cannot be read, a newer version may have written it: %w", l.seq, err)
	}
	return l, nil
}

// fold takes entries into the store and tells who waits for them. An entry that is to be
// decided by other rules ends it, with what came before folded.
func (n *Node) fold(ctx context.Context, eng *engine, group []logged) error {
	var otherwise error
	for i, l := range group {
		if l.entry != nil && l.entry.Rules != n.Rules {
			otherwise = n.otherRules(l)
			n.stuck.Store(true)
			group = group[:i]
			break
		}
	}
	if len(group) == 0 {
		return otherwise
	}
	steps := make([]storage.Step, len(group))
	for i, l := range group {
		if steps[i].Seq = l.seq; l.entry != nil {
			steps[i] = l.entry.step(l.seq)
		}
	}
	results, err := n.foldPatiently(ctx, eng.identity, steps)
	if err != nil {
		return err
	}
	n.applied.Store(group[len(group)-1].seq)
	n.tell(group, steps, results)
	n.observe(group)
	return otherwise
}

func (n *Node) otherRules(l logged) error {
	return refuse("from entry %d on, written by %s, the log is to be decided by rules %s; this program and configuration have %s. "+
		"Give all nodes the same version and the same stories and public_url; \"sangam cluster adopt\" makes those of a node the cluster's",
		l.seq, l.entry.Node, l.entry.Rules, n.Rules)
}

// foldPatiently tries until the store can take the steps: it may be full for a while.
func (n *Node) foldPatiently(ctx context.Context, log string, steps []storage.Step) ([]storage.Folded, error) {
	for {
		results, err := n.Store.Fold(ctx, log, steps)
		if err == nil {
			return results, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		n.Log.Error("cluster: the store cannot take what the log says; trying again", "err", err)
		n.set(func(s *Standing) { s.Phase, s.Problem = CatchingUp, err.Error() })
		pause(ctx, foldRetry)
	}
}

// tell tells those who wait for entries, or for a batch of a source.
func (n *Node) tell(group []logged, steps []storage.Step, results []storage.Folded) {
	for i, l := range group {
		b := steps[i].Batch
		if b != nil && !results[i].Known && n.Folded != nil {
			n.Folded(*b, results[i].Report)
		}
		if results[i].Err != nil {
			n.Log.Warn("cluster: an entry of the log was passed over", "entry", l.seq, "from", l.entry.Node, "err", results[i].Err)
		}
		n.mu.Lock()
		if done := n.waiting[l.id]; done != nil && l.entry != nil {
			delete(n.waiting, l.id)
			done <- folded{l.seq, results[i]}
		}
		if b != nil {
			for _, c := range n.watched[b.Outlet.ID] {
				select {
				case c <- struct{}{}:
				default:
				}
			}
		}
		n.mu.Unlock()
	}
}

// observe follows what the log says of the cluster itself.
func (n *Node) observe(group []logged) {
	for _, l := range group {
		if l.entry != nil && l.entry.Charter != nil {
			n.underCharter(*l.entry.Charter)
		}
	}
	n.arrive()
}

// arrive notes that the node has caught up, if it has.
func (n *Node) arrive() {
	n.mu.Lock()
	s := n.stand
	n.mu.Unlock()
	if s.Phase == CatchingUp && n.applied.Load() >= s.Last {
		phase, problem := n.phase()
		n.set(func(s *Standing) { s.Phase, s.Problem = phase, problem })
		n.Log.Info("cluster: caught up with the log", "entry", n.applied.Load(), "phase", string(phase))
	}
}

// reached waits until the store has folded the log that far.
func (n *Node) reached(ctx context.Context, seq uint64) error {
	for n.applied.Load() < seq {
		if err := ctx.Err(); err != nil {
			return err
		}
		pause(ctx, 5*time.Millisecond)
	}
	return nil
}
