package config

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// longestID is the longest id, in characters: it is part of URLs and file names.
const longestID = 64

var goodID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// badID says what is wrong with an id, or "". An id can stand in a URL and be the
// name of a file as it is: no slash, no "..", no capital letters, which some file
// systems do not tell apart.
func badID(id string) string {
	switch {
	case len(id) > longestID:
		return "is longer than 64 characters"
	case !goodID.MatchString(id):
		hint := ""
		if better := slug(strings.ToLower(id)); better != "" {
			hint = ` (as in "` + clip(better) + `")`
		}
		return quote(id) + " is not an id: small letters a–z, digits, and . _ - after the first" + hint
	case strings.Contains(id, ".."):
		return quote(id) + " is not an id: two dots in a row"
	}
	return ""
}

var unsafe = regexp.MustCompile(`[^a-z0-9.-]+`)

// slug makes of any text what may be part of an id, or "".
func slug(text string) string {
	s := unsafe.ReplaceAllString(strings.ToLower(text), "-")
	for strings.Contains(s, "..") {
		s = strings.ReplaceAll(s, "..", ".")
	}
	return strings.Trim(s, "-.")
}

// common are words in addresses of feeds that say only that it is a feed.
var common = map[string]bool{
	"feed": true, "feeds": true, "rss": true, "rss2": true, "rdf": true, "atom": true, "xml": true, "json": true,
	"index": true, "php": true, "html": true, "": true, "www": true, "default": true, "aspx": true,
}

// defaultID makes an id from the address of a feed: its host, and what of the path
// and query says more than that it is a feed. It depends on nothing but the address
// that readers see, so neither another line of the file nor a new token changes it.
func defaultID(u *url.URL) string {
	var tail []string
	lost := u.RawQuery != ""
	for part := range strings.SplitSeq(strings.Trim(u.Path, "/"), "/") {
		if ext := path.Ext(part); common[strings.TrimPrefix(ext, ".")] {
			part = strings.TrimSuffix(part, ext)
		}
		s := slug(part)
		switch {
		case common[strings.ToLower(part)]:
		case s == "":
			lost = true // nothing of an Urdu path can be shown in an id
		default:
			tail = append(tail, s)
		}
	}
	host := hostName(u)
	if u.Scheme == "file" {
		host, lost = "file", true
	}
	if port := u.Port(); port != "" {
		host += "-" + port
	}
	id := slug(strings.Join(append([]string{host}, tail...), "-"))
	if id == "" {
		id, lost = "source", true
	}
	if len(id) > longestID-9 {
		id, lost = strings.TrimRight(id[:longestID-9], "-."), true
	}
	if lost {
		id += "-" + short(u.String())
	}
	return id
}

// short is a name for a text in eight characters.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// hostName is the host of an address without what feeds put in front of it.
func hostName(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if ascii, err := idna.ToASCII(host); err == nil {
		host = ascii
	}
	for _, prefix := range []string{"www.", "rss.", "feeds.", "feed."} {
		if rest, ok := strings.CutPrefix(host, prefix); ok && strings.Contains(rest, ".") {
			return rest
		}
	}
	return host
}

// defaultName is what an outlet is called when nobody says: its host.
func defaultName(u *url.URL) string {
	if u.Scheme == "file" {
		return path.Base(u.Path)
	}
	host := hostName(u)
	if unicode, err := idna.ToUnicode(host); err == nil {
		return unicode
	}
	return host
}
