package server

import (
	"context"
	"io"
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
	if p.day.IsZero() {
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
		key:     p.here + p.day.Format(time.DateOnly) + "/" + p.file + p.suffix(),
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
	stylesheet := j.stylesheet
	j.make = func(ctx context.Context, st *site, out io.Writer) (made, error) {
		page, m, err := s.page(ctx, st, p)
		if err != nil {
			return made{}, err
		}
		page.Stylesheet = stylesheet
		return m, write(out, p.file, page)
	}
	return j
}

func write(w io.Writer, file string, p render.Page) error {
	switch file {
	case "atom.xml":
		return render.Atom(w, p)
	case "feed.json":
		return render.JSON(w, p)
	}
	return render.RSS(w, p)
}

// page gathers what a feed document says.
func (s *Server) page(ctx context.Context, st *site, p place) (render.Page, made, error) {
	outlets, err := s.store.Outlets(ctx)
	if err != nil {
		return render.Page{}, made{}, err
	}
	home := st.Base + p.here
	page := render.Page{
		View: p.view, Base: st.Base, Outlets: outlets,
		Self: home + p.file + p.suffix(), Home: home + p.suffix(),
		Hubs: st.hubs(p), TTL: st.TTL, NoCredits: st.NoCredits, Icon: st.Base + "assets/" + render.AssetName(iconName),
	}
	if p.search != "" {
		page.View.Title += " · " + p.search
	}
	m := made{}
	if p.day.IsZero() {
		page.Stories, err = s.collect(ctx, p.query(), p.view.Items)
	} else {
		m.control = archiveControl
		err = s.archive(ctx, &page, p)
	}
	if err != nil {
		return page, m, err
	}
	if p.day.IsZero() {
		if err := s.link(ctx, &page, p); err != nil {
			return page, m, err
		}
	}
	if p.file == "atom.xml" {
		if page.Known, err = s.known(ctx, page.Stories); err != nil {
			return page, m, err
		}
	}
	page.Updated = newest(page.Stories)
	m.modified = page.Updated
	for i := range page.Stories {
		m.stories = append(m.stories, page.Stories[i].Seq)
	}
	return page, m, nil
}

// known returns how the feeds of the stories' outlets name themselves.
func (s *Server) known(ctx context.Context, stories []feed.Story) (map[string]feed.Channel, error) {
	known := map[string]feed.Channel{}
	for i := range stories {
		for m := range stories[i].Members {
			id := stories[i].Members[m].Source
			if _, asked := known[id]; asked {
				continue
			}
			state, err := s.store.State(ctx, id)
			if err != nil {
				return nil, err
			}
			known[id] = state.Channel
		}
	}
	return known, nil
}

// collect returns the stories of a document: the first in the river, and whatever
// else arrived within a day of the last arrival among them. The last arrival, not
// the clock: a document changes only when its stories do.
func (s *Server) collect(ctx context.Context, q feed.Query, limit int) ([]feed.Story, error) {
	first, more, err := s.take(ctx, q, limit)
	if err != nil || !more {
		return first, err
	}
	var last time.Time
	have := make(map[string]bool, len(first))
	for i := range first {
		have[first[i].Key] = true
		if at := arrived(&first[i]); at.After(last) {
			last = at
		}
	}
	end := first[len(first)-1]
	q.Since, q.Before = last.Add(-recent), feed.Cursor{Order: end.Order, Story: end.Key}
	rest, _, err := s.take(ctx, q, maxStories-len(first))
	if err != nil {
		return nil, err
	}
	rest = slices.DeleteFunc(rest, func(story feed.Story) bool { return have[story.Key] || arrived(&story).Before(q.Since) })
	return append(first, rest...), nil
}

// take returns the first stories that match, at most limit, and whether there are more.
func (s *Server) take(ctx context.Context, q feed.Query, limit int) (stories []feed.Story, more bool, err error) {
	for story, err := range s.store.Stories(ctx, q) {
		if err != nil {
			return nil, false, err
		}
		if len(story.Members) == 0 {
			continue
		}
		if len(stories) == limit {
			return stories, true, nil
		}
		stories = append(stories, story)
	}
	return stories, false, nil
}

// archival is how old a story is, when it arrives, if it came with the back
// catalogue of a source: nobody has waited for it, and thousands may come at once.
const archival = 7 * 24 * time.Hour

// arrived is when the story was first brought or, if it was old by then, its place
// in the river.
func arrived(s *feed.Story) time.Time {
	at := s.Members[0].Seen
	for i := range s.Members {
		if seen := s.Members[i].Seen; seen.Before(at) {
			at = seen
		}
	}
	if at.Sub(s.Order) > archival {
		return s.Order
	}
	return at
}

// newest is when the newest change among stories was made: a revision, or another
// outlet that joined. It is read from the stories, so a restart does not move it.
func newest(stories []feed.Story) time.Time {
	var at time.Time
	later := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	for i := range stories {
		later(stories[i].Updated)
		for m := range stories[i].Members {
			later(stories[i].Members[m].Seen)
			later(stories[i].Members[m].Revised)
		}
	}
	if at.IsZero() {
		at = beginning
	}
	return at.UTC()
}

// beginning is when an empty feed was updated, since Atom must say a time: the
// month in which Atom became a standard.
var beginning = time.Date(2005, time.December, 1, 0, 0, 0, 0, time.UTC)

// addresses of the feeds of a place.
func (st *site) feeds(p place) *render.Feeds {
	at := func(file string) string { return st.Base + p.here + file + p.suffix() }
	return &render.Feeds{RSS: at("feed.xml"), Atom: at("atom.xml"), JSON: at("feed.json")}
}

func (st *site) feedsOf(kind, name string) render.Feeds {
	return *st.feeds(place{here: kind + "/" + url.PathEscape(name) + "/"})
}
