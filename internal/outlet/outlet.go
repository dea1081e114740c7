// Package outlet makes outlets: real HTTP servers on the loopback interface that
// publish feeds as news desks do, in RSS 2.0, RSS 1.0, Atom and JSON Feed, with
// pages behind the links. Tests use them instead of mocks, and the demonstration
// has nothing else to show.
//
// An Outlet behaves well: it sends validators, answers 304, counts who asks and
// how many at once. Behave makes it do anything else; a bestiary of bad manners
// met in the wild lies in this package too, see Bestiary.
//
// The package does not know who asks. It imports nothing of the program, and
// nothing that only tests have.
package outlet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Format is what an outlet's feed is written in.
type Format string

// The formats.
const (
	RSS2 Format = "rss2" // RSS 2.0 with content:encoded, as most news sites send it
	RSS1 Format = "rss1" // RSS 1.0 (RDF) with dc: elements and dwsyn:contentID, short texts only
	Atom Format = "atom" // Atom 1.0
	JSON Format = "json" // JSON Feed 1.1
)

// Options says what an outlet is like. The zero value is an outlet that publishes
// RSS 2.0 in English on a free port of 127.0.0.1.
type Options struct {
	Format      Format // "" = RSS2
	Title       string // "" = "Outlet"
	Description string
	Language    string // BCP 47; "" = not said
	Author      string // of items that name none; "" = not said
	Copyright   string

	// Address is "host:port" to listen on. A host such as 127.10.0.7 gives the outlet
	// an address of its own, as outlets have; where the system knows only 127.0.0.1
	// (macOS), that is taken instead. "" = 127.0.0.1:0. It must be a loopback address.
	Address string
	// Listener is used instead of Address when set; Base then says how to reach it.
	Listener net.Listener
	Base     string // "" = made from the address: http://127.0.0.1:4711

	Path  string // of the feed; "" = /feed
	Limit int    // newest items shown in the feed; 0 = 30
	// Tail is added to every item's link, as in "?maca=urd-rss".
	Tail   string
	Header http.Header // added to every answer of the feed, for example Cache-Control
	TTL    int         // minutes, RSS 2.0 ttl; 0 = not said
	Period string      // RSS 1.0 sy:updatePeriod with the frequency misspelt as DW does; "" = not said

	NoETag         bool
	NoLastModified bool
	Latency        time.Duration    // before every answer
	Now            func() time.Time // nil = time.Now; dates items that have no date
}

// Item is an article as its outlet writes it. Summary and Content are HTML; all
// else is plain text.
type Item struct {
	ID        string // "" = the link
	Link      string // "" = made from the ID; a path is on this outlet, where it has a page
	Title     string
	Summary   string
	Content   string // "" = the feed carries only the summary
	Author    string
	Section   string // category
	Language  string
	Image     string    // address of a picture
	Published time.Time // zero = when it was given to Publish
	Updated   time.Time // zero = not said
	ContentID string    // RSS 1.0: dwsyn:contentID; "" = made from the ID
	Source    [2]string // RSS source, atom:source: name and feed address of the origin
}

// Request is one that an outlet got.
type Request struct {
	At     time.Time
	Method string
	Path   string
	Header http.Header
	Status int // of the answer; 0 = the connection was taken over
}

// Outlet is a running server. Its methods may be called at any time, from any
// goroutine.
type Outlet struct {
	opts   Options
	base   string
	server *http.Server
	done   chan struct{}

	mu       sync.Mutex
	items    []Item // newest first
	changed  time.Time
	behave   http.Handler
	requests []Request
	running  int
	most     int
	conns    int
}

// keptRequests bounds the log of a long demonstration.
const keptRequests = 10_000

// New starts an outlet. Close it.
func New(opts Options) (*Outlet, error) {
	if opts.Format == "" {
		opts.Format = RSS2
	}
	if opts.Title == "" {
		opts.Title = "Outlet"
	}
	if opts.Path == "" {
		opts.Path = "/feed"
	}
	if opts.Limit == 0 {
		opts.Limit = 30
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Listener == nil {
		listener, err := listen(opts.Address)
		if err != nil {
			return nil, fmt.Errorf("start outlet %q: %w", opts.Title, err)
		}
		opts.Listener = listener
	}
	o := &Outlet{opts: opts, base: opts.Base, done: make(chan struct{}), changed: opts.Now()}
	if o.base == "" {
		o.base = "http://" + opts.Listener.Addr().String()
	}
	o.server = &http.Server{
		Handler:           http.HandlerFunc(o.serve),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				o.mu.Lock()
				o.conns++
				o.mu.Unlock()
			}
		},
	}
	go func() {
		defer close(o.done)
		_ = o.server.Serve(opts.Listener) // always ErrServerClosed: Close ends it
	}()
	return o, nil
}

// listen opens a port on the loopback interface, and nowhere else.
func listen(address string) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil && host != "127.0.0.1" {
		return net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	}
	return listener, err
}

// Close ends the server and whoever is connected, and waits for it.
func (o *Outlet) Close() error {
	err := o.server.Close()
	<-o.done
	return err
}

// Shutdown ends the server after the answers under way, or when ctx ends.
func (o *Outlet) Shutdown(ctx context.Context) error {
	err := o.server.Shutdown(ctx)
	<-o.done
	return err
}

// Base returns the address of the outlet, without a slash at its end.
func (o *Outlet) Base() string { return o.base }

// Feed returns the address of its feed.
func (o *Outlet) Feed() string { return o.base + o.opts.Path }

// Title returns its name.
func (o *Outlet) Title() string { return o.opts.Title }

// Publish puts items at the top of the feed, the last one topmost. An item whose
// ID is known already replaces it where it stands: a revision.
func (o *Outlet) Publish(items ...Item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.opts.Now()
	for _, it := range items {
		it = o.complete(it, now)
		known := slices.IndexFunc(o.items, func(other Item) bool { return other.ID == it.ID })
		if known >= 0 {
			o.items[known] = it
		} else {
			o.items = slices.Insert(o.items, 0, it)
		}
	}
	o.touch(now)
}

// Withdraw takes items out of the feed.
func (o *Outlet) Withdraw(ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items = slices.DeleteFunc(o.items, func(it Item) bool { return slices.Contains(ids, it.ID) })
	o.touch(o.opts.Now())
}

// touch moves Last-Modified on, which has only whole seconds to tell changes apart.
func (o *Outlet) touch(now time.Time) {
	if o.changed = now.Truncate(time.Second); o.changed.Before(now) {
		o.changed = o.changed.Add(time.Second)
	}
}

// Line reads an item from "id | link | title | summary", as tests like to write
// it; what is missing at the end is empty.
func Line(line string) Item {
	parts := append(strings.Split(line, "|"), "", "", "", "")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return Item{ID: parts[0], Link: parts[1], Title: parts[2], Summary: parts[3]}
}

// complete fills in what an item leaves open.
func (o *Outlet) complete(it Item, now time.Time) Item {
	if it.ID == "" {
		it.ID = it.Link
	}
	if it.Link == "" {
		sum := sha256.Sum256([]byte(it.ID))
		it.Link = "/story-" + hex.EncodeToString(sum[:4])
	}
	if strings.HasPrefix(it.Link, "/") {
		it.Link = o.base + it.Link
	}
	if it.Published.IsZero() {
		it.Published = now
	}
	if it.Author == "" {
		it.Author = o.opts.Author
	}
	if it.ContentID == "" {
		it.ContentID = it.ID
	}
	return it
}

// Behave has the feed's address answered by h from now on, whatever it does; nil
// makes the outlet behave well again. Requests are still counted.
func (o *Outlet) Behave(h http.Handler) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.behave = h
}

// Requests returns those for anything, in order: the last ten thousand.
func (o *Outlet) Requests() []Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.requests)
}

// Most returns how many requests were being answered at once, at most.
func (o *Outlet) Most() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.most
}

// Connections returns how many connections were made, ever.
func (o *Outlet) Connections() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conns
}
