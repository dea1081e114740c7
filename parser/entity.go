package parser

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// entities are what a DOCTYPE declares. Only texts are taken, and read once: one
// that stands for others shows their names, one that stands for a file is left
// undefined.
type entities struct {
	values map[string]string
	spent  int // bytes that expansion has added

	surplus, long, beyond, nested bool // what was not taken: see warnings
}

// longestReference is the length of the longest named reference of HTML,
// &CounterClockwiseContourIntegral; and of any number worth reading.
const longestReference = 40

// warnings says which declared entities did not become what they stand for.
func (e *entities) warnings() (all []string) {
	for _, w := range [...]struct {
		seen bool
		text string
	}{
		{e.surplus, fmt.Sprintf("more than %d entities are declared; those behind stand as they are written", maxEntities)},
		{e.long, fmt.Sprintf("a declared entity has more than %d bytes; it stands as it is written", maxEntity)},
		{e.beyond, fmt.Sprintf("declared entities stand for more than %d bytes in all; those beyond stand as they are written", maxExpansion)},
		{e.nested, "a declared entity stands for others; those stand as they are written"},
	} {
		if w.seen {
			all = append(all, w.text)
		}
	}
	return all
}

// declare reads what follows "<!ENTITY".
func (e *entities) declare(rest string) {
	name, rest := word(rest[:min(len(rest), 2*maxEntity)])
	if name == "" || name == "%" {
		return
	}
	rest = strings.TrimLeft(rest, " \t\r\n")
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return // SYSTEM or PUBLIC: a file, not ours to open
	}
	end := strings.IndexByte(rest[1:], rest[0])
	if end < 0 {
		return
	}
	value := rest[1 : 1+end]
	if len(e.values) >= maxEntities {
		e.surplus = true
		return
	}
	if e.values == nil {
		e.values = map[string]string{}
	}
	if len(value) > maxEntity {
		e.long = true
		return // undefined, then
	}
	e.values[name] = decodeText(value, nil) // once: an entity in it stays a name
}

func word(s string) (first, rest string) {
	s = strings.TrimLeft(s, " \t\r\n")
	end := strings.IndexAny(s, " \t\r\n")
	if end < 0 {
		return s, ""
	}
	return s[:end], s[end:]
}

// expand returns the text of a declared entity, while there is allowance left.
func (e *entities) expand(name string) (string, bool) {
	if e == nil || e.values == nil {
		return "", false
	}
	v, declared := e.values[name]
	if !declared {
		return "", false
	}
	if e.spent+len(v) > maxExpansion {
		e.beyond = true
		return "", false
	}
	e.spent += len(v)
	e.nested = e.nested || e.names(v)
	return v, true
}

// names reports whether a text names a declared entity.
func (e *entities) names(text string) bool {
	for at := strings.IndexByte(text, '&'); at >= 0; at = strings.IndexByte(text, '&') {
		text = text[at:]
		if end := referenceEnd(text); end > 0 {
			if _, declared := e.values[text[1:end]]; declared {
				return true
			}
		}
		text = text[1:]
	}
	return false
}

// decodeText reads the references in raw characters, once: numbers, the five of
// XML, those of HTML, those declared. A number that names no character is left
// out; a pair of surrogates is the character it means; everything else that only
// looks like a reference stays as it is.
func decodeText(raw string, declared *entities) string {
	at := strings.IndexByte(raw, '&')
	if at < 0 {
		return raw
	}
	var out strings.Builder
	out.Grow(len(raw))
	for at >= 0 {
		out.WriteString(raw[:at])
		raw = raw[at:]
		n := reference(&out, raw, declared)
		raw = raw[n:]
		at = strings.IndexByte(raw, '&')
	}
	out.WriteString(raw)
	return out.String()
}

// reference writes what the reference at the start of raw means and returns how
// much of raw that was.
func reference(out *strings.Builder, raw string, declared *entities) int {
	end := referenceEnd(raw)
	if end < 0 {
		out.WriteByte('&')
		return 1
	}
	name := raw[1:end]
	switch name {
	case "amp":
		out.WriteByte('&')
		return end + 1
	case "lt":
		out.WriteByte('<')
		return end + 1
	case "gt":
		out.WriteByte('>')
		return end + 1
	case "quot":
		out.WriteByte('"')
		return end + 1
	case "apos":
		out.WriteByte('\'')
		return end + 1
	}
	if name[0] == '#' {
		r, ok := number(name[1:])
		if !ok {
			out.WriteByte('&')
			return 1
		}
		if low, n := lowSurrogate(raw[end+1:]); r >= 0xd800 && r < 0xdc00 && n > 0 {
			out.WriteRune((r-0xd800)<<10 | (low - 0xdc00) + 0x10000)
			return end + 1 + n
		}
		if r = allowed(r); r >= 0 {
			out.WriteRune(r)
		}
		return end + 1
	}
	if v, ok := declared.expand(name); ok {
		out.WriteString(v)
		return end + 1
	}
	// The package html also reads references that lack their semicolon, which would
	// turn "&copy=2;" of an address into "©=2;": only a whole one counts.
	span := raw[:end+1]
	if v := html.UnescapeString(span); v != span && !strings.HasSuffix(v, ";") {
		out.WriteString(v)
		return end + 1
	}
	out.WriteByte('&')
	return 1
}

// referenceEnd returns where the semicolon of the reference at the start of raw is,
// -1 if it is none: an ampersand that was never escaped ends at the first character
// that no name has, not at the semicolon of the next reference.
func referenceEnd(raw string) int {
	from := 1
	if strings.HasPrefix(raw, "&#") {
		from = 2
	}
	for i := from; i < min(len(raw), longestReference); i++ {
		switch c := raw[i]; {
		case c == ';' && i > from:
			return i
		case !nameByte(c):
			return -1
		}
	}
	return -1
}

// number reads the digits of a numeric reference. Numbers beyond Unicode are read
// as one that is not allowed.
func number(digits string) (rune, bool) {
	base := 10
	if strings.HasPrefix(digits, "x") || strings.HasPrefix(digits, "X") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 64)
	if err != nil && !strings.Contains(err.Error(), "out of range") {
		return 0, false
	}
	if n > utf8.MaxRune {
		n = 0
	}
	return rune(n), true
}

// lowSurrogate reads a reference to one at the start of raw, and how long it is.
func lowSurrogate(raw string) (rune, int) {
	if !strings.HasPrefix(raw, "&#") {
		return 0, 0
	}
	end := referenceEnd(raw)
	if end < 0 {
		return 0, 0
	}
	if r, ok := number(raw[2:end]); ok && r >= 0xdc00 && r < 0xe000 {
		return r, end + 1
	}
	return 0, 0
}

// allowed returns the character that a number means, or -1 for one that no XML
// text may hold.
func allowed(r rune) rune {
	switch {
	case r < 0x20 && r != '\t' && r != '\n' && r != '\r', r >= 0xd800 && r < 0xe000, r == 0xfffe, r == 0xffff:
		return -1
	case r >= 0x80 && r <= 0x9f:
		return fromC1(r)
	}
	return r
}

// escape writes text so that HTML shows it as it is.
func escape(text string) string {
	if !strings.ContainsAny(text, `&<>`) {
		return text
	}
	return escaper.Replace(text)
}

var (
	escaper     = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
)
