package parser

import (
	"strings"

	"github.com/mmcdole/gofeed/atom"

	"sangam/feed"
)

// fromAtom says what gofeed read in an outline of Atom.
func (o *outline) fromAtom(f *atom.Feed) feed.Channel {
	x := extra{o, f.Extensions, nil}
	links := append(o.atomLinks(f.Links), x.links()...)
	ch := feed.Channel{
		Title:       either(o.html(f.Title), o.html(x.firstRef("dc:title"))),
		Link:        page(links),
		Description: either(o.html(f.Subtitle), o.html(x.firstRef("dc:description", "itunes:summary", "itunes:subtitle"))),
		Language:    either(o.language, x.first("dc:language")),
		ID:          o.str(f.ID),
		Self:        related(links, "self"),
		Image:       either(either(o.link(f.Logo), x.picture()), o.link(f.Icon)),
		UpdatedRaw:  x.first("raw:updated", "raw:modified", "dcterms:modified", "dc:date", "raw:published", "raw:issued", "raw:created"),
		Authors:     o.atomPeople(f.Authors),
		Rights:      either(o.html(f.Rights), o.html(x.firstRef("dc:rights"))),
		Categories:  words(o.terms(f.Categories), x.categories()),
		Pace:        feed.Pace{Period: x.period()},
	}
	if len(ch.Authors) == 0 {
		ch.Authors = x.people("dc:creator", "itunes:author")
	}
	if f.Generator != nil {
		ch.Generator = escape(either(o.str(f.Generator.Value), o.str(f.Generator.URI)))
	}
	for _, l := range links {
		if l.rel == "hub" && l.href != "" {
			ch.Hubs = append(ch.Hubs, l.href)
		}
	}
	o.authors = ch.Authors
	return ch
}

// atomEntry says what gofeed read of an entry. One that names no author has its
// source's, else the feed's (RFC 4287, 4.2.1).
func (o *outline) atomEntry(it *atom.Entry, asides []aside) feed.Entry {
	x := extra{o, it.Extensions, asides}
	links := append(o.atomLinks(it.Links), x.links()...)
	e := feed.Entry{
		ID:         either(o.str(it.ID), x.first("raw:about")),
		Link:       page(links),
		Via:        either(related(links, "canonical", "via"), x.first("feedburner:origlink")),
		Comments:   related(links, "replies"),
		Title:      o.firstText(it.Title, x.firstRef("dc:title", "media:title")),
		Summary:    o.firstText(it.Summary, x.firstRef("dc:description", "itunes:summary", "media:description")),
		Authors:    o.atomPeople(it.Authors),
		Published:  x.first("raw:published", "raw:issued", "dcterms:issued", "raw:created", "dcterms:created", "dc:date"),
		Updated:    x.first("raw:updated", "raw:modified", "dcterms:modified", "dc:date"),
		Categories: words(o.terms(it.Categories), x.categories()),
		Enclosures: enclosed(links),
		Credits:    words(x.every("dc:publisher", "media:credit", "dc:source", "dc:contributor")),
		Extensions: x.extensions(),
	}
	for _, p := range it.Contributors {
		e.Credits = words(e.Credits, []string{o.str(p.Name)})
	}
	if it.Content != nil {
		e.Content = o.text(it.Content.Value)
	}
	o.atomSource(&e, it.Source)
	for _, p := range x.people("dc:creator", "itunes:author") {
		e.Authors = addPerson(e.Authors, p)
	}
	if len(e.Authors) == 0 && it.Source != nil {
		e.Authors = o.atomPeople(it.Source.Authors)
	}
	if len(e.Authors) == 0 {
		e.Authors = o.authors
	}
	for _, src := range x.of("raw", "elsewhere") { // content that is only pointed to (RFC 4287, 4.1.3.2)
		if kind := o.str(src.Attrs["type"]); strings.HasPrefix(kind, "text/") || strings.Contains(kind, "html") || kind == "" {
			e.Link = either(e.Link, o.link(src.Value))
		} else {
			e.Enclosures = enclose(e.Enclosures, feed.Enclosure{URL: o.link(src.Value), Type: kind})
		}
	}
	if e.Link == "" && len(links) == 0 && isWeb(e.ID) {
		e.Link = e.ID // the only address there is
	}
	e.Image = x.picture()
	x.media(&e)
	content := ""
	if it.Content != nil {
		content = it.Content.Value
	}
	e.Language = either(x.first("dc:language"), o.spoken(x, content, it.Summary, it.Title))
	return e
}

// atomSource reads where an entry was taken from (RFC 4287, 4.2.11).
func (o *outline) atomSource(e *feed.Entry, s *atom.Source) {
	if s == nil {
		return
	}
	links := o.atomLinks(s.Links)
	e.Origin = feed.Origin{Name: o.html(s.Title), Link: either(page(links), related(links, "self")), ID: o.str(s.ID)}
}

func (o *outline) atomLinks(list []*atom.Link) (out []alternate) {
	for _, l := range list {
		a := alternate{href: o.link(l.Href), kind: o.str(l.Type), title: o.str(l.Title), length: o.str(l.Length), language: o.str(l.Hreflang), rel: "alternate"}
		if l.Rel != "alternate" { // gofeed's word for a rel that is missing; any other is a number
			a.rel = relation(o.str(l.Rel))
		}
		out = append(out, a)
	}
	return out
}

func (o *outline) atomPeople(list []*atom.Person) (out []feed.Person) {
	for _, p := range list {
		read := readPerson(o.str(p.Name))
		out = addPerson(out, feed.Person{Name: read.Name, Email: either(o.str(p.Email), read.Email), URI: o.link(p.URI)})
	}
	return out
}

func (o *outline) terms(list []*atom.Category) (out []string) {
	for _, c := range list {
		out = append(out, either(o.str(c.Term), o.str(c.Label)))
	}
	return out
}
