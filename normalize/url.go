package normalize

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nlnwa/whatwg-url/url"
	"golang.org/x/net/publicsuffix"
)

// URL returns the key under which links to one page compare equal, and "" for what is
// no http or https address with a host. It serves comparing only: following it may
// lead elsewhere or nowhere. Making a key of a key changes nothing.
//
// A key is https whatever the link was; without user info, default port, "www.", "m.",
// "mobile." and "amp." at the head of the host; with the host in lower case and ASCII
// (UTS #46), dots and doubled slashes in the path resolved, no slash at the end unless
// it is all there is; letters, digits and "-._~" bare and every other byte that needs it
// percent-encoded in upper case, so that an Urdu path is the same path raw and encoded;
// without tracking parameters (see tracking), the others ordered by name, values of one
// name in their order, split at "&" only; and without a fragment that only says where
// to look ("#comments", "#:~:text=…") or who sent the reader. Other fragments stay: there
// are feeds in which nothing else tells the items apart. "&amp;" left in a link by a
// feed that escaped it twice is "&". The case of path and query matters. A link through
// one of the redirectors of search engines and networks has the key of its target.
func URL(link string) string {
	link = tidyLink(link)
	if link == "" {
		return ""
	}
	if key, ok := quickKey(link); ok {
		return key
	}
	return slowKey(link)
}

// redirectors lead to the address in a parameter, by host and path as in a key.
var redirectors = map[string][]string{
	"google.com/url": {"url", "q"}, "l.facebook.com/l.php": {"u"}, "facebook.com/l.php": {"u"}, "l.instagram.com/": {"u"},
	"out.reddit.com/": {"url"}, "t.umblr.com/redirect": {"z"}, "youtube.com/redirect": {"q"}, "vk.com/away.php": {"to"},
}

// target returns the key of the page that a redirector leads to, "" if it is none.
func target(host, path, query string) string {
	if query == "" {
		return ""
	}
	for _, name := range redirectors[host+path] {
		for param := range strings.SplitSeq(query, "&") {
			value, found := strings.CutPrefix(param, name+"=")
			if !found {
				continue
			}
			value = tidyLink(decoded(value))
			u := read(keys, "", value)
			if u == nil || u.Scheme() != "http" && u.Scheme() != "https" || redirectors[keyHost(u.Hostname())+keyPath(u.Pathname())] != nil {
				continue
			}
			return makeKey(u.Hostname(), u.Port(), u.Pathname(), u.Query(), u.Fragment())
		}
	}
	return ""
}

// decoded decodes every percent-escape.
func decoded(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b = append(b, fromHex(s[i+1])<<4|fromHex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// slowKey makes the key of whatever a browser takes for an address.
func slowKey(link string) string {
	u := read(keys, "", link)
	if u == nil || u.Scheme() != "http" && u.Scheme() != "https" {
		return ""
	}
	return makeKey(u.Hostname(), u.Port(), u.Pathname(), u.Query(), u.Fragment())
}

// quickKey makes the key of an address that says plainly what it is: of such a one a
// browser's parser would find the same parts, as the fuzz test makes sure.
func quickKey(link string) (key string, ok bool) {
	if !isPlainWeb(link) || strings.Contains(link, "'") || strings.Contains(link, "%2e") || strings.Contains(link, "%2E") {
		return "", false
	}
	_, rest, _ := strings.Cut(link, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, port, _ := strings.Cut(rest[:end], ":")
	if !isPlainHost(host) && !isDottedQuad(host) || strings.HasPrefix(port, "0") {
		return "", false
	}
	path, fragment, _ := strings.Cut(rest[end:], "#")
	path, query, _ := strings.Cut(path, "?")
	if strings.Contains(path, "//") {
		return "", false
	}
	return makeKey(host, port, path, query, fragment), true
}

// isPlainHost reports whether a host is a name in lower case that needs no mapping.
func isPlainHost(host string) bool {
	label := 0
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c == '.':
			if i == label {
				return false
			}
			label = i + 1
		case c == '-':
			if strings.HasPrefix(host[label:], "xn-") {
				return false
			}
		case (c < 'a' || 'z' < c) && !isDigit(c):
			return false
		}
	}
	return label < len(host) && !isDigit(host[label]) // else it may be a number, and so an address
}

// isDottedQuad reports whether a host is an IPv4 address as it is usually written.
func isDottedQuad(host string) bool {
	value, digits, dots := 0, 0, 0
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case isDigit(c) && (digits == 0 || value > 0):
			value, digits = value*10+int(c-'0'), digits+1
		case c == '.' && digits > 0:
			value, digits, dots = 0, 0, dots+1
		default:
			return false
		}
		if value > 255 {
			return false
		}
	}
	return dots == 3 && digits > 0
}

// makeKey puts a key together from the parts of an address.
func makeKey(host, port, path, query, fragment string) string {
	if host = keyHost(host); host == "" {
		return ""
	}
	path = keyPath(path)
	if to := target(host, path, query); to != "" {
		return to
	}
	var b strings.Builder
	b.Grow(len("https://") + len(host) + len(path) + len(query) + len(port) + 2)
	b.WriteString("https://")
	b.WriteString(host)
	if port != "" && port != "80" && port != "443" {
		b.WriteByte(':')
		b.WriteString(port)
	}
	b.WriteString(path)
	if query = keyQuery(query); query != "" {
		b.WriteByte('?')
		b.WriteString(query)
	}
	if meansPage(fragment) {
		b.WriteByte('#')
		b.WriteString(bareEscapes(fragment, false))
	}
	return b.String()
}

// keys reads links as a browser does (WHATWG URL), which gets something out of nearly
// every string, with the liberty that a lone "%" is taken for one.
var keys = url.NewParser(url.WithPercentEncodeSinglePercentSign(), url.WithCollapseConsecutiveSlashes())

// longestLink is the longest address that is read, in bytes: what servers should take at
// least (RFC 9110, 4.1).
const longestLink = 8000

// tidyLink prepares an address for being read: without the white space and control
// characters that a browser ignores (at the ends, and line ends and tabs within), with
// ampersands as such, and with bytes that are no UTF-8 percent-encoded, so that they
// stay what they are. What is too long to be an address is none.
func tidyLink(link string) string {
	if len(link) > longestLink {
		return ""
	}
	link = strings.TrimFunc(link, func(r rune) bool { return r <= ' ' || r == 0x7F || r == 0xA0 || r == '\uFEFF' })
	if strings.ContainsAny(link, "\t\r\n") {
		link = lineEnds.Replace(link)
	}
	return asUTF8(unescapeAmps(link))
}

var lineEnds = strings.NewReplacer("\t", "", "\r", "", "\n", "")

func asUTF8(link string) string {
	if utf8.ValidString(link) && !strings.ContainsRune(link, utf8.RuneError) {
		return link
	}
	var b strings.Builder
	for i, r := range link {
		if r != utf8.RuneError {
			b.WriteRune(r)
			continue
		}
		size := 1
		if strings.HasPrefix(link[i:], "\uFFFD") {
			size = len("\uFFFD")
		}
		for _, c := range []byte(link[i : i+size]) {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

// unescapeAmps turns every reference to the ampersand into one, as often as it was
// escaped. Other references are left: "&copy=1" is a parameter.
func unescapeAmps(link string) string {
	for strings.Contains(link, "&amp;") || strings.Contains(link, "&#") {
		before := link
		link = ampersands.Replace(link)
		if link == before {
			break
		}
	}
	return link
}

var ampersands = strings.NewReplacer("&amp;", "&", "&#38;", "&", "&#038;", "&", "&#x26;", "&", "&#X26;", "&")

// sameSite holds first labels of hosts under which outlets serve the same pages.
var sameSite = [...]string{"www.", "m.", "mobile.", "amp."}

// keyHost drops the label that says which edition of a site it is, unless what is left
// would be a public suffix such as "co.uk".
func keyHost(host string) string {
	host = strings.TrimLeft(host, ".")
	// One dot at the end is the root of names. What ends in two is no name: without
	// them it could become a number, and so another host.
	if rooted := strings.TrimSuffix(host, "."); !strings.HasSuffix(rooted, ".") {
		host = rooted
	}
	for _, label := range sameSite {
		rest, found := strings.CutPrefix(host, label)
		if !found || !strings.Contains(rest, ".") {
			continue
		}
		if suffix, _ := publicsuffix.PublicSuffix(rest); suffix != rest {
			return keyHost(rest)
		}
	}
	return host
}

func keyPath(path string) string {
	path = strings.TrimRight(bareEscapes(path, false), "/")
	if path == "" {
		return "/"
	}
	return path
}

// keyQuery drops tracking parameters and orders the others.
func keyQuery(query string) string {
	if query == "" {
		return ""
	}
	var room [8]string
	params := room[:0]
	for rest, param := query, ""; rest != ""; {
		param, rest, _ = strings.Cut(rest, "&")
		if param != "" && !tracks(paramName(param)) {
			params = append(params, bareEscapes(param, true))
		}
	}
	slices.SortStableFunc(params, func(a, b string) int { return strings.Compare(paramName(a), paramName(b)) })
	return strings.Join(params, "&")
}

func paramName(param string) string {
	name, _, _ := strings.Cut(param, "=")
	return name
}

// meansPage reports whether a fragment tells one page, or one item of a page, from another.
func meansPage(fragment string) bool {
	if fragment == "" || strings.Contains(fragment, ":~:") || idleFragments[strings.ToLower(fragment)] {
		return false
	}
	for _, p := range strings.Split(fragment, "&") {
		if !strings.Contains(p, "=") || !tracks(paramName(p)) {
			return true
		}
	}
	return false
}

// idleFragments point at a place that every page has.
var idleFragments = map[string]bool{
	"top": true, "content": true, "main": true, "comments": true, "comment": true,
	"respond": true, "rss": true, "disqus_thread": true,
}

// bareEscapes writes percent-escapes in one way: unreserved characters (RFC 3986, 2.3)
// bare, hexadecimal digits in upper case; in a query "+" as the space it stands for.
func bareEscapes(s string, query bool) string {
	if strings.IndexByte(s, '%') < 0 && (!query || strings.IndexByte(s, '+') < 0) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c := fromHex(s[i+1])<<4 | fromHex(s[i+2])
			if isUnreserved(c) {
				b = append(b, c)
			} else {
				b = append(b, '%', upper(s[i+1]), upper(s[i+2]))
			}
			i += 2
		case s[i] == '+' && query:
			b = append(b, "%20"...)
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func fromHex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c &^ 0x20
	}
	return c
}

func isUnreserved(c byte) bool {
	return isLetter(c) || isDigit(c) || c == '-' || c == '.' || c == '_' || c == '~'
}
