package render_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sangam/feed"
	"sangam/render"
)

var noon = time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC)

// page is a document with one story that two outlets carried.
func page() render.Page {
	item := func(source, title, lang string, dir feed.Direction) feed.Item {
		return feed.Item{
			Key: source + "/1", Source: source, Link: "https://" + source + ".example/1", Title: title, Language: lang, Direction: dir,
			Summary: "<p>In short.</p>", Content: `<p>At length: <a href="https://a.example/?x=1&amp;y=2">more</a> ]]&gt;</p>`,
			Published: noon, Seen: noon, Revised: noon, Categories: []string{"harbour", "Harbour", "ships"},
			Authors:    []feed.Person{{Name: "A. Writer", URI: "https://a.example/"}},
			Enclosures: []feed.Enclosure{{URL: "https://a.example/a.mp3", Length: 123}, {URL: "https://a.example/b.pdf", Type: "application/pdf"}},
			Image:      "https://a.example/i.jpg", Comments: "https://a.example/c",
		}
	}
	return render.Page{
		View: feed.View{Title: "Town", Description: "All news", Language: "en"}, Base: "https://n.example/", Home: "https://n.example/", Self: "https://n.example/feed",
		Updated: noon, Hubs: []string{"https://hub.example/"}, TTL: 15 * time.Minute, Icon: "https://n.example/i.png", Prev: "https://n.example/archive/2026-03-13/feed",
		Outlets: map[string]feed.Outlet{
			"herald": {ID: "herald", Name: "Herald", Site: "https://herald.example/", URL: "https://herald.example/feed", Language: "en", Categories: []string{"sea"}, Priority: 5},
			"darya":  {ID: "darya", Name: "دریا", Site: "https://darya.example/", URL: "https://darya.example/feed", Language: "ur", Categories: []string{"world"}},
		},
		Stories: []feed.Story{{
			Key: "s1", ID: "tag:herald.example,2026:1", Order: noon, Updated: noon, Seq: 7,
			Members: []feed.Item{item("herald", "Ropes & <i>cranes</i>", "en", feed.LeftToRight), item("darya", "رسیاں", "ur", feed.RightToLeft)},
		}},
	}
}

var formats = map[string]func(io.Writer, render.Page) error{"RSS": render.RSS.Write, "Atom": render.Atom.Write, "JSON": render.JSON.Write}

func made(t *testing.T, format string, p render.Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := formats[format](&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEveryFormatNamesEveryOutlet(t *testing.T) {
	for format, want := range map[string][]string{
		"RSS": {
			`<source url="https://herald.example/feed">Herald</source>`, `rel="related" type="text/html" href="https://darya.example/1" title="دریا"`,
			`rel="hub" href="https://hub.example/"`, `rel="prev-archive"`, `<guid isPermaLink="false">tag:herald.example,2026:1</guid>`,
			`<dc:creator>A. Writer</dc:creator>`, `<enclosure url="https://a.example/a.mp3" length="123" type="audio/mpeg">`, `<media:content url="https://a.example/b.pdf"`,
			`<ttl>15</ttl>`, `<category>ships</category>`, `<comments>https://a.example/c</comments>`, `<pubDate>Sat, 14 Mar 2026 12:00:00 GMT</pubDate>`,
		},
		"Atom": {
			`<id>https://herald.example/feed</id>`, `<title>Herald</title>`, `<link rel="alternate" type="text/html" href="https://herald.example/">`,
			`rel="related" type="text/html" href="https://darya.example/1" title="دریا"`, `rel="enclosure"`, `<entry xml:lang="en">`, `<name>A. Writer</name>`,
		},
		"JSON": {`"name": "Herald"`, `"name": "دریا"`, `"story": "https://n.example/story/s1"`, `"next_url": "https://n.example/archive/2026-03-13/feed"`, `"type": "WebSub"`},
	} {
		got := made(t, format, page())
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not say %s:\n%s", format, w, got)
			}
		}
		for _, line := range []string{"Herald", "دریا"} { // most readers show nothing but the content
			if !strings.Contains(got, line) {
				t.Errorf("%s: the content does not name %s", format, line)
			}
		}
		silent := page()
		silent.NoCredits = true
		if strings.Contains(made(t, format, silent), "bdi") {
			t.Errorf("%s: the line of outlets cannot be switched off", format)
		}
		if again := made(t, format, page()); again != got {
			t.Errorf("%s: the same stories gave other bytes", format)
		}
	}
}

func TestFeedOfOneCategoryShowsItsOwnOutletsCopy(t *testing.T) {
	p := page()
	for _, row := range []struct {
		query feed.Query
		want  int
	}{
		{feed.Query{}, 0},
		{feed.Query{Sources: []string{"darya"}}, 1},
		{feed.Query{Categories: []string{"world"}}, 1},
		{feed.Query{Categories: []string{"world", "sea"}}, 0},
		{feed.Query{Languages: []string{"UR"}}, 1},
		{feed.Query{Languages: []string{"u"}}, 0},
		{feed.Query{Sources: []string{"nobody"}}, 0},
	} {
		if got := render.Shown(&p.Stories[0], row.query, p.Outlets); got != row.want {
			t.Errorf("%+v shows copy %d, want %d", row.query, got, row.want)
		}
	}
	p.View.Query.Sources = []string{"darya"}
	got := made(t, "Atom", p)
	for _, want := range []string{"<title>رسیاں</title>", `<id>tag:herald.example,2026:1</id>`, `rel="via" type="text/html" href="https://herald.example/1"`, `xml:lang="ur"`, `dir="rtl" lang="ur"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the feed of another outlet does not say %s:\n%s", want, got)
		}
	}
}

func TestAtomPassesTheGrammar(t *testing.T) {
	jing, err := exec.LookPath("jing")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("jing is not on this machine")
	}
	files := []string{"-c", filepath.Join("testdata", "atom.rnc")}
	keep := func(name string, p render.Page) {
		path := filepath.Join(t.TempDir(), name+".xml")
		if err := os.WriteFile(path, []byte(made(t, "Atom", p)), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	keep("full", page())
	empty := page()
	empty.Stories = nil
	keep("empty", empty)
	archive := page()
	archive.Current, archive.Next, archive.View.Language = "https://n.example/atom.xml", "https://n.example/archive/2026-03-15/atom.xml", ""
	keep("archive", archive)
	bare := page()
	bare.Outlets, bare.Stories[0].Members = nil, []feed.Item{{Source: "who", Seen: noon}}
	keep("bare", bare)
	if out, err := exec.CommandContext(t.Context(), jing, files...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestJSONKeepsToVersionOnePointOne(t *testing.T) {
	bare := page()
	bare.Stories = append(bare.Stories, feed.Story{Key: "b", ID: "urn:b", Members: []feed.Item{{Source: "who", Seen: noon}}}, feed.Story{Key: "no members"})
	dec := json.NewDecoder(strings.NewReader(made(t, "JSON", bare)))
	dec.DisallowUnknownFields()
	type author struct{ Name, URL, Avatar string }
	var doc struct {
		Version, Title, Home_page_url, Feed_url, Description, User_comment, Next_url, Icon, Favicon, Language string
		Authors                                                                                               []author
		Expired                                                                                               *bool
		Hubs                                                                                                  []struct{ Type, URL string }
		Items                                                                                                 []struct {
			ID, URL, External_url, Title, Content_html, Content_text, Summary, Image, Banner_image, Language string
			Date_published, Date_modified                                                                    time.Time
			Authors                                                                                          []author
			Tags                                                                                             []string
			Attachments                                                                                      []struct {
				URL, Mime_type, Title string
				Size_in_bytes         int64
			}
			Sangam map[string]any `json:"_sangam"`
		}
	}
	if err := dec.Decode(&doc); err != nil {
		t.Fatalf("a field that version 1.1 does not know, or of another type: %v", err)
	}
	if doc.Version != "https://jsonfeed.org/version/1.1" || doc.Title == "" || len(doc.Items) != 2 {
		t.Errorf("%+v", doc)
	}
	for _, it := range doc.Items {
		if it.ID == "" || it.Content_html == "" || it.URL == "" || len(it.Authors) == 0 || it.Date_published.IsZero() {
			t.Errorf("item %+v lacks what it must have", it)
		}
	}
}

func TestAgesAndDaysAreSaidInFiveLanguages(t *testing.T) {
	for _, tag := range []string{"en", "de", "ur", "hi", "ar-EG", "ur-PK"} {
		w := render.Words(tag)
		if base, _, _ := strings.Cut(tag, "-"); w.Lang != base {
			t.Errorf("%s is answered in %s", tag, w.Lang)
		}
		for _, age := range []time.Duration{-time.Hour, 0, time.Minute, 5 * time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour, 300 * time.Hour} {
			if said := w.Ago(noon.Add(-age), noon); said == "" || strings.ContainsAny(said, "%!") {
				t.Errorf("%s: %v ago is %q", tag, age, said)
			}
		}
		said := fmt.Sprint(w.Date(noon), w.DayName(noon, noon), w.DayName(noon.Add(-24*time.Hour), noon), fmt.Sprintf(w.Waiting, 3, 7))
		if strings.ContainsAny(said, "%!") || !strings.Contains(said, "2026") {
			t.Errorf("%s: %q", tag, said)
		}
	}
	if got := render.Words("sw").Lang; got != "en" {
		t.Errorf("an unknown language is answered in %q, want English", got)
	}
	for accept, want := range map[string]string{"ur-PK,en;q=0.5": "ur", "sw, hi;q=0.3": "hi", "sw": "x", "": "x", ";;;": "x", "en;q=0.1, ar": "ar"} {
		if got := render.Preferred(accept, "x"); got != want {
			t.Errorf("Accept-Language %q gives %q, want %q", accept, got, want)
		}
	}
}

func TestStyleIsLightAndSourceOfNothingElse(t *testing.T) {
	css, ok := render.AssetNamed(render.AssetName("style.css"))
	if !ok || len(css.Body) > 12<<10 {
		t.Errorf("the stylesheet has %d bytes, want at most 12 kB", len(css.Body))
	}
	for _, physical := range []string{"margin-left", "margin-right", "padding-left", "padding-right", "text-align: left", "text-align: right", "http:", "https:", "@import"} {
		if strings.Contains(string(css.Body), physical) {
			t.Errorf("the stylesheet says %s", physical)
		}
	}
	for _, font := range []string{"nastaliq-400.woff2", "nastaliq-700.woff2"} {
		if !strings.Contains(string(css.Body), render.AssetName(font)) {
			t.Errorf("the stylesheet does not name %s by its hash", font)
		}
	}
	if _, ok := render.AssetNamed(render.AssetName("nastaliq-OFL.txt")); !ok {
		t.Error("the font's licence is not beside it")
	}
}

func FuzzAnyTextMakesGoodDocuments(f *testing.F) {
	f.Add("title", "<p>text</p>", "https://x.example/")
	f.Add("a\x00\ufffe]]>\xff", "<b>\x0b", "javascript:1")
	f.Add("\u202eabc", "&#0;", "https://ü.example/ä?ö=\"")
	f.Fuzz(func(t *testing.T, title, text, link string) {
		p := page()
		it := &p.Stories[0].Members[0]
		it.Title, it.Content, it.Link, it.Image, it.Language = title, text, link, link, title
		it.Categories, it.Authors = []string{title}, []feed.Person{{Name: title, URI: link}}
		it.Enclosures = []feed.Enclosure{{URL: link, Type: title, Title: title}}
		for format := range formats {
			got := made(t, format, p)
			if !utf8.ValidString(got) {
				t.Fatalf("%s is no UTF-8", format)
			}
			if format == "JSON" {
				if !json.Valid([]byte(got)) {
					t.Fatal("JSON is none")
				}
				continue
			}
			dec := xml.NewDecoder(strings.NewReader(got))
			for {
				tok, err := dec.Token()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				if start, ok := tok.(xml.StartElement); ok {
					for _, a := range start.Attr {
						if (a.Name.Local == "href" || a.Name.Local == "url") && !strings.HasPrefix(strings.ToLower(a.Value), "http") {
							t.Fatalf("%s leads to %q", format, a.Value)
						}
					}
				}
			}
		}
		var b bytes.Buffer
		frame := render.Frame{Title: "Town", Root: "/", Now: noon, Query: title, Language: "ur"}
		if err := render.Story(&b, render.StoryPage{Frame: frame, Story: p.Stories[0], Outlets: p.Outlets}); err != nil {
			t.Fatal(err)
		}
		if err := render.River(&b, render.RiverPage{Frame: frame, Stories: p.Stories, Outlets: p.Outlets}); err != nil {
			t.Fatal(err)
		}
	})
}
