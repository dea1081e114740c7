package server

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"sangam/feed"
)

// place is what a path leads to.
type place struct {
	view   feed.View
	here   string    // path of the view below the site's root, ending in "/"; "" = everything
	tab    string    // entry of the menu
	file   string    // "" = the page, else the name of a feed document
	day    time.Time // of an archive; zero = the document that is subscribed to
	search string
	lang   string
	asked  string // the address of a feed below the site's root, as the reader wrote it; "" = as we do
}

// formats are the documents that every view has.
var formats = map[string]string{
	"feed.xml":  "application/rss+xml",
	"atom.xml":  "application/atom+xml",
	"feed.json": "application/feed+json",
}

// spellings are names under which readers look for feeds elsewhere.
var spellings = map[string]string{
	"rss": "feed.xml", "rss.xml": "feed.xml", "feed": "feed.xml", "feed.rss": "feed.xml", "index.xml": "feed.xml", "index.rss": "feed.xml",
	"atom": "atom.xml", "feed.atom": "atom.xml", "index.atom": "atom.xml",
	"json": "feed.json", "index.json": "feed.json", "index.html": "",
}

// answer finds what is asked for and sends it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, st *site) error {
	path, ok := st.below(r.URL.EscapedPath())
	if !ok {
		return errNowhere
	}
	segments, err := split(path)
	if err != nil {
		return failure{status: http.StatusBadRequest, cause: err}
	}
	switch {
	case len(segments) == 1:
		switch segments[0] {
		case "healthz":
			return s.alive(w, r)
		case "favicon.ico":
			return s.asset(w, r, "favicon.ico", false)
		case "robots.txt":
			return s.robots(w, r, st)
		case "opml.xml":
			return s.document(w, r, st, job{key: "opml", kind: "text/x-opml; charset=utf-8", make: s.opml})
		case "sources", "categories", "feeds":
			return redirect(w, r, st.root+segments[0]+"/")
		}
	case len(segments) == 2 && segments[0] == "assets":
		return s.asset(w, r, segments[1], true)
	case len(segments) == 2 && segments[0] == "story" && segments[1] != "":
		return s.story(w, r, st, segments[1])
	case len(segments) == 2 && segments[1] == "" && (segments[0] == "sources" || segments[0] == "categories" || segments[0] == "feeds"):
		return s.list(w, r, st, segments[0])
	}
	return s.view(w, r, st, path, segments)
}

// below returns the path under the site's root. A proxy may pass the public path
// on or strip it, so both are understood.
func (st *site) below(path string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, st.root); ok {
		return rest, true
	}
	return strings.CutPrefix(path, "/")
}

func split(path string) ([]string, error) {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		plain, err := url.PathUnescape(seg)
		if err != nil {
			return nil, err
		}
		segments[i] = plain
	}
	return segments, nil
}

// view answers for a page or a feed of one view.
func (s *Server) view(w http.ResponseWriter, r *http.Request, st *site, path string, segments []string) error {
	p := place{view: st.everything(), tab: "latest"}
	if len(segments) >= 2 && (segments[0] == "feeds" || segments[0] == "sources" || segments[0] == "categories") {
		view, err := s.find(r.Context(), st, segments[0], segments[1])
		if err != nil {
			return err
		}
		p.view, p.tab = view, segments[0]
		p.here = segments[0] + "/" + url.PathEscape(segments[1]) + "/"
		if len(segments) == 2 {
			return redirect(w, r, withQuery(st.root+p.here, r))
		}
		segments = segments[2:]
	}
	if len(segments) == 3 && segments[0] == "archive" {
		day, err := time.Parse(time.DateOnly, segments[1])
		if err != nil {
			return errNowhere
		}
		p.day, segments = day, segments[2:]
	}
	if len(segments) == 2 && segments[1] == "" {
		if _, known := spellings[segments[0]]; known {
			segments = segments[:1] // "/feed/" is "/feed"
		}
	}
	if len(segments) != 1 {
		return errNowhere
	}
	if to, ok := spellings[segments[0]]; ok && p.day.IsZero() {
		return redirect(w, r, withQuery(st.root+p.here+to, r))
	}
	if err := p.ask(r.URL.Query()); err != nil {
		return err
	}
	switch p.file = segments[0]; {
	case formats[p.file] != "":
		p.spell(path, r.URL)
		return s.feed(w, r, st, p)
	case p.file == "" && p.day.IsZero():
		return s.river(w, r, st, p)
	}
	return errNowhere
}

const (
	maxSearch   = 200  // bytes; a longer search is a mistake or an attack
	maxAddress  = 2000 // of a document that calls itself as it was asked for
	maxLanguage = 35   // the longest BCP 47 tag in practice, RFC 5646 section 4.4.1
)

// ask takes the reader's own conditions into the place.
func (p *place) ask(q url.Values) error {
	p.search = strings.Join(strings.Fields(q.Get("q")), " ")
	p.lang = q.Get("lang")
	if len(p.search) > maxSearch || len(p.lang) > maxLanguage {
		return failure{status: http.StatusBadRequest}
	}
	return nil
}

// spell notes how the reader wrote the address, so that a document calls itself what it was
// asked for as: "%26" or "&", "%20" or "+", one condition or the other first. Validators take
// these for other addresses.
func (p *place) spell(path string, u *url.URL) {
	if u.RawQuery != "" {
		if "?"+u.Query().Encode() != p.suffix() {
			return // it asks for what we do not know
		}
		path += "?" + feed.EscapeURI(u.RawQuery)
	}
	if path != p.address() && len(path) <= maxAddress {
		p.asked = path
	}
}

// address is that of the document below the site's root.
func (p place) address() string {
	if p.day.IsZero() {
		return p.here + p.file + p.suffix()
	}
	return p.here + "archive/" + p.day.Format(time.DateOnly) + "/" + p.file + p.suffix()
}

// on is the place of the archive of a day.
func (p place) on(day time.Time) place {
	p.day = day
	return p
}

// query is what the store is asked for.
func (p *place) query() feed.Query {
	q := p.view.Query
	q.Text = p.search
	if p.lang != "" {
		q.Languages = []string{p.lang}
	}
	return q
}

// suffix is the part of an address that holds the reader's own conditions.
func (p *place) suffix() string {
	v := url.Values{}
	if p.search != "" {
		v.Set("q", p.search)
	}
	if p.lang != "" {
		v.Set("lang", p.lang)
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

// everything is the view of all sources.
func (st *site) everything() feed.View {
	for _, v := range st.Views {
		if v.ID == "" {
			return st.named(v)
		}
	}
	return st.named(feed.View{Title: st.Title, Description: st.Description, Language: st.Language})
}

func (st *site) named(v feed.View) feed.View {
	if v.Title == "" {
		v.Title = st.Title
	}
	if v.Items <= 0 {
		v.Items = st.Items
	}
	return v
}

// find returns the view of a configured feed, a source or a category.
func (s *Server) find(ctx context.Context, st *site, kind, name string) (feed.View, error) {
	if kind == "feeds" {
		i := slices.IndexFunc(st.Views, func(v feed.View) bool { return v.ID == name && name != "" })
		if i < 0 {
			return feed.View{}, errNowhere
		}
		return st.named(st.Views[i]), nil
	}
	outlets, err := s.store.Outlets(ctx)
	if err != nil {
		return feed.View{}, err
	}
	if kind == "sources" {
		o, ok := outlets[name]
		if !ok {
			return feed.View{}, errNowhere
		}
		return st.named(feed.View{ID: name, Title: o.Name, Language: o.Language, Query: feed.Query{Sources: []string{name}}}), nil
	}
	for _, o := range outlets {
		if slices.Contains(o.Categories, name) {
			return st.named(feed.View{ID: name, Title: st.Title + " · " + name, Language: st.Language, Query: feed.Query{Categories: []string{name}}}), nil
		}
	}
	return feed.View{}, errNowhere
}

// redirect sends the reader to the spelling that is ours, for good.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	w.Header().Set("Cache-Control", "public, max-age=86400")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

func withQuery(path string, r *http.Request) string {
	if r.URL.RawQuery != "" {
		return path + "?" + r.URL.Query().Encode()
	}
	return path
}
