package parser

import (
	"net/mail"
	"slices"
	"strconv"
	"strings"

	ext "github.com/mmcdole/gofeed/extensions"

	"sangam/feed"
)

// at returns the value that a number in the outline stands for.
func (o *outline) at(ref string) value {
	if ref == "" {
		return value{}
	}
	n, err := strconv.Atoi(ref)
	if err != nil || n < 0 || n >= len(o.values) {
		return value{}
	}
	return o.values[n]
}

// str is the text behind a number.
func (o *outline) str(ref string) string { return o.at(ref).text }

// link is the absolute address behind a number.
func (o *outline) link(ref string) string {
	v := o.at(ref)
	return resolve(o.against(v.base), v.text)
}

// against is the base that addresses are resolved against.
func (o *outline) against(base string) string {
	if o.home == "" {
		return base
	}
	return either(resolve(o.home, base), o.home)
}

// text is the text behind a number, for an entry.
func (o *outline) text(ref string) feed.Text {
	v := o.at(ref)
	if v.text == "" {
		return feed.Text{}
	}
	return feed.Text{Kind: v.kind, Value: v.text, Base: o.against(v.base)}
}

// html is the text behind a number as HTML, for the feed itself.
func (o *outline) html(ref string) string {
	v := o.at(ref)
	if v.kind == feed.Plain {
		return escape(v.text)
	}
	return v.text
}

// extra finds extension elements by prefix and name.
type extra struct {
	*outline
	all    ext.Extensions
	asides []aside
}

func (x extra) of(prefix, name string) []ext.Extension {
	var all []ext.Extension
	for _, a := range x.asides {
		if a.name == name && a.prefix == prefix {
			all = append(all, ext.Extension{Name: name, Value: a.ref})
		}
	}
	if all == nil {
		return x.all[prefix][name]
	}
	return append(all, x.all[prefix][name]...)
}

// first is the first text under any of the names, each written "prefix:name".
func (x extra) first(names ...string) string { return x.str(x.firstRef(names...)) }

func (x extra) firstRef(names ...string) string {
	for _, name := range names {
		prefix, local, _ := strings.Cut(name, ":")
		for _, e := range x.of(prefix, local) {
			if x.str(e.Value) != "" {
				return e.Value
			}
		}
	}
	return ""
}

// every is all texts under all of the names.
func (x extra) every(names ...string) (out []string) {
	for _, name := range names {
		prefix, local, _ := strings.Cut(name, ":")
		for _, e := range x.of(prefix, local) {
			if v := x.str(e.Value); v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// person reads an extension element that names somebody: a text, or an Atom person.
func (x extra) person(e ext.Extension) feed.Person {
	p := readPerson(x.str(e.Value))
	child := func(names ...string) string {
		for _, name := range names {
			for _, c := range e.Children[name] {
				if c.Value != "" {
					return c.Value
				}
			}
		}
		return ""
	}
	if name := x.str(child("name")); name != "" {
		p.Name = name
	}
	if mail := x.str(child("email")); mail != "" {
		p.Email = mail
	}
	if uri := x.link(child("uri", "url", "homepage")); uri != "" {
		p.URI = uri
	}
	return p
}

func (x extra) people(names ...string) (out []feed.Person) {
	for _, name := range names {
		prefix, local, _ := strings.Cut(name, ":")
		for _, e := range x.of(prefix, local) {
			out = addPerson(out, x.person(e))
		}
	}
	return out
}

// addPerson adds somebody who is not there yet. One known by name only gains an
// address, and the other way round.
func addPerson(all []feed.Person, p feed.Person) []feed.Person {
	if p == (feed.Person{}) {
		return all
	}
	for i := range all {
		q := &all[i]
		if p.Name != "" && strings.EqualFold(p.Name, q.Name) || p.Email != "" && strings.EqualFold(p.Email, q.Email) {
			q.Name, q.Email, q.URI = either(q.Name, p.Name), either(q.Email, p.Email), either(q.URI, p.URI)
			return all
		}
	}
	return append(all, p)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// readPerson reads the ways in which RSS names somebody: "Name <mail>",
// "mail (Name)", "Name (mail)", "mail", "Name".
func readPerson(s string) feed.Person {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "mailto:"))
	if !strings.Contains(s, "@") {
		return feed.Person{Name: s}
	}
	for _, pair := range [...]string{"()", "<>", "[]"} {
		open := strings.IndexByte(s, pair[0])
		shut := strings.LastIndexByte(s, pair[1])
		if open < 0 || shut < open {
			continue
		}
		before, inside := strings.TrimSpace(s[:open]), strings.TrimSpace(s[open+1:shut])
		after := strings.TrimSpace(s[shut+1:])
		switch inside = strings.TrimPrefix(inside, "mailto:"); {
		case isMail(inside):
			return feed.Person{Name: unquote(either(before, after)), Email: inside}
		case isMail(strings.TrimPrefix(before, "mailto:")):
			return feed.Person{Name: unquote(inside), Email: strings.TrimPrefix(before, "mailto:")}
		}
	}
	if isMail(s) {
		return feed.Person{Email: s}
	}
	// "mail Name" and "Name, mail": whichever word is an address.
	words := strings.Fields(s)
	for i, w := range words {
		if bare := strings.Trim(w, "<>(),;:"); isMail(bare) {
			rest := strings.Join(slices.Delete(slices.Clone(words), i, i+1), " ")
			return feed.Person{Name: unquote(strings.Trim(rest, " ,;:-")), Email: bare}
		}
	}
	return feed.Person{Name: s}
}

func unquote(s string) string { return strings.Trim(s, "\"' ") }

func isMail(s string) bool {
	if strings.ContainsAny(s, " \t()<>") || !strings.Contains(s, "@") {
		return false
	}
	_, err := mail.ParseAddress(s)
	return err == nil
}

// alternate is a link of Atom, wherever it stands.
type alternate struct{ href, rel, kind, title, length, language string }

// relation is a link's rel without the IANA prefix, in lower case.
func relation(rel string) string {
	rel = lower(strings.TrimSpace(rel))
	for _, prefix := range [...]string{"http://www.iana.org/assignments/relation/", "https://www.iana.org/assignments/relation/"} {
		rel = strings.TrimPrefix(rel, prefix)
	}
	if rel == "" {
		return "alternate"
	}
	return rel
}

// page is the best address for people among links: an alternate, of HTML if there
// are several.
func page(links []alternate) string {
	best, score := "", 0
	for _, l := range links {
		if l.href == "" || l.rel != "alternate" {
			continue
		}
		s := 1
		switch kind := lower(l.kind); {
		case strings.HasPrefix(kind, "text/html"), strings.HasPrefix(kind, "application/xhtml"):
			s = 4
		case kind == "":
			s = 3
		case strings.HasPrefix(kind, "text/"):
			s = 2
		}
		if s > score {
			best, score = l.href, s
		}
	}
	return best
}

func related(links []alternate, rels ...string) string {
	for _, rel := range rels {
		for _, l := range links {
			if l.rel == rel && l.href != "" {
				return l.href
			}
		}
	}
	return ""
}

// links reads Atom links that stand as extension elements.
func (x extra) links() (out []alternate) {
	for _, e := range x.of("atom", "link") {
		href := x.link(e.Attrs["href"])
		if href == "" {
			href = x.link(e.Value)
		}
		out = append(out, alternate{
			href: href, rel: relation(x.str(e.Attrs["rel"])), kind: x.str(e.Attrs["type"]), title: x.str(e.Attrs["title"]),
			length: x.str(e.Attrs["length"]), language: x.str(e.Attrs["hreflang"]),
		})
	}
	return out
}

// enclose adds a file, once.
func enclose(all []feed.Enclosure, e feed.Enclosure) []feed.Enclosure {
	if e.URL == "" {
		return all
	}
	for i := range all {
		if all[i].URL == e.URL {
			all[i].Type, all[i].Title = either(all[i].Type, e.Type), either(all[i].Title, e.Title)
			if all[i].Length == 0 {
				all[i].Length = e.Length
			}
			return all
		}
	}
	return append(all, e)
}

// size reads a length in bytes; 0 = none that can be read.
func size(s string) int64 {
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
	if err != nil || n < 0 || n >= 1<<62 {
		return 0
	}
	return int64(n)
}

func enclosed(links []alternate) (out []feed.Enclosure) {
	for _, l := range links {
		if l.rel == "enclosure" {
			out = enclose(out, feed.Enclosure{URL: l.href, Type: l.kind, Length: size(l.length), Title: l.title})
		}
	}
	return out
}

// media reads Media RSS: files as enclosures, pictures as the item's image.
func (x extra) media(e *feed.Entry) {
	look := func(in map[string][]ext.Extension) {
		for _, t := range in["thumbnail"] {
			e.Image = either(e.Image, x.link(either(t.Attrs["url"], t.Value)))
		}
		for _, c := range in["content"] {
			x.mediaContent(e, c)
		}
	}
	look(x.all["media"])
	for _, group := range x.of("media", "group") {
		look(group.Children)
		x.captions(e, group.Children)
		for _, c := range group.Children["content"] {
			look(c.Children)
		}
	}
	for _, c := range x.of("media", "content") {
		look(c.Children)
		x.captions(e, c.Children)
	}
}

// captions takes the title and description of a file for those of an item that has
// none of its own.
func (x extra) captions(e *feed.Entry, of map[string][]ext.Extension) {
	for _, t := range of["title"] {
		if e.Title.Value == "" {
			e.Title = x.text(t.Value)
		}
	}
	for _, d := range of["description"] {
		if e.Summary.Value == "" && e.Content.Value == "" {
			e.Summary = x.text(d.Value)
		}
	}
}

func (x extra) mediaContent(e *feed.Entry, c ext.Extension) {
	url, kind, medium := x.link(c.Attrs["url"]), x.str(c.Attrs["type"]), x.str(c.Attrs["medium"])
	if url == "" {
		return
	}
	if medium == "image" || strings.HasPrefix(kind, "image/") {
		if e.Image == "" || e.Image == url {
			e.Image = url
			return
		}
	}
	var title string
	for _, t := range c.Children["title"] {
		title = x.str(t.Value)
	}
	e.Enclosures = enclose(e.Enclosures, feed.Enclosure{URL: url, Type: kind, Length: size(x.str(c.Attrs["filesize"])), Title: title})
}

// understood are the vocabularies that have been read in full; whatever an outlet
// says in others is kept as an extension.
var understood = map[string]bool{
	"raw": true, "atom": true, "content": true, "dc": true, "dcterms": true, "itunes": true, "media": true, "sy": true, "admin": true,
}

// extensions are the texts in vocabularies of the outlet's own.
func (x extra) extensions() (out map[string]string) {
	keep := func(key, v string) {
		if v == "" || len(v) > maxExtension {
			return
		}
		if out == nil {
			out = map[string]string{}
		}
		if _, taken := out[key]; !taken {
			out[key] = v
		}
	}
	for _, a := range x.asides {
		if !understood[a.prefix] {
			keep(a.prefix+":"+a.name, x.str(a.ref))
		}
	}
	for prefix, names := range x.all {
		if understood[prefix] {
			continue
		}
		for name, list := range names {
			for _, e := range list {
				keep(prefix+":"+name, x.str(e.Value))
			}
		}
	}
	keep("dc:identifier", x.first("dc:identifier"))
	return out
}

// words are categories, each once.
func words(lists ...[]string) (out []string) {
	for _, list := range lists {
		for _, w := range list {
			if w != "" && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// keywords are words between commas.
func keywords(lists []string) (out []string) {
	for _, list := range lists {
		for w := range strings.SplitSeq(list, ",") {
			out = append(out, strings.TrimSpace(w))
		}
	}
	return out
}

// categories are those in extension vocabularies.
func (x extra) categories() (out []string) {
	out = words(x.every("raw:category", "dc:subject", "dcterms:subject", "media:category"))
	for _, c := range x.of("atom", "category") {
		out = append(out, either(x.str(c.Attrs["term"]), x.str(c.Attrs["label"])))
	}
	for _, c := range x.of("itunes", "category") {
		out = append(out, x.str(c.Attrs["text"]))
		for _, sub := range c.Children["category"] {
			out = append(out, x.str(sub.Attrs["text"]))
		}
	}
	return words(out, keywords(x.every("itunes:keywords", "media:keywords")))
}
