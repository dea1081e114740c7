package normalize_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"sangam/normalize"
)

const base = "https://news.example.org/a/b.html"

func TestMarkupIsKeptAsFarAsItIsSafe(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain text", "Rain in Lahore", "Rain in Lahore"},
		{"text with signs", "AT&T, 1 < 2 & \"so on\"", "AT&amp;T, 1 &lt; 2 &amp; \"so on\""},
		{"text with references", "caf&eacute; &amp; &lt;b&gt;", "café &amp; &lt;b&gt;"},
		{"unclosed elements", "<p>one<p>two <b>bold", "<p>one</p><p>two <b>bold</b></p>"},
		{"crossed elements", "<b>a<i>b</b>c</i>", "<b>a<i>b</i></b><i>c</i>"},
		{"stray end tags", "</div></p>a</b>", "<p></p>a"},
		{
			"direction and language", `<p dir="RTL" lang="ur_PK">سلام <bdi>x</bdi> <bdo dir="ltr">y</bdo></p>`,
			`<p dir="rtl" lang="ur-PK">سلام <bdi>x</bdi> <bdo dir="ltr">y</bdo></p>`,
		},
		{"ruby", "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>", "<ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby>"},
		{
			"figure", `<figure><img src="/i.jpg" alt="A &quot;b&quot;" width="640"><figcaption>It's</figcaption></figure>`,
			`<figure><img src="https://news.example.org/i.jpg" alt="A &#34;b&#34;" width="640"><figcaption>It's</figcaption></figure>`,
		},
		{"table", "<table><tr><td colspan=2>1</table>", `<table><tbody><tr><td colspan="2">1</td></tr></tbody></table>`},
		{"relative link", `<a href="../c?x=1">c</a>`, `<a href="https://news.example.org/c?x=1">c</a>`},
		{"fragment link", `<a href="#n1">1</a>`, `<a href="https://news.example.org/a/b.html#n1">1</a>`},
		{"scheme-relative link", `<a href="//other.example/x">c</a>`, `<a href="https://other.example/x">c</a>`},
		{"mail link", `<a href="mailto:a@example.org">c</a>`, `<a href="mailto:a@example.org">c</a>`},
		{"tracked link", `<a href="https://x.example/?utm_source=rss&amp;id=7&amp;fbclid=abc#top">c</a>`, `<a href="https://x.example/?id=7#top">c</a>`},
		{"link escaped twice", `<a href="https://x.example/?a=1&amp;amp;b=2">c</a>`, `<a href="https://x.example/?a=1&amp;b=2">c</a>`},
		{"raw Urdu link", `<a href="https://x.example/خبر">c</a>`, `<a href="https://x.example/%D8%AE%D8%A8%D8%B1">c</a>`},
		{"link without address", `<a name="x">c</a>`, `c`},
		{
			"srcset", `<img src="a.jpg" srcset="a.jpg 1x, /w_3,h_2/c.jpg 2x, d?utm_source=x,">`,
			`<img src="https://news.example.org/a/a.jpg" srcset="https://news.example.org/a/a.jpg 1x, https://news.example.org/w_3,h_2/c.jpg 2x, https://news.example.org/a/d">`,
		},
		{"lazy image", `<img src="data:image/gif;base64,R0" data-src="/real.jpg">`, `<img src="https://news.example.org/real.jpg">`},
		{"tracking pixel", `a<img src="https://t.example/p.gif" width=1 height="1">b`, "ab"},
		{
			"video", `<video src="/v.mp4" poster="/p.jpg" autoplay onplay=x()>fallback</video>`,
			`<video src="https://news.example.org/v.mp4" poster="https://news.example.org/p.jpg" controls="">fallback</video>`,
		},
		{
			"audio", `<audio controls><source src="a.mp3" type="audio/mpeg"></audio>`,
			`<audio controls=""><source src="https://news.example.org/a/a.mp3" type="audio/mpeg"></audio>`,
		},
		{"whole document", "<!DOCTYPE html><html><head><title>T</title><style>p{}</style></head><body class=x><p>text</body></html>", "<p>text</p>"},
		{"comment", "a<!-- b -->c", "ac"},
		{"script", "a<script>alert(1)</script>b", "ab"},
		{"form", `<form action="/x"><label>Name</label><input name=a><button>Go</button></form>`, "NameGo"},
		{"font", `<font color=red>a</font>`, "a"},
		{"unknown element", "<o:p>a</o:p><foo>b</foo>", "ab"},
		{"object with fallback", `<object data="x.swf"><param name=a><p>fallback</p></object>`, "<p>fallback</p>"},
		{"noscript", `<noscript><img src="/i.jpg"></noscript>`, `<img src="https://news.example.org/i.jpg">`},
		{"formula", "<math><mi>x</mi><mo>+</mo></math>", "x+"},
		{"pre", "<pre>\n\n a\n b</pre>", "<pre>\n\n a\n b</pre>"},
		{"doubled CDATA", "<![CDATA[<p>a</p>]]>", "<p>a</p>"},
		{"control characters", "a\x00b\x0bc&#0;&#11;\ufffe<b>d\x1f</b>", "abc\ufffd<b>d</b>"},
		{"cut in a tag", `text <a href="https://x.exa`, "text"},
	} {
		if got := normalize.HTML(c.in, base); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.in, got, c.want)
		}
	}
}

func TestRelativeAddressWithoutBaseIsDropped(t *testing.T) {
	if got, want := normalize.HTML(`<a href="x">c</a><img src="/i.jpg">`, ""), "c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAttacksDoNotSurviveCleaning(t *testing.T) {
	for _, in := range attacks {
		clean := normalize.HTML(in, base)
		if harm := harmIn(clean); harm != "" {
			t.Errorf("%s\n in %s\n became %s", harm, in, clean)
		}
	}
}

// Most of what outlets write should need no parser: it is ten times as expensive.
func TestTidyMarkupNeedsNoParser(t *testing.T) {
	for _, in := range []string{
		article, normalize.HTML(article, base), "<p>a<br/>b <b><i>c</i></b></p>", "<ul><li>a</li>\n<li><p>b</p></li></ul>", "<div class='x' id=\"y\"><p style='z'>a</p></div>",
		"<table><tbody><tr><td>a</td> <td><p>b</p></td></tr></tbody></table>", "<!-- wp:paragraph --><p>a</p><!-- /wp:paragraph -->", `<a href="https://x.example/?a=1&amp;b=2">a</a>`,
		`<p dir="rtl">سلام&nbsp;<span lang="en">x</span></p>`, "<h2>a</h2><blockquote><p>b</p></blockquote><hr />", "<pre><code>a\n b</code></pre>",
		"<p>a</p><script async src=\"//x.example/e.js\">if (a<b) {}</script><iframe src=x allowfullscreen></iframe>", "<P ALIGN='center'><FONT>a</FONT></P>",
	} {
		if !normalize.Quick(in, base) {
			t.Errorf("went through the parser: %.200s", in)
		}
		if quick, slow := normalize.HTML(in, base), normalize.SlowHTML(in, base); quick != slow {
			t.Errorf("the parser disagrees\nquick %s\n slow %s", quick, slow)
		}
	}
}

// Fragments that are nearly tidy, where a reader that builds no tree goes wrong if it can.
func TestQuickCleaningAgreesWithTheParser(t *testing.T) {
	names := strings.Fields(`p p p b i a a em code font span div ul ul li li ol dl dt dd h2 h3 blockquote pre table thead tbody tr td th
		figure figcaption video picture q del center section summary caption o:p nobr button form svg`)
	pieces := strings.Fields("x & &amp; &lt;b&gt; &nbsp; &copy=1 > \" ' <br> <br/> <hr> <!--c--> <img~src=x~alt='\"'> <img~src=x~width=1~height=1> </p> </b> <script>1</script> <style>p{}</style> <iframe~src=x></iframe> <img~src=x~alt=y~width=640> سلام &#13; &#1;")
	opening := []string{"", "", "", ` href="/x?a=1&amp;b=2"`, ` class='x' DIR="RTL"`, ` href="javascript:x"`, ` title="a&b"`, ` src=x`, ` href='#n' href="y" onclick=z`, ` title=t lang=ur href=x`, ` width=1 title=x`}
	quick := 0
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		var open []string
		for range rapid.IntRange(1, 24).Draw(t, "pieces") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2, 3:
				name := rapid.SampledFrom(names).Draw(t, "name")
				b.WriteString("<" + name + rapid.SampledFrom(opening).Draw(t, "attributes") + ">")
				open = append(open, name)
			case 4, 5, 6:
				if len(open) > 0 {
					b.WriteString("</" + open[len(open)-1] + ">")
					open = open[:len(open)-1]
				}
			case 7:
				b.WriteString(rapid.SampledFrom([]string{" ", "\n", "\n\n", "\t"}).Draw(t, "space"))
			default:
				b.WriteString(strings.ReplaceAll(rapid.SampledFrom(pieces).Draw(t, "piece"), "~", " "))
			}
		}
		for i := range open {
			b.WriteString("</" + open[len(open)-1-i] + ">")
		}
		in := b.String()
		if normalize.Quick(in, base) {
			quick++
		}
		once := normalize.HTML(in, base)
		if slow := normalize.SlowHTML(in, base); slow != once {
			t.Fatalf("the parser disagrees\n   in %q\nquick %q\n slow %q", in, once, slow)
		}
		if twice := normalize.HTML(once, base); twice != once {
			t.Fatalf("not settled\n   in %q\n once %q\ntwice %q", in, once, twice)
		}
		if harm := harmIn(once); harm != "" {
			t.Fatalf("%s\n in %q\nout %q", harm, in, once)
		}
	})
	if quick == 0 {
		t.Error("no fragment was cleaned without the parser: nothing was compared")
	}
}

func FuzzHTML(f *testing.F) {
	for _, in := range attacks {
		f.Add(in)
	}
	for _, in := range []string{
		"<p>one<p>two <b>bold", "<table><tr><td>a<td>b</table>", "<ul><li>a<li>b</ul>", "<pre>\n\nx</pre>", "&lt;b&gt; &amp;amp;",
		"<a href='x'>a<a href=y>b", "<p><b><i>a</b></p>c", "<h1>a<h2>b", "<dl><dt>a<dd>b</dl>", "<table>x<b>y</table>z", "<select><option>a",
		`<img srcset="a 1x,b 2x" src=x>`,
	} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once := normalize.HTML(in, base)
		if harm := harmIn(once); harm != "" {
			t.Fatalf("%s\n in %q\nout %q", harm, in, once)
		}
		if slow := normalize.SlowHTML(in, base); slow != once {
			t.Fatalf("the parser disagrees\n   in %q\nquick %q\n slow %q", in, once, slow)
		}
		if twice := normalize.HTML(once, "https://else.example/"); twice != once {
			t.Fatalf("not settled\n   in %q\n once %q\ntwice %q", in, once, twice)
		}
	})
}

// harmIn parses HTML as a browser does and names the first thing in it that could act.
func harmIn(clean string) string {
	doc, err := html.Parse(strings.NewReader("<!DOCTYPE html><body>" + clean))
	if err != nil {
		return err.Error()
	}
	var harm string
	for n := range doc.Descendants() {
		if n.Type == html.CommentNode {
			harm = "a comment"
		}
		if n.Type != html.ElementNode {
			continue
		}
		if n.Namespace != "" {
			harm = "foreign element " + n.Data
		}
		switch n.Data {
		case "script", "style", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "input", "button", "textarea", "select",
			"link", "meta", "base", "svg", "math", "template", "noscript", "portal", "xmp", "plaintext", "noembed", "noframes", "title", "marquee":
			harm = "element " + n.Data
		}
		if (n.Data == "html" || n.Data == "body") && len(n.Attr) > 0 {
			harm = "attributes of " + n.Data
		}
		for _, a := range n.Attr {
			key, value := strings.ToLower(a.Key), strings.ToLower(strings.TrimSpace(a.Val))
			switch {
			case strings.HasPrefix(key, "on"), key == "style", key == "srcdoc", key == "formaction", key == "xmlns", key == "background",
				key == "id", key == "class", key == "name", key == "target", key == "ping", key == "data", key == "action":
				harm = "attribute " + key
			case key == "href" || key == "src" || key == "poster" || key == "cite":
				if !strings.HasPrefix(value, "http://") && !strings.HasPrefix(value, "https://") && !(key == "href" && strings.HasPrefix(value, "mailto:")) {
					harm = key + " to " + value
				}
			case key == "srcset":
				for _, candidate := range strings.Split(value, ", ") {
					if !strings.HasPrefix(candidate, "http") {
						harm = "srcset to " + candidate
					}
				}
			}
		}
	}
	return harm
}
