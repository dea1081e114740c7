package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"sangam/cluster"
	"sangam/config"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/schedule"
	"sangam/server"
	"sangam/storage"
	"sangam/websub"
)

// clusterWaiting is how many visits may be asked of the cluster at once: waiting for one that
// another node makes is no work.
const clusterWaiting = 4096

// A fellow is this daemon's part in a cluster. A nil one is a daemon that works alone.
type fellow struct {
	node   *cluster.Node
	conf   *current
	db     *storage.DB
	visits *visits
	hub    *websub.Hub // nil = there is none
}

// clusterOptions are those that the configuration gives.
func clusterOptions(conf *current, db *storage.DB, log *slog.Logger) cluster.Options {
	cfg := conf.get()
	c := cfg.Cluster
	o := cluster.Options{
		Name: c.Name, Node: nodeName(c), Replicas: c.Replicas, Monitors: c.Monitors, Keep: c.Keep, Snapshot: c.Snapshot,
		Credentials: c.Credentials.Reveal(), CA: c.CA, Certificate: c.Certificate, Key: c.Key.Reveal(),
		Rules: rulesDigest(cfg), Version: version, Store: db, Dir: cfg.Data, Workers: cfg.Concurrency, Log: log,
		Place:  place(cfg),
		Config: func() string { return configDigest(conf.get()) },
		Outlets: func(ctx context.Context) ([]feed.Outlet, error) {
			return described(ctx, conf.get(), db)
		},
		Kept: func() (time.Duration, int) { k := conf.get().Keep; return k.Age, k.PerSource },
	}
	for _, u := range c.URLs {
		o.URLs = append(o.URLs, u.Reveal())
	}
	return o
}

// nodeName is what this daemon is called among the others.
func nodeName(c *config.Cluster) string {
	if c.Node != "" {
		return c.Node
	}
	host, err := os.Hostname()
	if err != nil {
		return "node"
	}
	name := []byte(host)
	for i, b := range name {
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-') {
			name[i] = '_'
		}
	}
	return string(name[:min(len(name), 32)])
}

// place names the store among all machines: while it is open, nobody else has it.
func place(cfg *config.Config) string {
	file, err := filepath.Abs(storeFile(cfg))
	host, err2 := os.Hostname()
	if err != nil || err2 != nil {
		return ""
	}
	return host + ":" + file
}

// newFellow makes this daemon's part in the cluster of its configuration, nil if it has none, and has
// its visits shared.
func newFellow(conf *current, db *storage.DB, v *visits, log *slog.Logger) (*fellow, error) {
	if conf.get().Cluster == nil {
		if pos, err := db.Position(context.Background()); err != nil || pos.Log != "" {
			return nil, errors.Join(err, fmt.Errorf("the store follows %s, and the configuration has no cluster: "+
				"bring the key cluster back and run \"sangam cluster leave\", or move the store away", pos))
		}
		return nil, nil
	}
	f := &fellow{conf: conf, db: db, visits: v}
	o := clusterOptions(conf, db, log)
	o.Visit, o.Folded = f.visit, f.folded
	if conf.get().Hub {
		o.Errand = func(ctx context.Context, key string) error { return f.hub.Deliver(ctx, key) }
		o.Record = func(key string, text []byte) { f.hub.Learn(key, text) }
	}
	var err error
	if f.node, err = cluster.New(o); err != nil {
		return nil, err
	}
	conf.tell = f.tell
	v.line.Store = timed{logged{db, f.node}, v.metrics.merges}
	v.agenda.Visit, v.agenda.Concurrency = f.ask, clusterWaiting
	return f, nil
}

// ownStore is nil if the store is changed by this machine alone.
func ownStore(ctx context.Context, db *storage.DB) error {
	pos, err := db.Position(ctx)
	if err == nil && pos.Log != "" {
		err = errors.New("the store is a node's, and changed by its cluster's log alone: start the daemon first")
	}
	return err
}

// run works in the cluster until ctx ends.
func (f *fellow) run(ctx context.Context) error {
	err := f.node.Run(ctx)
	f.node.Bye()
	f.node.Close()
	return err
}

// logged is the store of a node: what is merged goes through the log.
type logged struct {
	*storage.DB
	node *cluster.Node
}

// Merge has a batch logged and folded.
func (l logged) Merge(ctx context.Context, b feed.Batch) (feed.Report, error) {
	return l.node.Merge(ctx, b)
}

// ask has a source visited by whichever node is free. It is what the schedule calls.
func (f *fellow) ask(ctx context.Context, src feed.Source) (feed.State, error) {
	job := cluster.Job{Source: src.ID, Wanted: schedule.Wanted(ctx)}
	if job.Wanted { // what others made before that is not what is asked for
		if err := f.node.CatchUp(ctx); err != nil {
			return feed.State{}, err
		}
	}
	state, err := f.db.Brief(ctx, src.ID)
	if err != nil {
		return state, err
	}
	switch now, here := time.Now().UTC(), state.For(src); {
	case job.Wanted:
		job.Due, job.Slot = now, src.Address()+strconv.FormatInt(now.UnixNano(), 36)
	case here.Visited.IsZero():
		job.Slot = src.Address() // of a first visit nobody can say when it is due: all nodes say the same
	default:
		due, _ := schedule.Next(&src, &here, here.Visited)
		if due.IsZero() || due.After(now) {
			return state, nil // another node has had it made
		}
		job.Due = due
	}
	before, domain := state.Visited, fetcher.Domain(cmp.Or(state.For(src).URL, src.FeedURL))
	err = f.node.Ask(ctx, domain, job, func() (bool, error) {
		state, err = f.db.Brief(ctx, src.ID)
		return state.Visited.After(before), err
	})
	return state, err
}

// visit makes a visit that the cluster gave to this node.
func (f *fellow) visit(ctx context.Context, job cluster.Job) (rest time.Time, err error) {
	src, ok := f.conf.get().Source(job.Source)
	if !ok {
		return time.Time{}, nil // removed meanwhile
	}
	state, err := f.db.Brief(ctx, src.ID)
	if err != nil {
		return time.Time{}, err
	}
	if here := state.For(src); !job.Wanted && !here.Visited.IsZero() && !here.Visited.Before(job.Due) {
		return time.Time{}, nil // it has been made
	}
	began := time.Now()
	if _, err := f.visits.visit(ctx, src); err != nil {
		return time.Time{}, err
	}
	return began.Add(src.PerHost.Interval), nil
}

// folded notes what came of a visit, for whoever asked for it here.
func (f *fellow) folded(b feed.Batch, r feed.Report) {
	r.Source = b.Outlet.ID
	f.visits.note(r, &b.State)
}

// tell lets all nodes know of the outlets, unless they do.
func (f *fellow) tell(ctx context.Context, outlets []feed.Outlet) error {
	if f.node.Standing().Phase != cluster.Joined {
		return nil // the charter brings them
	}
	same, err := f.node.SameOutlets(ctx, outlets)
	if same || err != nil {
		return err
	}
	return f.node.Tell(ctx, outlets)
}

// reloaded tells the cluster that the configuration is another than it was.
func (f *fellow) reloaded(ctx context.Context, before string) error {
	if f == nil {
		return nil
	}
	return f.node.ConfigChanged(ctx, before)
}

// stale marks answers that may be old because this node is cut off, or has not caught up.
func (f *fellow) stale(h http.Handler) http.Handler {
	if f == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if age := f.node.Stale(); age > 0 {
			w.Header().Set("Sangam-Stale", strconv.Itoa(int(age.Seconds())))
		}
		h.ServeHTTP(w, r)
	})
}

// epoch names the log that the store follows, so that tags of all nodes can be put in order.
func (f *fellow) epoch() string {
	if f == nil {
		return ""
	}
	pos, err := f.db.Position(context.Background())
	if err != nil {
		return ""
	}
	return pos.Log[:min(len(pos.Log), epochLength)]
}

// epochLength is how much of a log's name goes into tags: chance does not make it twice.
const epochLength = 6

// notices are what an operator should know first.
func (f *fellow) notices() []string {
	if f == nil {
		return nil
	}
	var notices []string
	if err := f.node.Ready(); err != nil {
		notices = append(notices, err.Error())
	}
	for _, w := range f.node.Standing().Warnings {
		notices = append(notices, "cluster: "+w)
	}
	return notices
}

// admin changes what operators can ask and have done to what holds for a cluster.
func (f *fellow) admin(o *server.AdminOptions) {
	if f == nil {
		return
	}
	program, ready := o.Program, o.Ready
	o.Program = func() server.Program {
		p := program()
		p.Notices = append(f.notices(), p.Notices...)
		return p
	}
	o.Ready = func() error { return errors.Join(ready(), f.node.Ready()) }
	o.Queries["cluster"] = func(ctx context.Context, _ *http.Request) (any, error) { return f.node.Status(ctx), nil }
	o.Commands["cluster-leave"] = func(ctx context.Context, _ *http.Request) (any, error) { return "left", f.node.Leave(ctx) }
	o.Commands["cluster-adopt"] = func(ctx context.Context, _ *http.Request) (any, error) { return "adopted", f.node.Adopt(ctx) }
	here := bench{db: f.db, rules: rules(f.conf.get()), rule: f.node.Rule}
	o.Commands["verdict"] = func(ctx context.Context, r *http.Request) (any, error) {
		return setVerdict(ctx, here, r.URL.Query())
	}
	o.Commands["purge"] = func(ctx context.Context, r *http.Request) (any, error) {
		items, err := f.node.Purge(ctx, r.URL.Query().Get("source"))
		return storage.Kept{Items: items}, err
	}
	for _, name := range []string{"reindex", "restore"} {
		o.Commands[name] = func(context.Context, *http.Request) (any, error) {
			return nil, fmt.Errorf("%s: the store of a cluster's node is changed by the cluster's log alone", name)
		}
	}
}

// described are the configured outlets, those that the operator has not named by the names their
// feeds give themselves.
func described(ctx context.Context, cfg *config.Config, db *storage.DB) ([]feed.Outlet, error) {
	outlets := cfg.Outlets()
	for i, src := range cfg.Sources {
		state, err := db.Brief(ctx, src.ID)
		if err != nil {
			return nil, fmt.Errorf("recall %s: %w", src.ID, err)
		}
		outlets[i] = src.Described(state.For(src).Channel)
	}
	return outlets, nil
}

// configDigest stands for all of a configuration that must be the same on every node. Secrets are
// not in it, so they may be renewed on one node after the other.
func configDigest(cfg *config.Config) string {
	c := *cfg
	c.Path, c.Listen, c.Admin, c.AdminToken, c.Data, c.Log, c.Backup = "", "", "", "", "", config.Log{}, config.Backup{}
	c.Concurrency, c.Cluster, c.Warnings, c.Webhooks = 0, nil, nil, nil
	c.Sources = slices.Clone(cfg.Sources)
	for i := range c.Sources {
		src := &c.Sources[i]
		src.FeedURL, src.Username = src.Address(), ""
		src.Headers = maps.Clone(src.Headers)
	}
	slices.SortFunc(c.Sources, func(a, b feed.Source) int { return cmp.Compare(a.ID, b.ID) }) // their order decides nothing
	return digest(fmt.Sprint(cfg.Timezone), c)
}

// digest is a short name of some values.
func digest(values ...any) string {
	h := sha256.New()
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			panic(fmt.Sprintf("a configuration that is no JSON: %v", err))
		}
		fmt.Fprintf(h, "%d %s\n", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// seedCluster fills the configured cluster from the store, which no daemon has open.
func seedCluster(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	db, err := openStore(cfg, log)
	if err != nil {
		return err
	}
	conf := holding(cfg)
	node, err := cluster.New(clusterOptions(conf, db, log))
	if err == nil {
		err = node.Seed(ctx)
		node.Close()
	}
	return errors.Join(err, db.Close())
}
