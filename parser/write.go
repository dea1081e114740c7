package parser

import (
	"strconv"
	"strings"
)

// open does what the start of an element means for the outline.
func (w *walker) open(el, parent *element, tok token) {
	w.meant = w.meant || w.means(el)
	switch el.role {
	case channel:
		if el.language != "" && (w.out.language == "" || feedLevel[el.name.local]) {
			w.out.language = el.language
		}
		w.cdf(el, tok, "raw:lastbuilddate")
	case item:
		w.air.Take()
		if w.out.items%partItems == 0 {
			w.out.parts = append(w.out.parts, make([]byte, 0, min(len(w.scan.text)/bytesOfOutline, roomForPart)))
		}
		w.out.items++
		w.to = &w.out.parts[len(w.out.parts)-1]
		w.itemAt, w.children, w.foreign, w.named, w.summed, w.titled, w.guided, w.shown = len(*w.to), 0, 0, false, false, false, false, false
		el.as = "item"
		if w.out.atom {
			el.as = "entry"
		}
		*w.to = append(*w.to, '<')
		*w.to = append(*w.to, el.as...)
		*w.to = append(*w.to, '>')
		w.written++
		if about := attribute(tok, "about"); about != "" {
			w.leaf("raw:about", value{text: about})
			w.named = true
		}
		if el.language != w.out.language {
			w.leaf("raw:language", value{text: el.language})
		}
		w.cdf(el, tok, "raw:date")
	case node:
		w.named = w.named || identifying[el.name]
		el.as = w.alias(el, parent, tok)
		el.unaddressed = w.out.atom && el.name == qname{native, "link"} && attribute(tok, "href") == ""
		el.at = len(*w.to)
		*w.to = append(*w.to, '<')
		*w.to = append(*w.to, el.as...)
		w.attributes(el, tok)
		*w.to = append(*w.to, '>')
		w.written++
		w.children++
	case textual:
		el.as = w.alias(el, parent, tok)
		el.kind, el.mode = lower(strings.TrimSpace(attribute(tok, "type"))), lower(attribute(tok, "mode"))
		el.source = attribute(tok, "src")
		w.written++
		w.children++
	case markup:
		w.add(tagPiece(el, w.textual(), tok))
	}
}

// cdf reads what the Channel Definition Format says in attributes.
func (w *walker) cdf(el *element, tok token, date string) {
	if w.out.atom || len(tok.attrs) == 0 {
		return
	}
	if href := attribute(tok, "href"); href != "" {
		w.leaf("link", value{text: href, base: el.base})
	}
	if modified := attribute(tok, "lastmod"); modified != "" {
		w.leaf(date, value{text: modified})
	}
}

// textual returns the innermost element that is one text.
func (w *walker) textual() *element {
	for i := len(w.stack) - 1; i >= 0; i-- {
		if w.stack[i].role == textual {
			return &w.stack[i]
		}
	}
	return w.top()
}

// alias is the name of an element in the outline. The prefix "raw" keeps from
// gofeed what it would spoil: dates, which it tries eighty layouts on, and
// elements of which it keeps only the last, or only the text.
func (w *walker) alias(el, parent *element, tok token) string {
	n := el.name
	if w.foreignTo(el) {
		return n.prefix + ":" + localName(el.raw) // as written: it is the outlet's name, not ours
	}
	if w.out.atom {
		if n.prefix == native && dates[n.local] {
			return "raw:" + n.local
		}
		return n.String()
	}
	if n.prefix == xhtmlNS {
		return "raw:content"
	}
	if n.prefix != native || parent.role == node {
		return n.String()
	}
	switch {
	case dates[n.local], n.local == "author", n.local == "contributor", n.local == "category" && parent.role == channel:
		return "raw:" + n.local
	case n.local == "link" && (attribute(tok, "href") != "" || attribute(tok, "rel") != ""):
		return "atom:link"
	}
	if parent.role != item {
		switch n.local {
		case "abstract", "tagline", "subtitle":
			return "raw:" + n.local
		}
		return n.local
	}
	switch n.local {
	case "image", "id", "logo", "icon":
		return "raw:" + n.local
	case "fullitem", "body", "content":
		return "raw:content"
	case "keywords":
		return "itunes:keywords"
	case "description", "summary", "abstract":
		if w.summed {
			return "raw:content"
		}
		w.summed = true
		return "description"
	}
	return n.local
}

// attributes writes those attributes that anything is read from, as numbers.
func (w *walker) attributes(el *element, tok token) {
	for i, a := range tok.attrs {
		name := bare(lower(a.name))
		if !attributes[name] || w.twice(tok.attrs[:i], name) {
			continue
		}
		if name == "ispermalink" {
			name = "isPermaLink"
		}
		*w.to = append(*w.to, ' ')
		*w.to = append(*w.to, name...)
		*w.to = append(*w.to, '=', '"')
		w.number(value{text: strings.TrimSpace(decodeText(a.value, &w.scan.entities)), base: el.base})
		*w.to = append(*w.to, '"')
	}
}

func (w *walker) twice(before []attr, name string) bool {
	for _, a := range before {
		if bare(lower(a.name)) == name {
			return true
		}
	}
	return false
}

// bare is an attribute's name without the prefix that RDF's attributes have. Those
// of other vocabularies keep theirs, and so are nobody's.
func bare(name string) string {
	if i := strings.IndexByte(name, ':'); i >= 0 && (name[i+1:] == "about" || name[i+1:] == "resource") {
		return name[i+1:]
	}
	return name
}

// attribute is the decoded value of an attribute, in whatever case its name is.
func attribute(tok token, name string) string {
	for _, a := range tok.attrs {
		if bare(lower(a.name)) == name {
			return strings.TrimSpace(decodeText(a.value, nil))
		}
	}
	return ""
}

func (w *walker) number(v value) {
	*w.to = strconv.AppendInt(*w.to, int64(len(w.out.values)), 10)
	w.out.values = append(w.out.values, v)
}

// leaf writes an element that holds a text and nothing else.
func (w *walker) leaf(name string, v value) {
	w.shown = w.shown || beside(name)
	*w.to = append(*w.to, '<')
	*w.to = append(*w.to, name...)
	*w.to = append(*w.to, '>')
	w.number(v)
	*w.to = append(*w.to, '<', '/')
	*w.to = append(*w.to, name...)
	*w.to = append(*w.to, '>')
}

// pop closes the innermost element.
func (w *walker) pop() {
	el := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	w.scope = w.scope[:el.scope]
	switch el.role {
	case item:
		*w.to = append(*w.to, '<', '/')
		*w.to = append(*w.to, el.as...)
		*w.to = append(*w.to, '>')
		w.to, w.children = &w.out.head, 0
	case node:
		if w.putAside(&el) {
			return
		}
		if text := strings.TrimSpace(join(w.pieces[el.pieces:], &w.scan.entities)); text != "" {
			if w.foreignTo(&el) && len(text) > maxExtension {
				text = ""
			}
			v := value{text: text, base: el.base, language: el.language}
			w.guided = w.guided || el.name == qname{native, "guid"}
			if el.unaddressed { // the address that should have stood in an attribute
				*w.to = append((*w.to)[:len(*w.to)-len(">")], " href=\""...)
				w.number(v)
				*w.to = append(*w.to, "\">"...)
			} else if w.out.atom && (el.name == qname{native, "author"} || el.name == qname{native, "contributor"}) {
				w.leaf("name", v) // a name that should have stood in an element of its own
			} else {
				w.number(v)
			}
		}
		w.pieces = w.pieces[:el.pieces]
		*w.to = append(*w.to, '<', '/')
		*w.to = append(*w.to, el.as...)
		*w.to = append(*w.to, '>')
	case textual:
		v := w.text(&el, w.pieces[el.pieces:])
		w.pieces = w.pieces[:el.pieces]
		if el.name == (qname{native, "title"}) && w.top().role == item {
			w.titled = w.titled || v.text != ""
		}
		if v.text != "" || el.source == "" {
			w.leaf(el.as, v)
		} else {
			*w.to = append(*w.to, "<raw:elsewhere type=\""...)
			w.number(value{text: el.kind})
			*w.to = append(*w.to, "\">"...)
			w.number(value{text: el.source, base: el.base})
			*w.to = append(*w.to, "</raw:elsewhere>"...)
		}
	case markup:
		w.add(piece{kind: pieceEnd, text: el.name.local})
	}
}

// beside reports whether an element of that name can be an aside. Of other vocabularies
// gofeed makes something, or more is read than texts.
func beside(name string) bool {
	switch prefix, local, _ := strings.Cut(name, ":"); prefix {
	case "raw", "dc", "dcterms", "slash", "wfw":
		return local != ""
	}
	return false
}

// putAside takes an element that ends out of the outline if it can be an aside. Asides stand
// before all others of their item that could be, so their order is that of the document.
func (w *walker) putAside(el *element) bool {
	if w.top().role != item || !beside(el.as) {
		return false
	}
	if w.shown = w.shown || len(*w.to) != el.at+len("<>")+len(el.as); w.shown {
		return false
	}
	a := aside{item: w.out.items - 1}
	a.prefix, a.name, _ = strings.Cut(el.as, ":")
	if text := strings.TrimSpace(join(w.pieces[el.pieces:], &w.scan.entities)); text != "" {
		a.ref = strconv.Itoa(len(w.out.values))
		w.out.values = append(w.out.values, value{text: text, base: el.base, language: el.language})
	}
	w.out.asides = append(w.out.asides, a)
	w.pieces, *w.to = w.pieces[:el.pieces], (*w.to)[:el.at]
	return true
}

func (w *walker) foreignTo(el *element) bool {
	return el.name.prefix != native && !usual[el.name.prefix]
}
