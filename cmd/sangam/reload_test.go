package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sangam/config"
	"sangam/internal/outlet"
	"sangam/server"
)

// ask returns what the operators' side says at a path.
func (d *daemon) ask(path string) string {
	d.t.Helper()
	resp, err := http.Get("http://" + d.admin + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		d.t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return string(body)
}

// soon waits for what must come; a busy machine takes its time.
func (d *daemon) soon(what string, is func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			d.t.Fatalf("%s does not come; the daemon said\n%s", what, d.stderr)
		}
	}
}

// program is what the daemon says of its configuration.
func (d *daemon) program() configStatus {
	d.t.Helper()
	var st struct {
		server.Status
		Program programStatus `json:"program"`
	}
	if err := json.Unmarshal([]byte(d.ask("/status.json")), &st); err != nil {
		d.t.Fatal(err)
	}
	return st.Program.Config
}

func TestChangedFileIsTakenOverWhileVisitsRun(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.Atom)
	gazette.Publish(outlet.Line("b | /b | Mayor opens the long awaited tunnel | Traffic moves."))
	asked, answer := make(chan struct{}), make(chan struct{})
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		io.WriteString(w, outlet.Sample)
	}))
	one, both := map[string]*outlet.Outlet{"herald": herald}, map[string]*outlet.Outlet{"herald": herald, "gazette": gazette}
	d := newDaemon(t, one)
	d.start()
	<-asked // a new source is visited at once
	d.configure(both, "title: Both\n")
	d.soon("the new source's story", func() bool { return strings.Contains(d.get("/feed.xml"), "Mayor opens") })
	if page := d.get("/"); !strings.Contains(page, "Both") {
		t.Error("the page does not bear its new title")
	}
	close(answer)
	d.soon("the story of the visit that was under way", func() bool { return strings.Contains(d.get("/feed.xml"), "<title>One</title>") })
	if got := d.program(); got.Change != "+1 source, title changed" {
		t.Errorf("got the change %q, want the source and the title named", got.Change)
	}

	d.configure(one, "") // the operator thinks again
	d.soon("the source's leaving", func() bool { return !strings.Contains(d.get("/feed.xml"), "Mayor opens") })
	d.configure(both, "")
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.soon("its return", func() bool { return strings.Contains(d.get("/feed.xml"), "Mayor opens") })
	d.stop()
	for _, line := range []string{"−1 source", "+1 source, title changed"} {
		if !strings.Contains(d.stderr.String(), line) {
			t.Errorf("the log does not tell %q:\n%s", line, d.stderr)
		}
	}
}

func TestBadFileKeepsTheOldConfiguration(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	d.start()
	d.fetch()
	good, err := os.ReadFile(filepath.Join(d.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}

	d.configure(nil, "  - {url: 'gopher://x.example/', shedule: never}\ntitle: Half\n")
	d.soon("the refusal", func() bool { return !d.program().Refused.IsZero() })
	if _, stderr, status := d.command("reload"); status != exitConfig || !strings.Contains(stderr, `did you mean "schedule"?`) {
		t.Errorf("sangam reload: status %d, %q; want %d and the mistake", status, stderr, exitConfig)
	}
	if body := d.get("/feed.xml"); !strings.Contains(body, "Ferry sinks") || strings.Contains(body, "Half") {
		t.Error("half of a bad file was taken over")
	}
	status, _, _ := d.command("status")
	for what, text := range map[string]string{
		"status page": d.ask("/"), "status.json": d.ask("/status.json"), "status command": status,
	} {
		if !strings.Contains(text, "was refused at") || !strings.Contains(text, "shedule") {
			t.Errorf("the %s does not tell that the file was refused", what)
		}
	}
	if metrics := d.ask("/metrics"); !strings.Contains(metrics, "sangam_config_last_reload_successful 0\n") {
		t.Error("no metric tells that the file was refused")
	}

	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), append([]byte("title: [no YAML\n"), good...), 0o600); err != nil {
		t.Fatal(err)
	}
	d.soon("the refusal of what is no YAML", func() bool { return !strings.Contains(strings.Join(d.program().Problems, ""), "shedule") })
	if out, stderr, code := d.command("status"); code != 0 || !strings.Contains(out, "is still in force") || !strings.Contains(out, "herald") {
		t.Errorf("sangam status with a file that is no YAML: status %d\n%s%s", code, out, stderr)
	}

	if err := os.Remove(filepath.Join(d.dir, "config.yaml")); err != nil {
		t.Fatal(err)
	}
	d.soon("that the file is gone", func() bool { return strings.Contains(strings.Join(d.program().Problems, ""), "no such file") })
	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), good, 0o600); err != nil {
		t.Fatal(err)
	}
	d.soon("that the file is well again", func() bool { return d.program().Refused.IsZero() })

	// Keys that need a restart.
	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), append(good, "data: elsewhere\nlog: {format: json}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := d.command("reload")
	if code != 0 || !strings.Contains(stdout, "no change") || !strings.Contains(stdout, "after a restart: data, log.format") {
		t.Errorf("sangam reload: status %d, %q%q; want what waits for a restart", code, stdout, stderr)
	}
	if st := d.program(); !st.Refused.IsZero() || len(st.Restart) != 2 {
		t.Errorf("got %+v, want nothing refused and two keys waiting", st)
	}
	if out, _, _ := d.command("status"); !strings.Contains(out, "data, log.format take effect when the daemon is started again") {
		t.Errorf("sangam status does not tell what waits for a restart:\n%s", out)
	}
	if metrics := d.ask("/metrics"); !strings.Contains(metrics, "sangam_config_last_reload_successful 1\n") {
		t.Error("the metric still tells of a refusal")
	}
	d.stop()
	if !strings.Contains(d.stderr.String(), `level=INFO msg="configuration reloaded" because="the file changed" file=`) {
		t.Errorf("the log does not tell that the file is well again:\n%s", d.stderr)
	}
	if _, stderr, status := d.command("reload"); status != exitFailure || !strings.Contains(stderr, "no daemon") {
		t.Errorf("sangam reload with no daemon: status %d, %q", status, stderr)
	}
}

// TestRefusedFileIsTriedAgain refuses a file for want of a variable, which then comes:
// the file itself does not change.
func TestRefusedFileIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	write(t, path, "title: old\nsources: []\n")
	cfg, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := openStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var said bytes.Buffer
	var come atomic.Bool
	applied := make(chan string, 100)
	r := newReloader(holding(cfg), db, slog.New(slog.NewTextHandler(&said, nil)), newMetrics(), func(cfg *config.Config) { applied <- cfg.Title })
	r.again, r.lookup = 20*time.Millisecond, func(string) (string, bool) { return "new", come.Load() }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.run(ctx, nil) }()
	<-applied // what it says when the watching begins
	write(t, path, "title: ${TITLE}\nsources: []\n")
	for r.state().Refused.IsZero() {
		time.Sleep(time.Millisecond)
	}
	come.Store(true)
	if title := <-applied; title != "new" {
		t.Errorf("taken over was %q", title)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := strings.Count(said.String(), "refused, the old one stays"); n != 1 {
		t.Errorf("the refusal was logged %d times, want once:\n%s", n, &said)
	}
}

func TestOperatorsSideWantsItsToken(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	const first, second = "first-0123456789abcdef", "second-0123456789abcdef"
	d.configure(outlets, "admin_token: "+first+"\n")
	d.start()
	asked := func(token string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.admin+"/status.json", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if a, b := asked(first), asked(second); a != http.StatusOK || b != http.StatusUnauthorized {
		t.Errorf("got %d with the token and %d with another, want 200 and 401", a, b)
	}
	d.fetch() // the commands know it
	other := strings.Replace(read(t, filepath.Join(d.dir, "config.yaml")), first, second, 1)
	write(t, filepath.Join(d.dir, "other.yaml"), other)
	if _, stderr, status := d.command("status", "--config", "other.yaml"); status != exitFailure || !strings.Contains(stderr, "wants an admin_token that this configuration does not have") {
		t.Errorf("sangam status with another token: status %d, %q", status, stderr)
	}
	if out, stderr, status := d.command("preview", "--config", "other.yaml"); status != exitOK || !strings.Contains(out, "admin_token changed") {
		t.Errorf("sangam preview of another token: status %d, %q%q", status, out, stderr)
	}
	d.configure(outlets, "admin_token: "+second+"\n")
	d.soon("the new token", func() bool { return asked(second) == http.StatusOK })
	if a := asked(first); a != http.StatusUnauthorized {
		t.Errorf("got %d with the old token, want 401", a)
	}
	d.stop()
	if strings.Contains(d.stderr.String(), first) || strings.Contains(d.stderr.String(), second) {
		t.Error("the log tells the token")
	}
}

// TestReloadsUnderLoadLoseNoVisit changes schedules, names and the list of sources over
// and over while every source is being visited.
func TestReloadsUnderLoadLoseNoVisit(t *testing.T) {
	const desks = 12
	outlets, fewer := map[string]*outlet.Outlet{}, map[string]*outlet.Outlet{}
	for i := range desks {
		id := fmt.Sprintf("desk%02d", i)
		o, err := outlet.New(outlet.Options{Title: id, Language: "en", Latency: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		o.Publish(outlet.Line(fmt.Sprintf("%s | /%s | Report number %d of the desk called %s | Something new.", id, id, i, id)))
		outlets[id] = o
		if i > 0 {
			fewer[id] = o
		}
	}
	d := newDaemon(t, outlets)
	d.start()
	fetched := make(chan struct{})
	go func() {
		defer close(fetched)
		if _, _, _, err := d.try("fetch", "--all"); err != nil { // desk00 may leave meanwhile, which it tells
			t.Errorf("while the daemon reloads, %v", err)
		}
	}()
	for i := range 8 {
		title := fmt.Sprintf("title: Number %d\n", i)
		if i%2 == 0 {
			d.configure(fewer, title)
		} else {
			d.configure(outlets, title+"stories: {window: 72h}\n")
		}
		d.command("reload")
	}
	<-fetched
	for _, r := range d.fetch() {
		if r.Trouble != "" {
			t.Errorf("after the reloads %s: %s", r.Source, r.Problem)
		}
	}
	feed := d.get("/feed.xml")
	for id := range outlets {
		if !strings.Contains(feed, "desk called "+id) {
			t.Errorf("the report of %s is lost", id)
		}
		if most := outlets[id].Most(); most > 1 {
			t.Errorf("%s was visited %d times at once", id, most)
		}
	}
	d.stop()
	if strings.Contains(d.stderr.String(), "level=ERROR") {
		t.Errorf("the log tells of errors:\n%s", d.stderr)
	}
}

// TestReloadedRulesDecideAtOnce has a daemon that compares no texts compare them, with
// no restart.
func TestReloadedRulesDecideAtOnce(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.RSS2)
	text := "The ferry that left at dawn sank off the northern coast and twelve people were rescued by fishermen. " +
		"Nobody knows yet why it took in water, said the harbour master, who had warned of the old hull for years. " +
		"The company has promised an inquiry, and the ministry has closed the route until the spring tide is over."
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | " + text))
	gazette.Publish(outlet.Line("b | /b | Twelve saved by fishermen at dawn | " + text))
	outlets := map[string]*outlet.Outlet{"herald": herald, "gazette": gazette}
	d := newDaemon(t, outlets)
	d.configure(outlets, "stories: {near_duplicates: false}\n")
	d.start()
	d.fetch()
	stories := func() int { return strings.Count(d.get("/feed.xml"), "<item ") }
	if n := stories(); n != 2 {
		t.Fatalf("%d stories while no texts are compared, want 2", n)
	}
	d.configure(outlets, "stories: {near_duplicates: true}\n")
	if stdout, stderr, code := d.command("reload"); code != 0 || strings.Contains(stdout, "restart") {
		t.Errorf("sangam reload: status %d, %q%q; want nothing to wait for a restart", code, stdout, stderr)
	}
	if stdout, stderr, code := d.command("reindex"); code != 0 {
		t.Fatalf("sangam reindex: status %d, %q%q", code, stdout, stderr)
	}
	if n := stories(); n != 1 {
		t.Errorf("%d stories after a rebuild by the new rules, want 1", n)
	}
}
