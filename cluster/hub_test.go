package cluster_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"sangam/cluster"
	"sangam/websub"
)

const topic = "https://news.example/feed.xml"

// A press is a node's hub for a feed of everything that its store holds.
type press struct {
	*member
	hub *websub.Hub
}

func (s *servers) newPress(name string) *press {
	p := &press{}
	p.member = newMember(s.t, s, name, nil, func(o *cluster.Options) {
		o.Errand = func(ctx context.Context, key string) error { return p.hub.Deliver(ctx, key) }
		o.Record = func(key string, text []byte) { p.hub.Learn(key, text) }
	})
	return p
}

// open starts the hub of a node that has been made.
func (p *press) open(file string) (stop func()) {
	p.t.Helper()
	hub, err := websub.New(websub.Options{
		Address: "https://news.example/hub", File: file, Agent: "test", Transport: http.DefaultTransport, Share: p.node,
		Topic: func(_ context.Context, asked string) (websub.Content, error) {
			if asked != topic {
				return websub.Content{}, websub.ErrNoTopic
			}
			text := titles(p.t, p.db)
			return websub.Content{Body: []byte(text), Kind: "text/plain", Tag: text}, nil
		},
		Sequence: func(ctx context.Context) (uint64, error) { seq, _, err := p.db.Sequence(ctx); return seq, err },
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.hub = hub
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	p.t.Cleanup(stop)
	return stop
}

// ask sends the hub a request as a subscriber would.
func (p *press) ask(mode, callback string) {
	p.t.Helper()
	w := httptest.NewRecorder()
	form := url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.callback": {callback}}
	r := httptest.NewRequest(http.MethodPost, "/hub", nil)
	r.PostForm, r.Form = form, form
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if p.hub.ServeHTTP(w, r); w.Code != http.StatusAccepted {
		p.t.Errorf("%s: %d %s", mode, w.Code, w.Body)
	}
}

func TestAnEditionIsDeliveredOnceWhoeverTookTheSubscription(t *testing.T) {
	t.Parallel()
	s := startServers(t, 3)
	var mu sync.Mutex
	var got []string
	confirmed, failing := 0, true
	subscriber := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodGet {
			confirmed++
			fmt.Fprint(w, r.FormValue("hub.challenge"))
			return
		}
		if body, _ := io.ReadAll(r.Body); failing {
			failing = false
			w.WriteHeader(http.StatusServiceUnavailable)
		} else {
			got = append(got, string(body))
		}
	}))
	t.Cleanup(subscriber.Close)
	received := func(n int) {
		t.Helper()
		waitFor(t, fmt.Sprint(n, " editions"), func() bool { mu.Lock(); defer mu.Unlock(); return len(got) >= n })
	}
	var presses []*press
	var stops []func()
	for _, name := range []string{"a", "b", "c"} {
		p := s.newPress(name)
		stops = append(stops, p.open(filepath.Join(t.TempDir(), "subscriptions.json")))
		presses = append(presses, p)
	}
	for _, p := range presses {
		p.ready()
	}
	a, b, c := presses[0], presses[1], presses[2]
	a.ask("subscribe", subscriber.URL)
	waitFor(t, "the callback to be asked", func() bool { mu.Lock(); defer mu.Unlock(); return confirmed == 1 })
	b.merge(herald(1)) // the subscriber is out of order at first
	received(1)
	// Who took the subscription is no more.
	stops[0]()
	a.kill()
	for n := range 4 {
		c.merge(herald(n + 2))
		received(n + 2)
	}
	c.ask("unsubscribe", subscriber.URL)
	waitFor(t, "the callback to be asked again", func() bool { mu.Lock(); defer mu.Unlock(); return confirmed == 2 })
	b.merge(herald(9))
	alike(t, b.member, c.member)
	mu.Lock()
	defer mu.Unlock()
	if len(got) != 5 {
		t.Errorf("%d deliveries of 5 editions: %q", len(got), got)
	}
	for n := range got[1:] {
		if len(got[n+1]) < len(got[n]) {
			t.Errorf("edition %d came after a newer one", n)
		}
	}
}
