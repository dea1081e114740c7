package parser_test

import (
	"fmt"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/parser"
)

// facts flattens a channel: "title" of the feed, "0.title" of the first entry,
// "0.title.kind" and so on; lists are joined by " | ".
func facts(ch feed.Channel) map[string]string {
	f := map[string]string{
		"title": ch.Title, "link": ch.Link, "description": ch.Description, "language": ch.Language, "id": ch.ID,
		"self": ch.Self, "hubs": strings.Join(ch.Hubs, " | "), "image": ch.Image, "updated": ch.UpdatedRaw,
		"authors": people(ch.Authors), "rights": ch.Rights, "generator": ch.Generator,
		"categories": strings.Join(ch.Categories, " | "), "entries": fmt.Sprint(len(ch.Entries)),
		"partial": fmt.Sprint(ch.Partial), "ttl": ch.Pace.TTL.String(), "period": ch.Pace.Period.String(),
		"skip": fmt.Sprint(ch.Pace.SkipHours, ch.Pace.SkipDays),
	}
	for i, e := range ch.Entries {
		text := func(name string, t feed.Text) {
			f[fmt.Sprintf("%d.%s", i, name)] = t.Value
			f[fmt.Sprintf("%d.%s.kind", i, name)] = [...]string{"plain", "html", "guess"}[t.Kind]
			f[fmt.Sprintf("%d.%s.base", i, name)] = t.Base
		}
		text("title", e.Title)
		text("summary", e.Summary)
		text("content", e.Content)
		for k, v := range map[string]string{
			"id": e.ID, "link": e.Link, "via": e.Via, "comments": e.Comments, "authors": people(e.Authors),
			"published": e.Published, "updated": e.Updated, "categories": strings.Join(e.Categories, " | "),
			"image": e.Image, "language": e.Language, "origin": strings.Join([]string{e.Origin.Name, e.Origin.Link, e.Origin.ID}, " | "),
			"credits": strings.Join(e.Credits, " | "),
		} {
			f[fmt.Sprintf("%d.%s", i, k)] = v
		}
		var files []string
		for _, enc := range e.Enclosures {
			files = append(files, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", enc.URL, enc.Type, enc.Length, enc.Title)))
		}
		f[fmt.Sprintf("%d.enclosures", i)] = strings.Join(files, " | ")
		for k, v := range e.Extensions {
			f[fmt.Sprintf("%d.ext.%s", i, k)] = v
		}
	}
	return f
}

func people(list []feed.Person) string {
	var out []string
	for _, p := range list {
		s := p.Name
		if p.Email != "" {
			s += " <" + p.Email + ">"
		}
		if p.URI != "" {
			s += " " + p.URI
		}
		out = append(out, strings.TrimSpace(s))
	}
	return strings.Join(out, " | ")
}

// meaning is a document and what its outlet meant by it.
type meaning struct {
	claim string
	doc   string
	want  []string // name, value, name, value …
}

const address = "http://example.org/dir/feed.xml"

func checkMeanings(t *testing.T, rows []meaning) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.claim, func(t *testing.T) {
			ch, err := parser.Parse(feed.Document{URL: address, Body: []byte(row.doc)})
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			got := facts(ch)
			for i := 0; i < len(row.want); i += 2 {
				if name, want := row.want[i], row.want[i+1]; got[name] != want {
					t.Errorf("%s: got %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

// rss20 is a channel around one item.
func rss20(item string) string {
	return `<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:xhtml="http://www.w3.org/1999/xhtml"
 xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:own="http://own.example/ns"
 xmlns:svg="http://www.w3.org/2000/svg" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><channel><item>` + item + `</item></channel></rss>`
}

// inChannel is a channel without items.
func inChannel(inside string) string {
	return strings.Replace(rss20(""), "<item></item>", inside, 1)
}

// atom10 is a feed around one entry.
func atom10(entry string) string {
	return `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xh="http://www.w3.org/1999/xhtml" xmlns:own="http://own.example/ns"
 xmlns:media="http://search.yahoo.com/mrss/"><entry>` + entry + `</entry></feed>`
}

func inFeed(inside string) string { return strings.Replace(atom10(""), "<entry></entry>", inside, 1) }

func atom03(entry string) string {
	return `<feed version="0.3" xmlns="http://purl.org/atom/ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"><entry>` + entry + `</entry></feed>`
}
