package parser

import (
	"fmt"
	"strings"

	"sangam/feed"
	"sangam/internal/breath"
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
	asides   []aside // in the order of the items
	taken    int     // of the asides
	language string  // of the feed, from xml:lang
	base     string  // of the feed
	home     string  // the feed's page, where nobody says where the document is
	partial  bool    // the document ends before its root does
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

// An aside is a child of an item that gofeed would only hand on as it is: a text without
// attributes. It need not see it.
type aside struct {
	item         int
	prefix, name string
	ref          string // number of its text; "" = it is empty
}

// asidesOf are those of an item. They are asked for in order.
func (o *outline) asidesOf(item int) []aside {
	from := o.taken
	for o.taken < len(o.asides) && o.asides[o.taken].item == item {
		o.taken++
	}
	return o.asides[from:o.taken]
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
	at             int    // where in the outline it begins
	kind           string // type of an Atom text construct, or "" for RSS
	mode           string // of Atom 0.3
	source         string // src of Atom content
	unaddressed    bool   // a link of Atom's without href
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
	meant        bool   // and something of a feed in it
	itemAt       int    // where in the outline the open item begins
	children     int    // written of the open item
	foreign      int    // of them, elements of the outlet's own
	named        bool   // the open item has an id
	summed       bool   // the open item has a summary
	titled       bool   // the open item has a title
	guided       bool   // the open item has a guid
	shown        bool   // gofeed is shown one of the open item's children that could be asides
	written      int    // elements of the outline
	strays       int
	unendedNames map[string]bool // elements of which an end tag was looked for, and none found
	told         map[string]bool
	air          breath.Breath
}

const (
	// bytesAValue is about how many bytes of a document there are for each of its texts, and
	// bytesOfOutline for each byte of its outline. Room is made for that many, in an outline for
	// roomForPart at most, so that both need not grow step by step.
	bytesAValue    = 128
	bytesOfOutline = 4
	roomForPart    = 16 << 10
)

// draw reads a document to its end and returns its outline.
func draw(text string, doc feed.Document) (*outline, *Error) {
	w := &walker{scan: scanner{text: text}, doc: doc}
	w.out.head = make([]byte, 0, 1024)
	w.out.values = make([]value, 0, min(len(text)/bytesAValue, maxItems))
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
	}
	if w.scan.html && !w.rooted && strings.EqualFold(tok.name, "html") {
		return w.notAFeed()
	}
	parent := w.top()
	if len(w.pieces) >= maxPieces && (parent.role == textual || parent.role == markup) && !mayClose[lower(localName(tok.name))] {
		return nil // nothing more is kept of this text
	}
	el, err := w.begin(tok)
	if err != nil {
		return err
	}
	declared := w.scope
	w.scope = w.scope[:el.scope]
	if w.closeBefore(el.name) {
		if el, err = w.begin(tok); err != nil { // it has another parent now
			return err
		}
	} else {
		w.scope = declared
	}
	parent = w.top()
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

// begin makes an element of a start tag, inside what is open.
func (w *walker) begin(tok token) (element, *Error) {
	parent := w.top()
	el := element{raw: tok.name, base: parent.base, language: parent.language, scope: len(w.scope), pieces: len(w.pieces)}
	if err := w.inherit(&el, tok); err != nil {
		return el, err
	}
	if !w.rooted {
		w.root(tok.name, el)
	}
	el.name = w.scope.name(tok.name, w.out.dialect)
	if parent.role == channel && el.name.prefix != native && (tok.name == "item" || tok.name == "entry") {
		// Nobody but the format has these: what is wrong is the default namespace.
		w.scope = append(w.scope, scopeEntry{})
		el.name.prefix = native
	}
	return el, nil
}

func (w *walker) beyond(at int, what string) *Error {
	return &Error{Trouble: feed.Unreadable, What: what, Where: place(w.scan.text, at)}
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
	w.out.language, w.out.address = el.language, ""
	prefix := strings.TrimSuffix(raw[:len(raw)-len(local)], ":")
	if entry, ok := w.scope.find(prefix); ok {
		w.out.address = entry.address
	} else {
		w.out.prefix = prefix
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
	case w.full(), w.titled && parent.role == item && n == qname{native, "title"},
		w.guided && parent.role == item && n == qname{native, "guid"}:
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

// finish ends the outline. An item that the end of the document cut is left out,
// unless all of it that was begun is whole and it can be told from others.
func (w *walker) finish() (*outline, *Error) {
	if !w.rooted {
		return nil, w.notAFeed()
	}
	w.out.partial = w.scan.cut || len(w.stack) > 0
	if !w.meant && !w.out.partial {
		return nil, w.nothingOfAFeed()
	}
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
	w.out.warnings = append(w.out.warnings, w.scan.entities.warnings()...)
	if w.out.partial {
		w.warn("the document ends too early; its last item may be missing")
	}
	return &w.out, nil
}
