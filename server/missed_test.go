package server_test

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/server"
	"sangam/storage"
)

// press is a real store that an outlet fills, hour by hour, behind a real handler.
type press struct {
	*testing.T
	db     *storage.DB
	h      *server.Server
	outlet feed.Outlet
	at     time.Time
	told   map[string]bool // titles published so far
}

func newPress(t *testing.T) *press {
	db, err := storage.Open(filepath.Join(t.TempDir(), "store"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	o := feed.Outlet{ID: "herald", Name: "Herald", URL: "https://herald.example/feed", Language: "en"}
	if err := db.SetOutlets(t.Context(), []feed.Outlet{o}); err != nil {
		t.Fatal(err)
	}
	options := townOptions
	options.NotFound = storage.ErrNotFound
	return &press{T: t, db: db, h: server.New(options, db), outlet: o, at: noon, told: map[string]bool{}}
}

// publish lets an hour pass and brings n new items, one of them dated long ago.
func (p *press) publish(n int) {
	p.Helper()
	p.at = p.at.Add(time.Hour)
	var items []feed.Item
	for i := range n {
		number := len(p.told)
		published := p.at.Add(-time.Duration(i) * time.Minute)
		if i == n-1 {
			published = p.at.Add(-60 * time.Hour) // an outlet that is late with its dates
		}
		it := feed.Item{
			Key: fmt.Sprintf("herald/%d", number), Source: "herald", ID: fmt.Sprint(number), Link: fmt.Sprintf("https://herald.example/%d", number),
			Title: fmt.Sprintf("Report number %d from the harbour", number), Content: fmt.Sprintf("<p>Text %d.</p>", number), Language: "en", Direction: feed.LeftToRight,
			Published: published, Seen: p.at, Revised: p.at, Hash: []byte{byte(number), byte(number >> 8)},
		}
		p.told[it.Title] = true
		items = append(items, it)
	}
	habits := dedupe.Mark(items, p.outlet, feed.Habits{})
	state := feed.State{Source: "herald", Visited: p.at, Succeeded: p.at, Changed: p.at, Habits: habits}
	if _, err := p.db.Merge(p.Context(), feed.Batch{At: p.at, Outlet: p.outlet, State: state, Items: items}); err != nil {
		p.Fatal(err)
	}
}

// paper is what a feed reader takes from an Atom document.
type paper struct {
	Links []struct {
		Rel  string `xml:"rel,attr"`
		Href string `xml:"href,attr"`
	} `xml:"link"`
	Archive *struct{} `xml:"http://purl.org/syndication/history/1.0 archive"`
	Entries []struct {
		ID      string `xml:"id"`
		Title   string `xml:"title"`
		Updated string `xml:"updated"`
	} `xml:"entry"`
}

func (p *paper) link(rel string) string {
	for _, l := range p.Links {
		if l.Rel == rel {
			return strings.TrimPrefix(l.Href, strings.TrimSuffix(townOptions.Base, "/"))
		}
	}
	return ""
}

func (p *press) read(path string, headers ...string) (paper, *httptest.ResponseRecorder) {
	p.Helper()
	w := ask(p.T, p.h, "GET", path, headers...)
	var doc paper
	if w.Code != http.StatusNotModified {
		if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil {
			p.Fatalf("%s: %d %v", path, w.Code, err)
		}
	}
	return doc, w
}

func (d *paper) titles() map[string]bool {
	ts := map[string]bool{}
	for _, e := range d.Entries {
		ts[e.Title] = true
	}
	return ts
}

func (p *press) missing(got map[string]bool) []string {
	var ms []string
	for title := range p.told {
		if !got[title] {
			ms = append(ms, title)
		}
	}
	slices.Sort(ms)
	return ms
}

func TestReaderOncePerDayMissesNothing(t *testing.T) {
	p := newPress(t)
	got := map[string]bool{}
	for range 6 {
		for range 24 {
			p.publish(4) // 96 a day, in a document of 20
		}
		doc, _ := p.read("/atom.xml")
		maps.Copy(got, doc.titles())
		if len(doc.Entries) > 200 {
			t.Fatalf("%d entries in a document of 20 a day after 96", len(doc.Entries))
		}
		if m := p.missing(got); len(m) > 0 {
			t.Fatalf("missed %d of %d: %v", len(m), len(p.told), m[:min(5, len(m))])
		}
	}
}

func TestReaderWhoWasAwayFindsTheRestInTheArchives(t *testing.T) {
	p := newPress(t)
	for range 12 * 24 {
		p.publish(3)
	}
	doc, _ := p.read("/atom.xml")
	got := doc.titles()
	later := ""
	for path, steps := doc.link("prev-archive"), 0; path != ""; steps++ {
		archive, w := p.read(path)
		maps.Copy(got, archive.titles())
		switch {
		case steps > 40:
			t.Fatal("the archives have no end")
		case archive.Archive == nil || archive.link("current") != "/atom.xml" || archive.link("self") != path:
			t.Errorf("%s does not say that it is an archive of /atom.xml", path)
		case archive.link("next-archive") != later:
			t.Errorf("%s: next is %q, want %q", path, archive.link("next-archive"), later)
		case !strings.Contains(w.Header().Get("Cache-Control"), "max-age=2592000"):
			t.Errorf("%s may be kept for %q", path, w.Header().Get("Cache-Control"))
		}
		later, path = path, archive.link("prev-archive")
	}
	if m := p.missing(got); len(m) > 0 {
		t.Errorf("missed %d of %d: %v", len(m), len(p.told), m[:min(5, len(m))])
	}
	before := ask(t, p.h, "GET", later).Header().Get("ETag")
	p.publish(3)
	if after := ask(t, p.h, "GET", later).Header().Get("ETag"); after != before {
		t.Error("an old archive changed when news came")
	}
}

func TestReaderWhoAsksForNewsOnlyGetsNewsOnly(t *testing.T) {
	p := newPress(t)
	for range 5 {
		p.publish(4)
	}
	whole, w := p.read("/atom.xml", "A-IM", "feed")
	if w.Code != http.StatusOK || len(whole.Entries) != 20 {
		t.Fatalf("first visit: %d with %d entries, want all", w.Code, len(whole.Entries))
	}
	tag := w.Header().Get("ETag")
	got := whole.titles()
	for range 3 {
		p.publish(2)
		var doc paper
		doc, w = p.read("/atom.xml", "A-IM", "gzip, feed", "If-None-Match", tag)
		if w.Code != http.StatusIMUsed || w.Header().Get("IM") != "feed" || len(doc.Entries) != 2 || !strings.Contains(w.Header().Get("Cache-Control"), "im") {
			t.Fatalf("news: %d, IM %q, %d entries; want 226 with 2", w.Code, w.Header().Get("IM"), len(doc.Entries))
		}
		tag = w.Header().Get("ETag")
		maps.Copy(got, doc.titles())
	}
	if m := p.missing(got); len(m) > 0 {
		t.Errorf("missed %v", m)
	}
	if _, w := p.read("/atom.xml", "A-IM", "feed", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("no news: %d, want 304", w.Code)
	}
	p.publish(1)
	for _, headers := range [][]string{{"If-None-Match", tag}, {"A-IM", "feed"}, {"A-IM", "feed", "If-None-Match", `"unknown"`}, {"A-IM", "feed;q=0", "If-None-Match", tag}, {"A-IM", "vcdiff", "If-None-Match", tag}} {
		if doc, w := p.read("/atom.xml", headers...); w.Code != http.StatusOK || len(doc.Entries) < 20 {
			t.Errorf("%q: %d with %d entries, want the whole document", headers, w.Code, len(doc.Entries))
		}
	}
}

func TestEntriesNeverShareAnUpdateTime(t *testing.T) {
	p := newPress(t)
	for range 3 {
		p.publish(50)
	}
	doc, _ := p.read("/atom.xml")
	seen := map[string]string{}
	for _, e := range doc.Entries {
		if other := seen[e.Updated]; other != "" {
			t.Errorf("%s and %s were both updated at %s", other, e.ID, e.Updated)
		}
		seen[e.Updated] = e.ID
	}
}

func TestStoreAndPagesAgree(t *testing.T) {
	p := newPress(t)
	for range 24 {
		p.publish(4)
	}
	pages := 0
	seen := map[string]bool{}
	for path := "/"; path != ""; pages++ {
		w := ask(t, p.h, "GET", path)
		body := w.Body.String()
		for title := range p.told {
			if strings.Contains(body, title+"<") {
				seen[title] = true
			}
		}
		path = ""
		if _, rest, ok := strings.Cut(body, `<link rel="next" href="`); ok {
			path, _, _ = strings.Cut(rest, `"`)
		}
		if pages > 10 {
			t.Fatal("the river has no end")
		}
	}
	if m := p.missing(seen); len(m) > 0 || pages != 3 {
		t.Errorf("%d pages, missing %d stories; want 3 pages with all %d", pages, len(m), len(p.told))
	}
	if w := ask(t, p.h, "GET", "/story/none"); w.Code != http.StatusNotFound {
		t.Errorf("a story that is not there: %d, want 404", w.Code)
	}
	if w := ask(t, p.h, "GET", "/?q=%22number+7+from%22"); strings.Count(w.Body.String(), "<article") != 1 {
		t.Errorf("a search for one story shows %d", strings.Count(w.Body.String(), "<article"))
	}
}
