// Package websub is a WebSub hub (W3C Recommendation, 23 January 2018) for our own
// feeds: whoever subscribes is sent a feed as soon as it changes and need not poll. It
// also tells the hubs of others, where the operator names some, that a feed changed.
//
// Anybody may ask a hub to call any address, so nothing is done on a stranger's word:
// a callback must confirm before it is sent anything, every connection goes through
// the client that the caller hands in, which is expected to refuse addresses that are
// not public, redirects are not followed, answers are not read, and subscribers,
// topics and work under way are bounded, in all and for each host.
//
// Subscriptions live in one small file, or are shared with other servers, and survive a restart; so does the knowledge of
// what was delivered, so that changes made meanwhile are sent afterwards. The package
// does not know what is in a topic, nor when it changes: it asks.
package websub

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// ErrNoTopic is what Options.Topic returns for an address that is none of our feeds.
var ErrNoTopic = errors.New("not a feed of this site")

// Content is a topic as it is now.
type Content struct {
	Body []byte
	Kind string // media type
	Tag  string // other content, other tag; the same after a restart
}

// Options say what is hubbed. All but Share and Log are required.
type Options struct {
	Address string // of the hub, as subscribers know it
	File    string // where subscriptions are kept; its directory exists
	Agent   string // User-Agent
	// Transport makes the connections. It must refuse what strangers may not reach.
	Transport http.RoundTripper
	// Topic returns a topic's content, or ErrNoTopic.
	Topic func(ctx context.Context, topic string) (Content, error)
	// Sequence is a number that grows whenever the content of a topic may have changed.
	// It is asked a few times a second while there are subscribers.
	Sequence func(context.Context) (uint64, error)
	// Share is set where several servers serve the same feeds; nil = there is this one alone.
	Share Sharer
	Log   *slog.Logger // nil = none
}

const (
	// Bounds of what strangers can make us keep and do.
	maxSubscriptions = 1000 // in all
	maxPerHost       = 50   // to callbacks of one host
	maxTopics        = 100  // each is written anew at every change
	maxPending       = 100  // requests that wait to be confirmed
	maxPendingOfHost = 4
	atOnce           = 16 // requests under way, confirmations and deliveries together
	atOnceOfHost     = 2
	// Bounds of leases, in which a subscriber must renew.
	shortestLease, usualLease, longestLease = 5 * time.Minute, 10 * 24 * time.Hour, 30 * 24 * time.Hour
	// patience is how long a callback may take to answer.
	patience = 10 * time.Second
	// glance is how often we look for changes: deliveries begin within a second.
	glance = 250 * time.Millisecond
)

// pauses are how long we wait before a delivery that failed is tried again. After the
// last one the subscriber gets nothing until the topic changes once more.
var pauses = []time.Duration{2 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 20 * time.Minute, time.Hour, 3 * time.Hour}

// subscription is what a confirmed subscriber wants.
type subscription struct {
	Topic    string    `json:"topic"`
	Callback string    `json:"callback"`
	Secret   string    `json:"secret,omitempty"`
	Method   string    `json:"method,omitempty"` // of signatures, one of methods; "" = usualMethod
	Until    time.Time `json:"until"`
	Sent     string    `json:"sent"` // tag of the content that it has

	want   string // tag of the content that it should have
	failed int    // deliveries of want in a row
	next   time.Time
	busy   bool    // a delivery is under way
	record *record // as all servers know it; nil = it is not shared
}

// request is what somebody wants and has not confirmed.
type request struct {
	subscription
	mode  string // subscribe, unsubscribe
	lease time.Duration
	busy  bool
}

// name says which subscription is meant: one per topic and callback (section 5.1).
type name struct{ topic, callback string }

// Hub takes subscriptions as an http.Handler and serves them in Run.
type Hub struct {
	Options
	client *http.Client
	wake   chan struct{} // there may be something to do

	mu       sync.Mutex
	subs     map[name]*subscription
	pending  map[name]*request
	contents map[string]Content // of topics that somebody should be sent
	working  int
	ofHost   map[string]int // requests under way by host
	unsaved  bool
	again    bool            // topics are to be read although nothing changed
	shared   map[string]name // subscriptions by what they are called among servers

	before map[name]*subscription // those of the file that are not shared yet; Run's own
}

// New returns a hub with the subscriptions of its file; a missing file is an empty
// one. A file that cannot be read is an error.
func New(o Options) (*Hub, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		Options: o, wake: make(chan struct{}, 1),
		client: &http.Client{
			Transport: o.Transport, Timeout: patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pending: map[name]*request{}, contents: map[string]Content{}, ofHost: map[string]int{}, shared: map[string]name{},
	}
	var err error
	h.subs, err = load(o.File)
	h.again = true
	if h.Share != nil {
		h.subs, h.before = map[name]*subscription{}, h.subs
	}
	return h, err
}

// Run confirms and delivers until the context ends, and returns when nothing is under
// way any more. What was not delivered then is delivered after the next start.
func (h *Hub) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer func() { work.Wait(); h.save() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var seen uint64
	var share time.Time // when to share what the file holds
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.wake:
		case <-timer.C:
		}
		now := time.Now()
		if len(h.before) > 0 && !now.Before(share) {
			h.shareFile(ctx)
			share = now.Add(pauses[0])
			timer.Reset(pauses[0])
		}
		if h.idle() {
			continue // until somebody subscribes
		}
		timer.Reset(glance)
		seq, err := h.Sequence(ctx)
		if err != nil {
			h.Log.Error("the hub cannot ask for changes", "err", err)
			continue
		}
		if (h.anew() || seq != seen) && h.look(ctx, seq) {
			seen = seq
		}
		for _, do := range h.due(now) {
			work.Go(func() { do(ctx); h.nudge() })
		}
		h.save()
	}
}

// anew says whether topics are to be read although nothing changed.
func (h *Hub) anew() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.again
}

// nudge has Run look around now.
func (h *Hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

func (h *Hub) idle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs)+len(h.pending) == 0 && !h.unsaved
}

// look reads every topic that somebody follows and notes who has not got its content.
// It returns whether all could be read.
func (h *Hub) look(ctx context.Context, seq uint64) bool {
	complete := true
	for topic := range h.topics() {
		content, err := h.Topic(ctx, topic)
		if err != nil {
			if !errors.Is(err, ErrNoTopic) {
				complete = false
				h.Log.Error("the hub cannot read a feed", "topic", topic, "err", err)
			}
			continue // a feed that is gone says nothing more; its leases run out
		}
		h.mu.Lock()
		h.contents[topic] = content
		for _, s := range h.subs {
			if s.Topic == topic && s.want != content.Tag && !s.behind(seq) {
				s.ask(content.Tag)
			}
		}
		h.mu.Unlock()
	}
	return complete
}

// topics are the addresses that are followed; contents of others are let go.
func (h *Hub) topics() map[string]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.again = false
	topics := map[string]bool{}
	for n := range h.subs {
		topics[n.topic] = true
	}
	for topic := range h.contents {
		if !topics[topic] {
			delete(h.contents, topic)
		}
	}
	return topics
}

// due returns what is to be done now and may be begun, and drops what has run out.
func (h *Hub) due(now time.Time) (all []func(context.Context)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n, r := range h.pending {
		if !r.busy && h.begin(n.callback) {
			r.busy = true
			all = append(all, func(ctx context.Context) { h.confirm(ctx, n, r) })
		}
	}
	for n, s := range h.subs {
		if !s.busy && !now.Before(s.Until) {
			delete(h.subs, n)
			h.unsaved = true
			if h.Share != nil {
				all = append(all, func(ctx context.Context) { h.expire(ctx, n) })
			}
			continue
		}
		content, ready := h.contents[s.Topic]
		waits := s.busy || !ready || s.want == "" || s.want == s.Sent || s.failed > len(pauses) || now.Before(s.next)
		if waits || !h.begin(n.callback) {
			continue
		}
		s.busy = true
		if reason := s.reason(); h.Share != nil {
			all = append(all, func(ctx context.Context) { h.send(ctx, n, s, reason) })
		} else {
			all = append(all, func(ctx context.Context) { h.deliver(ctx, n, s, content) })
		}
	}
	return all
}

// begin takes a place for a request to a callback, if there is one.
func (h *Hub) begin(callback string) bool {
	host := hostOf(callback)
	if h.working >= atOnce || h.ofHost[host] >= atOnceOfHost {
		return false
	}
	h.working++
	h.ofHost[host]++
	return true
}

// end gives the place back.
func (h *Hub) end(callback string) {
	host := hostOf(callback)
	h.working--
	if h.ofHost[host]--; h.ofHost[host] == 0 {
		delete(h.ofHost, host)
	}
}

func hostOf(callback string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return callback
	}
	return u.Hostname()
}
