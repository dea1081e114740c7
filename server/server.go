// Package server answers over HTTP: readers, who want the merged feed as a
// document or a page, and operators, who want to know how the program fares.
//
// Every document is made once per change and coding and then sent from memory,
// however many readers ask. What a document is called, what it holds and when it
// changed follow from the stored stories and the options alone, never from the
// request's Host or any forwarded header. The package knows HTTP as a server and
// nothing of how stories are found, stored or written down.
package server

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sangam/feed"
)

// Store is what the readers' side asks of the stored stories. *storage.DB is one.
type Store interface {
	// Stories yields the stories that match, newest first.
	Stories(context.Context, feed.Query) iter.Seq2[feed.Story, error]
	// Find finds the same stories, and leaves it to us which of them are read.
	Find(context.Context, feed.Query) iter.Seq2[feed.Found, error]
	// Story returns one story by its key.
	Story(ctx context.Context, ref string) (feed.Story, error)
	// Sequence returns the number of the newest change, and when it was made.
	Sequence(context.Context) (uint64, time.Time, error)
	// State returns what is known of one source; of an unknown one, nothing.
	State(ctx context.Context, id string) (feed.State, error)
	// States yields what is known of every source.
	States(context.Context) iter.Seq2[feed.State, error]
	// Outlets returns the configured outlets by source id.
	Outlets(context.Context) (map[string]feed.Outlet, error)
}

// Options say what is served and how. The zero value of a field means what its
// comment says; Base is required.
type Options struct {
	Base        string         // public address of the site, complete: "https://news.example.org/"
	Title       string         // of the merged feed of everything; "" = "Sangam"
	Description string         // of it
	Language    string         // of the pages' frame; "" = what the reader's browser asks for
	Items       int            // stories in a document, unless more arrived in a day; 0 = 100
	Views       []feed.View    // further merged feeds; one without an ID replaces that of everything
	Hubs        []string       // WebSub hubs that every feed names
	Hub         http.Handler   // answers at /hub, POST included; nil = nothing is there
	Told        []string       // WebSub hubs of others, which are told of those feeds that Feeds lists, and named in them
	TTL         time.Duration  // how long readers may wait before they ask again; 0 = 15 minutes
	NoCredits   bool           // leave out the line that names a story's outlets
	NoPictures  bool           // pages show no pictures
	NoScript    bool           // pages have no script
	Zone        *time.Location // in which pages tell the time; nil = UTC
	// Epoch names the history that the store's sequence numbers count, where several servers
	// hold the same; "" = this one is alone. It is part of the tags, so that who lags can tell a
	// newer one from an older one.
	Epoch    func() string
	NotFound error // what Store.Story returns for a story that is not there, besides fs.ErrNotExist
	Now      func() time.Time
	Log      *slog.Logger // nil = none
}

// complete fills in what was left open.
func (o Options) complete() Options {
	if o.Title == "" {
		o.Title = "Sangam"
	}
	if o.Items <= 0 {
		o.Items = 100
	}
	if o.TTL <= 0 {
		o.TTL = 15 * time.Minute
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if !strings.HasSuffix(o.Base, "/") {
		o.Base += "/"
	}
	return o
}

// site is what one set of options means. It is never changed, only replaced.
type site struct {
	Options
	root  string // path of Base
	cache *cache
	lanes map[string]*lane
}

// Server is the readers' side. It is safe for use by many requests at once.
type Server struct {
	store  Store
	assets sync.Map // *document by name: made once, they never change
	site   atomic.Pointer[site]
	busy   chan struct{} // one token for each document being made
	orders chan order    // for Renew

	renewing atomic.Bool // Renew runs

	mu      sync.Mutex
	waiting map[string]chan struct{} // by document: closed when it has been made
}

// makers is how many documents are made at once; the rest wait. Making is CPU
// work, so more than a few gain nothing and cost memory.
const makers = 4

// New returns the readers' side over a store.
func New(o Options, store Store) *Server {
	s := &Server{store: store, busy: make(chan struct{}, makers), orders: make(chan order, orders), waiting: map[string]chan struct{}{}}
	s.Set(o)
	return s
}

// Set replaces the options while the server runs. Requests that have begun are
// finished under the old ones.
func (s *Server) Set(o Options) {
	o = o.complete()
	root := "/"
	if u, err := url.Parse(o.Base); err == nil && u.Path != "" {
		root = u.EscapedPath()
	}
	st := &site{Options: o, root: root, cache: newCache(cacheBytes)}
	st.lanes = s.lanes(st)
	s.site.Store(st)
}

// ServeHTTP answers one reader.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site := s.site.Load()
	if l := site.lane(r); l != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if err := s.travel(w, r, site, l); err != nil {
			harden(w.Header())
			s.fail(w, r, site, err)
		}
		return
	}
	if path, _ := site.below(r.URL.Path); path == "hub" && site.Hub != nil {
		site.Hub.ServeHTTP(w, r)
		return
	}
	harden(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.fail(w, r, site, failure{status: http.StatusMethodNotAllowed})
		return
	}
	if err := s.answer(w, r, site); err != nil {
		s.fail(w, r, site, err)
	}
}

// travel answers with the document that a lane leads to.
func (s *Server) travel(w http.ResponseWriter, r *http.Request, st *site, l *lane) error {
	if wantsPage(r) {
		return s.follow(w, r, st, l.place, l.browser)
	}
	return s.follow(w, r, st, l.place, l.reader)
}

// failure is an error with an answer for the reader.
type failure struct {
	status int
	cause  error
}

func (f failure) Error() string {
	if f.cause != nil {
		return f.cause.Error()
	}
	return http.StatusText(f.status)
}

func (f failure) Unwrap() error { return f.cause }

var errNowhere = failure{status: http.StatusNotFound}

// missing says whether the store's error means that there is no such story.
func (st *site) missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || st.NotFound != nil && errors.Is(err, st.NotFound)
}

// harden sets what every answer with content says to browsers. Pages add what they
// need.
func harden(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Content-Security-Policy"] = strict
}

// soften takes back what harden set: a document says itself how to treat it, and an answer
// without content says nothing new about the content that the reader has.
func soften(h http.Header) {
	delete(h, "X-Content-Type-Options")
	delete(h, "Referrer-Policy")
	delete(h, "Content-Security-Policy")
}

// Values as a header takes them, shared by all answers.
var nosniff, noReferrer, strict, noRanges = []string{"nosniff"}, []string{"no-referrer"}, []string{policyStrict}, []string{"none"}

const (
	// policyStrict is for what is no page: nothing may run, load or be framed.
	policyStrict = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"
	// policyFeed lets a browser that opens a feed load its stylesheet.
	policyFeed = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox allow-same-origin"
)

// policy is what a page may do: our stylesheet, font, icon and search form; the
// script, which may ask this site whether there is news, and the outlets' pictures
// only where the options allow them. A page with a script is not sandboxed: one that
// may run scripts of its own origin could step out of it.
func policy(pictures, script bool) string {
	p := "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'"
	if pictures {
		p += " https: http:; media-src https: http:"
	}
	p += "; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
	if script {
		return p + "script-src 'self'; connect-src 'self'"
	}
	return p + "sandbox allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
}
