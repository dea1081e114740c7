package normalize

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"sangam/feed"
)

// Text reads a fragment of HTML as a person sees it and returns that as plain,
// single-spaced text on one line: tags gone, references decoded, scripts and styles
// left out, words of neighbouring blocks kept apart. It serves titles, search and
// comparison, takes time in proportion to the fragment, and never fails. The result
// is plain text, so reading it as HTML once more would be a mistake: "&lt;b&gt;"
// becomes "<b>". Characters that no document may hold are dropped, and bidirectional
// controls treated as Line says.
func Text(fragment string) string {
	if strings.IndexByte(fragment, '<') < 0 {
		return Line(unescape(fragment))
	}
	if !utf8.ValidString(fragment) {
		fragment = strings.ToValidUTF8(fragment, "")
	}
	var l liner
	l.out.Grow(len(fragment))
	for s := (scanner{in: fragment}); s.next(); {
		switch {
		case s.kind == textRun:
			l.read(unescape(s.text))
		case s.kind == startTag && unseen[s.atom]:
			s.skipTo(s.name)
			l.read(" ")
		case breaksLine[s.atom] && s.kind != markup:
			l.read(" ")
		}
	}
	return l.line()
}

// Line makes plain text fit to stand in one line: every run of white space, line
// ends and no-break spaces included, becomes one space, none at the ends; control
// characters, noncharacters, byte order marks and invalid UTF-8 go.
//
// Bidirectional controls: embeddings and overrides (U+202A–U+202E) go, since they can
// make a text show as another one; marks (LRM, RLM, ALM) stay, since they have no
// scope; isolates stay if they are balanced, a closing one without an opening one
// goes, and one left open is closed at the end, so that none reaches into the text
// that follows. Doing it twice changes nothing.
func Line(s string) string {
	if isLine(s) {
		return s
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "")
	}
	var l liner
	l.out.Grow(len(s))
	l.read(s)
	return l.line()
}

// liner is one run of Line, over a text in one piece or several, all of them UTF-8.
type liner struct {
	out   strings.Builder
	space bool // one is due before the next character
	open  int  // isolates
}

// read takes a piece.
func (l *liner) read(in string) {
	for pos := 0; pos < len(in); {
		pos += l.step(in[pos:])
	}
}

// line is what the pieces have become.
func (l *liner) line() string {
	for ; l.open > 0; l.open-- {
		l.out.WriteRune(popIsolate)
	}
	return l.out.String()
}

// step takes the next word, or what is not of words, and returns how long it is.
func (l *liner) step(in string) int {
	c := in[0]
	if ofWords[c] {
		end := 1
		for end < len(in) && ofWords[in[end]] {
			end++
		}
		l.write(in[:end])
		return end
	}
	if c < utf8.RuneSelf {
		if c == ' ' || '\t' <= c && c <= '\r' {
			l.space = l.out.Len() > 0
		}
		return 1
	}
	r, size := utf8.DecodeRuneInString(in)
	switch {
	case isWideSpace(r):
		l.space = l.out.Len() > 0
		return size
	case !legal(r) || '\u202A' <= r && r <= '\u202E':
		return size
	case '\u2066' <= r && r <= '\u2068':
		if l.open == maxIsolates {
			return size
		}
		l.open++
	case r == popIsolate:
		if l.open == 0 {
			return size
		}
		l.open--
	}
	l.write(in[:size])
	return size
}

func (l *liner) write(s string) {
	if l.space {
		l.out.WriteByte(' ')
		l.space = false
	}
	l.out.WriteString(s)
}

// isWideSpace reports whether a character beyond ASCII is white space.
func isWideSpace(r rune) bool { return (r < 0xA1 || r > 0x1600) && (r < 0x3001) && unicode.IsSpace(r) }

const (
	popIsolate = '\u2069'
	// maxIsolates is how many isolates may be open at once: beyond 125 levels the
	// bidirectional algorithm (UAX #9, BD2) ignores them, and nobody writes ten.
	maxIsolates = 16
)

// ofWords holds the bytes of UTF-8 that characters begin with, or go on with, that Line
// copies whatever stands around them: those of nearly all letters of all scripts.
var ofWords = func() (t [256]bool) {
	for c := range t {
		t[c] = '!' <= c && c <= '~' || 0x80 <= c && c < 0xC0 || 0xC3 <= c && c <= 0xE0 || 0xE4 <= c && c <= 0xEC
	}
	return t
}()

// isLine reports whether Line would change nothing, for the common case that a text
// is tidy as it came.
func isLine(s string) bool {
	space := true // a leading space is one too many
	for i := 0; i < len(s); i++ {
		c := s[i]
		if ofWords[c] {
			space = false
			continue
		}
		if c == ' ' && !space {
			space = true
			continue
		}
		if c < utf8.RuneSelf {
			return false
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !legal(r) || isWideSpace(r) || '\u202A' <= r && r <= '\u202E' || '\u2066' <= r && r <= '\u2069' {
			return false
		}
		space = false
		i += size - 1
	}
	return (!space || s == "") && utf8.ValidString(s)
}

// legal reports whether a character may stand in a document of any kind: not a
// control character other than white space, not a noncharacter, not a byte order mark.
func legal(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0x7F:
		return true
	case r < 0xA0:
		return r == 0x85 // next line, a white space
	case r == '\uFEFF', r&0xFFFE == 0xFFFE, 0xFDD0 <= r && r <= 0xFDEF:
		return false
	}
	return true
}

// legalOnly drops what is not legal from a text, keeping its white space.
func legalOnly(s string) string {
	if isLegal(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if !legal(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

// isLegal reports whether a text is UTF-8 and has legal characters only. It decodes only
// where the first byte allows an illegal one.
func isLegal(s string) bool {
	var all byte // bits that any of them has
	for i := 0; i < len(s); i++ {
		c := s[i]
		all |= c
		switch {
		case ' ' <= c && c < 0x7F || 0xC3 <= c && c < 0xEF || 0x80 <= c && c < 0xC2 || c == '\n':
		case c < utf8.RuneSelf:
			if !legal(rune(c)) {
				return false
			}
		default:
			if r, _ := utf8.DecodeRuneInString(s[i:]); !legal(r) {
				return false
			}
		}
	}
	return all < utf8.RuneSelf || utf8.ValidString(s)
}

// unescape decodes the character references of HTML.
func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return html.UnescapeString(s)
}

// plain returns the words of a text as plain text on one line, whatever kind it is of.
func plain(t feed.Text) string {
	switch t.Kind {
	case feed.Plain:
		return Line(undoubled(t.Value))
	case feed.HTML:
		return undoubled(Text(undoubled(t.Value)))
	}
	return guessed(t.Value)
}

// guessed reads a text of which nobody said what it is: as HTML if it has a tag that
// HTML knows and that is used as one, else as characters with references.
func guessed(s string) string {
	if looksLikeHTML(s) {
		return undoubled(Text(undoubled(s)))
	}
	return Line(undoubled(unescape(s)))
}

// looksLikeHTML reports whether a text that may or may not be HTML is. A tag counts
// if its name is one of HTML's and it is void, often left open, has an attribute, or
// is closed again: "Use <b> for bold" is no HTML, nor is "List<String>".
func looksLikeHTML(s string) bool {
	if strings.IndexByte(s, '<') < 0 {
		return false
	}
	for sc := (scanner{in: s}); sc.next(); {
		switch {
		case sc.kind == markup && strings.HasPrefix(sc.text, "<!--"):
			return true
		case sc.kind == endTag && isElement[sc.atom]:
			return true
		case sc.kind == startTag && isElement[sc.atom] && (standsAlone[sc.atom] || strings.Contains(sc.text, "=")):
			return true
		}
	}
	return false
}

func set(atoms ...atom.Atom) map[atom.Atom]bool {
	m := make(map[atom.Atom]bool, len(atoms))
	for _, a := range atoms {
		m[a] = true
	}
	return m
}

var (
	// unseen elements hold text that a browser does not show, and no markup.
	unseen = set(atom.Script, atom.Style, atom.Title, atom.Iframe, atom.Noembed, atom.Noframes, atom.Textarea)

	// breaksLine holds the elements at whose edges a browser begins a new line or cell.
	breaksLine = set(
		atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Center, atom.Dd,
		atom.Details, atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure,
		atom.Footer, atom.Form, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hgroup, atom.Hr,
		atom.Html, atom.Legend, atom.Li, atom.Listing, atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.Option, atom.P,
		atom.Plaintext, atom.Pre, atom.Section, atom.Summary, atom.Table, atom.Tbody, atom.Td, atom.Tfoot, atom.Th,
		atom.Thead, atom.Tr, atom.Ul, atom.Xmp, atom.Img, atom.Video, atom.Audio,
	)

	// standsAlone holds the elements that need no end tag to be meant as markup.
	standsAlone = set(atom.Br, atom.Hr, atom.Img, atom.P, atom.Li, atom.Wbr, atom.Script, atom.Style, atom.Iframe, atom.Embed,
		atom.Object, atom.Div, atom.Table, atom.Plaintext, atom.Svg, atom.Math, atom.Meta, atom.Link, atom.Base)

	// isElement holds the names that HTML gives to elements. It misses attribute names,
	// which the atom package mixes with them, and what is rather a word than a tag.
	isElement = func() map[atom.Atom]bool {
		m := set(
			atom.A, atom.Abbr, atom.Acronym, atom.Applet, atom.Area, atom.Audio, atom.B, atom.Base, atom.Bdi, atom.Bdo,
			atom.Big, atom.Blink, atom.Button, atom.Canvas, atom.Cite, atom.Code, atom.Col, atom.Colgroup, atom.Data,
			atom.Del, atom.Dfn, atom.Em, atom.Embed, atom.Font, atom.Frame, atom.Frameset, atom.Head, atom.I, atom.Input,
			atom.Ins, atom.Kbd, atom.Label, atom.Link, atom.Map, atom.Mark, atom.Marquee, atom.Math, atom.Meta, atom.Nobr,
			atom.Noscript, atom.Object, atom.Param, atom.Picture, atom.Q, atom.Rp, atom.Rt, atom.Ruby, atom.S, atom.Samp,
			atom.Select, atom.Small, atom.Source, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Svg,
			atom.Template, atom.Time, atom.Track, atom.Tt, atom.U, atom.Var, atom.Wbr,
		)
		for _, more := range []map[atom.Atom]bool{unseen, breaksLine} {
			for a := range more {
				m[a] = true
			}
		}
		return m
	}()
)
