package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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
	// ahead is how many messages, and how many bytes of them, are asked of the engine at once.
	ahead, aheadBytes = 256, 16 << 20
	// foldWait is how long a caller waits for its entry to be folded here. It is in the log by
	// then: whoever cannot fold it now will later.
	foldWait = 30 * time.Second
	// foldRetry is how long to wait when the store cannot take an entry: a full disk, say.
	foldRetry = time.Second
	// shortestHeartbeat is the least the client takes.
	shortestHeartbeat = 500 * time.Millisecond
)

// notYet says why nothing can be written to the log.
func (n *Node) notYet() error {
	s := n.Standing()
	return fmt.Errorf("this node is no part of the cluster: %s: %s", s.Phase, cmp.Or(s.Problem, "try again later"))
}

// part reports whether what this node writes is what the cluster's nodes decide by.
func (n *Node) part() bool {
	charter := n.inForce()
	switch n.Standing().Phase {
	case Joined, Differs, CatchingUp:
		return charter != nil && charter.Rules == n.Rules
	}
	return false
}

// Merge has a batch logged, and returns what came of it once it is folded here. It is then as
// safe as the engine makes it; if folding takes very long the report is empty.
func (n *Node) Merge(ctx context.Context, b feed.Batch) (feed.Report, error) {
	report, err := n.write(ctx, &entry{Batch: &batch{At: b.At, Outlet: b.Outlet, State: b.State, Items: b.Items}})
	if err != nil {
		return feed.Report{}, fmt.Errorf("log the visit of %s: %w", b.Outlet.ID, err)
	}
	return report, nil
}

// Rule has a verdict of the operator logged, and returns once it is folded here.
func (n *Node) Rule(ctx context.Context, r storage.Ruled) error {
	if _, err := n.write(ctx, &entry{Ruling: &r}); err != nil {
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

// write appends an entry, waits until it is folded here, and returns what came of that.
func (n *Node) write(ctx context.Context, e *entry) (feed.Report, error) {
	if !n.part() {
		return feed.Report{}, n.notYet()
	}
	id := nuid.Next()
	done := make(chan storage.Folded, 1)
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
		return feed.Report{}, err
	}
	t := time.NewTimer(foldWait)
	defer t.Stop()
	select {
	case f := <-done:
		return f.Report, f.Err
	case <-t.C:
		n.Log.Warn("cluster: an entry is in the log, but folding it here takes long", "entry", seq)
		return feed.Report{}, nil
	case <-ctx.Done():
		return feed.Report{}, ctx.Err()
	}
}

// appendEntry writes an entry to the log, in several messages if it is large. It returns when
// the majority has it; it is written once, however often it must be offered.
func (n *Node) appendEntry(ctx context.Context, id string, e *entry, more ...jetstream.PublishOpt) (uint64, error) {
	eng := n.engine.Load()
	if eng == nil {
		return 0, n.notYet()
	}
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	e.Node, e.Rules = n.Node, n.Rules
	if charter := n.inForce(); charter != nil {
		e.Rules = charter.Rules
	}
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
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	eng := n.engine.Load()
	c, err := eng.log.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: n.applied.Load() + 1,
	})
	if err != nil {
		pause(ctx, time.Second)
		return n.explain("read the log", err)
	}
	in := &reader{node: n, eng: eng, next: n.applied.Load() + 1, out: make(chan logged, mostSteps), broken: make(chan error, 1)}
	n.inHand.Store(&in.inHand)
	consuming, err := c.Consume(func(m jetstream.Msg) { in.take(ctx, m) },
		jetstream.PullMaxMessagesWithBytesLimit(ahead, aheadBytes),
		jetstream.PullHeartbeat(max(n.Beat/2, shortestHeartbeat)),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) { n.Log.Debug("cluster: reading the log", "err", err) }))
	if err != nil {
		return n.explain("read the log", err)
	}
	defer stopSoon(consuming)
	ended := consuming.Closed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-in.broken:
			return err
		case <-n.stalled:
			return errStalled
		case <-ended:
			return errStalled
		case first := <-in.out:
			group := gather(first, in.out)
			if err := n.fold(ctx, eng, group); err != nil {
				return err
			}
			in.inHand.Add(-int32(len(group)))
		}
	}
}

// stopTime is how long the client may take to stop reading.
const stopTime = time.Second

// stopSoon has the client stop reading. While no majority answers it holds on to its last request, for
// up to twenty seconds: nobody waits for that, it ends by itself.
func stopSoon(consuming jetstream.ConsumeContext) {
	stopped := make(chan struct{})
	go func() { defer close(stopped); consuming.Stop() }()
	select {
	case <-stopped:
	case <-time.After(stopTime):
	}
}

// gather takes what has been read already, to share a transaction.
func gather(first logged, read <-chan logged) []logged {
	group := []logged{first}
	for len(group) < mostSteps {
		select {
		case l := <-read:
			group = append(group, l)
		default:
			return group
		}
	}
	return group
}

// A reader hands on the entries of the log, each once, in order and without a gap.
type reader struct {
	node   *Node
	eng    *engine
	out    chan logged
	broken chan error // why it cannot go on; holds one

	inHand atomic.Int32 // what has come and is not folded: as long as there is something, nothing has stalled

	mu   sync.Mutex // the client, when it begins anew, may come twice at once
	next uint64     // which entry is to come
}

// take reads one message of the log and hands it on.
func (r *reader) take(ctx context.Context, m jetstream.Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	meta, err := m.Metadata()
	if err != nil {
		r.end(fmt.Errorf("read the log: %w", err))
		return
	}
	switch seq := meta.Sequence.Stream; {
	case seq < r.next: // the client has begun anew
		return
	case seq > r.next:
		r.node.stuck.Store(true)
		r.end(refuse("entry %d of the log is no longer there, the next is %d: this node starts from a snapshot as soon as there is a newer one", r.next, seq))
		return
	}
	r.inHand.Add(1)
	l, err := r.node.read(ctx, r.eng, meta.Sequence.Stream, m)
	if err != nil {
		r.end(err)
		return
	}
	r.next++
	select {
	case r.out <- l:
	case <-ctx.Done():
	}
}

func (r *reader) end(err error) {
	select {
	case r.broken <- err:
	default:
	}
}

// read makes an entry of a message, with its parts if it has some.
func (n *Node) read(ctx context.Context, eng *engine, seq uint64, m jetstream.Msg) (logged, error) {
	l := logged{seq: seq, id: m.Headers().Get(nats.MsgIdHdr)}
	if m.Subject() == n.logSubject(kindPart) {
		return l, nil
	}
	data, err := n.whole(ctx, eng, m)
	if err != nil {
		return l, fmt.Errorf("read entry %d of the log: %w", seq, err)
	}
	if l.entry, err = unpack(data); err != nil {
		return l, refuse("entry %d cannot be read, a newer version may have written it: %w", seq, err)
	}
	return l, nil
}

// whole is the text of an entry, put together of its parts.
func (n *Node) whole(ctx context.Context, eng *engine, m jetstream.Msg) ([]byte, error) {
	list := m.Headers().Get(partsHeader)
	if list == "" {
		return m.Data(), nil
	}
	var data []byte
	for _, text := range strings.Split(list, ",") {
		seq, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("it names a part %q", text)
		}
		part, err := eng.log.GetMsg(ctx, seq)
		for try := 1; err != nil && try < tries && ctx.Err() == nil; try++ { // the servers may be choosing a leader
			pause(ctx, between)
			part, err = eng.log.GetMsg(ctx, seq)
		}
		if err != nil {
			return nil, fmt.Errorf("its part %d: %w", seq, err)
		}
		data = append(data, part.Data...)
	}
	return append(data, m.Data()...), nil
}

// errVoid is what comes of an entry whose writer did not know the charter in force: nothing, in any store.
var errVoid = errors.New("it was written under other rules than those in force: it is void")

// fold takes entries into the store and tells who waits for them. An entry that is to be
// decided by other rules than this node's ends it, with what came before folded.
func (n *Node) fold(ctx context.Context, eng *engine, group []logged) error {
	var rules string // in force
	if charter := n.inForce(); charter != nil {
		rules = charter.Rules
	}
	var otherwise error
	steps, void := make([]storage.Step, len(group)), make([]bool, len(group))
	for i, l := range group {
		steps[i].Seq = l.seq
		if l.entry == nil {
			continue
		}
		if void[i] = rules != "" && l.entry.Rules != rules; void[i] {
			continue
		}
		if rules = l.entry.Rules; l.entry.Charter != nil {
			rules = l.entry.Charter.Rules
		}
		if rules != n.Rules {
			otherwise = n.otherRules(l.seq, l.entry.Node, rules)
			n.stuck.Store(true)
			group, steps = group[:i], steps[:i]
			break
		}
		steps[i] = l.entry.step(l.seq)
	}
	if len(group) == 0 {
		return otherwise
	}
	results, err := n.foldPatiently(ctx, eng.identity, steps)
	if err != nil {
		return err
	}
	for i := range results {
		if void[i] {
			results[i].Err = errVoid
		}
	}
	n.applied.Store(group[len(group)-1].seq)
	n.tell(group, steps, results)
	n.observe(group, void)
	return otherwise
}

func (n *Node) otherRules(seq uint64, writer, rules string) error {
	return refuse("from entry %d on, written by %s, the log is to be decided by rules %s; this program and configuration have %s. "+
		"Give all nodes the same version and the same stories and public_url; \"sangam cluster adopt\" makes those of a node the cluster's",
		seq, writer, rules, n.Rules)
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
			done <- results[i]
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
func (n *Node) observe(group []logged, void []bool) {
	for i, l := range group {
		if l.entry != nil && l.entry.Charter != nil && !void[i] {
			n.underCharter(l.entry.Charter)
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
		if phase == CatchingUp {
			return // to the first entry
		}
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
