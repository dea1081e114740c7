package server_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mmcdole/gofeed"

	"sangam/feed"
	"sangam/server"
)

// The readers here are the ones people use, as Debian packages them. A machine
// without them skips; the one that judges changes (CI=true) must have them all.

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed here: %v", name, err)
		}
		t.Skipf("%s is not on this machine", name)
	}
	return path
}

// run returns what a program wrote to its output.
func run(t *testing.T, stdin []byte, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TZ=UTC", "LC_ALL=C.UTF-8", "no_proxy=*")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &out, &problems)
	}
	return out.String()
}

// street serves a shelf on a real address.
func street(t *testing.T, s *shelf) string {
	t.Helper()
	return streetWith(t, s, townOptions)
}

func streetWith(t *testing.T, s *shelf, o server.Options) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	o.Base = "http://" + srv.Listener.Addr().String() + "/"
	srv.Config.Handler = server.New(o, s)
	srv.Start()
	t.Cleanup(srv.Close)
	return o.Base
}

// seen is what a reader understands of an entry.
type seen struct {
	ID, Title, Link string
	Time            time.Time
}

// meant is what the first stories of the town should look like to every reader.
func meant(s *shelf, n int) []seen {
	var es []seen
	for _, story := range s.stories[:n] {
		it := story.Lead()
		es = append(es, seen{story.ID, it.Title, it.Link, it.Published})
	}
	return es
}

var feedFiles = []string{"feed.xml", "atom.xml", "feed.json"}

func TestGofeedReadsWhatWasMeant(t *testing.T) {
	s := town()
	base := street(t, s)
	for _, file := range feedFiles {
		f, err := gofeed.NewParser().ParseURL(base + file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var got []seen
		for _, it := range f.Items {
			got = append(got, seen{it.GUID, it.Title, it.Link, it.PublishedParsed.UTC()})
		}
		if diff := cmp.Diff(meant(s, len(got)), got); diff != "" || len(got) < 20 {
			t.Errorf("%s: %d entries, wanted (-) and read (+):\n%s", file, len(got), diff)
		}
	}
}

func TestFeedparserReadsWhatWasMeant(t *testing.T) {
	python := program(t, "/usr/bin/python3")
	if err := exec.Command(python, "-c", "import feedparser").Run(); err != nil {
		program(t, "python3-feedparser")
	}
	s := town()
	base := street(t, s)
	for _, file := range feedFiles[:2] {
		const script = `import feedparser, json, sys, calendar
f = feedparser.parse(sys.argv[1])
json.dump({"Bozo": bool(f.bozo), "Why": str(f.get("bozo_exception", "")), "Source": f.entries[0].source.title, "Lang": f.entries[0].title_detail.language or "",
 "Entries": [{"ID": e.id, "Title": e.title_detail.value, "Link": e.link, "Unix": calendar.timegm(e.published_parsed)} for e in f.entries]}, sys.stdout)`
		var f struct {
			Bozo              bool
			Why, Source, Lang string
			Entries           []struct {
				ID, Title, Link string
				Unix            int64
			}
		}
		if err := json.Unmarshal([]byte(run(t, nil, python, "-c", script, base+file)), &f); err != nil {
			t.Fatal(err)
		}
		var got []seen
		for _, e := range f.Entries {
			got = append(got, seen{e.ID, e.Title, e.Link, time.Unix(e.Unix, 0).UTC()})
		}
		if diff := cmp.Diff(meant(s, len(got)), got); diff != "" || f.Bozo || len(got) < 20 {
			t.Errorf("%s: bozo %v %s, %d entries, wanted (-) and read (+):\n%s", file, f.Bozo, f.Why, len(got), diff)
		}
		if f.Source != "دریا نیوز" || f.Lang != "ur" {
			t.Errorf("%s: source %q, language %q; want that of the leading outlet", file, f.Source, f.Lang)
		}
	}
}

func TestSfeedReadsWhatWasMeant(t *testing.T) {
	sfeed := program(t, "sfeed")
	s := town()
	h := server.New(townOptions, s)
	for _, file := range feedFiles[:2] {
		out := run(t, ask(t, h, "GET", "/"+file).Body.Bytes(), sfeed)
		var got []seen
		for line := range strings.Lines(out) {
			f := strings.Split(line, "\t")
			unix, err := strconv.ParseInt(f[0], 10, 64)
			if err != nil || len(f) < 6 {
				t.Fatalf("%s: %q", file, line)
			}
			got = append(got, seen{f[5], f[1], f[2], time.Unix(unix, 0).UTC()})
		}
		if diff := cmp.Diff(meant(s, len(got)), got); diff != "" || len(got) < 20 {
			t.Errorf("%s: %d entries, wanted (-) and read (+):\n%s", file, len(got), diff)
		}
	}
}

func TestNewsboatFindsNothingNewTheSecondTime(t *testing.T) {
	newsboat := program(t, "newsboat")
	s := town()
	base := street(t, s)
	for _, file := range feedFiles[:2] {
		dir := t.TempDir()
		urls, config := filepath.Join(dir, "urls"), filepath.Join(dir, "config")
		write(t, urls, base+file+"\n")
		write(t, config, "")
		args := []string{"-q", "-u", urls, "-c", filepath.Join(dir, "cache.db"), "-C", config, "-x"}
		count := func() string { return strings.TrimSpace(run(t, nil, newsboat, append(args, "print-unread")...)) }
		run(t, nil, newsboat, append(args, "reload")...)
		first := count()
		run(t, nil, newsboat, append(args, "reload")...)
		if second := count(); first != second || !strings.HasPrefix(first, strconv.Itoa(entries(t, base, file))+" ") {
			t.Errorf("%s: %q, after a second look %q; want %d entries both times", file, first, second, entries(t, base, file))
		}
	}
}

func TestRSS2EmailSendsEveryStoryOnce(t *testing.T) {
	r2e := program(t, "r2e")
	s := town()
	base := street(t, s)
	dir := t.TempDir()
	for _, sub := range []string{"mail/INBOX/new", "mail/INBOX/cur", "mail/INBOX/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "config")
	args := []string{"-c", config, "-d", filepath.Join(dir, "data")}
	run(t, nil, r2e, append(args, "new", "reader@example.org")...)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, config, strings.NewReplacer("email-protocol = sendmail", "email-protocol = maildir", "maildir-path = ~/Maildir", "maildir-path = "+filepath.Join(dir, "mail"),
		"maildir-mailbox = INBOX", "maildir-mailbox = INBOX").Replace(string(text)))
	run(t, nil, r2e, append(args, "add", "town", base+"feed.xml")...)
	letters := func() int {
		run(t, nil, r2e, append(args, "run")...)
		found, err := filepath.Glob(filepath.Join(dir, "mail/INBOX/new/*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	first, second := letters(), letters()
	if want := entries(t, base, "feed.xml"); first != want || second != want {
		t.Errorf("%d letters, after a second run %d; want %d", first, second, want)
	}
}

// entries is how many stories a document holds.
func entries(t *testing.T, base, file string) int {
	t.Helper()
	f, err := gofeed.NewParser().ParseURL(base + file)
	if err != nil {
		t.Fatal(err)
	}
	return len(f.Items)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHostileCharactersHarmNobody(t *testing.T) {
	lint := program(t, "xmllint")
	evil := "a\x00b\x0bc\ufffed\xffe]]>f\xed\xa0\x80g <script>alert(1)</script>\r\nX-Evil: 1 \u202egnol\u2066"
	s := town()
	o := s.outlets["herald"]
	o.Name, o.Categories = evil, append(o.Categories, evil)
	s.outlets["herald"] = o
	it := item("herald", "evil", evil, "<p>"+evil[:20]+"</p>", "en", feed.LeftToRight, -1)
	it.Link, it.Image, it.Via = "javascript:alert(1)", "data:text/html,x", "https://ok.example/\x00\"><script>"
	it.Authors = []feed.Person{{Name: evil, URI: "javascript:alert(1)"}}
	it.Categories = []string{evil}
	it.Enclosures = []feed.Enclosure{{URL: "https://h.example/a b.mp3", Type: "audio/mpeg\r\nX: y", Length: -4, Title: evil}}
	bad := story("evil", noon, it)
	s.put(bad)
	h := server.New(townOptions, s)
	for _, path := range []string{"/feed.xml", "/atom.xml", "/opml.xml"} {
		w := ask(t, h, "GET", path)
		run(t, w.Body.Bytes(), lint, "--noout", "-")
	}
	for _, path := range []string{"/", "/story/evil", "/sources/", "/categories/", "/feed.json", "/feed.xml", "/atom.xml"} {
		w := ask(t, h, "GET", path)
		body := strings.ReplaceAll(w.Body.String(), `<script src="/assets/`, "") // our own
		for _, sign := range []string{"<script", "javascript:", "data:text", "\x00", "\x0b", "\ufffe", "\u202e", "\u2066", "\r"} {
			if strings.Contains(body, sign) && (sign != "<script" || path != "/feed.json") {
				t.Errorf("%s holds %q", path, sign)
			}
		}
		for name, values := range w.Header() {
			if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
				t.Errorf("%s: header %s holds a line break", path, name)
			}
		}
	}
	var doc map[string]any
	if err := json.Unmarshal(ask(t, h, "GET", "/feed.json").Body.Bytes(), &doc); err != nil || len(doc["items"].([]any)) != townOptions.Items {
		t.Errorf("feed.json: %v, want every item", err)
	}
	f, err := gofeed.NewParser().ParseString(ask(t, h, "GET", "/feed.xml").Body.String())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.Items[0].Title, "abcde]]>fg <script>alert(1)</script> X-Evil: 1 gnol"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	if got := f.Items[1].Title; got != s.stories[1].Lead().Title {
		t.Errorf("the neighbour's title came out as %q", got)
	}
}

func TestReadersFromNPMReadWhatWasMeant(t *testing.T) {
	node := program(t, "node")
	const script = "../internal/npm/read.mjs"
	if _, err := os.Stat("../internal/npm/node_modules"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the packages of internal/npm are needed here: %v", err)
		}
		t.Skip("npm ci in internal/npm installs the readers")
	}
	s := town()
	h := server.New(townOptions, s)
	for reader, files := range map[string][]string{"feedsmith": feedFiles, "rss-parser": feedFiles[:2]} { // rss-parser knows no JSON
		for _, file := range files {
			var read []struct {
				ID, Title, Link string
				Date            time.Time
			}
			if err := json.Unmarshal([]byte(run(t, ask(t, h, "GET", "/"+file).Body.Bytes(), node, script, reader)), &read); err != nil {
				t.Fatal(err)
			}
			var got []seen
			for _, e := range read {
				got = append(got, seen{e.ID, e.Title, e.Link, e.Date.UTC()})
			}
			if diff := cmp.Diff(meant(s, len(got)), got); diff != "" || len(got) < 20 {
				t.Errorf("%s of %s: %d entries, wanted (-) and read (+):\n%s", reader, file, len(got), diff)
			}
		}
	}
}
