package parser

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"sangam/feed"
)

// piece is a stretch of the inside of an element.
type piece struct {
	kind pieceKind
	text string
	end  int // of raw characters: where in the document they end
}

type pieceKind int

const (
	pieceText    pieceKind = iota // raw characters
	pieceLiteral                  // a CDATA section
	pieceStart                    // a start tag, ready to be written
	pieceSingle                   // the tag of a void element
	pieceEnd                      // the name of an element that ends
)

// join is the plain text of pieces: what is between the tags, read once.
func join(pieces []piece, declared *entities) string {
	if len(pieces) == 1 && pieces[0].kind == pieceLiteral {
		return pieces[0].text
	}
	if len(pieces) == 1 && pieces[0].kind == pieceText {
		return decodeText(pieces[0].text, declared)
	}
	var out strings.Builder
	for _, p := range pieces {
		switch p.kind {
		case pieceText:
			out.WriteString(decodeText(p.text, declared))
		case pieceLiteral:
			out.WriteString(p.text)
		}
	}
	return out.String()
}

// fragment is the HTML of pieces. With quote, text between the tags is text, as in
// XHTML; without, it is HTML that was escaped to stand there.
func fragment(pieces []piece, declared *entities, quote bool) string {
	if !quote && !tagged(pieces) {
		return join(pieces, declared)
	}
	var out strings.Builder
	for _, p := range pieces {
		text := p.text
		switch p.kind {
		case pieceText:
			text = decodeText(text, declared)
			fallthrough
		case pieceLiteral:
			if quote {
				text = escape(text)
			}
			out.WriteString(text)
		case pieceStart, pieceSingle:
			out.WriteString(text)
		case pieceEnd:
			out.WriteString("</")
			out.WriteString(text)
			out.WriteByte('>')
		}
	}
	return out.String()
}

func tagged(pieces []piece) bool {
	for _, p := range pieces {
		if p.kind >= pieceStart {
			return true
		}
	}
	return false
}

// text reads the inside of an element that is one text, by the rules of its format.
func (w *walker) text(el *element, pieces []piece) value {
	v := value{base: el.base, language: el.language}
	tags := tagged(pieces)
	if w.out.atom || el.name.prefix == atomNS {
		v.kind, v.text = w.atomText(el, pieces, tags)
	} else {
		v.kind, v.text = w.rssText(el, pieces, tags)
	}
	v.text = strings.TrimSpace(v.text)
	return v
}

// rssText: RSS says nowhere what a title or a description is.
func (w *walker) rssText(el *element, pieces []piece, tags bool) (feed.TextKind, string) {
	switch {
	case !tags:
		kind := feed.Guess
		if el.name.prefix == "content" || el.name.prefix == xhtmlNS {
			kind = feed.HTML
		}
		return kind, join(pieces, &w.scan.entities)
	case el.name.prefix == xhtmlNS:
		return feed.HTML, fragment(pieces, &w.scan.entities, true)
	}
	return feed.HTML, fragment(pieces, &w.scan.entities, false)
}

// atomText reads a text construct (RFC 4287, 3.1) or content (4.1.3), and what
// Atom 0.3 had in their place.
func (w *walker) atomText(el *element, pieces []piece, tags bool) (feed.TextKind, string) {
	declared := &w.scan.entities
	switch kind := el.kind; {
	case el.mode == "base64":
		return decode64(kind, join(pieces, declared))
	case el.mode == "escaped" && !tags && (kind == "" || kind == "text/plain"):
		return feed.Guess, join(pieces, declared) // Atom 0.3 called this text; its feeds put HTML there
	case kind == "xhtml", strings.HasSuffix(kind, "/xhtml+xml"):
		return feed.HTML, fragment(unwrap(pieces), declared, true)
	case kind == "html", kind == "text/html":
		if el.mode == "xml" && tags {
			return feed.HTML, fragment(unwrap(pieces), declared, true)
		}
		return feed.HTML, fragment(pieces, declared, false)
	case tags:
		return feed.HTML, fragment(unwrap(pieces), declared, true)
	case kind == "", kind == "text", strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "+xml"), strings.HasSuffix(kind, "/xml"):
		return feed.Plain, join(pieces, declared)
	case strings.Contains(kind, "/"):
		return decode64(kind, join(pieces, declared))
	}
	return feed.Guess, join(pieces, declared)
}

// decode64 reads base64. What does not decode was not base64; what decodes to no
// text is no text.
func decode64(kind, text string) (feed.TextKind, string) {
	packed := strings.Join(strings.Fields(text), "")
	if plain, err := base64.StdEncoding.DecodeString(packed); err == nil {
		if !utf8.Valid(plain) {
			return feed.Plain, ""
		}
		text = dropForbidden(string(plain))
	}
	if strings.Contains(kind, "html") {
		return feed.HTML, text
	}
	return feed.Plain, text
}

// unwrap takes off the <div> that XHTML content must have (RFC 4287, 3.1.1.3), if
// it is only that.
func unwrap(pieces []piece) []piece {
	blank := func(p piece) bool {
		return p.kind <= pieceLiteral && strings.TrimSpace(p.text) == ""
	}
	for len(pieces) > 0 && blank(pieces[0]) {
		pieces = pieces[1:]
	}
	for len(pieces) > 0 && blank(pieces[len(pieces)-1]) {
		pieces = pieces[:len(pieces)-1]
	}
	if len(pieces) < 2 || pieces[0].kind != pieceStart || pieces[0].text != "<div>" {
		return pieces
	}
	depth := 0
	for i, p := range pieces {
		switch p.kind {
		case pieceStart:
			depth++
		case pieceEnd:
			depth--
		}
		if depth == 0 {
			if i == len(pieces)-1 {
				return pieces[1:i]
			}
			break
		}
	}
	return pieces
}

// tagPiece writes an element inside a text as a tag of HTML: without prefix and
// namespaces, addresses absolute if it has a base of its own.
func tagPiece(el, text *element, tok token) piece {
	var out strings.Builder
	name := localName(tok.name)
	if el.name.prefix == xhtmlNS || el.name.prefix == native {
		name = el.name.local
	}
	out.WriteByte('<')
	out.WriteString(name)
	for _, a := range tok.attrs {
		attrName := lower(a.name)
		switch {
		case attrName == "xmlns" || strings.HasPrefix(attrName, "xmlns:") || attrName == "xml:base" || attrName == "xml:space":
			continue
		case attrName == "xml:lang":
			attrName = "lang"
		}
		v := decodeText(a.value, nil)
		if el.base != text.base && addresses[attrName] {
			v = resolve(el.base, v)
		}
		out.WriteByte(' ')
		out.WriteString(attrName)
		out.WriteString(`="`)
		out.WriteString(attrEscaper.Replace(v))
		out.WriteByte('"')
	}
	out.WriteByte('>')
	kind := pieceStart
	switch {
	case void[el.name.local]:
		kind = pieceSingle
	case tok.closed:
		kind = pieceSingle
		out.WriteString("</" + name + ">")
	}
	return piece{kind: kind, text: out.String()}
}

// addresses are the attributes of HTML that hold one.
var addresses = map[string]bool{
	"href": true, "src": true, "poster": true, "cite": true, "data": true, "action": true, "background": true, "longdesc": true,
}
