package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"sangam/feed"
)

type opml struct {
	XMLName xml.Name `xml:"opml"`
	Version string   `xml:"version,attr"`
	Head    struct {
		Title   string `xml:"title"`
		Created string `xml:"dateModified,omitempty"`
	} `xml:"head"`
	Outlines []opmlOutline `xml:"body>outline"`
}

type opmlOutline struct {
	Text     string `xml:"text,attr"`
	Title    string `xml:"title,attr"`
	Type     string `xml:"type,attr"`
	Feed     string `xml:"xmlUrl,attr"`
	Site     string `xml:"htmlUrl,attr,omitempty"`
	Language string `xml:"language,attr,omitempty"`
	Category string `xml:"category,attr,omitempty"`
}

// OPML writes the outlets as a subscription list (OPML 2.0). An outlet without an
// address that can be told is left out. A zero time is not written.
func OPML(w io.Writer, title string, outlets []feed.Outlet, modified time.Time) error {
	doc := opml{Version: "2.0"}
	doc.Head.Title = label(title)
	doc.Head.Created = rfc822(modified)
	for _, o := range outlets {
		address := uri(o.URL)
		if address == "" {
			continue
		}
		var cs []string
		for _, c := range o.Categories {
			cs = append(cs, strings.NewReplacer(",", " ", "/", " ").Replace(label(c)))
		}
		name := outletOf(map[string]feed.Outlet{o.ID: o}, o.ID).Name
		doc.Outlines = append(doc.Outlines, opmlOutline{
			Text: name, Title: name, Type: "rss", Feed: address, Site: uri(o.Site),
			Language: known(languageTag(o.Language)), Category: strings.Join(cs, ","),
		})
	}
	if err := writeXML(w, doc, ""); err != nil {
		return fmt.Errorf("writing the document: %w", err)
	}
	return nil
}
