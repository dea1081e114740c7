package render_test

import (
	"fmt"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/render"
)

// storyPage is the page of a story in an English frame.
func storyPage(t *testing.T, s feed.Story, noPictures bool) string {
	t.Helper()
	var b strings.Builder
	p := render.StoryPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon, NoPictures: noPictures}, Story: s}
	if err := render.Story(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAStorysTextFitsIntoThePage(t *testing.T) {
	for _, test := range []struct{ name, content, want, plain string }{
		{"text stays as it is", `<p dir="rtl" title="a &#34;b&#34;">1 &lt; 2 &amp; <b>three</b></p>`, `<p dir="rtl" title="a &#34;b&#34;">1 &lt; 2 &amp; <b>three</b></p>`, ""},
		{"the page has one headline", `<h1>Part</h1><h2>Less</h2>`, `<h2>Part</h2><h2>Less</h2>`, ""},
		{"and one of each landmark", `<main><nav>a</nav><aside>b</aside></main>`, `<div><div>a</div><div>b</div></div>`, ""},
		{"a wide table moves in a frame", `<table><tbody><tr><td>1</td></tr></tbody></table>`, `<div class="wide" tabindex="0"><table><tbody><tr><td>1</td></tr></tbody></table></div>`, ""},
		{"and so does code", `<pre>x</pre>`, `<pre tabindex="0">x</pre>`, ""},
		{
			"a picture comes when it is seen", `<img src="https://h.example/a.jpg" alt="Quay &amp; sea"/>`,
			`<img src="https://h.example/a.jpg" alt="Quay &amp; sea" loading="lazy" decoding="async" referrerpolicy="no-referrer">`, `[Quay &amp; sea]`,
		},
		{
			"one without words is decoration", `<p><img src="https://h.example/a.jpg"/></p>`,
			`<p><img src="https://h.example/a.jpg" alt="" loading="lazy" decoding="async" referrerpolicy="no-referrer"></p>`, `<p></p>`,
		},
		{"a film comes when it is asked for", `<video src="https://h.example/a.mp4">no film</video>`, `<video src="https://h.example/a.mp4" controls="" preload="none">no film</video>`, `no film`},
		{"so does sound", `<audio controls="" src="https://h.example/a.mp3"></audio>`, `<audio src="https://h.example/a.mp3" controls="" preload="none"></audio>`, ``},
	} {
		it := feed.Item{Key: "h/1", Source: "h", Title: "T", Content: test.content, Published: noon, Seen: noon}
		s := feed.Story{Key: "s", Order: noon, Updated: noon, Members: []feed.Item{it}}
		if got := storyPage(t, s, false); !strings.Contains(strings.ReplaceAll(got, "/>", ">"), `<div class="text">`+test.want+`</div>`) {
			t.Errorf("%s: no %s in\n%s", test.name, test.want, got)
		}
		if strings.Contains(test.content, "src=") {
			if got := storyPage(t, s, true); !strings.Contains(got, `<div class="text">`+test.plain+`</div>`) {
				t.Errorf("%s: without pictures there is no %s in\n%s", test.name, test.plain, got)
			}
		}
	}
}

// TestAnAgencysStoryStaysReadable is about a story that fifty outlets carry, and one
// whose headline is a whole article.
func TestAnAgencysStoryStaysReadable(t *testing.T) {
	s := feed.Story{Key: "s", Order: noon, Updated: noon}
	for i := range 50 {
		it := feed.Item{Key: fmt.Sprintf("o%d/1", i), Source: fmt.Sprintf("o%d", i), Title: strings.Repeat("word ", 300), Content: "<p>Seven words that all of them have.</p>", Published: noon, Seen: noon}
		if i > 0 {
			s.Joins = append(s.Joins, feed.Ruling{Item: it.Key, With: "o0/1", Rule: "headline"})
		}
		s.Members = append(s.Members, it)
	}
	page := river(t, render.RiverPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon}, Stories: []feed.Story{s}})
	for _, want := range []string{`>o0</bdi>`, `>o3</bdi>`, `<a href="/story/s">and 46 more</a>`, "word word…</a></h3>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(page, ">o4<") || strings.Count(page, "word ") > 100 {
		t.Errorf("the river says too much:\n%s", page)
	}

	page = storyPage(t, s, false)
	_, page, _ = strings.Cut(page, `<section class="carriers">`)
	seen, folded, _ := strings.Cut(page, "<summary>and 44 more</summary>")
	if strings.Count(seen, "<li") != 6 || strings.Count(folded, "<li") != 44+49 || !strings.Contains(folded, "<summary>and 46 more</summary>") {
		t.Errorf("%d outlets are seen, %d outlets and reasons after them, in\n%s", strings.Count(seen, "<li"), strings.Count(folded, "<li"), page)
	}

	s.Members = s.Members[:5]
	page = river(t, render.RiverPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon}, Stories: []feed.Story{s}})
	if !strings.Contains(page, ">o4</bdi>") || strings.Contains(page, "more") {
		t.Errorf("four others are named, not three and one more:\n%s", page)
	}
}

func TestARowRunsAsItsNameDoes(t *testing.T) {
	var b strings.Builder
	tags := make([]render.Link, 20)
	for i := range tags {
		tags[i] = render.Link{Name: fmt.Sprint("topic", i), Href: "/"}
	}
	err := render.List(&b, render.ListPage{Frame: render.Frame{Language: "ur", Root: "/", Now: noon}, Rows: []render.Row{
		{Name: "«دریا» Daily", Lang: "ur", Page: "/d/"}, {Name: "24 Heures", Page: "/h/", Tags: tags, About: "Every hour"}, {Name: "7", Page: "/7/"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<li dir="rtl">` + "\n" + `<h2 lang="ur"><a href="/d/">`, `<li dir="ltr">` + "\n" + `<h2 lang=""><a href="/h/">`, `<p class="about" lang="">`,
		`<li>` + "\n" + `<h2 lang=""><a href="/7/">`, `>topic11<`, `<a href="/h/"><bdi dir="rtl">اور مزید 8</bdi></a>`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), ">topic12<") {
		t.Errorf("too many topics in\n%s", &b)
	}
}
