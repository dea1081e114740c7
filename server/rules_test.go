package server_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"

	"sangam/feed"
	"sangam/normalize"
	"sangam/server"
)

// The rules here are those of RFC 4287, RSS 2.0.11 with its Best Practices Profile, and of
// what they stand on, as far as a feed validator can find them broken. Headlines are not
// looked into for markup: they are told as they are.

// element is one of a document.
type element struct {
	name     string // as written
	attrs    map[string]string
	text     string
	line     string // of the document, in which it ends
	children []*element
}

func (e *element) all(name string) []*element {
	var found []*element
	for _, c := range e.children {
		if c.name == name {
			found = append(found, c)
		}
	}
	return found
}

func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{}
}

// readXML reads a document as a tree.
func readXML(doc []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	root := &element{}
	open := []*element{root}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(root.children) == 1 {
			return root.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: full(t.Name), attrs: map[string]string{}}
			for _, a := range t.Attr {
				e.attrs[full(a.Name)] = a.Value
			}
			top.children = append(top.children, e)
			open = append(open, e)
		case xml.EndElement:
			at := int(d.InputOffset())
			top.line = string(doc[bytes.LastIndexByte(doc[:at], '\n')+1 : at])
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

func full(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

var (
	looksEnded   = regexp.MustCompile(`</[\pL\pN_]+>`)
	looksNamed   = regexp.MustCompile(`&(#?[\pL\pN_]+)`)
	isAddress    = regexp.MustCompile(`^https?://[0-9A-Za-z][0-9A-Za-z;/?:@&=+$.\-_!~*'()%,#]*$`)
	isFile       = regexp.MustCompile(`^(?i:https?)://([0-9a-z-]+\.)+[0-9a-z-]+(:[0-9]+)?(/|$)`)
	isMediaType  = regexp.MustCompile(`^[^\s()<>,;:\\"/\[\]?=]+/[^\s()<>,;:\\"/\[\]?=]+$`)
	isTime       = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
	encodedTwice = regexp.MustCompile("[\u00c2\u00c3][\u0080-\u00bf]")
)

// known are the elements that may stand in one, and how often: once, or "*" for as often as one likes.
var known = map[string]string{
	"rss":     "channel",
	"channel": "title link description language lastBuildDate generator docs ttl image fh:archive *atom:link *item",
	"image":   "url title link",
	"item": "title link description content:encoded dc:creator comments enclosure guid pubDate source media:thumbnail " +
		"*category *atom:link *media:content",
	"feed":   "id title subtitle updated author generator icon fh:archive *link *entry",
	"entry":  "id title published updated source summary content *link *author *category",
	"source": "id title updated *link",
	"author": "name uri",
}

// rules tells which rules a feed document breaks that was asked for at an address.
func rules(doc []byte, address string) []string {
	root, err := readXML(doc)
	if err != nil {
		return []string{err.Error()}
	}
	r := &referee{seen: map[string]bool{}}
	r.look(root, "")
	links := root.all("link")
	if root.name == "rss" {
		links = root.child("channel").all("atom:link")
	}
	if self := slices.IndexFunc(links, func(l *element) bool { return l.attrs["rel"] == "self" }); self < 0 || links[self].attrs["href"] != address {
		r.say("does not call itself %s", address)
	}
	if links = slices.DeleteFunc(links, func(l *element) bool { return !strings.HasSuffix(l.attrs["rel"], "-archive") }); len(links) == 0 && bytes.Contains(doc, []byte("fh:archive>")) {
		r.say("an archive without a neighbour")
	}
	return r.found
}

type referee struct {
	found []string
	seen  map[string]bool // what must be there once in a document
}

func (r *referee) say(format string, args ...any) {
	r.found = append(r.found, fmt.Sprintf(format, args...))
}

func (r *referee) must(holds bool, e *element, rule string) {
	if !holds {
		r.say("%s %q %v: %s", e.name, e.text, e.attrs, rule)
	}
}

func (r *referee) once(kind string, e *element) {
	r.must(!r.seen[kind+e.text], e, "there twice")
	r.seen[kind+e.text] = true
}

func (r *referee) look(e *element, within string) {
	allowed := strings.Fields(known[e.name])
	count := map[string]int{}
	alternates := map[string]bool{}
	for _, c := range e.children {
		count[c.name]++
		r.must(slices.Contains(allowed, "*"+c.name) || slices.Contains(allowed, c.name) && count[c.name] == 1, c, "one too many in "+e.name)
		r.look(c, e.name)
		if c.attrs["rel"] == "alternate" {
			key := c.attrs["type"] + " " + c.attrs["hreflang"]
			r.must(!alternates[key], c, "a second alternate of a kind")
			alternates[key] = true
		}
	}
	for name, needed := range map[string]string{"channel": "title link description", "item": "title guid", "image": "url title link", "feed": "id title updated", "entry": "id title updated content author", "source": "id title updated", "author": "name"} {
		if e.name == name && within+name != "itemsource" {
			for need := range strings.FieldsSeq(needed) {
				r.must(count[need] > 0, e, "without "+need)
			}
		}
	}
	for name, value := range e.attrs {
		r.characters(e, value)
		if name == "title" {
			r.must(value != "" && !looksEnded.MatchString(value) && !likeReference(value), e, "markup in question")
		}
		if name == "xml:lang" || name == "hreflang" {
			r.language(e, value)
		}
	}
	if len(e.children) == 0 {
		r.characters(e, e.text)
		r.must(e.text == strings.TrimSpace(e.text), e, "white space around it")
		r.leaf(e, within)
	}
}

// characters are those that a validator doubts: controls, noncharacters, and text that was encoded twice.
func (r *referee) characters(e *element, s string) {
	r.must(!strings.ContainsFunc(s, func(c rune) bool {
		return c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c <= 0x9f || c == 0xfffd || c&0xfffe == 0xfffe || c >= 0xfdd0 && c <= 0xfdef
	}), e, "a character that is none")
	r.must(!encodedTwice.MatchString(s), e, "encoded twice")
}

func (r *referee) language(e *element, tag string) {
	base, _, _ := strings.Cut(tag, "-")
	r.must(len(base) == 2 || base == "und" || base == "lah", e, "a language that ISO 639-2 does not know")
}

// likeReference reports whether a text has what names a character.
func likeReference(s string) bool {
	return slices.ContainsFunc(looksNamed.FindAllString(s, -1), func(ref string) bool {
		return html.UnescapeString(ref+";") != ref+";" || strings.ContainsAny(ref, "#0123456789")
	})
}

func (r *referee) leaf(e *element, within string) {
	switch within + ">" + e.name {
	case "item>title", "entry>title":
		r.must(e.text != "", e, "empty")
		r.must(!likeReference(e.text) || strings.Contains(e.line, "&#x"), e, "markup in question")
	case "channel>title", "channel>description", "image>title", "item>category", "item>source", "feed>title", "feed>subtitle", "source>title", "author>name":
		r.must(e.text != "", e, "empty")
		r.must(!looksEnded.MatchString(e.text) && (!likeReference(e.text) || strings.Contains(e.line, "&#x")), e, "markup in question")
	case "item>description", "item>content:encoded", "entry>summary", "entry>content":
		r.html(e)
	case "feed>id", "entry>id", "source>id":
		text, err := url.PathUnescape(e.text)
		r.must(err == nil && feed.NormalURI(e.text) == e.text && norm.NFC.IsNormalString(text), e, "not in normal form")
		if within == "entry" {
			r.once("id", e)
		}
	case "item>guid":
		r.must(e.text != "" && (e.attrs["isPermaLink"] == "true" || e.attrs["isPermaLink"] == "false"), e, "no guid")
		r.once("id", e)
	case "entry>updated":
		r.once("updated", e)
		r.must(isTime.MatchString(e.text), e, "no time")
	case "feed>updated", "source>updated", "entry>published":
		r.must(isTime.MatchString(e.text) && e.text > "1990", e, "no time")
	case "channel>lastBuildDate", "item>pubDate":
		at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", e.text)
		r.must(err == nil && at.Year() >= 1990 && at.Format("Mon") == e.text[:3], e, "no time")
	case "channel>language":
		r.language(e, e.text)
	case "channel>link", "channel>docs", "image>url", "image>link", "item>link", "item>comments", "feed>icon":
		r.must(isAddress.MatchString(e.text), e, "no address")
	case "author>uri":
		r.must(feed.EscapeURI(e.text) == e.text && strings.HasPrefix(e.text, "http"), e, "no address")
	case "item>enclosure", "item>media:content", "item>media:thumbnail":
		length, err := strconv.ParseInt(e.attrs["length"], 10, 64)
		r.must(e.name != "enclosure" || err == nil && length >= 0 && isFile.MatchString(e.attrs["url"]), e, "no file")
		r.must(e.name == "media:thumbnail" || isMediaType.MatchString(e.attrs["type"]), e, "no media type")
		r.must(isAddress.MatchString(e.attrs["url"]), e, "no address")
	case "channel>ttl":
		n, err := strconv.Atoi(e.text)
		r.must(err == nil && n > 0, e, "no number")
	case "entry>category":
		r.must(e.attrs["term"] != "", e, "empty")
	}
	if e.name == "source" {
		r.must(isAddress.MatchString(e.attrs["url"]), e, "no address")
	}
	if strings.HasSuffix(e.name, "link") && e.attrs["rel"] != "" {
		u, err := url.Parse(e.attrs["href"])
		r.must(err == nil && u.IsAbs() && feed.EscapeURI(e.attrs["href"]) == e.attrs["href"], e, "no address")
		kind, typed := e.attrs["type"]
		r.must(!typed || isMediaType.MatchString(kind), e, "no media type")
		r.must(slices.Contains(strings.Fields("self alternate related via enclosure hub current prev-archive next-archive"), e.attrs["rel"]), e, "no relation")
	}
}

// html holds content to what validators think safe and whole: known elements that end in the
// order in which they began, attributes without power, absolute addresses.
func (r *referee) html(e *element) {
	r.must(e.text != "", e, "empty")
	var open []string
	for z := html.NewTokenizer(strings.NewReader(e.text)); ; {
		kind := z.Next()
		t := z.Token()
		switch kind {
		case html.ErrorToken:
			r.must(len(open) == 0, e, "not closed: "+strings.Join(open, " "))
			return
		case html.EndTagToken:
			r.must(len(open) > 0 && open[len(open)-1] == t.Data, e, "ended too early: "+t.Data)
			open = open[:max(len(open)-1, 0)]
		case html.StartTagToken, html.SelfClosingTagToken:
			if t.Data == "rt" && slices.Contains(open, "ruby") {
				r.must(open[len(open)-1] == "ruby", e, "rt that is not right in its ruby")
			}
			if !slices.Contains(strings.Fields("br wbr hr img source col"), t.Data) {
				open = append(open, t.Data)
			}
			r.must(!slices.Contains(strings.Fields("script style iframe object embed form input bdo rb rtc svg math font"), t.Data), e, "risky: "+t.Data)
			for _, a := range t.Attr {
				r.must(!strings.HasPrefix(a.Key, "on") && !slices.Contains([]string{"style", "class", "id", "controls"}, a.Key), e, "risky: "+a.Key)
				r.must(a.Key != "href" && a.Key != "src" || regexp.MustCompile(`^(https?|mailto):`).MatchString(a.Val), e, "no absolute address")
			}
		case html.CommentToken, html.DoctypeToken:
			r.must(false, e, "no text: "+t.Data)
		}
	}
}

// harmful is a town in which one outlet sends whatever harms.
func harmful(t *testing.T) *shelf {
	t.Helper()
	s := town()
	o := s.outlets["herald"]
	o.Name, o.FeedID, o.Categories = "Her<i>ald</i> A&B1 &copy", "http://h.example/cafe%CC%81", append(o.Categories, "R&D </b>")
	s.outlets["herald"] = o
	texts := []string{
		"A&B1 of <b and &copy", "Q &amp; <i>A</i>", "\u202ebidi\u202c \u2066here", "caf\u00c3\u00a9 \u00c3\u00bc", "c1 \u0085 \ufffd \ufdd0", "", "😀 اردو", "CDATA ]]>",
		"<p><ruby><rb>a</rb><rtc><rt>b</rt></rtc></ruby><b>mis<i>nest</b>ed</i><table><td>x<p>y</table>", "<script>x</script><p onclick=x style=y>z",
		`<a href="/rel">r</a><a href="javascript:x">j</a><img src="http://[::1]/i.png"><video src=v.mp4>`, "<!-- c --><bdo dir=rtl>x</bdo><form><input></form><svg><text>t</text></svg>",
	}
	addresses := []string{"http://h.example/a[1]?x=é#a#b", "http://[::1]/", "javascript:x", "//h.example/rel", "https://münchen.example/ü", "http://h_x.example/f", "http://h.example?q"}
	languages := []string{"ckb", "pnb", "cmn-Hans", "english", "x", "EN_us"}
	for i, text := range texts {
		link := addresses[i%len(addresses)]
		e := feed.Entry{
			ID: fmt.Sprint("hostile ", i), Link: link, Via: link, Comments: link, Image: link, Language: languages[i%len(languages)],
			Title: feed.Text{Kind: feed.Guess, Value: fmt.Sprintf("%d %s", i, text)}, Content: feed.Text{Kind: feed.HTML, Value: text, Base: "http://h.example/"},
			Summary: feed.Text{Kind: feed.Guess, Value: text + " &c."}, Categories: texts, Authors: []feed.Person{{Name: text, URI: link}, {Name: "<x@h.example>"}},
			Enclosures: []feed.Enclosure{{URL: link, Type: "odd", Length: -1, Title: "</b> &copy"}, {URL: link + "2", Type: "a/b;c=d", Length: 1 << 62, Title: text}, {URL: "http://h.example/3"}},
		}
		it, _ := normalize.Item(e, feed.Channel{}, feed.Outlet{ID: "herald"}, noon)
		s.put(story(fmt.Sprint("hostile", i), noon, it))
	}
	return s
}

func TestFeedsBreakNoRuleOfTheirFormats(t *testing.T) {
	o := townOptions
	o.Title, o.Description = "River </b> & A&B1", "Of &copy; <i>all</i>"
	for name, s := range map[string]*shelf{"town": town(), "hostile": harmful(t), "empty": {outlets: map[string]feed.Outlet{}, states: map[string]feed.State{}}} {
		h := server.New(o, s)
		paths := []string{"", "sources/herald/", "sources/darya/", "categories/R%26D%20%3C%2Fb%3E/", "archive/2026-03-13/"}
		queries := []string{"", "?q=harbour%20board", "?lang=en&q=%3Cb%3Ex%3C/b%3E", "?q=%26copy"}
		checked := 0
		for _, path := range paths {
			for _, file := range feedFiles[:2] {
				for _, query := range queries {
					w := ask(t, h, "GET", "/"+path+file+query)
					if w.Code != 200 {
						continue
					}
					checked++
					for _, broken := range rules(w.Body.Bytes(), townOptions.Base+path+file+query) {
						t.Errorf("%s: %s: %s", name, path+file+query, broken)
					}
				}
			}
		}
		if checked < 8 {
			t.Errorf("%s: only %d documents are there", name, checked)
		}
	}
}

// TestRulesAreFoundBroken holds the referee to account.
func TestRulesAreFoundBroken(t *testing.T) {
	s := town()
	h := server.New(townOptions, s)
	for _, row := range []struct{ file, whole, broken, rule string }{
		{"feed.xml", "<ttl>", "<ttl>-", "no number"},
		{"feed.xml", "</title>", " &amp;copy</title>", "markup in question"},
		{"feed.xml", "</generator>", "</generator><title>x</title>", "one too many"},
		{"feed.xml", "<pubDate>Sat", "<pubDate>Mon", "no time"},
		{"feed.xml", "&lt;/div&gt;</description>", "</description>", "not closed"},
		{"feed.xml", "&lt;p&gt;", "&lt;p onclick=&quot;x&quot;&gt;", "risky"},
		{"feed.xml", "<link>https://", "<link>https://[::1]", "no address"},
		{"atom.xml", `xml:lang="en"`, `xml:lang="ckb"`, "ISO 639-2"},
		{"atom.xml", "<id>tag:", "<id>TAG:", "normal form"},
		{"atom.xml", "<content", "<content type=\"html\">\u0085</content><content", "a character"},
		{"atom.xml", "<name>", "<name>Caf\u00c3\u00a9", "encoded twice"},
		{"atom.xml", `href="https://news.example.org/atom.xml"`, `href="https://news.example.org/atom.xml?"`, "does not call itself"},
	} {
		doc := ask(t, h, "GET", "/"+row.file).Body.String()
		broken := strings.Replace(doc, row.whole, row.broken, 1)
		found := rules([]byte(broken), townOptions.Base+row.file)
		if broken == doc || !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, row.rule) }) {
			t.Errorf("%s for %s: found %q", row.broken, row.whole, found)
		}
	}
	doc := ask(t, h, "GET", "/atom.xml").Body.String()
	first := doc[strings.Index(doc, "<entry"):strings.Index(doc, "</entry>")] + "</entry>"
	found := rules([]byte(strings.Replace(doc, first, first+first, 1)), townOptions.Base+"atom.xml")
	if len(slices.DeleteFunc(found, func(s string) bool { return !strings.Contains(s, "there twice") })) != 2 {
		t.Errorf("an entry twice: found %q", found)
	}
}
