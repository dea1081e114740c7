// Package alarm tells programs of the operator's choice, by HTTP, of the turns that
// sources take: webhooks for chats, telephones and whatever else.
//
// Visited never waits: what is to be told goes into a bounded queue of each receiver,
// and a slow or dead receiver delays nobody, not even another receiver. What is told
// follows from the states before and after a visit alone, so nothing is told twice,
// also not after a restart; what waits when the daemon stops is not told at all.
//
// The package does not know what the turns mean (feed does), who may be called
// (Options.Transport says), or how it is configured.
package alarm

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"sangam/feed"
)

// Hook is a receiver, as the operator configured it.
type Hook struct {
	URL           feed.Secret // http or https; it often is the secret itself
	Events        []feed.Kind
	Template      string // name of a built-in one, or a Go template; checked; "" = JSON
	Secret        feed.Secret
	Headers       map[string]feed.Secret
	After         time.Duration  // a failure is told only once it has lasted for so long
	AllowNetworks []netip.Prefix // non-public networks in which it may live
}

// Host is the part of its address that may be shown.
func (h Hook) Host() string {
	u, err := url.Parse(h.URL.Reveal())
	if err != nil {
		return "?"
	}
	return u.Host
}

// Same says whether two lists of receivers are configured alike.
func Same(a, b []Hook) bool {
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

// Sign is the signature of a message, as the header X-Hub-Signature-256 holds it:
// "sha256=" and the HMAC-SHA256 of the body in hexadecimal digits.
func Sign(secret feed.Secret, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// Options say how to tell.
type Options struct {
	// Transport makes the way to receivers in public networks and those allowed.
	Transport func(allowed ...netip.Prefix) *http.Transport
	Agent     string // User-Agent
	Log       *slog.Logger
	// Count is told what came of each message: "delivered", "retried", "refused" or
	// "dropped"; may be nil.
	Count func(result string)

	Retry time.Duration // before the second attempt; doubles from there; 0 = a second
	Burst int           // messages at once; 0 = five
	Every time.Duration // from one message to the next after those; 0 = a minute
}

// What a receiver gets at most.
const (
	mostWaiting  = 256              // events; when more wait, the oldest are dropped
	worthTelling = time.Hour        // an older event is not tried again
	longestPause = 5 * time.Minute  // between two attempts
	answerWithin = 10 * time.Second // a receiver that takes longer has failed
	readAnswer   = 4 << 10          // bytes of an answer that are read
)

// Teller tells receivers. Set the receivers, Run.
type Teller struct {
	o Options

	mu    sync.Mutex
	lines map[string]*line
	fresh chan struct{} // lines have changed
}

// New returns a Teller without receivers.
func New(o Options) *Teller {
	if o.Count == nil {
		o.Count = func(string) {}
	}
	if o.Retry == 0 {
		o.Retry = time.Second
	}
	if o.Burst == 0 {
		o.Burst = 5
	}
	if o.Every == 0 {
		o.Every = time.Minute
	}
	return &Teller{o: o, lines: map[string]*line{}, fresh: make(chan struct{}, 1)}
}

// Set replaces the receivers. What waits for one that stays is told to it yet.
func (t *Teller) Set(hooks []Hook) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := map[string]*line{}
	for _, h := range hooks {
		key := h.URL.Reveal()
		for n := 2; kept[key] != nil; n++ { // one receiver may be told different things in different ways
			key = h.URL.Reveal() + "\x00" + strconv.Itoa(n)
		}
		l := t.lines[key]
		if l == nil {
			l = &line{t: t, wake: make(chan struct{}, 1), closed: make(chan struct{})}
		}
		l.set(h)
		kept[key] = l
		delete(t.lines, key)
	}
	for _, gone := range t.lines {
		close(gone.closed)
	}
	t.lines = kept
	select {
	case t.fresh <- struct{}{}:
	default:
	}
}

// Visited notes what is to be told of a visit. It never waits.
func (t *Teller) Visited(src feed.Outlet, before, after *feed.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.lines {
		l.visited(src, before, after)
	}
}

// Run tells the receivers until ctx ends, and returns when every call has ended.
func (t *Teller) Run(ctx context.Context) error {
	var calls sync.WaitGroup
	defer calls.Wait()
	running := map[*line]bool{}
	for {
		t.mu.Lock()
		lines := slices.Collect(maps.Values(t.lines))
		t.mu.Unlock()
		maps.DeleteFunc(running, func(l *line, _ bool) bool { return !slices.Contains(lines, l) })
		for _, l := range lines {
			if !running[l] {
				running[l] = true
				calls.Go(func() { l.run(ctx) })
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.fresh:
		}
	}
}
