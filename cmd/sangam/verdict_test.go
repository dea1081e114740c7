package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// newBridge is a daemon over the demo's outlets, all of whose items are out.
func newBridge(t *testing.T) (*daemon, desks) {
	t.Helper()
	open, err := openDesks(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(open.close)
	began := time.Now().Add(-2 * time.Minute)
	open.publishUntil(began, began.Add(time.Minute))
	d := &daemon{t: t, dir: t.TempDir(), bin: sangam(t), listen: freePort(t), admin: freePort(t)}
	var cfg strings.Builder
	fmt.Fprintf(&cfg, "listen: %s\nadmin: %s\nfetch: {schedule: '@hourly', allow_networks: [127.0.0.0/8], per_host: {interval: 1ms}}\nsources:\n", d.listen, d.admin)
	for _, o := range open {
		fmt.Fprintf(&cfg, "  - {id: %s, name: '%s', url: '%s', language: %s, credits: ['%s'], priority: %d}\n", o.ID, o.Name, o.Feed(), o.Lang, o.Credit, o.Priority)
	}
	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), []byte(cfg.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return d, open
}

// A served entry is what readers see of a story.
type servedEntry struct {
	ID      string
	Title   string
	Outlets []string
}

// served are the entries of the merged feed.
func (d *daemon) served() []servedEntry {
	d.t.Helper()
	var got struct {
		Items []struct {
			ID, Title string
			Sangam    struct {
				Outlets []struct{ ID string }
			} `json:"_sangam"`
		}
	}
	if err := json.Unmarshal([]byte(d.get("/feed.json")), &got); err != nil {
		d.t.Fatal(err)
	}
	var out []servedEntry
	for _, it := range got.Items {
		e := servedEntry{ID: it.ID, Title: it.Title}
		for _, o := range it.Sangam.Outlets {
			e.Outlets = append(e.Outlets, o.ID)
		}
		out = append(out, e)
	}
	return out
}

// holding is the served entry whose title begins so; the test fails if there is not one.
func (d *daemon) holding(title string) servedEntry {
	d.t.Helper()
	var found []servedEntry
	for _, e := range d.served() {
		if strings.HasPrefix(e.Title, title) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		d.t.Fatalf("%d entries begin with %q, want one: %v", len(found), title, d.served())
	}
	return found[0]
}

// must runs a command that has to succeed.
func (d *daemon) must(args ...string) string {
	d.t.Helper()
	out, stderr, status := d.command(args...)
	if status != exitOK {
		d.t.Fatalf("sangam %s: status %d, %s", args, status, stderr)
	}
	return out
}

// Titles of the demo's bridge, as its two outlets give them, and of another report.
const (
	bridge      = "دو دریاؤں کے سنگم پر نیا پل"
	bridgeAgain = "سنگم پر نيا پل عوام"
	tram        = "شہر کی ساتویں ٹرام لائن"
)

func TestWhyExplainsTheBridgeHoweverItIsNamed(t *testing.T) {
	d, open := newBridge(t)
	d.start()
	d.fetch()
	entry := d.holding(bridge)
	if want := []string{"rheinfunk", "sahil"}; !slices.Equal(entry.Outlets, want) {
		t.Fatalf("the bridge is carried by %v, want %v", entry.Outlets, want)
	}
	var hits []hit
	if err := json.Unmarshal([]byte(d.must("search", "-o", "json", bridge)), &hits); err != nil || len(hits) != 1 {
		t.Fatalf("searching the bridge: %v, %v", hits, err)
	}
	var whole reasons
	if err := json.Unmarshal([]byte(d.must("why", "-o", "json", hits[0].Key)), &whole); err != nil || len(whole.Stories) != 1 || len(whole.Stories[0].Members) != 2 {
		t.Fatalf("why of a story: %v, %+v", err, whole)
	}
	first, second := whole.Stories[0].Members[0], whole.Stories[0].Members[1]
	bare, _, _ := strings.Cut(first.Link, "?")
	names := [][2]string{
		{entry.ID, "sahil-8801"},                    // entry id and the outlet's own id
		{first.Link, second.Link},                   // links as sent
		{readable(bare), second.Link + "#comments"}, // the same pages, otherwise written
		{hits[0].Key, second.Key},                   // the story means its lead
		{first.Key, second.Key},
		{second.Key, first.Key},
	}
	ask := func(a, b string) reasons {
		t.Helper()
		var r reasons
		if err := json.Unmarshal([]byte(d.must("why", "-o", "json", a, b)), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range 2 { // asked of the daemon, then of the store itself
		for _, pair := range names {
			r := ask(pair[0], pair[1])
			if len(r.Stories) != 1 || len(r.Path) != 1 || r.Path[0].Rule != "text" || r.Path[0].Scores["text"] < 0.9 {
				t.Fatalf("why %s: path %+v, want one join by text", pair, r.Path)
			}
			if r.Explanation == nil || r.Explanation.Ruling.Rule != "text" || r.Among == nil || r.Among.Rule != "text" {
				t.Errorf("why %s: judged again %+v, among all %+v; want text", pair, r.Explanation, r.Among)
			}
			if longest := r.Explanation.A.Longest(); len([]rune(longest)) < 120 {
				t.Errorf("why %s: the shared passage is %q, want both sentences", pair, longest)
			}
			out := d.must("why", pair[0], pair[1])
			for _, want := range []string{"1 → 2", "by rule text", "⟦", "⟧", "rheinfunk", "sahil", "Origin: رائن فنک اردو"} {
				if want = strings.ReplaceAll(want, "1 → 2", map[bool]string{true: "2 → 1", false: "1 → 2"}[pair[0] == second.Key]); !strings.Contains(out, want) {
					t.Errorf("why %s does not say %q:\n%s", pair, want, out)
				}
			}
		}
		if out := d.must("why", first.Key, "http://"+strings.TrimPrefix(open[1].server.Base(), "http://")+"/city/tram-line-seven"); !strings.Contains(out, "are two stories") || !strings.Contains(out, "apart, by rule") {
			t.Errorf("why of two stories says:\n%s", out)
		}
		if _, stderr, status := d.command("why", "no-such-thing", first.Key); status != exitFailure || !strings.Contains(stderr, "no-such-thing: no item or story is known") {
			t.Errorf("why of nothing: status %d, %q", status, stderr)
		}
		if d.ended != nil && d.cmd.ProcessState == nil {
			d.stop()
		}
	}
}

func TestVerdictsAreSeenInTheFeedAndStay(t *testing.T) {
	d, _ := newBridge(t)
	d.must("fetch", "rheinfunk") // before sahil: the story is named after the first
	d.start()
	d.fetch()
	joined := d.holding(bridge)
	apart := func(when string) {
		t.Helper()
		if e := d.holding(bridge); e.ID != joined.ID || !slices.Equal(e.Outlets, []string{"rheinfunk"}) {
			t.Errorf("%s: the bridge is %v, want %s of rheinfunk alone", when, e, joined.ID)
		}
		if e := d.holding(bridgeAgain); e.ID == joined.ID || !slices.Equal(e.Outlets, []string{"sahil"}) {
			t.Errorf("%s: the other bridge is %v, want an entry of sahil's own", when, e)
		}
	}
	together := func(when string) {
		t.Helper()
		if e := d.holding(bridge); e.ID != joined.ID || !slices.Equal(e.Outlets, joined.Outlets) {
			t.Errorf("%s: the bridge is %v, want %v", when, e, joined)
		}
	}
	restart := func() { d.stop(); d.start() }
	here := func(args ...string) { // with no daemon
		t.Helper()
		d.stop()
		d.must(args...)
		d.start()
	}

	if out := d.must("verdict", "never", joined.ID, "sahil-8801"); !strings.Contains(out, "two stories now") {
		t.Errorf("verdict never says %q", out)
	}
	apart("after verdict never")
	d.fetch()
	apart("after another visit")
	restart()
	apart("after a restart")
	d.must("reindex")
	apart("after a reindex")
	here("reindex")
	apart("after a reindex with no daemon")
	if out := d.must("verdict", "list"); strings.Count(out, "\n") != 3 || !strings.HasPrefix(out, "never") || !strings.Contains(out, bridgeAgain) {
		t.Errorf("verdict list says %q", out)
	}
	if out := d.must("why", joined.ID, "sahil-8801"); !strings.Contains(out, "You have ruled") || !strings.Contains(out, "two stories") {
		t.Errorf("why says:\n%s", out)
	}

	if out := d.must("verdict", "undo", joined.ID, "sahil-8801"); !strings.Contains(out, "one story now") {
		t.Errorf("verdict undo says %q", out)
	}
	together("after undo")
	here("verdict", "never", joined.ID, "sahil-8801")
	apart("after verdict never with no daemon")
	here("verdict", "undo", joined.ID, "sahil-8801")
	together("after undo with no daemon")
	if out := d.must("verdict", "list", "-o", "json"); strings.TrimSpace(out) != "[]" {
		t.Errorf("after undo verdict list says %q", out)
	}
	if _, stderr, status := d.command("verdict", "undo", joined.ID, "sahil-8801"); status != exitFailure || !strings.Contains(stderr, "not found") {
		t.Errorf("undoing nothing: status %d, %q", status, stderr)
	}

	lone := d.holding(tram)
	d.must("verdict", "always", "sahil-8790", joined.ID)
	one := func(when string) {
		t.Helper()
		if n := len(slices.DeleteFunc(d.served(), func(e servedEntry) bool { return e.ID != lone.ID && e.ID != joined.ID })); n != 1 {
			t.Errorf("%s: tram and bridge are %d entries, want one", when, n)
		}
	}
	one("after verdict always")
	d.must("reindex")
	one("after a reindex")
	restart()
	one("after a restart")
	here("verdict", "undo", "sahil-8790", joined.ID)
	if e := d.holding(tram); e.ID != lone.ID {
		t.Errorf("after undo the tram's entry is %s, was %s", e.ID, lone.ID)
	}
	together("after undo")
}
