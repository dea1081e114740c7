package parser

import (
	"fmt"
	"strings"

	"sangam/feed"
)

// tokenKind is what a stretch of XML is.
type tokenKind int

const (
	endOfText tokenKind = iota
	startTag
	endTag
	characters // raw: references not yet read
	cdata      // characters as they are
)

// token is one stretch of a document. Its strings are slices of the document.
type token struct {
	kind   tokenKind
	at     int    // offset in the document
	name   string // of a tag, as written, prefix and all
	text   string // of characters and cdata
	attrs  []attr // of a start tag; valid until the next token
	closed bool   // <name/>
}

// attr is an attribute; its value is raw.
type attr struct{ name, value string }

// scanner cuts a document into tokens and takes every fault as it comes: it never
// fails on a syntax error, only beyond a limit. Comments, processing instructions
// and the DOCTYPE are passed over; of the last, simple entities are remembered.
type scanner struct {
	text     string
	pos      int
	attrs    []attr
	entities entities
	rooted   bool // a start tag was seen: no DOCTYPE may follow
	html     bool // the DOCTYPE says that this is a page
	cut      bool // the document ends inside a tag, comment or CDATA section

	noComment, noSection, noDoctype bool // nothing in what is left ends one
}

// next returns the next token. The open function says whether an element of that
// name is open, which decides where a CDATA section without an end ends.
func (s *scanner) next(innermost string) (token, *Error) {
	for s.pos < len(s.text) {
		at := s.pos
		if s.text[at] != '<' {
			return s.characters(at), nil
		}
		rest := s.text[at:]
		switch {
		case len(rest) == 1:
			s.pos, s.cut = len(s.text), true
		case strings.HasPrefix(rest, "<!--"):
			if !s.comment() {
				return s.literal(at), nil
			}
		case strings.HasPrefix(rest, "<![CDATA["):
			return s.section(innermost), nil
		case rest[1] == '?':
			s.instruction()
		case rest[1] == '!' && !s.rooted:
			s.doctype()
		case rest[1] == '/' && len(rest) > 2 && nameStart(rest[2]):
			return s.end(), nil
		case nameStart(rest[1]):
			tok, ok, err := s.start()
			if err != nil {
				return token{}, err
			}
			if ok {
				s.rooted = true
				return tok, nil
			}
			if s.cut {
				continue
			}
			return s.literal(at), nil
		case strings.HasPrefix("<![CDATA[", rest) || strings.HasPrefix("<!--", rest) || rest == "</":
			s.pos, s.cut = len(s.text), true
		default:
			return s.literal(at), nil
		}
	}
	return token{kind: endOfText, at: len(s.text)}, nil
}

// characters reads up to the next markup.
func (s *scanner) characters(at int) token {
	s.pos = len(s.text)
	if i := strings.IndexByte(s.text[at:], '<'); i >= 0 {
		s.pos = at + i
	}
	return token{kind: characters, at: at, text: s.text[at:s.pos]}
}

// literal reads a "<" that begins nothing as the character it is, with what
// follows it.
func (s *scanner) literal(at int) token {
	s.pos = len(s.text)
	if i := strings.IndexByte(s.text[at+1:], '<'); i >= 0 {
		s.pos = at + 1 + i
	}
	return token{kind: characters, at: at, text: s.text[at:s.pos]}
}

// comment passes over a comment. One without an end is no comment.
func (s *scanner) comment() bool {
	const open, shut = "<!--", "-->"
	if !s.noComment {
		if i := strings.Index(s.text[s.pos+len(open):], shut); i >= 0 {
			s.pos += len(open) + i + len(shut)
			return true
		}
		s.noComment = true
	}
	return false
}

// section reads a CDATA section. One without an end ends where its element does.
func (s *scanner) section(innermost string) token {
	const open, shut = "<![CDATA[", "]]>"
	at, from := s.pos, s.pos+len(open)
	end := -1
	if !s.noSection {
		if end = strings.Index(s.text[from:], shut); end < 0 {
			s.noSection = true
		}
	}
	body := s.text[from:]
	if end >= 0 {
		body = body[:end]
		if i := strings.Index(body, open); i < 0 || innermost == "" {
			s.pos = from + end + len(shut)
			return token{kind: cdata, at: at, text: body}
		}
	}
	// Either nothing ends the section or another begins inside it: then it was never
	// ended, and its element's end tag is where it should have been.
	if innermost != "" {
		if i := indexFold(body, "</"+innermost); i >= 0 {
			s.pos = from + i
			return token{kind: cdata, at: at, text: strings.TrimSuffix(body[:i], "]]")}
		}
	}
	if end >= 0 {
		s.pos = from + end + len(shut)
		return token{kind: cdata, at: at, text: body}
	}
	s.pos, s.cut = len(s.text), true
	return token{kind: cdata, at: at, text: body}
}

// instruction passes over <? … ?>, or up to the next ">" if there is no "?>".
func (s *scanner) instruction() {
	rest := s.text[s.pos:]
	near := strings.IndexByte(rest, '>')
	if near < 0 {
		s.pos, s.cut = len(s.text), true
		return
	}
	s.pos += near + 1
	// A ">" may stand inside; believe "?>" if it comes before the next tag.
	if rest[near-1] != '?' {
		tag := strings.IndexByte(rest[near:], '<')
		if tag < 0 {
			tag = len(rest) - near
		}
		if i := strings.Index(rest[near:near+tag], "?>"); i >= 0 {
			s.pos += i + 1
		}
	}
}

// doctype passes over <!DOCTYPE …> and any other declaration before the root.
func (s *scanner) doctype() {
	rest := s.text[s.pos:]
	if s.noDoctype {
		s.instruction()
		return
	}
	if head := rest[:min(len(rest), 14)]; strings.EqualFold(head, "<!doctype html") {
		s.html = true
	}
	for i, quote, inside := 2, byte(0), false; i < len(rest); i++ {
		switch c := rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '-' && inside && strings.HasPrefix(rest[i-2:], "<!--"):
			end := strings.Index(rest[i:], "-->")
			if end < 0 {
				s.pos, s.cut = len(s.text), true
				return
			}
			i += end + 2
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '!' && inside && strings.HasPrefix(rest[i:], "!ENTITY"):
			s.entities.declare(rest[i+len("!ENTITY"):])
		case c == '>' && !inside:
			s.pos += i + 1
			return
		}
	}
	// No end: the quotes or brackets do not pair. Go on at the next tag.
	s.noDoctype = true
	if i := strings.IndexByte(rest[1:], '<'); i >= 0 {
		s.pos += 1 + i
		return
	}
	s.pos, s.cut = len(s.text), true
}

// end reads an end tag. It ends at ">", or before the next "<" if that is missing.
func (s *scanner) end() token {
	at := s.pos
	i := at + 2
	for i < len(s.text) && nameByte(s.text[i]) {
		i++
	}
	tok := token{kind: endTag, at: at, name: s.text[at+2 : i]}
	for i < len(s.text) && s.text[i] != '>' && s.text[i] != '<' {
		i++
	}
	switch {
	case i == len(s.text):
		s.cut = true
	case s.text[i] == '>':
		i++
	}
	s.pos = i
	return tok
}

// start reads a start tag. It reports false when what begins like one is none:
// "x <y and z" or a tag that the end of the document cuts.
func (s *scanner) start() (token, bool, *Error) {
	at := s.pos
	i := at + 1
	for i < len(s.text) && nameByte(s.text[i]) {
		i++
	}
	tok := token{kind: startTag, at: at, name: s.text[at+1 : i]}
	s.attrs = s.attrs[:0]
	for {
		for i < len(s.text) && space(s.text[i]) {
			i++
		}
		if i >= len(s.text) {
			s.pos, s.cut = len(s.text), true
			return tok, false, nil
		}
		switch c := s.text[i]; {
		case c == '>':
			s.pos, tok.attrs = i+1, s.attrs
			return tok, true, nil
		case c == '/' && i+1 < len(s.text) && s.text[i+1] == '>':
			s.pos, tok.attrs, tok.closed = i+2, s.attrs, true
			return tok, true, nil
		case c == '<':
			// The tag was never closed. With attributes it was meant as one.
			if len(s.attrs) == 0 {
				return tok, false, nil
			}
			s.pos, tok.attrs = i, s.attrs
			return tok, true, nil
		case c == '/' || c == '"' || c == '\'' || c == '=':
			i++ // a stray; pass over it
			continue
		}
		if len(s.attrs) == maxAttributes {
			return tok, false, &Error{Trouble: feed.Unreadable, What: fmt.Sprintf("more than %d attributes on one element", maxAttributes), Where: place(s.text, at)}
		}
		i = s.attribute(i)
	}
}

// attribute reads name="value" at i, however it is quoted, and returns where it ends.
func (s *scanner) attribute(i int) int {
	text, from := s.text, i
	for i < len(text) && !space(text[i]) && text[i] != '=' && text[i] != '>' && text[i] != '<' && text[i] != '/' && text[i] != '"' {
		i++
	}
	a := attr{name: text[from:i]}
	for i < len(text) && space(text[i]) {
		i++
	}
	if i < len(text) && text[i] == '=' {
		i++
		for i < len(text) && space(text[i]) {
			i++
		}
		a.value, i = quoted(text, i)
	}
	if a.name != "" {
		s.attrs = append(s.attrs, a)
	} else if i == from {
		i++
	}
	return i
}

// quoted reads an attribute's value at i and returns where it ends.
func quoted(text string, i int) (string, int) {
	if i >= len(text) {
		return "", i
	}
	if quote := text[i]; quote == '"' || quote == '\'' {
		rest := text[i+1:]
		end := strings.IndexByte(rest, quote)
		// A value with a "<" or ">" in it and a letter right behind its end has lost its
		// quote: what ended it was the opening quote of another.
		if end >= 0 && !(strings.ContainsAny(rest[:end], "<>") && end+1 < len(rest) && nameStart(rest[end+1])) {
			return rest[:end], i + 1 + end + 1
		}
		if end = strings.IndexAny(rest, "<>"); end < 0 {
			return rest, len(text)
		}
		return strings.TrimSuffix(rest[:end], "/"), i + 1 + end
	}
	end := i
	for end < len(text) && !space(text[end]) && text[end] != '>' && text[end] != '<' {
		end++
	}
	if end < len(text) && text[end] == '>' && end > i && text[end-1] == '/' {
		end--
	}
	return text[i:end], end
}

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func nameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c >= 0x80
}

func nameByte(c byte) bool { return nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.' }

// indexFold is strings.Index without regard to ASCII case.
func indexFold(s, sub string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], sub[0])
		if i < 0 || from+i+len(sub) > len(s) {
			return -1
		}
		if from += i; strings.EqualFold(s[from:from+len(sub)], sub) {
			return from
		}
		from++
	}
}
