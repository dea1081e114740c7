package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/server"
	"sangam/storage"
)

// TestWarmDocumentsAreColdOnes lets a store live at random (news, copies, revisions, items under other
// ids, outlets that change, go and come back, deletions, other rules and options) and
// compares every document with what a server writes that has just started: the same bytes, the same tags.
func TestWarmDocumentsAreColdOnes(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	const sources = 8
	r := newRush(t, sources, 150*time.Hour)
	o := townOptions
	o.Items = 40
	o.Views = []feed.View{{ID: "few", Title: "Few", Query: feed.Query{Categories: []string{"c1", "c2"}}}, {ID: "english", Title: "English", Query: feed.Query{Languages: []string{"en"}}}}
	warm := server.New(o, r.db)
	outlets := map[string]feed.Outlet{}
	for i := range sources {
		outlets[rushOutlet(i).ID] = rushOutlet(i)
	}
	any := func() int { return dice.IntN(sources) }
	set := func() {
		var list []feed.Outlet
		for _, id := range slices.Sorted(maps.Keys(outlets)) {
			list = append(list, outlets[id])
		}
		if err := r.db.SetOutlets(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	reword := func(source, n int) feed.Item { // of the items of the first round
		it := rushItem(source, n, noon.Add(-150*time.Hour-time.Duration(n)*time.Hour), r.at)
		it.Hash = fmt.Append(nil, n, r.at)
		it.Title += fmt.Sprint(" revised ", r.at.Minute())
		return it
	}
	life := []struct {
		name string
		do   func()
	}{
		{"news", func() { r.news(0) }},
		{"old news", func() { r.news(time.Duration(dice.IntN(300)) * time.Hour) }},
		{"a revision", func() { r.merge(3, []feed.Item{reword(3, dice.IntN(rushItems))}) }},
		{"a copy", func() {
			of := rushItem(any(), dice.IntN(rushItems), noon, r.at)
			to := any()
			it := rushItem(to, 1000+r.at.Minute(), r.at, r.at)
			it.Title, it.Summary, it.Content = of.Title, of.Summary, of.Content
			r.merge(to, []feed.Item{it})
		}},
		{"another id", func() {
			it := rushItem(5, dice.IntN(rushItems), noon, r.at)
			it.Key, it.ID, it.Categories = it.Key+"?"+fmt.Sprint(r.at.Minute()), it.ID+"?", []string{fmt.Sprint("at ", r.at.Minute())}
			r.merge(5, []feed.Item{it})
		}},
		{"another name", func() {
			id := rushOutlet(any()).ID
			if o, ok := outlets[id]; ok {
				o.Name = fmt.Sprint("Desk ", r.at.Minute())
				o.Priority = dice.IntN(5)
				outlets[id] = o
				set()
			}
		}},
		{"an outlet goes", func() { delete(outlets, rushOutlet(any()).ID); set() }},
		{"an outlet comes", func() { o := rushOutlet(any()); outlets[o.ID] = o; set() }},
		{"other rules", func() { r.db.SetRules(dedupe.Rules{Near: time.Duration(24+dice.IntN(72)) * time.Hour}, false) }},
		{"deletions", func() {
			if _, err := r.db.Keep(t.Context(), 0, 25+dice.IntN(10), r.at, nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"other options", func() { o.NoCredits = !o.NoCredits; warm.Set(o) }},
		{"a source starts anew", func() {
			if _, err := r.db.Purge(t.Context(), rushOutlet(7).ID, nil); err != nil && !errors.Is(err, storage.ErrNotFound) {
				t.Fatal(err)
			}
		}},
	}
	paths := []string{"/feed.xml", "/atom.xml", "/feed.json", "/feeds/few/atom.xml", "/feeds/english/feed.xml", "/categories/c3/feed.json", "/sources/desk5/atom.xml", "/atom.xml?q=ferry1"}
	for range 30 {
		var did []string
		for range 1 + dice.IntN(2) {
			r.at = r.at.Add(time.Minute)
			event := life[dice.IntN(len(life))]
			event.do()
			did = append(did, event.name)
		}
		cold := server.New(o, r.db)
		asked := slices.Clone(paths)
		dice.Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
		for _, path := range asked[:3] {
			for _, coding := range []string{"identity", "gzip"} {
				got, want := answer(warm, path, coding), answer(cold, path, coding)
				if got.Code != want.Code || got.Header().Get("ETag") != want.Header().Get("ETag") || got.Header().Get("Last-Modified") != want.Header().Get("Last-Modified") {
					t.Fatalf("after %s: %s (%s) is %d %s, and %d %s from a server that has just started", did, path, coding, got.Code, got.Header().Get("ETag"), want.Code, want.Header().Get("ETag"))
				}
				if !bytes.Equal(got.Body.Bytes(), want.Body.Bytes()) {
					t.Fatalf("after %s: %s (%s) is not what a server writes that has just started: %s", did, path, coding, difference(got.Body.String(), want.Body.String()))
				}
			}
		}
	}
}

// difference is where two texts part.
func difference(a, b string) string {
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	part := func(s string) string { return s[min(len(s), max(0, i-80)):min(len(s), i+80)] }
	return fmt.Sprintf("%q, want %q", part(a), part(b))
}

func answer(h http.Handler, path, coding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept-Encoding", coding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestGzipOfChunksIsGzip unpacks what was packed in parts, some of them for an earlier document.
func TestGzipOfChunksIsGzip(t *testing.T) {
	r := newRush(t, 20, time.Hour)
	h := server.New(townOptions, r.db)
	tags := map[string]bool{}
	for range 6 {
		r.news(0)
		plain, packed := answer(h, "/atom.xml", "identity"), answer(h, "/atom.xml", "gzip")
		z, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(body, plain.Body.Bytes()) || len(body) < 300_000 {
			t.Fatalf("%d bytes of gzip hold %d of %d: %v", packed.Body.Len(), len(body), plain.Body.Len(), err)
		}
		tags[plain.Header().Get("ETag")] = true
	}
	if len(tags) != 6 {
		t.Errorf("six documents have %d tags", len(tags))
	}
}

// TestWhatStaysIsNotReadAgain counts what a document reads after one new item in a store
// that has brought much on one day.
func TestWhatStaysIsNotReadAgain(t *testing.T) {
	r := newRush(t, 30, 10*24*time.Hour)
	s := &counting{DB: r.db}
	h := server.New(townOptions, s)
	for _, age := range []time.Duration{10 * 24 * time.Hour, 0, 0} {
		r.news(age)
		answer(h, "/feed.xml", "gzip")
		s.read = 0
		r.news(age)
		w := answer(h, "/feed.xml", "gzip")
		if w.Code != http.StatusOK || s.read != 1 {
			t.Errorf("one new item, and %d stories were read", s.read)
		}
	}
	w := answer(h, "/feed.xml", "identity")
	if n := strings.Count(w.Body.String(), "<item"); n != townOptions.Items {
		t.Errorf("%d stories in a document of %d, when all others came with back catalogues", n, townOptions.Items)
	}
}

// counting is a store that counts what is read of what it found.
type counting struct {
	*storage.DB
	read int
}

func (c *counting) Find(ctx context.Context, q feed.Query) iter.Seq2[feed.Found, error] {
	return func(yield func(feed.Found, error) bool) {
		for f, err := range c.DB.Find(ctx, q) {
			read := f.Read
			f.Read = func() (feed.Story, error) { c.read++; return read() }
			if !yield(f, err) {
				return
			}
		}
	}
}
