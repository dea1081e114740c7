package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sangam/config"
	"sangam/dedupe"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/normalize"
	"sangam/pipeline"
	"sangam/schedule"
	"sangam/server"
	"sangam/storage"
	"sangam/websub"
)

func runCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the daemon: visit the sources by cron and serve the merged feed",
		Long: `Run reads the configuration, opens the store in its "data" directory (made if it is
not there), visits every source when its schedule says so, and serves the merged
feed until it gets SIGINT or SIGTERM. It then ends within ten seconds: visits under
way are dropped and nothing of them is stored.

Exit status: 0 after a signal, 75 when another process has the store open, 78 when
the configuration has mistakes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := opt.load()
			if err != nil {
				return opt.problems(err)
			}
			log, level := adjustable(opt.err, cfg.Log)
			return runDaemon(cmd.Context(), cfg, log, level, func() {
				log.Info("serving", "readers", "http://"+reachable(cfg.Listen)+"/", "operators", "http://"+reachable(cfg.Admin)+"/",
					"sources", len(cfg.Sources))
			})
		},
	}
}

// runDaemon runs everything until ctx ends, and returns when all of it has ended.
// It calls ready once both sides can be asked; level is that of log.
func runDaemon(ctx context.Context, cfg *config.Config, log *slog.Logger, level *slog.LevelVar, ready func()) (err error) {
	paceCollector(len(cfg.Sources))
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w.String())
	}
	numbers := newMetrics()
	db, err := openCounted(cfg, numbers, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := introduce(ctx, cfg, db); err != nil {
		return fmt.Errorf("tell the store of the sources: %w", err)
	}
	client := fetcher.New(fetcher.Options{Version: version, Home: home(cfg), Lend: schedule.Lend, Arriving: pipeline.Arrive})
	defer client.Close()

	conf := holding(cfg)
	visits := newVisits(conf, db, client, numbers, log)
	visits.agenda.Set(cfg.Sources)
	backups := &backupWatch{}
	numbers.watchStore(db, visits, backups)
	fellow, err := newFellow(conf, db, visits, log)
	if err != nil {
		return err
	}
	var pages *server.Server
	hub, err := newHub(cfg, db, fellow, func() *server.Server { return pages }, log)
	if err != nil {
		return err
	}
	reading := func(cfg *config.Config) server.Options {
		o := readersOptions(cfg, hub, log)
		o.Epoch = fellow.epoch
		return o
	}
	pages = server.New(reading(cfg), db)
	var desk replaceable
	known := rules(cfg)
	reloader := newReloader(conf, db, log, numbers, func(cfg *config.Config) {
		desk.tokenIs(cfg.AdminToken)
		client.Only(cfg.Sources)
		visits.agenda.Set(cfg.Sources)
		visits.alarms.Set(cfg.Webhooks)
		if rules(cfg) != known {
			known = rules(cfg)
			db.SetRules(counted{known, numbers.joins}, !cfg.NearDuplicates)
		}
		pages.Set(reading(cfg))
		level.Set(cfg.Log.Level)
	})

	reloader.fellow = fellow

	readers, operators, err := listeners(ctx, cfg)
	if err != nil {
		return err
	}
	desk.make = func(token feed.Secret) http.Handler {
		o := adminOptions(conf, db, visits, reloader, backups, log)
		fellow.admin(&o)
		o.Token = token
		return server.NewAdmin(o)
	}
	desk.tokenIs(cfg.AdminToken)
	manager := supervisor{log}
	manager.ready() // both sides listen; a reload tells by itself, and must not come first
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return visits.agenda.Run(ctx) })
	g.Go(func() error { return visits.introduceMet(ctx) })
	g.Go(func() error { return visits.alarms.Run(ctx) })
	if fellow != nil {
		g.Go(func() error { return fellow.run(ctx) })
		g.Go(func() error { return noteSizes(ctx, db, log) })
	} else {
		g.Go(func() error { return keepHouse(ctx, conf, db, log) })
	}
	g.Go(func() error { return keepBackups(ctx, conf, db, backups, log) })
	g.Go(func() error { return reloader.run(ctx, hangups) })
	g.Go(func() error { return pages.Renew(ctx) })
	g.Go(func() error { return server.Serve(ctx, readers, numbers.requestsOf(fellow.stale(pages)), log) })
	g.Go(func() error { return server.Serve(ctx, operators, &desk, log) })
	if hub != nil {
		g.Go(func() error { return hub.Run(ctx) })
	}
	g.Go(func() error { return newPublisher(conf, db, pages, log).Run(ctx) })
	ready()
	g.Go(func() error { return manager.attend(ctx, signOfLife(db, visits, reloader)) })
	err = g.Wait()
	log.Info("stopped")
	return err
}

// gcPercent is how much garbage, in percent of what is in use, waits for the collector.
// Half of Go's default takes a quarter off the memory of a busy round. Most of what is in
// use then holds no pointers, so that collecting twice as often costs little.
// With many sources what is in use for good, some 4 kB a source, outweighs what visits need
// for a moment: less garbage waits then.
const (
	gcPercent     = 50
	gcPercentMany = 35
	manySources   = 4000
)

// paceCollector sets the collector's pace for so many sources, unless the environment does (GOGC).
func paceCollector(sources int) {
	percent := gcPercent
	if sources > manySources {
		percent = gcPercentMany
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}

// replaceable is the operators' side, which is made anew when its token changes.
type replaceable struct {
	make  func(token feed.Secret) http.Handler
	token feed.Secret
	now   atomic.Pointer[http.Handler]
}

// tokenIs makes it anew unless that is its token. One call at a time.
func (r *replaceable) tokenIs(token feed.Secret) {
	if r.now.Load() != nil && r.token == token {
		return
	}
	h := r.make(token)
	r.token = token
	r.now.Store(&h)
}

// ServeHTTP answers as the operators' side that is in force.
func (r *replaceable) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	(*r.now.Load()).ServeHTTP(w, req)
}

// Housekeeping begins when the first visits are over, and is done every hour.
const (
	keepAfter = time.Minute
	keepEvery = time.Hour
)

// keepHouse deletes what the configuration does not keep, until ctx ends.
func keepHouse(ctx context.Context, conf *current, db *storage.DB, log *slog.Logger) error {
	timer := time.NewTimer(keepAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		rule := conf.get().Keep
		kept, err := db.Keep(ctx, rule.Age, rule.PerSource, time.Now(), nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Error("housekeeping", "err", err) // tried again in an hour; what is there stays
		case kept.Items > 0:
			log.Info("housekeeping", "items", kept.Items, "stories", kept.Stories)
		}
		noteSize(ctx, db, log)
		timer.Reset(keepEvery)
	}
}

func noteSize(ctx context.Context, db *storage.DB, log *slog.Logger) {
	if err := db.NoteSize(ctx, time.Now()); err != nil && ctx.Err() == nil {
		log.Error("housekeeping", "err", err)
	}
}

// noteSizes is what is left of the housekeeping where a cluster has the rest done.
func noteSizes(ctx context.Context, db *storage.DB, log *slog.Logger) error {
	timer := time.NewTimer(keepAfter)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		noteSize(ctx, db, log)
		timer.Reset(keepEvery)
	}
}

// listeners opens both sides' addresses, or neither.
func listeners(ctx context.Context, cfg *config.Config) (readers, operators net.Listener, err error) {
	var lc net.ListenConfig
	if readers, err = lc.Listen(ctx, "tcp", cfg.Listen); err != nil {
		return nil, nil, fmt.Errorf("listen for readers: %w", err)
	}
	if operators, err = lc.Listen(ctx, "tcp", cfg.Admin); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("listen for operators: %w", err), readers.Close())
	}
	return readers, operators, nil
}

// openStore opens the store of a configuration, making its directory if need be.
func openStore(cfg *config.Config, log *slog.Logger) (*storage.DB, error) {
	return openWith(cfg, storeOptions(cfg, log))
}

// openCounted is openStore for the daemon, which counts by what rules items join.
func openCounted(cfg *config.Config, m *metrics, log *slog.Logger) (*storage.DB, error) {
	o := storeOptions(cfg, log)
	o.Decider = counted{rules(cfg), m.joins}
	return openWith(cfg, o)
}

func openWith(cfg *config.Config, o storage.Options) (*storage.DB, error) {
	return storage.Open(storeFile(cfg), o)
}

// storeFile is the store's one file.
func storeFile(cfg *config.Config) string { return filepath.Join(cfg.Data, "sangam.db") }

func storeOptions(cfg *config.Config, log *slog.Logger) storage.Options {
	return storage.Options{
		Decider:     rules(cfg),
		Exact:       !cfg.NearDuplicates,
		Mark:        dedupe.Mark,
		Authority:   authority(cfg),
		Fold:        normalize.Fold,
		CommitEvery: commitEvery,
		LockTimeout: lockTimeout,
		Backups:     cfg.Backup.Dir,
		Log:         log,
	}
}

// lockTimeout is how long a second process waits for the first to let go: long
// enough for a restart, short enough to be told within two seconds.
const lockTimeout = time.Second

// commitEvery bounds the commits of a busy round: one carries what came meanwhile.
const commitEvery = 100 * time.Millisecond

// authority is the host in entry ids made here (RFC 4151: a name, not an address);
// "" when nobody has given this daemon a public name.
func authority(cfg *config.Config) string {
	u, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return ""
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil || u.Hostname() == "localhost" {
		return ""
	}
	return u.Hostname()
}

// home is the page that tells an outlet's administrator who visits: ours, as far as
// we know our own address.
func home(cfg *config.Config) string { return cfg.PublicURL }

func readersOptions(cfg *config.Config, hub *websub.Hub, log *slog.Logger) server.Options {
	o := server.Options{
		Base: cfg.PublicURL, Title: cfg.Title, Description: cfg.Description, Language: cfg.Language,
		Zone: cfg.Timezone, NoPictures: !cfg.Page.Pictures, NoScript: !cfg.Page.Script, NoCredits: !cfg.CreditsLine,
		Views: cfg.Views, Told: cfg.Hubs, NotFound: storage.ErrNotFound, Log: log,
	}
	if hub != nil {
		o.Hub, o.Hubs = hub, []string{hub.Address}
	}
	return o
}

// adminOptions say what operators can ask and have done.
func adminOptions(conf *current, db *storage.DB, v *visits, r *reloader, backups *backupWatch, log *slog.Logger) server.AdminOptions {
	changes, queries := commandsOf(conf.get, db)
	maps.Copy(changes, r.commands())
	changes["fetch"] = func(ctx context.Context, r *http.Request) (any, error) {
		sources, err := chosen(conf.get(), r.URL.Query()["source"])
		if err != nil {
			return nil, unknown{err}
		}
		return v.now(ctx, sources)
	}
	return server.AdminOptions{
		Base: "http://" + reachable(conf.get().Admin) + "/", Store: db, Log: log,
		Commands: changes, Queries: queries, Metrics: r.metrics.registry,
		Sources: func() []feed.Source { return conf.get().Sources },
		Views:   func() []feed.View { return conf.get().Views },
		Program: func() server.Program { return programOf(r.state(), db, v, backups, time.Now()) },
		Ready: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
			defer cancel()
			return alive(ctx, db, v)
		},
	}
}
