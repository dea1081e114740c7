package normalize

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"sangam/feed"
)

// Reader makes items of the entries of one document, in their order, and bounds what
// the document as a whole may cost: where the untidy HTML in it is more work than any
// feed is worth, the rest of that comes out as text without its markup, with one
// warning. The same entries in the same order give the same items. The zero Reader is
// ready for use, by one goroutine.
type Reader struct {
	spent int  // work that parsers have had
	told  bool // that it was too much

	// what a cleaner writes to, kept for the next
	out    []byte
	attrs  []html.Attribute
	frames []frame
}

// Item is the function of that name, within the bounds of the document.
func (r *Reader) Item(e feed.Entry, ch feed.Channel, src feed.Outlet, at time.Time) (feed.Item, []string) {
	var w warnings
	it := r.item(within(e, &w), ch, src, at, &w)
	if r.spent > maxWork && !r.told {
		r.told = true
		w.add("the feed has more untidy HTML than is worth the work; from this item on it comes without its markup")
	}
	return it, w
}

// maxWork bounds the work of parsers for one document, in the units of work: about a
// second. Ten thousand items of fifty elements each, all of them untidy, are below it.
const maxWork = 32_000_000

// What parsing costs, in units of about 40 nanoseconds, found by measuring.
const (
	tagWork       = 16 // of a tag
	attributeWork = 8  // of an attribute; besides, a tag costs one for each open element
)

// affords reports whether there is work left for a parser to read a fragment, and takes
// it. No reader at all affords everything.
func (r *Reader) affords(fragment string) bool {
	if r == nil {
		return true
	}
	if r.spent <= maxWork {
		r.spent += work(fragment)
	}
	return r.spent <= maxWork
}

// work estimates what parsing a fragment costs: a tag makes a parser look through the
// elements that are open, and what could be an attribute is taken for one.
func work(fragment string) int {
	units, open := len(fragment)/tagWork, 0
	for s := (scanner{}); ; {
		i := strings.IndexByte(fragment, '<')
		if i < 0 {
			return units
		}
		fragment = fragment[i:]
		end := strings.IndexByte(fragment[1:], '<') + 1
		if end == 0 {
			end = len(fragment)
		}
		tag := fragment[:end]
		if i := strings.IndexByte(tag, '>'); i >= 0 {
			tag = tag[:i]
		}
		units += tagWork + attributeWork*separators(tag) + open
		if len(tag) > 1 {
			s.tag(tag[:min(len(tag), tagGlance)])
			switch {
			case !beginsTag(tag[1]) || s.kind == markup || void[s.atom] || closesItself[s.atom]:
			case s.kind == startTag:
				open = min(open+1, maxOpen)
			default:
				open = max(open-1, 0)
			}
		}
		fragment = fragment[end:]
	}
}

// closesItself holds the elements that end where their like begins.
var closesItself = set(atom.P, atom.Li, atom.Dt, atom.Dd, atom.Tr, atom.Td, atom.Th, atom.Thead, atom.Tbody, atom.Tfoot, atom.Option)

// separators counts the bytes behind which an attribute may begin.
func separators(tag string) (n int) {
	for i := range len(tag) {
		if c := tag[i]; isSpace(c) || c == '/' || c == '"' || c == '\'' {
			n++
		}
	}
	return n
}

// How much is read of one text, in bytes. The longest articles have some hundred
// kilobytes; a title, a name or a date that is longer than these is none.
const (
	longestText = 2 << 20
	longestLine = 64 << 10
	longestWhen = 1 << 10
)

// within returns an entry of which no text is longer than is read.
func within(e feed.Entry, w *warnings) feed.Entry {
	e.Title.Value = w.cut("title", e.Title.Value, longestLine)
	e.Summary.Value = w.cut("summary", e.Summary.Value, longestText)
	e.Content.Value = w.cut("content", e.Content.Value, longestText)
	e.Published = w.cut("published date", e.Published, longestWhen)
	e.Updated = w.cut("updated date", e.Updated, longestWhen)
	e.Categories = w.cutAll("category", e.Categories)
	e.Credits = w.cutAll("credit", e.Credits)
	e.Origin.Name = w.cut("origin", e.Origin.Name, longestLine)
	for i, p := range e.Authors {
		if len(p.Name) > longestLine || len(p.Email) > longestLine {
			e.Authors = slices.Clone(e.Authors)
			e.Authors[i].Name, e.Authors[i].Email = w.cut("author", p.Name, longestLine), w.cut("author", p.Email, longestLine)
		}
	}
	for i, file := range e.Enclosures {
		if len(file.Title) > longestLine {
			e.Enclosures = slices.Clone(e.Enclosures)
			e.Enclosures[i].Title = w.cut("enclosure's title", file.Title, longestLine)
		}
	}
	return e
}

// cut returns what is read of a text, and warns if that is not all of it.
func (w *warnings) cut(what, text string, most int) string {
	if len(text) <= most {
		return text
	}
	w.add("%s of %d bytes cut to %d", what, len(text), most)
	return strings.ToValidUTF8(text[:most], "")
}

func (w *warnings) cutAll(what string, list []string) []string {
	for i, s := range list {
		if len(s) > longestLine {
			list = slices.Clone(list)
			list[i] = w.cut(what, s, longestLine)
		}
	}
	return list
}
