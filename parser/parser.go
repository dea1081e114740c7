// Package parser turns any document into what its outlet meant.
//
// It reads structure only: which text is the title of which item, of what kind,
// in what language and against which base. Cleaning HTML, reading dates and
// comparing items belong to normalize. It knows gofeed and charsets, and nothing
// of HTTP, clocks or the store.
package parser

import (
	"bytes"

	"github.com/mmcdole/gofeed"

	"sangam/feed"
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

// Parse reads a document. The error is always an *Error.
func Parse(doc feed.Document) (feed.Channel, error) {
	f, err := gofeed.NewParser().Parse(bytes.NewReader(doc.Body))
	if err != nil {
		return feed.Channel{}, &Error{Trouble: feed.NotAFeed, What: err.Error()}
	}
	ch := feed.Channel{Title: f.Title, Link: f.Link, Description: f.Description, Language: f.Language, Self: f.FeedLink}
	for _, it := range f.Items {
		e := feed.Entry{
			ID: it.GUID, Link: it.Link, Published: it.Published, Updated: it.Updated, Categories: it.Categories,
			Title:   feed.Text{Kind: feed.Guess, Value: it.Title, Base: doc.URL},
			Summary: feed.Text{Kind: feed.Guess, Value: it.Description, Base: doc.URL},
			Content: feed.Text{Kind: feed.HTML, Value: it.Content, Base: doc.URL},
		}
		for _, a := range it.Authors {
			e.Authors = append(e.Authors, feed.Person{Name: a.Name, Email: a.Email})
		}
		for _, x := range it.Enclosures {
			e.Enclosures = append(e.Enclosures, feed.Enclosure{URL: x.URL, Type: x.Type})
		}
		ch.Entries = append(ch.Entries, e)
	}
	return ch, nil
}
