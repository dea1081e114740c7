package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/feed"
	"sangam/storage"
)

func previewCommand(opt *options) *cobra.Command {
	var against string
	var all bool
	cmd := &cobra.Command{
		Use:   "preview [--against OLD] [--all]",
		Short: "Show how the merged feed would change under a changed configuration",
		Long: `Preview is the dry run of a changed configuration: say --config NEW. It copies the
store, visits the sources that are new or changed, once and politely, merges what they
bring into the copy, and reports what a reader would see: per source its items, which
stories they join and whose, what the filters drop, who fails, who would flood the
feed; and how the first page of each feed would differ. The store, its sources' states
and the running daemon stay as they are.

What is new or changed is told by comparing with OLD, else with the file of the running
daemon, else with the config.yaml beside NEW; else with the sources the store knows.

Exit status: 0 when all is well, 1 when a source fails or floods a feed, 78 when the
configuration has mistakes.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return preview(cmd.Context(), opt, against, all) },
	}
	cmd.Flags().StringVar(&against, "against", "", "configuration `file` to compare with")
	cmd.Flags().BoolVar(&all, "all", false, "visit every source, not only what is new or changed")
	return cmd
}

// foreseen is what a preview found.
type foreseen struct {
	Change  string           `json:"change,omitempty"` // of the configuration, in one line; "" = there was nothing to compare with
	Sources []foreseenSource `json:"sources"`          // that were visited
	Removed []string         `json:"removed"`          // whose items leave the feeds
	Feeds   []foreseenFeed   `json:"feeds"`
	Wrong   []string         `json:"wrong"` // in plain words; empty = all is well
}

// foreseenSource is what a visit would bring.
type foreseenSource struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Why      string       `json:"why"` // it was visited
	Trouble  feed.Trouble `json:"trouble,omitempty"`
	Problem  string       `json:"problem,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`
	Items    int          `json:"items"`
	Fresh    int          `json:"fresh"`
	Copies   int          `json:"copies"`
	Revised  int          `json:"revised"`
	Oldest   time.Time    `json:"oldest,omitzero"`
	Newest   time.Time    `json:"newest,omitzero"`
	Undated  int          `json:"undated,omitempty"`
	Joins    []joined     `json:"joins,omitempty"`
	Filtered int          `json:"filtered,omitempty"`
	Dropped  []string     `json:"dropped,omitempty"` // titles of items that its filters drop, at most 100
	// HeldBack is how many of its Stories of the last days its max_per_day keeps out of
	// merged feeds.
	HeldBack int `json:"held_back,omitempty"`
	Stories  int `json:"stories,omitempty"`
}

// joined is an item of the visited source in a story with others.
type joined struct {
	Title string   `json:"title"`
	With  []string `json:"with"` // sources
	Rule  string   `json:"rule,omitempty"`
}

// mostListed bounds each list of a report.
const mostListed = 100

func preview(ctx context.Context, opt *options, against string, all bool) (err error) {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	old, desk, err := compared(ctx, cfg, against)
	if err != nil {
		return opt.problems(err)
	}
	db, err := scratch(ctx, cfg, desk)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	seen, err := foresee(ctx, old, cfg, db, all)
	if err != nil {
		return err
	}
	if err := opt.print(seen, seen.print); err != nil {
		return err
	}
	if len(seen.Wrong) > 0 {
		return said(errors.New("not all is well"))
	}
	return nil
}

// compared returns the configuration that cfg would take the place of: the one asked
// for, else that of the running daemon, else the config.yaml beside it with the same
// store; nil when there is none but cfg itself. desk is the one by which the daemon is
// reached, for cfg may change that too.
func compared(ctx context.Context, cfg *config.Config, against string) (old, desk *config.Config, err error) {
	beside := func(file string) *config.Config {
		if sameFile(file, cfg.Path) {
			return nil
		}
		c, err := config.Load(file, os.LookupEnv)
		if err != nil || c.Data != cfg.Data {
			return nil // it is not for us to judge; the store knows what is visited
		}
		return c
	}
	if against != "" {
		if old, err = config.Load(against, os.LookupEnv); err != nil {
			return nil, nil, err
		}
	} else {
		old = beside(filepath.Join(filepath.Dir(cfg.Path), "config.yaml"))
	}
	var refused error
	for _, c := range []*config.Config{cfg, old} {
		if c == nil {
			continue
		}
		var st struct {
			Program programStatus `json:"program"`
		}
		err := askDaemon(ctx, c, "status.json", &st)
		switch {
		case errors.Is(err, errNoDaemon):
		case errors.Is(err, errToken):
			refused = err
		case err != nil:
			return nil, nil, err
		default:
			if file := st.Program.Config.File; against == "" && file != "" {
				old = beside(alike(file, cfg.Path))
			}
			return old, c, nil
		}
	}
	return old, cfg, refused
}

// alike is the name of a file, relative to where we are if the other name is, so that
// what the two files say of directories can be compared.
func alike(name, other string) string {
	if filepath.IsAbs(other) {
		return name
	}
	here, err := os.Getwd()
	if err != nil {
		return name
	}
	relative, err := filepath.Rel(here, name)
	if err != nil {
		return name
	}
	return relative
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// scratch opens a copy of the configuration's store, made through the daemon at desk
// where one runs. The copy has no name any more, so it is gone when it is closed, or when this
// process ends in whatever way.
func scratch(ctx context.Context, cfg, desk *config.Config) (db *storage.DB, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("copy the store: %w", err)
		}
	}()
	data, err := filepath.Abs(cfg.Data)
	if err != nil {
		return nil, err
	}
	dir := os.TempDir()
	live := storeFile(cfg)
	_, missing := os.Stat(live)
	if missing == nil {
		dir = data // the daemon may see no other directory of ours
	}
	name, err := os.CreateTemp(dir, "preview-*.db")
	if err != nil {
		return nil, err
	}
	file := name.Name()
	if err := errors.Join(name.Close(), os.Remove(file)); err != nil { // storage makes its files itself
		return nil, err
	}
	defer os.Remove(file) // it may never have come to be
	if missing == nil {
		if err := copyStore(ctx, desk, live, file); err != nil {
			return nil, err
		}
	}
	o := storeOptions(cfg, slog.New(slog.DiscardHandler))
	o.NoSync = true
	return storage.Open(file, o)
}

func copyStore(ctx context.Context, desk *config.Config, live, file string) error {
	var b backedUp
	err := tellDaemon(ctx, desk, "backup", map[string][]string{"file": {file}}, &b)
	if !errors.Is(err, errNoDaemon) {
		return err
	}
	return storage.Copy(ctx, live, file, storeOptions(desk, nil), nil)
}

// foresee lets the scratch store live through what the new configuration would bring.
func foresee(ctx context.Context, old, cfg *config.Config, db *storage.DB, all bool) (foreseen, error) {
	seen := foreseen{Sources: []foreseenSource{}, Removed: []string{}, Feeds: []foreseenFeed{}, Wrong: []string{}}
	known, err := db.Outlets(ctx)
	if err != nil {
		return seen, err
	}
	if old != nil {
		seen.Change = config.Diff(old, cfg).String()
	}
	for id := range known {
		if _, stays := cfg.Source(id); !stays {
			seen.Removed = append(seen.Removed, id)
		}
	}
	slices.Sort(seen.Removed)
	before, err := pages(ctx, db, viewsOf(old, cfg))
	if err != nil {
		return seen, err
	}
	wanted, err := worthVisiting(ctx, old, cfg, db, known, all)
	if err != nil {
		return seen, err
	}
	if err := introduceAll(ctx, cfg, db); err != nil {
		return seen, err
	}
	if seen.Sources, err = visitAll(ctx, cfg, db, wanted); err != nil {
		return seen, err
	}
	if err := introduceAll(ctx, cfg, db); err != nil { // feeds have told their names
		return seen, err
	}
	after, err := pages(ctx, db, viewsOf(nil, cfg))
	if err != nil {
		return seen, err
	}
	seen.Feeds = differences(before, after)
	seen.judge(after)
	return seen, nil
}

// wanted is a source to be visited, and why.
type wanted struct {
	feed.Source
	why string
}

// worthVisiting lists the sources that are new or changed, or all that are not paused.
func worthVisiting(ctx context.Context, old, cfg *config.Config, db *storage.DB, known map[string]feed.Outlet, all bool) ([]wanted, error) {
	var change config.Change
	if old != nil {
		change = config.Diff(old, cfg)
	}
	list := []wanted{}
	for _, src := range cfg.Sources {
		state, err := db.State(ctx, src.ID)
		if err != nil {
			return nil, err
		}
		_, there := known[src.ID]
		why := ""
		switch {
		case src.Paused:
		case !there || state.Visited.IsZero() || slices.Contains(change.Added, src.ID):
			why = "new"
		case state.ConfiguredURL != "" && state.ConfiguredURL != src.Address() || slices.Contains(change.Addresses, src.ID):
			why = "another address"
		case slices.Contains(change.Resumed, src.ID):
			why = "resumed"
		case slices.Contains(change.Changed, src.ID):
			why = "changed"
		case all:
			why = "asked for"
		}
		if why != "" {
			list = append(list, wanted{src, why})
		}
	}
	return list, nil
}
