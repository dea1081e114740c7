package parser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"testing"
	"time"

	"github.com/mmcdole/gofeed"

	"sangam/feed"
	"sangam/normalize"
	"sangam/parser"
)

// The words of the benchmark's documents.
var vocabularies = map[string][]string{
	"en": strings.Fields("the council voted late on Tuesday to repair harbour walls after a winter of storms while farmers inland waited for rain that never came and prices rose"),
	"de": strings.Fields("der Stadtrat beschloss am Dienstag nach langer Debatte die Sanierung der Brücken während Händler über höhere Preise klagten und Schüler für größere Räume warben"),
	"ur": strings.Fields("شہر کی کونسل نے منگل کو طویل بحث کے بعد پلوں کی مرمت کا فیصلہ کیا جبکہ تاجروں نے مہنگائی پر تشویش ظاہر کی اور طلبہ نے نئے کمروں کا مطالبہ دہرایا"),
}

// prose is n words in a language; the seed makes each text another.
func prose(lang string, seed, n int) string {
	words := vocabularies[lang]
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words[(seed*31+i*i*7+i*13)%len(words)])
	}
	return b.String()
}

// article is the HTML of an article of about n words.
func article(lang string, seed, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<figure><img src="/img/%d.jpg" alt="%s"/><figcaption>%s</figcaption></figure>`, seed, prose(lang, seed, 4), prose(lang, seed+1, 8))
	for i := 0; i < n; i += 60 {
		fmt.Fprintf(&b, `<p>%s <a href="https://example.org/%s/%d?utm_source=rss&amp;x=%d">%s</a> &ndash; <em>%s</em> &amp; %s.</p>`,
			prose(lang, seed+i, 30), lang, i, seed, prose(lang, i, 3), prose(lang, i+2, 4), prose(lang, seed+i+5, 20))
	}
	return b.String()
}

type sample struct {
	name string
	body []byte
}

// samples are thirty items in each format and language, short and long, 20 to
// 93 kB a document, as news outlets publish them.
func samples() (out []sample) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, lang := range []string{"en", "de", "ur"} {
		for _, words := range []int{60, 240} {
			if lang == "ur" {
				words = words * 2 / 3 // more bytes a word
			}
			add := func(format, head, item, tail string, args func(i int) []any) {
				var b bytes.Buffer
				fmt.Fprintf(&b, head, lang)
				for i := range 30 {
					fmt.Fprintf(&b, item, args(i)...)
				}
				b.WriteString(tail)
				out = append(out, sample{fmt.Sprintf("%s-%s-%d", format, lang, words), b.Bytes()})
			}
			link := func(i int) string { return fmt.Sprintf("https://%s.example/news/%d?maca=%s-rss", lang, 7000+i, lang) }
			at := func(i int) time.Time { return start.Add(-time.Duration(i) * time.Hour) }
			add("rss2", `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>Herald</title><link>https://herald.example/</link><description>News</description><language>%s</language><atom:link href="https://herald.example/rss" rel="self"/><ttl>15</ttl>`,
				`<item><title>%s</title><link>%s</link><guid isPermaLink="false">herald-%d</guid><pubDate>%s</pubDate><dc:creator><![CDATA[%s]]></dc:creator><category>%s</category><category>News</category><media:content url="https://herald.example/%d.jpg" medium="image"/><description>%s</description><content:encoded><![CDATA[%s]]></content:encoded></item>`, `</channel></rss>`,
				func(i int) []any {
					return []any{
						prose(lang, i, 9), html.EscapeString(link(i)), i, at(i).Format(time.RFC1123Z), prose(lang, i, 2), prose(lang, i, 1), i,
						html.EscapeString("<p>" + prose(lang, i, 30) + "</p>"), article(lang, i, words),
					}
				})
			add("atom", `<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="%s"><title>Gazette</title><id>urn:gazette</id><link href="https://gazette.example/"/><link rel="self" href="https://gazette.example/atom"/><updated>2026-03-01T12:00:00Z</updated><author><name>Gazette</name></author>`,
				`<entry><title type="html">%s</title><id>tag:gazette.example,2026:%d</id><link rel="alternate" type="text/html" href="%s"/><published>%s</published><updated>%s</updated><author><name>%s</name></author><category term="%s"/><summary>%s</summary><content type="html">%s</content></entry>`, `</feed>`,
				func(i int) []any {
					return []any{
						prose(lang, i, 9), i, html.EscapeString(link(i)), at(i).Format(time.RFC3339), at(i).Format(time.RFC3339), prose(lang, i, 2),
						prose(lang, i, 1), prose(lang, i, 30), html.EscapeString(article(lang, i, words)),
					}
				})
			add("rss1", `<?xml version="1.0" encoding="UTF-8"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:own="https://own.example/ns"><channel rdf:about="https://courier.example/"><title>Courier</title><link>https://courier.example/</link><description>News</description><dc:language>%s</dc:language></channel>`,
				`<item rdf:about="%s"><title>%s</title><link>%s</link><description>%s</description><dc:date>%s</dc:date><dc:subject>%s</dc:subject><own:contentID>%d</own:contentID><content:encoded>%s</content:encoded></item>`, `</rdf:RDF>`,
				func(i int) []any {
					return []any{
						html.EscapeString(link(i)), prose(lang, i, 9), html.EscapeString(link(i)), prose(lang, i, 35), at(i).Format(time.RFC3339), prose(lang, i, 1), i,
						html.EscapeString(article(lang, i, words)),
					}
				})
			quote := func(s string) string { b, _ := json.Marshal(s); return string(b) }
			add("json", `{"version":"https://jsonfeed.org/version/1.1","title":"Post","home_page_url":"https://post.example/","language":"%s","items":[{"id":"x"}`,
				`,{"id":%s,"url":%s,"title":%s,"summary":%s,"content_html":%s,"date_published":%s,"authors":[{"name":%s}],"tags":[%s]}`, `]}`,
				func(i int) []any {
					return []any{
						quote(fmt.Sprint("post-", i)), quote(link(i)), quote(prose(lang, i, 9)), quote(prose(lang, i, 30)), quote(article(lang, i, words)),
						quote(at(i).Format(time.RFC3339)), quote(prose(lang, i, 2)), quote(prose(lang, i, 1)),
					}
				})
		}
	}
	return out
}

func BenchmarkParse(b *testing.B) {
	all := samples()
	b.ReportAllocs()
	items, size := 0, 0
	for b.Loop() {
		for _, s := range all {
			ch, err := parser.Parse(feed.Document{Body: s.body, URL: address})
			if err != nil {
				b.Fatal(err)
			}
			items += len(ch.Entries)
			size += len(s.body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(items), "ns/item")
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}

// BenchmarkAgainstGofeed reads every sample in turn with gofeed alone, with Parse, and
// with Parse and normalize (cleaned, dated, keyed), and reports the ratios of one run.
func BenchmarkAgainstGofeed(b *testing.B) {
	all := samples()
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var plain, parsed, whole time.Duration
	for b.Loop() {
		for _, s := range all {
			start := time.Now()
			if _, err := gofeed.NewParser().Parse(bytes.NewReader(s.body)); err != nil {
				b.Fatal(err)
			}
			plain += time.Since(start)
			start = time.Now()
			ch, err := parser.Parse(feed.Document{Body: s.body, URL: address})
			if err != nil {
				b.Fatal(err)
			}
			parsed += time.Since(start)
			described := normalize.Channel(ch)
			for _, e := range ch.Entries {
				normalize.Item(e, described, feed.Outlet{ID: "a"}, at)
			}
			whole += time.Since(start)
		}
	}
	documents := float64(b.N * len(all))
	b.ReportMetric(parsed.Seconds()/plain.Seconds(), "parse/gofeed")
	b.ReportMetric(whole.Seconds()/plain.Seconds(), "whole/gofeed")
	b.ReportMetric(plain.Seconds()*1e3/documents, "gofeed-ms/doc")
	b.ReportMetric(parsed.Seconds()*1e3/documents, "parse-ms/doc")
	b.ReportMetric(whole.Seconds()*1e3/documents, "whole-ms/doc")
}

func TestSamplesAreOfTheSizeOfRealFeeds(t *testing.T) {
	for _, s := range samples() {
		if n := len(s.body); n < 18_000 || n > 140_000 {
			t.Errorf("%s has %d bytes", s.name, n)
		}
		ch, err := parser.Parse(feed.Document{Body: s.body, URL: address})
		if err != nil || len(ch.Entries) < 30 {
			t.Fatalf("%s: %d entries, %v", s.name, len(ch.Entries), err)
		}
		for _, e := range ch.Entries[1:] {
			if e.ID == "" || e.Link == "" || e.Title.Value == "" || e.Content.Value == "" || e.Published == "" {
				t.Fatalf("%s: %+v", s.name, e)
			}
		}
	}
}
