package fetcher_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

// neighbour is an outlet on the same port as o, at another address.
func neighbour(t *testing.T, o *outlet.Outlet, host string) *outlet.Outlet {
	t.Helper()
	_, port, _ := strings.Cut(strings.TrimPrefix(o.Base(), "http://"), ":")
	return start(t, outlet.Options{Address: host + ":" + port})
}

func redirect(to string, status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(status)
	})
}

func TestMovedFeedIsVisitedWhereItMovedToUntilThatFails(t *testing.T) {
	old := start(t, outlet.Options{Address: "127.1.0.1:0"})
	moved := neighbour(t, old, "127.1.0.2")
	moved.Publish(outlet.Line("1 | /1 | One"))
	old.Behave(redirect(moved.Feed(), 301))
	c, src := client(t, fetcher.Options{}), source(old.Feed())

	first := fetch(t, c, src, feed.State{})
	if first.MovedTo != moved.Feed() || first.URL != moved.Feed() {
		t.Fatalf("first visit: got %+v", first)
	}
	second := fetch(t, c, src, remember(src, first))
	if second.Status != 304 || second.MovedTo != moved.Feed() || len(old.Requests()) != 1 {
		t.Errorf("second visit: got %+v, the old address was asked %d times, want once in all", second, len(old.Requests()))
	}
	moved.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }))
	if doc := fetch(t, c, src, remember(src, second)); doc.Status != 503 || len(old.Requests()) != 1 {
		t.Errorf("out of order for a while: got %+v, want no visit to the old address", doc)
	}
	moved.Behave(http.NotFoundHandler())
	old.Behave(nil)
	old.Publish(outlet.Line("1 | /1 | Back home"))
	third := fetch(t, c, src, remember(src, second))
	if third.Outcome != feed.Changed || third.MovedTo != "" || third.URL != old.Feed() || !strings.Contains(strings.Join(third.Warnings, " "), "does not work any more") {
		t.Errorf("moved back: got %+v", third)
	}
}

func TestSecretsStayWithTheHostTheyAreFor(t *testing.T) {
	home := start(t, outlet.Options{Address: "127.2.0.1:0"})
	other := neighbour(t, home, "127.2.0.2")
	other.Publish(outlet.Line("1 | /1 | One"))
	home.Behave(redirect(other.Feed(), 302))
	c, src := client(t, fetcher.Options{}), source(strings.Replace(home.Feed(), "http://", "http://anna:pass%20word@", 1))
	src.Headers = map[string]feed.Secret{"X-Key": "very-secret", "cookie": "session=1"}

	fetch(t, c, src, feed.State{})
	h := home.Requests()[0].Header
	if h.Get("X-Key") != "very-secret" || h.Get("Cookie") != "session=1" || h.Get("Authorization") != "Basic YW5uYTpwYXNzIHdvcmQ=" {
		t.Errorf("home was asked with %v", h)
	}
	if h := other.Requests()[0].Header; h.Get("X-Key") != "" || h.Get("Cookie") != "" || h.Get("Authorization") != "" {
		t.Errorf("the other host was asked with %v", h)
	}
	other.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }))
	if doc := fetch(t, c, src, feed.State{}); !strings.Contains(doc.Problem, "another host") {
		t.Errorf("got %s", doc.Problem)
	}
	src.FeedURL, src.Username, src.Password, src.UserAgent = home.Feed(), "anna", "pw", "Reader/1"
	fetch(t, c, src, feed.State{})
	if h := home.Requests()[2].Header; h.Get("Authorization") != "Basic YW5uYTpwdw==" || h.Get("User-Agent") != "Reader/1" {
		t.Errorf("home was asked with %v", h)
	}
}

// A proxy stands for every port of a host, so that none of them has to be free here.
func TestSecretsStayWithThePortTheyAreFor(t *testing.T) {
	for _, c := range []struct {
		home, to string
		trusted  bool
	}{
		{"http://127.2.0.1:8080", "http://127.2.0.1/", false},
		{"http://127.2.0.1:8080", "http://127.2.0.1:80/", false},
		{"http://127.2.0.1", "http://127.2.0.1:443/", false},
		{"http://127.2.0.1:8080", "http://127.2.0.1:8080/moved", true},
		{"http://127.2.0.1", "http://127.2.0.1:80/moved", true},
	} {
		everywhere := start(t, outlet.Options{})
		everywhere.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/feed" {
				http.Redirect(w, r, c.to, http.StatusFound)
				return
			}
			fmt.Fprint(w, outlet.Sample)
		}))
		src := source(c.home + "/feed")
		src.Proxy = feed.Secret(everywhere.Base())
		src.Username, src.Password, src.Headers = "anna", "pw", map[string]feed.Secret{"X-Key": "very-secret"}
		doc := fetch(t, client(t, fetcher.Options{}), src, feed.State{})
		asked := everywhere.Requests()
		if doc.Outcome != feed.Changed || len(asked) != 2 {
			t.Fatalf("%s to %s: got %q, %d requests", c.home, c.to, doc.Problem, len(asked))
		}
		for i, want := range []bool{true, c.trusted} {
			if h := asked[i].Header; (h.Get("Authorization") != "") != want || (h.Get("X-Key") != "") != want {
				t.Errorf("%s to %s: request %d has %v, want secrets: %v", c.home, c.to, i+1, h, want)
			}
		}
	}
}

func TestTwoSourcesAtOneAddressAreReported(t *testing.T) {
	zoo := start(t, outlet.Options{})
	zoo.Behave(outlet.Zoo())
	c := client(t, fetcher.Options{})
	one, two := source(zoo.Base()+"/home"), source(zoo.Base()+"/302")
	two.ID = "gazette"
	if doc := fetch(t, c, one, feed.State{}); len(doc.Warnings) != 0 {
		t.Errorf("the first: got %v", doc.Warnings)
	}
	if doc := fetch(t, c, two, feed.State{}); !strings.Contains(strings.Join(doc.Warnings, " "), "same address as the source herald") {
		t.Errorf("the second: got %v", doc.Warnings)
	}
	if doc := fetch(t, c, one, feed.State{}); !strings.Contains(strings.Join(doc.Warnings, " "), "same address as the source gazette") {
		t.Errorf("the first, visited again: got %v", doc.Warnings)
	}
	one.FeedURL = zoo.Base() + "/gzip" // the first goes elsewhere
	fetch(t, c, one, feed.State{})
	if doc := fetch(t, c, two, feed.State{}); len(doc.Warnings) != 0 {
		t.Errorf("the second, alone: got %v", doc.Warnings)
	}
	three := source(zoo.Base() + "/home")
	three.ID = "post"
	fetch(t, c, three, feed.State{})
	c.Only([]feed.Source{two}) // the operator has taken the others out
	if doc := fetch(t, c, two, feed.State{}); len(doc.Warnings) != 0 {
		t.Errorf("told of a source that is no more: %v", doc.Warnings)
	}
}

// Whatever goes wrong, nobody reads a password.
func TestProblemsHoldNoSecrets(t *testing.T) {
	secrets := []string{"hush-url", "hush-pw", "hush-head", "hush-proxy", "hush-query", "hush q&uery", "hush+q%26uery", "aHVzaC1wdw"}
	echo := start(t, outlet.Options{})
	c := client(t, fetcher.Options{})
	for name, h := range map[string]http.Handler{
		"redirect to ftp":   redirect("ftp://hush-pw@zoo.example/hush-head", 301),
		"redirect to query": redirect("http://127.0.0.1:1/?key=hush-query&x=hush+q%26uery", 301),
		"redirect to path":  redirect("/hush-query/hush-head", 301),
		"echo in encoding": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", r.Header.Get("X-Key")+r.Header.Get("Authorization"))
		}),
		"echo in garbage": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\n%s %s\r\n\r\n", r.Header.Get("X-Key"), r.URL.RawQuery)
		}),
		"401": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }),
		"ok":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<rss/>") }),
	} {
		echo.Behave(h)
		src := source(strings.Replace(echo.Feed(), "http://", "http://anna:hush-url@", 1) + "?key=hush-query&other=hush+q%26uery")
		src.Password, src.Timeout = "hush-pw", time.Second
		src.Headers = map[string]feed.Secret{"X-Key": "hush-head"}
		for _, proxy := range []feed.Secret{"", "http://u:hush-proxy@127.0.0.1:1/", "hush-proxy://%%"} {
			src.Proxy = proxy
			doc := fetch(t, c, src, feed.State{})
			told := doc.Problem + strings.Join(doc.Warnings, " ")
			for _, secret := range secrets {
				if strings.Contains(told, secret) || strings.Contains(doc.MovedTo, "hush-url") {
					t.Errorf("%s, proxy %v: %q tells %s", name, proxy != "", told, secret)
				}
			}
		}
	}
	for address, want := range map[string]string{
		"https://u:pw@herald.example/feed?key=1#x": "https://herald.example/feed?…",
		"http://%zz/":                 "***",
		"https://herald.example/feed": "https://herald.example/feed",
	} {
		if got := fetcher.Shown(address); got != want {
			t.Errorf("Shown(%s): got %s, want %s", address, got, want)
		}
	}
}
