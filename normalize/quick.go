package normalize

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// quick cleans a fragment in one pass over its bytes, without building a tree, and
// reports whether it could. It only takes fragments of which the tree can be read off:
// known elements, each closed where it should be and standing where a parser leaves it,
// attributes in their usual form. Of these a parser would make what is written, so that
// the result is the same as by round; the fuzz test holds it to that. Whatever is
// doubtful it leaves to the parser.
func (c *cleaner) quick(fragment string) bool {
	c.out, c.image = c.out[:0], ""
	q := quickly{cleaner: c, in: fragment, stack: c.frames[:0]}
	ok := q.run()
	c.frames = q.stack[:0]
	return ok
}

// quickly is one run of quick.
type quickly struct {
	*cleaner
	in         string
	pos        int
	stack      []frame
	paragraphs int // open ones
	headings   int
	links      int
	formats    int // open elements that a parser may open anew
	pre        int // where the content of the last <pre> begins in what was written
}

// frame is an open element.
type frame struct {
	kind
	shown bool // it was written, and so will be its end
}

// kind is what quick knows of an element; the zero kind is of those it does not take.
type kind struct {
	atom   atom.Atom
	place  place
	void   bool
	format bool // a parser may open it anew
	kept   bool // it is in the policy
}

// maxAttributes is how many attributes a tag may have before the parser is asked.
const maxAttributes = 64

// maxQuickDepth is how many elements may be open at once before the parser is asked.
const maxQuickDepth = 64

// place says where an element may stand without a parser moving or closing something.
type place int

const (
	inline  place = iota + 1 // anywhere but among the parts of a table
	block                    // not within a paragraph
	heading                  // nor within another heading
	item                     // in a list
	term                     // in a list of definitions
	table                    // as a block, and not within what is opened anew
	rows                     // in a table
	row                      // in a group of rows
	cell                     // in a row
)

var kinds = func() map[atom.Atom]kind {
	m := make(map[atom.Atom]kind)
	for at, atoms := range map[place][]atom.Atom{
		inline: {
			atom.A, atom.B, atom.Big, atom.Code, atom.Em, atom.I, atom.S, atom.Small, atom.Strike, atom.Strong, atom.Tt, atom.U, atom.Font,
			atom.Span, atom.Sub, atom.Sup, atom.Abbr, atom.Acronym, atom.Cite, atom.Q, atom.Mark, atom.Time, atom.Kbd, atom.Samp, atom.Var,
			atom.Del, atom.Ins, atom.Bdi, atom.Bdo, atom.Dfn, atom.Data, atom.Audio, atom.Video, atom.Picture,
			atom.Br, atom.Img, atom.Wbr, atom.Source,
		},
		block: {
			atom.P, atom.Div, atom.Blockquote, atom.Figure, atom.Figcaption, atom.Ul, atom.Ol, atom.Dl, atom.Section, atom.Article,
			atom.Aside, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Address, atom.Center, atom.Pre, atom.Hr,
		},
		heading: {atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6},
		item:    {atom.Li},
		term:    {atom.Dt, atom.Dd},
		table:   {atom.Table},
		rows:    {atom.Thead, atom.Tbody, atom.Tfoot},
		row:     {atom.Tr},
		cell:    {atom.Td, atom.Th},
	} {
		for _, a := range atoms {
			_, kept := elements[a]
			m[a] = kind{atom: a, place: at, void: void[a], format: formatting[a], kept: kept}
		}
	}
	return m
}()

func (q *quickly) run() bool {
	for q.pos < len(q.in) {
		var ok bool
		switch rest := q.in[q.pos:]; {
		case rest[0] != '<':
			ok = q.text()
		case len(rest) > 1 && isLetter(rest[1]):
			ok = q.open()
		case strings.HasPrefix(rest, "</"):
			ok = q.close()
		case strings.HasPrefix(rest, "<!--"):
			ok = q.comment()
		}
		if !ok {
			return false
		}
	}
	return len(q.stack) == 0
}

// text copies characters up to the next tag.
func (q *quickly) text() bool {
	rest := q.in[q.pos:]
	if end := strings.IndexByte(rest, '<'); end >= 0 {
		rest = rest[:end]
	}
	q.pos += len(rest)
	if top := q.top().place; table <= top && top < cell && strings.Trim(rest, " \n\t") != "" {
		return false // a parser moves it before the table
	}
	if strings.IndexByte(rest, '&') >= 0 {
		rest = legalOnly(html.UnescapeString(rest))
		if strings.IndexByte(rest, '\r') >= 0 {
			return false
		}
	}
	if q.pre == len(q.out) && q.pre > 0 && strings.HasPrefix(rest, "\n") {
		return false // a parser drops the first line end
	}
	q.out = appendText(q.out, rest)
	return true
}

func (q *quickly) comment() bool {
	body := q.in[q.pos+len("<!--"):]
	end := strings.Index(body, "--")
	if end < 0 || !strings.HasPrefix(body[end:], "-->") || strings.HasPrefix(body, ">") || strings.HasPrefix(body, "->") {
		return false
	}
	q.pos += len("<!--") + end + len("-->")
	return true
}

func (q *quickly) top() frame {
	if len(q.stack) == 0 {
		return frame{}
	}
	return q.stack[len(q.stack)-1]
}

// name reads a tag name at the cursor.
func (q *quickly) name() atom.Atom {
	start := q.pos
	for q.pos < len(q.in) && (isLetter(q.in[q.pos]) || isDigit(q.in[q.pos])) {
		q.pos++
	}
	return lookup(q.in[start:q.pos])
}

func (q *quickly) close() bool {
	q.pos += len("</")
	a := q.name()
	top := q.top()
	if q.pos >= len(q.in) || q.in[q.pos] != '>' || a == 0 || a != top.atom {
		return false
	}
	q.pos++
	q.count(top.kind, -1)
	if top.shown {
		q.out = appendEnd(q.out, a)
	}
	q.stack = q.stack[:len(q.stack)-1]
	return true
}

// count keeps account of what is open.
func (q *quickly) count(k kind, n int) {
	switch k.atom {
	case atom.P:
		q.paragraphs += n
	case atom.A:
		q.links += n
	}
	if k.format {
		q.formats += n
	}
	if k.place == heading {
		q.headings += n
	}
}

func (q *quickly) open() bool {
	q.pos++
	a := q.name()
	if rawText[a] {
		return q.skip(a)
	}
	k := kinds[a]
	if !q.fits(k) || !q.attributes(k.void) {
		return false
	}
	start, shown := len(q.out), false
	if k.format && len(q.attrs) > 1 { // as the parser does, to compare them
		slices.SortFunc(q.attrs, func(a, b html.Attribute) int {
			return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Val, b.Val))
		})
	}
	if k.kept {
		if shown = q.start(k.atom, q.attrs); !shown {
			q.out = q.out[:start]
		}
	}
	if k.void {
		return true
	}
	if k.atom == atom.Pre {
		q.pre = len(q.out)
	}
	q.count(k, +1)
	q.stack = append(q.stack, frame{k, shown})
	return len(q.stack) <= maxQuickDepth
}

// rawText holds the elements that go, and that hold no markup for a parser either.
var rawText = set(atom.Script, atom.Style, atom.Iframe)

// skip passes over an element of raw text. A comment in it may change where it ends.
func (q *quickly) skip(a atom.Atom) bool {
	if place := q.top().place; table <= place && place < cell || !q.attributes(false) {
		return false
	}
	end := strings.Index(q.in[q.pos:], "</")
	if end < 0 || strings.Contains(q.in[q.pos:q.pos+end], "<!--") {
		return false
	}
	q.pos += end + len("</")
	if q.name() != a || !strings.HasPrefix(q.in[q.pos:], ">") {
		return false
	}
	q.pos++
	return true
}

// fits reports whether a parser would put an element where it stands.
func (q *quickly) fits(k kind) bool {
	top := q.top()
	if table <= top.place && top.place < cell {
		return k.place == top.place+1
	}
	switch k.place {
	case inline:
		return k.atom != atom.A || q.links == 0
	case block:
		return q.paragraphs == 0
	case heading:
		return q.paragraphs == 0 && q.headings == 0
	case item:
		return top.atom == atom.Ul || top.atom == atom.Ol
	case term:
		return top.atom == atom.Dl
	case table:
		return q.paragraphs == 0 && q.formats == 0
	}
	return false
}

// attributes reads the attributes of a start tag to its end.
func (q *quickly) attributes(alone bool) bool {
	q.attrs = q.attrs[:0]
	for spaced := false; q.pos < len(q.in); {
		switch c := q.in[q.pos]; {
		case c == '>':
			q.pos++
			return true
		case isSpace(c):
			spaced = true
			q.pos++
		case c == '/' && alone && strings.HasPrefix(q.in[q.pos:], "/>"):
			q.pos += len("/>")
			return true
		case isLetter(c) && spaced:
			if !q.attribute() {
				return false
			}
			spaced = false
		default:
			return false
		}
	}
	return false
}

// attribute reads a name and a value, if it has one.
func (q *quickly) attribute() bool {
	start, lower := q.pos, true
	for q.pos < len(q.in) && isNameByte(q.in[q.pos]) {
		lower = lower && (q.in[q.pos] < 'A' || 'Z' < q.in[q.pos])
		q.pos++
	}
	name := q.in[start:q.pos]
	if !lower {
		name = strings.ToLower(name)
	}
	value := ""
	if strings.HasPrefix(q.in[q.pos:], "=") {
		q.pos++
		var ok bool
		if value, ok = q.attributeValue(); !ok {
			return false
		}
		if strings.IndexByte(value, '&') >= 0 {
			if !plainReferences(value) {
				return false
			}
			value = html.UnescapeString(value)
		}
	}
	q.attrs = append(q.attrs, html.Attribute{Key: name, Val: value})
	return len(q.attrs) <= maxAttributes
}

// attributeValue reads a value in quotes, or a bare word.
func (q *quickly) attributeValue() (value string, ok bool) {
	rest := q.in[q.pos:]
	if rest == "" {
		return "", false
	}
	if rest[0] == '"' || rest[0] == '\'' {
		end := strings.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return "", false
		}
		q.pos += end + 2
		return rest[1 : 1+end], true
	}
	end := 0
	for end < len(rest) && (isNameByte(rest[end]) || rest[end] == '%' || rest[end] == '#') {
		end++
	}
	if end == 0 || end == len(rest) || rest[end] != '>' && !isSpace(rest[end]) {
		return "", false
	}
	q.pos += end
	return rest[:end], true
}

func isNameByte(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '_' || c == ':' || c == '.'
}

// plainReferences reports whether every ampersand in an attribute begins a reference
// that is the same by the rules for text and for attributes.
func plainReferences(s string) bool {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return true
		}
		s = s[i:]
		known := false
		for _, ref := range [...]string{"&amp;", "&quot;", "&#34;", "&#39;", "&#039;", "&lt;", "&gt;", "&nbsp;"} {
			if strings.HasPrefix(s, ref) {
				known = true
				break
			}
		}
		if !known {
			return false
		}
		s = s[1:]
	}
}
