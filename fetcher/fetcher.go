// Package fetcher gets a document over HTTP the way outlets like to be asked:
// conditionally, rarely, one request at a time, by somebody who gives a name; and
// so that no address, redirect or server, however slow or hostile, can hurt the
// machine it runs on.
//
// A fetch never returns an error. Whatever went wrong is data, in plain words,
// with what to check. The package keeps nothing between visits but connections
// and the pauses it owes to hosts: validators come with the visit and go back with
// the document. It does not know what is in a document, when the next visit is
// due, or who stores what.
package fetcher

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"sangam/feed"
)

// Options says who asks. The zero value is usable.
type Options struct {
	// Version and Home make the User-Agent: "Sangam/1.2 (+https://…)".
	Version string // "" = "dev"
	Home    string // page that tells an outlet's administrator who this is
	// Lend is called around waits for a host that a redirect led to, so that the
	// caller can let others work meanwhile. Nil: it is simply waited for.
	Lend func(ctx context.Context, wait func(context.Context) error) error
	// Arriving is called before a body is received, and may hold it up for that long: where
	// many wait to be read already, one more is better left on its way. Nil: none is held up.
	Arriving func(ctx context.Context, patience time.Duration)
	// Dial connects in the place of the network, with which the guard of addresses that
	// a name resolves to goes too: for tests in simulated time. Nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Client fetches. Use one for all sources, from any number of goroutines.
type Client struct {
	agent string
	lend  func(context.Context, func(context.Context) error) error
	hold  func(context.Context, time.Duration)
	lanes lanes
	ends  ends
	heavy *heavy
	dial  func(ctx context.Context, network, address string) (net.Conn, error) // nil = the network

	mu     sync.Mutex
	routes map[string]*route
}

const (
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 16 << 20
	// mostHops is how many redirects are followed: more is a loop in slow motion.
	mostHops = 5
)

// New returns a client. Close it when no fetch is under way any more.
func New(opts Options) *Client {
	if opts.Version == "" {
		opts.Version = "dev"
	}
	agent := "Sangam/" + opts.Version
	if opts.Home != "" {
		agent += " (+" + opts.Home + ")"
	}
	if opts.Lend == nil {
		opts.Lend = func(ctx context.Context, wait func(context.Context) error) error { return wait(ctx) }
	}
	if opts.Arriving == nil {
		opts.Arriving = func(context.Context, time.Duration) {}
	}
	return &Client{agent: agent, lend: opts.Lend, hold: opts.Arriving, heavy: newHeavy(), dial: opts.Dial, routes: make(map[string]*route)}
}

// Close ends the connections that were kept for later.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.routes {
		r.transport.CloseIdleConnections()
	}
}

// Fetch makes the visit. It takes at most Source.Timeout, not counting waits for
// the host's other visitors from here. When ctx ends the document is a failure
// that says nothing about the source: discard it.
//
// After a visit that succeeded, MovedTo is the address to remember, "" if it is
// the configured one; ETag, LastModified and BodyHash are what to store with the
// items, "" where the outlet sent none. After a failure they are those of the
// state. Problem and Warnings hold no secrets. The visit stays as it is.
func (c *Client) Fetch(ctx context.Context, v *feed.Visit) feed.Document {
	e := errand{client: c, src: &v.Source, state: v.State.Known(&v.Source), at: v.At, began: time.Now(), timeout: v.Source.Timeout, maxBody: v.Source.MaxBody}
	if e.at.IsZero() {
		e.at = e.began
	}
	if e.timeout <= 0 {
		e.timeout = defaultTimeout
	}
	if e.maxBody <= 0 {
		e.maxBody = defaultMaxBody
	}
	doc := e.run(ctx)
	if doc.Outcome == feed.Failed {
		doc.ETag, doc.LastModified, doc.BodyHash = e.state.ETag, e.state.LastModified, e.state.BodyHash
	}
	doc.Warnings = append(doc.Warnings, e.warnings...)
	hide(&doc, e.src)
	doc.Took = time.Since(e.began)
	return doc
}

// errand is one visit under way.
type errand struct {
	client   *Client
	src      *feed.Source
	state    *feed.State
	at       time.Time // the visit's clock …
	began    time.Time // … when it began by ours
	home     *url.URL  // as configured, without user info
	login    *url.Userinfo
	warnings []string
	maxBody  int64
	timeout  time.Duration // of the whole visit
	spent    time.Duration // on the network, of it, by the exchanges before this …
	asked    time.Time     // … which began then
}

// now is the time by the visit's clock.
func (e *errand) now() time.Time { return e.at.Add(time.Since(e.began)) }

// run is the plot: where to begin, and where to begin again if what a redirect
// once taught us has turned out to be a dead end.
func (e *errand) run(ctx context.Context) feed.Document {
	home, err := url.Parse(e.src.FeedURL)
	if err != nil {
		return failed(feed.NotFound, "the configured address is not a URL: check it for stray characters")
	}
	if home.Scheme == "file" {
		return e.file(ctx, home)
	}
	e.login, home.User, home.Fragment = home.User, nil, ""
	e.home = home
	moved, err := url.Parse(e.state.URL)
	switch {
	case e.state.URL == "" || e.state.URL == home.String() || err != nil || !web(moved):
		return e.follow(ctx, home)
	case e.homesick():
		doc := e.anew(ctx, home)
		if deadEnd(doc) { // then better the one that is only out of order
			return e.follow(ctx, moved)
		}
		e.warnings = append(e.warnings, "the address it had moved to ("+shown(moved)+") keeps failing; asked the configured one again")
		return doc
	}
	doc := e.follow(ctx, moved)
	if !deadEnd(doc) {
		return doc
	}
	e.warnings = append(e.warnings, "the address it had moved to ("+shown(moved)+") does not work any more ("+doc.Problem+"); asking the configured one again")
	return e.anew(ctx, home)
}

// patience is after how many failures in a row a remembered address is doubted.
const patience = 3

// homesick tells whether to ask the configured address although another is
// remembered, which fails again and again without being a dead end. Every other
// visit it is, so that the remembered one is noticed too when it recovers.
func (e *errand) homesick() bool {
	return e.state.Failures >= patience && (e.state.Failures-patience)%2 == 0
}

// anew is follow without the validators: they belong to another address, and its
// dates could make this one say that nothing changed.
func (e *errand) anew(ctx context.Context, at *url.URL) feed.Document {
	known := e.state
	defer func() { e.state = known }()
	bare := *known
	bare.ETag, bare.LastModified = "", ""
	e.state = &bare
	return e.follow(ctx, at)
}

// deadEnd tells whether a remembered address is to be forgotten: there is nothing
// there, as opposed to something that is out of order for a while.
func deadEnd(doc feed.Document) bool {
	switch doc.Trouble {
	case feed.DNS, feed.Blocked, feed.NotFound, feed.GoneForGood, feed.Redirect, feed.Refused:
		return true
	}
	return false
}

// follow asks at an address, and where it is sent on to.
func (e *errand) follow(ctx context.Context, at *url.URL) feed.Document {
	var seen []string
	last, permanent := at, true // the end of the hops that were permanent
	for hop := 0; ; hop++ {
		address := at.String()
		if slices.Contains(seen, address) {
			return failed(feed.Redirect, "it redirects in a circle, back to "+shown(at)+": the site may want cookies, or is misconfigured; open the address in a browser")
		}
		seen = append(seen, address)
		if doc, ok := e.permitted(at, hop); !ok {
			return doc
		}
		r, doc := e.exchange(ctx, at)
		if r == nil {
			return doc
		}
		if !redirects(r.StatusCode) {
			return e.conclude(r, at, last)
		}
		next, doc := target(r, at)
		if next == nil {
			return doc
		}
		if hop == mostHops {
			return failed(feed.Redirect, "more than 5 redirects, the last to "+shown(next)+": open the address in a browser and configure the one it ends at")
		}
		if permanent = permanent && (r.StatusCode == http.StatusMovedPermanently || r.StatusCode == http.StatusPermanentRedirect); permanent {
			last = next
		}
		at = next
	}
}

// conclude turns the answer at the end of all redirects into a document.
func (e *errand) conclude(r *reply, at, last *url.URL) feed.Document {
	doc := feed.Document{URL: at.String(), Status: r.StatusCode}
	switch {
	case r.StatusCode == http.StatusNotModified:
		if e.state.ETag == "" && e.state.LastModified == "" {
			return e.refusal(r, at, feed.HTTPStatus, "it answers \"304 Not Modified\" to somebody who was never there: the server is misconfigured")
		}
		doc.Outcome = feed.Unchanged
		doc.ETag = either(r.Header.Get("ETag"), e.state.ETag)
		doc.LastModified = either(r.Header.Get("Last-Modified"), e.state.LastModified)
		doc.BodyHash = e.state.BodyHash
	case usable(r.StatusCode):
		if r.trouble != feed.NoTrouble {
			return e.refusal(r, at, r.trouble, r.problem)
		}
		doc.Outcome = feed.Changed
		doc.Delta = r.StatusCode == http.StatusIMUsed
		doc.ETag, doc.LastModified = r.Header.Get("ETag"), r.Header.Get("Last-Modified")
		doc.ContentType = r.Header.Get("Content-Type")
		doc.Body, doc.BodyHash = r.body, fingerprint(r.body)
		if !doc.Delta && len(e.state.BodyHash) > 0 && string(doc.BodyHash) == string(e.state.BodyHash) {
			doc.Outcome, doc.Body = feed.Unchanged, nil
		}
	default:
		return e.rejected(r, at)
	}
	doc.NotBefore, doc.NotBeforeWhy = freshness(r.Header, e.now())
	if r.StatusCode == http.StatusNotModified && r.Header.Get("Cache-Control") == "" && r.Header.Get("Expires") == "" {
		doc.NotBefore, doc.NotBeforeWhy = e.asBefore()
	}
	e.remember(&doc, at, last)
	return doc
}

// asBefore is how long an answer is fresh that was confirmed without a word about it: as
// long as it was when it came (RFC 9111, 4.3.4).
func (e *errand) asBefore() (time.Time, string) {
	fresh, why := e.state.NotBefore.Sub(e.state.Visited), e.state.NotBeforeWhy
	if fresh <= 0 || why != whyMaxAge && why != whyExpires {
		return time.Time{}, ""
	}
	return e.at.Add(min(fresh, longestFresh)), why
}

// remember notes where the feed moved to for good, and who else lives there.
func (e *errand) remember(doc *feed.Document, at, last *url.URL) {
	if last.String() != e.home.String() {
		doc.MovedTo = last.String()
		e.warnings = append(e.warnings, "moved for good to "+shown(last)+": while there is a feed it is visited there; change the configured address when convenient")
	}
	if other := e.client.ends.note(at.String(), e.src.ID, e.began); other != "" {
		e.warnings = append(e.warnings, "ends at the same address as the source "+other+" ("+shown(at)+"): one of the two is enough")
	}
}

// usable are the statuses whose body is the feed.
func usable(status int) bool {
	return status == http.StatusOK || status == http.StatusNonAuthoritativeInfo || status == http.StatusIMUsed
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
