package render

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sangam/feed"
)

//go:embed pages
var pageFiles embed.FS

// Feeds holds the addresses under which what a page shows can be subscribed to.
type Feeds struct{ RSS, Atom, JSON string }

// Frame is what every page has around its content.
type Frame struct {
	Title         string    // of the whole site
	Heading       string    // of this page; "" = the site's title
	HeadLang      string    // language of the heading where it differs from the frame's
	Description   string    // one or two sentences
	Language      string    // of the frame's words
	Root          string    // path of the site, ending in "/"
	Here          string    // path of the view within it, ending in "/"; "" = everything
	Tab           string    // which entry of the menu this page belongs to
	Query         string    // what was searched for
	Feeds         *Feeds    // nil = nothing to subscribe to
	HasCategories bool      // the menu leads to them
	HasFeeds      bool      // the menu leads to them
	Now           time.Time // what "3 hours ago" is reckoned from; the page tells days and hours in its zone
	NoPictures    bool
	NoScript      bool
	News          string // path of the document that changes when stories come, for the script to watch; "" = none
}

// W holds the words of the frame.
func (f Frame) W() *Text { return Words(f.Language) }

// plain makes the names of links fit to be shown.
func plain(links []Link) []Link {
	out := make([]Link, len(links))
	for i, l := range links {
		l.Name, l.Lang = label(l.Name), languageTag(l.Lang)
		out[i] = l
	}
	return out
}

// RiverPage shows stories, newest first.
type RiverPage struct {
	Frame
	View     feed.View
	Stories  []feed.Story
	Outlets  map[string]feed.Outlet
	Next     string // path of the page with older stories; "" = this is the last
	Top      string // path of the first page; "" = this is it
	Filters  []Link
	Progress string // while the first visits are made
	Empty    string // why there is nothing, for an empty page
}

// Link leads somewhere within the site; Here says that it leads to this very page.
type Link struct {
	Href, Name, Lang string
	Here             bool
}

// River writes the page of the newest stories.
func River(w io.Writer, p RiverPage) error {
	data := struct {
		Frame
		Days          []day
		Next, Top     string
		Filters       []Link
		Why, Progress string
	}{Frame: p.Frame, Next: p.Next, Top: p.Top, Filters: plain(p.Filters), Why: p.Empty, Progress: p.Progress}
	data.Days = p.days()
	return write(w, "river", data)
}

type day struct {
	Date, Name string
	Stories    []riverStory
}

type riverStory struct {
	Lang   string
	Dir    feed.Direction
	Title  []piece
	Text   []piece
	Page   string
	Image  string
	Outlet outletLink
	Others []outletLink
	When   moment
}

type outletLink struct{ Name, Page, Lang string }

// moment is a time as a page shows it.
type moment struct{ Exact, Long, Ago, Lang string }

func (f *Frame) moment(at time.Time) moment {
	at = at.In(f.Now.Location())
	return moment{
		Exact: at.Format(time.RFC3339), Long: f.W().Date(at) + f.W().Comma + at.Format("15:04 ") + zoneName(at),
		Ago: f.W().Ago(at, f.Now), Lang: f.W().Lang,
	}
}

// zoneName says a time's zone so that everyone understands it: abbreviations like
// IST have many meanings.
func zoneName(at time.Time) string {
	if _, offset := at.Zone(); offset == 0 {
		return "UTC"
	}
	return "UTC" + at.Format("-07:00")
}

func (f *Frame) outlet(o feed.Outlet) outletLink {
	return outletLink{Name: o.Name, Lang: languageTag(o.Language), Page: f.Root + "sources/" + url.PathEscape(o.ID) + "/"}
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

func (p *RiverPage) story(s *feed.Story, words []string) riverStory {
	page := Page{View: p.View, Outlets: p.Outlets, Base: p.Root}
	e := page.entry(s)
	rs := riverStory{
		Lang: e.lang, Dir: e.dir, Title: highlight(e.title, words), Page: p.Root + "story/" + s.Key,
		Outlet: p.outlet(e.outlet), When: p.moment(e.published),
	}
	if text := e.text(); text != e.title {
		rs.Text = highlight(text, words)
	}
	if !p.NoPictures {
		rs.Image = uri(e.item.Image)
	}
	for _, c := range e.others {
		rs.Others = append(rs.Others, p.outlet(c.outlet))
	}
	return rs
}

// StoryPage shows one story and everything known about it.
type StoryPage struct {
	Frame
	Story   feed.Story
	Outlets map[string]feed.Outlet
}

type carrierRow struct {
	outletLink
	Tongue string
	Dir    feed.Direction
	Origin bool
	Title  string
	Link   string
	When   moment
}

type joinRow struct {
	A, B          outletLink
	Because, Rule string
	Passage       *passage
}

// Story writes the page of one story: its text, who carried it, and why the
// reports were taken for one.
func Story(w io.Writer, p StoryPage) error {
	page := Page{Outlets: p.Outlets, Base: p.Root, NoCredits: true}
	e := page.entry(&p.Story)
	p.Heading = e.title
	data := struct {
		Frame
		Next           string
		Lang           string
		Dir            feed.Direction
		Lead           outletLink
		Authors, Image string
		When           moment
		Content        template.HTML
		Link           string
		Files          []Link
		Carriers       []carrierRow
		Joins          []joinRow
	}{
		Frame: p.Frame, Lang: e.lang, Dir: e.dir, Lead: p.outlet(e.outlet), When: p.moment(e.published),
		// Safe by the promise of feed.Item: sanitised before it was stored.
		Content:  template.HTML(clean(cmp.Or(e.item.Content, e.item.Summary))), //nolint:gosec
		Link:     uri(e.item.Link),
		Carriers: p.carriers(), Joins: p.joins(),
	}
	if names := e.creator(); names != e.outlet.Name {
		data.Authors = names
	}
	if image := uri(e.item.Image); !p.NoPictures && !strings.Contains(string(data.Content), "<img") {
		data.Image = image
	}
	for _, x := range e.item.Enclosures {
		if href := uri(x.URL); href != "" {
			data.Files = append(data.Files, Link{Href: href, Name: cmp.Or(label(x.Title), mediaType(x))})
		}
	}
	return write(w, "story", data)
}

func (p *StoryPage) carriers() []carrierRow {
	var rows []carrierRow
	for i := range p.Story.Members {
		it := &p.Story.Members[i]
		rows = append(rows, carrierRow{
			outletLink: p.outlet(outletOf(p.Outlets, it.Source)),
			Tongue:     languageTag(it.Language), Dir: it.Direction,
			Origin: i == 0 && len(p.Story.Members) > 1,
			Title:  cmp.Or(label(it.Title), excerpt(cmp.Or(it.Summary, it.Content), titleLength)),
			Link:   uri(it.Link), When: p.moment(it.Time()),
		})
	}
	return rows
}

func (p *StoryPage) joins() []joinRow {
	byKey := map[string]*feed.Item{}
	for i := range p.Story.Members {
		byKey[p.Story.Members[i].Key] = &p.Story.Members[i]
	}
	name := func(it *feed.Item) outletLink {
		if it == nil {
			return outletLink{Name: "–"} // a member that has aged out
		}
		return p.outlet(outletOf(p.Outlets, it.Source))
	}
	var rows []joinRow
	for _, r := range p.Story.Joins {
		a, b := byKey[r.Item], byKey[r.With]
		row := joinRow{A: name(a), B: name(b), Because: label(r.Because), Rule: label(r.Rule)}
		if a != nil && b != nil {
			row.Passage = shared(a, b)
		}
		rows = append(rows, row)
	}
	return rows
}

// ListPage shows outlets, topics or feeds.
type ListPage struct {
	Frame
	Rows     []Row
	Nothing  string
	Progress string
}

// Row is one line of such a list.
type Row struct {
	Name, Lang, About string
	Page              string // path of its river
	Site              string
	Feeds             Feeds
	Tags              []Link
	State             string // in words
	Mood              string // "", "bad"
	At                time.Time
	Problem           string
	Counts            []int // stories a day, oldest first; nil = no chart
}

type listRow struct {
	Row
	When  *moment
	Chart *chart
}

type chart struct {
	Label string
	Width int
	Bars  []struct{ X, Y, H int }
}

// List writes a page of outlets, topics or feeds.
func List(w io.Writer, p ListPage) error {
	data := struct {
		Frame
		Next, Nothing, Progress string
		Rows                    []listRow
	}{Frame: p.Frame, Nothing: p.Nothing, Progress: p.Progress}
	for _, r := range p.Rows {
		r.Name, r.About, r.Problem, r.Site = label(r.Name), label(r.About), label(r.Problem), uri(r.Site)
		r.Lang, r.Tags = languageTag(r.Lang), plain(r.Tags)
		row := listRow{Row: r, Chart: p.chart(r.Counts)}
		if !r.At.IsZero() {
			m := p.moment(r.At)
			row.When = &m
		}
		data.Rows = append(data.Rows, row)
	}
	return write(w, "list", data)
}

// chart draws counts as bars, for those who see, and says them, for those who listen.
func (f *Frame) chart(counts []int) *chart {
	if counts == nil {
		return nil
	}
	const height, step = 30, 11
	top := 1
	said := make([]string, len(counts))
	for i, n := range counts {
		top = max(top, n)
		said[i] = strconv.Itoa(n)
	}
	c := &chart{Label: f.W().PerDay + ": " + strings.Join(said, f.W().Comma), Width: step * len(counts)}
	for i, n := range counts {
		h := max(2, n*height/top) // a day without stories is a low line, not a gap
		c.Bars = append(c.Bars, struct{ X, Y, H int }{i * step, 32 - h, h})
	}
	return c
}

// Failure writes a small page that says what is wrong in the frame's own words,
// never in the reader's.
func Failure(w io.Writer, f Frame, why string) error {
	return write(w, "failure", struct {
		Frame
		Next, Why string
	}{f, "", why})
}

var pages = loadPages()

func loadPages() map[string]*template.Template {
	icon := template.HTML(assets["icon.svg"].Body) //nolint:gosec // our own file
	funcs := template.FuncMap{
		"asset": func(root, name string) string { return root + "assets/" + AssetName(name) },
		"icon": func() template.HTML {
			return template.HTML(strings.Replace(string(icon), "<svg ", `<svg aria-hidden="true" `, 1))
		}, //nolint:gosec
		"host": func(address string) string {
			u, err := url.Parse(address)
			if err != nil {
				return address
			}
			return u.Host
		},
	}
	ts := map[string]*template.Template{}
	for _, name := range []string{"river", "story", "list", "failure"} {
		ts[name] = template.Must(template.New(name).Funcs(funcs).ParseFS(pageFiles, "pages/frame.html", "pages/"+name+".html"))
	}
	return ts
}

func write(w io.Writer, name string, data any) error {
	if err := pages[name].ExecuteTemplate(w, "frame", data); err != nil {
		return fmt.Errorf("writing the %s page: %w", name, err)
	}
	return nil
}
