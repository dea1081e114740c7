package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"sangam/alarm"
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
	alarms  *alarm.Teller

	met chan struct{} // holds one: a feed has told its name

	mu    sync.Mutex
	last  map[string]visitReport  // what came of each source's last visit in this process
	names map[string]feed.Channel // of sources whose feeds call themselves other than the store knows
}

// visitReport is what came of one visit.
type visitReport struct {
	feed.Report
	Status  int          `json:"status,omitempty"`
	Trouble feed.Trouble `json:"trouble,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Next    time.Time    `json:"next,omitzero"`
}

// roomForItems is how many visits' items are in memory at once, about 200 kB each: those
// of a full commit, and those that are read meanwhile.
const roomForItems = 32

// hallForDocuments is how many documents wait to be read, about 50 kB each: enough that
// there always is one, and not one for every visit under way.
const hallForDocuments = 16

// doorForVisits is how many visits bring documents at once, where outlets answer promptly.
const doorForVisits = 64

// newVisits puts together the steps of a visit. Nothing runs yet.
func newVisits(conf *current, db *storage.DB, client *fetcher.Client, m *metrics, log *slog.Logger) *visits {
	here := pipeline.Here{
		Fetch: client.Fetch,
		Next:  schedule.Next,
		Habits: func(ctx context.Context, source string) feed.Habits {
			habits, err := db.Habits(ctx, source)
			if err != nil && ctx.Err() == nil {
				log.Error("cannot recall a source's habits, learning them anew", "source", source, "err", err)
			}
			return habits
		},
		Exact:   func() bool { return !conf.get().NearDuplicates },
		Instead: announced,
		Desks:   make(chan struct{}, runtime.GOMAXPROCS(0)),
		Bug: func(source string, panicked any, stack []byte) {
			log.Error("a bug in Sangam, confined to one source", "source", source, "panic", panicked, "stack", string(stack))
		},
	}
	alarms := alarm.New(alarm.Options{
		Transport: fetcher.Transport, Agent: "Sangam/" + version, Log: log,
		Count: func(result string) { m.webhooks.WithLabelValues(result).Inc() },
	})
	alarms.Set(conf.get().Webhooks)
	v := &visits{conf: conf, db: db, metrics: m, alarms: alarms, met: make(chan struct{}, 1), last: map[string]visitReport{}, names: map[string]feed.Channel{}}
	v.line = &pipeline.Pipeline{
		Store: timed{db, m.merges}, Gather: here.Gather,
		Room: make(chan struct{}, roomForItems), Hall: make(chan struct{}, hallForDocuments), Door: make(chan struct{}, doorForVisits),
		Now: time.Now, Log: log, Told: v.told,
	}
	v.agenda = &schedule.Scheduler{
		Recall:      func(ctx context.Context, src feed.Source) (feed.State, error) { return db.Brief(ctx, src.ID) },
		Visit:       v.visit,
		Domain:      fetcher.Domain,
		Concurrency: conf.get().Concurrency,
		Log:         log,
	}
	return v
}

// visit makes one visit.
func (v *visits) visit(ctx context.Context, src feed.Source) (feed.State, error) {
	state, _, err := v.line.Run(ctx, src)
	return *state, err
}

// meet notes when a feed calls itself other than before.
func (v *visits) meet(src *feed.Source, told feed.Outlet, ch feed.Channel) {
	known, ok := v.db.Outlet(src.ID)
	if known.FeedID != "" {
		told.FeedID = known.FeedID // some have another one every time
	}
	if !ok || known.Name == told.Name && known.Site == told.Site && known.FeedID == told.FeedID {
		return
	}
	ch.Pace, ch.Entries = feed.Pace{}, nil
	v.mu.Lock()
	v.names[src.ID] = ch
	v.mu.Unlock()
	select {
	case v.met <- struct{}{}:
	default:
	}
}

// introduceEvery is how often the store is told of names while many feeds are met: it
// is a transaction, and every document that shows outlets is made anew.
const introduceEvery = time.Second

// introduceMet tells the store how feeds call themselves, until ctx ends.
func (v *visits) introduceMet(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-v.met:
		}
		if err := v.introduceNow(ctx); err != nil && ctx.Err() == nil {
			v.line.Log.Error("cannot store how feeds call themselves; at the next start they are asked again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(introduceEvery):
		}
	}
}

// introduceNow tells the store how the feeds met since call themselves.
func (v *visits) introduceNow(ctx context.Context) error {
	v.mu.Lock()
	names := v.names
	v.names = map[string]feed.Channel{}
	v.mu.Unlock()
	if len(names) == 0 {
		return nil
	}
	return v.conf.rename(ctx, v.db, names)
}

// introduce tells the store of the configured outlets, those that the operator
// has not named by the names their feeds give themselves.
func introduce(ctx context.Context, cfg *config.Config, db *storage.DB) error {
	if pos, err := db.Position(ctx); err != nil || cfg.Cluster != nil || pos.Log != "" {
		return err // the cluster's log does
	}
	return introduceAll(ctx, cfg, db)
}

// introduceAll tells a store of the configured outlets that no cluster's log tells of them.
func introduceAll(ctx context.Context, cfg *config.Config, db *storage.DB) error {
	outlets, err := described(ctx, cfg, db)
	if err != nil {
		return err
	}
	return db.SetOutlets(ctx, outlets)
}

func (v *visits) told(visit *feed.Visit, st *feed.State, r feed.Report) {
	r.Source = visit.Source.ID
	described := visit.Source.Described(st.Channel)
	v.meet(&visit.Source, described, st.Channel)
	v.alarms.Visited(described, &visit.State, st)
	v.metrics.begun(visit.State.Due, st.Visited)
	v.metrics.visited(st, r)
	v.note(r, st)
}

// note keeps what came of a source's last visit.
func (v *visits) note(r feed.Report, st *feed.State) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last[r.Source] = visitReport{Report: r, Status: st.Status, Trouble: st.Trouble, Problem: st.Problem, Next: st.Due}
}

// now has every given source visited as soon as its host allows, and returns what
// came of it, in order.
func (v *visits) now(ctx context.Context, sources []feed.Source) ([]visitReport, error) {
	ids := make([]string, len(sources))
	for i := range sources {
		ids[i] = sources[i].ID
	}
	err := errors.Join(v.agenda.NowAll(ctx, ids), v.introduceNow(ctx))
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
