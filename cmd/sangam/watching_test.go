package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sangam/internal/outlet"
)

// TestDashboardAndAlertsNameMetricsThatExist scrapes a daemon in which everything has
// happened once.
func TestDashboardAndAlertsNameMetricsThatExist(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.Atom)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	gazette.Publish(outlet.Line("b | /b | FERRY SINKS, off the Northern Coast! | All safe."))
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald, "gazette": gazette})
	d.configure(map[string]*outlet.Outlet{"herald": herald, "gazette": gazette}, "  - {id: nobody, url: 'http://127.0.0.1:1/feed'}\n")
	d.start()
	d.fetch()
	d.get("/feed.xml")
	scraped := map[string]bool{"up": true} // of Prometheus itself
	for line := range strings.Lines(d.ask("/metrics")) {
		if name := regexp.MustCompile(`^[a-z_]+`).FindString(line); name != "" {
			scraped[name] = true
		}
	}
	d.stop()
	series := regexp.MustCompile(`\b(?:sangam|process|go)_[a-z0-9_]+|\bup\b`)
	for file, expressions := range map[string][]string{"grafana.json": dashboard(t), "alerts.yaml": expressionsOf(shipped(t, "alerts.yaml"))} {
		if len(expressions) < 9 {
			t.Errorf("deploy/%s has %d expressions", file, len(expressions))
		}
		for _, e := range expressions {
			names := series.FindAllString(e, -1)
			if len(names) == 0 {
				t.Errorf("deploy/%s asks for nothing of ours: %s", file, e)
			}
			for _, name := range names {
				if !scraped[name] {
					t.Errorf("deploy/%s: the daemon has no %s", file, name)
				}
			}
		}
	}
}

func expressionsOf(rules string) []string {
	var list []string
	for _, m := range regexp.MustCompile(`(?m)^\s+expr: (.*)$`).FindAllStringSubmatch(rules, -1) {
		list = append(list, m[1])
	}
	return list
}

// dashboard returns the expressions of the dashboard's panels.
func dashboard(t *testing.T) []string {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(shipped(t, "grafana.json")), &board); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			list = append(list, target.Expr)
		}
	}
	return list
}

// TestAlertsFireWhenTheyShould lets Prometheus read the alert rules, the dashboard's
// expressions, and a history in which things go wrong.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool := need(t, "promtool")
	rules, err := filepath.Abs("../../deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	board := "groups:\n- name: dashboard\n  rules:\n"
	for _, e := range dashboard(t) {
		e = strings.NewReplacer("$__rate_interval", "5m", "$job", "sangam").Replace(e)
		board += "  - {record: panel, expr: '" + e + "'}\n"
	}
	write(t, filepath.Join(dir, "panels.yaml"), board)
	for _, file := range []string{rules, filepath.Join(dir, "panels.yaml")} {
		// Panels may ask for the same twice; that is promtool's only "lint" here.
		if out, err := exec.Command(promtool, "check", "rules", "--lint=none", file).CombinedOutput(); err != nil {
			t.Errorf("promtool check rules: %v\n%s", err, out)
		}
	}
	play := strings.ReplaceAll(read(t, "testdata/alerts.yaml"), "{{RULES}}", rules)
	write(t, filepath.Join(dir, "play.yaml"), play)
	if out, err := exec.Command(promtool, "test", "rules", filepath.Join(dir, "play.yaml")).CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
}
