package server_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

func nowFunc() time.Time { return noon }

var townOptions = server.Options{
	Base: "https://news.example.org/", Title: "Town", Description: "All of it", Items: 20, Now: nowFunc,
	Views: []feed.View{{ID: "urdu", Title: "اردو", Language: "ur", Query: feed.Query{Languages: []string{"ur"}}}},
}

// ask makes one request, with headers given in pairs.
func ask(t *testing.T, h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryAddressAnswersAsTheContractSays(t *testing.T) {
	h := server.New(townOptions, town())
	for _, row := range []struct {
		path   string
		status int
		kind   string // or where it is redirected to
	}{
		{"/", 200, "text/html; charset=utf-8"},
		{"/feed.xml", 200, "application/rss+xml; charset=utf-8"},
		{"/atom.xml", 200, "application/atom+xml; charset=utf-8"},
		{"/feed.json", 200, "application/feed+json; charset=utf-8"},
		{"/feeds/urdu/", 200, "text/html; charset=utf-8"},
		{"/feeds/urdu/feed.xml", 200, "application/rss+xml; charset=utf-8"},
		{"/sources/herald/atom.xml", 200, "application/atom+xml; charset=utf-8"},
		{"/categories/sea%20&%20coast/feed.json", 200, "application/feed+json; charset=utf-8"},
		{"/categories/sea%20&%20coast/", 200, "text/html; charset=utf-8"},
		{"/feed.xml?q=ferry", 200, "application/rss+xml; charset=utf-8"},
		{"/story/bridge", 200, "text/html; charset=utf-8"},
		{"/sources/", 200, "text/html; charset=utf-8"},
		{"/categories/", 200, "text/html; charset=utf-8"},
		{"/feeds/", 200, "text/html; charset=utf-8"},
		{"/opml.xml", 200, "text/x-opml; charset=utf-8"},
		{"/healthz", 200, "text/plain; charset=utf-8"},
		{"/robots.txt", 200, "text/plain; charset=utf-8"},
		{"/favicon.ico", 200, "image/x-icon"},
		{"/rss", 301, "/feed.xml"},
		{"/feed/", 301, "/feed.xml"},
		{"/index.xml?q=x", 301, "/feed.xml?q=x"},
		{"/feed.rss", 301, "/feed.xml"},
		{"/sources", 301, "/sources/"},
		{"/feeds/urdu", 301, "/feeds/urdu/"},
		{"/feeds/urdu/atom", 301, "/feeds/urdu/atom.xml"},
		{"/categories/sea%20&%20coast", 301, "/categories/sea%20&%20coast/"},
		{"/nowhere", 404, "text/html; charset=utf-8"},
		{"/sources/nobody/feed.xml", 404, "text/html; charset=utf-8"},
		{"/categories/none/", 404, "text/html; charset=utf-8"},
		{"/feeds/none/", 404, "text/html; charset=utf-8"},
		{"/feeds//feed.xml", 404, "text/html; charset=utf-8"},
		{"/story/none", 404, "text/html; charset=utf-8"},
		{"/story/herald%2Fh1", 404, "text/html; charset=utf-8"},
		{"/assets/../server.go", 404, "text/html; charset=utf-8"},
		{"/archive/2026-03-13/feed.xml", 200, "application/rss+xml; charset=utf-8"},
		{"/archive/2026-03-14/feed.xml", 404, "text/html; charset=utf-8"},
		{"/archive/1999-01-01/feed.xml", 404, "text/html; charset=utf-8"},
		{"/archive/x/feed.xml", 404, "text/html; charset=utf-8"},
		{"/?before=nonsense", 400, "text/html; charset=utf-8"},
		{"/feed.xml?q=" + strings.Repeat("x", 300), 400, "text/html; charset=utf-8"},
	} {
		w := ask(t, h, "GET", row.path)
		got := w.Header().Get("Content-Type")
		if row.status == 301 {
			got = w.Header().Get("Location")
		}
		if w.Code != row.status || got != row.kind {
			t.Errorf("%s: %d %q, want %d %q", row.path, w.Code, got, row.status, row.kind)
		}
		if head := ask(t, h, "HEAD", row.path); head.Code != w.Code || head.Body.Len() != 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d with %d bytes, length %q; GET says %d, %q", row.path, head.Code, head.Body.Len(), head.Header().Get("Content-Length"), w.Code, w.Header().Get("Content-Length"))
		}
	}
}

func TestUnchangedContentIsNotSentTwice(t *testing.T) {
	s := town()
	h := server.New(townOptions, s)
	for _, path := range []string{"/feed.xml", "/atom.xml", "/feed.json", "/sources/darya/feed.xml", "/", "/?q=ferry", "/story/bridge", "/sources/", "/feeds/urdu/"} {
		first := ask(t, h, "GET", path)
		tag, at := first.Header().Get("ETag"), first.Header().Get("Last-Modified")
		for _, headers := range [][]string{
			{"If-None-Match", tag},
			{"If-None-Match", "W/" + tag},
			{"If-None-Match", `"a,b", ` + tag + `, "c"`},
			{"If-None-Match", `"other"`, "If-None-Match", tag},
			{"If-None-Match", "*"},
			{"If-None-Match", tag, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"},
			{"If-Modified-Since", at},
		} {
			if at == "" && headers[0] == "If-Modified-Since" {
				continue // pages have no date, see pageJob
			}
			if w := ask(t, h, "GET", path, headers...); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%s with %q: %d, %d bytes, %s; want 304 and %s", path, headers, w.Code, w.Body.Len(), w.Header().Get("ETag"), tag)
			}
		}
		for _, headers := range [][]string{
			{"If-Match", `"other"`},
			{"If-Match", "W/" + tag},
			{"If-Match", `"other"`, "If-None-Match", tag},
			{"If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"},
		} {
			if at == "" && headers[0] == "If-Unmodified-Since" {
				continue
			}
			if w := ask(t, h, "GET", path, headers...); w.Code != 412 || w.Body.Len() != 0 {
				t.Errorf("%s with %q: %d, %d bytes; want 412", path, headers, w.Code, w.Body.Len())
			}
		}
		for _, headers := range [][]string{
			{"If-None-Match", `"other"`},
			{"If-Match", tag},
			{"If-Match", `W/"a", "b", ` + tag},
			{"If-Match", "*"},
			{"If-Match", tag, "If-Unmodified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"},
			{"If-Unmodified-Since", at},
			{"If-Unmodified-Since", "yesterday"},
			{"If-None-Match", tag[:len(tag)-1]},
			{"If-None-Match", `"other"`, "If-Modified-Since", at},
			{"If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT"},
			{"If-Modified-Since", "yesterday"},
			{"Range", "bytes=0-9"},
		} {
			if w := ask(t, h, "GET", path, headers...); w.Code != 200 || w.Body.String() != first.Body.String() {
				t.Errorf("%s with %q: %d, %d bytes; want the whole document", path, headers, w.Code, w.Body.Len())
			} else if headers[0] == "Range" && w.Header().Get("Accept-Ranges") != "none" {
				t.Errorf("%s does not say that it gives no ranges", path)
			}
		}
		again := ask(t, server.New(townOptions, town()), "GET", path)
		if again.Header().Get("ETag") != tag || again.Header().Get("Last-Modified") != at {
			t.Errorf("%s after a restart: %s, %s; want %s, %s", path, again.Header().Get("ETag"), again.Header().Get("Last-Modified"), tag, at)
		}
	}
	before := ask(t, h, "GET", "/feed.xml").Header()
	s.put(story("new", noon, item("herald", "h99", "News of noon", "It is noon.", "en", feed.LeftToRight, 0)))
	after := ask(t, h, "GET", "/feed.xml", "If-None-Match", before.Get("ETag"))
	if after.Code != 200 || after.Header().Get("ETag") == before.Get("ETag") || after.Header().Get("Last-Modified") == before.Get("Last-Modified") {
		t.Errorf("after a new story: %d, ETag %s → %s", after.Code, before.Get("ETag"), after.Header().Get("ETag"))
	}
	if w := ask(t, h, "GET", "/sources/bote/feed.xml", "If-None-Match", ask(t, server.New(townOptions, town()), "GET", "/sources/bote/feed.xml").Header().Get("ETag")); w.Code != 304 {
		t.Errorf("another source's story changed this one's feed: %d", w.Code)
	}
}

func TestDocumentsAreMadeOncePerChange(t *testing.T) {
	s := town()
	h := server.New(townOptions, s)
	ask(t, h, "GET", "/feed.xml")
	asked := s.asked
	for range 10 {
		ask(t, h, "GET", "/feed.xml", "Accept-Encoding", "gzip")
		ask(t, h, "GET", "/feed.xml", "Accept-Encoding", "zstd")
	}
	if s.asked != asked {
		t.Errorf("the store was asked %d more times for an unchanged document", s.asked-asked)
	}
}

func TestEveryCodingHoldsTheSameDocumentUnderItsOwnTag(t *testing.T) {
	h := server.New(townOptions, town())
	plain := ask(t, h, "GET", "/feed.xml")
	zipped := ask(t, h, "GET", "/feed.xml", "Accept-Encoding", "gzip, deflate")
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(z)
	if err != nil || string(body) != plain.Body.String() {
		t.Errorf("gzip holds %d bytes (%v), want those of identity", len(body), err)
	}
	if zipped.Header().Get("ETag") == plain.Header().Get("ETag") {
		t.Error("two codings share one strong tag")
	}
	for accept, want := range map[string]string{
		"": "", "identity": "", "br": "", "gzip;q=0": "", "gzip": "gzip", "x-gzip": "gzip", "*": "gzip", "gzip, zstd": "zstd",
		"gzip;q=1, zstd;q=0.5": "gzip", "identity, gzip;q=0.5": "", "GZIP ; q=0.8": "gzip", "gzip;q=nonsense": "",
	} {
		if w := ask(t, h, "GET", "/feed.xml", "Accept-Encoding", accept); w.Header().Get("Content-Encoding") != want || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
			t.Errorf("Accept-Encoding %q: sent %q, want %q", accept, w.Header().Get("Content-Encoding"), want)
		}
	}
}

func TestFeedCallsItselfAsItWasAskedFor(t *testing.T) {
	s := town()
	o := s.outlets["qasba"]
	o.Categories = append(o.Categories, "R&D")
	s.outlets["qasba"] = o
	h := server.New(townOptions, s)
	for asked, id := range map[string]string{
		"atom.xml?q=harbour+board":                               "atom.xml?q=harbour+board",
		"atom.xml?q=harbour%20board":                             "atom.xml?q=harbour+board",
		"atom.xml?lang=en&q=%22ferry+sinks%22":                   "atom.xml?lang=en&q=%22ferry+sinks%22",
		"atom.xml?q=%22ferry+sinks%22&lang=en":                   "atom.xml?lang=en&q=%22ferry+sinks%22",
		"atom.xml?q=a/b":                                         "atom.xml?q=a%2Fb",
		"categories/R&D/atom.xml":                                "categories/R&D/atom.xml",
		"categories/R%26D/atom.xml":                              "categories/R&D/atom.xml",
		"categories/R%26D/archive/2026-03-13/atom.xml?lang=%75r": "categories/R&D/atom.xml?lang=ur",
	} {
		w := ask(t, h, "GET", "/"+asked)
		var doc struct {
			ID    string `xml:"id"`
			Links []struct {
				Rel  string `xml:"rel,attr"`
				Href string `xml:"href,attr"`
			} `xml:"link"`
		}
		if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil || len(doc.Links) == 0 {
			t.Fatalf("%s: %d %v", asked, w.Code, err)
		}
		const base = "https://news.example.org/"
		if l := doc.Links[0]; l.Rel != "self" || l.Href != base+asked || doc.ID != base+id {
			t.Errorf("%s: calls itself %s and is %s, want %s", asked, l.Href, doc.ID, id)
		}
	}
	for _, other := range []string{"?q=harbour+board&x=1", "?q=++harbour+board", "?q=harbour+board&q=x"} { // which ask for no more
		if w := ask(t, h, "GET", "/atom.xml"+other); !strings.Contains(w.Body.String(), `href="https://news.example.org/atom.xml?q=harbour+board"`) {
			t.Errorf("%s does not call itself as we do", other)
		}
	}
}

// TestAssetsAreKeptForGood goes through all that a page and its stylesheet name: each is
// there, may be kept for good, and is named after what it holds.
func TestAssetsAreKeptForGood(t *testing.T) {
	h := server.New(townOptions, town())
	names := regexp.MustCompile(`(?:/assets/|url\()([\w-]+\.[0-9a-f]{12}\.\w+)`)
	todo, seen := []string{ask(t, h, "GET", "/").Body.String()}, map[string]bool{}
	for len(todo) > 0 {
		text := todo[0]
		todo = todo[1:]
		for _, m := range names.FindAllStringSubmatch(text, -1) {
			name := m[1]
			if seen[name] {
				continue
			}
			seen[name] = true
			w := ask(t, h, "GET", "/assets/"+name)
			if control := w.Header().Get("Cache-Control"); w.Code != http.StatusOK || !strings.Contains(control, "immutable") || !strings.Contains(control, "max-age=31536000") {
				t.Errorf("%s: %d, %q", name, w.Code, control)
			}
			sum := sha256.Sum256(w.Body.Bytes())
			if !strings.Contains(name, hex.EncodeToString(sum[:6])) {
				t.Errorf("%s is not named after what it holds", name)
			}
			if w := ask(t, h, "GET", "/assets/"+name, "If-None-Match", w.Header().Get("ETag")); w.Code != http.StatusNotModified {
				t.Errorf("%s again: %d", name, w.Code)
			}
			if strings.HasSuffix(name, ".css") {
				todo = append(todo, w.Body.String())
			}
		}
	}
	if len(seen) != 5 { // stylesheet, script, icon, two faces
		t.Errorf("a page needs %v", seen)
	}
	if w := ask(t, h, "GET", "/assets/style.000000000000.css"); w.Code != http.StatusNotFound {
		t.Errorf("a stylesheet of another day: %d", w.Code)
	}
}

func TestFeedReadersFindAFeedByAnyPage(t *testing.T) {
	h := server.New(townOptions, town())
	for path, want := range map[string]string{
		"/": "atom.xml", "/?q=ferry": "atom.xml?q=ferry", "/feeds/urdu/": "feeds/urdu/atom.xml", "/sources/herald/": "sources/herald/atom.xml",
		"/story/bridge": "atom.xml", "/sources/": "atom.xml", "/categories/": "atom.xml", "/feeds/": "atom.xml", "/nowhere": "atom.xml",
	} {
		body := ask(t, h, "GET", path).Body.String()
		if link := `(Atom)" href="https://news.example.org/` + want + `"`; !strings.Contains(body, link) || strings.Count(body, `<link rel="alternate"`) != 3 {
			t.Errorf("%s does not lead to the feeds at %s", path, want)
		}
	}
	if body := ask(t, h, "GET", "/story/bridge").Body.String(); !strings.Contains(body, `title="Town (Atom)"`) {
		t.Error("the page of a story calls the feeds of everything something else than Town")
	}
}
