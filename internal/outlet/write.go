package outlet

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// render writes the feed in the outlet's format.
func (o *Outlet) render() []byte {
	items := o.items[:min(len(o.items), o.opts.Limit)]
	switch o.opts.Format {
	case RSS1:
		return o.rss1(items)
	case Atom:
		return o.atom(items)
	case JSON:
		return o.json(items)
	default:
		return o.rss2(items)
	}
}

// document is XML being written.
type document struct{ bytes.Buffer }

// line writes a format whose %s are escaped.
func (d *document) line(format string, values ...string) {
	escaped := make([]any, len(values))
	for i, value := range values {
		escaped[i] = escape(value)
	}
	fmt.Fprintf(d, format+"\n", escaped...)
}

// maybe is line, if the last value is not empty.
func (d *document) maybe(format string, values ...string) {
	if values[len(values)-1] != "" {
		d.line(format, values...)
	}
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// cdata wraps HTML, which must not end the section by itself.
func cdata(html string) string {
	return "<![CDATA[" + strings.ReplaceAll(html, "]]>", "]]]]><![CDATA[>") + "]]>"
}

func (o *Outlet) rss2(items []Item) []byte {
	var d document
	d.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	d.line(`<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" ` +
		`xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/">`)
	d.line(`<channel><title>%s</title><link>%s/</link><description>%s</description>`, o.opts.Title, o.base, o.opts.Description)
	d.line(`<atom:link rel="self" type="application/rss+xml" href="%s"/>`, o.Feed())
	d.maybe(`<language>%s</language>`, o.opts.Language)
	d.maybe(`<copyright>%s</copyright>`, o.opts.Copyright)
	d.line(`<lastBuildDate>%s</lastBuildDate>`, o.changed.UTC().Format(time.RFC1123Z))
	if o.opts.TTL > 0 {
		d.line(`<ttl>%s</ttl>`, fmt.Sprint(o.opts.TTL))
	}
	for _, it := range items {
		d.line(`<item><title>%s</title><link>%s</link>`, it.Title, it.Link+o.opts.Tail)
		d.line(`<guid isPermaLink="false">%s</guid><pubDate>%s</pubDate>`, it.ID, it.Published.UTC().Format(time.RFC1123Z))
		d.maybe(`<dc:creator>%s</dc:creator>`, it.Author)
		d.maybe(`<category>%s</category>`, it.Section)
		d.maybe(`<description>%s</description>`, it.Summary)
		d.maybe(`<source url="%[2]s">%[1]s</source>`, it.Source[0], it.Source[1])
		d.maybe(`<media:content medium="image" url="%s"/>`, it.Image)
		if it.Content != "" {
			fmt.Fprintf(&d, "<content:encoded>%s</content:encoded>\n", cdata(it.Content))
		}
		d.line(`</item>`)
	}
	d.line("</channel></rss>")
	return d.Bytes()
}

func (o *Outlet) rss1(items []Item) []byte {
	var d document
	d.line(`<?xml version="1.0" encoding="UTF-8"?>`)
	d.line(`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" ` +
		`xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" ` +
		`xmlns:dwsyn="http://rss.dw.com/syndication/dwsyn/">`)
	d.line(`<channel rdf:about="%s/"><title>%s</title><link>%s/</link><description>%s</description>`, o.base, o.opts.Title, o.base, o.opts.Description)
	d.maybe(`<dc:language>%s</dc:language>`, o.opts.Language)
	d.maybe(`<dc:rights>%s</dc:rights>`, o.opts.Copyright)
	d.line(`<dc:date>%s</dc:date>`, o.changed.UTC().Format(time.RFC3339))
	d.maybe(`<sy:updatePeriod>%s</sy:updatePeriod><sy:updateFequency>1</sy:updateFequency>`, o.opts.Period)
	d.line(`<items><rdf:Seq>`)
	for _, it := range items {
		d.line(`<rdf:li rdf:resource="%s"/>`, it.Link)
	}
	d.line(`</rdf:Seq></items></channel>`)
	for _, it := range items {
		d.line(`<item rdf:about="%s"><title>%s</title><link>%s</link>`, it.Link, it.Title, it.Link+o.opts.Tail)
		d.maybe(`<description>%s</description>`, it.Summary)
		d.line(`<dc:date>%s</dc:date>`, it.Published.UTC().Format(time.RFC3339))
		language := it.Language
		if language == "" {
			language = o.opts.Language
		}
		d.maybe(`<dc:language>%s</dc:language>`, language)
		d.maybe(`<dc:subject>%s</dc:subject>`, it.Section)
		d.maybe(`<dc:creator>%s</dc:creator>`, it.Author)
		d.line(`<dwsyn:contentID>%s</dwsyn:contentID></item>`, it.ContentID)
	}
	d.line("</rdf:RDF>")
	return d.Bytes()
}

func (o *Outlet) atom(items []Item) []byte {
	var d document
	d.line(`<?xml version="1.0" encoding="utf-8"?>`)
	d.line(`<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="%s">`, o.opts.Language)
	d.line(`<id>%s/</id><title>%s</title><updated>%s</updated>`, o.base, o.opts.Title, o.changed.UTC().Format(time.RFC3339))
	d.line(`<link rel="self" type="application/atom+xml" href="%s"/><link rel="alternate" type="text/html" href="%s/"/>`, o.Feed(), o.base)
	d.maybe(`<subtitle>%s</subtitle>`, o.opts.Description)
	d.maybe(`<rights>%s</rights>`, o.opts.Copyright)
	for _, it := range items {
		updated := it.Updated
		if updated.IsZero() {
			updated = it.Published
		}
		d.line(`<entry><id>%s</id><title>%s</title><link rel="alternate" type="text/html" href="%s"/>`, atomID(it.ID), it.Title, it.Link+o.opts.Tail)
		d.line(`<published>%s</published><updated>%s</updated>`, it.Published.UTC().Format(time.RFC3339), updated.UTC().Format(time.RFC3339))
		author := it.Author
		if author == "" {
			author = o.opts.Title
		}
		d.line(`<author><name>%s</name></author>`, author)
		d.maybe(`<category term="%s"/>`, it.Section)
		d.maybe(`<summary type="html">%s</summary>`, it.Summary)
		d.maybe(`<content type="html">%s</content>`, it.Content)
		if it.Source[0] != "" {
			d.line(`<source><id>%[2]s</id><title>%[1]s</title><link rel="self" href="%[2]s"/></source>`, it.Source[0], it.Source[1])
		}
		d.line(`</entry>`)
	}
	d.line("</feed>")
	return d.Bytes()
}

// atomID makes an IRI of ids that are none (RFC 4287, 4.2.6).
func atomID(id string) string {
	if strings.Contains(id, ":") {
		return id
	}
	return "urn:outlet:" + id
}

func (o *Outlet) json(items []Item) []byte {
	type author struct {
		Name string `json:"name"`
	}
	type item struct {
		ID        string     `json:"id"`
		URL       string     `json:"url"`
		Title     string     `json:"title,omitempty"`
		Summary   string     `json:"summary,omitempty"`
		HTML      string     `json:"content_html"`
		Image     string     `json:"image,omitempty"`
		Published time.Time  `json:"date_published"`
		Modified  *time.Time `json:"date_modified,omitempty"`
		Authors   []author   `json:"authors,omitempty"`
		Tags      []string   `json:"tags,omitempty"`
		Language  string     `json:"language,omitempty"`
	}
	feed := struct {
		Version     string `json:"version"`
		Title       string `json:"title"`
		Home        string `json:"home_page_url"`
		Feed        string `json:"feed_url"`
		Description string `json:"description,omitempty"`
		Language    string `json:"language,omitempty"`
		Items       []item `json:"items"`
	}{"https://jsonfeed.org/version/1.1", o.opts.Title, o.base + "/", o.Feed(), o.opts.Description, o.opts.Language, []item{}}
	for _, it := range items {
		out := item{ID: it.ID, URL: it.Link + o.opts.Tail, Title: it.Title, HTML: it.Content, Image: it.Image, Published: it.Published.UTC(), Language: it.Language}
		if it.Content == "" {
			out.HTML = it.Summary
		} else {
			out.Summary = it.Summary
		}
		if it.Author != "" {
			out.Authors = []author{{it.Author}}
		}
		if it.Section != "" {
			out.Tags = []string{it.Section}
		}
		if !it.Updated.IsZero() {
			updated := it.Updated.UTC()
			out.Modified = &updated
		}
		feed.Items = append(feed.Items, out)
	}
	body, err := json.MarshalIndent(feed, "", " ")
	if err != nil {
		panic(err) // strings and times always marshal
	}
	return body
}
