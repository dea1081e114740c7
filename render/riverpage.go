package render

import (
	"io"
	"strings"
	"time"

	"sangam/feed"
)

// RiverPage shows stories, newest first.
type RiverPage struct {
	Frame
	View    feed.View
	Stories []feed.Story
	Outlets map[string]feed.Outlet
	Next    string   // path of the page with older stories; "" = this is the last
	Top     string   // path of the first page; "" = this is it
	Filters [][]Link // groups of links to parts of what the page shows
	Health  *Health  // of the one source that the page is about; nil = it is about more
	Empty   Empty    // why there is nothing, for a page without stories
}

// Health is how a source fares, in words.
type Health struct {
	Words string    // up to where the time follows, if there is one
	At    time.Time // zero = none follows
	Since bool      // it lasts since then
	Bad   bool
	Why   string // the trouble
}

// Empty says why a page has no stories.
type Empty struct {
	Why            []string // sentences
	Visited, Total int      // sources; shown while the first visits are made
	Failing        []Failing
	More           int    // sources that fail besides those
	Hint           string // where to look
}

// Failing is a source that cannot be read.
type Failing struct {
	Link
	Why string
}

// River writes the page of the newest stories.
func River(w io.Writer, p RiverPage) error {
	data := struct {
		Frame
		Days      []day
		Next, Top string
		Filters   [][]Link
		Health    *Health
		Since     *moment
		Empty     Empty
	}{Frame: p.Frame, Next: p.Next, Top: p.Top, Health: p.Health, Since: p.since(p.Health), Empty: p.Empty}
	for _, links := range p.Filters {
		data.Filters = append(data.Filters, plain(links))
	}
	for i, f := range data.Empty.Failing {
		data.Empty.Failing[i].Link = plain([]Link{f.Link})[0]
	}
	data.Days = p.days()
	return write(w, "river", data)
}

// whereFound is the part of a story's text for which a search has found it: of the copy
// that is shown, or of another in its language.
func whereFound(s *feed.Story, shown *feed.Item, wanted []string) string {
	for _, it := range append([]feed.Item{*shown}, s.Members...) {
		if it.Language != shown.Language {
			continue
		}
		for _, fragment := range []string{it.Summary, it.Content} {
			if found := around(fragment, wanted); found != "" {
				return found
			}
		}
	}
	return ""
}

// othersNamed is how many outlets a line of the river names besides the first. Fifty
// may carry what an agency has sent; the story's own page has them all.
const othersNamed = 3

// headlineLength bounds a headline in the river: what is longer was never meant for one.
const headlineLength = 200

type day struct {
	Date, Name string
	Stories    []riverStory
}

type riverStory struct {
	Lang   string
	Dir    feed.Direction
	W      *Text // of what stands beside the texts
	Title  []piece
	Text   []piece
	Page   string
	Image  string
	Outlet outletLink
	Others []outletLink
	More   string // how many others besides those, in words
	When   moment
}

func (p *RiverPage) days() []day {
	var days []day
	words := searchWords(p.Query)
	for i := range p.Stories {
		s := &p.Stories[i]
		if len(s.Members) == 0 {
			continue
		}
		if date := s.Order.In(p.Now.Location()).Format(time.DateOnly); len(days) == 0 || days[len(days)-1].Date != date {
			days = append(days, day{Date: date, Name: p.W().DayName(s.Order, p.Now)})
		}
		d := &days[len(days)-1]
		d.Stories = append(d.Stories, p.story(s, words))
	}
	return days
}

func (p *RiverPage) story(s *feed.Story, wanted []string) riverStory {
	page := Page{View: p.View, Outlets: p.Outlets, Base: p.Root}
	e := page.entry(s)
	words := p.beside(e.lang, e.dir)
	rs := riverStory{
		Lang: e.lang, Dir: e.dir, W: words, Title: highlight(shorten(e.title, headlineLength), wanted), Page: p.Root + "story/" + s.Key,
		Outlet: p.outlet(e.outlet), When: p.moment(e.published, words),
	}
	text := e.text()
	if begun, made := strings.CutSuffix(e.title, "…"); made && label(e.item.Title) == "" {
		// The headline is the beginning of the text, which goes on from there.
		if rest, found := strings.CutPrefix(text, begun); found {
			text = "…" + rest
		}
	}
	if text != e.title {
		rs.Text = highlight(text, wanted)
	}
	if len(wanted) > 0 && !hits(rs.Title) && !hits(rs.Text) {
		if found := whereFound(s, e.item, wanted); found != "" {
			rs.Text = highlight(found, wanted)
		}
	}
	if !p.NoPictures {
		rs.Image = uri(e.item.Image)
	}
	others := e.others
	if len(others) > othersNamed+1 { // "and 1 more" takes no less room than its name
		rs.More = words.More(len(others) - othersNamed)
		others = others[:othersNamed]
	}
	for _, c := range others {
		rs.Others = append(rs.Others, p.outlet(c.outlet))
	}
	return rs
}
