package fetcher_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loopback is what tests may dial.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func start(t *testing.T, opts outlet.Options) *outlet.Outlet {
	t.Helper()
	o, err := outlet.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

func client(t *testing.T, opts fetcher.Options) *fetcher.Client {
	t.Helper()
	c := fetcher.New(opts)
	t.Cleanup(c.Close)
	return c
}

func source(address string) feed.Source {
	return feed.Source{Outlet: feed.Outlet{ID: "herald"}, FeedURL: address, AllowNetworks: loopback, Timeout: 5 * time.Second, MaxBody: 1 << 20}
}

// remember is what the pipeline makes of a document: the state for the next visit.
func remember(src feed.Source, doc feed.Document) feed.State {
	return feed.State{Source: src.ID, ConfiguredURL: src.Address(), ETag: doc.ETag, LastModified: doc.LastModified, BodyHash: doc.BodyHash, URL: doc.MovedTo}
}

func fetch(t *testing.T, c *fetcher.Client, src feed.Source, st feed.State) feed.Document {
	t.Helper()
	return c.Fetch(t.Context(), &feed.Visit{Source: src, State: st, At: time.Now()})
}

func TestSecondVisitIsConditional(t *testing.T) {
	o := start(t, outlet.Options{})
	o.Publish(outlet.Line("1 | /1 | One"))
	c := client(t, fetcher.Options{Version: "1.2", Home: "https://sangam.example/"})
	src := source(o.Feed())

	first := fetch(t, c, src, feed.State{})
	if first.Outcome != feed.Changed || first.Status != 200 || !strings.Contains(string(first.Body), "One") || first.URL != o.Feed() || first.MovedTo != "" {
		t.Fatalf("first visit: got %+v", first)
	}
	second := fetch(t, c, src, remember(src, first))
	if second.Outcome != feed.Unchanged || second.Status != 304 || second.ETag != first.ETag || string(second.BodyHash) != string(first.BodyHash) {
		t.Errorf("second visit: got %+v, want 304 and the validators kept", second)
	}
	o.Publish(outlet.Line("2 | /2 | Two"))
	if third := fetch(t, c, src, remember(src, second)); third.Outcome != feed.Changed || third.ETag == first.ETag {
		t.Errorf("after news: got %+v", third)
	}

	h := o.Requests()[1].Header
	for name, want := range map[string]string{
		"User-Agent": "Sangam/1.2 (+https://sangam.example/)", "If-None-Match": first.ETag, "If-Modified-Since": first.LastModified,
		"Accept-Encoding": "gzip", "A-Im": "feed", "Cookie": "", "Referer": "",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for _, kind := range []string{"application/rss+xml", "application/atom+xml", "application/feed+json"} {
		if !strings.Contains(h.Get("Accept"), kind) {
			t.Errorf("Accept %q lacks %s", h.Get("Accept"), kind)
		}
	}
	if got := o.Connections(); got != 1 {
		t.Errorf("%d connections for three visits, want 1", got)
	}
}

func TestOddValidatorsGoBackByteForByte(t *testing.T) {
	o := start(t, outlet.Options{})
	for _, sent := range []struct{ etag, modified string }{
		{`W/"weak"`, "Tuesday, 09-Apr-24 08:00:00 GMT"},
		{`unquoted-etag`, "2024-04-09T08:00:00+05:00"},
		{`"a" , "b"`, "Tue Apr  9 08:00:00 2024"},
		{`"\"--gzip"`, ""},
		{``, "-1"},
		{"\"\xe9\xff\"", "gestern, 8 Uhr"},
	} {
		o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["ETag"], w.Header()["Last-Modified"] = []string{sent.etag}, []string{sent.modified}
			fmt.Fprint(w, "body of ", len(o.Requests()))
		}))
		c, src := client(t, fetcher.Options{}), source(o.Feed())
		first := fetch(t, c, src, feed.State{})
		if first.ETag != sent.etag || first.LastModified != sent.modified {
			t.Errorf("got %q and %q, want %q and %q", first.ETag, first.LastModified, sent.etag, sent.modified)
		}
		fetch(t, c, src, remember(src, first))
		h := o.Requests()[len(o.Requests())-1].Header
		if h.Get("If-None-Match") != sent.etag || h.Get("If-Modified-Since") != sent.modified {
			t.Errorf("sent back %q and %q, want %q and %q", h.Get("If-None-Match"), h.Get("If-Modified-Since"), sent.etag, sent.modified)
		}
	}
}

func TestEvery200ReplacesBothValidators(t *testing.T) {
	o := start(t, outlet.Options{})
	answer := http.Header{}
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range answer {
			w.Header()[name] = values
		}
		fmt.Fprint(w, "body of ", len(o.Requests()))
	}))
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	st := feed.State{}
	for _, h := range []http.Header{
		{"Etag": {`"1"`}, "Last-Modified": {"one"}},
		{"Etag": {`"2"`}, "Last-Modified": {"one"}},
		{"Etag": {`"2"`}, "Last-Modified": {"two"}},
		{"Last-Modified": {"two"}},
		{"Etag": {`"2"`}},
		{},
	} {
		answer = h
		doc := fetch(t, c, src, st)
		if doc.ETag != h.Get("ETag") || doc.LastModified != h.Get("Last-Modified") {
			t.Errorf("%v: got %q and %q", h, doc.ETag, doc.LastModified)
		}
		st = remember(src, doc)
	}
}

func TestNewValidatorsIn304AreKept(t *testing.T) {
	o := start(t, outlet.Options{})
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"new"`)
		w.WriteHeader(http.StatusNotModified)
	}))
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	doc := fetch(t, c, src, feed.State{ETag: `"old"`, LastModified: "then", BodyHash: []byte("hash")})
	if doc.Outcome != feed.Unchanged || doc.ETag != `"new"` || doc.LastModified != "then" || string(doc.BodyHash) != "hash" {
		t.Errorf("got %+v", doc)
	}
}

func TestWhatA304DoesNotSayHoldsOn(t *testing.T) {
	o := start(t, outlet.Options{})
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	at := time.Now()
	st := feed.State{ETag: `"1"`, Visited: at.Add(-2 * time.Hour), NotBefore: at.Add(-time.Hour), NotBeforeWhy: "max-age"}
	for _, row := range []struct {
		header, value, why string
		want               time.Duration
	}{
		{"", "", "max-age", time.Hour},
		{"", "", "Retry-After", 0},
		{"Cache-Control", "max-age=60", "max-age", time.Minute},
		{"Cache-Control", "no-cache", "max-age", 0},
		{"Expires", "0", "Expires", 0},
	} {
		o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if row.header != "" {
				w.Header().Set(row.header, row.value)
			}
			w.WriteHeader(http.StatusNotModified)
		}))
		st.NotBeforeWhy = row.why
		doc := c.Fetch(t.Context(), &feed.Visit{Source: src, State: st, At: at})
		switch got := doc.NotBefore.Sub(at).Round(time.Minute); {
		case row.want == 0 && !doc.NotBefore.IsZero(), row.want > 0 && got != row.want:
			t.Errorf("304 with %s %s after %s: fresh for %s, want %s", row.header, row.value, row.why, got, row.want)
		}
	}
}

func TestSameBytesAreUnchanged(t *testing.T) {
	o := start(t, outlet.Options{})
	n := 0
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n)) // changes with every answer
		fmt.Fprint(w, "<rss/>")
	}))
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	first := fetch(t, c, src, feed.State{})
	second := fetch(t, c, src, remember(src, first))
	if second.Outcome != feed.Unchanged || second.Status != 200 || second.ETag != `"2"` || second.Body != nil {
		t.Errorf("got %+v, want unchanged with the new validator", second)
	}
}

func TestValidatorsOfAnotherAddressAreNotSent(t *testing.T) {
	o := start(t, outlet.Options{})
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	st := remember(src, fetch(t, c, src, feed.State{}))
	src.FeedURL += "?another"
	if doc := fetch(t, c, src, st); doc.Status != 200 {
		t.Errorf("got %d, want 200", doc.Status)
	}
	if h := o.Requests()[1].Header; h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != "" {
		t.Errorf("sent %v", h)
	}
}

func TestDeltaIsMarked(t *testing.T) {
	o := start(t, outlet.Options{})
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("A-IM") == "feed" {
			w.Header().Set("IM", "feed")
			w.Header().Set("ETag", `"2"`)
			w.WriteHeader(http.StatusIMUsed)
			fmt.Fprint(w, "<rss>only the new</rss>")
		}
	}))
	doc := fetch(t, client(t, fetcher.Options{}), source(o.Feed()), feed.State{ETag: `"1"`})
	if doc.Outcome != feed.Changed || !doc.Delta || doc.ETag != `"2"` {
		t.Errorf("got %+v", doc)
	}
}

func TestFileOnlyAsConfigured(t *testing.T) {
	path := filepath.Join(t.TempDir(), "own.xml")
	if err := os.WriteFile(path, []byte("<rss/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := client(t, fetcher.Options{})
	src := source((&url.URL{Scheme: "file", Path: path}).String())
	first := fetch(t, c, src, feed.State{})
	if first.Outcome != feed.Changed || string(first.Body) != "<rss/>" {
		t.Errorf("got %+v", first)
	}
	if second := fetch(t, c, src, remember(src, first)); second.Outcome != feed.Unchanged {
		t.Errorf("got %+v", second)
	}
	for _, bad := range []string{"file:///dev/zero", "file:///no/such/file", "file://elsewhere/etc/passwd", "file:///"} {
		if doc := fetch(t, c, source(bad), feed.State{}); doc.Outcome != feed.Failed || doc.Problem == "" {
			t.Errorf("%s: got %+v", bad, doc)
		}
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if doc := fetch(t, c, source("file://"+pipe), feed.State{}); !strings.Contains(doc.Problem, "not a regular file") {
		t.Errorf("a pipe: got %+v", doc)
	}
	src.MaxBody = 5
	if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.TooLarge {
		t.Errorf("a byte too many: got %+v", doc)
	}
	o := start(t, outlet.Options{})
	o.Behave(http.RedirectHandler("file://"+path, http.StatusMovedPermanently))
	if doc := fetch(t, c, source(o.Feed()), feed.State{}); doc.Trouble != feed.Redirect || doc.Body != nil {
		t.Errorf("redirect to a file: got %+v", doc)
	}
}

func TestStoppingIsNobodysFault(t *testing.T) {
	o := start(t, outlet.Options{Latency: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	doc := client(t, fetcher.Options{}).Fetch(ctx, &feed.Visit{Source: source(o.Feed())})
	if doc.Outcome != feed.Failed || time.Since(began) > time.Second {
		t.Errorf("got %+v after %s", doc, time.Since(began))
	}
}

func TestWhoeverReadsMayHoldUpABodyAndNothingElse(t *testing.T) {
	o := start(t, outlet.Options{})
	o.Publish(outlet.Line("1 | /1 | One"))
	var held []time.Duration
	c := client(t, fetcher.Options{Arriving: func(_ context.Context, patience time.Duration) { held = append(held, patience) }})
	src := source(o.Feed())
	first := fetch(t, c, src, feed.State{})
	if len(held) != 1 || held[0] <= 0 || held[0] > src.Timeout/10 {
		t.Errorf("a body was held up for %v, want once, for a small part of the visit's %s", held, src.Timeout)
	}
	fetch(t, c, src, remember(src, first)) // 304
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }))
	fetch(t, c, src, feed.State{})
	if len(held) != 1 {
		t.Errorf("an answer without a feed is held up: %v", held)
	}
}
