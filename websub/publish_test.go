package websub_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sangam/fetcher"
	"sangam/websub"
)

// press is a site with two feeds, of which one changes.
type press struct {
	mu      sync.Mutex
	edition uint64
}

func (p *press) print() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edition++
}

func (p *press) now() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.edition
}

const still = "https://news.example.org/feeds/still/feed.xml"

func (p *press) publish(t *testing.T, hubs ...string) {
	pub := websub.NewPublisher(websub.PublisherOptions{
		Agent: "Sangam/test", Transport: fetcher.Transport(netip.MustParsePrefix("127.0.0.0/8")),
		Hubs:   func() []string { return hubs },
		Topics: func() []string { return []string{topic, still, "https://news.example.org/gone.xml"} },
		Topic: func(_ context.Context, asked string) (websub.Content, error) {
			switch asked {
			case topic:
				return websub.Content{Tag: time.Unix(int64(p.now()), 0).String()}, nil
			case still:
				return websub.Content{Tag: "still"}, nil
			}
			return websub.Content{}, websub.ErrNoTopic
		},
		Sequence: func(context.Context) (uint64, error) { return p.now(), nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- pub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := within(t, 5*time.Second, ended, "the publisher's end"); err != nil {
			t.Error(err)
		}
	})
}

// publicHub takes pings as public hubs do.
func publicHub(t *testing.T, fails *atomic.Bool) (address string, pings chan string) {
	pings = make(chan string, 99)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.PostForm.Get("hub.mode") != "publish" || len(r.PostForm["hub.url"]) != 1 {
			t.Errorf("%s %v %v is no ping", r.Method, r.PostForm, err)
		}
		if fails.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			pings <- "refused"
			return
		}
		w.WriteHeader(http.StatusNoContent)
		pings <- r.PostForm.Get("hub.url")
	}))
	t.Cleanup(srv.Close)
	return srv.URL, pings
}

func TestHubsOfOthersAreToldOfWhatChanges(t *testing.T) {
	t.Parallel()
	var p press
	var never, fails atomic.Bool
	fails.Store(true)
	good, pings := publicHub(t, &never)
	shaky, tries := publicHub(t, &fails)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // else the server does not notice when the caller leaves
		<-r.Context().Done()
	}))
	t.Cleanup(silent.Close)
	p.publish(t, silent.URL, shaky, good, "http://10.0.0.1/")

	first, second := within(t, 2*time.Second, pings, "a ping at the start"), within(t, time.Second, pings, "a second one")
	if first == second || first != topic && first != still || second != topic && second != still {
		t.Errorf("at the start it was told of %s and %s, want both feeds", first, second)
	}
	if got := within(t, 2*time.Second, tries, "a ping"); got != "refused" {
		t.Fatalf("told of %s", got)
	}
	fails.Store(false)
	within(t, 4*time.Second, tries, "another try after two seconds")
	within(t, time.Second, tries, "and the other feed")

	nothing(t, 300*time.Millisecond, pings, "a ping without a change")
	p.print()
	p.print()
	if got := within(t, 7*time.Second, pings, "a ping after a change"); got != topic {
		t.Errorf("told of %s, want %s", got, topic)
	}
	nothing(t, 500*time.Millisecond, pings, "a ping for a feed that did not change")
}
