package parser

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmcdole/gofeed/json"

	"sangam/feed"
)

// The shapes that a member of a JSON Feed (version 1.1) may have.
type shape int

const (
	aText     shape = iota // a string; numbers and booleans are read as their text
	someTexts              // a list of them, or one
	anAuthor               // an object, or a name
	authors                // a list of them, or one
	aHub
	hubs
	anAttachment
	attachments
	anItem
	items
	theFeed
)

// elementOf is the shape of a list's elements; zero for shapes that are no list.
var elementOf = map[shape]shape{someTexts: aText, authors: anAuthor, hubs: aHub, attachments: anAttachment, items: anItem}

// members are those of each object that are read. The rest, and whatever begins
// with "_", is passed over.
var members = map[shape]map[string]shape{
	theFeed: {
		"version": aText, "title": aText, "home_page_url": aText, "feed_url": aText, "description": aText, "icon": aText,
		"favicon": aText, "language": aText, "author": anAuthor, "authors": authors, "hubs": hubs, "items": items,
	},
	anItem: {
		"id": aText, "url": aText, "external_url": aText, "title": aText, "content_html": aText, "content_text": aText,
		"summary": aText, "image": aText, "banner_image": aText, "date_published": aText, "date_modified": aText,
		"author": anAuthor, "authors": authors, "tags": someTexts, "attachments": attachments, "language": aText,
	},
	anAuthor:     {"name": aText, "url": aText},
	aHub:         {"type": aText, "url": aText},
	anAttachment: {"url": aText, "mime_type": aText, "title": aText, "size_in_bytes": aText},
}

// jsonWalker writes an outline of a JSON Feed: the same objects, well-formed, each
// member of the type it should have, each text a number.
type jsonWalker struct {
	text     string
	pos      int
	out      outline
	version  string
	listed   bool // there was a list of items
	children int  // written of the open item
	written  int
}

// readJSON draws the outline and has gofeed read it.
func readJSON(text string, doc feed.Document) (feed.Channel, *outline, *Error) {
	w := &jsonWalker{text: text}
	w.out.base = doc.URL
	w.out.values = []value{{}} // number 0 is no text: gofeed reads sizes as numbers, and 0 as none
	w.value(theFeed)
	if !strings.Contains(lower(w.version), "jsonfeed") && !(w.listed && w.out.items > 0) {
		return feed.Channel{}, nil, wrongKind("a JSON object")
	}
	if w.out.partial {
		w.out.warnings = append(w.out.warnings, "the document ends too early; its last item may be missing")
	}
	f, err := (&json.Parser{}).Parse(bytes.NewReader(w.out.head))
	if err != nil {
		return feed.Channel{}, nil, unforeseen(err)
	}
	return w.out.fromJSON(f), &w.out, nil
}

func (w *jsonWalker) emit(s string) { w.out.head = append(w.out.head, s...) }

func (w *jsonWalker) space() {
	for w.pos < len(w.text) && (space(w.text[w.pos]) || w.text[w.pos] == ',') {
		w.pos++
	}
}

// peek is the next byte that means something; 0 = the document ends, which it must
// not where a value is expected.
func (w *jsonWalker) peek() byte {
	if w.space(); w.pos < len(w.text) {
		return w.text[w.pos]
	}
	w.out.partial = true
	return 0
}

// value reads a value and writes it in the shape it should have. It reports
// whether anything was written.
func (w *jsonWalker) value(s shape) bool {
	c := w.peek()
	one, isList := elementOf[s]
	switch {
	case c == 0 || c == '}' || c == ']':
		return false
	case isList && c == '[':
		w.elements(one)
		return true
	case isList:
		return w.alone(one)
	case s == aText && c != '{' && c != '[':
		return w.scalar()
	case s != aText && c == '{':
		w.object(s)
		return true
	case s == anAuthor && c == '"':
		w.emit(`{"name":`)
		w.scalar()
		w.emit(`}`)
		return true
	}
	w.skip()
	return false
}

// alone reads one value where a list should be: a single tag, a single author.
func (w *jsonWalker) alone(one shape) bool {
	mark := len(w.out.head)
	w.emit("[")
	if !w.value(one) {
		w.out.head = w.out.head[:mark]
		return false
	}
	w.emit("]")
	return true
}

func (w *jsonWalker) elements(one shape) {
	w.pos++
	w.listed = w.listed || one == anItem
	w.emit("[")
	first := true
	for {
		switch c := w.peek(); c {
		case 0:
			w.emit("]")
			return
		case ']':
			w.pos++
			w.emit("]")
			return
		case '}', ':':
			w.pos++ // a stray
			continue
		}
		mark := len(w.out.head)
		if !first {
			w.emit(",")
		}
		if w.full(one) {
			w.skip()
			w.out.head = w.out.head[:mark]
			continue
		}
		written := w.value(one)
		if one == anItem && w.out.partial && written {
			written = false // the cut went through it
			w.out.items--
		}
		if !written {
			w.out.head = w.out.head[:mark]
			if one == anItem && !w.out.partial {
				w.warn("an item that is no object was left out")
			}
			continue
		}
		first = false
	}
}

// full reports whether no more elements of a list are read.
func (w *jsonWalker) full(one shape) bool {
	var what string
	switch {
	case one == anItem && w.out.items >= maxItems:
		what = fmt.Sprintf("more than %d items; the rest is not read", maxItems)
	case one == anItem && w.written >= maxOutline:
		what = fmt.Sprintf("more than %d elements; the items behind item %d are not read", maxOutline, w.out.items)
	case one != anItem && w.children >= maxChildren:
		what = fmt.Sprintf("an item, or the feed itself, has more than %d elements; the rest of them is not read", maxChildren)
	default:
		return false
	}
	w.warn(what)
	return true
}

// warn notes what the operator should know, each thing once.
func (w *jsonWalker) warn(what string) {
	if !slices.Contains(w.out.warnings, what) {
		w.out.warnings = append(w.out.warnings, what)
	}
}

func (w *jsonWalker) object(s shape) {
	w.pos++
	if s == anItem {
		w.out.items++
		w.children = 0
	}
	w.emit("{")
	first := true
	for {
		switch c := w.peek(); {
		case c == 0:
			w.emit("}")
			return
		case c == '}':
			w.pos++
			w.emit("}")
			return
		case c != '"':
			w.pos++ // a stray, or a name without quotes: nothing we read
			continue
		}
		name := lower(w.quoted())
		if w.peek() == ':' {
			w.pos++
		}
		member, known := members[s][name]
		if !known || s != theFeed && w.children >= maxChildren {
			w.skip()
			continue
		}
		mark := len(w.out.head)
		if !first {
			w.emit(",")
		}
		w.emit(`"` + name + `":`)
		at := len(w.out.values)
		if !w.value(member) {
			w.out.head = w.out.head[:mark]
			continue
		}
		first = false
		switch {
		case s == theFeed && name == "version":
			w.version = w.out.values[at].text
		case s == aHub && name == "url":
			w.out.hubs = append(w.out.hubs, w.out.values[at].text)
		}
	}
}

// scalar reads a string, a number or a boolean as a text. It reports false for
// null.
func (w *jsonWalker) scalar() bool {
	var text string
	if w.text[w.pos] == '"' {
		text = w.quoted()
	} else {
		from := w.pos
		for w.pos < len(w.text) && !space(w.text[w.pos]) && strings.IndexByte(`,:{}[]"`, w.text[w.pos]) < 0 {
			w.pos++
		}
		if w.pos == from {
			w.pos++
			return false
		}
		if text = w.text[from:w.pos]; text == "null" {
			return false
		}
	}
	w.children++
	w.written++
	w.out.head = fmt.Appendf(w.out.head, `"%d"`, len(w.out.values))
	w.out.values = append(w.out.values, value{text: strings.TrimSpace(text)})
	return true
}

// quoted reads a string. Line breaks and the like may stand in it; an escape that
// means no character is left out.
func (w *jsonWalker) quoted() string {
	from := w.pos + 1
	end, plain := from, true
	for end < len(w.text) && w.text[end] != '"' {
		if w.text[end] == '\\' {
			plain = false
			end++
		}
		end++
	}
	if end >= len(w.text) {
		w.pos, w.out.partial = len(w.text), true
		return ""
	}
	w.pos = end + 1
	if plain {
		return w.text[from:end]
	}
	return unescape(w.text[from:end])
}

// skip passes over a value of whatever shape.
func (w *jsonWalker) skip() {
	switch w.peek() {
	case 0, '}', ']':
		return
	case '"':
		w.quoted()
		return
	}
	for open := 0; ; {
		switch w.peek() {
		case 0:
			return
		case '"':
			w.quoted()
			continue
		case '{', '[':
			open++
			w.pos++
		case '}', ']':
			if open == 0 {
				return
			}
			open--
			w.pos++
		default:
			w.pos++
			for w.pos < len(w.text) && strings.IndexByte(",{}[]\"", w.text[w.pos]) < 0 {
				w.pos++
			}
		}
		if open == 0 {
			return
		}
	}
}

// unescape reads the escapes of a JSON string (RFC 8259, 7).
func unescape(s string) string {
	var out strings.Builder
	out.Grow(len(s))
	for i := strings.IndexByte(s, '\\'); i >= 0; i = strings.IndexByte(s, '\\') {
		out.WriteString(s[:i])
		s = s[i:]
		if len(s) < 2 {
			return out.String()
		}
		n := 2
		switch s[1] {
		case 'n':
			out.WriteByte('\n')
		case 't':
			out.WriteByte('\t')
		case 'r':
			out.WriteByte('\r')
		case 'b', 'f':
			out.WriteByte(' ')
		case 'u':
			n = unescapeRune(&out, s)
		default:
			out.WriteByte(s[1])
		}
		s = s[n:]
	}
	out.WriteString(s)
	return out.String()
}

// unescapeRune reads \uXXXX, or two of them that are one character.
func unescapeRune(out *strings.Builder, s string) int {
	r, ok := hex4(s)
	if !ok {
		return 2
	}
	if r >= 0xd800 && r < 0xdc00 {
		if low, ok := hex4(s[6:]); ok && low >= 0xdc00 && low < 0xe000 {
			out.WriteRune((r-0xd800)<<10 | (low - 0xdc00) + 0x10000)
			return 12
		}
	}
	if r = allowed(r); r >= 0 {
		out.WriteRune(r)
	}
	return 6
}

func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	r, ok := number("x" + s[2:6])
	return r, ok
}

// fromJSON says what gofeed read in an outline of a JSON Feed.
func (o *outline) fromJSON(f *json.Feed) feed.Channel {
	self := resolve(o.base, o.str(f.FeedURL))
	if o.base == "" {
		o.base = either(self, o.str(f.HomePageURL))
	}
	ch := feed.Channel{
		Title: escape(o.str(f.Title)), Description: escape(o.str(f.Description)), Language: o.str(f.Language),
		Link: o.page(f.HomePageURL), Self: self, Image: either(o.page(f.Icon), o.page(f.Favicon)),
		Authors: o.jsonPeople(f.Author, f.Authors),
	}
	for _, hub := range o.hubs { // gofeed knows none
		ch.Hubs = append(ch.Hubs, resolve(o.base, hub))
	}
	for _, it := range f.Items {
		if it != nil {
			ch.Entries = append(ch.Entries, o.jsonItem(it, ch.Authors))
		}
	}
	return ch
}

func (o *outline) page(ref string) string { return resolve(o.base, o.str(ref)) }

func (o *outline) jsonItem(it *json.Item, inherited []feed.Person) feed.Entry {
	text := func(ref string, kind feed.TextKind) feed.Text {
		if v := o.str(ref); v != "" {
			return feed.Text{Kind: kind, Value: v, Base: o.base}
		}
		return feed.Text{}
	}
	e := feed.Entry{
		ID: o.str(it.ID), Link: o.page(it.URL), Via: o.page(it.ExternalURL),
		Title: text(it.Title, feed.Plain), Summary: text(it.Summary, feed.Plain), Content: text(it.ContentHTML, feed.HTML),
		Authors:   o.jsonPeople(it.Author, it.Authors),
		Published: o.str(it.DatePublished), Updated: o.str(it.DateModified),
		Image: either(o.page(it.Image), o.page(it.BannerImage)), Language: o.str(it.Language),
	}
	if e.Content.Value == "" {
		e.Content = text(it.ContentText, feed.Plain)
	}
	switch {
	case e.Link == "" && e.Via != "":
		e.Link, e.Via = e.Via, ""
	case e.Link == "" && isWeb(e.ID):
		e.Link = e.ID
	}
	if len(e.Authors) == 0 {
		e.Authors = inherited
	}
	for _, tag := range it.Tags {
		e.Categories = words(e.Categories, []string{o.str(tag)})
	}
	if it.Attachments != nil {
		for _, a := range *it.Attachments {
			e.Enclosures = enclose(e.Enclosures, feed.Enclosure{
				URL: o.page(a.URL), Type: o.str(a.MimeType), Title: o.str(a.Title), Length: size(o.str(strconv.FormatInt(a.SizeInBytes, 10))),
			})
		}
	}
	return e
}

func (o *outline) jsonPeople(one *json.Author, many []*json.Author) (out []feed.Person) {
	if one != nil {
		many = append(many, one)
	}
	for _, a := range many {
		if a != nil {
			out = addPerson(out, feed.Person{Name: o.str(a.Name), URI: o.page(a.URL)})
		}
	}
	return out
}
