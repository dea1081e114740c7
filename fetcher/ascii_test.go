package fetcher

import (
	"strings"
	"testing"

	"golang.org/x/net/idna"
)

// Hosts that are ASCII are not looked up in the tables of IDNA, which would say the same.
func TestHostsAreNamedAsIDNANamesThem(t *testing.T) {
	byIDNA := func(host string) string {
		host = strings.ToLower(host)
		if ascii, err := idna.Lookup.ToASCII(host); err == nil {
			return ascii
		}
		return host
	}
	for _, host := range []string{
		"herald.example", "HERALD.Example", "under_score.example", "-a.example", "a-.example", "ab--c.example", "localhost", "example.", ".example", "a..b",
		"192.0.2.1", "127.1", "0X7F000001", "127.0.0.1.", "::1", "FE80::1%Eth0", "[", "a b", "a%20b", "a\x00b", "", ".", strings.Repeat("a", 64) + ".example",
		"xn--mnchen-3ya.de", "XN--MNCHEN-3YA.de", "xn--a", "xn--127-", "münchen.de", "MÜNCHEN.de", "faß.de", "１２７.0.0.1", "127。0。0。1", "⑩.example", "اردو.example", "a\u200db.example",
	} {
		if got, want := ascii(host), byIDNA(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}
