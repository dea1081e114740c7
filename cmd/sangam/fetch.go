package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sangam/config"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/pipeline"
	"sangam/schedule"
)

func fetchCommand(opt *options) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "fetch SOURCE…|--all",
		Short: "Visit sources now and print what came of it",
		Long: `Fetch visits the given sources now, whatever their schedules say, and prints what
came of it. The running daemon makes the visits; where none runs, this command does.

Exit status: 0 when every visit succeeded, 1 otherwise.`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("fetch: name sources, or say --all")}
			}
			return fetch(cmd.Context(), opt, args)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "visit every source that is not paused")
	return cmd
}

func fetch(ctx context.Context, opt *options, ids []string) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	sources, err := chosen(cfg, ids)
	if err != nil {
		return err
	}
	var reports []visitReport
	err = tellDaemon(ctx, cfg, "fetch", url.Values{"source": ids}, &reports) // none means all, those that the daemon has
	if errors.Is(err, errNoDaemon) {
		reports, err = fetchHere(ctx, opt, cfg, sources)
	}
	if err != nil {
		return err
	}
	if err := opt.print(reports, func(w io.Writer) error { return printReports(w, reports) }); err != nil {
		return err
	}
	if slices.ContainsFunc(reports, func(r visitReport) bool { return r.Trouble != feed.NoTrouble }) {
		return said(errors.New("not every visit succeeded"))
	}
	return nil
}

// chosen returns the sources with the given ids; without any, all that are not paused.
func chosen(cfg *config.Config, ids []string) ([]feed.Source, error) {
	if len(ids) == 0 {
		return slices.DeleteFunc(slices.Clone(cfg.Sources), func(src feed.Source) bool { return src.Paused }), nil
	}
	place := make(map[string]int, len(cfg.Sources))
	for i := range cfg.Sources {
		place[cfg.Sources[i].ID] = i
	}
	sources := make([]feed.Source, 0, len(ids))
	for _, id := range ids {
		i, ok := place[id]
		if !ok {
			return nil, cfg.NoSource(id)
		}
		sources = append(sources, cfg.Sources[i])
	}
	return sources, nil
}

func printReports(w io.Writer, reports []visitReport) error {
	for _, r := range reports {
		what := fmt.Sprintf("%d fresh, %s, %d revised, %d known", r.Fresh, copies(r.Copies), r.Revised, r.Same)
		switch {
		case r.Trouble != feed.NoTrouble:
			what = r.Problem
		case r.Status == http.StatusNotModified:
			what = "nothing changed (304)"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", r.Source, what); err != nil {
			return err
		}
	}
	return nil
}

func copies(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}

// fetchHere makes the visits in this process, under the same rules as the daemon.
func fetchHere(ctx context.Context, opt *options, cfg *config.Config, sources []feed.Source) ([]visitReport, error) {
	log := logger(opt.err, config.Log{Level: slog.LevelError})
	db, err := openStore(cfg, log)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	if err := ownStore(ctx, db); err != nil {
		return nil, err
	}
	if err := introduce(ctx, cfg, db); err != nil {
		return nil, err
	}
	client := fetcher.New(fetcher.Options{Version: version, Home: home(cfg), Lend: schedule.Lend, Arriving: pipeline.Arrive})
	defer client.Close()
	visits := newVisits(holding(cfg), db, client, newMetrics(), log)

	byDomain := map[string][]feed.Source{}
	for _, src := range sources {
		domain := fetcher.Domain(src.FeedURL)
		byDomain[domain] = append(byDomain[domain], src)
	}
	g, visiting := errgroup.WithContext(ctx)
	g.SetLimit(cfg.Concurrency)
	for _, neighbours := range byDomain {
		g.Go(func() error {
			for _, src := range neighbours { // one after the other: they share a host
				if _, err := visits.visit(visiting, src); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = errors.Join(g.Wait(), visits.introduceNow(ctx))
	return visits.reports(sources), err
}
