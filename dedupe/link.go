package dedupe

import (
	"slices"
	"strings"

	"sangam/feed"
	"sangam/normalize"
)

// links lists the canonical forms of an item's address and of the one it names as
// its original. The front page of a site names no article.
func links(it *feed.Item) []string {
	var out []string
	for _, link := range [...]string{it.Link, it.Via} {
		if link == "" {
			continue
		}
		key := normalize.URL(link)
		_, rest, _ := strings.Cut(key, "://")
		if _, path, _ := strings.Cut(rest, "/"); path != "" && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// articleIDs are the ids by which an outlet knows an article while it edits headline
// and link.
type articleIDs struct {
	stable string // said to be one: Deutsche Welle's content id, or …/a-12345678
	number string // a long number in the link that may be one
}

func idsOf(it *feed.Item) articleIDs {
	var ids articleIDs
	host, path := hostAndPath(it.Link)
	ids.stable = it.Extensions["dwsyn:contentID"]
	if last := path[strings.LastIndexByte(path, '/')+1:]; ids.stable == "" && lettered(last) {
		ids.stable = host + " " + last
	}
	if n := articleNumber(path); n != "" {
		ids.number = host + " " + n
	}
	return ids
}

func hostAndPath(link string) (host, path string) {
	_, rest, found := strings.Cut(link, "://")
	if !found {
		return "", ""
	}
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest = rest[:i]
	}
	host, path, _ = strings.Cut(rest, "/")
	host = strings.ToLower(host)
	for _, prefix := range [...]string{"www.", "m.", "amp."} {
		host = strings.TrimPrefix(host, prefix)
	}
	return host, strings.TrimRight(path, "/")
}

// lettered reports whether a segment of a path is a letter and a long number.
func lettered(segment string) bool {
	kind, digits, found := strings.Cut(segment, "-")
	return found && len(kind) == 1 && len(digits) >= minNumber && strings.Trim(digits, "0123456789") == ""
}

const (
	// minNumber is the least number of digits of an article's number; shorter ones
	// count pages and days.
	minNumber = 6
	// hexNumber is the length of the hexadecimal ids that databases give.
	hexNumber = 24
)

// articleNumber returns the last long number of a path, "" if it has none: a row of
// digits, with dashes between, that is no date; or a row of hexadecimal digits.
func articleNumber(path string) string {
	for end := len(path); end > 0; {
		start := end
		for start > 0 && (digit(path[start-1]) || path[start-1] == '-') {
			start--
		}
		if n := strings.Trim(path[start:end], "-"); len(n)-strings.Count(n, "-") >= minNumber && !dated(n) {
			return n
		}
		start = end
		for start > 0 && (digit(path[start-1]) || 'a' <= path[start-1] && path[start-1] <= 'f') {
			start--
		}
		if end-start >= hexNumber && strings.ContainsAny(path[start:end], "0123456789") {
			return path[end-hexNumber : end]
		}
		end = min(start, end-1)
	}
	return ""
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// dated reports whether a number is a date: 2026-01, 2026-01-02, 20260102.
func dated(n string) bool {
	if !strings.HasPrefix(n, "19") && !strings.HasPrefix(n, "20") {
		return false
	}
	bare := strings.ReplaceAll(n, "-", "")
	return len(bare) <= len("20260102") && (len(n) == len("2026-01") || len(n) == len("2026-01-02") || len(n) == len("20260102"))
}

// addresses is where an item lives, as far as it matters for comparing.
type addresses struct {
	links []string
	articleIDs
}

func addressesOf(it *feed.Item) addresses { return addresses{links(it), idsOf(it)} }

func shareLink(a, b addresses) bool {
	return slices.ContainsFunc(a.links, func(link string) bool { return slices.Contains(b.links, link) })
}
