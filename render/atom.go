package render

import (
	"cmp"
	"encoding/xml"
	"time"

	"github.com/cespare/xxhash/v2"

	"sangam/feed"
)

type atomFeed struct {
	XMLName   xml.Name   `xml:"feed"`
	Namespace string     `xml:"xmlns,attr"`
	Lang      string     `xml:"xml:lang,attr,omitempty"`
	FH        string     `xml:"xmlns:fh,attr,omitempty"`
	ID        string     `xml:"id"`
	Title     escaped    `xml:"title"`
	Subtitle  *escaped   `xml:"subtitle"`
	Updated   string     `xml:"updated"`
	Author    atomPerson `xml:"author"`
	Links     []atomLink
	Generator atomGenerator `xml:"generator"`
	Icon      string        `xml:"icon,omitempty"`
	Archive   *struct{}     `xml:"fh:archive"`
}

type atomGenerator struct {
	Name string `xml:",chardata"`
}

type atomPerson struct {
	Name escaped `xml:"name"`
	URI  string  `xml:"uri,omitempty"`
}

type atomLink struct {
	XMLName xml.Name
	Rel     string `xml:"rel,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Href    string `xml:"href,attr"`
	Lang    string `xml:"hreflang,attr,omitempty"`
	Title   string `xml:"title,attr,omitempty"`
	Length  int64  `xml:"length,attr,omitempty"`
}

type atomEntry struct {
	Lang       string  `xml:"xml:lang,attr,omitempty"`
	ID         string  `xml:"id"`
	Title      escaped `xml:"title"`
	Links      []atomLink
	Published  string         `xml:"published"`
	Updated    string         `xml:"updated"`
	Authors    []atomPerson   `xml:"author"`
	Categories []atomCategory `xml:"category"`
	Source     atomSource     `xml:"source"`
	Summary    *atomText      `xml:"summary"`
	Content    atomText       `xml:"content"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomText struct {
	Type string `xml:"type,attr"`
	escaped
}

type atomSource struct {
	ID      string  `xml:"id"`
	Title   escaped `xml:"title"`
	Updated string  `xml:"updated"`
	Links   []atomLink
}

const atomNS = "http://www.w3.org/2005/Atom"

// Atom is Atom 1.0 (RFC 4287).
var Atom = &Format{
	Between: "\n", Tail: "\n</feed>\n",
	head: atomHead, end: "</feed>\n", name: "entry", depth: 1,
	entry: func(_ *Page, e *entry) any { return e.atom() },
}

func atomHead(p *Page) any {
	doc := atomFeed{
		Namespace: atomNS,
		Lang:      known(languageTag(p.View.Language)),
		ID:        cmp.Or(p.Current, p.ID, p.Self),
		Title:     verbatim(unmarked(label(p.View.Title))),
		Updated:   rfc3339(p.Updated),
		Author:    atomPerson{Name: verbatim(cmp.Or(unmarked(label(p.View.Title)), Generator)), URI: p.Home},
		Links:     p.links("link", "application/atom+xml"),
		Generator: atomGenerator{Name: Generator},
		Icon:      p.Icon,
	}
	if about := label(p.View.Description); about != "" {
		subtitle := verbatim(unmarked(about))
		doc.Subtitle = &subtitle
	}
	doc.Links = append(doc.Links, link("link", "alternate", "text/html", p.Home))
	if p.archive() {
		doc.FH, doc.Archive = historyNS, &struct{}{}
	}
	return doc
}

func (e *entry) atom() atomEntry {
	a := atomEntry{
		Lang:      known(e.lang),
		ID:        e.id,
		Title:     verbatim(e.title),
		Links:     e.links("link", true),
		Published: rfc3339(e.published),
		Updated:   instant(e.updated, e.story.Key),
		Content:   atomText{"html", markup(e.content)},
		Source:    e.source(),
	}
	if e.summary != "" {
		a.Summary = &atomText{"html", markup(e.summary)}
	}
	for _, p := range e.authors {
		a.Authors = append(a.Authors, atomPerson{Name: verbatim(p.Name), URI: p.URI})
	}
	if len(a.Authors) == 0 {
		a.Authors = []atomPerson{{Name: verbatim(e.outlet.Name), URI: e.outlet.Site}}
	}
	for _, c := range e.categories {
		a.Categories = append(a.Categories, atomCategory{Term: c})
	}
	return a
}

// source says which feed the entry was copied from (RFC 4287, 4.2.11). Its
// updated is when that feed last changed this entry: the feed's own changes at
// every visit, and would change our document with it.
func (e *entry) source() atomSource {
	s := atomSource{Title: verbatim(e.outlet.Name), Updated: rfc3339(cmp.Or(e.item.Revised, e.item.Seen, e.updated))}
	s.ID = cmp.Or(sourceID(e.outlet.FeedID), sourceID(e.outlet.URL), "urn:sangam:outlet:"+feed.EscapeURI(e.outlet.ID))
	if e.outlet.URL != "" {
		s.Links = append(s.Links, link("link", "self", "", e.outlet.URL))
	}
	if e.outlet.Site != "" {
		s.Links = append(s.Links, link("link", "alternate", "text/html", e.outlet.Site))
	}
	return s
}

func link(name, rel, kind, href string) atomLink {
	return atomLink{XMLName: xml.Name{Local: name}, Rel: rel, Type: kind, Href: href}
}

// archive says whether the document is marked as an archive of RFC 5005. One without
// neighbours is a whole chain by itself, which the standard has no mark for.
func (p *Page) archive() bool { return p.Current != "" && p.Prev+p.Next != "" }

// links are those of the document: itself, its neighbours, its hubs.
func (p *Page) links(name, kind string) []atomLink {
	ls := []atomLink{link(name, "self", kind, p.Self)}
	add := func(rel, href string) {
		if href != "" {
			ls = append(ls, link(name, rel, kind, href))
		}
	}
	add("current", p.Current)
	add("prev-archive", p.Prev)
	add("next-archive", p.Next)
	for _, hub := range p.Hubs {
		ls = append(ls, link(name, "hub", "", hub))
	}
	return ls
}

// links are those of an entry: the other outlets, the origin and, where the
// format has no other place for them, the page itself and its files.
func (e *entry) links(name string, all bool) []atomLink {
	var ls []atomLink
	if all {
		l := link(name, "alternate", "text/html", e.link)
		l.Lang = known(e.lang)
		ls = append(ls, l)
	}
	told := map[string]bool{e.link: true}
	add := func(rel, href, title string) {
		if href == "" || told[href] {
			return
		}
		told[href] = true
		l := link(name, rel, "text/html", href)
		l.Title = unmarkedValue(title)
		ls = append(ls, l)
	}
	for _, c := range e.others {
		add("related", uri(c.item.Link), c.outlet.Name)
	}
	delete(told, e.via) // the origin may also be one of the outlets
	if e.via != e.link {
		add("via", e.via, "")
	}
	if all {
		for _, x := range e.item.Enclosures {
			if href := uri(x.URL); href != "" {
				l := link(name, "enclosure", mediaType(x), href)
				l.Length, l.Title = max(x.Length, 0), unmarkedValue(label(x.Title))
				ls = append(ls, l)
			}
		}
	}
	return ls
}

// instant writes when an entry changed. Outlets count in seconds, and a visit brings
// many entries at once, so many share a time; readers that order or compare entries by
// it, and validators, want them apart. The story's key gives each its own fraction of
// the second, the same for ever.
func instant(t time.Time, key string) string {
	t = t.Truncate(time.Second).Add(time.Duration(xxhash.Sum64String(key) % uint64(time.Second)))
	return t.UTC().Format("2006-01-02T15:04:05.000000000Z")
}

// rfc3339 writes a time as Atom and JSON Feed want it.
func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
