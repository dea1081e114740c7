package server

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sangam/feed"
	"sangam/render"
)

const (
	// recent is how long a story stays in the document after it arrived, whatever
	// the document's limit: a reader who polls once a day misses nothing.
	recent = 24 * time.Hour
	// maxStories bounds a document all the same; what is beyond it is in the archives.
	maxStories = 5000
	// iconName is the picture that stands for the site.
	iconName = "icon.png"
)

// lane is a feed document that readers come for again and again, known by its path.
type lane struct {
	place   place
	reader  job // of the document as feed readers get it
	browser job // and as browsers do
}

// lanes are the ways to the feeds of a site that need no store to be found: those of
// everything and of the configured views, under the site's root, which a proxy may
// have taken off.
func (s *Server) lanes(st *site) map[string]*lane {
	lanes := map[string]*lane{}
	open := func(view feed.View, here string) {
		for file := range formats {
			p := place{view: view, here: here, file: file}
			l := &lane{place: p, reader: s.job(st, p, false), browser: s.job(st, p, true)}
			lanes["/"+here+file], lanes[st.root+here+file] = l, l
		}
	}
	open(st.everything(), "")
	for _, v := range st.Views {
		if v.ID != "" && url.PathEscape(v.ID) == v.ID {
			open(st.named(v), "feeds/"+v.ID+"/")
		}
	}
	return lanes
}

// Feeds are the public addresses of the feeds of everything and of the configured views,
// in every format.
func (s *Server) Feeds() []string {
	st := s.site.Load()
	addresses := map[string]bool{}
	for _, l := range st.lanes {
		addresses[st.Base+l.place.here+l.place.file] = true
	}
	return slices.Sorted(maps.Keys(addresses))
}

// hubs are those where the document of a place can be followed.
func (st *site) hubs(p place) []string {
	if st.lanes["/"+p.here+p.file] == nil || !p.day.IsZero() || p.suffix() != "" {
		return st.Hubs
	}
	return slices.Concat(st.Hubs, st.Told)
}

// lane returns the way to what is asked for, nil when it must be looked for.
func (st *site) lane(r *http.Request) *lane {
	if r.URL.RawQuery != "" || r.URL.RawPath != "" {
		return nil
	}
	return st.lanes[r.URL.Path]
}

// feed answers with a feed document, or with what of it is new to the reader.
func (s *Server) feed(w http.ResponseWriter, r *http.Request, st *site, p place) error {
	return s.follow(w, r, st, p, s.job(st, p, wantsPage(r)))
}

// follow answers with the document of a place that a job makes.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, st *site, p place, j job) error {
	d, err := s.current(r.Context(), st, j)
	if err != nil {
		return err
	}
	if p.day.IsZero() && asksForNew(r) && !d.fresh(r) {
		if delta, err := s.delta(r, st, p, j, d); delta != nil || err != nil {
			if err != nil {
				return err
			}
			w.Header().Set("IM", "feed")
			return delta.send(w, r)
		}
	}
	return d.send(w, r)
}

// job says how the document of a place is made.
func (s *Server) job(st *site, p place, browser bool) job {
	j := job{
		key:     p.address() + " " + p.asked,
		kind:    formats[p.file] + "; charset=utf-8",
		control: feedControl,
		vary:    ", Accept, A-IM",
	}
	if browser {
		j.policy = policyFeed
		if p.file != "feed.json" {
			j.key += " browser"
			j.kind = "application/xml; charset=utf-8"
			j.stylesheet = st.root + "assets/" + render.AssetName("feed.css")
		}
	}
	key, stylesheet, format := j.key, j.stylesheet, written[p.file]
	j.make = func(ctx context.Context, st *site, out *bytes.Buffer) (made, error) {
		page, found, m, err := s.page(ctx, st, p)
		if err != nil {
			return made{}, err
		}
		page.Stylesheet = stylesheet
		scrap := scraps.Get().(*bytes.Buffer)
		defer scraps.Put(scrap)
		scrap.Reset()
		pieces, text, err := s.pieces(st, format, &page, found, st.cache.get(key), scrap)
		if err != nil {
			return made{}, err
		}
		page.Updated = newest(pieces)
		m.modified, m.pieces, m.language = page.Updated, pieces, page.View.Language
		return m, assemble(out, format, &page, pieces, text)
	}
	return j
}

// written are the formats of feed documents by their names.
var written = map[string]*render.Format{"feed.xml": render.RSS, "atom.xml": render.Atom, "feed.json": render.JSON}

// page gathers what a feed document says, and finds its stories.
func (s *Server) page(ctx context.Context, st *site, p place) (page render.Page, found []feed.Found, m made, err error) {
	page = render.Page{
		View: p.view, Base: st.Base,
		Self: st.Base + cmp.Or(p.asked, p.address()), ID: st.Base + p.address(), Home: st.Base + p.here + p.suffix(),
		Hubs: st.hubs(p), TTL: st.TTL, NoCredits: st.NoCredits, Icon: st.Base + "assets/" + render.AssetName(iconName),
	}
	if p.search != "" {
		page.View.Title += " · " + p.search
	}
	if p.day.IsZero() {
		found, err = s.collect(ctx, p.query(), p.view.Items)
	} else {
		m.control = archiveControl
		found, err = s.archive(ctx, &page, p)
	}
	if err == nil && p.day.IsZero() && len(found) > 0 {
		err = s.link(ctx, &page, p, found[0].Order)
	}
	if err != nil {
		return page, nil, m, err
	}
	// Lastly: what is found is never of a later version than what is known of its outlets.
	page.Outlets, err = s.store.Outlets(ctx)
	return page, found, m, err
}

// addresses of the feeds of a place.
func (st *site) feeds(p place) *render.Feeds {
	at := func(file string) string { return st.Base + p.here + file + p.suffix() }
	return &render.Feeds{RSS: at("feed.xml"), Atom: at("atom.xml"), JSON: at("feed.json")}
}

func (st *site) feedsOf(kind, name string) render.Feeds {
	return *st.feeds(place{here: kind + "/" + url.PathEscape(name) + "/"})
}
