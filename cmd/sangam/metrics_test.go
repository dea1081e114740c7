package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"sangam/internal/outlet"
)

func TestMetricsTellWhatHappenedAndKeepTheConventions(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.Atom)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	gazette.Publish(outlet.Line("b | /b | FERRY SINKS, off the Northern Coast! | All safe."))
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald, "gazette": gazette})
	d.start()
	d.fetch()
	d.get("/feed.xml")
	d.get("/")
	text := d.ask("/metrics")
	for _, want := range []string{
		`sangam_items_total{result="copy"} 1`, `sangam_items_total{result="fresh"} 1`, `sangam_visits_total{outcome="changed"} 2`,
		`sangam_sources{health="ok"} 2`, `sangam_source_failures{source="herald"} 0`, `sangam_http_requests_total{code="200",format="rss"} 1`,
		`sangam_http_requests_total{code="200",format="page"} 1`, `sangam_story_joins_total{rule="`, `sangam_merge_duration_seconds_count`,
		`sangam_config_last_reload_successful 1`, `sangam_store_bytes `, `sangam_fetched_bytes_total `, `sangam_build_info{version="`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics does not say %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
	d.stop()
}
