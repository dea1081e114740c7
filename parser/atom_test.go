package parser_test

import "testing"

func TestAtomMeaning(t *testing.T) {
	checkMeanings(t, []meaning{
		{"ids are byte for byte", atom10(`<id>HTTP://Ex.ORG/%7Ea/../ا?x=1&amp;y</id>`), []string{"0.id", "HTTP://Ex.ORG/%7Ea/../ا?x=1&y"}},
		{"ids are not resolved", atom10(`<id xml:base="http://b.example/">a b</id>`), []string{"0.id", "a b"}},
		{"a title is text unless told", atom10(`<title>1 &lt; 2 &amp;amp; &lt;b></title>`), []string{"0.title", "1 < 2 &amp; <b>", "0.title.kind", "plain"}},
		{"a text title", atom10(`<title type="text">&lt;b></title>`), []string{"0.title", "<b>", "0.title.kind", "plain"}},
		{"an HTML title", atom10(`<title type="html">&lt;b>1 &amp;lt; 2&lt;/b></title>`), []string{"0.title", "<b>1 &lt; 2</b>", "0.title.kind", "html"}},
		{"an HTML title in CDATA", atom10(`<title type="HTML"><![CDATA[<b>x</b> &amp; y]]></title>`), []string{"0.title", "<b>x</b> &amp; y", "0.title.kind", "html"}},
		{"an XHTML title", atom10(`<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">1 &lt; 2 <b>x</b></div></title>`), []string{"0.title", "1 &lt; 2 <b>x</b>", "0.title.kind", "html"}},
		{"XHTML by prefix", atom10(`<content type="xhtml"><xh:div>a<xh:br/>b <xh:p/>c</xh:div></content>`), []string{"0.content", "a<br>b <p></p>c", "0.content.kind", "html"}},
		{"text around the div is kept", atom10(`<content type="xhtml">before <div>in</div> after</content>`), []string{"0.content", "before <div>in</div> after"}},
		{"a div that says something is kept", atom10(`<content type="xhtml"><div dir="rtl" xml:lang="ur">x</div></content>`), []string{"0.content", `<div dir="rtl" lang="ur">x</div>`}},
		{"two divs are kept", atom10(`<content type="xhtml"><div>a</div><div>b</div></content>`), []string{"0.content", "<div>a</div><div>b</div>"}},
		{"CDATA in XHTML is text", atom10(`<content type="xhtml"><div><![CDATA[<b>]]></div></content>`), []string{"0.content", "&lt;b&gt;"}},
		{"markup in a text is kept", atom10(`<content>a <b>c</b></content>`), []string{"0.content", "a <b>c</b>", "0.content.kind", "html"}},
		{"base64", atom10(`<content type="application/octet-stream">RXhhbXBsZSA8Yj4=</content>`), []string{"0.content", "Example <b>", "0.content.kind", "plain"}},
		{"what looks like base64 is not", atom10(`<content type="text/plain">test</content>`), []string{"0.content", "test"}},
		{"a picture in base64 is no text", atom10(`<content type="image/png">iVBORw0KGgo=</content>`), []string{"0.content", ""}},
		{"markdown is text", atom10(`<content type="text/markdown">* a &lt;b></content>`), []string{"0.content", "* a <b>", "0.content.kind", "plain"}},
		{"the HTML alternate", atom10(`<link rel="alternate" type="application/json" href="/j"/><link rel="alternate" type="text/html" href="/h"/><link rel="self" href="/s"/><link type="application/pdf" href="/p"/>`), []string{"0.link", "http://example.org/h"}},
		{"rel in any case and as IANA writes it", atom10(`<link rel="http://www.iana.org/assignments/relation/ALTERNATE" href="/a"/><link rel="VIA" href="http://v.example/"/>`), []string{"0.link", "http://example.org/a", "0.via", "http://v.example/"}},
		{"no rel is alternate", atom10(`<link href="/a"/>`), []string{"0.link", "http://example.org/a"}},
		{"self is not the link", atom10(`<link rel="self" href="/a"/>`), []string{"0.link", ""}},
		{"enclosures", atom10(`<link rel="enclosure" href="a.mp3" type="audio/mpeg" length="12" title="A"/>`), []string{"0.enclosures", "http://example.org/dir/a.mp3 audio/mpeg 12 A"}},
		{"authors in parts", atom10(`<author><name>Ann</name><email>a@x.example</email><uri>/ann</uri></author><author><name>Bob</name></author>`), []string{"0.authors", "Ann <a@x.example> http://example.org/ann | Bob"}},
		{"an author without parts", atom10(`<author>Ann</author><author> <name>Bob</name> </author>`), []string{"0.authors", "Ann | Bob"}},
		{"the first of two titles", atom10(`<title/><title>a</title><title>b</title>`), []string{"0.title", "a"}},
		{"the feed's author is the entry's", inFeed(`<author><name>Ann</name></author><entry><id>1</id></entry>`), []string{"0.authors", "Ann"}},
		{"the source's author goes before the feed's", inFeed(`<author><name>Ann</name></author><entry><source><author><name>Bob</name></author></source></entry>`), []string{"0.authors", "Bob"}},
		{"categories", atom10(`<category term="a" label="A"/><category label="b"/><dc:subject>c</dc:subject>`), []string{"0.categories", "a | b | c"}},
		{"dates as sent", atom10(`<published>2003-06</published><updated>soon</updated>`), []string{"0.published", "2003-06", "0.updated", "soon"}},
		{"where it is from", atom10(`<source><id>tag:dw</id><title>DW &amp; co</title><link rel="self" href="http://dw.example/feed"/><link href="http://dw.example/"/><updated>x</updated></source>`), []string{"0.origin", "DW &amp; co | http://dw.example/ | tag:dw"}},
		{"a foreign element is not ours", atom10(`<title>right</title><own:title>wrong</own:title><own:id>7</own:id><own:box><title>wrong</title><id>wrong</id></own:box>`), []string{"0.title", "right", "0.ext.own:title", "wrong", "0.ext.own:id", "7", "0.id", ""}},
		{"pictures", atom10(`<media:thumbnail url="/t.png"/>`), []string{"0.image", "http://example.org/t.png"}},
		{"a description of a group of media", atom10(`<media:group><media:title>t</media:title><media:description>a &lt; b</media:description></media:group>`), []string{"0.summary", "a < b", "0.title", "t"}},
		{"an id that is the only address", atom10(`<id>http://x.example/1</id>`), []string{"0.link", "http://x.example/1"}},
		{"an id beside another address", atom10(`<id>http://x.example/1</id><link rel="self" href="/s"/>`), []string{"0.link", ""}},
		{"content elsewhere", atom10(`<content type="text/html" src="page"/>`), []string{"0.link", "http://example.org/dir/page", "0.content", ""}},
		{"sound elsewhere", atom10(`<content type="audio/mpeg" src="a.mp3"/><link href="/x"/>`), []string{"0.enclosures", "http://example.org/dir/a.mp3 audio/mpeg 0", "0.link", "http://example.org/x"}},
		{
			"the feed's own words", inFeed(`<title type="html">T &amp;amp; U</title><subtitle>a &lt; b</subtitle><id>urn:f</id><updated>now</updated><link href="/"/><link rel="self" href="feed"/><link rel="hub" href="http://hub.example/"/><logo>/l.png</logo><icon>/i.ico</icon><rights>R</rights><generator uri="http://g.example/" version="1">G</generator><category term="c"/>`),
			[]string{
				"title", "T &amp; U", "description", "a &lt; b", "id", "urn:f", "updated", "now", "link", "http://example.org/", "self", "http://example.org/dir/feed",
				"hubs", "http://hub.example/", "image", "http://example.org/l.png", "rights", "R", "generator", "G", "categories", "c",
			},
		},
		{
			"languages", `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><entry><title>a</title></entry><entry xml:lang="ur"><title>b</title></entry><entry><content xml:lang="de">c</content></entry></feed>`,
			[]string{"language", "en", "0.language", "", "1.language", "ur", "2.language", "de"},
		},
		{"only xml:lang is a language", `<feed xmlns="http://www.w3.org/2005/Atom" lang="en" xmlns:f="urn:f" f:lang="fr"><title>a</title></feed>`, []string{"language", ""}},
		{"an entry alone", `<entry xmlns="http://www.w3.org/2005/Atom"><id>1</id><title>x</title></entry>`, []string{"entries", "1", "0.id", "1", "0.title", "x"}},
	})
}

func TestAtom03Meaning(t *testing.T) {
	checkMeanings(t, []meaning{
		{"dates", atom03(`<issued>i</issued><modified>m</modified><created>c</created>`), []string{"0.published", "i", "0.updated", "m"}},
		{"created alone", atom03(`<created>c</created>`), []string{"0.published", "c"}},
		{"escaped HTML", atom03(`<content type="text/html" mode="escaped">&lt;b>x&lt;/b></content>`), []string{"0.content", "<b>x</b>", "0.content.kind", "html"}},
		{"escaped something", atom03(`<title mode="escaped">&lt;b>x&lt;/b></title>`), []string{"0.title", "<b>x</b>", "0.title.kind", "guess"}},
		{"inline XHTML", atom03(`<content type="application/xhtml+xml" mode="xml"><div xmlns="http://www.w3.org/1999/xhtml">a &lt; <b>x</b></div></content>`), []string{"0.content", "a &lt; <b>x</b>", "0.content.kind", "html"}},
		{"base64", atom03(`<content type="text/html" mode="base64">PGI+eDwvYj4=</content>`), []string{"0.content", "<b>x</b>", "0.content.kind", "html"}},
		{"an author's homepage", atom03(`<author><name>Ann</name><url>http://a.example/</url></author>`), []string{"0.authors", "Ann http://a.example/"}},
		{"tagline and copyright", `<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>T</title><tagline>D</tagline><copyright>C</copyright><modified>m</modified></feed>`, []string{"title", "T", "description", "D", "rights", "C", "updated", "m"}},
	})
}

func TestBases(t *testing.T) {
	checkMeanings(t, []meaning{
		{"a directory", inFeed(`<entry xml:base="http://b.example/d/"><link href="x"/></entry>`), []string{"0.link", "http://b.example/d/x"}},
		{"a file", inFeed(`<entry xml:base="http://b.example/d/f"><link href="x"/></entry>`), []string{"0.link", "http://b.example/d/x"}},
		{"a query", inFeed(`<entry xml:base="http://b.example/d/f?q=/a/b"><link href="x"/></entry>`), []string{"0.link", "http://b.example/d/x"}},
		{
			"nested, relative to each other and to the document", inFeed(`<entry xml:base="a/"><content xml:base="../b/" type="html">c</content><link xml:base="c/" href="x"/></entry>`),
			[]string{"0.content.base", "http://example.org/dir/b/", "0.link", "http://example.org/dir/a/c/x"},
		},
		{"the document's address is the first base", atom10(`<link href="../x?y#z"/><content type="html">c</content>`), []string{"0.link", "http://example.org/x?y#z", "0.content.base", address}},
		{
			"only a query, only a fragment, only a scheme", inFeed(`<entry><link href="?a=b"/></entry><entry><link href="#f"/></entry><entry><link href="//o.example/x"/></entry>`),
			[]string{"0.link", "http://example.org/dir/feed.xml?a=b", "1.link", "http://example.org/dir/feed.xml#f", "2.link", "http://o.example/x"},
		},
		{"inside XHTML", atom10(`<content type="xhtml"><div xml:base="http://b.example/"><a href="x">a</a><img src="/y"/></div></content>`), []string{"0.content", `<a href="http://b.example/x">a</a><img src="http://b.example/y">`}},
		{"an IRI is not escaped", inFeed(`<entry xml:base="http://b.example/خبر/"><link href="ایک"/></entry>`), []string{"0.link", "http://b.example/خبر/ایک"}},
		{"a base that no page has is none", inFeed(`<entry xml:base="javascript:alert(1)"><link href="x"/></entry>`), []string{"0.link", "http://example.org/dir/x"}},
		{
			"in RSS too", rss20(`<link xml:base="http://b.example/">x</link><description xml:base="http://b.example/d/">s</description><enclosure xml:base="http://b.example/" url="e"/>`),
			[]string{"0.link", "http://b.example/x", "0.summary.base", "http://b.example/d/", "0.enclosures", "http://b.example/e  0"},
		},
	})
}
