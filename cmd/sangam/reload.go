package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/storage"
)

func reloadCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon read its configuration anew",
		Long: `Reload has the running daemon read its configuration file, and prints what is
different now. The daemon does the same by itself when the file changes, and on
SIGHUP. It takes over everything or nothing: a file with a mistake leaves the old
configuration in force. Visits under way are finished. Some keys cannot change
under a running daemon; they are named, and take effect when it is started again.

Exit status: 0 when the file was taken over, 78 when it has mistakes, 1 when no
daemon runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := opt.load()
			if err != nil {
				return opt.problems(err)
			}
			return reloadDaemon(cmd.Context(), opt, cfg)
		},
	}
}

// reloadDaemon has the daemon that cfg leads to reload, and prints what came of it.
func reloadDaemon(ctx context.Context, opt *options, cfg *config.Config) error {
	var r reloaded
	if err := tellDaemon(ctx, cfg, "reload", nil, &r); err != nil {
		return err
	}
	return opt.print(r, func(w io.Writer) error {
		if len(r.Restart) > 0 {
			defer fmt.Fprintf(w, "after a restart: %s\n", strings.Join(r.Restart, ", "))
		}
		_, err := fmt.Fprintf(w, "%s: %s\n", r.File, r.Change)
		return err
	})
}

// reloaded is what a reload did.
type reloaded struct {
	File    string   `json:"file"`
	Change  string   `json:"change"`            // in one line
	Restart []string `json:"restart,omitempty"` // keys whose new values wait for a restart
}

// configStatus is how the daemon stands to its configuration file.
type configStatus struct {
	File     string    `json:"file"`               // its whole name: who asks may be elsewhere
	Loaded   time.Time `json:"loaded"`             // when the configuration in force was read
	Change   string    `json:"change,omitempty"`   // what the last reload that changed anything changed
	Restart  []string  `json:"restart,omitempty"`  // keys whose new values wait for a restart
	Refused  time.Time `json:"refused,omitzero"`   // when the file was last refused; zero = it is in force
	Problems []string  `json:"problems,omitempty"` // why
}

// notices are what an operator should know of it before anything else.
func (s configStatus) notices() []string {
	var notices []string
	if !s.Refused.IsZero() {
		notices = append(notices, fmt.Sprintf("%s was refused at %s; the configuration of %s is still in force: %s",
			s.File, s.Refused.Format(clock), s.Loaded.Format(clock), strings.Join(s.Problems, "; ")))
	}
	if len(s.Restart) > 0 {
		notices = append(notices, fmt.Sprintf("%s: new values of %s take effect when the daemon is started again", s.File, strings.Join(s.Restart, ", ")))
	}
	return notices
}

// clock is how moments are written for operators, in UTC.
const clock = "2006-01-02 15:04:05 MST"

// badConfig is a configuration that the daemon refused.
type badConfig struct{ error }

func (b badConfig) Unwrap() error { return b.error }

// Status is the answer to whoever wanted it taken over.
func (badConfig) Status() int { return http.StatusUnprocessableEntity }

// unknown is a complaint about what somebody named and nobody knows.
type unknown struct{ error }

func (u unknown) Unwrap() error { return u.error }

// Status is the answer to whoever named it.
func (unknown) Status() int { return http.StatusNotFound }

// refusedAgain is how often a file that was refused is read again: what was wrong may not
// have been in the file, but a secret that came later, or a full disk.
const refusedAgain = 30 * time.Second

// reloader takes a changed configuration file over into the running daemon.
type reloader struct {
	config  *current
	db      *storage.DB
	log     *slog.Logger
	lookup  func(string) (string, bool)
	apply   func(*config.Config) // cannot fail
	metrics *metrics
	fellow  *fellow

	again time.Duration // after which a file that was refused is read again

	mu     sync.Mutex // one reload at a time; guards status
	status configStatus
}

func newReloader(c *current, db *storage.DB, log *slog.Logger, m *metrics, apply func(*config.Config)) *reloader {
	now := time.Now().UTC()
	m.loaded(now)
	file, err := filepath.Abs(c.get().Path)
	if err != nil {
		file = c.get().Path // the directory is gone under us; as it was named, then
	}
	return &reloader{
		config: c, db: db, log: log, lookup: os.LookupEnv, apply: apply, metrics: m, again: refusedAgain,
		status: configStatus{File: file, Loaded: now},
	}
}

// reload reads the file and puts it in force, or leaves everything as it was. What it
// did goes to the log; because says who wanted it.
func (r *reloader) reload(ctx context.Context, because string) (reloaded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	manager := supervisor{r.log}
	manager.reloading()
	defer manager.ready()
	old := r.config.get()
	read, err := config.Load(old.Path, r.lookup)
	if err != nil {
		r.refused(err, because)
		return reloaded{}, badConfig{err}
	}
	next, restart := possible(old, read)
	change := config.Diff(old, next).String()
	if err := r.config.replace(ctx, next, r.db); err != nil {
		err = fmt.Errorf("tell the store of the sources: %w", err)
		if ctx.Err() == nil { // else we are stopping; the file did nothing wrong
			r.refused(err, because)
		}
		return reloaded{}, err
	}
	before := ""
	if r.fellow != nil {
		before = configDigest(old)
	}
	r.apply(next)
	if err := r.fellow.reloaded(ctx, before); err != nil {
		r.log.Error("the cluster was not told of the configuration: this node differs until it is (sangam cluster adopt)", "err", err)
	}
	now := time.Now().UTC()
	r.metrics.loaded(now)
	r.loaded(configStatus{File: r.status.File, Loaded: now, Change: change, Restart: restart}, because)
	return reloaded{File: old.Path, Change: change, Restart: restart}, nil
}

// loaded notes that the file was taken over, and logs what is new.
func (r *reloader) loaded(st configStatus, because string) {
	level, change := slog.LevelInfo, st.Change
	if change == noChange {
		st.Change = r.status.Change
		if r.status.Refused.IsZero() { // else it is news that the file is well again
			level = slog.LevelDebug
		}
	}
	r.log.Log(context.Background(), level, "configuration reloaded", "because", because, "file", st.File, "change", change)
	if len(st.Restart) > 0 && !slices.Equal(st.Restart, r.status.Restart) {
		r.log.Warn("configuration: new values wait for a restart", "keys", strings.Join(st.Restart, ", "))
	}
	if level == slog.LevelInfo {
		for _, w := range r.config.get().Warnings {
			r.log.Warn("configuration", "warning", w.String())
		}
	}
	r.status = st
}

// noChange is how config.Change says that there is none.
var noChange = config.Change{}.String()

// refused notes that the file was not taken over.
func (r *reloader) refused(err error, because string) {
	r.metrics.refused()
	r.status.Refused, r.status.Problems = time.Now().UTC(), nil
	problems, _ := errors.AsType[config.Problems](err)
	for _, p := range problems {
		r.status.Problems = append(r.status.Problems, p.String())
		r.log.Error("configuration refused, the old one stays", "because", because, "problem", p.String())
	}
	if len(problems) == 0 {
		r.status.Problems = []string{err.Error()}
		r.log.Error("configuration refused, the old one stays", "because", because, "err", err)
	}
}

// state is how the daemon stands to its file now.
func (r *reloader) state() configStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// run reloads on every signal and whenever the file changes, until ctx ends.
func (r *reloader) run(ctx context.Context, signals <-chan os.Signal) error {
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() {
		err := config.Watch(ctx, r.config.get().Path, func() { _, _ = r.reload(ctx, "the file changed") }) // it logs by itself
		if err != nil {
			r.log.Warn("the configuration file is not watched; use sangam reload", "err", err)
		}
	})
	again := time.NewTicker(r.again)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			_, _ = r.reload(ctx, "SIGHUP")
		case <-again.C:
			if r.mended() {
				_, _ = r.reload(ctx, "what was wrong is mended")
			}
		}
	}
}

// mended says whether the file was refused and has no mistake now.
func (r *reloader) mended() bool {
	if r.state().Refused.IsZero() {
		return false
	}
	_, err := config.Load(r.config.get().Path, r.lookup)
	return err == nil
}

// possible is the configuration read, except for what cannot change under a running
// daemon: that stays, and is named.
func possible(old, read *config.Config) (next *config.Config, restart []string) {
	copied := *read
	next = &copied
	keep(&restart, "hub", old.Hub, &next.Hub)
	keep(&restart, "listen", old.Listen, &next.Listen)
	keep(&restart, "admin", old.Admin, &next.Admin)
	keep(&restart, "data", old.Data, &next.Data)
	keep(&restart, "public_url", old.PublicURL, &next.PublicURL) // new entry ids are made of it
	keep(&restart, "log.format", old.Log.Format, &next.Log.Format)
	keep(&restart, "fetch.concurrency", old.Concurrency, &next.Concurrency)
	if old.Cluster != nil { // the nodes of a cluster decide by the same rules, or not at all
		keep(&restart, "stories.window", old.Window, &next.Window)
		keep(&restart, "stories.near_duplicates", old.NearDuplicates, &next.NearDuplicates)
	}
	if !slices.Equal(old.HubNetworks, next.HubNetworks) {
		next.HubNetworks = old.HubNetworks
		restart = append(restart, "hub_networks")
	}
	if !reflect.DeepEqual(old.Cluster, next.Cluster) {
		next.Cluster = old.Cluster
		restart = append(restart, "cluster")
	}
	slices.SortFunc(restart, cmp.Compare[string])
	return next, restart
}

func keep[T comparable](restart *[]string, key string, old T, next *T) {
	if *next != old {
		*next = old
		*restart = append(*restart, key)
	}
}
