package feed

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NormalURI writes an http, tag or urn URI, or an IRI, in the one way that RFC 3986,
// section 6.2 calls normal, so that those who compare ids letter by letter and those who
// compare them as addresses agree. It returns "" for what is no such URI or has no normal
// form: bytes of an encoding that nobody names, detours in a path, a password.
func NormalURI(s string) string {
	if PlainAddress(s) {
		return s
	}
	plain := unescapeURI(s)
	scheme, rest, _ := strings.Cut(EscapeURI(plain), ":")
	scheme = strings.ToLower(scheme)
	s = scheme + ":" + rest
	u, err := url.Parse(s)
	switch {
	case err != nil || !utf8.ValidString(plain):
		return ""
	case scheme == "tag" && isTag.MatchString(s), isUUID.MatchString(s):
		return s
	case isURN.MatchString(s) && !strings.HasPrefix(strings.ToLower(s), "urn:uuid:"):
		return s
	case scheme != "http" && scheme != "https" || !isHost.MatchString(u.Host) || u.User != nil:
		return ""
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }): // there are two ways to write it
		return ""
	}
	if slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }) {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"http": ":80", "https": ":443"}[scheme])
	path := rest[len("//")+len(u.Host):]
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return scheme + "://" + host + path
}

// PlainAddress reports whether s is so plain an http or https address that NormalURI leaves
// it as it is: no escapes, port, detours, fragment, nor capitals in the host. Most ids are.
func PlainAddress(s string) bool {
	rest, found := strings.CutPrefix(s, "https://")
	if !found {
		if rest, found = strings.CutPrefix(s, "http://"); !found {
			return false
		}
	}
	host := strings.IndexByte(rest, '/')
	if host <= 0 || rest[host-1] == '.' || strings.Contains(rest[host:], "/.") {
		return false
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
		case i < host:
			return false
		case 'A' <= c && c <= 'Z', strings.IndexByte("/_~?=&+,;:@!$'()*", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// What feed validators take for a tag URI (RFC 4151), a URN (RFC 2141), that of a
// UUID, and a host. An id that only looks like one is no better than any other word.
var (
	isTag  = regexp.MustCompile(`^tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(?:-\d\d(?:-\d\d)?)?:[0-9A-Za-z;/?:@&=+$.\-_!~*'()%,]*(?:#[0-9A-Za-z;/?:@&=+$.\-_!~*'()%,]*)?$`)
	isURN  = regexp.MustCompile(`^urn:(?i:[a-z0-9][a-z0-9-]{1,31}:(?:[a-z0-9()+,.:=@;$_!*'-]|%[0-9a-f]{2})+)$`)
	isUUID = regexp.MustCompile(`^urn:(?i:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)
	isHost = regexp.MustCompile(`^[^\[\]:]*[^\[\]:.](?::[1-9][0-9]*)?$`)
)

// EscapeURI percent-encodes the bytes that may not stand in a URI (RFC 3986, 2.2 and
// 2.3) and leaves all others as they are. Brackets may, but in a host only.
func EscapeURI(s string) string {
	const hex = "0123456789ABCDEF"
	host := 0
	if at := strings.Index(s, "://"); at >= 0 {
		if host = strings.IndexAny(s[at+3:], "/?#"); host < 0 {
			host = len(s)
		} else {
			host += at + 3
		}
	}
	var b strings.Builder
	fragment := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		stays := c > 0x20 && c < 0x7f && strings.IndexByte("\"<>\\^`{|}", c) < 0
		switch c {
		case '[', ']':
			stays = i < host
		case '%':
			stays = i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2])
		case '#':
			stays = !fragment
			fragment = true
		}
		if stays {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// unescapeURI takes the percent sign off what needs none: what is not ASCII, and what
// RFC 3986, section 2.3 leaves free. Other escapes get capital digits.
func unescapeURI(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
			b.WriteByte(s[i])
			continue
		}
		escape := strings.ToUpper(s[i : i+3])
		c, _ := strconv.ParseUint(escape[1:], 16, 8)
		if c >= utf8.RuneSelf || strings.IndexByte(unreserved, byte(c)) >= 0 {
			b.WriteByte(byte(c))
		} else {
			b.WriteString(escape)
		}
		i += 2
	}
	return b.String()
}

const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
