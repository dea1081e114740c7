// Package cluster shares the work of one daemon among several machines. An engine that is
// not ours, NATS JetStream, does what is hard: it replicates, elects leaders and holds leases. This
// package only says what goes through it:
//
//	visits    a work-queue stream. Every node runs the schedule and offers the visits that
//	          are due; the engine keeps one, and gives it to one worker at a time. There is one
//	          subject per registrable domain, with room for one message: as long as that is
//	          neither done nor given up, nobody visits the domain.
//	log       one ordered stream of everything that changes stories: batches, the list of
//	          outlets, verdicts, what is not kept any more, and charters. Every node folds
//	          it into its own store, with the position in the same transaction, and serves
//	          all readers from there.
//	snapshots an object store with backups of the store, from which a new node starts.
//	records   a bucket of what nodes must know besides: who subscribed to our feeds.
//	nodes     a bucket in which every node says how it fares.
//
// A charter says by what rules and which configuration the nodes decide. A node that would decide
// differently folds nothing and visits nobody, and says so.
//
// The package deliberately does not know how a visit is made, what a story is, nor what a
// configuration holds: those come as functions and digests. It is the only one that knows NATS.
package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"sangam/feed"
	"sangam/storage"
)

// Options say what a node is and what it works with. All without a default are required.
type Options struct {
	URLs     []string // of the engine's servers
	Name     string   // of the cluster, part of every stream's name
	Node     string   // of this node, unique among the nodes
	Replicas int      // on how many servers everything is kept

	Credentials          string // the text of a .creds file; "" = none
	CA, Certificate, Key string // PEM; "" = the machine's, none
	Monitors             []string
	Keep                 time.Duration // of the log
	Snapshot             time.Duration // from one to the next

	Rules   string // digest of all by which stories are decided
	Version string // of the program, for people
	Place   string // machine and file of the store: whoever has it open now is the only one

	Store   *storage.DB
	Dir     string // for files on their way; on the store's file system
	Workers int    // visits at once

	// Config is the digest of the configuration in force.
	Config func() string
	// Outlets are the configured outlets, as the store should know them.
	Outlets func(context.Context) ([]feed.Outlet, error)
	// Kept says what is kept at the moment: items of that age, and so many per source.
	Kept func() (age time.Duration, perSource int)
	// Visit makes the visit, if it is still to be made, and has what it brought logged by
	// Merge. The domain is to be left alone until the time returned. An error means that
	// somebody should try again.
	Visit func(context.Context, Job) (rest time.Time, err error)
	// Errand does what another node, or this one, was sent on by Send; nil: nobody is.
	Errand func(ctx context.Context, name string) error
	// Record is told of every record that Change changed; a text of nil says that it is gone. Nil:
	// there are none.
	Record func(key string, text []byte)
	// Folded is told of every batch that the store has taken, whoever made the visit; may be nil.
	Folded func(feed.Batch, feed.Report)
	Log    *slog.Logger

	// Lease is how long a worker that says nothing keeps a visit. Default 30 s.
	Lease time.Duration
	// Beat is how often a node says how it fares. Default 5 s.
	Beat time.Duration
}

// A Node is this daemon's part in a cluster. Its methods may be called from many goroutines at once.
type Node struct {
	Options
	id string // of this run of it
	nc *nats.Conn
	js jetstream.JetStream

	engine atomic.Pointer[engine] // nil until it is set up

	mu      sync.Mutex
	stand   Standing
	changed chan struct{}                    // closed and replaced when stand changes
	charter *Charter                         // in force; nil until known
	waiting map[string]chan<- storage.Folded // by message id: who waits for what became of it
	watched map[string][]chan struct{}       // by source: who waits for a batch of it
	left    sync.Once

	resting sync.WaitGroup // domains that are left alone before they are given free
	leaving chan struct{}  // closed by Leave
	stopped chan struct{}  // closed when Run has ended its work
	stuck   atomic.Bool    // what comes next in the log cannot be folded here
	told    struct {       // failed's own
		problem string // that it had last
		at      time.Time
	}

	inHand   atomic.Pointer[atomic.Int32] // how many entries have come and are not folded
	stalled  chan struct{}                // holds a word when the log does not come
	lastBeat uint64                       // what was applied at the last beat; beat's own

	applied atomic.Uint64 // the last entry folded
	beaten  atomic.Int64  // when the engine's majority last answered, Unix nanoseconds
}

// Phase is where a node stands.
type Phase string

// The phases.
const (
	Connecting Phase = "connecting"  // the engine has not answered yet, or not any more
	Refused    Phase = "refused"     // Standing.Problem says why it may not join
	CatchingUp Phase = "catching up" // it reads what it has missed
	Joined     Phase = "joined"
	Differs    Phase = "differs" // it folds and serves, but its configuration is not the cluster's: it visits nobody
	Left       Phase = "left"
)

// Standing is how a node stands to its cluster.
type Standing struct {
	Phase   Phase  `json:"phase"`
	Problem string `json:"problem,omitempty"`
	Log     string `json:"log,omitempty"` // which one
	Applied uint64 `json:"applied"`       // the last entry of the log that is in the store
	Last    uint64 `json:"last"`          // the last entry of the log, as last heard
	// Heard is when the majority of the engine's servers last answered; zero = never.
	Heard    time.Time `json:"heard,omitzero"`
	Warnings []string  `json:"warnings,omitempty"` // of the engine's setup
}

const (
	defaultLease = 30 * time.Second
	defaultBeat  = 5 * time.Second
	// staleBeats is how many beats may fail before a node calls itself cut off.
	staleBeats = 3
	// longestWait is between two tries to join.
	longestWait = 5 * time.Second
	// callTimeout bounds one request to the engine.
	callTimeout = 10 * time.Second
)

// New returns a node that does nothing yet. The error is a mistake in the options; that the
// engine is out of reach is none: Run keeps trying.
func New(o Options) (*Node, error) {
	if o.Lease == 0 {
		o.Lease = defaultLease
	}
	if o.Beat == 0 {
		o.Beat = defaultBeat
	}
	n := &Node{
		Options: o, id: nats.NewInbox()[len(nats.InboxPrefix):], changed: make(chan struct{}), stand: Standing{Phase: Connecting},
		waiting: map[string]chan<- storage.Folded{}, watched: map[string][]chan struct{}{},
		stalled: make(chan struct{}, 1), leaving: make(chan struct{}), stopped: make(chan struct{}),
	}
	nc, err := connect(o)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	n.nc = nc
	if n.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(callTimeout)); err != nil {
		nc.Close()
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return n, nil
}

// connect dials the engine, again and again if need be.
func connect(o Options) (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name("sangam " + o.Node), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Second), nats.ReconnectJitter(time.Second, time.Second), nats.Timeout(5 * time.Second),
		nats.PingInterval(5 * time.Second), nats.MaxPingsOutstanding(2), // a peer that froze is noticed within a lease
		nats.ReconnectBufSize(-1), // what cannot be sent now is an error now
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn("cluster: the connection was lost", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { o.Log.Info("cluster: connected again", "server", nc.ConnectedServerName()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { o.Log.Debug("cluster: connection", "err", err) }),
	}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentialBytes([]byte(o.Credentials)))
	}
	if o.CA != "" || o.Certificate != "" {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if o.CA != "" {
			conf.RootCAs = x509.NewCertPool()
			if !conf.RootCAs.AppendCertsFromPEM([]byte(o.CA)) {
				return nil, errors.New("tls.ca holds no certificate")
			}
		}
		if o.Certificate != "" {
			pair, err := tls.X509KeyPair([]byte(o.Certificate), []byte(o.Key))
			if err != nil {
				return nil, fmt.Errorf("tls.cert: %w", err)
			}
			conf.Certificates = []tls.Certificate{pair}
		}
		options = append(options, nats.Secure(conf))
	}
	return nats.Connect(strings.Join(o.URLs, ","), options...)
}

// Close ends the connection. Run must have returned.
func (n *Node) Close() { n.nc.Close() }

// Run joins the cluster and works in it until ctx ends. Whatever is wrong goes to the log
// and into the Standing, and it tries again: readers are served meanwhile.
func (n *Node) Run(ctx context.Context) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-n.leaving:
			cancel()
		case <-working.Done():
		}
	}()
	n.persist(working)
	n.resting.Wait()
	close(n.stopped)
	<-ctx.Done()
	return nil
}

// persist joins and works, again and again until ctx ends.
func (n *Node) persist(ctx context.Context) {
	for wait := time.Second; ; wait = min(2*wait, longestWait) {
		began := time.Now()
		err := n.join(ctx)
		if err == nil {
			err = n.work(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		n.failed(err)
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		pause(ctx, wait)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// A refusal is why a node may not join, or not go on. What is wrong must be set right by a person.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

// failed notes why the node is not working, and logs it once.
func (n *Node) failed(err error) {
	phase := Connecting
	if errors.As(err, new(refusal)) {
		phase = Refused
	}
	n.set(func(s *Standing) { s.Phase, s.Problem = phase, err.Error() })
	if n.told.problem != err.Error() || time.Since(n.told.at) > time.Minute { // else it goes on
		n.Log.Error("cluster: not joined", "phase", string(phase), "problem", err.Error())
	}
	n.told.problem, n.told.at = err.Error(), time.Now()
}

// set changes the standing and wakes who waits for that.
func (n *Node) set(change func(*Standing)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(&n.stand)
	close(n.changed)
	n.changed = make(chan struct{})
}

// Standing is how the node stands now.
func (n *Node) Standing() Standing {
	n.mu.Lock()
	s := n.stand
	n.mu.Unlock()
	s.Applied = n.applied.Load()
	if ns := n.beaten.Load(); ns != 0 {
		s.Heard = time.Unix(0, ns).UTC()
	}
	return s
}

// Stale is how long ago the node last heard from the majority, if that is too long; else 0.
// What it serves may be old.
func (n *Node) Stale() time.Duration {
	s := n.Standing()
	if s.Heard.IsZero() {
		return 0 // Ready says it
	}
	if age := time.Since(s.Heard); age > staleBeats*n.Beat {
		return age
	}
	return 0
}

// Ready is nil when the node has folded all that there was and hears from the majority;
// else it says what is missing.
func (n *Node) Ready() error {
	s := n.Standing()
	switch age := n.Stale(); {
	case s.Phase != Joined && s.Problem != "":
		return fmt.Errorf("cluster: %s: %s", s.Phase, s.Problem)
	case s.Phase == CatchingUp:
		return fmt.Errorf("cluster: catching up: %d of %d entries of the log", s.Applied, s.Last)
	case s.Phase != Joined:
		return fmt.Errorf("cluster: %s", s.Phase)
	case age > 0:
		return fmt.Errorf("cluster: cut off for %s: what is served may be old", age.Round(time.Second))
	}
	return nil
}

// open reports whether visits may be offered and made.
func (n *Node) open() bool { return n.Standing().Phase == Joined && n.Stale() == 0 }

// whenOpen waits until open.
func (n *Node) whenOpen(ctx context.Context) error {
	for !n.open() {
		n.mu.Lock()
		changed := n.changed
		n.mu.Unlock()
		t := time.NewTimer(n.Beat)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-t.C:
		}
		t.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// work does everything side by side until one of it ends.
func (n *Node) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.tail(ctx) })
	g.Go(func() error { return n.beat(ctx) })
	g.Go(func() error { return n.chores(ctx) })
	g.Go(func() error { return n.watchRecords(ctx) })
	for range max(1, n.Workers) {
		g.Go(func() error { return n.labour(ctx) })
	}
	err := g.Wait()
	if err == nil {
		err = context.Cause(ctx)
	}
	return err
}
