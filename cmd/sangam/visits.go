package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sangam/config"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/pipeline"
	"sangam/schedule"
	"sangam/storage"
)

// visits is the steps of a visit and the agenda that says when each is made.
type visits struct {
	line   *pipeline.Pipeline
	agenda *schedule.Scheduler

	conf    *current
	db      *storage.DB
	metrics *metrics

	mu   sync.Mutex
	last map[string]visitReport // what came of each source's last visit in this process
}

// visitReport is what came of one visit.
type visitReport struct {
	feed.Report
	Status  int          `json:"status,omitempty"`
	Trouble feed.Trouble `json:"trouble,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Next    time.Time    `json:"next,omitzero"`
}

// newVisits puts together the steps of a visit. Nothing runs yet.
func newVisits(conf *current, db *storage.DB, client *fetcher.Client, m *metrics, log *slog.Logger) *visits {
	here := pipeline.Here{
		Fetch: client.Fetch,
		Next:  schedule.Next,
		Desks: make(chan struct{}, runtime.GOMAXPROCS(0)),
		Bug: func(source string, panicked any, stack []byte) {
			log.Error("a bug in Sangam, confined to one source", "source", source, "panic", panicked, "stack", string(stack))
		},
	}
	v := &visits{conf: conf, db: db, metrics: m, last: map[string]visitReport{}}
	v.line = &pipeline.Pipeline{Store: timed{db, m.merges}, Gather: here.Gather, Now: time.Now, Log: log, Told: v.told}
	v.agenda = &schedule.Scheduler{
		Recall: func(ctx context.Context, src feed.Source) (feed.State, error) { return db.State(ctx, src.ID) },
		Visit: func(ctx context.Context, src feed.Source) (feed.State, error) {
			if before, err := db.State(ctx, src.ID); err == nil {
				m.begun(before, time.Now())
			}
			return v.visit(ctx, src)
		},
		Domain:      fetcher.Domain,
		Concurrency: conf.get().Concurrency,
		Log:         log,
	}
	return v
}

// visit makes one visit, and lets readers know when the feed has changed its name.
func (v *visits) visit(ctx context.Context, src feed.Source) (feed.State, error) {
	state, _, err := v.line.Run(ctx, src)
	if err != nil || !src.Unnamed {
		return state, err
	}
	known, err := v.db.Outlets(ctx)
	if err == nil && known[src.ID].Name != src.Described(state.Channel).Name {
		err = v.conf.introduce(ctx, v.db)
	}
	return state, err
}

// introduce tells the store of the configured outlets, those that the operator
// has not named by the names their feeds give themselves.
func introduce(ctx context.Context, cfg *config.Config, db *storage.DB) error {
	outlets := cfg.Outlets()
	for i, src := range cfg.Sources {
		state, err := db.State(ctx, src.ID)
		if err != nil {
			return fmt.Errorf("recall %s: %w", src.ID, err)
		}
		outlets[i] = src.Described(state.For(src).Channel)
	}
	return db.SetOutlets(ctx, outlets)
}

func (v *visits) told(src feed.Source, _, st feed.State, r feed.Report) {
	r.Source = src.ID
	v.metrics.visited(st, r)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[src.ID] = visitReport{Report: r, Status: st.Status, Trouble: st.Trouble, Problem: st.Problem, Next: st.Due}
}

// now has every given source visited as soon as its host allows, and returns what
// came of it, in order.
func (v *visits) now(ctx context.Context, sources []feed.Source) ([]visitReport, error) {
	var g errgroup.Group
	for _, src := range sources {
		g.Go(func() error {
			if err := v.agenda.Now(ctx, src.ID); err != nil {
				return err
			}
			return nil
		})
	}
	err := g.Wait()
	return v.reports(sources), err
}

// reports is what came of the last visit of every given source, in order.
func (v *visits) reports(sources []feed.Source) []visitReport {
	v.mu.Lock()
	defer v.mu.Unlock()
	reports := make([]visitReport, len(sources))
	for i, src := range sources {
		reports[i] = v.last[src.ID]
	}
	return reports
}
