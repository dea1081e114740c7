package render

import (
	"html"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"

	xhtml "golang.org/x/net/html"

	"sangam/feed"
)

// clean removes what XML 1.0 cannot carry (section 2.2, Char): control
// characters, surrogates, U+FFFE and U+FFFF, and bytes that are no UTF-8.
func clean(s string) string {
	if !strings.ContainsFunc(s, illegal) { // bytes that are no UTF-8 count as U+FFFD
		return s
	}
	return strings.Map(func(r rune) rune {
		if illegal(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func illegal(r rune) bool {
	switch {
	case r >= 0x20 && r < 0x7f, r == '\t', r == '\n', r == '\r':
		return false
	case r == 0xfffd: // stands for what could not be read
		return true
	case r < 0x20, r >= 0x7f && r <= 0x9f, r >= 0xd800 && r <= 0xdfff, r&0xfffe == 0xfffe, r >= 0xfdd0 && r <= 0xfdef:
		return true // the C1 controls and noncharacters are legal XML, and never meant
	}
	return false
}

// label makes a string fit for a title or a name: one line of plain text,
// without the bidi controls that would spill over into what stands beside it.
func label(s string) string {
	s = strings.Map(func(r rune) rune {
		if bidiControl(r) {
			return -1
		}
		return r
	}, clean(s))
	return strings.Join(strings.Fields(s), " ")
}

func bidiControl(r rune) bool {
	return r == 0x061c || r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// tag and reference match what validators, and some readers, take for markup in plain text: the
// end of an element, a mail address as mail programs write it, the name of a character.
var tag, reference = regexp.MustCompile(`<(/[\pL\pN_]+>|[\w.+'-]+@[\w.-]+>)`), regexp.MustCompile(`&(#?[\pL\pN_]+)`)

// wordJoiner has no width and parts nothing: who reads a text does not see it.
const wordJoiner = "\u2060"

// unmarked keeps readers that guess at HTML, and validators, from taking the "</b>" of a text for
// the end of an element.
func unmarked(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	return tag.ReplaceAllString(s, "<"+wordJoiner+"$1")
}

// unmarkedValue does that for the value of an attribute, which has no way to say that its "&copy"
// is meant as it is. "AT&T" names no character.
func unmarkedValue(s string) string {
	if !strings.ContainsAny(s, "&<") {
		return s
	}
	return reference.ReplaceAllStringFunc(unmarked(s), func(ref string) string {
		named := html.UnescapeString(ref+";") != ref+";"
		if named || strings.ContainsFunc(ref[1:], func(r rune) bool { return !unicode.IsLetter(r) }) {
			return "&" + wordJoiner + ref[1:]
		}
		return ref
	})
}

// name makes a string fit for the name of somebody or something. Elements and mail addresses that
// a feed has put there are no part of it.
func name(s string) string {
	s = label(s)
	if !tag.MatchString(s) {
		return s
	}
	var b strings.Builder
	for z := xhtml.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case xhtml.ErrorToken:
			return unmarked(label(b.String())) // what was escaped once more shows now
		case xhtml.TextToken:
			b.WriteString(html.UnescapeString(string(z.Text())))
		}
	}
}

// escaped is the content of an XML element, as it stands in the document.
type escaped struct {
	Body string `xml:",innerxml"`
}

// verbatim escapes plain text in which readers might look for markup. Its "&" and "<" are
// written as hexadecimal references, by which readers and validators know that they are
// meant as they are (RSS Advisory Board, Best Practices Profile, "Character Data").
func verbatim(s string) escaped { return escaped{hexReferences.Replace(s)} }

// markup escapes HTML. What encoding/xml would write takes a tenth more room, since it
// escapes quotes and line ends too.
func markup(s string) escaped { return escaped{namedReferences.Replace(s)} }

var (
	hexReferences   = strings.NewReplacer("&", "&#x26;", "<", "&#x3C;", ">", "&#x3E;", "\r", "&#xD;")
	namedReferences = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
)

// uri makes an http address fit for every format: ASCII only (RFC 3986), since
// not every reader takes IRIs. Other schemes and relative addresses give "".
func uri(s string) string {
	s = strings.TrimSpace(clean(s))
	low := strings.ToLower(s)
	if !strings.HasPrefix(low, "http://") && !strings.HasPrefix(low, "https://") {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return ""
	}
	if !ascii(u.Host) {
		host, err := idna.Lookup.ToASCII(u.Hostname())
		if err != nil {
			return ""
		}
		if port := u.Port(); port != "" {
			host += ":" + port
		}
		s = strings.Replace(s, u.Host, host, 1)
	}
	host := strings.Index(s, "://") + 3
	if end := strings.IndexAny(s[host:], "/?#"); end >= 0 && s[host+end] != '/' {
		s = s[:host+end] + "/" + s[host+end:] // an empty path, which some take for a part of the host
	}
	return feed.EscapeURI(s)
}

// entryID makes an id fit for every format: the same, but for characters that may not
// stand in a URI. Equal ids stay equal.
func entryID(s string) string { return feed.EscapeURI(clean(s)) }

// sourceID is the id of a feed, "" for what validators, and readers that compare ids as addresses,
// take for another than it is.
func sourceID(s string) string {
	id := feed.NormalURI(clean(s))
	if text, err := url.PathUnescape(id); err == nil {
		if again, err := url.PathUnescape(text); err == nil && again != text || !norm.NFC.IsNormalString(text) {
			return ""
		}
	}
	return id
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// languageTag returns a well-formed BCP 47 tag, or "" for what is none.
func languageTag(s string) string {
	if s == "" {
		return ""
	}
	tag, err := language.Parse(strings.ReplaceAll(s, "_", "-"))
	if err != nil || tag == language.Und {
		return ""
	}
	return tag.String()
}

// wrap puts a fragment into an element that says how it is to be read, since
// feed readers show it among texts of other languages.
func wrap(fragment, lang string, dir feed.Direction) string {
	fragment = plainer(clean(fragment))
	if dir == feed.Unknown && lang == "" {
		return fragment
	}
	var b strings.Builder
	b.WriteString("<div")
	if dir != feed.Unknown {
		b.WriteString(` dir="` + html.EscapeString(string(dir)) + `"`)
	}
	if lang != "" {
		b.WriteString(` lang="` + html.EscapeString(lang) + `"`)
	}
	b.WriteString(">" + fragment + "</div>")
	return b.String()
}

// unusual are signs that a fragment may hold what plainer changes.
var unusual = []string{" controls", "<bdo", "<rb", "<rt", "<rp"}

// void elements have no end tag.
var void = map[string]bool{"br": true, "wbr": true, "hr": true, "img": true, "source": true, "col": true}

// plainer writes what validators of feeds, whose lists of elements are old, take for a
// risk in words that they know: readers put controls to a film by themselves. What stands
// above letters (rt) belongs right into the ruby.
func plainer(fragment string) string {
	if !slices.ContainsFunc(unusual, func(sign string) bool { return strings.Contains(fragment, sign) }) {
		return fragment
	}
	var b strings.Builder
	var open []string // of each element that is open, what it is written as
	z := xhtml.NewTokenizer(strings.NewReader(fragment))
	for z.Next() != xhtml.ErrorToken {
		raw := string(z.Raw())
		t := z.Token()
		known := t.Data
		switch {
		case t.Type == xhtml.EndTagToken && len(open) > 0:
			known, open = open[len(open)-1], open[:len(open)-1]
		case t.Type != xhtml.StartTagToken:
		case t.Data == "bdo":
			known = "bdi"
		case t.Data == "rtc" && len(open) > 0 && open[len(open)-1] == "ruby":
			known = "rt"
		case t.Data == "rb", t.Data == "rtc", (t.Data == "rt" || t.Data == "rp") && slices.Contains(open, "ruby") && open[len(open)-1] != "ruby":
			known = "span"
		}
		if t.Type == xhtml.StartTagToken && !void[t.Data] {
			open = append(open, known)
		}
		controls := slices.IndexFunc(t.Attr, func(a xhtml.Attribute) bool { return a.Key == "controls" })
		if known == t.Data && controls < 0 {
			b.WriteString(raw)
			continue
		}
		if controls >= 0 {
			t.Attr = slices.Delete(t.Attr, controls, controls+1)
		}
		t.Data = known
		b.WriteString(t.String())
	}
	return b.String()
}

// excerpt returns the beginning of a fragment as single-spaced plain text of at
// most n characters, cut between words.
func excerpt(fragment string, n int) string {
	z := xhtml.NewTokenizer(strings.NewReader(fragment))
	var b strings.Builder
	runes := 0
	for runes <= n {
		switch z.Next() {
		case xhtml.ErrorToken:
			return shorten(label(b.String()), n)
		case xhtml.TextToken:
			t := html.UnescapeString(string(z.Text()))
			b.WriteString(t)
			for _, r := range t { // spaces may yet collapse, and controls go
				if !unicode.IsSpace(r) && !illegal(r) && !bidiControl(r) {
					runes++
				}
			}
		case xhtml.StartTagToken, xhtml.EndTagToken, xhtml.SelfClosingTagToken:
			if name, _ := z.TagName(); !inline[string(name)] {
				b.WriteByte(' ')
			}
		}
	}
	return shorten(label(b.String()), n)
}

// inline holds the elements that do not part words.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "bdi": true, "bdo": true, "cite": true, "code": true, "em": true, "i": true,
	"mark": true, "q": true, "s": true, "small": true, "span": true, "strong": true, "sub": true, "sup": true, "u": true,
}

// direction is that of the first letter that has one (UAX #9, rule P2).
func direction(s string) feed.Direction {
	for _, r := range s {
		switch p, _ := bidi.LookupString(string(r)); p.Class() {
		case bidi.L:
			return feed.LeftToRight
		case bidi.R, bidi.AL:
			return feed.RightToLeft
		}
	}
	return feed.Unknown
}

// shorten cuts s between words so that it has at most n characters.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	at, seen := 0, 0
	for i := range s {
		if seen == n-1 {
			at = i
			break
		}
		seen++
	}
	s = s[:at]
	if space := strings.LastIndexByte(s, ' '); space > len(s)*2/3 {
		s = s[:space]
	}
	return strings.TrimRightFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) }) + "…"
}

// mediaType returns what an enclosure is, by its own word or by its name.
func mediaType(e feed.Enclosure) string {
	if t := strings.ToLower(strings.TrimSpace(e.Type)); strings.Count(t, "/") == 1 && !strings.ContainsAny(t, " ;\"<>") && ascii(t) {
		return t
	}
	u, err := url.Parse(e.URL)
	if err == nil {
		if t := types[strings.ToLower(path.Ext(u.Path))]; t != "" {
			return t
		}
	}
	return "application/octet-stream"
}

// types is a table of our own because the system's differs from host to host.
var types = map[string]string{
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
	".mp4": "video/mp4", ".webm": "video/webm", ".mov": "video/quicktime",
	".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp",
	".pdf": "application/pdf", ".epub": "application/epub+zip",
}
