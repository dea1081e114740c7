package server

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"sangam/feed"
	"sangam/render"
)

// An archive (RFC 5005, section 4) holds the stories of one day, UTC, by their
// place in the river. A day becomes an archive when it is over by the reckoning of
// the view itself: when a story of a later day is there. Until then all of it is in
// the document that readers subscribe to, because its stories arrived within a day
// of the newest. So document and archives together are the whole feed.

const (
	// archiveControl lets readers keep an archive for a month. Late corrections reach
	// them in the document they subscribe to.
	archiveControl = "public, max-age=2592000"
	day            = 24 * time.Hour
	// nextDays is how far ahead the next archive is looked for.
	nextDays = 400
)

// archive fills in the page of one day and finds its stories.
func (s *Server) archive(ctx context.Context, page *render.Page, p place) ([]feed.Found, error) {
	q := p.query()
	top, _, err := s.seek(ctx, q, 1)
	if err != nil {
		return nil, err
	}
	if len(top) == 0 || !p.day.Before(dayOf(top[0].Order)) {
		return nil, errNowhere // not over yet, or never will be
	}
	found, err := s.ofDay(ctx, q, p.day)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errNowhere
	}
	at := func(d time.Time) string { return page.Base + p.on(d).address() }
	page.Current = at(time.Time{})
	before, ok, err := s.dayBefore(ctx, q, p.day)
	if err != nil {
		return nil, err
	}
	if ok {
		page.Prev = at(before)
	}
	last := dayOf(top[0].Order)
	for d, n := p.day.Add(day), 0; d.Before(last) && n < nextDays; d, n = d.Add(day), n+1 {
		newer, ok, err := s.dayBefore(ctx, q, d.Add(day))
		if err != nil {
			return nil, err
		}
		if ok && newer.Equal(d) {
			page.Next = at(d)
			break
		}
	}
	return found, nil
}

// link points the document that readers subscribe to at its newest archive.
func (s *Server) link(ctx context.Context, page *render.Page, p place, top time.Time) error {
	if p.search != "" {
		return nil // a search has no archives: it would be made anew for every word
	}
	d, ok, err := s.dayBefore(ctx, p.query(), dayOf(top))
	if err == nil && ok {
		page.Prev = page.Base + p.on(d).address()
	}
	return err
}

// ofDay finds the stories of one day, newest first.
func (s *Server) ofDay(ctx context.Context, q feed.Query, d time.Time) ([]feed.Found, error) {
	q.Before = feed.Cursor{Order: d.Add(day)}
	var found []feed.Found
	for f, err := range s.store.Find(ctx, q) {
		if err != nil {
			return nil, err
		}
		if f.Order.Before(d) || len(found) == maxStories {
			break
		}
		found = append(found, f)
	}
	return found, nil
}

// dayBefore returns the last day before d that has stories.
func (s *Server) dayBefore(ctx context.Context, q feed.Query, d time.Time) (time.Time, bool, error) {
	q.Before = feed.Cursor{Order: d}
	found, _, err := s.seek(ctx, q, 1)
	if err != nil || len(found) == 0 {
		return time.Time{}, false, err
	}
	return dayOf(found[0].Order), true, nil
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(day) }

// delta returns the document of what is new since the reader's (RFC 3229, with the
// instance manipulation "feed"): nil when he holds something that we no longer remember.
func (s *Server) delta(r *http.Request, st *site, p place, j job, d *document) (*document, error) {
	seq, ok := d.remembered(tagList(strings.Join(r.Header.Values("If-None-Match"), ",")))
	isNew := func(p piece) bool { return p.seq > seq }
	if !ok || !slices.ContainsFunc(d.pieces, isNew) {
		return nil, nil
	}
	j.key += " since " + strconv.FormatUint(seq, 10) + " in " + d.etag
	j.control = "no-store, im" // only for caches that know what a 226 is, RFC 3229 section 10.9
	j.make = func(_ context.Context, _ *site, out *bytes.Buffer) (made, error) {
		between := written[p.file].Between
		out.Write(d.body[:d.pieces[0].at])
		for i := range d.pieces {
			if p := d.pieces[i]; isNew(p) {
				out.Write(d.body[p.at:p.end])
				out.WriteString(between)
			}
		}
		out.Truncate(out.Len() - len(between))
		out.Write(d.body[d.pieces[len(d.pieces)-1].end:])
		return made{}, nil
	}
	news, err := s.current(r.Context(), st, j)
	if err != nil {
		return nil, err
	}
	answer := *news
	answer.etag, answer.modified, answer.status = d.etag, d.modified, http.StatusIMUsed
	answer.said = sync.OnceValue(answer.sayings)
	return &answer, nil
}

// asksForNew says whether the reader's A-IM accepts the manipulation "feed".
func asksForNew(r *http.Request) bool {
	wanted := r.Header["A-Im"]
	if len(wanted) == 0 {
		return false
	}
	for part := range strings.SplitSeq(strings.Join(wanted, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "feed") && strings.ReplaceAll(params, " ", "") != "q=0" {
			return true
		}
	}
	return false
}

// remembered returns the newest sequence number at which the document was any of
// the tags.
func (d *document) remembered(tags []string) (seq uint64, ok bool) {
	for _, g := range d.since {
		if slices.ContainsFunc(tags, func(tag string) bool { return base(tag) == g.etag }) {
			seq, ok = g.seq, true
		}
	}
	return seq, ok
}
