package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"sangam/feed"
)

// metrics are what the daemon tells Prometheus. Labels are bounded: by the program's
// lists (kinds of trouble, rules, formats), and by the configured sources, of which at
// most mostListedSources are told of one by one.
type metrics struct {
	registry *prometheus.Registry

	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	reloads    *prometheus.CounterVec

	visits   *prometheus.CounterVec
	troubles *prometheus.CounterVec
	duration prometheus.Histogram
	lag      prometheus.Histogram
	bytes    prometheus.Counter
	items    *prometheus.CounterVec
	joins    *prometheus.CounterVec
	merges   prometheus.Histogram
	requests *prometheus.CounterVec
	webhooks *prometheus.CounterVec
}

// Bounds of the histograms, in seconds.
var (
	visitBounds = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	lagBounds   = []float64{0.1, 1, 5, 15, 60, 300, 900, 3600}
	mergeBounds = []float64{0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5}
)

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	m.reloadOK = m.gauge("config_last_reload_successful", "1 if the configuration file is in force as it is, 0 if its last version was refused.")
	m.reloadTime = m.gauge("config_last_reload_success_timestamp_seconds", "When the configuration in force was read, in Unix time.")
	m.reloads = m.counters("config_reloads_total", "Readings of the configuration file since the start, by result: ok or refused.", "result")
	m.visits = m.counters("visits_total", "Visits to sources, by outcome: changed, unchanged or failed.", "outcome")
	m.troubles = m.counters("visit_failures_total", "Visits that failed, by the kind of trouble, as in dns, timeout, status.", "trouble")
	m.duration = m.histogram("visit_duration_seconds", "How long visits took on the network.", visitBounds)
	m.lag = m.histogram("visit_lag_seconds", "How long after they were due visits began.", lagBounds)
	m.bytes = prometheus.NewCounter(prometheus.CounterOpts{Name: "sangam_fetched_bytes_total", Help: "Bytes of the documents that were read, decoded."})
	m.items = m.counters("items_total", "Items that visits brought, by what they were found to be: fresh, copy, revised or same.", "result")
	m.brought(feed.Report{}) // so that they tell zero before there are any
	m.joins = m.counters("story_joins_total", "Items that joined a story, by the strongest rule that joined them.", "rule")
	m.merges = m.histogram("merge_duration_seconds", "How long it took to store a visit, the wait for a shared commit included.", mergeBounds)
	m.requests = m.counters("http_requests_total", "Requests of readers, by format and status code.", "format", "code")
	m.webhooks = m.counters("webhooks_total", "Messages to webhooks, by what came of them: delivered, retried, refused or dropped.", "result")
	m.gauge("build_info", "Always 1; the label tells the version.", "version", version).Set(1)
	m.registry.MustRegister(m.bytes, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) gauge(name, help string, label ...string) prometheus.Gauge {
	o := prometheus.GaugeOpts{Name: "sangam_" + name, Help: help}
	if len(label) == 2 {
		o.ConstLabels = prometheus.Labels{label[0]: label[1]}
	}
	g := prometheus.NewGauge(o)
	m.registry.MustRegister(g)
	return g
}

func (m *metrics) counters(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sangam_" + name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

func (m *metrics) histogram(name, help string, bounds []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "sangam_" + name, Help: help, Buckets: bounds})
	m.registry.MustRegister(h)
	return h
}

// visited counts one visit that was stored.
func (m *metrics) visited(st *feed.State, r feed.Report) {
	m.duration.Observe(float64(st.Took) / 1000)
	switch {
	case st.Trouble != feed.NoTrouble:
		m.visits.WithLabelValues("failed").Inc()
		m.troubles.WithLabelValues(string(st.Trouble)).Inc()
		return
	case r.Fresh+r.Copies+r.Revised+r.Same == 0:
		m.visits.WithLabelValues("unchanged").Inc()
		return
	}
	m.visits.WithLabelValues("changed").Inc()
	m.bytes.Add(float64(st.Bytes))
	m.brought(r)
}

// brought counts the items of a visit.
func (m *metrics) brought(r feed.Report) {
	for result, n := range map[string]int{"fresh": r.Fresh, "copy": r.Copies, "revised": r.Revised, "same": r.Same} {
		m.items.WithLabelValues(result).Add(float64(n))
	}
}

// begun notes how late a visit is.
func (m *metrics) begun(due, now time.Time) {
	if late := now.Sub(due); !due.IsZero() && late > 0 {
		m.lag.Observe(late.Seconds())
	}
}

func (m *metrics) loaded(at time.Time) {
	m.reloadOK.Set(1)
	m.reloadTime.Set(float64(at.UnixNano()) / float64(time.Second))
	m.reloads.WithLabelValues("ok").Inc()
}

func (m *metrics) refused() {
	m.reloadOK.Set(0)
	m.reloads.WithLabelValues("refused").Inc()
}
