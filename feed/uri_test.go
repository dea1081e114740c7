package feed_test

import (
	"testing"

	"pgregory.net/rapid"

	"sangam/feed"
)

func TestURIsHaveOneNormalForm(t *testing.T) {
	for uri, want := range map[string]string{
		"HTTP://H.Example":                              "http://h.example/",
		"https://h.example:443?p=1":                     "https://h.example/?p=1",
		"http://h.example:8080/A#":                      "http://h.example:8080/A#",
		"http://h.example/%7euser/%41":                  "http://h.example/~user/A",
		"http://h.example/%d8%ae%d8%a8?q=%2f+%20":       "http://h.example/%D8%AE%D8%A8?q=%2F+%20",
		"http://h.example/خبر?x[1]=a":                   "http://h.example/%D8%AE%D8%A8%D8%B1?x%5B1%5D=a",
		"http://h.example/%2541":                        "http://h.example/%2541",
		"http://h.example/%e9":                          "", // of what encoding?
		"http://h.example/a/../b":                       "",
		"http://h.example/%2e/b":                        "",
		"http://user:secret@h.example/":                 "",
		"http://[::1]/":                                 "",
		"http://h.example./":                            "",
		"http://h.example:080/":                         "",
		"http://münchen.example/":                       "",
		"http://m%C3%BCnchen.example/":                  "",
		"http:///a":                                     "",
		"ftp://h.example/":                              "",
		"javascript:alert(1)":                           "",
		"17":                                            "",
		"":                                              "",
		"tag:h.example,2026:%7ea":                       "tag:h.example,2026:~a",
		"tag:H.example,2026:a":                          "",
		"URN:uuid:60a76c80-d399-11d9-b93c-0003939e0af6": "urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6",
		"urn:uuid:60a76c80":                             "",
		"urn:isbn:0451450523":                           "urn:isbn:0451450523",
		"urn:x:":                                        "",
	} {
		got := feed.NormalURI(uri)
		if got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
		if again := feed.NormalURI(got); again != got {
			t.Errorf("%s: %q, and that again %q", uri, got, again)
		}
	}
}

// The short way to the answer must be no other way.
func TestPlainAddressesAreNormal(t *testing.T) {
	odd := rapid.StringOfN(rapid.SampledFrom([]rune("ab1-./:?&=#%@~_A é[")), 0, 30, -1)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]string{"http://", "https://"}).Draw(t, "scheme") + odd.Draw(t, "rest")
		if feed.PlainAddress(s) && feed.NormalURI(s+"#") != s+"#" { // which goes the long way
			t.Fatalf("%q is taken for plain, its normal form is %q", s, feed.NormalURI(s+"#"))
		}
	})
	if s := "https://herald.example/news/2026?id=1&x=a:b"; !feed.PlainAddress(s) {
		t.Errorf("%q is not taken for plain", s)
	}
}
