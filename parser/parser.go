// Package parser turns any document into what its outlet meant.
//
// It reads structure only: which text is the title of which item, of what kind,
// in what language and against which base. Cleaning HTML, reading dates and
// comparing items belong to normalize. It knows gofeed and charsets, and nothing
// of HTTP, clocks or the store.
//
// A document goes through four hands:
//
//	bytes ─► toUTF8 ─► draw ─► gofeed ─► Channel
//
// toUTF8 finds the charset. draw is a scanner of our own that no document can break
// or hurt: it refuses what is beyond the limits, repairs the rest, and hands on an
// outline in which every text is a number. gofeed reads the outline, so it never
// meets a stranger's bytes, and what it says of the numbers is translated back. JSON
// Feed takes the same road.
//
// Every text of the feed itself (title, description, rights) comes out as a fragment
// of HTML; those of entries say of what kind they are.
package parser

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mmcdole/gofeed/atom"
	"github.com/mmcdole/gofeed/rss"

	"sangam/feed"
	"sangam/internal/breath"
)

// Error says that a document gave no feed, what it was instead, and where that
// was seen.
type Error struct {
	Trouble feed.Trouble // feed.NotAFeed or feed.Unreadable
	What    string       // "an HTML page", "elements nested more than 256 deep"
	Where   string       // "line 12, column 5"; "" = the document as a whole
}

func (e *Error) Error() string {
	if e.Where == "" {
		return e.What
	}
	return e.What + " at " + e.Where
}

func wrongKind(what string) *Error {
	return &Error{Trouble: feed.NotAFeed, What: what + ", not a feed"}
}

// Parse reads a document: RSS of any version, Atom 0.3 and 1.0, CDF, JSON Feed. It
// takes less than a second and 100 MB for any document, and the error is always an
// *Error. A feed without items is no error; a document that is no feed is.
//
// Entries are in the order of the document. Addresses are absolute if doc.URL is,
// or the document says where it is; ids are as sent. What was repaired is in
// Warnings.
func Parse(doc feed.Document) (feed.Channel, error) {
	ch, err := parse(doc)
	if err != nil {
		return feed.Channel{}, err
	}
	return ch, nil
}

func parse(doc feed.Document) (feed.Channel, *Error) {
	if len(doc.Body) > maxDocument {
		return feed.Channel{}, tooLarge(len(doc.Body))
	}
	text, warnings, err := toUTF8(doc.Body, doc.ContentType)
	if err != nil {
		return feed.Channel{}, err
	}
	var out *outline
	var ch feed.Channel
	switch start := strings.TrimLeft(text, " \t\r\n"); {
	case start == "":
		return ch, wrongKind("an empty document")
	case start[0] == '{':
		ch, out, err = readJSON(text, doc)
	case start[0] == '[':
		return ch, wrongKind("a JSON list")
	default:
		ch, out, err = readXML(text, doc)
	}
	if err != nil {
		return feed.Channel{}, err
	}
	ch.Partial = out.partial
	ch.Warnings = append(warnings, out.warnings...)
	return ch, nil
}

// readXML draws the outline and has gofeed read it, part by part.
func readXML(text string, doc feed.Document) (ch feed.Channel, out *outline, err *Error) {
	if out, err = draw(text, doc); err != nil {
		return ch, nil, err
	}
	if ch, err = out.describe(); err != nil {
		return ch, nil, err
	}
	if doc.URL == "" && isWeb(ch.Link) {
		out.home = ch.Link
		ch.Image = resolve(out.home, ch.Image)
	}
	var air breath.Breath
	for _, part := range out.parts {
		air.Take()
		if ch.Entries, err = out.entries(ch.Entries, part); err != nil {
			return ch, nil, err
		}
	}
	return ch, out, nil
}

// describe has gofeed read what describes the feed.
func (o *outline) describe() (feed.Channel, *Error) {
	if o.atom {
		f, err := o.readAtom(o.head)
		if err != nil {
			return feed.Channel{}, err
		}
		return o.fromAtom(f), nil
	}
	f, err := o.readRSS(o.head)
	if err != nil {
		return feed.Channel{}, err
	}
	return o.fromRSS(f), nil
}

// entries appends some of the items, which it has gofeed read.
func (o *outline) entries(all []feed.Entry, part []byte) ([]feed.Entry, *Error) {
	if o.atom {
		f, err := o.readAtom(part)
		if err != nil {
			return nil, err
		}
		all = slices.Grow(all, len(f.Entries))
		for _, it := range f.Entries {
			all = append(all, o.atomEntry(it, o.asidesOf(len(all))))
		}
		return all, nil
	}
	f, err := o.readRSS(part)
	if err != nil {
		return nil, err
	}
	all = slices.Grow(all, len(f.Items))
	for _, it := range f.Items {
		all = append(all, o.rssItem(it, o.asidesOf(len(all))))
	}
	return all, nil
}

func (o *outline) readAtom(xml []byte) (*atom.Feed, *Error) {
	f, err := (&atom.Parser{}).Parse(enclosedBy("<feed>", xml, "</feed>"))
	if err != nil {
		return nil, unforeseen(err)
	}
	return f, nil
}

func (o *outline) readRSS(xml []byte) (*rss.Feed, *Error) {
	f, err := (&rss.Parser{}).Parse(enclosedBy("<rss><channel>", xml, "</channel></rss>"))
	if err != nil {
		return nil, unforeseen(err)
	}
	return f, nil
}

func enclosedBy(open string, xml []byte, shut string) io.Reader {
	return io.MultiReader(strings.NewReader(open), bytes.NewReader(xml), strings.NewReader(shut))
}

// unforeseen is what gofeed says of an outline, which is well-formed by
// construction: a bug of ours, and still only one feed's trouble.
func unforeseen(err error) *Error {
	return &Error{Trouble: feed.Unreadable, What: fmt.Sprintf("a feed that gofeed refuses: %v", err)}
}
