package dedupe

import (
	"net/url"
	"strings"

	"sangam/feed"
)

// links lists the canonical forms of an item's address and of the one it names as
// its original.
func links(it *feed.Item) []string {
	var out []string
	for _, link := range []string{it.Link, it.Via} {
		if key := canonical(link); key != "" && (len(out) == 0 || out[0] != key) {
			out = append(out, key)
		}
	}
	return out
}

func shareLink(a, b *feed.Item) bool {
	for _, x := range links(a) {
		for _, y := range links(b) {
			if x == y {
				return true
			}
		}
	}
	return false
}

// canonical is an address without what does not tell two pages apart.
func canonical(link string) string {
	u, err := url.Parse(strings.ReplaceAll(link, "&amp;", "&"))
	if err != nil || u.Host == "" {
		return ""
	}
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	key := host + strings.TrimSuffix(u.EscapedPath(), "/")
	if q := u.RawQuery; q != "" && !strings.Contains(q, "utm_") && !strings.Contains(q, "maca=") {
		key += "?" + q
	}
	return key
}
