package server

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sangam/feed"
	"sangam/render"
)

const (
	// chartDays is how many days a source's chart shows, today among them, and
	// chartStories how many stories are read for the charts of all sources together.
	chartDays    = 14
	chartStories = 5000
	// silent is how long a source may have nothing new before the page says so.
	silent = 3 * day
)

func sorted(outlets map[string]feed.Outlet) []feed.Outlet {
	return slices.SortedFunc(maps.Values(outlets), func(a, b feed.Outlet) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
}

// sourceRows says of every source how fresh it is.
func (s *Server) sourceRows(ctx context.Context, st *site, outlets map[string]feed.Outlet, words *render.Text) ([]render.Row, error) {
	states, err := s.states(ctx)
	if err != nil {
		return nil, err
	}
	now := st.Now()
	first := feed.DateOf(now) - chartDays + 1
	told, err := s.backlogs(ctx, states, first)
	if err != nil {
		return nil, err
	}
	var rows []render.Row
	for _, o := range sorted(outlets) {
		row := render.Row{
			Name: o.Name, Lang: o.Language, Site: o.Site, About: states[o.ID].Channel.Description,
			Page: st.root + "sources/" + url.PathEscape(o.ID) + "/", Feeds: st.feedsOf("sources", o.ID), Counts: daily(states[o.ID].Tally, told[o.ID], first),
		}
		for _, c := range o.Categories {
			row.Tags = append(row.Tags, render.Link{Name: c, Href: st.root + "categories/" + url.PathEscape(c) + "/"})
		}
		state := states[o.ID]
		h := freshness(state, now, words)
		row.Health = &h
		if rate, known := state.Tally.PerDay(now); known {
			row.Rate = words.PerDayAbout(rate)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// daily are a source's new items on each day of the chart: as its visits counted
// them, and for the days before those, as the times of its stories tell.
func daily(t feed.Tally, told map[feed.Date]int, first feed.Date) []int {
	counts := make([]int, chartDays)
	watched := feed.DateOf(t.Since) // on that day it was known only in part
	for date, n := range told {
		if d := int(date - first); d >= 0 && d < chartDays && (t.Since.IsZero() || date <= watched) {
			counts[d] = n
		}
	}
	for _, day := range t.Days {
		if d := int(day.Date - first); d >= 0 && d < chartDays && day.Date > watched {
			counts[d] = day.New
		}
	}
	return counts
}

// backlogs counts by source and day the stories of those sources that have not been
// watched for all the days of the chart. Once all have been, nothing is read.
func (s *Server) backlogs(ctx context.Context, states map[string]feed.State, first feed.Date) (map[string]map[feed.Date]int, error) {
	counts := map[string]map[feed.Date]int{}
	for id, state := range states {
		if feed.DateOf(state.Tally.Since) >= first || state.Tally.Since.IsZero() {
			counts[id] = map[feed.Date]int{}
		}
	}
	if len(counts) == 0 {
		return nil, nil
	}
	n := 0
	for story, err := range s.store.Stories(ctx, feed.Query{}) {
		if err != nil {
			return nil, err
		}
		if n++; feed.DateOf(story.Order) < first || n > chartStories {
			break
		}
		for i := range story.Members {
			if days := counts[story.Members[i].Source]; days != nil {
				days[feed.DateOf(story.Members[i].Time())]++
			}
		}
	}
	return counts, nil
}

// opml writes the subscription list.
func (s *Server) opml(ctx context.Context, st *site, w *bytes.Buffer) (made, error) {
	outlets, err := s.store.Outlets(ctx)
	if err != nil {
		return made{}, err
	}
	return made{control: feedControl}, render.OPML(w, st.Title, sorted(outlets), time.Time{})
}

// alive answers those who only ask whether the program serves.
func (s *Server) alive(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := s.store.Sequence(r.Context()); err != nil {
		return failure{status: http.StatusServiceUnavailable, cause: err}
	}
	return text(w, r, "no-store", "ok\n")
}

// robots lets everyone in: but a search has no end, so it is not for robots.
func (s *Server) robots(w http.ResponseWriter, r *http.Request, st *site) error {
	return text(w, r, "public, max-age=86400", "User-agent: *\nDisallow: "+st.root+"*?q=\n")
}

func text(w http.ResponseWriter, r *http.Request, control, body string) error {
	h := w.Header()
	h.Set("Cache-Control", control)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, body) // the reader may have left
	}
	return nil
}

// asset sends a stylesheet, a font or an icon.
func (s *Server) asset(w http.ResponseWriter, r *http.Request, name string, hashed bool) error {
	control := foreverControl
	if !hashed {
		name, control = render.AssetName(name), "public, max-age=86400"
	}
	a, ok := render.AssetNamed(name)
	if !ok {
		return errNowhere
	}
	d, known := s.assets.Load(name + control)
	if !known {
		d, _ = s.assets.LoadOrStore(name+control, newDocument(a.Body, job{kind: a.Type, control: control}, made{}))
	}
	if !strings.HasPrefix(a.Type, "text/") && !strings.HasSuffix(a.Type, "svg+xml") {
		r.Header.Del("Accept-Encoding") // fonts and pictures are compressed already
	}
	return d.(*document).send(w, r)
}
