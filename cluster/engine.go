package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// engine is what the cluster has in NATS, set up.
type engine struct {
	log       jetstream.Stream
	identity  string // of the log
	visits    jetstream.Stream
	workers   jetstream.Consumer
	nodes     jetstream.KeyValue
	snapshots jetstream.ObjectStore
	records   jetstream.KeyValue // nil = nobody wants any
	largest   int                // bytes of one message
}

// What things are called. Subjects of the log are NAME.log.KIND, of visits NAME.visit.DOMAIN.
func (o Options) logStream() string          { return o.Name + "-log" }
func (o Options) visitStream() string        { return o.Name + "-visits" }
func (o Options) nodeBucket() string         { return o.Name + "-nodes" }
func (o Options) snapshotBucket() string     { return o.Name + "-snapshots" }
func (o Options) recordBucket() string       { return o.Name + "-records" }
func (o Options) logSubject(k string) string { return o.Name + ".log." + k }
func (o Options) visitSubject(k string) string {
	return o.Name + ".visit." + k
}

const (
	workers = "workers" // the one consumer of visits
	// identityKey is where a log's stream says which log it is: a stream that was deleted
	// and made anew counts from 1 again and is another.
	identityKey = "sangam-log"
	// duplicates is how long the engine remembers message ids. Nodes whose schedules or
	// stores lag no further behind each other offer a visit only once.
	duplicates = 2 * time.Minute
	// forgetNodes is how long a node that says nothing more is still listed.
	forgetNodes = 24 * time.Hour
	// mostWaiting is how many workers of all nodes may wait for a visit at once.
	mostWaiting = 8192
	// mostMade is how many visits of all nodes may be under way, or keep their domains for a while.
	mostMade = 100_000
	// setUpTimeout bounds the making of one thing; it is tried again.
	setUpTimeout = 4 * time.Second
	// headroom is left of the engine's message limit for headers.
	headroom = 8 << 10
	// largestMessage bounds messages all the same: big ones hold others up.
	largestMessage = 512 << 10
)

// setUp makes what is not there, and brings up to date what is there otherwise.
func (n *Node) setUp(ctx context.Context) (*engine, error) {
	n.connected(ctx)
	if !n.nc.IsConnected() {
		return nil, fmt.Errorf("no server answers: %w", lastError(n.nc))
	}
	if err := soon(ctx, func(ctx context.Context) error { _, err := n.js.AccountInfo(ctx); return err }); err != nil {
		return nil, n.explain("ask for JetStream", err)
	}
	e := &engine{largest: min(int(n.nc.MaxPayload())-headroom, largestMessage)}
	var err error
	if e.log, err = n.stream(ctx, jetstream.StreamConfig{
		Name: n.logStream(), Description: "Sangam: everything that changes stories, in order", Subjects: []string{n.logSubject(">")},
		Retention: jetstream.LimitsPolicy, MaxAge: n.Keep, Storage: jetstream.FileStorage, Replicas: n.Replicas,
		Duplicates: duplicates, DenyDelete: true, MaxMsgsPerSubject: -1,
		AllowDirect: false, // a replica that lags would not have what the log names
		Metadata:    map[string]string{identityKey: nuid.Next()},
	}); err != nil {
		return nil, err
	}
	e.identity = e.log.CachedInfo().Config.Metadata[identityKey]
	if e.identity == "" {
		return nil, refuse("the stream %s is not one of Sangam's", n.logStream())
	}
	if e.visits, err = n.stream(ctx, jetstream.StreamConfig{
		Name: n.visitStream(), Description: "Sangam: visits to be made, one per domain", Subjects: []string{n.visitSubject(">")},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: n.Replicas, Duplicates: duplicates,
		MaxMsgsPerSubject: 1, MaxMsgs: -1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
	}); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		doing string
		do    func(context.Context, *engine) error
	}{
		{"set up the consumer of visits", n.setUpWorkers},
		{"set up the bucket of nodes", n.setUpNodes},
		{"set up the store of snapshots", n.setUpSnapshots},
		{"set up the bucket of records", n.setUpRecords},
	} {
		if err := soon(ctx, func(ctx context.Context) error { return part.do(ctx, e) }); err != nil {
			return nil, n.explain(part.doing, err)
		}
	}
	n.set(func(s *Standing) { s.Log, s.Warnings = e.identity, n.inspect(ctx) })
	n.engine.Store(e)
	return e, nil
}

// connected waits a while for the connection.
func (n *Node) connected(ctx context.Context) {
	for deadline := time.Now().Add(callTimeout); !n.nc.IsConnected() && time.Now().Before(deadline) && ctx.Err() == nil; {
		pause(ctx, 50*time.Millisecond)
	}
}

// soon bounds a request to servers that may have no leader yet: it is made again.
func soon(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	return ask(ctx)
}

func (n *Node) setUpWorkers(ctx context.Context, e *engine) (err error) {
	want := jetstream.ConsumerConfig{
		Durable: workers, Description: "Sangam: whoever makes visits", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: n.Lease, MaxDeliver: -1, MaxAckPending: mostMade, MaxWaiting: mostWaiting,
	}
	if e.workers, err = e.visits.Consumer(ctx, workers); err == nil {
		is := e.workers.CachedInfo().Config
		if is.AckWait == want.AckWait && is.MaxAckPending == want.MaxAckPending && is.MaxWaiting == want.MaxWaiting {
			return nil // nodes that start together do not all change what is right
		}
	}
	e.workers, err = e.visits.CreateOrUpdateConsumer(ctx, want)
	return err
}

func (n *Node) setUpNodes(ctx context.Context, e *engine) (err error) {
	if e.nodes, err = n.js.KeyValue(ctx, n.nodeBucket()); err == nil {
		if s, err := e.nodes.Status(ctx); err == nil && s.Config().Replicas == n.Replicas {
			return nil
		}
	}
	e.nodes, err = n.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: n.nodeBucket(), Description: "Sangam: how every node fares", History: 1, TTL: forgetNodes,
		Storage: jetstream.FileStorage, Replicas: n.Replicas,
	})
	return err
}

func (n *Node) setUpSnapshots(ctx context.Context, e *engine) (err error) {
	if e.snapshots, err = n.js.ObjectStore(ctx, n.snapshotBucket()); err == nil {
		if s, err := e.snapshots.Status(ctx); err == nil && s.Replicas() == n.Replicas && s.TTL() == n.Keep {
			return nil
		}
	}
	e.snapshots, err = n.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: n.snapshotBucket(), Description: "Sangam: backups of the store, to start from",
		Storage: jetstream.FileStorage, Replicas: n.Replicas,
		TTL: n.Keep, // one that is older leads nowhere, and of one that was never finished nobody knows
	})
	return err
}

func lastError(nc *nats.Conn) error {
	if err := nc.LastError(); err != nil {
		return err
	}
	return nats.ErrNoServers
}

// stream makes a stream, or changes what of it is not as wanted. Its metadata stays.
func (n *Node) stream(ctx context.Context, want jetstream.StreamConfig) (jetstream.Stream, error) {
	doing := "set up the stream " + want.Name
	// Nodes that start together make the same streams at once, and some requests stay unanswered.
	ctx, cancel := context.WithTimeout(ctx, setUpTimeout)
	defer cancel()
	s, err := n.js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		pause(ctx, rand.N(500*time.Millisecond)) // so that one is first
		s, err = n.js.Stream(ctx, want.Name)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = n.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster
			s, err = n.js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return nil, n.explain(doing, err)
	}
	is := s.CachedInfo().Config
	next := is
	next.Description, next.Subjects, next.Duplicates = want.Description, want.Subjects, want.Duplicates
	next.MaxAge, next.Replicas = want.MaxAge, want.Replicas
	next.AllowDirect = want.AllowDirect
	next.MaxMsgsPerSubject, next.Discard, next.DiscardNewPerSubject = want.MaxMsgsPerSubject, want.Discard, want.DiscardNewPerSubject
	if is.Retention != want.Retention || is.Storage != want.Storage {
		return nil, refuse("%s: it is there, but not as Sangam makes it; delete it, or give the cluster another name", doing)
	}
	if same(is, next) {
		return s, nil
	}
	n.Log.Info("cluster: the stream is brought up to date", "stream", want.Name, "replicas", want.Replicas, "keep", want.MaxAge)
	if s, err = n.js.UpdateStream(ctx, next); err != nil {
		return nil, n.explain(doing, err)
	}
	return s, nil
}

func same(a, b jetstream.StreamConfig) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// The engine's own numbers for what an operator has to set right.
const (
	codeNoPeers         = 10005 // no suitable peers for placement
	codeNotClustered    = 10074 // replicas > 1 not supported in non-clustered mode
	codeTooFewResources = 10023 // insufficient resources
	codeNoStorage       = 10047 // insufficient storage resources
)

// explain says what an operator can do about what the engine answered.
func (n *Node) explain(doing string, err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return refuse("%s: the servers run without JetStream, or it has no leader: their configuration needs a section jetstream (%w)", doing, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return refuse("%s: JetStream is not enabled for this account: the servers' configuration must say so (%w)", doing, err)
	case errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrAuthorization):
		return refuse("%s: the servers do not allow it to this user: it needs %s.> and $JS.API.> (%w)", doing, n.Name, err)
	case errors.As(err, &api):
		switch api.ErrorCode {
		case codeNoPeers, codeNotClustered, codeTooFewResources:
			return refuse("%s: too few servers for cluster.replicas: %d (it takes that many servers with JetStream in one NATS cluster): %s", doing, n.Replicas, api.Description)
		case codeNoStorage:
			return refuse("%s: the servers have no room left: %s", doing, api.Description)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// inspect reads at the monitoring addresses how the servers are set up, and says what
// should be otherwise.
func (n *Node) inspect(ctx context.Context) []string {
	if len(n.Monitors) == 0 {
		return []string{"whether the servers have sync_interval: always cannot be asked; name their monitoring addresses in cluster.monitors to have it checked"}
	}
	var warnings []string
	for _, monitor := range n.Monitors {
		if problem := inspectServer(ctx, monitor); problem != "" {
			warnings = append(warnings, monitor+": "+problem)
			n.Log.Warn("cluster: a server is not set up as it should be", "server", monitor, "problem", problem)
		}
	}
	return warnings
}

func inspectServer(ctx context.Context, monitor string) string {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, monitor+"/varz", nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "it does not answer: " + err.Error()
	}
	defer resp.Body.Close()
	var v struct {
		JetStream struct {
			Config *struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"jetstream"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 8<<20)).Decode(&v); err != nil {
		return "its answer cannot be read: " + err.Error()
	}
	switch c := v.JetStream.Config; {
	case c == nil:
		return "it runs without JetStream"
	case !c.SyncAlways:
		return "sync_interval is not always: a power failure of several servers at once loses what had been acknowledged"
	}
	return ""
}
