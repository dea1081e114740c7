package server

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tag is the strong validator of one coding: other bytes, another tag (RFC 9110,
// 8.8.3.3).
func (d *document) tag(coding string) string {
	if coding != "" {
		coding = "-" + coding
	}
	return `"` + d.etag + coding + `"`
}

// fresh says whether the reader has the document as it is. If-None-Match, when
// given, decides alone.
func (d *document) fresh(r *http.Request) bool {
	if tags := r.Header["If-None-Match"]; len(tags) > 0 {
		return d.matches(strings.Join(tags, ","))
	}
	when := r.Header.Get("If-Modified-Since")
	if d.modified.IsZero() || when == "" {
		return false
	}
	since, err := http.ParseTime(when)
	return err == nil && !d.modified.Truncate(time.Second).After(since)
}

// refused reports whether a condition of the reader's that must hold does not (RFC 9110, 13.2.2): he wants
// the document only as he knows it.
func (d *document) refused(r *http.Request, coding string) bool {
	if tags := r.Header["If-Match"]; len(tags) > 0 {
		return !slices.ContainsFunc(readTags(strings.Join(tags, ","), false), func(tag string) bool {
			return tag == "*" || `"`+tag+`"` == d.tag(coding)
		})
	}
	when := r.Header["If-Unmodified-Since"]
	if len(when) == 0 || d.modified.IsZero() {
		return false
	}
	since, err := http.ParseTime(when[0])
	return err == nil && d.modified.Truncate(time.Second).After(since)
}

// matches compares weakly (RFC 9110, 8.8.3.2). A reader who holds any coding of
// the present content holds the present content.
func (d *document) matches(list string) bool {
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(list, `"`), d.etag); ok && rest != "" && (rest[0] == '"' || rest[0] == '-') {
		return true // what nearly all send: the tag that they got, in whatever coding
	}
	return slices.ContainsFunc(tagList(list), func(tag string) bool { return tag == "*" || base(tag) == d.etag })
}

// base takes the coding off an opaque tag of ours.
func base(tag string) string {
	tag, _, _ = strings.Cut(tag, "-")
	return tag
}

// tagList splits a list of entity tags, in which commas may stand between quotes,
// and returns what is between the quotes, or "*".
func tagList(list string) []string { return readTags(list, true) }

// readTags is tagList, with weak tags or without.
func readTags(list string, weak bool) []string {
	var tags []string
	for list = strings.TrimLeft(list, " \t,"); list != ""; list = strings.TrimLeft(list, " \t,") {
		if list[0] == '*' {
			tags, list = append(tags, "*"), list[1:]
			continue
		}
		var isWeak bool
		list, isWeak = strings.CutPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			_, list, _ = strings.Cut(list, ",") // no tag: not ours to understand
			continue
		}
		tag, rest, ok := strings.Cut(list[1:], `"`)
		if !ok {
			break
		}
		if list = rest; weak || !isWeak {
			tags = append(tags, tag)
		}
	}
	return tags
}

// small is a body that no coding makes worth its trouble.
const small = 256

// coding chooses how the body is sent: the coding that the reader likes best, of
// equals zstd, then gzip (RFC 9110, 12.5.3). "" is identity.
func (d *document) coding(accept []string) string {
	if len(accept) == 0 || len(d.body) < small {
		return ""
	}
	const unnamed = -1
	zstd, gzip, identity, other := float64(unnamed), float64(unnamed), float64(unnamed), float64(unnamed)
	for _, line := range accept {
		for part := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(part, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "zstd"):
				zstd = quality(params)
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip") && gzip == unnamed:
				gzip = quality(params)
			case strings.EqualFold(name, "identity"):
				identity = quality(params)
			case name == "*":
				other = quality(params)
			}
		}
	}
	if gzip == unnamed {
		gzip = other
	}
	if gzip > 0 && len(d.body) >= heavy {
		zstd = unnamed // it would be compressed anew as a whole
	}
	switch best := max(zstd, gzip); {
	case best <= 0 || identity > best:
		return ""
	case zstd == best:
		return "zstd"
	}
	return "gzip"
}

// quality reads a weight (RFC 9110, 12.4.2): none is 1, and what is none is 0.
func quality(params string) float64 {
	params = strings.TrimSpace(params)
	if params == "" {
		return 1
	}
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}

// wantsPage says whether a browser asks: one that names text/html and no feed type.
func wantsPage(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, "rss+xml") && !strings.Contains(accept, "atom+xml") && !strings.Contains(accept, "feed+json")
}
