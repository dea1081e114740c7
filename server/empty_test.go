package server_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

func TestAPageWithoutStoriesSaysWhy(t *testing.T) {
	failing := func(id string, trouble feed.Trouble) feed.State {
		return feed.State{Source: id, Visited: noon, FailingSince: noon.Add(-time.Hour), Failures: 2, Trouble: trouble, Problem: "GET https://secret.example/?key=1: no"}
	}
	all := map[string]feed.Trouble{"darya": feed.DNS, "qasba": feed.Timeout, "herald": feed.NotAFeed, "bote": feed.Unauthorized, "gazette": feed.Panicked}
	for name, test := range map[string]struct {
		change func(*shelf)
		path   string
		want   []string
		not    []string
	}{
		"before the first visits": {
			func(s *shelf) { clear(s.states); s.states["herald"] = feed.State{Source: "herald", Visited: noon} }, "/",
			[]string{"No stories yet", "visited for the first time", "1 of 5 sources visited so far.", `<progress value="1" max="5"`, "Still being visited: Der Küstenbote"},
			[]string{"sangam status"},
		},
		"when every source fails": {
			func(s *shelf) {
				for id, trouble := range all {
					s.states[id] = failing(id, trouble)
				}
			}, "/",
			[]string{"None of the sources can be read", "Harbour Herald</bdi></a>: what its server sends is not a feed", `href="/sources/bote/"`, "its server lets nobody in", "sangam status"},
			[]string{"secret.example", "<progress"},
		},
		"when some fail": {
			func(s *shelf) { s.states["bote"] = failing("bote", feed.TLS) }, "/",
			[]string{"Of some sources nothing can be read", "no secure connection"},
			[]string{"Gazette</bdi></a>:"},
		},
		"when there was nothing": {
			func(s *shelf) { delete(s.states, "bote"); s.states["bote"] = feed.State{Source: "bote", Visited: noon} }, "/",
			[]string{"have brought nothing so far"},
			[]string{"sangam status"},
		},
		"of one source": {
			func(s *shelf) { s.states["bote"] = failing("bote", feed.TooLarge) }, "/sources/bote/",
			[]string{"its feed is too large"},
			[]string{"Gazette"},
		},
		"without sources": {
			func(s *shelf) { clear(s.outlets) }, "/", []string{"No sources are configured yet."}, nil,
		},
		"for a search": {
			func(*shelf) {}, "/?q=zeppelin", []string{"Nothing found", "Fewer or other words", "zeppelin"}, nil,
		},
		"for a story that is not there": {
			func(*shelf) {}, "/story/none", []string{"Not here", "may have aged out"}, nil,
		},
	} {
		s := town()
		if !strings.Contains(name, "search") {
			s.stories = nil
		}
		test.change(s)
		body := ask(t, server.New(townOptions, s), "GET", test.path).Body.String()
		for _, want := range test.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in\n%s", name, want, body)
			}
		}
		for _, not := range test.not {
			if strings.Contains(body, not) {
				t.Errorf("%s: %q in\n%s", name, not, body)
			}
		}
	}
}

func TestAFailingSourceSaysSoOnItsPage(t *testing.T) {
	s := town()
	body := ask(t, server.New(townOptions, s), "GET", "/sources/bote/").Body.String()
	for _, want := range []string{"cannot be reached since", "its server is too slow", "What it brought before is still here.", "Sturmflut"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

func TestSourcesTellTheirDays(t *testing.T) {
	s := town()
	s.states["herald"] = feed.State{Source: "herald", Visited: noon, Succeeded: noon, Changed: noon.Add(-time.Hour), Tally: feed.Tally{
		Since: noon.Add(-20 * 24 * time.Hour), News: noon.Add(-time.Hour),
		Days: []feed.Day{{Date: feed.DateOf(noon) - 13, New: 7}, {Date: feed.DateOf(noon), New: 3}},
	}}
	state := s.states["qasba"]
	state.Tally = feed.Tally{Since: noon.Add(-9 * 24 * time.Hour), News: noon.Add(-50 * time.Hour), Silent: noon.Add(-time.Hour)}
	s.states["qasba"] = state
	body := ask(t, server.New(townOptions, s), "GET", "/sources/").Body.String()
	for _, want := range []string{
		`aria-label="stories a day, last 14 days: 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3"`, // as counted
		`aria-label="stories a day, last 14 days: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1"`, // the Küstenbote's, of whom nothing is counted
		"about 0.7 a day", "silent since <bdi><time datetime=\"2026-03-12T10:00:00Z\"",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}

// TestTheFirstPageIsLight counts what a browser loads before it has shown the river,
// pictures and font apart.
func TestTheFirstPageIsLight(t *testing.T) {
	const most = 60_000
	s := town()
	dice := rand.New(rand.NewPCG(1, 2))
	say := func(words int) string { // words that hardly repeat
		letters := []rune("ابپتجچدرزسشعغفقکگلمنوہی")
		var b strings.Builder
		for range words {
			for range 2 + dice.IntN(6) {
				b.WriteRune(letters[dice.IntN(len(letters))])
			}
			b.WriteByte(' ')
		}
		return b.String()
	}
	for i := range 60 { // a full page of long stories in the letters that weigh most
		at := noon.Add(-time.Duration(i) * time.Second)
		words := say(15)
		it := item("darya", fmt.Sprint("long", i), words, "<p>"+say(300)+"</p>", "ur", feed.RightToLeft, 0)
		it.Image = fmt.Sprintf("https://darya.example/%d.jpg", i)
		st := story(fmt.Sprint("long", i), at, it, item("qasba", fmt.Sprint("copy", i), words, "", "ur", feed.RightToLeft, 0))
		st.Order = at
		s.put(st)
	}
	h := server.New(townOptions, s)
	sum := 0
	load := func(path string) string {
		w := ask(t, h, "GET", path, "Accept-Encoding", "gzip")
		sum += w.Body.Len()
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return string(body)
	}
	page := load("/")
	for _, before := range []string{`rel="stylesheet" href="`, `<script src="`, `rel="icon" href="`} {
		_, rest, found := strings.Cut(page, before)
		address, _, _ := strings.Cut(rest, `"`)
		if !found {
			t.Fatalf("no %s in the page", before)
		}
		load(address)
	}
	if strings.Count(page, "<article") != 40 || sum > most {
		t.Errorf("%d stories in %d bytes, want 40 in at most %d", strings.Count(page, "<article"), sum, most)
	}
	t.Logf("%d bytes", sum)
}
