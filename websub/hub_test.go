package websub_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sangam/fetcher"
	"sangam/websub"
)

const topic = "https://news.example.org/feed.xml"

// town is a site with one feed, and the hub for it on a real address.
type town struct {
	*testing.T
	hub  string
	stop func()

	mu  sync.Mutex
	seq uint64
}

func (w *town) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seq++
}

func (w *town) content() string { return fmt.Sprintf("<rss>edition %d</rss>", w.seq) }

// open starts a hub that keeps its subscriptions in a file and may call loopback.
func (w *town) open(file string, transport http.RoundTripper) {
	w.Helper()
	h, err := websub.New(websub.Options{
		Address: "https://news.example.org/hub", File: file, Agent: "Sangam/test", Transport: transport,
		Topic: func(_ context.Context, asked string) (websub.Content, error) {
			if asked != topic {
				return websub.Content{}, websub.ErrNoTopic
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			return websub.Content{Body: []byte(w.content()), Kind: "application/rss+xml; charset=utf-8", Tag: fmt.Sprint(w.seq)}, nil
		},
		Sequence: func(context.Context) (uint64, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.seq, nil
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	srv := httptest.NewServer(h)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	w.hub = srv.URL
	w.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				w.Errorf("the hub ended with %v", err)
			}
		case <-time.After(5 * time.Second):
			w.Error("the hub does not end")
		}
		srv.Close()
	})
	w.Cleanup(func() { w.stop() })
}

func loopback() http.RoundTripper { return fetcher.Transport(netip.MustParsePrefix("127.0.0.0/8")) }

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{T: t, seq: 1}
	w.open(filepath.Join(t.TempDir(), "subscriptions.json"), loopback())
	return w
}

// ask sends a form to the hub and returns the status.
func (w *town) ask(pairs ...string) int {
	w.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set("hub."+pairs[i], pairs[i+1])
	}
	resp, err := http.PostForm(w.hub, form)
	if err != nil {
		w.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// subscriber is a server that does what the Recommendation asks of subscribers.
type subscriber struct {
	*httptest.Server
	confirmed chan url.Values
	got       chan *http.Request
	bodies    chan string
	status    atomic.Int32 // of its answers to deliveries
	refuses   atomic.Bool  // to confirm
}

func newSubscriber(t *testing.T) *subscriber {
	s := &subscriber{confirmed: make(chan url.Values, 9), got: make(chan *http.Request, 99), bodies: make(chan string, 99)}
	s.status.Store(http.StatusNoContent)
	s.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			q := r.URL.Query()
			if s.refuses.Load() {
				http.NotFound(rw, r)
			} else {
				_, _ = io.WriteString(rw, q.Get("hub.challenge"))
			}
			s.confirmed <- q
			return
		}
		body, _ := io.ReadAll(r.Body)
		rw.WriteHeader(int(s.status.Load()))
		s.got <- r
		s.bodies <- string(body)
	}))
	t.Cleanup(s.Close)
	return s
}

// follow subscribes and waits until it is confirmed and in force.
func (w *town) follow(s *subscriber, pairs ...string) url.Values {
	w.Helper()
	if status := w.ask(append([]string{"mode", "subscribe", "topic", topic, "callback", s.URL + "/cb?mine=1"}, pairs...)...); status != http.StatusAccepted {
		w.Fatalf("subscribing: %d, want 202", status)
	}
	q := within(w.T, time.Second, s.confirmed, "a question whether it wants to subscribe")
	w.settle()
	return q
}

// settle gives the hub the moment between an answer on the wire and its note of it.
func (w *town) settle() { time.Sleep(50 * time.Millisecond) }

func within[V any](t *testing.T, d time.Duration, c <-chan V, what string) V {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(d):
		t.Fatalf("after %v there is not %s", d, what)
		panic("unreachable")
	}
}

func nothing[V any](t *testing.T, d time.Duration, c <-chan V, what string) {
	t.Helper()
	select {
	case <-c:
		t.Errorf("there is %s", what)
	case <-time.After(d):
	}
}

func TestSubscriberGetsTheFeedWithinASecondAndSigned(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	q := w.follow(s, "secret", "open sesame", "lease_seconds", "864000")
	if q.Get("hub.mode") != "subscribe" || q.Get("hub.topic") != topic || q.Get("hub.lease_seconds") != "864000" || q.Get("mine") != "1" {
		t.Errorf("it was asked %v", q)
	}
	nothing(t, 500*time.Millisecond, s.got, "a delivery although nothing changed")
	for range 3 {
		w.publish()
		r := within(t, time.Second, s.got, "a delivery")
		body := <-s.bodies
		mac := hmac.New(sha256.New, []byte("open sesame"))
		mac.Write([]byte(body))
		if got, want := r.Header.Get("X-Hub-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
		if body != w.content() || r.Header.Get("Content-Type") != "application/rss+xml; charset=utf-8" {
			t.Errorf("got %q as %s", body, r.Header.Get("Content-Type"))
		}
		if link := r.Header.Get("Link"); link != `<https://news.example.org/hub>; rel="hub", <`+topic+`>; rel="self"` {
			t.Errorf("Link: %s", link)
		}
	}
}

func TestSubscriberChoosesHowDeliveriesAreSigned(t *testing.T) {
	t.Parallel()
	for method, hash := range map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New} {
		w, s := newTown(t), newSubscriber(t)
		w.follow(s, "secret", "open sesame", "signature_algorithm", method)
		w.publish()
		r := within(t, time.Second, s.got, "a delivery")
		mac := hmac.New(hash, []byte("open sesame"))
		mac.Write([]byte(<-s.bodies))
		if got, want := r.Header.Get("X-Hub-Signature"), method+"="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
	}
}

func TestSubscriptionsSurviveARestart(t *testing.T) {
	t.Parallel()
	w, s := &town{T: t, seq: 1}, newSubscriber(t)
	file := filepath.Join(t.TempDir(), "subscriptions.json")
	w.open(file, loopback())
	w.follow(s)
	w.publish()
	within(t, time.Second, s.got, "the first edition")
	w.settle()
	w.stop()

	w.open(file, loopback())
	nothing(t, 600*time.Millisecond, s.got, "the same edition again after a restart")
	w.stop()

	w.publish() // while the hub is down
	w.open(file, loopback())
	within(t, time.Second, s.got, "what was published meanwhile")
}

func TestNobodyIsSentOrSparedAnythingWithoutConfirming(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	s.refuses.Store(true)
	w.follow(s)
	w.publish()
	nothing(t, 600*time.Millisecond, s.got, "a delivery to somebody who never confirmed")

	s.refuses.Store(false)
	w.follow(s)
	s.refuses.Store(true) // somebody else wants to end it
	leave := []string{"mode", "unsubscribe", "topic", topic, "callback", s.URL + "/cb?mine=1"}
	w.ask(leave...)
	within(t, time.Second, s.confirmed, "a question")
	w.settle()
	w.publish()
	within(t, time.Second, s.got, "a delivery to a subscriber who did not want to leave")

	s.refuses.Store(false)
	w.ask(leave...)
	if q := within(t, time.Second, s.confirmed, "a question"); q.Get("hub.mode") != "unsubscribe" {
		t.Errorf("it was asked %v", q)
	}
	w.settle()
	w.publish()
	nothing(t, 600*time.Millisecond, s.got, "a delivery to somebody who left")
}

func TestDeliveriesThatFailAreTriedAgain(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	w.follow(s)
	s.status.Store(http.StatusInternalServerError)
	w.publish()
	within(t, time.Second, s.got, "a delivery")
	s.status.Store(http.StatusOK)
	nothing(t, time.Second, s.got, "another try without a pause")
	within(t, 2*time.Second, s.got, "another try after two seconds")
	nothing(t, 600*time.Millisecond, s.got, "a try after one that succeeded")
}

func TestSubscriberWhoIsGoneIsDropped(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	w.follow(s)
	s.status.Store(http.StatusGone)
	w.publish()
	within(t, time.Second, s.got, "a delivery")
	w.settle()
	w.publish()
	nothing(t, 600*time.Millisecond, s.got, "a delivery after 410")
}

func TestSlowAndHostileSubscribersHarmNobody(t *testing.T) {
	t.Parallel()
	w, good := newTown(t), newSubscriber(t)
	elsewhere := newSubscriber(t)
	release := make(chan struct{})
	var served atomic.Int64
	hostile := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/sends-on-at-once":
			http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case r.URL.Path == "/endless" && r.Method == http.MethodGet:
			for r.Context().Err() == nil {
				if n, err := rw.Write(make([]byte, 64<<10)); err != nil {
					return
				} else {
					served.Add(int64(n))
				}
			}
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(rw, r.URL.Query().Get("hub.challenge"))
		case r.URL.Path == "/sends-on":
			http.Redirect(rw, r, elsewhere.URL, http.StatusPermanentRedirect)
		case r.URL.Path == "/silent":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(hostile.Close)
	t.Cleanup(func() { close(release) })
	for _, path := range []string{"/sends-on-at-once", "/endless", "/sends-on", "/silent", "/silent?2", "/silent?3"} {
		if status := w.ask("mode", "subscribe", "topic", topic, "callback", hostile.URL+path); status != http.StatusAccepted {
			t.Fatalf("%s: %d", path, status)
		}
		time.Sleep(100 * time.Millisecond)
	}
	good.URL = strings.Replace(good.URL, "127.0.0.1", "localhost", 1) // another host
	w.follow(good)
	w.publish()
	within(t, time.Second, good.got, "a delivery beside those who are slow")
	nothing(t, 300*time.Millisecond, elsewhere.got, "a delivery where a redirect led")
	nothing(t, 0, elsewhere.confirmed, "a question where a redirect led")
	if served.Load() > 16<<20 {
		t.Errorf("%d bytes of an endless answer were taken", served.Load())
	}
	w.stop() // although some never answer
}

func TestPrivateAddressesAreNeverCalled(t *testing.T) {
	t.Parallel()
	w, s := &town{T: t, seq: 1}, newSubscriber(t)
	w.open(filepath.Join(t.TempDir(), "s.json"), fetcher.Transport())
	for _, callback := range []string{s.URL, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), strings.Replace(s.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1)} {
		w.ask("mode", "subscribe", "topic", topic, "callback", callback)
	}
	nothing(t, 700*time.Millisecond, s.confirmed, "a call to a private address")
}

func TestRequestsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	form := func(change ...string) []string {
		return append([]string{"mode", "subscribe", "topic", topic, "callback", s.URL}, change...)
	}
	for _, row := range []struct {
		name string
		form []string
		want int
	}{
		{"no mode", form("mode", ""), 400},
		{"the publisher's mode", form("mode", "publish"), 400},
		{"another site's topic", form("topic", "https://elsewhere.example/feed"), 404},
		{"no callback", form("callback", ""), 400},
		{"a callback of another scheme", form("callback", "file:///etc/passwd"), 400},
		{"a callback with a password", form("callback", "http://u:p@127.0.0.1/"), 400},
		{"a callback with a fragment", form("callback", s.URL+"/#a"), 400},
		{"a callback without end", form("callback", s.URL+"/"+strings.Repeat("a", 3000)), 400},
		{"a secret of 200 bytes", form("secret", strings.Repeat("s", 200)), 400},
		{"a signature that can be forged", form("signature_algorithm", "sha1"), 400},
		{"a lease that is no number", form("lease_seconds", "-1"), 400},
		{"a form without end", form("secret", strings.Repeat("s", 20000)), 400},
		{"unsubscribing from nothing", form("mode", "unsubscribe"), 404},
	} {
		if got := w.ask(row.form...); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
	}
	if resp, err := http.Get(w.hub); err != nil || resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", resp, err)
	}
	if resp, err := http.Post(w.hub, "application/json", strings.NewReader("{}")); err != nil || resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %v, %v", resp, err)
	}
	nothing(t, 300*time.Millisecond, s.confirmed, "a call because of a refused request")
}

func TestLeasesAreBounded(t *testing.T) {
	t.Parallel()
	w, s := newTown(t), newSubscriber(t)
	for asked, want := range map[string]string{"1": "300", "": "864000", "99999999": "2592000", "0": "864000"} {
		if got := w.follow(s, "lease_seconds", asked).Get("hub.lease_seconds"); got != want {
			t.Errorf("asked for %q seconds, granted %s, want %s", asked, got, want)
		}
	}
}

func TestOneHostCannotTakeAllPlaces(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	accepted := 0
	for i := range 20 {
		switch status := w.ask("mode", "subscribe", "topic", topic, "callback", fmt.Sprintf("%s/%d", silent.URL, i)); status {
		case http.StatusAccepted:
			accepted++
		case http.StatusServiceUnavailable:
		default:
			t.Fatalf("status %d", status)
		}
	}
	if accepted != 4 {
		t.Errorf("%d requests of a host wait, want 4", accepted)
	}
	w.stop()
}
