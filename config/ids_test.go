package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestIDsAreMadeFromTheAddressAlone(t *testing.T) {
	for _, test := range []struct{ url, id string }{
		{"https://herald.example/feed.xml", "herald.example"},
		{"https://www.herald.example/rss", "herald.example"},
		{"https://rss.dw.com/rdf/rss-urd-all", "dw.com-rss-urd-all"},
		{"https://www.qaumiawaz.com/stories.rss", "qaumiawaz.com-stories"},
		{"https://feeds.bbci.co.uk/urdu/rss.xml", "bbci.co.uk-urdu"},
		{"https://www.theguardian.com/world/rss", "theguardian.com-world"},
		{"http://127.0.0.1:8080/feed.xml", "127.0.0.1-8080"},
		{"http://[::1]:8080/feed.xml", "1-8080"},
		{"https://اردو.example/", "xn--mgbqf7g.example"},
	} {
		cfg := load(t, fmt.Sprintf("sources:\n- url: %q\n", test.url))
		if got := cfg.Sources[0].ID; got != test.id {
			t.Errorf("%s: got id %q, want %q", test.url, got, test.id)
		}
	}
}

func TestIDsAreUniqueGoodAndDoNotDependOnOrder(t *testing.T) {
	urls := []string{
		"https://a.example/", "https://a.example/feed", "https://a.example/rss.xml", "https://a.example/atom.xml", "http://a.example/",
		"https://a.example/?feed=1", "https://a.example/?feed=2", "https://a.example/خبریں", "https://a.example/کھیل", "https://a.example/../..//",
		"https://a.example/" + strings.Repeat("long/", 100), "https://a.example/" + strings.Repeat("long/", 101), "file:///srv/a/feed.xml", "file:///srv/b/feed.xml",
		"https://user@a.example/", "https://-/", "https://_/",
	}
	ids := func(urls []string) map[string]string {
		var text strings.Builder
		text.WriteString("sources:\n")
		for _, u := range urls {
			fmt.Fprintf(&text, "- url: %q\n", u)
		}
		got := map[string]string{}
		seen := map[string]bool{}
		for i, src := range load(t, text.String()).Sources {
			if problem := badID(src.ID); problem != "" {
				t.Errorf("%s: %s", urls[i], problem)
			}
			if seen[src.ID] {
				t.Errorf("%s: id %q is there twice", urls[i], src.ID)
			}
			seen[src.ID], got[urls[i]] = true, src.ID
		}
		return got
	}
	first := ids(urls)
	slices.Reverse(urls)
	for u, id := range ids(urls) {
		if first[u] != id {
			t.Errorf("%s: id is %q in one order and %q in the other", u, first[u], id)
		}
	}
}

func TestIDsAreSafeInURLsAndFileNames(t *testing.T) {
	for _, id := range []string{"a", "dw-urdu", "0", "a.b_c-d", "dw.com"} {
		if problem := badID(id); problem != "" {
			t.Errorf("%q is refused: %s", id, problem)
		}
	}
	for _, id := range []string{"", ".", "..", "../x", "a/b", `a\b`, "A", "-a", ".a", "_a", "a b", "a..b", "ا", "a\n", "a%2f", strings.Repeat("a", 65)} {
		if badID(id) == "" {
			t.Errorf("%q is taken for an id", id)
		}
	}
}
