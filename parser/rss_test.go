package parser_test

import "testing"

func TestRSSMeaning(t *testing.T) {
	checkMeanings(t, []meaning{
		{"ids are byte for byte", rss20(`<guid isPermaLink="false"> HTTP://Ex.org/%7Ea/ا b?x=1&amp;y </guid>`), []string{"0.id", "HTTP://Ex.org/%7Ea/ا b?x=1&y", "0.link", ""}},
		{"a guid is the link if there is no other", rss20(`<guid>http://x.example/1</guid>`), []string{"0.link", "http://x.example/1"}},
		{"a guid that says it is none is not", rss20(`<guid isPermaLink="false">http://x.example/1</guid>`), []string{"0.link", "", "0.id", "http://x.example/1"}},
		{"a guid that is no address is not", rss20(`<guid>12345</guid>`), []string{"0.link", "", "0.id", "12345"}},
		{"a relative guid that says it is one is", rss20(`<guid isPermaLink="true">a/1</guid>`), []string{"0.link", "http://example.org/dir/a/1", "0.id", "a/1"}},
		{"link goes before guid", rss20(`<guid isPermaLink="true">http://x.example/g</guid><link>http://x.example/l</link>`), []string{"0.link", "http://x.example/l"}},
		{"atom:link alone", rss20(`<atom:link href="/p" rel="ALTERNATE" type="text/html"/>`), []string{"0.link", "http://example.org/p"}},
		{"a link by href", rss20(`<link href="/p"/>`), []string{"0.link", "http://example.org/p"}},
		{"atom:link is not the link", rss20(`<link>http://x.example/1</link><atom:link rel="self" href="http://x.example/self"/>`), []string{"0.link", "http://x.example/1"}},
		{"an address in CDATA over lines", rss20("<link><![CDATA[\n http://x.example/1 \n]]></link>"), []string{"0.link", "http://x.example/1"}},
		{"an IRI stays as it is", rss20(`<link>http://x.example/خبر?a=b&amp;c=%D8</link>`), []string{"0.link", "http://x.example/خبر?a=b&c=%D8"}},
		{"a title once unescaped", rss20(`<title>1 &lt; 2 &amp;amp; &lt;b&gt;x&lt;/b&gt;</title>`), []string{"0.title", "1 < 2 &amp; <b>x</b>", "0.title.kind", "guess"}},
		{"the first of two titles", rss20(`<title>a</title><title>b</title>`), []string{"0.title", "a"}},
		{"a title in CDATA is raw", rss20(`<title><![CDATA[A &amp; <i>B</i>]]></title>`), []string{"0.title", "A &amp; <i>B</i>"}},
		{"comments in a title are dropped", rss20(`<title>a<!-- no -->b</title>`), []string{"0.title", "ab"}},
		{"text around CDATA is kept", rss20(`<title>a &amp; <![CDATA[b & ]]>c<![CDATA[d]]></title>`), []string{"0.title", "a & b & cd"}},
		{"naked markup is kept", rss20(`<description>one <b>two</b><br/>three <img src="/a.png">four</description>`), []string{"0.summary", `one <b>two</b><br>three <img src="/a.png">four`, "0.summary.kind", "html"}},
		{"description and content", rss20(`<description>s</description><content:encoded><![CDATA[<p>c</p>]]></content:encoded>`), []string{"0.summary", "s", "0.content", "<p>c</p>", "0.content.kind", "html"}},
		{"description and a second text", rss20(`<description>s</description><summary>c</summary>`), []string{"0.summary", "s", "0.content", "c"}},
		{"summary alone", rss20(`<summary>s</summary>`), []string{"0.summary", "s"}},
		{"fullitem", rss20(`<fullitem>c &lt;p&gt;</fullitem>`), []string{"0.content", "c <p>"}},
		{"xhtml:body", rss20(`<xhtml:body><xhtml:p>a &lt; b</xhtml:p></xhtml:body>`), []string{"0.content", "<p>a &lt; b</p>", "0.content.kind", "html"}},
		{"an XHTML body under its own default namespace", rss20(`<body xmlns="http://www.w3.org/1999/xhtml"><p>a</p></body>`), []string{"0.content", "<p>a</p>"}},
		{"several creators", rss20(`<dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator><dc:creator>Ann</dc:creator>`), []string{"0.authors", "Ann | Bob"}},
		{"creators in the order of the document", rss20(`<dc:creator>Ann</dc:creator><dc:creator type="x">Bob</dc:creator><dc:creator>Cyd</dc:creator>`), []string{"0.authors", "Ann | Bob | Cyd"}},
		{
			"every item has its own", inChannel(`<item><dc:creator>Ann</dc:creator></item><item><title>t</title></item><item><dc:creator/><dc:creator>Cyd</dc:creator><pubDate>d</pubDate></item>`),
			[]string{"entries", "3", "0.authors", "Ann", "1.authors", "", "2.authors", "Cyd", "0.published", "", "2.published", "d"},
		},
		{"mail and name", rss20(`<author>ann@x.example (Ann Lee)</author><dc:creator>Ann Lee</dc:creator>`), []string{"0.authors", "Ann Lee <ann@x.example>"}},
		{"name and mail", rss20(`<author>Ann Lee &lt;ann@x.example&gt;</author>`), []string{"0.authors", "Ann Lee <ann@x.example>"}},
		{"name, mail in brackets", rss20(`<author>Ann Lee (ann@x.example)</author>`), []string{"0.authors", "Ann Lee <ann@x.example>"}},
		{"an author with parts", rss20(`<author><name>Ann</name><email>a@x.example</email></author>`), []string{"0.authors", "Ann <a@x.example>"}},
		{"atom:author", rss20(`<atom:author><atom:name>Ann</atom:name><atom:uri>/ann</atom:uri></atom:author>`), []string{"0.authors", "Ann http://example.org/ann"}},
		{"the credit of a byline", rss20(`<dc:publisher>DW</dc:publisher><media:credit role="agency">Reuters</media:credit>`), []string{"0.credits", "DW | Reuters"}},
		{"pubDate as sent", rss20(`<pubDate> Tues, 3 Foo 2020 </pubDate>`), []string{"0.published", "Tues, 3 Foo 2020", "0.updated", ""}},
		{"dc:date alone", rss20(`<dc:date>2020-01-02</dc:date>`), []string{"0.published", "2020-01-02", "0.updated", "2020-01-02"}},
		{"dcterms", rss20(`<dcterms:issued>2020-01-02</dcterms:issued><dcterms:modified>2020-01-03</dcterms:modified>`), []string{"0.published", "2020-01-02", "0.updated", "2020-01-03"}},
		{"categories", rss20(`<category>a</category><category domain="x">b &amp; c</category><dc:subject>d</dc:subject><itunes:keywords>e, f,a</itunes:keywords><category></category>`), []string{"0.categories", "a | b & c | d | e | f"}},
		{"enclosures", rss20(`<enclosure url="/a.mp3" length="1,024" type="audio/mpeg"/><enclosure url="/b.mp3" length="x"/><atom:link rel="enclosure" href="/a.mp3" title="A"/>`), []string{"0.enclosures", "http://example.org/a.mp3 audio/mpeg 1024 A | http://example.org/b.mp3  0"}},
		{"media files and pictures", rss20(`<media:group><media:content url="/v.mp4" type="video/mp4" fileSize="5"><media:title>V</media:title></media:content><media:thumbnail url="/t.png"/></media:group>`), []string{"0.enclosures", "http://example.org/v.mp4 video/mp4 5 V", "0.image", "http://example.org/t.png"}},
		{"a media picture", rss20(`<media:content url="/p.jpg" medium="image"/>`), []string{"0.image", "http://example.org/p.jpg", "0.enclosures", ""}},
		{"a media title is not the title", rss20(`<title>right</title><media:content url="/v.mp4"><media:title>wrong</media:title></media:content>`), []string{"0.title", "right"}},
		{"a picture's title and link are not the item's", rss20(`<link>http://x.example/1</link><title>right</title><image><url>/i.png</url><title>wrong</title><link>http://x.example/wrong</link></image>`), []string{"0.link", "http://x.example/1", "0.title", "right", "0.image", "http://example.org/i.png"}},
		{"the title of a drawing is not the item's", rss20(`<title>right</title><svg:svg><svg:title>wrong</svg:title></svg:svg><own:box><title>wrong</title></own:box>`), []string{"0.title", "right"}},
		{"iTunes", rss20(`<itunes:author>Ann</itunes:author><itunes:summary>s</itunes:summary><itunes:image href="/i.png"/>`), []string{"0.authors", "Ann", "0.summary", "s", "0.image", "http://example.org/i.png"}},
		{"where it is from", rss20(`<source url="http://dw.example/rss">DW</source>`), []string{"0.origin", "DW | http://dw.example/rss | "}},
		{"atom:source", rss20(`<atom:source><atom:id>tag:dw</atom:id><atom:title>DW</atom:title><atom:link href="http://dw.example/"/></atom:source>`), []string{"0.origin", "DW | http://dw.example/ | tag:dw"}},
		{"canonical and original links", rss20(`<link>http://x.example/1</link><atom:link rel="http://www.iana.org/assignments/relation/canonical" href="http://y.example/1"/>`), []string{"0.via", "http://y.example/1", "0.link", "http://x.example/1"}},
		{"comments", rss20(`<comments>/c#1</comments>`), []string{"0.comments", "http://example.org/c#1"}},
		{"the outlet's own id", rss20(`<own:contentID>a-5</own:contentID><other:thing xmlns:other="http://o.example/">x</other:thing>`), []string{"0.ext.own:contentID", "a-5", "0.ext.other:thing", "x"}},
		{"an item's language", rss20(`<dc:language>ur</dc:language>`), []string{"0.language", "ur"}},
		{"an undeclared prefix means what it usually means", `<rss><channel><item><dc:creator>Ann</dc:creator><content:encoded>c</content:encoded></item></channel></rss>`, []string{"0.authors", "Ann", "0.content", "c"}},
		{"prefixes are only names", `<rss xmlns:a="http://purl.org/dc/elements/1.1/" xmlns:b="http://purl.org/rss/1.0/modules/content/"><channel><item><a:creator>Ann</a:creator><b:encoded>c</b:encoded></item></channel></rss>`, []string{"0.authors", "Ann", "0.content", "c"}},
		{
			"a namespace declared behind a missing end tag", `<rss><channel><item><title>x<dc:creator xmlns:dc="http://purl.org/dc/elements/1.1/">Ann</dc:creator><dc:x>y</dc:x></item><item xmlns:c="http://purl.org/rss/1.0/modules/content/" xml:lang="ur"><title>z<guid xml:base="http://b.example/">1</guid><c:encoded>c</c:encoded></item></channel></rss>`,
			[]string{"0.title", "x", "0.authors", "Ann", "1.title", "z", "1.content", "c", "1.language", "ur"},
		},
		{"names in any case", `<RSS><CHANNEL><TITLE>T</TITLE><Item><TITLE>x</TITLE><PubDate>d</PubDate><GUID isPermalink="FALSE">http://x.example/</GUID></Item></CHANNEL></RSS>`, []string{"title", "T", "0.title", "x", "0.published", "d", "0.link", ""}},
	})
}

func TestRSSFeedMeaning(t *testing.T) {
	checkMeanings(t, []meaning{
		{
			"the feed's own words", inChannel(`<title>T &amp;amp; U</title><link>/</link><description>D</description><copyright>C</copyright><generator>G &lt;1&gt;</generator>
			<category>a</category><language>ur</language><lastBuildDate>L</lastBuildDate><pubDate>P</pubDate><managingEditor>ed@x.example (Ed)</managingEditor>
			<image><url>/i.png</url><title>no</title><link>/no</link></image><textInput><title>no</title><link>/no</link></textInput>`),
			[]string{
				"title", "T &amp; U", "link", "http://example.org/", "description", "D", "rights", "C", "generator", "G &lt;1&gt;", "categories", "a",
				"language", "ur", "updated", "L", "authors", "Ed <ed@x.example>", "image", "http://example.org/i.png",
			},
		},
		{
			"Dublin Core in their place", inChannel(`<dc:title>T</dc:title><dc:description>D</dc:description><dc:language>de</dc:language><dc:date>2020</dc:date><dc:creator>A</dc:creator><dc:rights>R</dc:rights><dc:subject>s</dc:subject>`),
			[]string{"title", "T", "description", "D", "language", "de", "updated", "2020", "authors", "A", "rights", "R", "categories", "s"},
		},
		{"a description by another name", inChannel(`<tagline>D</tagline>`), []string{"description", "D"}},
		{
			"self and hubs", inChannel(`<link>http://x.example/</link><atom:link rel="self" href="http://x.example/rss"/><atom:link rel="hub" href="http://hub.example/"/><atom:link rel="hub" href="/hub"/>`),
			[]string{"link", "http://x.example/", "self", "http://x.example/rss", "hubs", "http://hub.example/ | http://example.org/hub"},
		},
		{
			"when to come back", inChannel(`<ttl>15</ttl><skipHours><hour>0</hour><hour>24</hour><hour>23</hour><hour>99</hour></skipHours><skipDays><day>Sunday</day><day>sat</day><day>x</day></skipDays>`),
			[]string{"ttl", "15m0s", "skip", "[0 0 23] [Sunday Saturday]"},
		},
		{
			"syndication, misspelt", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFequency>4</sy:updateFequency></channel></rdf:RDF>`,
			[]string{"period", "15m0s"},
		},
		{"a year to live is as much as can be said", inChannel(`<ttl>525600</ttl>`), []string{"ttl", "744h0m0s"}},
		{"so is more than a number holds in time", inChannel(`<ttl>99999999999999999999</ttl>`), []string{"ttl", "744h0m0s"}},
		{"nonsense about time is none", inChannel(`<ttl>soon</ttl>`), []string{"ttl", "0s", "period", "0s"}},
		{"an author of the feed is that of its items", inChannel(`<itunes:author>Ann</itunes:author><item><title>x</title></item>`), []string{"0.authors", "Ann"}},
		{"its editor is not", inChannel(`<managingEditor>Ed</managingEditor><item><title>x</title></item>`), []string{"0.authors", "", "authors", "Ed"}},
		{"two channels", `<rss><channel><title>A</title><item><guid>1</guid></item></channel><channel><title>B</title><item><guid>2</guid></item></channel></rss>`, []string{"entries", "2"}},
		{"no channel", `<rss><title>A</title><item><guid>1</guid></item></rss>`, []string{"entries", "1", "title", "A"}},
		{"items behind the channel", `<rss><channel><title>A</title></channel><item><guid>1</guid></item></rss>`, []string{"entries", "1", "title", "A"}},
		{
			"RSS 1.0", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dwsyn="http://own.example/dwsyn/">
			<channel rdf:about="http://x.example/"><title>T</title><link>http://x.example/</link><description>D</description><image rdf:resource="http://x.example/i.png"/><items><rdf:Seq><rdf:li rdf:resource="http://x.example/1"/></rdf:Seq></items><dc:language>ur</dc:language></channel>
			<image rdf:about="http://x.example/i.png"><title>no</title><url>http://x.example/i.png</url><link>http://x.example/no</link></image>
			<item rdf:about="urn:1"><title>One</title><link>http://x.example/1?maca=urd</link><description>s</description><dc:date>2020-01-02T03:04:05Z</dc:date><dc:subject>News</dc:subject><dwsyn:contentID>77</dwsyn:contentID></item></rdf:RDF>`,
			[]string{
				"title", "T", "image", "http://x.example/i.png", "language", "ur", "0.id", "urn:1", "0.title", "One", "0.link", "http://x.example/1?maca=urd",
				"0.published", "2020-01-02T03:04:05Z", "0.categories", "News", "0.ext.dwsyn:contentID", "77", "link", "http://x.example/",
			},
		},
		{"RSS 0.90", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://channel.netscape.com/rdf/simple/0.9/"><channel><title>T</title></channel><item><title>x</title><link>http://x.example/1</link></item></rdf:RDF>`, []string{"title", "T", "0.title", "x"}},
		{"RSS 1.0 with prefixes", `<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rss="http://purl.org/rss/1.0/"><rss:channel><rss:title>T</rss:title></rss:channel><rss:item r:about="u"><rss:title>x</rss:title></rss:item></r:RDF>`, []string{"title", "T", "0.title", "x", "0.id", "u"}},
		{"under an Atom default namespace", `<rss xmlns="http://www.w3.org/2005/Atom"><channel><title>T</title><item><title>x</title><guid>g</guid></item></channel></rss>`, []string{"title", "T", "0.title", "x", "0.id", "g"}},
		{"under an XHTML default namespace", `<rss xmlns="http://www.w3.org/1999/xhtml"><channel><title>T</title><item><title>x</title><description>a &lt;b&gt;</description></item></channel></rss>`, []string{"title", "T", "0.title", "x", "0.summary", "a <b>"}},
		{"under any default namespace", `<rss xmlns="urn:nobody"><channel><item><title>x</title></item></channel></rss>`, []string{"0.title", "x"}},
		{
			"the Channel Definition Format", `<CHANNEL HREF="http://x.example/" LASTMOD="1998-11-05"><TITLE>T</TITLE><ABSTRACT>D</ABSTRACT><ITEM HREF="/a" LASTMOD="1998-11-06"><TITLE>x</TITLE><ABSTRACT>s</ABSTRACT></ITEM></CHANNEL>`,
			[]string{"title", "T", "link", "http://x.example/", "description", "D", "updated", "1998-11-05", "0.link", "http://example.org/a", "0.title", "x", "0.summary", "s", "0.published", "1998-11-06"},
		},
	})
}
