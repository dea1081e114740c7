package parser

import (
	"fmt"
	"strconv"
	"strings"

	"sangam/feed"
)

// An outline is a document as gofeed is shown it: the same structure, well-formed,
// with one prefix per vocabulary, and every text and attribute replaced by a
// number. The numbers stand for values, which hold what the outlet wrote together
// with what gofeed would forget or spoil: whether it is text or markup, its base,
// its language, the exact bytes of ids and addresses.
//
// So a megabyte of articles costs gofeed nothing, a broken document cannot break
// it, and what is read twice is only the skeleton.
type outline struct {
	dialect
	head     []byte   // XML of what describes the feed, or the whole of a JSON Feed
	parts    [][]byte // XML of the items, partItems in each: gofeed reads one after the other, to hold less
	values   []value
	language string // of the feed, from xml:lang
	base     string // of the feed
	partial  bool   // the document ends before its root does
	items    int
	warnings []string
	hubs     []string      // of JSON
	authors  []feed.Person // of the feed, whom items that name nobody are by
}

// value is a text of the document.
type value struct {
	kind     feed.TextKind
	text     string
	base     string
	language string
}

// role is what an open element is to the outline.
type role int

const (
	outside role = iota // before the root of a feed
	channel             // rss, rdf:RDF, channel, feed
	item                // item, entry
	node                // goes to the outline, with its children if it may have any
	through             // a wrapper inside a node: its text is the node's
	textual             // its inside is one text, whatever markup it holds
	markup              // inside a textual one
	skipped
)

// element is an open element.
type element struct {
	raw            string
	name           qname
	role           role
	base, language string
	scope          int    // declarations in scope outside it
	pieces         int    // pieces of text collected outside it
	as             string // the name it has in the outline
	kind           string // type of an Atom text construct, or "" for RSS
	mode           string // of Atom 0.3
	source         string // src of Atom content
}

// walker writes an outline while it goes through a document.
type walker struct {
	scan         scanner
	out          outline
	stack        []element
	scope        scope
	pieces       []piece
	to           *[]byte // where the outline is being written: its head, or the last of its parts
	doc          feed.Document
	first        string // name of the first element: what a document that is no feed is called by
	rooted       bool   // a feed's root was seen
	itemAt       int    // where in the outline the open item begins
	children     int    // written of the open item
	foreign      int    // of them, elements of the outlet's own
	named        bool   // the open item has an id
	summed       bool   // the open item has a summary
	written      int    // elements of the outline
	strays       int
	unendedNames map[string]bool // elements of which an end tag was looked for, and none found
	told         map[string]bool
}

// draw reads a document to its end and returns its outline.
func draw(text string, doc feed.Document) (*outline, *Error) {
	w := &walker{scan: scanner{text: text}, doc: doc}
	w.out.head = make([]byte, 0, 1024)
	w.to = &w.out.head
	for {
		tok, err := w.scan.next(w.innermost())
		if err != nil {
			return nil, err
		}
		switch tok.kind {
		case startTag:
			err = w.start(tok)
		case endTag:
			err = w.end(tok)
		case characters, cdata:
			w.characters(tok)
		case endOfText:
			return w.finish()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (w *walker) top() *element {
	if len(w.stack) == 0 {
		return &element{role: outside, base: w.doc.URL}
	}
	return &w.stack[len(w.stack)-1]
}

func (w *walker) innermost() string { return w.top().raw }

func (w *walker) characters(tok token) {
	switch w.top().role {
	case node, through, textual, markup:
		if tok.kind == cdata {
			w.add(piece{kind: pieceLiteral, text: tok.text})
			return
		}
		if n := len(w.pieces); n > w.top().pieces && w.pieces[n-1].kind == pieceText && w.pieces[n-1].end == tok.at {
			last := &w.pieces[n-1] // a "<" that began nothing parted them
			last.text, last.end = w.scan.text[tok.at-len(last.text):w.scan.pos], w.scan.pos
			return
		}
		w.add(piece{kind: pieceText, text: tok.text, end: w.scan.pos})
	}
}

// add collects a piece of a text, while there is room.
func (w *walker) add(p piece) {
	if len(w.pieces) >= maxPieces {
		w.warn("a text has more than %d pieces; the rest is not read", maxPieces)
		return
	}
	w.pieces = append(w.pieces, p)
}

// start opens an element.
func (w *walker) start(tok token) *Error {
	if w.first == "" {
		w.first = tok.name
		w.out.address = w.declaredFor(tok)
	}
	if w.scan.html && !w.rooted && strings.EqualFold(tok.name, "html") {
		return w.notAFeed()
	}
	parent := w.top()
	if len(w.pieces) >= maxPieces && (parent.role == textual || parent.role == markup) && !mayClose[lower(localName(tok.name))] {
		return nil // nothing more is kept of this text
	}
	el := element{raw: tok.name, base: parent.base, language: parent.language, scope: len(w.scope), pieces: len(w.pieces)}
	if err := w.inherit(&el, tok); err != nil {
		return err
	}
	if !w.rooted {
		w.root(tok.name, el)
	}
	el.name = w.scope.name(tok.name, w.out.dialect)
	w.closeBefore(el.name)
	parent = w.top()
	el.pieces = len(w.pieces)
	el.role = w.roleOf(el.name, parent)
	if el.role == markup && len(w.stack) >= maxDepth {
		w.warn("a text nests more than %d elements; those inside are left out, their text is not", maxDepth)
		w.scope = w.scope[:el.scope]
		return nil
	}
	if len(w.stack) >= maxDepth {
		return w.beyond(tok.at, fmt.Sprintf("elements nested more than %d deep", maxDepth))
	}
	w.open(&el, parent, tok)
	if tok.closed || el.role == markup && void[el.name.local] {
		if el.role == markup {
			w.scope = w.scope[:el.scope]
			return nil
		}
		w.stack = append(w.stack, el)
		w.pop()
		return nil
	}
	w.stack = append(w.stack, el)
	return nil
}

func (w *walker) beyond(at int, what string) *Error {
	return &Error{Trouble: feed.Unreadable, What: what, Where: place(w.scan.text, at)}
}

// declaredFor is the namespace that a root element declares for itself.
func (w *walker) declaredFor(tok token) string {
	prefix, _, found := strings.Cut(tok.name, ":")
	want := "xmlns"
	if found {
		want = "xmlns:" + prefix
	}
	for _, a := range tok.attrs {
		if a.name == want {
			return strings.TrimSpace(decodeText(a.value, nil))
		}
	}
	return ""
}

// inherit reads the attributes that hold for all that is inside: xmlns, xml:base,
// xml:lang.
func (w *walker) inherit(el *element, tok token) *Error {
	for _, a := range tok.attrs {
		if len(a.name) < 5 || a.name[0] != 'x' && a.name[0] != 'X' {
			continue
		}
		switch name := lower(a.name); {
		case name == "xmlns", strings.HasPrefix(name, "xmlns:"):
			if len(w.scope) >= maxNamespaces {
				return w.beyond(tok.at, fmt.Sprintf("more than %d namespaces in scope", maxNamespaces))
			}
			_, prefix, _ := strings.Cut(a.name, ":")
			address := strings.TrimSpace(decodeText(a.value, nil))
			w.scope = append(w.scope, scopeEntry{prefix, address, vocabulary(address)})
		case name == "xml:base":
			el.base = rebase(el.base, decodeText(a.value, nil))
		case name == "xml:lang":
			el.language = strings.TrimSpace(decodeText(a.value, nil))
		}
	}
	return nil
}

// root recognises the root of a feed, wherever it is: some are wrapped in, or
// follow, something else.
func (w *walker) root(raw string, el element) {
	_, local, found := strings.Cut(raw, ":")
	if !found {
		local = raw
	}
	switch lower(local) {
	case "rss", "rdf":
	case "feed":
		w.out.atom = true
	case "entry":
		w.out.atom = len(w.stack) == 0
		if !w.out.atom {
			return
		}
	case "channel", "item":
		if len(w.stack) > 0 {
			return
		}
	default:
		return
	}
	w.rooted = true
	w.out.base, w.out.language = el.base, el.language
	w.out.address = ""
	prefix := strings.TrimSuffix(raw[:len(raw)-len(local)], ":")
	if entry, ok := w.scope.find(prefix); ok {
		w.out.address = entry.address
	}
}

// roleOf decides what an element is to the outline.
func (w *walker) roleOf(n qname, parent *element) role {
	switch parent.role {
	case textual, markup:
		return markup
	case skipped:
		return skipped
	case through:
		return through
	case node:
		switch {
		case n.prefix == rdfNS || n.prefix == "foaf":
			return through
		case !containers[parent.name] || !writable(n) || n.prefix != native && !usual[n.prefix] || w.full():
			return skipped
		case !w.out.atom && parent.name == qname{native, "source"}:
			return skipped // gofeed would take the tags for its text
		case isTextual(n):
			return textual
		}
		return node
	case outside:
		if !w.rooted {
			return outside
		}
		if n.local == "item" || n.local == "entry" {
			return w.another()
		}
		return channel
	}
	switch {
	case n.prefix == native && parent.role == channel && feedLevel[n.local]:
		if n.local == "channel" && w.out.language == "" {
			w.out.language = parent.language
		}
		return channel
	case n.prefix == native && parent.role == channel && (n.local == "item" || n.local == "entry"):
		return w.another()
	case n.prefix == xhtmlNS && parent.role == item && (n.local == "body" || n.local == "div"):
		return textual
	case hidden[n.prefix] || !writable(n):
		return skipped
	case w.full():
		return skipped
	case isTextual(n):
		return textual
	case n.prefix == native || usual[n.prefix]:
		return node
	case parent.role == item && w.foreign < maxExtensions:
		w.foreign++
		return node
	}
	return skipped
}

// another is the role of one more item.
func (w *walker) another() role {
	switch {
	case w.out.items == maxItems:
		w.warn("more than %d items; the rest is not read", maxItems)
		return skipped
	case w.written >= maxOutline:
		w.warn("more than %d elements; the items behind item %d are not read", maxOutline, w.out.items)
		return skipped
	}
	return item
}

// full reports whether no more is read of the open item, or of the feed itself.
func (w *walker) full() bool {
	if w.children < maxChildren {
		return false
	}
	w.warn("an item, or the feed itself, has more than %d elements; the rest of them is not read", maxChildren)
	return true
}

// warn notes what the operator should know, each thing once.
func (w *walker) warn(format string, args ...int) {
	if w.told[format] {
		return
	}
	if w.told == nil {
		w.told = map[string]bool{}
	}
	w.told[format] = true
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = a
	}
	w.out.warnings = append(w.out.warnings, fmt.Sprintf(format, values...))
}

// open does what the start of an element means for the outline.
func (w *walker) open(el, parent *element, tok token) {
	switch el.role {
	case channel:
		if el.language != "" && (w.out.language == "" || feedLevel[el.name.local]) {
			w.out.language = el.language
		}
		if w.out.base == w.doc.URL {
			w.out.base = el.base
		}
		w.cdf(el, tok, "raw:lastbuilddate")
	case item:
		if w.out.items%partItems == 0 {
			w.out.parts = append(w.out.parts, make([]byte, 0, 4096))
		}
		w.out.items++
		w.to = &w.out.parts[len(w.out.parts)-1]
		w.itemAt, w.children, w.foreign, w.named, w.summed = len(*w.to), 0, 0, false, false
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
		if n.local == "abstract" {
			return "description"
		}
		return n.local
	}
	switch n.local {
	case "image", "id", "logo", "icon":
		return "raw:" + n.local
	case "fullitem", "body", "content":
		return "raw:content"
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
	*w.to = append(*w.to, '<')
	*w.to = append(*w.to, name...)
	*w.to = append(*w.to, '>')
	w.number(v)
	*w.to = append(*w.to, '<', '/')
	*w.to = append(*w.to, name...)
	*w.to = append(*w.to, '>')
}

// end closes the element that an end tag means: the innermost of that name, and
// all that is still open inside it. One that means none is passed over.
func (w *walker) end(tok token) *Error {
	for i := len(w.stack) - 1; i >= 0; i-- {
		el := &w.stack[i]
		if sameTag(el.raw, tok.name) || i == len(w.stack)-1 && sameTag(el.name.local, localName(tok.name)) {
			for len(w.stack) > i {
				w.pop()
			}
			return nil
		}
	}
	if w.strays++; w.strays > maxStrayTags {
		return w.beyond(tok.at, fmt.Sprintf("more than %d end tags that end nothing", maxStrayTags))
	}
	return nil
}

func sameTag(a, b string) bool { return len(a) == len(b) && (a == b || strings.EqualFold(a, b)) }

func localName(raw string) string {
	if _, local, found := strings.Cut(raw, ":"); found {
		return local
	}
	return raw
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
		if text := strings.TrimSpace(join(w.pieces[el.pieces:], &w.scan.entities)); text != "" {
			if w.foreignTo(&el) && len(text) > maxExtension {
				text = ""
			}
			w.number(value{text: text, base: el.base, language: el.language})
		}
		w.pieces = w.pieces[:el.pieces]
		*w.to = append(*w.to, '<', '/')
		*w.to = append(*w.to, el.as...)
		*w.to = append(*w.to, '>')
	case textual:
		v := w.text(&el, w.pieces[el.pieces:])
		w.pieces = w.pieces[:el.pieces]
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

func (w *walker) foreignTo(el *element) bool {
	return el.name.prefix != native && !usual[el.name.prefix]
}

// finish ends the outline. An item that the end of the document cut is left out,
// unless all of it that was begun is whole and it can be told from others.
func (w *walker) finish() (*outline, *Error) {
	if !w.rooted {
		return nil, w.notAFeed()
	}
	w.out.partial = w.scan.cut || len(w.stack) > 0
	for i, el := range w.stack {
		if el.role == item && (i != len(w.stack)-1 || w.scan.cut || !w.named) {
			*w.to = (*w.to)[:w.itemAt]
			w.to = &w.out.head
			w.out.items--
			w.stack = w.stack[:i]
			break
		}
	}
	for len(w.stack) > 0 {
		w.pop()
	}
	if w.out.partial {
		w.warn("the document ends too early; its last item may be missing")
	}
	return &w.out, nil
}
