// Package render writes stories: as RSS 2.0, Atom 1.0 and JSON Feed 1.1 for
// feed readers, as OPML for whoever wants the list of outlets, and as pages for
// people. Values go in, bytes come out; the same values always give the same
// bytes, so a document can be told apart from its predecessor by its hash.
//
// The package knows how formats and pages look and nothing of where stories come
// from or how documents travel: no clock, no store, no HTTP. Markup inside an
// item's summary and content is trusted to be safe and balanced, as
// feed.Item promises; everything else is treated as plain text and escaped.
package render

import (
	"cmp"
	"html"
	"slices"
	"strings"
	"time"

	"sangam/feed"
)

// Generator is how documents name the program that made them.
const Generator = "Sangam"

// Page is everything that a feed document says. The addresses are absolute and
// made from the configured public address; a document never depends on how its
// reader spelt the host.
type Page struct {
	View    feed.View
	Self    string // the document's own address
	ID      string // the feed's, whatever way its address was written; "" = Self
	Home    string // the page for people that shows the same stories
	Base    string // public address of the whole site, ending in "/"
	Stories []feed.Story
	Outlets map[string]feed.Outlet // by source id; a missing one is called by its id
	Updated time.Time              // newest change among the stories

	// RFC 5005, section 4: neighbours of an archived feed. Current is the address of
	// the document that readers subscribe to; it is set in archive documents only.
	Current string
	Prev    string // the archive with older stories
	Next    string // the archive with newer stories

	Hubs       []string      // WebSub hubs, W3C WebSub section 4
	TTL        time.Duration // how long readers may wait before they ask again; 0 = unsaid
	Icon       string        // address of a square PNG
	Stylesheet string        // address of a CSS file for browsers; "" = none
	NoCredits  bool          // leave out the line that names the outlets
}

// entry is a story made ready for any of the formats.
type entry struct {
	story      *feed.Story
	item       *feed.Item // the copy that is shown
	id         string
	title      string
	link       string
	page       string // the story's own page
	lang       string
	dir        feed.Direction
	summary    string // HTML, wrapped; "" when content says it all
	content    string // HTML, wrapped; never empty
	authors    []feed.Person
	published  time.Time
	updated    time.Time
	categories []string
	outlet     feed.Outlet
	others     []carrier
	via        string
}

// carrier is another outlet that carried a story.
type carrier struct {
	outlet feed.Outlet
	item   *feed.Item
}

// summaryLength is how many characters of plain text stand for an article where
// a format asks for text: about three lines on a wide screen.
const summaryLength = 280

// text is the beginning of the shown copy as plain text.
func (e *entry) text() string {
	return excerpt(cmp.Or(e.item.Summary, e.item.Content), summaryLength)
}

func (p *Page) entry(s *feed.Story) entry {
	shown := Shown(s, p.View.Query, p.Outlets)
	it := &s.Members[shown]
	e := entry{
		story: s, item: it,
		id:         entryID(s.ID),
		link:       uri(it.Link),
		page:       p.Base + "story/" + s.Key,
		lang:       languageTag(cmp.Or(it.Language, outletOf(p.Outlets, it.Source).Language)),
		dir:        it.Direction,
		outlet:     outletOf(p.Outlets, it.Source),
		categories: categories(s),
		published:  published(s),
		updated:    s.Updated,
		others:     carriers(s, shown, p.Outlets),
		via:        uri(origin(s, shown)),
	}
	if e.title = label(it.Title); e.title == "" {
		e.title = cmp.Or(excerpt(cmp.Or(it.Summary, it.Content), titleLength), e.outlet.Name)
	}
	if e.link == "" {
		e.link = e.page
	}
	if e.updated.IsZero() {
		e.updated = e.published
	}
	for _, a := range it.Authors {
		if called := cmp.Or(name(a.Name), name(a.Email)); called != "" {
			e.authors = append(e.authors, feed.Person{Name: called, URI: uri(a.URI)})
		}
	}
	body, summary := it.Content, it.Summary
	if strings.TrimSpace(body) == "" {
		body, summary = strings.TrimSpace(summary), ""
	}
	credits := ""
	if !p.NoCredits {
		credits = e.credits(p.View.Language)
	}
	e.content = wrap(body+credits, e.lang, e.dir)
	if body == "" && credits == "" || e.content == "" { // an outlet that sends headlines says no more
		e.content = wrap("<p>"+html.EscapeString(e.title)+"</p>", e.lang, e.dir)
	}
	if summary != "" {
		e.summary = wrap(summary, e.lang, e.dir)
	}
	return e
}

// Shown returns the index of the member that stands for the story among readers
// of a query: the lead if it belongs there, else the best that does. A feed of
// one category shows the copy of an outlet of that category.
func Shown(s *feed.Story, q feed.Query, outlets map[string]feed.Outlet) int {
	best, found := 0, false
	for i := range s.Members {
		it := &s.Members[i]
		if !belongs(it, q, outlets) {
			continue
		}
		if i == 0 {
			return 0
		}
		if !found || outlets[it.Source].Priority > outlets[s.Members[best].Source].Priority {
			best, found = i, true
		}
	}
	return best
}

func belongs(it *feed.Item, q feed.Query, outlets map[string]feed.Outlet) bool {
	if len(q.Sources) > 0 && !slices.Contains(q.Sources, it.Source) {
		return false
	}
	if len(q.Categories) > 0 && !slices.ContainsFunc(outlets[it.Source].Categories, func(c string) bool {
		return slices.Contains(q.Categories, c)
	}) {
		return false
	}
	if len(q.Languages) > 0 && !slices.ContainsFunc(q.Languages, func(l string) bool {
		return speaks(it.Language, l)
	}) {
		return false
	}
	return true
}

// speaks says whether a language tag is the wanted one or a kind of it: "ur-PK"
// is "ur" (RFC 4647, section 3.3.1).
func speaks(tag, want string) bool {
	return len(tag) >= len(want) && strings.EqualFold(tag[:len(want)], want) && (len(tag) == len(want) || tag[len(want)] == '-')
}

// outletOf never fails: an outlet that nobody configured is called by its id.
func outletOf(outlets map[string]feed.Outlet, id string) feed.Outlet {
	o := outlets[id]
	o.ID = id
	o.Name = cmp.Or(name(o.Name), id)
	o.Site, o.URL = uri(o.Site), uri(o.URL)
	return o
}

// carriers lists the other outlets of a story, one member for each, in the order
// in which they carried it.
func carriers(s *feed.Story, shown int, outlets map[string]feed.Outlet) []carrier {
	seen := map[string]bool{s.Members[shown].Source: true}
	var cs []carrier
	for i := range s.Members {
		it := &s.Members[i]
		if !seen[it.Source] {
			seen[it.Source] = true
			cs = append(cs, carrier{outlet: outletOf(outlets, it.Source), item: it})
		}
	}
	return cs
}

// origin is the address at which the story was first, as far as anyone says:
// that of its lead when another copy is shown, else what the copy itself names.
func origin(s *feed.Story, shown int) string {
	it := &s.Members[shown]
	if shown != 0 && s.Members[0].Link != it.Link {
		return s.Members[0].Link
	}
	if via := cmp.Or(it.Via, it.Origin.Link); via != it.Link {
		return via
	}
	return ""
}

// published is when the story was first published by any outlet that carried it: it
// stays when another copy is shown. A time later than the story's last change would
// confuse readers, so it never is.
func published(s *feed.Story) time.Time {
	at := s.Members[0].Time()
	for i := range s.Members {
		if t := s.Members[i].Time(); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if at.IsZero() {
		at = s.Order
	}
	if !s.Updated.IsZero() && s.Updated.Before(at) {
		at = s.Updated
	}
	return at.UTC()
}

// categories gathers what the members call the story, each word once.
func categories(s *feed.Story) []string {
	var cs []string
	seen := map[string]bool{}
	for i := range s.Members {
		for _, c := range s.Members[i].Categories {
			c = name(c)
			if k := strings.ToLower(c); c != "" && !seen[k] && len(cs) < maxCategories {
				seen[k] = true
				cs = append(cs, c)
			}
		}
	}
	return cs
}

const (
	// maxCategories bounds what one story may bring; outlets that tag with a hundred
	// words mean none of them.
	maxCategories = 24
	// titleLength is the length of a headline made from the text of an item without one.
	titleLength = 90
)
