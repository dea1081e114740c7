package parser_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/parser"
)

// three is a feed of three whole items, in the order of their ids.
const three = `<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>
<item><guid>1</guid><title>one</title><description>first</description></item>
<item><guid>2</guid><title>two</title><description>second</description></item>
<item><guid>3</guid><title>three</title><description>third</description></item>
</channel></rss>`

func TestRepair(t *testing.T) {
	swap := func(old, new string) string {
		if !strings.Contains(three, old) {
			t.Fatalf("the sample has no %q", old)
		}
		return strings.Replace(three, old, new, 1)
	}
	whole := []string{"entries", "3", "0.id", "1", "1.id", "2", "2.id", "3", "0.title", "one", "1.title", "two", "2.title", "three", "2.summary", "third"}
	but := func(pairs ...string) []string {
		out := append([]string(nil), whole...)
		for i := 0; i < len(pairs); i += 2 {
			found := false
			for j := 0; j < len(out); j += 2 {
				if out[j] == pairs[i] {
					out[j+1], found = pairs[i+1], true
				}
			}
			if !found {
				out = append(out, pairs[i], pairs[i+1])
			}
		}
		return out
	}
	checkMeanings(t, []meaning{
		{"nothing wrong", three, but("partial", "false")},
		{"blank lines before the declaration", "\r\n\n  " + three, whole},
		{"junk before the declaration", "Warning: something in line 5 <br>\n<b>Notice</b>" + three, whole},
		{"two byte order marks", "\uFEFF\uFEFF" + three, whole},
		{"XML 1.1", swap(`version="1.0"`, `version="1.1"`), whole},
		{"10 KB of comment before the root", swap("<rss", "<!-- "+strings.Repeat("x <y> ", 2000)+" --><rss"), whole},
		{"a long DOCTYPE before the root", swap("<rss", "<!DOCTYPE rss [ <!ELEMENT title ANY> <!-- ' --> "+strings.Repeat(" ", 8000)+"]><rss"), whole},
		{"control characters", swap("first", "f\x00i\x0br\ufffes\x7ft"), but("0.summary", "fir\x7f"[:3]+"s\x7ft")},
		{"one bad byte", swap("first", "fi\xffrst م ن ا ج"), but("0.summary", "first م ن ا ج")},
		{"references to no character", swap("first", "f&#0;i&#11;r&#xFFFE;s&#xD800;t&#99999999999999999999;"), but("0.summary", "first")},
		{"a pair of surrogates is a character", swap("first", "&#xD83D;&#xDE00; &#55357;&#56832;"), but("0.summary", "😀 😀")},
		{"windows-1252 in references", swap("first", "&#147;x&#148;"), but("0.summary", "“x”")},
		{"entities of HTML", swap("first", "caf&eacute;&nbsp;&hellip;"), but("0.summary", "café\u00a0…")},
		{"entities of nobody", swap("first", "a &nope; b &copy=2; c"), but("0.summary", "a &nope; b &copy=2; c")},
		{"entities of its own", `<!DOCTYPE rss [<!ENTITY me "Ann &#38; Co"><!ENTITY % p "x"><!ENTITY f SYSTEM "file:///etc/passwd">]>` + swap("first", "&me; &f;"), but("0.summary", "Ann & Co &f;")},
		{"bare ampersands", swap("first", "a & b && c &d; &"), but("0.summary", "a & b && c &d; &")},
		{"a bare ampersand before a reference", swap("<guid>1", "<link>http://x.example/?a=1&copy=2&amp;b=3</link><guid isPermaLink='false'>?a=1&copy=2&amp;b=3"), but("0.id", "?a=1&copy=2&b=3", "0.link", "http://x.example/?a=1&copy=2&b=3")},
		{"a bare ampersand before a pair of surrogates", swap("first", "AT&T &#xD83D;&#xDE00; x &#&#38;"), but("0.summary", "AT&T 😀 x &#&")},
		{"a bare ampersand before a reference in an attribute", inFeed(`<entry><id>a&reg=2&amp;b=3</id><link href="http://x.example/?a&reg=2&amp;b=3"/></entry>`), []string{"0.id", "a&reg=2&b=3", "0.link", "http://x.example/?a&reg=2&b=3"}},
		{"bare less-than", swap("first", "1 < 2 <3 <= <"), but("0.summary", "1 < 2 <3 <= <")},
		{"unquoted attributes", swap("<guid>1", "<guid isPermaLink=false x y=>1"), but("0.link", "")},
		{"single quotes and spaces", swap("<guid>1", "<guid isPermaLink = 'false' >1"), whole},
		{"an attribute without its second quote", swap("<guid>1", `<guid isPermaLink="false>1`), whole},
		{"an end tag that is misspelt", swap("</title><description>first", "</titel><description>first"), whole},
		{"an end tag that is missing", swap("</title><description>first", "<description>first"), whole},
		{"a guid without its end", swap("2</guid>", "2"), whole},
		{"end tags crossed", swap("first</description></item>", "first</item></description>"), whole},
		{"an item without its end", swap("first</description></item>", "first</description>"), whole},
		{"a description without its end", swap("first</description>", "first"), whole},
		{"a description without its end before an item without its end", swap("first</description></item>", "first"), whole},
		{"end tags of nothing", swap("<guid>2", "</b></p></channels><guid>2"), whole},
		{"HTML that does not balance", swap("first", "<p>one<p>two<br>three<li>four</b>"), but("0.summary", "<p>one</p><p>two<br>three<li>four</li></p>")},
		{"an unknown element without its end", swap("<guid>2", "<foo><guid>2"), []string{"entries", "3", "0.id", "1", "2.id", "3"}},
		{"a CDATA section without its end", swap("first", "<![CDATA[first"), whole},
		{"a CDATA section without its end before one with", strings.Replace(swap("first", "<![CDATA[first"), "second", "<![CDATA[second]]>", 1), but("1.summary", "second", "0.summary", "first")},
		{"a CDATA section that ends twice", swap("first", "<![CDATA[first]]> ]]>"), but("0.summary", "first ]]>")},
		{"a comment without its end", swap("first", "<!-- first"), but("0.summary", "<!-- first")},
		{"an instruction in the middle", swap("first", "<?php echo 1 ?>first"), but("0.summary", "first")},
		{"no end tags of the feed", swap("</channel></rss>", ""), but("partial", "true")},
		{"something behind the end", three + "<script>x</script><!-- 1 ms -->", but("partial", "false")},
	})
}

// Wherever a document is cut, the items before the cut come out whole, nothing else
// does, and the feed says so.
func TestCutAnywhere(t *testing.T) {
	item := func(n int) string {
		return fmt.Sprintf(`<item><guid isPermaLink="false">%d</guid><title>t%d</title><description><![CDATA[<p>d%d</p>]]></description></item>`, n, n, n)
	}
	rss := `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>T</title>` + item(0) + item(1) + item(2) + `</channel></rss>`
	json := `{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{"id":"0","content_html":"<p>d0</p>"},{"id":"1","content_html":"<p>d1</p>"}]}`
	for _, doc := range []string{rss, json} {
		for cut := range doc {
			ch, err := parser.Parse(feed.Document{Body: []byte(doc[:cut])})
			whole := strings.Count(doc[:cut], "</item>")
			if doc == json {
				whole = strings.Count(doc[:cut], `</p>"}`)
			}
			if err != nil {
				if whole > 0 {
					t.Fatalf("cut at %d: %v, with %d whole items", cut, err, whole)
				}
				continue
			}
			if !ch.Partial && strings.TrimSpace(doc[cut:]) != "" {
				t.Fatalf("cut at %d: not said to be partial", cut)
			}
			// An item that has its id and is cut between two elements is worth keeping.
			if len(ch.Entries) != whole && len(ch.Entries) != whole+1 {
				t.Fatalf("cut at %d: %d entries, want %d", cut, len(ch.Entries), whole)
			}
			for i, e := range ch.Entries {
				if e.ID != fmt.Sprint(i) || i < whole && e.Content.Value+e.Summary.Value != fmt.Sprintf("<p>d%d</p>", i) {
					t.Fatalf("cut at %d: entry %d is %+v", cut, i, e)
				}
			}
		}
	}
}

func TestAtomNamespaceInAnyForm(t *testing.T) {
	for _, ns := range []string{
		"http://www.w3.org/2005/Atom", "https://www.w3.org/2005/Atom", "http://www.w3.org/2005/Atom/", "http://www.w3.org/2005/atom",
		"HTTP://WWW.W3.ORG/2005/ATOM", " http://www.w3.org/2005/Atom ", "", "urn:nobody", "http://www.w3.org/1999/xhtml", "http://purl.org/atom/ns#",
	} {
		for _, doc := range []string{
			`<feed xmlns="` + ns + `"><title>T</title><entry><id>1</id><title type="html">x</title><link href="http://x.example/"/></entry></feed>`,
			`<a:feed xmlns:a="` + ns + `"><a:title>T</a:title><a:entry><a:id>1</a:id><a:title type="html">x</a:title><a:link href="http://x.example/"/></a:entry></a:feed>`,
		} {
			ch, err := parser.Parse(feed.Document{Body: []byte(doc)})
			if err != nil {
				t.Errorf("%q: %v", ns, err)
				continue
			}
			got := facts(ch)
			if got["title"] != "T" || got["0.id"] != "1" || got["0.title"] != "x" || got["0.title.kind"] != "html" || got["0.link"] != "http://x.example/" {
				t.Errorf("%s: got %v", doc, got)
			}
		}
	}
}

func TestPrefixesAndNamespacesAstray(t *testing.T) {
	checkMeanings(t, []meaning{
		{"Atom under a prefix nobody declared", `<a:feed><a:title>T</a:title><a:entry><a:id>1</a:id><a:title>x</a:title></a:entry></a:feed>`, []string{"title", "T", "0.id", "1", "0.title", "x"}},
		{"RSS under a prefix nobody declared", `<r:rss version="2.0"><r:channel><r:title>T</r:title><r:item><r:guid>1</r:guid><r:title>x</r:title></r:item></r:channel></r:rss>`, []string{"title", "T", "0.id", "1", "0.title", "x"}},
		{"entries in the namespace of XHTML", `<feed xmlns="http://www.w3.org/2005/Atom"><entry xmlns="http://www.w3.org/1999/xhtml"><id>1</id><title>x</title><link href="http://x.example/"/></entry><title>T</title></feed>`, []string{"title", "T", "0.id", "1", "0.title", "x", "0.link", "http://x.example/"}},
		{"items in a namespace of nobody", `<rss><channel><item xmlns="urn:x"><guid>1</guid><title>x</title></item><title>T</title></channel></rss>`, []string{"title", "T", "0.id", "1", "0.title", "x"}},
	})
}

func TestWhatIsLeftOutIsSaid(t *testing.T) {
	rows := []struct{ claim, doc, key, want, warning string }{
		{"300 entities of which one is used", "<!DOCTYPE rss [" + repeat(300, `<!ENTITY e%d "x">`) + "]>" + around("<title>a &e299;</title>"), "0.title", "a x", ""},
		{"more entities than are kept", "<!DOCTYPE rss [" + repeat(3000, `<!ENTITY e%d "x">`) + "]>" + around("<title>&e0; &e2999;</title>"), "0.title", "x &e2999;", "entities are declared"},
		{"an entity that is too long", `<!DOCTYPE rss [<!ENTITY e "` + strings.Repeat("x", 1025) + `">]>` + around("<title>&e;</title>"), "0.title", "&e;", "1024 bytes"},
		{"entities that stand for too much", `<!DOCTYPE rss [<!ENTITY e "` + strings.Repeat("x", 1024) + `">]>` + around("<title>T</title><description>"+strings.Repeat("&e;", 1025)+"</description>"), "0.title", "T", "in all"},
		{"an entity of entities", `<!DOCTYPE rss [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>` + around("<title>&b;</title>"), "0.title", "&a;&a;", "stands for others"},
		{"items of JSON that are none", `{"version":"https://jsonfeed.org/version/1.1","items":[7,null,{"id":"1","title":"T"}]}`, "0.title", "T", "no object"},
	}
	for _, row := range rows {
		ch, err := parser.Parse(feed.Document{Body: []byte(row.doc)})
		if got := facts(ch)[row.key]; err != nil || got != row.want {
			t.Errorf("%s: got %q, want %q (%v)", row.claim, got, row.want, err)
		}
		if said := strings.Join(ch.Warnings, "; "); row.warning == "" && said != "" || !strings.Contains(said, row.warning) {
			t.Errorf("%s: warned of %q, want %q", row.claim, said, row.warning)
		}
	}
}

func TestTheFirstOfSeveralAndAddressesAtHome(t *testing.T) {
	checkMeanings(t, []meaning{
		{"the first of two links and guids", around(`<guid/><guid>2</guid><link>http://a.example/</link><link>http://b.example/</link>`), []string{"0.id", "1", "0.link", "http://a.example/"}},
		{"the first guid is empty", `<rss><channel><item><guid/><guid>2</guid><guid>3</guid></item></channel></rss>`, []string{"0.id", "2"}},
		{"a link of Atom in its text", `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><link>http://x.example/1</link><link rel="via" href="http://v.example/">x</link></entry></feed>`, []string{"0.link", "http://x.example/1", "0.via", "http://v.example/"}},
	})
	ch, err := parser.Parse(feed.Document{Body: []byte(`<rss><channel><link>http://x.example/a/</link><item><guid>1</guid><link>b</link><description>&lt;img src=c></description></item><item><guid>2</guid><link xml:base="/d/">e</link></item></channel></rss>`)})
	if got := facts(ch); err != nil || got["0.link"] != "http://x.example/a/b" || got["1.link"] != "http://x.example/d/e" || got["0.summary.base"] != "http://x.example/a/" {
		t.Errorf("no address of the document: got %v, %v", got, err)
	}
}

func TestWhatIsNoFeedIsNamed(t *testing.T) {
	rows := []struct{ doc, what string }{
		{"", "an empty document"},
		{" \n\t ", "an empty document"},
		{"Not Found", "a text without any element"},
		{"<!DOCTYPE html><html><head><title>x</title></head><body><p>1</body></html>", "an HTML page"},
		{"<html><body>no</body></html>", "an HTML page"},
		{"<!doctype HTML public '-//W3C//DTD'><p>x", "an HTML page"},
		{`<?xml version="1.0"?><opml version="2.0"><body><outline text="x"/></body></opml>`, "an OPML list"},
		{`<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>x</loc></url></urlset>`, "a sitemap"},
		{`<sitemapindex/>`, "a sitemap index"},
		{`<Error><Code>AccessDenied</Code></Error>`, "an XML error message"},
		{`<feed xmlns="http://schemas.example.com/x"><thing>1</thing></feed>`, "an XML document with the root <feed> of the namespace http://schemas.example.com/x"},
		{`<rss version="2.0"><html><body><p>x</p></body></html></rss>`, "an XML document with the root <rss> and no channel in it"},
		{`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="x"/></rdf:RDF>`, "an XML document with the root <rdf:RDF> and no channel in it"},
		{`<foo:bar xmlns:foo="urn:x"/>`, "an XML document with the root <foo:bar>"},
		{`{"error":"not found"}`, "a JSON object"},
		{`{"items":[]}`, "a JSON object"},
		{`{"version":"1.0","items":[1,2]}`, "a JSON object"},
		{`[{"id":1}]`, "a JSON list"},
		{"<!-- only", "a text without any element"},
		{"%PDF-1.4\n%\xe2\xe3\xcf\xd3\nstream", "a text without any element"},
	}
	for _, row := range rows {
		_, err := parser.Parse(feed.Document{Body: []byte(row.doc)})
		var e *parser.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want a *parser.Error", row.doc, err)
			continue
		}
		if e.Trouble != feed.NotAFeed || e.What != row.what+", not a feed" {
			t.Errorf("%q: got %s: %s, want %s", row.doc, e.Trouble, e.What, row.what)
		}
	}
}

func TestAFeedWithoutItemsIsAFeed(t *testing.T) {
	for _, doc := range []string{
		`<rss version="2.0"><channel><title>T</title></channel></rss>`, `<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title></feed>`,
		`{"version":"https://jsonfeed.org/version/1","title":"T","items":[]}`,
	} {
		ch, err := parser.Parse(feed.Document{Body: []byte(doc)})
		if err != nil || ch.Title != "T" || len(ch.Entries) != 0 {
			t.Errorf("%s: got %+v, %v", doc, ch, err)
		}
	}
}
