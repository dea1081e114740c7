package main

import (
	"context"
	"net/http"
	"os"
	urlpath "path"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/server"
	"sangam/storage"
)

// mostListedSources is how many sources have series of their own: with more, the
// series would outweigh what they tell. The counts by health are always of all.
const mostListedSources = 2000

// counted is a decider that counts by which rules it joins.
type counted struct {
	dedupe.Rules
	joins *prometheus.CounterVec
}

// Decide decides as the rules do.
func (c counted) Decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	v := c.Rules.Decide(it, near)
	if len(v.Joins) > 0 {
		c.joins.WithLabelValues(v.Joins[0].Rule).Inc()
	}
	return v
}

// visitStore is a store that may be told by a log.
type visitStore interface {
	Brief(ctx context.Context, source string) (feed.State, error)
	Merge(ctx context.Context, b feed.Batch) (feed.Report, error)
}

// timed is the store as visits use it. It tells how long merging takes.
type timed struct {
	db   visitStore
	took prometheus.Observer
}

// State leaves the habits out: a visit that brings items recalls them.
func (t timed) State(ctx context.Context, source string) (feed.State, error) {
	return t.db.Brief(ctx, source)
}

// Merge merges.
func (t timed) Merge(ctx context.Context, b feed.Batch) (feed.Report, error) {
	began := time.Now()
	report, err := t.db.Merge(ctx, b)
	t.took.Observe(time.Since(began).Seconds())
	return report, err
}

// requestsOf counts what readers ask for and get.
func (m *metrics) requestsOf(h http.Handler) http.Handler {
	type outcome struct {
		format string
		code   int
	}
	var mu sync.RWMutex
	counters := map[outcome]prometheus.Counter{} // at hand: finding one by its labels allocates
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answered{ResponseWriter: w, code: http.StatusOK}
		h.ServeHTTP(answer, r)
		o := outcome{format(r.URL.Path), answer.code}
		mu.RLock()
		counter := counters[o]
		mu.RUnlock()
		if counter == nil {
			counter = m.requests.WithLabelValues(o.format, strconv.Itoa(o.code))
			mu.Lock()
			counters[o] = counter
			mu.Unlock()
		}
		counter.Inc()
	})
}

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes the status and passes it on.
func (a *answered) WriteHeader(code int) {
	a.code = code
	a.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// format is the kind of document that a path names.
func format(p string) string {
	switch urlpath.Base(p) {
	case "feed.xml":
		return "rss"
	case "atom.xml":
		return "atom"
	case "feed.json":
		return "json"
	case "opml.xml":
		return "opml"
	case "healthz", "robots.txt", "favicon.ico":
		return "other"
	}
	if urlpath.Ext(p) != "" {
		return "other"
	}
	return "page"
}

// watchStore has the registry tell, whenever it is asked, how the store, the agenda
// and every source are.
func (m *metrics) watchStore(db *storage.DB, v *visits, backups *backupWatch) {
	value := func(name, help string, ask func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "sangam_" + name, Help: help}, ask))
	}
	value("store_bytes", "Size of the store's file.", func() float64 {
		info, err := os.Stat(db.Path())
		if err != nil {
			return 0
		}
		return float64(info.Size())
	})
	value("store_free_bytes", "Room in the store's file that will be used again.", func() float64 { return float64(storeOf(db, time.Now()).Free) })
	value("store_writable", "1 if what is to be stored can be, 0 if not, as on a full disk.", func() float64 {
		if _, err := db.Writable(); err != nil {
			return 0
		}
		return 1
	})
	value("backup_successful", "0 if the last backup that was due could not be made, else 1.", func() float64 {
		if len(backups.notices()) > 0 {
			return 0
		}
		return 1
	})
	value("visits_running", "Visits under way.", func() float64 { return float64(v.agenda.Visiting()) })
	value("visits_waiting", "Sources that have a visit ahead of them.", func() float64 { return float64(v.agenda.Waiting()) })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "sangam_store_damaged_records_total", Help: "Times that a stored record was found damaged and skipped.",
	},
		func() float64 { return float64(db.Lost()) }))
	m.registry.MustRegister(sourceStates{db})
}

// sourceStates collects what the store knows of the configured sources.
type sourceStates struct{ db *storage.DB }

var (
	sourcesByHealth = prometheus.NewDesc("sangam_sources", "Configured sources, by health: ok, silent, failing, gone or new.", []string{"health"}, nil)
	sourceSuccess   = prometheus.NewDesc("sangam_source_last_success_timestamp_seconds", "When a source last gave an answer we could use, in Unix time.", []string{"source"}, nil)
	sourceNews      = prometheus.NewDesc("sangam_source_last_change_timestamp_seconds", "When a source last brought a new or revised item, in Unix time.", []string{"source"}, nil)
	sourceFailures  = prometheus.NewDesc("sangam_source_failures", "Visits of a source that failed in a row; 0 = the last one succeeded.", []string{"source"}, nil)
	sourcePerDay    = prometheus.NewDesc("sangam_source_items_per_day", "New items that a source usually brings in a day, from the last two weeks.", []string{"source"}, nil)
	sourceNew       = prometheus.NewDesc("sangam_source_last_news_timestamp_seconds", "When a source last brought a new item, in Unix time.", []string{"source"}, nil)
	sourceSilent    = prometheus.NewDesc("sangam_source_silent", "1 if a source has brought nothing new for longer than it usually does, else 0.", []string{"source"}, nil)
	sourceItems     = prometheus.NewDesc("sangam_source_items", "Items in a source's last document that had any.", []string{"source"}, nil)
)

// Describe names what is collected.
func (sourceStates) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{sourcesByHealth, sourceSuccess, sourceNews, sourceFailures, sourceItems, sourcePerDay, sourceNew, sourceSilent} {
		to <- d
	}
}

// collectTimeout bounds one look at all sources.
const collectTimeout = 10 * time.Second

// Collect reads the store.
func (c sourceStates) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	st, err := server.StatusOf(ctx, c.db, time.Now())
	if err != nil {
		to <- prometheus.NewInvalidMetric(sourcesByHealth, err)
		return
	}
	counts := map[string]int{"ok": 0, "silent": 0, "failing": 0, "gone": 0, "new": 0}
	for _, s := range st.Sources {
		counts[s.Health]++
	}
	for health, n := range counts {
		to <- prometheus.MustNewConstMetric(sourcesByHealth, prometheus.GaugeValue, float64(n), health)
	}
	for _, s := range st.Sources[:min(len(st.Sources), mostListedSources)] {
		id := s.Outlet.ID
		if !s.State.Succeeded.IsZero() {
			to <- prometheus.MustNewConstMetric(sourceSuccess, prometheus.GaugeValue, float64(s.State.Succeeded.Unix()), id)
		}
		if !s.State.Changed.IsZero() {
			to <- prometheus.MustNewConstMetric(sourceNews, prometheus.GaugeValue, float64(s.State.Changed.Unix()), id)
		}
		if s.Usual.PerDay != nil {
			to <- prometheus.MustNewConstMetric(sourcePerDay, prometheus.GaugeValue, *s.Usual.PerDay, id)
		}
		silent := 0.0
		if !s.State.Tally.Silent.IsZero() {
			silent = 1
		}
		to <- prometheus.MustNewConstMetric(sourceSilent, prometheus.GaugeValue, silent, id)
		if !s.State.Tally.News.IsZero() {
			to <- prometheus.MustNewConstMetric(sourceNew, prometheus.GaugeValue, float64(s.State.Tally.News.Unix()), id)
		}
		to <- prometheus.MustNewConstMetric(sourceFailures, prometheus.GaugeValue, float64(s.State.Failures), id)
		to <- prometheus.MustNewConstMetric(sourceItems, prometheus.GaugeValue, float64(s.State.Items), id)
	}
}
