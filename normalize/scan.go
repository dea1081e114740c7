package normalize

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// The kinds of piece that a scanner finds.
const (
	textRun  = iota // characters, references still encoded
	startTag        // with its attributes, if any
	endTag
	markup // comment, declaration, processing instruction
)

// scanner cuts a fragment of HTML into tags and what stands between them, by the
// rules of the HTML tokenizer (WHATWG HTML, 13.2.5) as far as they concern where a
// tag begins and ends. It does not look into raw text: skipTo does.
type scanner struct {
	in   string
	pos  int
	kind int
	text string    // of the piece, as written
	name string    // of the tag, as written
	atom atom.Atom // of the tag; 0 for names that HTML does not know
}

// next moves to the next piece and reports whether there is one.
func (s *scanner) next() bool {
	if s.pos >= len(s.in) {
		return false
	}
	rest := s.in[s.pos:]
	s.name, s.atom = "", 0
	if rest[0] == '<' && len(rest) > 1 {
		if end := s.tag(rest); end > 0 {
			s.text = rest[:end]
			s.pos += end
			return true
		}
	}
	end := 1 // a "<" that begins no tag is a character
	for end < len(rest) {
		i := strings.IndexByte(rest[end:], '<')
		if i < 0 {
			end = len(rest)
			break
		}
		end += i
		if end+1 < len(rest) && beginsTag(rest[end+1]) {
			break
		}
		end++
	}
	s.kind, s.text = textRun, rest[:end]
	s.pos += end
	return true
}

func beginsTag(c byte) bool { return isLetter(c) || c == '/' || c == '!' || c == '?' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\f' || c == '\r' }

// tag returns the length of the tag or other markup at the start of rest, 0 if it is text.
func (s *scanner) tag(rest string) int {
	at := 1
	switch c := rest[1]; {
	case isLetter(c):
		s.kind = startTag
	case c == '/' && len(rest) > 2 && isLetter(rest[2]):
		s.kind, at = endTag, 2
	case c == '/' && len(rest) == 2:
		return 0
	case c == '!' && strings.HasPrefix(rest, "<!--"):
		s.kind = markup
		return commentEnd(rest)
	case c == '/' || c == '!' || c == '?':
		s.kind = markup
		if i := strings.IndexByte(rest, '>'); i >= 0 {
			return i + 1
		}
		return len(rest)
	default:
		return 0
	}
	end := at
	for end < len(rest) && !isSpace(rest[end]) && rest[end] != '>' && rest[end] != '/' {
		end++
	}
	s.name = rest[at:end]
	s.atom = lookup(s.name)
	return end + attributesEnd(rest[end:])
}

// commentEnd returns the length of the comment at the start of rest.
func commentEnd(rest string) int {
	body := rest[len("<!--"):]
	if strings.HasPrefix(body, ">") {
		return len("<!-->")
	}
	if strings.HasPrefix(body, "->") {
		return len("<!--->")
	}
	for i := 0; ; {
		j := strings.Index(body[i:], "--")
		if j < 0 {
			return len(rest)
		}
		i += j
		after := body[i+2:]
		if strings.HasPrefix(after, ">") {
			return len("<!--") + i + len("-->")
		}
		if strings.HasPrefix(after, "!>") {
			return len("<!--") + i + len("--!>")
		}
		i++
	}
}

// attributesEnd returns how far the attributes of a tag reach, its ">" included. A ">"
// within a quoted value does not end a tag; a quote elsewhere does not begin a value.
func attributesEnd(s string) int {
	value := false // just after "=", where a quote begins a value
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '>':
			return i + 1
		case c == '=':
			value = true
		case (c == '"' || c == '\'') && value:
			j := strings.IndexByte(s[i+1:], c)
			if j < 0 {
				return len(s)
			}
			i += 1 + j
			value = false
		case !isSpace(c):
			value = false
		}
	}
	return len(s)
}

// skipTo moves behind the end tag of an element of raw text, or to the end.
func (s *scanner) skipTo(name string) {
	for {
		i := strings.Index(s.in[s.pos:], "</")
		if i < 0 {
			s.pos = len(s.in)
			return
		}
		s.pos += i + 2
		rest := s.in[s.pos:]
		if len(rest) < len(name) || !strings.EqualFold(rest[:len(name)], name) {
			continue
		}
		if after := rest[len(name):]; after == "" || isSpace(after[0]) || after[0] == '/' || after[0] == '>' {
			s.pos += len(name) + attributesEnd(after)
			return
		}
	}
}

// longestName is the length of the longest element name in HTML, "blockquote" and
// "figcaption", with some room.
const longestName = 16

// lookup returns the atom of a tag name in any case, 0 if HTML does not know it.
func lookup(name string) atom.Atom {
	if len(name) > longestName {
		return 0
	}
	var low [longestName]byte
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		low[i] = c
	}
	return atom.Lookup(low[:len(name)])
}
