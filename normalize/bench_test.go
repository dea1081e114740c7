package normalize_test

import (
	"strings"
	"testing"

	"sangam/feed"
	"sangam/normalize"
)

// article is five hundred words as outlets mark them up: paragraphs, a few links, an
// image with its caption.
var article = func() string {
	urdu := "<p>دارالحکومت میں آج صبح سے ہونے والی تیز بارش کے بعد نشیبی علاقوں میں پانی جمع ہو گیا اور ٹریفک کی روانی متاثر رہی، حکام نے شہریوں سے غیر ضروری سفر نہ کرنے کی اپیل کی ہے۔ " +
		`<a href="https://gazette.example/ur/rain?utm_source=rss&amp;id=7">مزید پڑھیے</a> <strong>محکمۂ موسمیات</strong></p>` + "\n"
	english := "<p>Heavy rain since the early morning has flooded low-lying parts of the capital &mdash; traffic moved slowly, and the authorities asked people not to travel unless they must. " +
		`See <a href="/weather/rain" class="more" target="_blank">what's known so far</a>.</p>` + "\n"
	return `<figure><img src="https://gazette.example/i/rain.jpg" alt="Rain" width="1200" height="800" class="wide"/><figcaption>Rain &amp; wind</figcaption></figure>` +
		strings.Repeat(urdu, 6) + "<h2>Details</h2>" + strings.Repeat(english, 6) + "<ul><li>one</li><li>two <em>three</em></li></ul>"
}()

func BenchmarkHTML(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"article", article},
		{"clean", normalize.HTML(article, base)},
		{"untidy", strings.ReplaceAll(article, "</p>", "")},
		{"text", "Heavy rain since the early morning has flooded low-lying parts of the capital & traffic moved slowly."},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.in)))
			b.ReportAllocs()
			for b.Loop() {
				normalize.HTML(c.in, base)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	b.SetBytes(int64(len(article)))
	b.ReportAllocs()
	for b.Loop() {
		normalize.Text(article)
	}
}

func BenchmarkURL(b *testing.B) {
	for _, c := range []struct{ name, in string }{
		{"plain", "https://www.gazette.example/world/2026/05/rain-in-lahore/a-12345678?maca=urd-rss-urd-all-1497-rdf"},
		{"urdu", "https://www.gazette.example/ur/لاہور-میں-بارش/a-12345678"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				normalize.URL(c.in)
			}
		})
	}
}

func BenchmarkTime(b *testing.B) {
	for _, raw := range []string{"Thu, 01 Jan 2004 19:48:21 GMT", "2003-12-31T10:14:55-08:00", "جمعرات، ۱ جنوری ۲۰۰۴ ۱۹:۴۸:۲۱ PKT"} {
		b.Run(raw[:3], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				normalize.Time(raw)
			}
		})
	}
}

func BenchmarkItem(b *testing.B) {
	e := feed.Entry{
		ID: "https://gazette.example/?p=1", Link: "https://gazette.example/world/rain-in-lahore/?utm_source=rss", Published: "Thu, 30 Apr 2026 10:00:00 +0500",
		Title:      feed.Text{Kind: feed.Guess, Value: "لاہور میں بارش &#8211; ٹریفک متاثر"},
		Summary:    feed.Text{Kind: feed.Guess, Value: "Heavy rain since the early morning has flooded low-lying parts of the capital."},
		Content:    feed.Text{Kind: feed.HTML, Value: article, Base: "https://gazette.example/world/rain-in-lahore/"},
		Authors:    []feed.Person{{Name: "Asma Khan"}},
		Categories: []string{"World", "Weather"},
	}
	b.SetBytes(int64(len(article)))
	b.ReportAllocs()
	for b.Loop() {
		normalize.Item(e, feed.Channel{Language: "ur"}, feed.Outlet{ID: "gazette"}, visit)
	}
}
