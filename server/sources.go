package server

import (
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
	// chartDays is how many days a source's chart shows, and chartStories how many
	// stories are read for all charts together.
	chartDays    = 14
	chartStories = 20000
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
	counts, err := s.counts(ctx, now)
	if err != nil {
		return nil, err
	}
	var rows []render.Row
	for _, o := range sorted(outlets) {
		row := render.Row{
			Name: o.Name, Lang: o.Language, Site: o.Site, About: states[o.ID].Channel.Description,
			Page: st.root + "sources/" + url.PathEscape(o.ID) + "/", Feeds: st.feedsOf("sources", o.ID), Counts: counts[o.ID],
		}
		if row.Counts == nil {
			row.Counts = make([]int, chartDays)
		}
		for _, c := range o.Categories {
			row.Tags = append(row.Tags, render.Link{Name: c, Href: st.root + "categories/" + url.PathEscape(c) + "/"})
		}
		row.State, row.Mood, row.At = freshness(states[o.ID], now, words)
		rows = append(rows, row)
	}
	return rows, nil
}

// freshness says in words how a source fares. What exactly its server answered is
// for operators, not for readers.
func freshness(state feed.State, now time.Time, words *render.Text) (text, mood string, at time.Time) {
	switch {
	case state.Gone:
		return words.Gone, "bad", time.Time{}
	case !state.FailingSince.IsZero():
		return words.Failing, "bad", state.FailingSince
	case state.Visited.IsZero():
		return words.NotYet, "", time.Time{}
	case state.Changed.IsZero():
		return words.Fresh, "", state.Succeeded
	case now.Sub(state.Changed) > silent:
		return words.SilentSince, "", state.Changed
	}
	return words.LastItem, "", state.Changed
}

// counts are the stories that every source carried on each of the last days.
func (s *Server) counts(ctx context.Context, now time.Time) (map[string][]int, error) {
	first := dayOf(now).Add(-(chartDays - 1) * day)
	counts := map[string][]int{}
	n := 0
	for story, err := range s.store.Stories(ctx, feed.Query{}) {
		if err != nil {
			return nil, err
		}
		if n++; story.Order.Before(first) || n > chartStories {
			break
		}
		for i := range story.Members {
			it := &story.Members[i]
			d := int(dayOf(it.Time()).Sub(first) / day)
			if d < 0 || d >= chartDays {
				continue
			}
			if counts[it.Source] == nil {
				counts[it.Source] = make([]int, chartDays)
			}
			counts[it.Source][d]++
		}
	}
	return counts, nil
}

// opml writes the subscription list.
func (s *Server) opml(ctx context.Context, st *site, w io.Writer) (made, error) {
	outlets, err := s.store.Outlets(ctx)
	if err != nil {
		return made{}, err
	}
	return made{control: feedControl}, render.OPML(w, st.Title, sorted(outlets), time.Time{})
}

// health answers those who only ask whether the program serves.
func (s *Server) health(w http.ResponseWriter, r *http.Request) error {
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
	d := newDocument(a.Body, job{kind: a.Type, control: control})
	if !strings.HasPrefix(a.Type, "text/") && !strings.HasSuffix(a.Type, "svg+xml") {
		d.body = a.Body
		r.Header.Del("Accept-Encoding") // fonts and pictures are compressed already
	}
	return d.send(w, r)
}
