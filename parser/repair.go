package parser

import "strings"

const (
	maxSearches = 64        // how often a document is searched for an end tag
	searchReach = 256 << 10 // how far: no element of an item is longer
)

// closeBefore closes what cannot still be open when an element of that name
// begins: the outlet forgot an end tag. Without it, one missing end tag would
// swallow every item behind it. It reports whether it closed anything.
func (w *walker) closeBefore(n qname) bool {
	if n.prefix == xhtmlNS || len(w.stack) == 0 {
		return false
	}
	holder := w.holder()
	if holder < 0 {
		return false
	}
	inner := w.stack[holder+1:]
	anItem := n.prefix == native && (n.local == "item" || n.local == "entry")
	top := w.top()
	switch {
	case anItem && (len(inner) == 0 || w.unended(&inner[0])):
		height := holder + 1
		if w.stack[holder].role == item {
			height = holder
		}
		closed := len(w.stack) > height
		w.closeDownTo(height)
		return closed
	case len(inner) > 0 && itemLevel[n] && misplaced(n, inner):
		w.closeDownTo(holder + 1)
		return true
	case top.role == markup && top.name.local == n.local && (n.local == "p" || n.local == "li"):
		w.pop()
		return true
	}
	return false
}

func (w *walker) closeDownTo(height int) {
	for len(w.stack) > height {
		w.pop()
	}
}

// holder is the index of the innermost item or feed that is open, or -1.
func (w *walker) holder() int {
	for i := len(w.stack) - 1; i >= 0; i-- {
		if r := w.stack[i].role; r == item || r == channel {
			return i
		}
	}
	return -1
}

// unended reports whether an element inside which an item begins was never ended:
// certainly if it holds nothing but text; if it may hold others, when no end tag of
// its name follows.
func (w *walker) unended(el *element) bool {
	switch el.role {
	case textual:
		return true
	case node:
		if !containers[el.name] && !w.foreignTo(el) {
			return true
		}
	}
	if known, asked := w.unendedNames[el.raw]; asked || len(w.unendedNames) >= maxSearches {
		return known
	}
	rest := w.scan.text[w.scan.pos:]
	if w.unendedNames == nil {
		w.unendedNames = map[string]bool{}
	}
	w.unendedNames[el.raw] = indexFold(rest[:min(len(rest), searchReach)], "</"+el.raw) < 0
	return w.unendedNames[el.raw]
}

// misplaced reports whether an element of an item that begins inside another of
// its elements shows that the other was never ended.
func misplaced(n qname, inner []element) bool {
	child := &inner[0]
	switch child.role {
	case textual:
		if n.prefix != native || !inMarkup[n.local] {
			return true
		}
		// <title>…<link>: markup that may stand in an article does not stand in a title.
		return child.name == qname{native, "title"} && len(inner) == 1 && n.local != "title" && child.kind == ""
	case node, skipped:
		return itemLevel[child.name] && !containers[child.name]
	}
	return false
}

// root elements that are no feed's, by what a person would call the document.
var others = map[string]string{
	"html": "an HTML page", "body": "an HTML page", "head": "an HTML page", "opml": "an OPML list", "urlset": "a sitemap",
	"sitemapindex": "a sitemap index", "svg": "an SVG image", "opensearchdescription": "an OpenSearch description",
	"xrd": "an XRD document", "service": "an Atom service document", "categories": "an Atom category document",
	"error": "an XML error message", "envelope": "a SOAP message", "kml": "a KML document", "gpx": "a GPX track",
	"tei": "a TEI document", "smil": "a SMIL presentation", "playlist": "a playlist", "manifest": "a manifest",
	"html5": "an HTML page", "script": "an HTML page", "div": "a piece of HTML", "p": "a piece of HTML", "br": "a piece of HTML",
}

// notAFeed says what a document is that has no feed in it.
func (w *walker) notAFeed() *Error {
	what, found := others[lower(localName(w.first))]
	switch {
	case w.scan.html:
		what = "an HTML page"
	case found:
	case w.first != "":
		what = "an XML document with the root <" + clip(w.first, 40) + ">"
	case w.scan.cut:
		what = "a document that ends before its first element"
	default:
		what = "a text without any element"
	}
	return wrongKind(what)
}

// means reports whether an element shows that a document is the feed that its root
// says: an item, a channel, the root of Atom under a name of Atom's or none, or
// anything that describes a feed.
func (w *walker) means(el *element) bool {
	switch el.role {
	case item:
		return true
	case channel:
		return el.name.local == "channel" || w.out.atom && (w.out.address == "" || vocabulary(w.out.address) == atomNS)
	case node, textual:
		return el.name.prefix != native || descriptive[el.name.local]
	}
	return false
}

// descriptive are the elements of the formats themselves that describe a feed.
var descriptive = map[string]bool{
	"title": true, "link": true, "id": true, "updated": true, "modified": true, "subtitle": true, "tagline": true, "description": true,
	"author": true, "language": true, "pubdate": true, "lastbuilddate": true, "generator": true, "logo": true, "icon": true, "image": true,
}

// nothingOfAFeed says what a document is that has a feed's root and nothing of one
// in it.
func (w *walker) nothingOfAFeed() *Error {
	if w.out.atom {
		return wrongKind("an XML document with the root <" + clip(w.first, 40) + "> of the namespace " + clip(w.out.address, 100))
	}
	return wrongKind("an XML document with the root <" + clip(w.first, 40) + "> and no channel in it")
}

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
