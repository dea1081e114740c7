package normalize

import (
	"strings"

	"github.com/nlnwa/whatwg-url/url"
)

// link returns an address found in content as an absolute one without tracking
// parameters, "" if it is none that content may have.
func (c *cleaner) link(ref string) string {
	return untracked(absolute(ref, c.base))
}

// absolute returns a reference as an absolute http, https or mailto address, resolved
// against base as a browser does, and "" if it is none. One that is plainly well-formed
// stays byte for byte.
func absolute(ref, base string) string {
	ref = tidyLink(ref)
	if ref == "" {
		return ""
	}
	if isPlainWeb(ref) {
		return ref
	}
	if ref[0] == '/' && !strings.HasPrefix(ref, "//") && isPlainPath(ref) && isPlainWeb(base) {
		host := strings.Index(base, "://") + len("://")
		if end := strings.IndexAny(base[host:], "/?#"); end >= 0 {
			base = base[:host+end]
		}
		return base + ref
	}
	if strings.HasPrefix(ref, "//") && base == "" {
		ref = "https:" + ref
	}
	u := read(links, base, ref)
	if u == nil && base != "" {
		u = read(links, "", ref)
	}
	if u == nil {
		return ""
	}
	switch u.Scheme() {
	case "http", "https":
		if u.Hostname() == "" {
			return ""
		}
	case "mailto":
		if !strings.Contains(u.Pathname(), "@") {
			return ""
		}
	default:
		return ""
	}
	return u.Href(false)
}

// links reads references as a browser does, but takes a lone "%" for one.
var links = url.NewParser(url.WithPercentEncodeSinglePercentSign())

// What the library is given: it takes time in proportion to the square of the length,
// and much more where there are many "@".
const (
	longestOdd = 2000 // bytes of an address that is not plain
	maxAts     = 8
)

// read reads a reference, resolved against base unless that is empty; nil if it is none.
// What makes the library stumble (it has done so over bytes that are no UTF-8) is no
// address either: one link must not cost a feed.
func read(p url.Parser, base, ref string) (u *url.Url) {
	if len(ref) > longestOdd || strings.Count(ref, "@") > maxAts {
		return nil
	}
	defer func() {
		if recover() != nil {
			u = nil
		}
	}()
	var err error
	if base == "" {
		u, err = p.Parse(ref)
	} else {
		u, err = p.ParseRef(base, ref)
	}
	if err != nil {
		return nil
	}
	return u
}

// webAddress returns an address as a reader may follow it, "" if it is no http or https
// one. It is the check for every address of an item outside its content.
func webAddress(link string) string {
	if link = absolute(link, ""); strings.HasPrefix(link, "http") {
		return link
	}
	return ""
}

// isPlainWeb reports whether s is an absolute http or https address that every reader
// of addresses understands in the same way.
func isPlainWeb(s string) bool {
	rest, found := strings.CutPrefix(s, "https://")
	if !found {
		if rest, found = strings.CutPrefix(s, "http://"); !found {
			return false
		}
	}
	host := len(rest)
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '/' || c == '?' || c == '#' {
			host = i
			break
		}
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '.' && c != ':' {
			return false
		}
	}
	if host == 0 || rest[0] == ':' || rest[0] == '.' || strings.Count(rest[:host], ":") > 1 {
		return false
	}
	if _, port, found := strings.Cut(rest[:host], ":"); found && (len(port) > 5 || strings.Trim(port, "0123456789") != "") {
		return false
	}
	return isPlainPath(rest[host:])
}

// isPlainPath reports whether what follows the host of an address needs no encoding and
// has no dots to be resolved.
func isPlainPath(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			continue
		}
		if c == '/' && i+1 < len(s) && s[i+1] == '.' {
			return false
		}
		if !isUnreserved(c) && strings.IndexByte("/?#&=;:@!$'()*+,", c) < 0 {
			return false
		}
	}
	return true
}

// imageSet returns the candidates of a srcset whose addresses may stay. An address may
// hold commas, so a candidate ends at the comma behind white space or a descriptor
// (WHATWG HTML, 4.8.4.2.1).
func (c *cleaner) imageSet(set string) string {
	var b strings.Builder
	for range maxCandidates {
		set = strings.TrimLeft(set, " \t\n\r\f,")
		if set == "" {
			break
		}
		end := strings.IndexAny(set, " \t\n\r\f")
		if end < 0 {
			end = len(set)
		}
		ref, descriptor := set[:end], ""
		set = set[end:]
		if bare := strings.TrimRight(ref, ","); bare != ref {
			ref = bare
		} else {
			descriptor, set, _ = strings.Cut(set, ",")
			descriptor = strings.TrimSpace(descriptor)
		}
		link := c.link(ref)
		if !strings.HasPrefix(link, "http") || descriptor != "" && !only(descriptor, "0123456789.wxh ") {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		bare := strings.TrimRight(link, ",") // a comma at the end would part two candidates
		b.WriteString(bare)
		b.WriteString(strings.Repeat("%2C", len(link)-len(bare)))
		if descriptor != "" {
			b.WriteByte(' ')
			b.WriteString(descriptor)
		}
	}
	return b.String()
}

// maxCandidates is how many sizes of one image are kept.
const maxCandidates = 32
