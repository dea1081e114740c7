package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics are what the daemon tells Prometheus. Labels are bounded by the
// configuration (source ids) or by lists in the program (kinds of trouble, rules).
type metrics struct {
	registry *prometheus.Registry

	reloadOK   prometheus.Gauge
	reloadTime prometheus.Gauge
	reloads    *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		reloadOK: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sangam_config_last_reload_successful", Help: "1 if the configuration file is in force as it is, 0 if its last version was refused."}),
		reloadTime: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sangam_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was read, in Unix time."}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sangam_config_reloads_total", Help: "Readings of the configuration file since the start, by result: ok or refused."}, []string{"result"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sangam_build_info", Help: "Always 1; the label tells the version.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.reloadOK, m.reloadTime, m.reloads, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
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
