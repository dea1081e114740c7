package parser

import "strings"

// The prefix that an element's name is known by here, whatever prefix and spelling
// of the namespace the document uses: "" for the vocabulary of the format itself.
const (
	native  = ""
	atomNS  = "atom"
	xhtmlNS = "xhtml"
	rdfNS   = "rdf"
	rssNS   = "rss"

	nameless = "?" // a default namespace that nobody knows: nothing to call it by
)

// namespaces maps the part of a namespace's address that outlets get right (no
// scheme, no slash or # at the end, lower case) to its prefix.
var namespaces = map[string]string{
	"www.w3.org/2005/atom":                         atomNS,
	"purl.org/atom/ns":                             atomNS,
	"purl.org/rss/1.0":                             rssNS,
	"purl.org/rss":                                 rssNS,
	"channel.netscape.com/rdf/simple/0.9":          rssNS,
	"my.netscape.com/rdf/simple/0.9":               rssNS,
	"my.netscape.com/publish/formats/rss-0.91.dtd": rssNS,
	"example.com/rss":                              rssNS,
	"backend.userland.com/rss":                     rssNS,
	"backend.userland.com/rss2":                    rssNS,
	"backend.userland.com/rss091":                  rssNS,
	"backend.userland.com/rss092":                  rssNS,
	"blogs.law.harvard.edu/tech/rss":               rssNS,
	"cyber.law.harvard.edu/rss/rss.html":           rssNS,
	"cyber.law.harvard.edu/rss":                    rssNS,
	"purl.org/net/rss1.1":                          rssNS,
	"www.w3.org/1999/02/22-rdf-syntax-ns":          rdfNS,
	"www.w3.org/1999/xhtml":                        xhtmlNS,
	"www.w3.org/2000/svg":                          "svg",
	"www.w3.org/1998/math/mathml":                  "mathml",
	"www.w3.org/1999/xlink":                        "xlink",
	"www.w3.org/xml/1998/namespace":                "xml",
	"www.w3.org/2003/01/geo/wgs84_pos":             "geo",
	"purl.org/dc/elements/1.1":                     "dc",
	"purl.org/dc/elements/1.0":                     "dc",
	"purl.org/metadata/dublin_core":                "dc",
	"purl.org/dc/terms":                            "dcterms",
	"purl.org/rss/1.0/modules/content":             "content",
	"purl.org/rss/1.0/modules/syndication":         "sy",
	"purl.org/rss/1.0/modules/link":                "l",
	"purl.org/rss/1.0/modules/slash":               "slash",
	"purl.org/rss/1.0/modules/threading":           "thr",
	"purl.org/syndication/thread/1.0":              "thr",
	"purl.org/rss/1.0/modules/taxonomy":            "taxo",
	"webns.net/mvcb":                               "admin",
	"search.yahoo.com/mrss":                        "media",
	"search.yahoo.com/rss":                         "media",
	"video.search.yahoo.com/mrss":                  "media",
	"www.itunes.com/dtds/podcast-1.0.dtd":          "itunes",
	"example.com/dtds/podcast-1.0.dtd":             "itunes",
	"www.itunes.com/dtds/podcast-1.0":              "itunes",
	"rssnamespace.org/feedburner/ext/1.0":          "feedburner",
	"wellformedweb.org/commentapi":                 "wfw",
	"xmlns.com/foaf/0.1":                           "foaf",
	"prismstandard.org/namespaces/1.2/basic":       "prism",
	"prismstandard.org/namespaces/basic/2.0":       "prism",
	"podcastindex.org/namespace/1.0":               "podcast",
	"www.georss.org/georss":                        "georss",
	"www.w3.org/2007/app":                          "app",
	"creativecommons.org/ns":                       "cc",
	"web.resource.org/cc":                          "cc",
}

// usual are prefixes that mean their namespace even where nobody declared them.
var usual = func() map[string]bool {
	known := map[string]bool{}
	for _, prefix := range namespaces {
		known[prefix] = true
	}
	return known
}()

// vocabulary returns the prefix that a namespace is known by, or "".
func vocabulary(address string) string {
	a := strings.TrimSpace(address)
	if i := strings.Index(a, "://"); i >= 0 {
		a = a[i+3:]
	}
	a = strings.TrimRight(a, "/#")
	if v, ok := namespaces[a]; ok {
		return v
	}
	a = strings.ToLower(a)
	if v, ok := namespaces[a]; ok {
		return v
	}
	return namespaces["www."+a]
}

// scopeEntry is one namespace declaration in scope.
type scopeEntry struct{ prefix, address, known string }

// scope is the declarations in scope, innermost last.
type scope []scopeEntry

func (s scope) find(prefix string) (scopeEntry, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].prefix == prefix {
			return s[i], true
		}
	}
	return scopeEntry{}, false
}

// qname is an element's name as it is known here.
type qname struct {
	prefix string // canonical, "" for the format itself
	local  string // lower case
}

func (q qname) String() string {
	if q.prefix == native {
		return q.local
	}
	return q.prefix + ":" + q.local
}

// dialect is what a document's root says about its names.
type dialect struct {
	atom    bool   // Atom, else RSS
	address string // the root's namespace as written
	prefix  string // the root's prefix, if nobody declared it
}

// name resolves a tag's name. The root's own namespace counts as the format's, so
// that a feed under a wrong or foreign one is still read; but in RSS a prefix of
// Atom's stays Atom's.
func (s scope) name(raw string, d dialect) qname {
	prefix, local, found := strings.Cut(raw, ":")
	if !found {
		prefix, local = "", raw
	}
	local = lower(local)
	entry, declared := s.find(prefix)
	switch {
	case !declared && prefix == "":
		return qname{native, local}
	case !declared:
		known := lower(prefix)
		switch {
		case prefix == d.prefix, known == rssNS, d.atom && known == atomNS:
			return qname{native, local}
		case usual[known]:
			return qname{known, local}
		}
		return qname{prefix, local}
	case entry.known == rssNS, entry.address == "", d.atom && entry.known == atomNS:
		return qname{native, local}
	case entry.address == d.address && (prefix == "" || d.atom):
		return qname{native, local}
	case entry.known != "":
		return qname{entry.known, local}
	case entry.address == d.address:
		return qname{native, local}
	case usual[lower(prefix)]:
		return qname{lower(prefix), local} // a misspelt address under the usual prefix
	case prefix == "":
		return qname{nameless, local}
	}
	return qname{prefix, local}
}

// lower is strings.ToLower that does nothing for the usual name.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
