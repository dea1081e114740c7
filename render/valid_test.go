package render_test

import (
	"bytes"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/render"
)

// quirky is a page of one story that brings what validators warn of.
func quirky() render.Page {
	at := time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)
	it := feed.Item{
		Key: "h/1", Source: "h", Link: "https://h.example?a[]=1&b=100%#x#y", Title: "Q&A1 of <b and &copy \ufffdtoday", Published: at, Seen: at, Revised: at,
		Content:    `<p>A film: <video src="https://h.example/f.mp4" controls="" width="3"></video> <bdo dir="rtl">abc</bdo> <ruby><rb>a</rb><rtc><rt>b</rt></rtc></ruby><ruby><b>c<rt>d</rt></b><rtc>e</rtc></ruby></p>`,
		Categories: []string{"R&D 2 <x"}, Language: "en",
		Enclosures: []feed.Enclosure{{URL: "https://under_score.example/a.mp3", Type: "audio/mpeg"}, {URL: "https://h.example?f=a.mp3", Type: "audio/mpeg"}},
	}
	return render.Page{
		View: feed.View{Title: "A&B1"}, Self: "https://s.example/feed.xml", Home: "https://s.example/", Base: "https://s.example/", Updated: at,
		Stories: []feed.Story{{Key: "k", ID: "https://h.example/خبر?x[1]=2", Members: []feed.Item{it}, Order: at, Updated: at}},
		Outlets: map[string]feed.Outlet{"h": {ID: "h", Name: "H&M9 <i", URL: "https://h.example/feed", FeedID: "tag:Nobody,2026:x"}},
	}
}

// TestValidatorsFindNothingInWhatIsQuirky checks what the W3C's feed validator would
// warn of at level AA.
func TestValidatorsFindNothingInWhatIsQuirky(t *testing.T) {
	page := quirky()
	var rss, atom bytes.Buffer
	if err := render.RSS.Write(&rss, page); err != nil {
		t.Fatal(err)
	}
	if err := render.Atom.Write(&atom, page); err != nil {
		t.Fatal(err)
	}
	for name, doc := range map[string]string{"rss": rss.String(), "atom": atom.String()} {
		for _, bad := range []string{"\ufffd", "controls", "&lt;bdo", "&lt;rb", "Nobody"} {
			if strings.Contains(doc, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		// What stands above letters does so only right in the ruby, for who reads by the standard.
		if !strings.Contains(doc, "&lt;ruby&gt;&lt;span&gt;a&lt;/span&gt;&lt;rt&gt;&lt;span&gt;b&lt;/span&gt;&lt;/rt&gt;&lt;/ruby&gt;&lt;ruby&gt;&lt;b&gt;c&lt;span&gt;d&lt;/span&gt;&lt;/b&gt;&lt;rt&gt;e&lt;/rt&gt;&lt;/ruby&gt;") {
			t.Errorf("%s: rubies in another way:\n%s", name, doc)
		}
		if !strings.Contains(doc, `&lt;bdi dir="rtl"&gt;abc&lt;/bdi&gt;`) || !strings.Contains(doc, `&lt;video src="https://h.example/f.mp4" width="3"&gt;`) {
			t.Errorf("%s lost what it should only have written plainer:\n%s", name, doc)
		}
	}
	for line := range strings.Lines(atom.String()) {
		if plain := regexp.MustCompile(`<(title|subtitle|name)>`).MatchString(line); plain && regexp.MustCompile(`&(amp|lt|#38|#60);`).MatchString(line) {
			t.Errorf("markup in question: %s", line)
		}
	}
	// Plain text that might be taken for markup says by its references that it is none.
	for line := range strings.Lines(rss.String()) {
		if plain := regexp.MustCompile(`<(title|category|source)\b`).MatchString(line); plain && regexp.MustCompile(`&(amp|lt|#38|#60);`).MatchString(line) {
			t.Errorf("markup in question: %s", line)
		}
	}
	var got struct {
		Title string `xml:"channel>title"`
		Item  struct {
			Title     string `xml:"title"`
			Link      string `xml:"link"`
			GUID      string `xml:"guid"`
			Category  string `xml:"category"`
			Source    string `xml:"source"`
			Enclosure struct {
				URL string `xml:"url,attr"`
			} `xml:"enclosure"`
			Media []struct {
				URL string `xml:"url,attr"`
			} `xml:"http://search.yahoo.com/mrss/ content"`
		} `xml:"channel>item"`
	}
	if err := xml.Unmarshal(rss.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for _, row := range [][2]string{
		{got.Title, "A&B1"},
		{got.Item.Title, "Q&A1 of <b and &copy today"},
		{got.Item.Link, "https://h.example/?a%5B%5D=1&b=100%25#x%23y"},
		{got.Item.GUID, "https://h.example/%D8%AE%D8%A8%D8%B1?x%5B1%5D=2"},
		{got.Item.Category, "R&D 2 <x"},
		{got.Item.Source, "H&M9 <i"},
		{got.Item.Enclosure.URL, "https://h.example/?f=a.mp3"},
	} {
		if row[0] != row[1] {
			t.Errorf("got %q, want %q", row[0], row[1])
		}
	}
	if len(got.Item.Media) != 1 || got.Item.Media[0].URL != "https://under_score.example/a.mp3" {
		t.Errorf("media: %v", got.Item.Media)
	}
}

// TestAddressesOfIPv6StandWhereTheyMay: in RSS they do not, and a story then leads to its own page.
func TestAddressesOfIPv6StandWhereTheyMay(t *testing.T) {
	page := quirky()
	it := &page.Stories[0].Members[0]
	it.Link, it.Comments, it.Image = "http://[::1]/1", "http://[::1]/2", "http://[::1]/3"
	it.Enclosures = []feed.Enclosure{{URL: "http://[::1]/4.mp3"}}
	page.Outlets["h"] = feed.Outlet{ID: "h", Name: "H", URL: "http://[::1]/5"}
	for format, want := range map[*render.Format]string{render.RSS: "<link>https://s.example/story/k</link>", render.Atom: `href="http://[::1]/4.mp3"`, render.JSON: `"http://[::1]/4.mp3"`} {
		var b bytes.Buffer
		if err := format.Write(&b, page); err != nil {
			t.Fatal(err)
		}
		if doc := b.String(); !strings.Contains(doc, want) || format == render.RSS && regexp.MustCompile(`(?:url="|>)http://\[`).MatchString(doc) {
			t.Errorf("%s is not there, or an address that should not be:\n%s", want, doc)
		}
	}
}

// TestFeedsAreNamedByIDsThatReadersAgreeOn: an outlet's own id stands only where nobody can take it for another.
func TestFeedsAreNamedByIDsThatReadersAgreeOn(t *testing.T) {
	for id, want := range map[string]string{
		"tag:h.example,2026:x":          "tag:h.example,2026:x",
		"http://h.example/cafe%CC%81":   "https://h.example/feed", // decomposed letters
		"http://h.example/%2541":        "https://h.example/feed", // escaped twice
		"http://m\u00fcnchen.example/x": "https://h.example/feed",
	} {
		page := quirky()
		page.Outlets["h"] = feed.Outlet{ID: "h", Name: "H", URL: "https://h.example/feed", FeedID: id}
		var b bytes.Buffer
		if err := render.Atom.Write(&b, page); err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID string `xml:"entry>source>id"`
		}
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil || got.ID != want {
			t.Errorf("%s: %q, %v; want %q", id, got.ID, err, want)
		}
	}
}

// TestLanguagesAreToldByCodesThatReadersHave: XML's readers know ISO 639-1 and 639-2, HTML's all of BCP 47.
func TestLanguagesAreToldByCodesThatReadersHave(t *testing.T) {
	for tag, want := range map[string]string{
		"ur": "ur", "en_GB": "en-GB", "fil": "fil", "sr-Latn": "sr-Latn", "x-mine": "x-mine",
		"cmn-Hans": "zh-Hans", "pnb": "lah", "ckb": "und-Arab", "szl-PL": "und-Latn",
	} {
		page := quirky()
		page.Stories[0].Members[0].Language, page.View.Language = tag, tag
		own := strings.ReplaceAll(tag, "_", "-")
		for format, all := range map[*render.Format][]string{
			render.RSS:  {"<language>" + want + "</language>", `<item xml:lang="` + want + `">`, `lang="` + own + `"&gt;`},
			render.Atom: {`xmlns="http://www.w3.org/2005/Atom" xml:lang="` + want + `"`, `<entry xml:lang="` + want + `">`, `hreflang="` + want + `"`, `lang="` + own + `"&gt;`},
			render.JSON: {`"language": "` + own + `"`},
		} {
			var b bytes.Buffer
			if err := format.Write(&b, page); err != nil {
				t.Fatal(err)
			}
			for _, part := range all {
				if !strings.Contains(b.String(), part) {
					t.Errorf("%s: nowhere %s in\n%.1500s", tag, part, &b)
				}
			}
		}
	}
}

// TestNoEntryIsEmpty: a headline without text is the text, if nothing else is said below it.
func TestNoEntryIsEmpty(t *testing.T) {
	page := quirky()
	page.NoCredits = true
	it := &page.Stories[0].Members[0]
	it.Title, it.Content, it.Language = "Q & A", "", ""
	for format, want := range map[*render.Format]string{
		render.RSS:  "<description>&lt;p&gt;Q &amp;amp; A&lt;/p&gt;</description>",
		render.Atom: `<content type="html">&lt;p&gt;Q &amp;amp; A&lt;/p&gt;</content>`,
		render.JSON: `"content_html": "<p>Q &amp; A</p>"`,
	} {
		var b bytes.Buffer
		if err := format.Write(&b, page); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v, no %s in\n%s", err, want, &b)
		}
	}
}

func TestEntriesOfOneVisitAreNotUpdatedAtOneTime(t *testing.T) {
	page := quirky()
	at := page.Updated.Add(123 * time.Millisecond)
	second := page.Stories[0]
	page.Stories[0].Updated, second.Updated, second.Key, second.ID = at, at, "k2", "https://h.example/2"
	page.Stories = append(page.Stories, second)
	var out bytes.Buffer
	if err := render.Atom.Write(&out, page); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Updated []string `xml:"entry>updated"`
	}
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil || len(got.Updated) != 2 || got.Updated[0] == got.Updated[1] {
		t.Errorf("updated at %q, %v; want two times", got.Updated, err)
	}
}

func TestArchiveWithoutNeighboursIsNotMarkedAsOneOfAChain(t *testing.T) {
	page := quirky()
	page.Current, page.Self = page.Self, "https://s.example/archive/2026-03-14/feed.xml"
	for prev, marked := range map[string]bool{"": false, "https://s.example/archive/2026-03-13/feed.xml": true} {
		page.Prev = prev
		for format, write := range map[string]func(io.Writer, render.Page) error{"rss": render.RSS.Write, "atom": render.Atom.Write} {
			var out bytes.Buffer
			if err := write(&out, page); err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(out.String(), "<fh:archive>"); got != marked || !strings.Contains(out.String(), `rel="current"`) {
				t.Errorf("%s with %q before it: marked %v, want %v, and a link to the current one", format, prev, got, marked)
			}
		}
	}
}

// TestTextsThatLookLikeMarkupStayTexts puts elements and references into every text. A headline is told as it is,
// whatever validators take it for: readers do not agree on Atom's titles of HTML. In the words of the feed itself, and
// in attributes, a sign without width keeps "</b>" from being taken for the end of an element.
func TestTextsThatLookLikeMarkupStayTexts(t *testing.T) {
	page := quirky()
	it := page.Stories[0].Members[0]
	it.Title, it.Authors, it.Categories = "How </b> ends a <b>", []feed.Person{{Name: "<i>Ann</i> O'Hara"}, {Name: "Bo <bo@h.example> of H"}, {Name: "&lt;/i&gt;</i>"}}, []string{"<em>Sea</em> & coast", "R&D"}
	it.Enclosures = []feed.Enclosure{{URL: "https://h.example/a.mp3", Title: "A&B1 </b> AT&T &copy"}}
	page.View.Title, page.View.Description = "River </b>", "Of &copy </p>"
	other := it
	other.Source, other.Link = "q", "https://q.example/1"
	third := it
	third.Source, third.Link = "d", "https://d.example/1"
	page.Stories[0].Members = []feed.Item{it, other, third}
	page.Outlets["q"] = feed.Outlet{ID: "q", Name: "Q&A1"} // which an attribute cannot say is plain
	page.Outlets["d"] = feed.Outlet{ID: "d", Name: "R&D <small>daily</small>"}
	for name, write := range map[string]func(io.Writer, render.Page) error{"rss": render.RSS.Write, "atom": render.Atom.Write, "json": render.JSON.Write} {
		var b bytes.Buffer
		if err := write(&b, page); err != nil {
			t.Fatal(err)
		}
		doc := b.String()
		for _, bad := range []string{"Ann&#x3C;", "Ann<", "Sea&#x3C;", "Sea<", "daily&#x3C;", "daily</s", `title="Q&amp;A1"`} {
			if strings.Contains(doc, bad) {
				t.Errorf("%s holds %s", name, bad)
			}
		}
		for _, want := range map[string][]string{
			"rss":  {"<title>How &#x3C;/b&#x3E; ends a &#x3C;b&#x3E;</title>", "<title>River &#x3C;\u2060/b&#x3E;</title>", "<description>Of &#x26;copy &#x3C;\u2060/p&#x3E;<", "title=\"Q&amp;\u2060A1\"", "<dc:creator>Ann O&#39;Hara, Bo of H, &lt;\u2060/i&gt;<", "<category>Sea &#x26; coast<", `title="R&amp;D daily"`},
			"atom": {"<title>How &#x3C;/b&#x3E; ends a &#x3C;b&#x3E;</title>", "<title>River &#x3C;\u2060/b&#x3E;</title>", "<name>River &#x3C;\u2060/b&#x3E;</name>", "<subtitle>Of &#x26;copy &#x3C;\u2060/p&#x3E;<", "title=\"Q&amp;\u2060A1\"", "title=\"A&amp;\u2060B1 &lt;\u2060/b&gt; AT&amp;T &amp;\u2060copy\"", "<name>Ann O'Hara<", "<name>Bo of H<", "<name>&#x3C;\u2060/i&#x3E;<", `term="Sea &amp; coast"`, `title="R&amp;D daily"`},
			"json": {`"title": "How </b> ends a <b>"`, `"name": "Ann O'Hara"`, `"Sea & coast"`, `"R&D daily"`},
		}[name] {
			if !strings.Contains(doc, want) {
				t.Errorf("%s does not hold %s", name, want)
			}
		}
	}
}

// TestListOfOutletsHasWhatValidatorsKnow: of the elements of OPML 2.0 they do not know docs.
func TestListOfOutletsHasWhatValidatorsKnow(t *testing.T) {
	var b bytes.Buffer
	outlets := []feed.Outlet{{ID: "h", Name: "<i>H</i>", URL: "https://h.example/feed", Language: "pnb"}, {ID: "none", Name: "N"}}
	if err := render.OPML(&b, "Sangam", outlets, time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	want := `<head>
  <title>Sangam</title>
  <dateModified>Sat, 14 Mar 2026 12:00:00 GMT</dateModified>
 </head>
 <body>
  <outline text="H" title="H" type="rss" xmlUrl="https://h.example/feed" language="lah"></outline>
 </body>`
	if !strings.Contains(b.String(), want) {
		t.Errorf("got %s", &b)
	}
}
