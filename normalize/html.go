package normalize

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTML makes a fragment of HTML safe to show on any page and complete in itself:
// parsed as a browser parses it, reduced to the elements and attributes of the policy,
// every element closed. Scripts, styles, frames, forms, plug-ins, foreign content, event
// handlers, comments and tracking pixels go; what they held as fallback text stays.
// Addresses are absolute http, https or (links only) mailto ones, resolved against base,
// an absolute URL; those that cannot be are dropped, and tracking parameters are taken
// off. An image that waits for a script to load it gets its address.
//
// A fragment that no parser should be given (more than 512 elements open at once, or
// made to multiply) comes out as its text. Cleaning twice, with any base, changes
// nothing the second time. The time is in proportion to the fragment.
func HTML(fragment, base string) string {
	clean, _ := (*Reader)(nil).cleanHTML(fragment, base)
	return clean
}

// cleanHTML is HTML that also returns the address of the first image in it.
func (r *Reader) cleanHTML(fragment, base string) (clean, image string) {
	fragment = lineFeeds(withoutCDATA(legalOnly(fragment)))
	if strings.IndexByte(fragment, '<') < 0 {
		return escaped(unescape(fragment)), ""
	}
	c := cleaner{reader: r, base: base}
	if r != nil {
		c.out, c.attrs, c.frames = r.out, r.attrs, r.frames
		defer func() { r.out, r.attrs, r.frames = c.out, c.attrs, c.frames }()
	}
	c.out = slices.Grow(c.out[:0], len(fragment)+len(fragment)/8)
	if c.quick(fragment) {
		return c.settled(fragment), c.image
	}
	return c.slow(fragment)
}

// slow cleans a fragment with a parser, until cleaning leaves it as it is.
func (c *cleaner) slow(fragment string) (clean, image string) {
	for range maxRounds {
		if !c.round(fragment) {
			break
		}
		again := c.settled(fragment)
		if again == fragment {
			return again, c.image
		}
		if fragment = again; c.quick(fragment) && c.settled(fragment) == fragment {
			return fragment, c.image
		}
	}
	return escaped(Text(fragment)), ""
}

// settled returns what was written, as the same string if it is the fragment itself.
func (c *cleaner) settled(fragment string) string {
	out := bytes.TrimSpace(c.out)
	if string(out) == fragment {
		return fragment
	}
	return string(out)
}

// maxRounds is how often a fragment is cleaned in search of a form that cleaning leaves
// as it is. Taking an element away can change how a browser reads its neighbours, so
// once is not always enough; what is not settled by then is not meant well.
const maxRounds = 5

// cleaner turns a parsed fragment into safe HTML.
type cleaner struct {
	reader *Reader // whose work is bounded; nil = nobody's
	base   string
	out    []byte
	image  string // first image

	attrs  []html.Attribute // of the tag being read, kept for the next
	frames []frame
}

// round parses and cleans once and reports whether that was possible.
func (c *cleaner) round(fragment string) bool {
	c.out, c.image = c.out[:0], ""
	if !parsable(fragment) || !c.reader.affords(fragment) {
		return false
	}
	context := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	nodes, err := html.ParseFragmentWithOptions(strings.NewReader(fragment), context, html.ParseOptionEnableScripting(false))
	if err != nil {
		return false
	}
	for _, n := range nodes {
		c.node(n)
	}
	c.out = bareQuotes(lastGuard().SanitizeBytes(c.out))
	return true
}

// node writes a node and all it holds.
func (c *cleaner) node(n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		c.out = appendText(c.out, legalOnly(n.Data))
		return
	case n.Type != html.ElementNode:
		return
	case n.Namespace != "":
		if n.Namespace == "math" {
			c.children(n) // formulas lose their layout, not their letters
		}
		return
	case gone[n.DataAtom]:
		return
	}
	if _, ok := elements[n.DataAtom]; !ok || n.DataAtom == 0 {
		c.children(n)
		return
	}
	start := len(c.out)
	if !c.start(n.DataAtom, n.Attr) {
		c.out = c.out[:start]
		c.children(n)
		return
	}
	if void[n.DataAtom] {
		return
	}
	if n.DataAtom == atom.Pre && n.FirstChild != nil && strings.HasPrefix(n.FirstChild.Data, "\n") {
		c.out = append(c.out, '\n') // a parser drops the first line end
	}
	c.children(n)
	c.out = appendEnd(c.out, n.DataAtom)
}

func (c *cleaner) children(n *html.Node) {
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		c.node(child)
	}
}

// start writes a start tag and reports whether the element is worth having.
func (c *cleaner) start(element atom.Atom, written []html.Attribute) bool {
	c.out = append(c.out, '<')
	c.out = append(c.out, element.String()...)
	var seen [8]string
	n, src, controls := 0, "", false
	allowed := attributes[element]
	for _, a := range written {
		kind := allowed[a.Key]
		if kind == 0 || a.Namespace != "" || n == len(seen) || contains(seen[:n], a.Key) {
			continue
		}
		v, ok := c.value(kind, a.Val)
		if !ok {
			continue
		}
		seen[n] = a.Key
		n++
		switch a.Key {
		case "src", "href":
			src = v
		case "srcset":
			if src == "" {
				src = v
			}
		case "controls":
			controls = true
		}
		c.out = appendAttribute(c.out, a.Key, v)
	}
	switch element {
	case atom.A, atom.Source:
		if src == "" {
			return false
		}
	case atom.Img:
		if src == "" {
			if src = c.lazy(written); src == "" {
				return false
			}
			c.out = appendAttribute(c.out, "src", src)
		}
		if isPixel(written) {
			return false
		}
		if c.image == "" {
			c.image, _, _ = strings.Cut(src, " ")
		}
	case atom.Audio, atom.Video:
		if !controls {
			c.out = appendAttribute(c.out, "controls", "")
		}
	}
	c.out = append(c.out, '>')
	return true
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

// lazy returns the address of an image that a script was to load.
func (c *cleaner) lazy(attributes []html.Attribute) string {
	for _, a := range attributes {
		switch a.Key {
		case "data-src", "data-original", "data-lazy-src", "data-url", "data-lazy", "data-echo":
			if v, ok := c.value(webURL, a.Val); ok {
				return v
			}
		}
	}
	return ""
}

// isPixel reports whether an image is too small to be seen: it counts readers.
func isPixel(attributes []html.Attribute) bool {
	tiny := 0
	for _, a := range attributes {
		if (a.Key == "width" || a.Key == "height") && (a.Val == "0" || a.Val == "1") {
			tiny++
		}
	}
	return tiny == 2
}

func appendAttribute(out []byte, name, value string) []byte {
	out = append(out, ' ')
	out = append(out, name...)
	out = append(out, `="`...)
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '"':
			out = append(out, "&#34;"...)
		case '\r':
		default:
			out = append(out, value[i])
		}
	}
	return append(out, '"')
}

func appendText(out []byte, text string) []byte {
	for {
		i := strings.IndexAny(text, "&<>\r")
		if i < 0 {
			return append(out, text...)
		}
		out = append(out, text[:i]...)
		switch text[i] {
		case '&':
			out = append(out, "&amp;"...)
		case '<':
			out = append(out, "&lt;"...)
		case '>':
			out = append(out, "&gt;"...)
		case '\r': // a parser would read another character
			if i+1 == len(text) || text[i+1] != '\n' {
				out = append(out, '\n')
			}
		}
		text = text[i+1:]
	}
}

func appendEnd(out []byte, element atom.Atom) []byte {
	out = append(out, "</"...)
	out = append(out, element.String()...)
	return append(out, '>')
}

// escaped writes plain text as HTML.
func escaped(text string) string {
	text = strings.TrimSpace(legalOnly(text))
	if !strings.ContainsAny(text, "&<>") {
		return text
	}
	return string(appendText(make([]byte, 0, len(text)+16), text))
}

// bareQuotes undoes the escapes of quotes where none are needed: in the output of the
// guard "<" and ">" stand for nothing but the ends of tags, and values are in double quotes.
func bareQuotes(s []byte) []byte {
	if !strings.Contains(string(s), "&#3") {
		return s
	}
	out, tag := s[:0], false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '<':
			tag = true
		case s[i] == '>':
			tag = false
		case s[i] == '&' && hasPrefix(s[i:], "&#39;"):
			out = append(out, '\'')
			i += len("&#39;") - 1
			continue
		case s[i] == '&' && !tag && hasPrefix(s[i:], "&#34;"):
			out = append(out, '"')
			i += len("&#34;") - 1
			continue
		}
		out = append(out, s[i])
	}
	return out
}

func hasPrefix(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}

// lineFeeds writes line ends as a parser does.
func lineFeeds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return returns.Replace(s)
}

var returns = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// withoutCDATA takes off the marks of CDATA sections, which mean nothing in HTML and
// would hide the text of a feed that wrapped it twice.
func withoutCDATA(s string) string {
	if !strings.Contains(s, "<![CDATA[") {
		return s
	}
	return strings.NewReplacer("<![CDATA[", "", "]]>", "").Replace(s)
}

// Limits of what a parser is given. HTML tells a parser to open formatting elements
// anew in every block that follows them, so that a megabyte of "<p>x" behind 400 open
// ones becomes gigabytes.
const (
	maxNodes  = 500_000 // elements and texts that parsing may make of a fragment
	maxOpen   = 512     // elements that a parser has open at once
	maxRoots  = 16      // "<html>" tags, each of which merges its attributes into the first
	maxTwins  = 3       // equal formatting elements that a parser opens anew (13.2.4.3, "Noah's Ark")
	tagGlance = 256     // bytes of a tag by which two are compared
)

// parsable reports whether parsing a fragment takes bounded time and memory. It takes
// every "<" for a tag, wherever it stands, so that nothing can be hidden from it in what
// only looks like a comment or a script, and no end tag for one: that some may be open
// still is what makes a fragment grow.
func parsable(fragment string) bool {
	different := make(map[string]bool)
	nodes, roots := 0, 0
	for s := (scanner{}); ; {
		i := strings.IndexByte(fragment, '<')
		if i < 0 {
			return true
		}
		fragment = fragment[i:]
		glance := fragment[:min(len(fragment), tagGlance)]
		if len(glance) > 1 && isLetter(glance[1]) {
			if end := s.tag(glance); formatting[s.atom] && s.atom != atom.A { // of links one is open at most
				different[glance[:end]] = true
			}
			if s.atom == atom.Html || s.atom == atom.Body {
				roots++
			}
		}
		nodes += 2 + min(maxTwins*len(different)+1, maxOpen)
		if nodes > maxNodes || roots > maxRoots {
			return false
		}
		fragment = fragment[1:]
	}
}

// formatting holds the elements that HTML opens anew (WHATWG HTML, 13.2.4.3).
var formatting = set(atom.A, atom.B, atom.Big, atom.Code, atom.Em, atom.Font, atom.I, atom.Nobr, atom.S, atom.Small,
	atom.Strike, atom.Strong, atom.Tt, atom.U)
