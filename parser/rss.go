package parser

import (
	"strconv"
	"strings"
	"time"

	ext "github.com/mmcdole/gofeed/extensions"
	"github.com/mmcdole/gofeed/rss"

	"sangam/feed"
)

// fromRSS says what gofeed read in an outline of RSS, RDF or CDF.
func (o *outline) fromRSS(f *rss.Feed) feed.Channel {
	x := extra{o, f.Extensions, nil}
	links := x.links()
	ch := feed.Channel{
		Title:       either(o.html(f.Title), o.html(x.firstRef("dc:title", "dcterms:title", "itunes:title", "atom:title", "media:title"))),
		Link:        either(o.firstLink(f.Links), page(links)),
		Description: either(o.html(f.Description), o.html(x.firstRef("raw:abstract", "raw:tagline", "raw:subtitle", "dc:description", "itunes:summary", "itunes:subtitle", "atom:subtitle", "dcterms:abstract"))),
		Language:    either(either(o.str(f.Language), x.first("dc:language", "dcterms:language")), o.language),
		ID:          x.first("atom:id"),
		Self:        related(links, "self"),
		UpdatedRaw: x.first("raw:lastbuilddate", "raw:updated", "raw:modified", "dcterms:modified", "dc:date", "atom:updated", "raw:date",
			"raw:pubdate", "raw:published", "dcterms:issued", "dcterms:created"),
		Authors:    x.people("raw:author", "dc:creator", "dc:author", "atom:author", "itunes:author"),
		Rights:     either(o.html(f.Copyright), o.html(x.firstRef("dc:rights", "dcterms:rights", "atom:rights", "media:copyright"))),
		Generator:  escape(o.str(f.Generator)),
		Categories: words(o.categories(f.Categories), x.categories()),
		Pace:       o.pace(f, x),
	}
	o.authors = ch.Authors // not the editor: he wrote none of it
	if ch.Authors = addPerson(ch.Authors, readPerson(o.str(f.ManagingEditor))); len(ch.Authors) == 0 {
		ch.Authors = x.people("itunes:owner")
	}
	if ch.Generator == "" {
		for _, e := range x.of("admin", "generatoragent") {
			ch.Generator = either(ch.Generator, escape(o.str(either(e.Attrs["resource"], e.Value))))
		}
	}
	for _, l := range links {
		if l.rel == "hub" && l.href != "" {
			ch.Hubs = append(ch.Hubs, l.href)
		}
	}
	if f.Image != nil {
		ch.Image = o.link(f.Image.URL)
	}
	ch.Image = either(ch.Image, x.picture())
	return ch
}

// rssItem says what gofeed read of an item.
func (o *outline) rssItem(it *rss.Item, asides []aside) feed.Entry {
	x := extra{o, it.Extensions, asides}
	links := x.links()
	e := feed.Entry{
		Link:       either(o.firstLink(it.Links), page(links)),
		Via:        either(related(links, "canonical", "via"), x.first("feedburner:origlink")),
		Comments:   either(o.link(it.Comments), related(links, "replies")),
		Title:      o.firstText(it.Title, x.firstRef("dc:title", "dcterms:title", "itunes:title", "atom:title", "media:title")),
		Summary:    o.firstText(it.Description, x.firstRef("dc:description", "dcterms:abstract", "dcterms:description", "itunes:summary", "itunes:subtitle", "atom:summary", "media:description")),
		Content:    o.firstText(it.Content, x.firstRef("raw:content", "atom:content")),
		Authors:    x.people("raw:author", "dc:creator", "dc:author", "dcterms:creator", "atom:author", "itunes:author"),
		Published:  x.first("raw:pubdate", "raw:published", "atom:published", "dcterms:issued", "raw:issued", "dc:date", "dcterms:created", "raw:created", "dcterms:date", "raw:date", "prism:publicationdate"),
		Updated:    x.first("raw:updated", "atom:updated", "dcterms:modified", "raw:modified", "dc:date", "raw:date"),
		Categories: words(o.categories(it.Categories), x.categories()),
		Origin:     x.origin(),
		Credits:    words(x.every("dc:publisher", "dcterms:publisher", "media:credit", "dc:source", "raw:contributor", "dc:contributor")),
		Extensions: x.extensions(),
	}
	guid, permanent := o.guid(it.GUID)
	about := x.first("raw:about")
	e.ID = either(either(guid, about), x.first("raw:id", "atom:id"))
	if e.Link == "" && permanent != "" {
		e.Link = permanent
	}
	if e.Link == "" && isWeb(about) {
		e.Link = about
	}
	if it.Source != nil {
		e.Origin.Name, e.Origin.Link = either(o.str(it.Source.Title), e.Origin.Name), either(o.link(it.Source.URL), e.Origin.Link)
	}
	for _, enc := range it.Enclosures {
		e.Enclosures = enclose(e.Enclosures, feed.Enclosure{URL: o.link(enc.URL), Type: o.str(enc.Type), Length: size(o.str(enc.Length))})
	}
	for _, enc := range enclosed(links) {
		e.Enclosures = enclose(e.Enclosures, enc)
	}
	if len(e.Authors) == 0 {
		e.Authors = o.authors
	}
	e.Image = x.picture()
	x.media(&e)
	e.Language = either(x.first("dc:language", "dcterms:language"), o.spoken(x, it.Content, it.Description, it.Title))
	return e
}

// firstText is the first of numbers that stands for a text.
func (o *outline) firstText(refs ...string) feed.Text {
	for _, ref := range refs {
		if t := o.text(ref); t.Value != "" {
			return t
		}
	}
	return feed.Text{}
}

// firstLink is the first address given.
func (o *outline) firstLink(refs []string) string {
	for _, ref := range refs {
		if l := o.link(ref); l != "" {
			return l
		}
	}
	return ""
}

// guid returns the id, and the page it is the address of, if it is one. RSS 2.0
// takes every guid for an address unless told otherwise; many are none and nobody
// said so.
func (o *outline) guid(g *rss.GUID) (id, permanent string) {
	if g == nil {
		return "", ""
	}
	v := o.at(g.Value)
	switch said := lower(o.str(g.IsPermalink)); {
	case said == "false" || said == "no" || v.text == "":
	case isWeb(v.text):
		permanent = clean(v.text)
	case said == "true" && !strings.ContainsAny(v.text, " :"):
		if abs := resolve(o.against(v.base), v.text); isWeb(abs) {
			permanent = abs
		}
	}
	return v.text, permanent
}

func isWeb(s string) bool {
	n := schemeLength(s)
	if n == 0 {
		return false
	}
	scheme := lower(s[:n])
	return (scheme == "http" || scheme == "https") && strings.HasPrefix(s[n:], "://")
}

func (o *outline) categories(list []*rss.Category) (out []string) {
	for _, c := range list {
		out = append(out, o.str(c.Value))
	}
	return out
}

// picture is an image that is no part of Media RSS.
func (x extra) picture() string {
	for _, name := range [...][2]string{{"itunes", "image"}, {"raw", "image"}, {"raw", "logo"}, {"atom", "logo"}} {
		for _, e := range x.of(name[0], name[1]) {
			for _, u := range e.Children["url"] {
				if l := x.link(u.Value); l != "" {
					return l
				}
			}
			if l := x.link(either(either(e.Attrs["href"], e.Attrs["url"]), e.Value)); l != "" {
				return l
			}
		}
	}
	for _, e := range x.of("itunes", "link") {
		if l := x.link(e.Attrs["href"]); l != "" && x.str(e.Attrs["rel"]) == "image" {
			return l
		}
	}
	return ""
}

// origin reads atom:source and dc:source.
func (x extra) origin() (from feed.Origin) {
	for _, s := range x.of("atom", "source") {
		from.Name, from.ID = x.child(s, "title"), x.child(s, "id")
		inner := extra{x.outline, ext.Extensions{"atom": s.Children}, nil}
		from.Link = either(page(inner.links()), related(inner.links(), "self"))
	}
	if from != (feed.Origin{}) {
		return from
	}
	if said := x.first("dc:source", "dcterms:source"); isWeb(said) {
		from.Link = said
	} else {
		from.Name = said
	}
	return from
}

func (x extra) child(e ext.Extension, name string) string {
	for _, c := range e.Children[name] {
		return x.str(c.Value)
	}
	return ""
}

// spoken is the language that the item's own text is marked with, where it is not
// the feed's.
func (o *outline) spoken(x extra, refs ...string) string {
	for _, ref := range refs {
		if v := o.at(ref); v.text != "" && v.language != "" && v.language != o.language {
			return v.language
		}
	}
	return x.first("raw:language")
}

// pace reads how often the outlet wants to be asked: RSS 2.0, and the syndication
// module, whose updateFrequency the largest outlets misspell.
func (o *outline) pace(f *rss.Feed, x extra) (p feed.Pace) {
	if minutes, err := strconv.ParseFloat(o.str(f.TTL), 64); err == nil && minutes > 0 {
		p.TTL = time.Duration(min(minutes, maxTTL.Minutes()) * float64(time.Minute))
	}
	for _, ref := range f.SkipHours {
		if h, err := strconv.Atoi(o.str(ref)); err == nil && h >= 0 && h <= 24 {
			p.SkipHours = append(p.SkipHours, h%24)
		}
	}
	for _, ref := range f.SkipDays {
		if day, ok := weekday(o.str(ref)); ok {
			p.SkipDays = append(p.SkipDays, day)
		}
	}
	p.Period = x.period()
	return p
}

// maxTTL caps what a time to live can say; how much patience there is with one is
// not decided here.
const maxTTL = 31 * 24 * time.Hour

func weekday(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if len(s) >= 3 && strings.EqualFold(s[:3], d.String()[:3]) {
			return d, true
		}
	}
	return 0, false
}

var periods = map[string]time.Duration{
	"hourly": time.Hour, "daily": 24 * time.Hour, "weekly": 7 * 24 * time.Hour, "monthly": 30 * 24 * time.Hour, "yearly": 365 * 24 * time.Hour,
}

// period is updatePeriod divided by updateFrequency; 0 = not said.
func (x extra) period() time.Duration {
	names := x.all["sy"]
	if len(names) == 0 {
		return 0
	}
	often, said := 1.0, false
	for name, list := range names {
		if strings.HasPrefix(name, "updatef") {
			for _, e := range list {
				if n, err := strconv.ParseFloat(x.str(e.Value), 64); err == nil && n > 0 && n < 1e6 {
					often, said = n, true
				}
			}
		}
	}
	period, named := periods[lower(x.first("sy:updateperiod"))]
	switch {
	case !named && !said:
		return 0
	case !named:
		period = 24 * time.Hour // the module's default
	}
	return time.Duration(float64(period) / often).Round(time.Second)
}
