package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sangam/internal/outlet"
)

// TestSecretsAreNowhereToBeSeen gives a daemon every kind of secret, has visits succeed,
// fail and be redirected, and looks at everything that it says.
func TestSecretsAreNowhereToBeSeen(t *testing.T) {
	herald, gazette := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	gazette.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/feed" {
			http.Redirect(w, r, "/elsewhere?token=SECRET-5", http.StatusMovedPermanently)
			return
		}
		http.Error(w, "no", http.StatusForbidden)
	}))
	echo := openOutlet(t, "echo", outlet.RSS2)
	echo.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // an answer, and what we sent behind it
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s%s", len(outlet.Sample), outlet.Sample, r.Header.Get("X-Key"))
		_, _ = io.Copy(io.Discard, conn)
	}))
	d := newDaemon(t, nil)
	withLogin := strings.Replace(herald.Feed(), "http://", "http://user:SECRET-1@", 1)
	d.configure(nil, fmt.Sprintf(`  - {id: herald, url: '%s?token=SECRET-2', headers: {X-Key: SECRET-3}}
  - {id: gazette, url: '%s?api_key=SECRET-4', auth: {username: user, password: SECRET-6}}
  - {id: echo, url: '%s', headers: {X-Key: SECRET-10}}
  - {id: post, url: 'http://127.0.0.1:1/?key=SECRET-7', proxy: 'http://user:SECRET-8@127.0.0.1:1'}
admin_token: SECRET-9-0123456789
webhooks: [{url: 'http://user:SECRET-11@127.0.0.1:1/SECRET-12', secret: SECRET-13-0123456789, headers: {X-Key: SECRET-14}}]
log: {level: debug}
`, withLogin, gazette.Feed(), echo.Feed()))
	d.start()
	d.fetch()
	file := filepath.Join(d.dir, "config.yaml")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]string{}
	record := func(args ...string) {
		stdout, stderr, _ := d.command(args...)
		said["sangam "+strings.Join(args, " ")] = stdout + stderr
	}
	record("status")
	record("status", "-o", "json")
	for _, id := range []string{"herald", "gazette", "echo", "post"} {
		record("status", id)
		record("sources", "test", id)
		record("sources", "test", id, "-o", "json")
	}
	record("sources", "list", "-o", "json")
	record("opml", "export")
	record("fetch", "--all")
	record("preview", "--all")
	for _, path := range []string{"/", "/feed.xml", "/atom.xml", "/feed.json", "/sources/", "/opml.xml"} {
		said["readers' "+path] = d.get(path)
	}
	for _, path := range []string{"/", "/?source=gazette", "/?source=post", "/status.json", "/status.xml", "/metrics", "/debug/pprof/cmdline"} {
		said["operators' "+path] = string(ask(t, "http://"+d.admin, path, http.Header{"Authorization": {"Bearer SECRET-9-0123456789"}}).body)
	}
	if err := os.WriteFile(file, append(good, "sauces: SECRET-2\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	record("reload")
	d.soon("the refusal", func() bool { out, _, _ := d.command("status"); return strings.Contains(out, "was refused") })
	record("status")
	d.stop()
	said["the log"] = d.stderr.String()
	for what, text := range said {
		if i := strings.Index(text, "SECRET"); i >= 0 {
			t.Errorf("%s tells %s… in: %s", what, text[i:min(len(text), i+8)], text[max(0, i-120):min(len(text), i+20)])
		}
		if text == "" {
			t.Errorf("%s says nothing", what)
		}
	}
	for line := range strings.Lines(said["the log"]) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("the log holds what is no line of a log: %s", line)
		}
	}
	if !strings.Contains(said["the log"], "level=DEBUG") && !strings.Contains(said["the log"], "visit failed") {
		t.Errorf("the log tells nothing of the visits:\n%s", said["the log"])
	}
}
