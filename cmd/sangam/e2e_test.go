package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"

	"sangam/internal/outlet"
)

// A daemon is the built program, running.
type daemon struct {
	t      *testing.T
	dir    string
	bin    string
	env    []string // more than the test has itself
	cmd    *exec.Cmd
	stderr *bytes.Buffer
	ended  chan error
	listen string
	admin  string
}

// sangam is the program: this very binary, which is it when called by its name.
func sangam(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "sangam")
	if err := os.Symlink(exe, bin); err != nil {
		t.Fatal(err)
	}
	return bin
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newDaemon writes a configuration over the given outlets.
func newDaemon(t *testing.T, outlets map[string]*outlet.Outlet) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: t.TempDir(), bin: sangam(t), listen: freePort(t), admin: freePort(t)}
	d.configure(outlets, "")
	return d
}

// configure writes the configuration over the given outlets, with more lines at its end.
func (d *daemon) configure(outlets map[string]*outlet.Outlet, more string) {
	d.t.Helper()
	var cfg strings.Builder
	fmt.Fprintf(&cfg, "listen: %s\nadmin: %s\nfetch: {schedule: '@hourly', allow_networks: [127.0.0.0/8], per_host: {interval: 1ms}}\nsources:\n", d.listen, d.admin)
	for id, o := range outlets {
		fmt.Fprintf(&cfg, "  - {id: %s, url: '%s'}\n", id, o.Feed()) // no name: the feed has one
	}
	file := filepath.Join(d.dir, "config.yaml")
	if err := os.WriteFile(file+".new", []byte(cfg.String()+more), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		d.t.Fatal(err)
	}
}

// command runs one of the program's commands where the daemon's configuration is.
func (d *daemon) command(args ...string) (stdout, stderr string, status int) {
	d.t.Helper()
	stdout, stderr, status, err := d.try(args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return stdout, stderr, status
}

// try is command for goroutines, which must not end the test.
func (d *daemon) try(args ...string) (stdout, stderr string, status int, err error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, d.bin, args...)
	cmd.Dir = d.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", "", 0, fmt.Errorf("sangam %s hangs; the daemon meanwhile:\n%s\n%s", args, d.stderr, d.goroutines())
	}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return "", "", 0, fmt.Errorf("sangam %s: %w", args, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode(), nil
}

// goroutines is what the daemon is doing, for a test that waits for it in vain.
func (d *daemon) goroutines() string {
	cfg, _ := os.ReadFile(filepath.Join(d.dir, "config.yaml"))
	_, rest, _ := strings.Cut(string(cfg), "admin: ")
	admin, _, _ := strings.Cut(rest, "\n")
	resp, err := http.Get("http://" + admin + "/debug/pprof/goroutine?debug=2")
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	stacks, _ := io.ReadAll(resp.Body)
	return string(stacks)
}

// start runs the daemon until it serves.
func (d *daemon) start() {
	d.t.Helper()
	d.cmd = exec.Command(d.bin, "run")
	d.cmd.Dir = d.dir
	d.cmd.Env = append(os.Environ(), d.env...)
	pipe, err := d.cmd.StderrPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.stderr, d.ended = new(bytes.Buffer), make(chan error, 1)
	serving := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			d.stderr.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "msg=serving") {
				close(serving)
			}
		}
		d.ended <- d.cmd.Wait()
	}()
	d.t.Cleanup(func() { d.cmd.Process.Kill() })
	select {
	case <-serving:
	case err := <-d.ended:
		d.t.Fatalf("the daemon ended: %v\n%s", err, d.stderr)
	case <-time.After(15 * time.Second):
		d.t.Fatal("the daemon does not serve")
	}
}

// stop ends the daemon as an operator would, and says how long that took.
func (d *daemon) stop() time.Duration {
	d.t.Helper()
	began := time.Now()
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-d.ended:
		if err != nil {
			d.t.Errorf("the daemon ended with %v\n%s", err, d.stderr)
		}
	case <-time.After(10 * time.Second):
		d.t.Fatal("the daemon did not end within ten seconds of SIGTERM")
	}
	return time.Since(began)
}

func (d *daemon) get(path string) string {
	d.t.Helper()
	resp, err := http.Get("http://" + d.listen + path)
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

// fetch has the daemon visit every source now.
func (d *daemon) fetch() []visitReport {
	d.t.Helper()
	stdout, stderr, status := d.command("fetch", "--all", "-o", "json")
	var reports []visitReport
	if err := json.Unmarshal([]byte(stdout), &reports); err != nil {
		d.t.Fatalf("sangam fetch --all: status %d, %v\n%s%s", status, err, stdout, stderr)
	}
	return reports
}

func openOutlet(t *testing.T, name string, format outlet.Format) *outlet.Outlet {
	t.Helper()
	o, err := outlet.New(outlet.Options{Format: format, Title: "The " + name, Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o
}

// TestTwoOutletsOneFeed is the main job: two outlets publish, one report reaches
// both, and whoever reads the merged feed sees it once.
func TestTwoOutletsOneFeed(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.Atom)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald, "gazette": gazette})
	d.start()
	d.fetch()
	first, err := gofeed.NewParser().ParseString(d.get("/feed.xml"))
	if err != nil || len(first.Items) != 1 {
		t.Fatalf("got %d items, %v, want the herald's", len(first.Items), err)
	}

	gazette.Publish(outlet.Line("b | /b | FERRY SINKS, off the Northern Coast! | All safe."), outlet.Line("c | /c | Mayor opens the long awaited tunnel | Traffic moves."))
	d.fetch()
	for _, path := range []string{"/feed.xml", "/atom.xml", "/feed.json"} {
		got, err := gofeed.NewParser().ParseString(d.get(path))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var titles []string
		for _, it := range got.Items {
			titles = append(titles, it.Title)
		}
		slices.Sort(titles)
		if want := []string{"Ferry sinks off the northern coast", "Mayor opens the long awaited tunnel"}; !slices.Equal(titles, want) {
			t.Errorf("%s: got %q, want %q", path, titles, want)
		}
		i := slices.IndexFunc(got.Items, func(it *gofeed.Item) bool { return strings.HasPrefix(it.Title, "Ferry") })
		if got.Items[i].GUID != first.Items[0].GUID {
			t.Errorf("%s: the entry's id changed from %s to %s when a copy joined", path, first.Items[0].GUID, got.Items[i].GUID)
		}
		if !strings.Contains(got.Items[i].Content+got.Items[i].Description, "The gazette") {
			t.Errorf("%s: the other outlet is not named: %q", path, got.Items[i].Content+got.Items[i].Description)
		}
	}
	if page := d.get("/"); !strings.Contains(page, "Ferry sinks") || !strings.Contains(page, "The gazette") {
		t.Error("the river page does not show the story and its outlets")
	}
	t.Run("feedparser", func(t *testing.T) { d.feedparserAgrees(t) })
	t.Run("sfeed", func(t *testing.T) { d.sfeedAgrees(t) })

	if took := d.stop(); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	before := len(herald.Requests())
	d.start() // a restart neither forgets nor fetches early
	if got, err := gofeed.NewParser().ParseString(d.get("/feed.xml")); err != nil || len(got.Items) != 2 {
		t.Errorf("after a restart: got %d items, %v, want 2", len(got.Items), err)
	}
	if n := len(herald.Requests()); n != before {
		t.Errorf("a restart made %d requests", n-before)
	}
	d.stop()
}

// need returns the path of a program that the test cannot do without.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("%s is not installed", program)
	} else if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

func (d *daemon) feedparserAgrees(t *testing.T) {
	python := need(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import feedparser").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3-feedparser is not installed")
		}
		t.Skip("python3-feedparser is not installed")
	}
	for _, path := range []string{"/feed.xml", "/atom.xml"} {
		script := `import feedparser, sys
f = feedparser.parse(sys.argv[1])
print(bool(f.bozo), len(f.entries), sum(1 for e in f.entries if e.title.startswith("Ferry")))`
		out, err := exec.Command(python, "-c", script, "http://"+d.listen+path).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != "False 2 1" {
			t.Errorf("%s: feedparser says %q, %v; want no bozo, 2 entries, the ferry once", path, got, err)
		}
	}
}

func (d *daemon) sfeedAgrees(t *testing.T) {
	cmd := exec.Command(need(t, "sfeed"))
	cmd.Stdin = strings.NewReader(d.get("/feed.xml"))
	out, err := cmd.Output()
	if lines := strings.Count(string(out), "\n"); err != nil || lines != 2 || strings.Count(string(out), "Ferry sinks") == 0 {
		t.Errorf("sfeed says %q, %v; want 2 items", out, err)
	}
}

func TestSecondDaemonNamesTheLock(t *testing.T) {
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": openOutlet(t, "herald", outlet.RSS2)})
	d.start()
	began := time.Now()
	d.command("check") // how slow a day it is
	slow := time.Since(began)
	began = time.Now()
	_, stderr, status := d.command("run")
	if took := time.Since(began); status != exitTemporary || took > 2*time.Second+4*slow || !strings.Contains(stderr, "sangam.db") {
		t.Errorf("a second daemon: got status %d after %v, %q; want %d within 2s and the file named", status, took, stderr, exitTemporary)
	}
	d.stop()
}

func TestFailingSourceIsToldAndDelaysNobody(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	gazette.Behave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })) // never answers
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald, "gazette": gazette})
	d.start()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(d.get("/feed.xml"), "Ferry sinks"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the source that works waits for the one that hangs")
		}
	}
	d.stop() // in the middle of a visit

	gazette.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) }))
	d.start()
	d.fetch()
	for _, args := range [][]string{{"status"}, {"status", "gazette"}} {
		if out, stderr, status := d.command(args...); status != 0 || !strings.Contains(out, "503") {
			t.Errorf("sangam %s: status %d, %q%q; want the failure told", args, status, out, stderr)
		}
	}
	if out, _, _ := d.command("status"); !strings.Contains(out, "herald") {
		t.Errorf("sangam status: %q, want every source", out)
	}
	if _, stderr, status := d.command("healthcheck"); status != 0 {
		t.Errorf("sangam healthcheck: status %d, %s", status, stderr)
	}
	if !strings.Contains(d.get("/feed.xml"), "Ferry sinks") {
		t.Error("the story is gone")
	}
	d.stop()

	if out, stderr, status := d.command("status", "gazette"); status != 0 || !strings.Contains(out, "503") {
		t.Errorf("sangam status with no daemon: status %d, %q%q; want the failure read from the store", status, out, stderr)
	}
	if _, _, status := d.command("healthcheck"); status != exitFailure {
		t.Errorf("sangam healthcheck with no daemon: status %d, want %d", status, exitFailure)
	}
}
