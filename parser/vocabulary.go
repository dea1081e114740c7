package parser

// feedLevel are the elements whose children describe the feed.
var feedLevel = map[string]bool{"rss": true, "rdf": true, "channel": true, "feed": true}

// containers are the elements whose children are read.
var containers = map[qname]bool{
	{native, "author"}: true, {native, "contributor"}: true, {native, "source"}: true, {native, "image"}: true,
	{native, "textinput"}: true, {native, "skiphours"}: true, {native, "skipdays"}: true,
	{atomNS, "author"}: true, {atomNS, "contributor"}: true, {atomNS, "source"}: true,
	{"media", "group"}: true, {"media", "content"}: true, {"itunes", "owner"}: true, {"itunes", "category"}: true,
}

// texts are the elements that hold one text, with or without markup in it.
var texts = map[qname]bool{
	{native, "title"}: true, {native, "description"}: true, {native, "summary"}: true, {native, "content"}: true,
	{native, "subtitle"}: true, {native, "tagline"}: true, {native, "rights"}: true, {native, "copyright"}: true,
	{native, "info"}: true, {native, "abstract"}: true, {native, "fullitem"}: true, {native, "body"}: true,
	{atomNS, "title"}: true, {atomNS, "summary"}: true, {atomNS, "content"}: true, {atomNS, "subtitle"}: true,
	{atomNS, "rights"}:     true,
	{"content", "encoded"}: true, {"dc", "title"}: true, {"dc", "description"}: true, {"dc", "rights"}: true,
	{"dcterms", "title"}: true, {"dcterms", "description"}: true, {"dcterms", "abstract"}: true, {"dcterms", "rights"}: true,
	{"itunes", "summary"}: true, {"itunes", "subtitle"}: true, {"itunes", "title"}: true,
	{"media", "title"}: true, {"media", "description"}: true, {"media", "text"}: true,
}

func isTextual(n qname) bool { return texts[n] }

// hidden are vocabularies that mean nothing outside a text.
var hidden = map[string]bool{xhtmlNS: true, "svg": true, "mathml": true, rdfNS: true, "taxo": true, "xml": true, "foaf": true}

// dates are the elements of the formats themselves that hold one.
var dates = map[string]bool{
	"pubdate": true, "lastbuilddate": true, "date": true, "updated": true, "published": true, "modified": true,
	"issued": true, "created": true, "lastmod": true,
}

// identifying are the elements by which an item can be told from others.
var identifying = map[qname]bool{{native, "guid"}: true, {native, "id"}: true, {atomNS, "id"}: true}

// attributes are those that anything is read from.
var attributes = map[string]bool{
	"url": true, "href": true, "src": true, "type": true, "rel": true, "length": true, "title": true, "hreflang": true,
	"ispermalink": true, "domain": true, "scheme": true, "term": true, "label": true, "text": true, "medium": true,
	"filesize": true, "isdefault": true, "role": true, "resource": true, "uri": true, "version": true, "value": true,
}

// itemLevel are elements that only ever stand directly in an item: inside another
// one they show that its end tag is missing.
var itemLevel = map[qname]bool{
	{native, "guid"}: true, {native, "pubdate"}: true, {native, "description"}: true, {native, "enclosure"}: true,
	{native, "comments"}: true, {native, "category"}: true, {native, "author"}: true, {native, "id"}: true,
	{native, "updated"}: true, {native, "published"}: true, {native, "summary"}: true, {native, "content"}: true,
	{native, "title"}: true, {native, "link"}: true,
	{"content", "encoded"}: true, {"dc", "date"}: true, {"dc", "creator"}: true,
}

// mayClose are the names of elements that show, where they begin, that a text was
// never ended.
var mayClose = func() map[string]bool {
	names := map[string]bool{"item": true, "entry": true}
	for n := range itemLevel {
		names[n.local] = true
	}
	return names
}()

// inMarkup are those of them that are elements of HTML too, or may be.
var inMarkup = map[string]bool{"title": true, "link": true, "content": true, "summary": true, "source": true}

// void are the elements of HTML that have no end tag (HTML, 13.1.2).
var void = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "param": true, "source": true, "track": true, "wbr": true,
}

// writable reports whether a name can stand in the outline as it is.
func writable(n qname) bool {
	return plainName(n.local) && (n.prefix == native || plainName(n.prefix))
}

func plainName(s string) bool {
	if s == "" || !nameStart(s[0]) || s[0] >= 0x80 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || c == ':' || !nameByte(c) {
			return false
		}
	}
	return true
}
