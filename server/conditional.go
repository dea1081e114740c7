package server

import (
	"net/http"
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
	if tags := r.Header.Values("If-None-Match"); len(tags) > 0 {
		return d.matches(strings.Join(tags, ","))
	}
	if d.modified.IsZero() {
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !d.modified.Truncate(time.Second).After(since)
}

// matches compares weakly (RFC 9110, 8.8.3.2). A reader who holds any coding of
// the present content holds the present content.
func (d *document) matches(list string) bool {
	for _, tag := range tagList(list) {
		if tag == "*" {
			return true
		}
		if base(tag) == d.etag {
			return true
		}
	}
	return false
}

// base takes the coding off an opaque tag of ours.
func base(tag string) string {
	tag, _, _ = strings.Cut(tag, "-")
	return tag
}

// tagList splits a list of entity tags, in which commas may stand between quotes,
// and returns what is between the quotes, or "*".
func tagList(list string) []string {
	var tags []string
	for list = strings.TrimLeft(list, " \t,"); list != ""; list = strings.TrimLeft(list, " \t,") {
		if list[0] == '*' {
			tags, list = append(tags, "*"), list[1:]
			continue
		}
		list = strings.TrimPrefix(list, "W/")
		if list == "" || list[0] != '"' {
			_, list, _ = strings.Cut(list, ",") // no tag: not ours to understand
			continue
		}
		tag, rest, ok := strings.Cut(list[1:], `"`)
		if !ok {
			break
		}
		tags, list = append(tags, tag), rest
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
	weights := map[string]float64{}
	for _, part := range strings.Split(strings.Join(accept, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(params, " ", "")), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				q = 0
			}
		}
		weights[strings.ToLower(strings.TrimSpace(name))] = q
	}
	best, most := "", 0.0
	for _, c := range []string{"zstd", "gzip"} {
		q, named := weights[c]
		if !named && c == "gzip" {
			if q, named = weights["x-gzip"]; !named {
				q = weights["*"]
			}
		}
		if q > most {
			best, most = c, q
		}
	}
	if q, named := weights["identity"]; named && q > most {
		return ""
	}
	return best
}

// wantsPage says whether a browser asks: one that names text/html and no feed type.
func wantsPage(r *http.Request) bool {
	accept := strings.ToLower(strings.Join(r.Header.Values("Accept"), ","))
	return strings.Contains(accept, "text/html") && !strings.Contains(accept, "rss+xml") && !strings.Contains(accept, "atom+xml") && !strings.Contains(accept, "feed+json")
}
