package render

import (
	"cmp"
	"encoding/xml"
	"html"
	"regexp"
	"strings"
	"time"

	"sangam/feed"
)

type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	Content string     `xml:"xmlns:content,attr"`
	DC      string     `xml:"xmlns:dc,attr"`
	Media   string     `xml:"xmlns:media,attr"`
	FH      string     `xml:"xmlns:fh,attr,omitempty"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       escaped   `xml:"title"`
	Link        string    `xml:"link"`
	Description escaped   `xml:"description"`
	Language    string    `xml:"language,omitempty"`
	Built       string    `xml:"lastBuildDate,omitempty"`
	Generator   string    `xml:"generator"`
	Docs        string    `xml:"docs"`
	TTL         int       `xml:"ttl,omitempty"` // minutes
	Image       *rssImage `xml:"image"`
	Links       []atomLink
	Archive     *struct{} `xml:"fh:archive"`
}

type rssImage struct {
	URL   string  `xml:"url"`
	Title escaped `xml:"title"`
	Link  string  `xml:"link"`
}

type rssItem struct {
	Lang        string     `xml:"xml:lang,attr,omitempty"`
	Title       escaped    `xml:"title"`
	Link        string     `xml:"link"`
	Description escaped    `xml:"description"`
	Content     *escaped   `xml:"content:encoded"`
	Creator     string     `xml:"dc:creator,omitempty"`
	Categories  []escaped  `xml:"category"`
	Comments    string     `xml:"comments,omitempty"`
	Enclosure   *enclosure `xml:"enclosure"`
	GUID        rssGUID    `xml:"guid"`
	Date        string     `xml:"pubDate,omitempty"`
	Source      *rssSource `xml:"source"`
	Links       []atomLink
	Media       []mediaContent `xml:"media:content"`
	Thumbnail   *thumbnail     `xml:"media:thumbnail"`
}

type enclosure struct {
	URL    string `xml:"url,attr"`
	Length int64  `xml:"length,attr"`
	Type   string `xml:"type,attr"`
}

type rssGUID struct {
	Permalink bool   `xml:"isPermaLink,attr"`
	ID        string `xml:",chardata"`
}

type rssSource struct {
	URL string `xml:"url,attr"`
	escaped
}

type mediaContent struct {
	URL    string `xml:"url,attr"`
	Size   int64  `xml:"fileSize,attr,omitempty"`
	Type   string `xml:"type,attr,omitempty"`
	Medium string `xml:"medium,attr,omitempty"`
}

type thumbnail struct {
	URL string `xml:"url,attr"`
}

// RSS is RSS 2.0 (RSS Advisory Board, 2.0.11).
var RSS = &Format{
	Between: "\n", Tail: "\n </channel>\n</rss>\n",
	head: rssHead, end: " </channel>\n</rss>\n", name: "item", depth: 2,
	entry: func(_ *Page, e *entry) any { return e.rss() },
}

func rssHead(p *Page) any {
	doc := rss{
		Version: "2.0",
		Atom:    atomNS,
		Content: "http://purl.org/rss/1.0/modules/content/",
		DC:      "http://purl.org/dc/elements/1.1/",
		Media:   "http://search.yahoo.com/mrss/",
		Channel: rssChannel{
			Title:       verbatim(unmarked(label(p.View.Title))),
			Link:        p.Home,
			Description: verbatim(unmarked(cmp.Or(label(p.View.Description), label(p.View.Title)))),
			Language:    known(languageTag(p.View.Language)),
			Built:       rfc822(p.Updated),
			Generator:   Generator,
			Docs:        "http://www.rssboard.org/rss-specification",
			TTL:         int(p.TTL / time.Minute),
			Links:       p.links("atom:link", "application/rss+xml"),
		},
	}
	if p.Icon != "" {
		doc.Channel.Image = &rssImage{URL: p.Icon, Title: doc.Channel.Title, Link: p.Home}
	}
	if p.archive() {
		doc.FH, doc.Channel.Archive = historyNS, &struct{}{}
	}
	return doc
}

func (e *entry) rss() rssItem {
	it := rssItem{
		Lang:        known(e.lang),
		Title:       verbatim(e.title),
		Link:        cmp.Or(named(e.link), e.page),
		Description: markup(cmp.Or(e.summary, e.content)),
		Creator:     e.creator(),
		Comments:    named(uri(e.item.Comments)),
		GUID:        rssGUID{Permalink: false, ID: e.id},
		Date:        rfc822(e.published),
		Links:       e.links("atom:link", false),
	}
	if e.summary != "" {
		content := markup(e.content)
		it.Content = &content
	}
	for _, c := range e.categories {
		it.Categories = append(it.Categories, verbatim(c))
	}
	if address := named(e.outlet.URL); address != "" {
		it.Source = &rssSource{address, verbatim(e.outlet.Name)}
	}
	for _, x := range e.item.Enclosures {
		address := named(uri(x.URL))
		switch {
		case address == "":
		case it.Enclosure == nil && isEnclosure.MatchString(address): // RSS has room for one
			it.Enclosure = &enclosure{URL: address, Length: max(x.Length, 0), Type: mediaType(x)}
		default:
			it.Media = append(it.Media, mediaContent{URL: address, Size: max(x.Length, 0), Type: mediaType(x)})
		}
	}
	if image := named(uri(e.item.Image)); image != "" {
		it.Thumbnail = &thumbnail{URL: image}
	}
	return it
}

// named returns an address unless its host is a number of IPv6: RSS is older than the brackets
// around it, and what reads it as it was then finds no address there.
func named(address string) string {
	if strings.Contains(address, "[") { // elsewhere they are escaped
		return ""
	}
	return address
}

// isEnclosure matches the addresses that RSS readers take for one of a file: of a host
// with a dot in its name. Others are told of as media.
var isEnclosure = regexp.MustCompile(`^(?i:https?)://(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9][A-Za-z0-9-]*(?::[0-9]+)?(?:/|$)`)

// creator names the people who wrote the shown copy, or else its outlet.
func (e *entry) creator() string {
	var names []string
	for _, a := range e.authors {
		names = append(names, a.Name)
	}
	if len(names) == 0 {
		return e.outlet.Name
	}
	return strings.Join(names, ", ")
}

// credits is the line that names every outlet, since most readers show nothing
// but the content.
func (e *entry) credits(frame string) string {
	words := Words(cmp.Or(e.lang, frame))
	var b strings.Builder
	b.WriteString("<p><small>")
	name := func(o feed.Outlet, address string) {
		text := "<bdi>" + html.EscapeString(o.Name) + "</bdi>"
		if address = uri(address); address != "" {
			text = `<a href="` + html.EscapeString(address) + `">` + text + "</a>"
		}
		b.WriteString(text)
	}
	name(e.outlet, e.item.Link)
	for i, c := range e.others {
		if i == 0 {
			b.WriteString(" · " + html.EscapeString(words.Also) + " ")
		} else {
			b.WriteString(words.Comma)
		}
		name(c.outlet, c.item.Link)
	}
	b.WriteString("</small></p>")
	return b.String()
}

// historyNS is the namespace of RFC 5005.
const historyNS = "http://purl.org/syndication/history/1.0"

// rfc822 writes a time as RSS wants it; a zero time is left out.
func rfc822(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
}
