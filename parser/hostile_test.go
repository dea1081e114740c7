package parser_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"sangam/feed"
	"sangam/parser"
)

// around puts something into the one item of a feed.
func around(s string) string {
	return `<rss version="2.0"><channel><title>T</title><item><guid>1</guid>` + s + `</item></channel></rss>`
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
	}
	return b.String()
}

// hostile are documents made to kill their reader, and the words of the refusal;
// "" = they are read.
var hostile = []struct {
	name    string
	doc     func() string
	refused string
}{
	{"20,000 nested prefixes", func() string { return around(repeat(20_000, `<a xmlns:p%d="u">`)) }, "namespaces in scope"},
	{"20,000 nested prefixes, each used", func() string { return around(repeat(20_000, `<p%[1]d:a xmlns:p%[1]d="u">`)) }, "namespaces in scope"},
	{"5,000 prefixes on one element", func() string { return around("<a " + repeat(5_000, `xmlns:p%d="u" `) + "/>") }, "attributes"},
	{"100,000 attributes on one element", func() string { return around("<a " + repeat(100_000, `a%d="u" `) + "/>") }, "attributes"},
	{"100,000 comments in one element", func() string {
		return around(`<x:y xmlns:x="u">` + repeat(100_000, "a<!-- c -->") + `</x:y><description>` + repeat(100_000, "a<!-- c -->") + `</description>`)
	}, ""},
	{"100,000 CDATA sections in one element", func() string { return around("<description>" + repeat(100_000, "<![CDATA[a]]>") + "</description>") }, ""},
	{"3,000,000 nested elements", func() string { return around(strings.Repeat("<x:y>", 3_000_000)) }, "nested"},
	{"3,000,000 elements side by side", func() string { return around(strings.Repeat("<x:y/>", 3_000_000)) }, ""},
	{"3,000,000 categories", func() string { return around(strings.Repeat("<category>", 3_000_000)) }, ""},
	{"3,000,000 HTML elements in a text", func() string { return around("<description>" + strings.Repeat("<br>", 3_000_000) + "</description>") }, ""},
	{"3,000,000 paragraphs without end", func() string { return around("<description>" + strings.Repeat("<p>x", 3_000_000) + "</description>") }, ""},
	{"100,000 deep in XHTML", func() string {
		return `<feed xmlns="http://www.w3.org/2005/Atom"><entry><content type="xhtml">` + strings.Repeat("<div>", 100_000) + "</content></entry></feed>"
	}, ""},
	{"100,000 deep before the root", func() string { return strings.Repeat("<a>", 100_000) + "<rss>" }, "nested"},
	{"an element of 200 MB", func() string { return around("<description>" + strings.Repeat("x", 200<<20) + "</description>") }, "MiB"},
	{"an element of 31 MB", func() string { return around("<description>" + strings.Repeat("x&amp;", 31<<20/6) + "</description>") }, ""},
	{"31 MB that are not UTF-8", func() string {
		return `<?xml version="1.0" encoding="windows-1252"?>` + around(strings.Repeat("\xe9", 31<<20))
	}, "MiB"},
	{"a billion laughs", func() string {
		doc := `<!DOCTYPE rss [<!ENTITY l0 "` + strings.Repeat("ha", 400) + `">`
		for i := 1; i < 10; i++ {
			doc += fmt.Sprintf(`<!ENTITY l%d "%s">`, i, strings.Repeat(fmt.Sprintf("&l%d;", i-1), 10))
		}
		return doc + "]>" + around("<description>"+strings.Repeat("&l9;&l0;", 500_000)+"</description>")
	}, ""},
	{"100,000 entity declarations", func() string { return "<!DOCTYPE rss [" + repeat(100_000, `<!ENTITY e%d "x">`) + "]>" + around("") }, ""},
	{"1,000,000 items", func() string {
		return around("</item>" + strings.Repeat("<item><title>x</title></item>", 1_000_000) + "<item>")
	}, ""},
	{"10,000 items of 20 elements", func() string {
		return around("</item>" + strings.Repeat("<item>"+repeat(20, `<dc:creator>a%d</dc:creator>`)+"</item>", 10_000) + "<item>")
	}, ""},
	{"10,000 items of 20 elements of the outlet's own", func() string {
		return around("</item>" + strings.Repeat("<item>"+repeat(20, `<own:e%d>a</own:e%[1]d>`)+"</item>", 10_000) + "<item>")
	}, ""},
	{"1,000,000 unended items", func() string { return around(strings.Repeat("<item><x:y><title>", 1_000_000)) }, ""},
	{"5,000,000 end tags of nothing", func() string { return around(strings.Repeat("</x>", 5_000_000)) }, "end tags"},
	{"5,000,000 less-thans", func() string { return around("<description>" + strings.Repeat("<", 5_000_000)) }, ""},
	{"1,000,000 unended tags", func() string { return around("<description>" + strings.Repeat("<a b='", 1_000_000)) }, ""},
	{"1,000,000 unended CDATA sections", func() string { return around("<description>" + strings.Repeat("<![CDATA[", 1_000_000)) }, ""},
	{"1,000,000 unended comments", func() string { return around("<description>" + strings.Repeat("<!--", 1_000_000)) }, ""},
	{"1,000,000 unended references", func() string { return around("<description>" + strings.Repeat("&#", 1_000_000)) }, ""},
	{"1,000,000 instructions", func() string { return strings.Repeat("<?x ", 1_000_000) + around("") }, ""},
	{"a DOCTYPE of 5,000,000 brackets", func() string { return "<!DOCTYPE x " + strings.Repeat("[<!", 5_000_000) + ">" + around("") }, ""},
	{"1,000,000 DOCTYPEs", func() string { return strings.Repeat("<!DOCTYPE x [", 1_000_000) + ">" + around("") }, ""},
	{"JSON 5,000,000 deep", func() string { return `{"version":"jsonfeed","items":` + strings.Repeat("[", 5_000_000) }, ""},
	{"JSON 5,000,000 deep in an unknown member", func() string { return `{"version":"jsonfeed","x":` + strings.Repeat(`{"a":`, 5_000_000) }, ""},
	{"JSON with 1,000,000 items", func() string {
		return `{"version":"jsonfeed","items":[` + strings.Repeat(`{"id":1},`, 1_000_000) + `]}`
	}, ""},
	{"JSON with 1,000,000 tags", func() string {
		return `{"version":"jsonfeed","items":[{"id":1,"tags":[` + strings.Repeat(`"x",`, 1_000_000) + `]}]}`
	}, ""},
	{"JSON of 5,000,000 quotes", func() string { return `{"version":"jsonfeed","items":` + strings.Repeat(`"`, 5_000_000) }, ""},
}

// Every document is refused, or read, in less than a second and 100 MB over its own
// size. Where a second is not what it was elsewhere, since the machine is slow or busy, it is the time
// for two thousand honest feeds.
func TestNoDocumentHurts(t *testing.T) {
	if raceEnabled {
		t.Skip("measures time and memory, which the race detector multiplies; Parse starts no goroutine")
	}
	const usual, mostMemory = time.Second, 100 << 20
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			body := []byte(h.doc())
			peak, took, err := measure(body)
			mostTime := usual
			for again := 0; took > mostTime && again < 2; again++ { // was it the document, or the machine?
				mostTime = max(usual, 2000*honestTime())
				_, more, _ := measure(body)
				took = min(took, more)
			}
			t.Logf("%.1f MB: %v, %d MB; %v", float64(len(body))/1e6, took.Round(time.Millisecond), peak>>20, err)
			if took > mostTime {
				t.Errorf("took %v, may take %v", took, mostTime)
			}
			if peak > mostMemory {
				t.Errorf("took %d MB", peak>>20)
			}
			var e *parser.Error
			switch {
			case h.refused == "" && err != nil:
				t.Errorf("refused: %v", err)
			case h.refused != "" && (!errors.As(err, &e) || !strings.Contains(err.Error(), h.refused)):
				t.Errorf("got %v, want it refused for %q", err, h.refused)
			}
		})
	}
}

// honestTime is the CPU time in which a feed of 47 kB is read.
func honestTime() time.Duration {
	item := "<item><title>A report of some words</title><link>http://zoo.example/%d</link><guid>%[1]d</guid>" +
		"<pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate><description>" + strings.Repeat("Words of a report. ", 72) + "</description></item>"
	body := []byte("<rss version=\"2.0\"><channel><title>T</title>" + repeat(30, item) + "</channel></rss>")
	const times = 100
	start := cpuTime()
	for range times {
		if ch, err := parser.Parse(feed.Document{Body: body, URL: address}); err != nil || len(ch.Entries) != 30 {
			panic(fmt.Sprint("an honest feed: ", err))
		}
	}
	return (cpuTime() - start) / times
}

// measure reads a document and returns the most memory that was held beyond the
// document itself, sampled, and the CPU time of the process, which other processes
// cannot stretch as they do the clock.
func measure(body []byte) (peak uint64, took time.Duration, err error) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	done := make(chan struct{})
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			runtime.ReadMemStats(&now)
			if now.HeapInuse > before.HeapInuse {
				peak = max(peak, now.HeapInuse-before.HeapInuse)
			}
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	start := cpuTime()
	ch, err := parser.Parse(feed.Document{Body: body, URL: address})
	took = cpuTime() - start
	close(done)
	<-sampled
	runtime.KeepAlive(ch)
	return peak, took, err
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A list of thousands is long, but no attack: its items have twelve elements and more.
func TestLongFeedIsReadToItsEnd(t *testing.T) {
	const items = 5000
	item := "<item><title>t</title><link>/l</link><guid>g</guid><pubDate>d</pubDate><description>s</description><author>a</author>" +
		strings.Repeat("<category>c</category>", 6) + "</item>"
	ch, err := parser.Parse(feed.Document{URL: address, Body: []byte("<rss><channel><title>T</title>" + strings.Repeat(item, items) + "</channel></rss>")})
	if err != nil || len(ch.Entries) != items || len(ch.Warnings) > 0 {
		t.Errorf("got %d entries of %d, warnings %q, error %v", len(ch.Entries), items, ch.Warnings, err)
	}
}
