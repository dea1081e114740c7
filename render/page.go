package render

import (
	"embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"

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
	Feeds         *Feeds    // what feed readers find by the page's address; nil = nothing
	FeedsOf       string    // whose feeds those are; "" = the page's own
	HasCategories bool      // the menu leads to them
	HasFeeds      bool      // the menu leads to them
	Now           time.Time // what "3 hours ago" is reckoned from; the page tells days and hours in its zone
	NoPictures    bool
	NoScript      bool
	News          string // path of the document that changes when stories come, for the script to watch; "" = none
}

// W holds the words of the frame.
func (f Frame) W() *Text { return Words(f.Language) }

// Front says whether this is the page of everything, whose own heading is the site's name.
func (f Frame) Front() bool { return f.Heading == "" && f.Query == "" }

// Asked is what was searched for, as a heading says it.
func (f Frame) Asked() string { return shorten(label(f.Query), nameLength) }

// plain makes the names of links fit to be shown.
func plain(links []Link) []Link {
	out := make([]Link, len(links))
	for i, l := range links {
		l.Name, l.Lang = label(l.Name), languageTag(l.Lang)
		out[i] = l
	}
	return out
}

// Link leads somewhere within the site; Here says that it leads to this very page.
type Link struct {
	Href, Name, Lang string
	Here             bool
}

type outletLink struct{ Name, Page, Lang string }

// moment is a time as a page shows it.
type moment struct{ Exact, Long, Ago, Lang string }

// moment tells a time in given words.
func (f *Frame) moment(at time.Time, w *Text) moment {
	at = at.In(f.Now.Location())
	return moment{
		Exact: at.Format(time.RFC3339), Long: w.Date(at) + w.Comma + at.Format("15:04 ") + zoneName(at),
		Ago: w.Ago(at, f.Now), Lang: w.Lang,
	}
}

// since is the moment that belongs to a state, nil if none does.
func (f *Frame) since(h *Health) *moment {
	if h == nil || h.At.IsZero() {
		return nil
	}
	m := f.moment(h.At, f.W())
	if h.Since {
		m.Ago = f.W().Since(h.At, f.Now)
	}
	return &m
}

// beside returns the words that stand in a line with a text: the frame's, but the
// text's own where it runs the other way, so that the whole line runs one way.
func (f *Frame) beside(lang string, dir feed.Direction) *Text {
	base, _, _ := strings.Cut(lang, "-")
	if own := texts[base]; own != nil && own.Dir == dir && dir != f.W().Dir {
		return own
	}
	return f.W()
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
	return outletLink{Name: shorten(o.Name, nameLength), Lang: languageTag(o.Language), Page: f.Root + "sources/" + url.PathEscape(o.ID) + "/"}
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
		"tongue": tongue,
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

// nameLength bounds what an outlet is called on a page: some call themselves by all
// that they write about.
const nameLength = 80

// tongue says in which language a name is. One of unknown language without any letter
// of Arabic script is set apart from a frame whose face and lines are made for those.
func tongue(w *Text, lang, name string) template.HTMLAttr {
	switch {
	case lang != "":
		return template.HTMLAttr(`lang="` + html.EscapeString(lang) + `"`) //nolint:gosec // escaped
	case w.Dir == feed.RightToLeft && !strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }):
		return `lang=""`
	}
	return ""
}

func write(w io.Writer, name string, data any) error {
	if err := pages[name].ExecuteTemplate(w, "frame", data); err != nil {
		return fmt.Errorf("writing the %s page: %w", name, err)
	}
	return nil
}
