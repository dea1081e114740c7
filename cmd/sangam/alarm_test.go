package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"sangam/alarm"
	"sangam/feed"
	"sangam/internal/outlet"
)

// TestOperatorsAreToldOfTroublesAndRecoveries has a source fail and recover, and looks
// at everything that tells of it: a webhook, the feed of troubles, also after a restart,
// the status.
func TestOperatorsAreToldOfTroublesAndRecoveries(t *testing.T) {
	var mu sync.Mutex
	var told []alarm.Notice
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var n alarm.Notice
		if err := json.Unmarshal(body, &n); err != nil || r.Header.Get("X-Hub-Signature-256") != alarm.Sign("s3cret-of-hook", body) {
			t.Errorf("told %s, signed %q: %v", body, r.Header.Get("X-Hub-Signature-256"), err)
		}
		mu.Lock()
		told = append(told, n)
		mu.Unlock()
	}))
	defer receiver.Close()
	messages := func(n int) func() bool {
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(told) == n
		}
	}

	herald := openOutlet(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	hook := fmt.Sprintf("webhooks:\n- {url: '%s/geheim?x=1', secret: s3cret-of-hook}\n", receiver.URL)
	d.configure(outlets, hook)
	d.start()
	d.fetch()
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	d.fetch()
	d.fetch()
	d.soon("the message of the failure", messages(1))
	status, _, _ := d.command("status", "herald")
	for _, want := range []string{"health         failing", "what to do", "happened", "502"} {
		if !strings.Contains(status, want) {
			t.Errorf("sangam status herald does not tell %q:\n%s", want, status)
		}
	}
	before := d.ask("/status.xml")
	if err := xml.Unmarshal([]byte(before), &struct{}{}); err != nil || strings.Count(before, "<entry>") != 1 || !strings.Contains(before, "The herald fails") {
		t.Errorf("the feed of troubles: %v\n%s", err, before)
	}
	d.stop()
	d.start()
	if again := d.ask("/status.xml"); again != before {
		t.Errorf("after a restart the feed of troubles is\n%s\nit was\n%s", again, before)
	}
	herald.Behave(nil)
	d.fetch()
	d.fetch()
	d.soon("the message of the recovery", messages(2))
	if told[0].Event != feed.Failing || told[0].Name != "The herald" || told[1].Event != feed.Recovered {
		t.Errorf("told %+v", told)
	}
	if after := d.ask("/status.xml"); strings.Count(after, "<entry>") != 2 || !strings.Contains(after, "works again") {
		t.Errorf("the feed of troubles:\n%s", after)
	}
	if metrics := d.ask("/metrics"); !strings.Contains(metrics, `sangam_webhooks_total{result="delivered"} 1`) {
		t.Error("no metric tells of the message")
	}
	log := d.stderr

	// The page's buttons write the configuration and have it taken over.
	form := func(action string) {
		t.Helper()
		resp, err := http.PostForm("http://"+d.admin+"/do", url.Values{"action": {action}, "source": {"herald"}})
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s", action, resp.Status, body)
		}
	}
	form("pause")
	if page := d.ask("/"); !strings.Contains(page, "never, it is paused") {
		t.Error("the page does not tell that the source is paused")
	}
	form("resume")
	form("fetch")
	d.configure(outlets, strings.Replace(hook, "http://127", "http://10", 1))
	if _, stderr, code := d.command("reload"); code != 0 {
		t.Errorf("reload: %d %s", code, stderr)
	}
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	d.fetch()
	d.soon("the refusal of a private network", func() bool { return strings.Contains(d.ask("/metrics"), `sangam_webhooks_total{result="retried"}`) })
	d.stop()
	if strings.Contains(log.String()+d.stderr.String(), "geheim") || strings.Contains(d.stderr.String(), "s3cret") {
		t.Errorf("the log tells a secret:\n%s", d.stderr)
	}
}
