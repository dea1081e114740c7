package normalize_test

import (
	"testing"

	"sangam/normalize"
)

func TestLinksToOnePageHaveOneKey(t *testing.T) {
	for _, c := range []struct{ link, want string }{
		{"https://example.org/a/b", "https://example.org/a/b"},
		{"http://example.org/a/b", "https://example.org/a/b"},
		{"HTTP://WWW.Example.ORG:80/a/b/", "https://example.org/a/b"},
		{"https://example.org:443/a/b", "https://example.org/a/b"},
		{"http://example.org:443/a/b", "https://example.org/a/b"},
		{"https://example.org:8080/a/b", "https://example.org:8080/a/b"},
		{"https://user:secret@example.org/a/b", "https://example.org/a/b"},
		{"https://m.example.org/a/b", "https://example.org/a/b"},
		{"https://amp.www.example.co.uk/a", "https://example.co.uk/a"},
		{"https://www.co.uk/", "https://www.co.uk/"},
		{"http://127.10.0.255:18080/a/", "https://127.10.0.255:18080/a"},
		{"http://127.010.0.1/a", "https://127.8.0.1/a"},
		{"http://127.1/a", "https://127.0.0.1/a"},
		{"http://1.2.3.256/a", ""},
		{"https://example.org.", "https://example.org/"},
		{"https://example.org", "https://example.org/"},
		{"https://example.org/A/b", "https://example.org/A/b"},
		{"https://example.org//a///b//", "https://example.org/a/b"},
		{"https://example.org/a/./c/../b", "https://example.org/a/b"},
		{"https://example.org/a/b?", "https://example.org/a/b"},
		{"https://example.org/a/b#", "https://example.org/a/b"},
		{"https://example.org/a/b#comments", "https://example.org/a/b"},
		{"https://example.org/a/b#:~:text=rain", "https://example.org/a/b"},
		{"https://example.org/a/b#xtor=RSS-3208", "https://example.org/a/b"},
		{"https://example.org/changes#v1.2", "https://example.org/changes#v1.2"},
		{"https://example.org/#!/a/b", "https://example.org/#!/a/b"},
		{"  https://example.org/a\n/b \t", "https://example.org/a/b"},
		{"https://example.org/a?utm_source=x&UTM_Medium=y&id=7&fbclid=z&gclid=1&wt_mc=2&maca=3", "https://example.org/a?id=7"},
		{"https://example.org/a?maca=urd-rss-urd-all-1497-rdf", "https://example.org/a"},
		{"https://example.org/a?utm_source=x&amp;id=7", "https://example.org/a?id=7"},
		{"https://example.org/a?b=1&amp;amp;a=2", "https://example.org/a?a=2&b=1"},
		{"https://example.org/a?b=1&#38;a=2", "https://example.org/a?a=2&b=1"},
		{"https://example.org/a?x=2&x=1", "https://example.org/a?x=2&x=1"},
		{"https://example.org/a?p=1;q=2", "https://example.org/a?p=1;q=2"},
		{"https://example.org/a?copy=1&copy=2", "https://example.org/a?copy=1&copy=2"},
		{"https://example.org/a?ref=home&s=rain", "https://example.org/a?ref=home&s=rain"},
		{"https://example.org/a?q=a+b", "https://example.org/a?q=a%20b"},
		{"https://example.org/%7ejo/%c3%a9", "https://example.org/~jo/%C3%A9"},
		{"https://example.org/100%", "https://example.org/100%25"},
		{"https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"},
		{"https://example.org/ur/لاہور-میں-بارش/a-123", "https://example.org/ur/%D9%84%D8%A7%DB%81%D9%88%D8%B1-%D9%85%DB%8C%DA%BA-%D8%A8%D8%A7%D8%B1%D8%B4/a-123"},
		{"https://example.org/ur/%d9%84%d8%a7%db%81%d9%88%d8%b1-%d9%85%db%8c%da%ba-%d8%a8%d8%a7%d8%b1%d8%b4/a-123", "https://example.org/ur/%D9%84%D8%A7%DB%81%D9%88%D8%B1-%D9%85%DB%8C%DA%BA-%D8%A8%D8%A7%D8%B1%D8%B4/a-123"},
		{"https://www.google.com/url?rct=j&sa=t&url=https://example.org/a%3Fid%3D7%26utm_source%3Dx&ct=ga", "https://example.org/a?id=7"},
		{"https://www.google.com/url?url=javascript:alert(1)", "https://google.com/url?url=javascript:alert(1)"},
		{"https://www.google.com/url?q=https://google.com/url?q=x", "https://google.com/url?q=https://google.com/url?q=x"},
		{"", ""},
		{"not a link", ""},
		{"/a/b", ""},
		{"mailto:a@example.org", ""},
		{"urn:uuid:1", ""},
		{"javascript:alert(1)", ""},
		{"http://", ""},
		{"tag:example.org,2004:1", ""},
		{"ftp://example.org/a", ""},
	} {
		if got := normalize.URL(c.link); got != c.want {
			t.Errorf("%q\n got %s\nwant %s", c.link, got, c.want)
		}
		if slow := normalize.SlowURL(c.link); slow != c.want {
			t.Errorf("%q by the library\n got %s\nwant %s", c.link, slow, c.want)
		}
	}
}

func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://www.example.org:443/a//b/?utm_source=x&amp;b=1#c", "http://m.example.org/خبر?q=a+b%2f", "HTTPS://EXAMPLE.org/%7e/../x;y?z=;#!w",
		"http://[::1]:80/", "http://0x7f.1/", "http://127.0.0.1:8080/a", "http://1.2.3.4.5/", "https://bücher.example/%", "http:example.org", "https://a.b/?&&=&a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, link string) {
		key := normalize.URL(link)
		if again := normalize.URL(key); again != key {
			t.Errorf("%q has the key %q, which has the key %q", link, key, again)
		}
		if slow := normalize.SlowURL(link); slow != key {
			t.Errorf("%q has the key %q, but %q by the library", link, key, slow)
		}
	})
}
