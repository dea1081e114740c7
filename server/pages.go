package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sangam/feed"
	"sangam/render"
)

const (
	// pageLasts is how long a page that says "3 hours ago" may be sent again.
	pageLasts = time.Minute
	// riverItems is how many stories one page shows.
	riverItems = 40
	// maxFilters is how many links to topics stand above the river, and how many to languages.
	maxFilters = 16
)

// language is that of the frame's words, and what an answer then varies with.
func (st *site) language(r *http.Request) (lang, vary string) {
	if st.Language != "" {
		return st.Language, ""
	}
	return render.Preferred(r.Header.Get("Accept-Language"), "en"), ", Accept-Language"
}

// pageJob is what all pages have in common.
func (st *site) pageJob(key, lang, vary string) job {
	return job{
		key: "page " + lang + " " + key, kind: "text/html; charset=utf-8", policy: policy(!st.NoPictures, !st.NoScript),
		control: pageControl, vary: vary, lasts: pageLasts,
	}
}

// frame is what all pages have around them.
func (s *Server) frame(st *site, lang string, outlets map[string]feed.Outlet) render.Frame {
	f := render.Frame{Title: st.Title, Language: lang, Root: st.root, Now: st.Now().In(st.Zone), NoPictures: st.NoPictures, NoScript: st.NoScript}
	everything := st.everything()
	f.Feeds, f.FeedsOf = st.feeds(place{view: everything}), everything.Title
	for _, o := range outlets {
		f.HasCategories = f.HasCategories || len(o.Categories) > 0
	}
	f.HasFeeds = slices.ContainsFunc(st.Views, func(v feed.View) bool { return v.ID != "" })
	return f
}

// river answers with the page of the newest stories of a view.
func (s *Server) river(w http.ResponseWriter, r *http.Request, st *site, p place) error {
	before, err := cursor(r.URL.Query().Get("before"))
	if err != nil {
		return failure{status: http.StatusBadRequest, cause: err}
	}
	lang, vary := st.language(r)
	j := st.pageJob(p.here+p.suffix()+" "+mark(before), lang, vary)
	j.make = func(ctx context.Context, st *site, out *bytes.Buffer) (made, error) {
		page, err := s.riverPage(ctx, st, p, before, lang)
		if err != nil {
			return made{}, err
		}
		return made{}, render.River(out, page)
	}
	return s.document(w, r, st, j)
}

func (s *Server) riverPage(ctx context.Context, st *site, p place, before feed.Cursor, lang string) (render.RiverPage, error) {
	outlets, err := s.store.Outlets(ctx)
	if err != nil {
		return render.RiverPage{}, err
	}
	q := p.query()
	q.Before = before
	stories, more, err := s.take(ctx, q, riverItems)
	if err != nil {
		return render.RiverPage{}, err
	}
	page := render.RiverPage{Frame: s.frame(st, lang, outlets), View: p.view, Stories: stories, Outlets: outlets}
	page.Here, page.Tab, page.Query, page.Feeds, page.FeedsOf = p.here, p.tab, p.search, st.feeds(p), ""
	page.Description = p.view.Description
	if p.here != "" {
		page.Heading, page.HeadLang = p.view.Title, p.view.Language
		if p.tab == "categories" {
			page.Heading, page.HeadLang = p.view.ID, spoken(p.view.ID, outlets)
		}
	}
	if before.Order.IsZero() {
		page.News = st.root + p.here + "atom.xml" + p.suffix()
	} else {
		page.Top = st.root + p.here + p.suffix()
	}
	if more {
		last := stories[len(stories)-1]
		page.Next = st.root + p.here + join(p.suffix(), "before="+url.QueryEscape(mark(feed.Cursor{Order: last.Order, Story: last.Key})))
	}
	page.Filters = filters(st, p, outlets)
	if len(stories) == 0 && p.search == "" {
		if page.Empty, err = s.whyEmpty(ctx, st, within(p, outlets), page.W()); err != nil {
			return page, err
		}
	}
	if p.tab == "sources" {
		page.Health, err = s.health(ctx, st, p.view.ID, page.W())
		if len(stories) == 0 && err == nil && page.Health.Bad {
			page.Empty = render.Empty{Hint: page.W().AskOperator} // its health says why
		}
	}
	return page, err
}

func join(suffix, param string) string {
	if suffix == "" {
		return "?" + param
	}
	return suffix + "&" + param
}

// filters are links to the topics and to the languages.
func filters(st *site, p place, outlets map[string]feed.Outlet) [][]render.Link {
	var byTopic, byLanguage []render.Link
	if p.search == "" && (p.here == "" || p.tab == "categories") {
		for _, c := range topics(outlets) {
			byTopic = append(byTopic, render.Link{Href: st.root + "categories/" + url.PathEscape(c) + "/", Name: c, Lang: spoken(c, outlets), Here: p.tab == "categories" && c == p.view.ID})
		}
	}
	if p.here == "" {
		if langs := languages(outlets); len(langs) > 1 {
			for _, l := range langs {
				asked := p
				asked.lang = l
				byLanguage = append(byLanguage, render.Link{Href: st.root + asked.suffix(), Name: render.LanguageName(l), Lang: l, Here: p.lang == l})
			}
		}
	}
	var groups [][]render.Link
	for _, links := range [][]render.Link{byTopic, byLanguage} {
		if len(links) > 0 {
			groups = append(groups, links[:min(len(links), maxFilters)])
		}
	}
	return groups
}

// topics are the categories of all outlets, sorted.
func topics(outlets map[string]feed.Outlet) []string {
	var cs []string
	for _, o := range outlets {
		cs = append(cs, o.Categories...)
	}
	slices.Sort(cs)
	return slices.Compact(cs)
}

// spoken is the language that all outlets of a topic have in common, "" if they have
// none, or if the topic's name is plain Latin: many an outlet files its stories under
// an English word.
func spoken(topic string, outlets map[string]feed.Outlet) string {
	if !strings.ContainsFunc(topic, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return ""
	}
	of := map[string]feed.Outlet{}
	for id, o := range outlets {
		if slices.Contains(o.Categories, topic) {
			of[id] = o
		}
	}
	if ls := languages(of); len(ls) == 1 {
		return ls[0]
	}
	return ""
}

func languages(outlets map[string]feed.Outlet) []string {
	var ls []string
	for _, o := range outlets {
		if l, _, _ := strings.Cut(strings.ToLower(o.Language), "-"); l != "" {
			ls = append(ls, l)
		}
	}
	slices.Sort(ls)
	return slices.Compact(ls)
}

func (s *Server) states(ctx context.Context) (map[string]feed.State, error) {
	states := map[string]feed.State{}
	for state, err := range s.store.States(ctx) {
		if err != nil {
			return nil, err
		}
		states[state.Source] = state
	}
	return states, nil
}

// cursor reads the place in the river that mark wrote.
func cursor(text string) (feed.Cursor, error) {
	if text == "" {
		return feed.Cursor{}, nil
	}
	at, key, ok := strings.Cut(text, ".")
	n, err := strconv.ParseInt(at, 36, 64)
	if err != nil || !ok || len(key) > 200 {
		return feed.Cursor{}, errors.New("no such place in the river")
	}
	return feed.Cursor{Order: time.Unix(0, n).UTC(), Story: key}, nil
}

func mark(c feed.Cursor) string {
	if c.Order.IsZero() {
		return ""
	}
	return strconv.FormatInt(c.Order.UnixNano(), 36) + "." + c.Story
}

// story answers with the page of one story.
func (s *Server) story(w http.ResponseWriter, r *http.Request, st *site, key string) error {
	lang, vary := st.language(r)
	j := st.pageJob("story/"+key, lang, vary)
	j.make = func(ctx context.Context, st *site, out *bytes.Buffer) (made, error) {
		story, err := s.store.Story(ctx, key)
		switch {
		case st.missing(err), err == nil && (story.Key != key || len(story.Members) == 0):
			return made{}, errNowhere
		case err != nil:
			return made{}, err
		}
		outlets, err := s.store.Outlets(ctx)
		if err != nil {
			return made{}, err
		}
		return made{}, render.Story(out, render.StoryPage{Frame: s.frame(st, lang, outlets), Story: story, Outlets: outlets})
	}
	return s.document(w, r, st, j)
}

// list answers with the page of all sources, categories or feeds.
func (s *Server) list(w http.ResponseWriter, r *http.Request, st *site, kind string) error {
	lang, vary := st.language(r)
	j := st.pageJob(kind, lang, vary)
	j.make = func(ctx context.Context, st *site, out *bytes.Buffer) (made, error) {
		outlets, err := s.store.Outlets(ctx)
		if err != nil {
			return made{}, err
		}
		page := render.ListPage{Frame: s.frame(st, lang, outlets)}
		page.Tab = kind
		words := page.W()
		switch kind {
		case "sources":
			page.Heading, page.Nothing, page.Legend = words.Sources, words.NoSources, words.PerDay
			page.Rows, err = s.sourceRows(ctx, st, outlets, words)
		case "categories":
			page.Heading, page.Nothing = words.Categories, words.NoResult
			page.Rows = topicRows(st, outlets)
		case "feeds":
			page.Heading, page.Nothing = words.Feeds, words.NoResult
			page.Rows = viewRows(st)
		}
		if err != nil {
			return made{}, err
		}
		return made{}, render.List(out, page)
	}
	return s.document(w, r, st, j)
}

func topicRows(st *site, outlets map[string]feed.Outlet) []render.Row {
	var rows []render.Row
	for _, c := range topics(outlets) {
		var tags []render.Link
		for _, o := range sorted(outlets) {
			if slices.Contains(o.Categories, c) {
				tags = append(tags, render.Link{Name: o.Name, Lang: o.Language, Href: st.root + "sources/" + url.PathEscape(o.ID) + "/"})
			}
		}
		rows = append(rows, render.Row{Name: c, Lang: spoken(c, outlets), Page: st.root + "categories/" + url.PathEscape(c) + "/", Feeds: st.feedsOf("categories", c), Tags: tags})
	}
	return rows
}

func viewRows(st *site) []render.Row {
	var rows []render.Row
	for _, v := range st.Views {
		if v.ID != "" {
			v = st.named(v)
			rows = append(rows, render.Row{Name: v.Title, Lang: v.Language, About: v.Description, Page: st.root + "feeds/" + url.PathEscape(v.ID) + "/", Feeds: st.feedsOf("feeds", v.ID)})
		}
	}
	return rows
}

// fail answers with a small page that says what went wrong, in words of our own.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, st *site, err error) {
	f := failure{status: http.StatusInternalServerError, cause: err}
	errors.As(err, &f)
	if f.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		st.Log.Error("no answer for a reader", "path", r.URL.Path, "err", err)
	}
	lang, vary := st.language(r)
	frame := s.frame(st, lang, nil)
	frame.NoScript = true
	words, why := frame.W(), ""
	switch f.status {
	case http.StatusNotFound:
		frame.Heading, why = words.NotFound, words.NotFoundHint
	case http.StatusMethodNotAllowed:
		frame.Heading = words.NotAllowed
	case http.StatusBadRequest:
		frame.Heading = words.BadRequest
	case http.StatusServiceUnavailable:
		frame.Heading = words.Busy
		w.Header().Set("Retry-After", "10")
	default:
		frame.Heading, why = words.Broken, words.BrokenHint
	}
	var b bytes.Buffer
	if err := render.Failure(&b, frame, why); err != nil {
		st.Log.Error("no page for a failure", "err", err)
	}
	h := w.Header()
	h.Set("Content-Security-Policy", policy(false, false))
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept"+vary)
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the reader may have left
	}
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
