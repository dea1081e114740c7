package fetcher_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	c := client(t, fetcher.Options{})
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "localhost", "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "169.254.169.254",
		"172.16.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
		"203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]",
		"[2001::1]", "[2001:db8::1]", "[fc00::1]", "[fd12::1]", "[fe80::1]", "[ff02::1]", "[100::1]", "[5f00::1]", "[3fff::1]",
	} {
		src := source("http://" + host + "/feed")
		src.AllowNetworks = nil
		if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Blocked || !strings.Contains(doc.Problem, "allow_networks") {
			t.Errorf("%s: got %q: %s", host, doc.Trouble, doc.Problem)
		}
	}
}

func TestOtherWaysToWriteAddressesLeadNowhere(t *testing.T) {
	c := client(t, fetcher.Options{})
	for _, address := range []string{
		"http://[fe80::1%25eth0]/",
		"gopher://10.0.0.1/", "ftp://example.org/", "http:///feed", "http://", "//example.org/", "javascript:alert(1)", "\x01", "http://exa mple.org/",
	} {
		src := source(address)
		src.AllowNetworks = nil
		if doc := fetch(t, c, src, feed.State{}); doc.Outcome != feed.Failed || doc.Problem == "" {
			t.Errorf("%q: got %+v", address, doc)
		}
	}
}

func TestAddressesInUnusualFormsAreNamedAsSuch(t *testing.T) {
	c := client(t, fetcher.Options{})
	for _, host := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "0x7f.1", "999.999.999.999", "1.2.3.4.5", "99999999999999999999999"} {
		if doc := fetch(t, c, source("http://"+host+"/feed"), feed.State{}); doc.Trouble != feed.Blocked || !strings.Contains(doc.Problem, "unusual form") {
			t.Errorf("%s: got %q: %s", host, doc.Trouble, doc.Problem)
		}
	}
}

func TestAllowedNetworkOpensItselfOnly(t *testing.T) {
	o := start(t, outlet.Options{Address: "127.7.0.1:0"})
	o.Publish(outlet.Line("1 | /1 | One"))
	c := client(t, fetcher.Options{})
	for network, want := range map[string]feed.Trouble{"127.7.0.0/16": feed.NoTrouble, "127.8.0.0/16": feed.Blocked, "::/0": feed.Blocked} {
		src := source(o.Feed())
		src.AllowNetworks = []netip.Prefix{netip.MustParsePrefix(network)}
		if doc := fetch(t, c, src, feed.State{}); doc.Trouble != want {
			t.Errorf("%s: got %q: %s", network, doc.Trouble, doc.Problem)
		}
	}
	// The first of them has left a connection open, which others may not use.
	src := source(o.Feed())
	src.AllowNetworks = nil
	if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Blocked {
		t.Errorf("with nothing allowed: got %q", doc.Trouble)
	}
}

// proxy is a forward proxy that remembers what it was asked for.
func proxy(t *testing.T) (address string, asked *[]string) {
	asked = new([]string)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.String())
		out, err := http.NewRequest(r.Method, r.URL.String(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := transport.RoundTrip(out)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestProxyIsUsedOnlyAsConfiguredAndItsTargetIsJudged(t *testing.T) {
	address, asked := proxy(t)
	t.Setenv("HTTP_PROXY", address)
	t.Setenv("http_proxy", address)
	t.Setenv("ALL_PROXY", address)
	zoo := start(t, outlet.Options{Address: "127.9.0.1:0"})
	zoo.Behave(outlet.Zoo())
	c := client(t, fetcher.Options{})

	if doc := fetch(t, c, source(zoo.Base()+"/home"), feed.State{}); doc.Outcome != feed.Changed || len(*asked) != 0 {
		t.Errorf("without a proxy: got %q, the proxy was asked %v", doc.Problem, *asked)
	}
	src := source(zoo.Base() + "/home")
	src.Proxy = feed.Secret(strings.Replace(address, "http://", "http://user:pw@", 1))
	if doc := fetch(t, c, src, feed.State{}); doc.Outcome != feed.Changed || len(*asked) != 1 {
		t.Errorf("through the proxy: got %q, the proxy was asked %v", doc.Problem, *asked)
	}
	for path, n := range map[string]int{"/to-private": 2, "/to-metadata": 3} { // one for the redirect itself
		src.FeedURL = zoo.Base() + path
		if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Blocked {
			t.Errorf("%s through the proxy: got %q, the proxy was asked %v (%d)", path, doc.Trouble, *asked, n)
		}
	}
	src.AllowNetworks = nil
	for _, target := range []string{zoo.Base() + "/home", "http://localhost/", "http://①②⑦.⓪.⓪.①/"} {
		src.FeedURL = target
		if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Blocked {
			t.Errorf("%s through the proxy: got %q", target, doc.Trouble)
		}
	}
	for _, a := range *asked {
		if strings.Contains(a, "10.0.0.1") || strings.Contains(a, "169.254") {
			t.Errorf("the proxy was asked for %s", a)
		}
	}
	src.Proxy = "http://127.0.0.1:1/"
	src.AllowNetworks, src.FeedURL = loopback, zoo.Base()+"/home"
	if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Refused || !strings.Contains(doc.Problem, "proxy") {
		t.Errorf("a proxy that is down: got %q: %s", doc.Trouble, doc.Problem)
	}
}

func TestCertificatesAreCheckedUnlessTheSourceSaysOtherwise(t *testing.T) {
	var protocols []int
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols = append(protocols, r.ProtoMajor)
		if r.URL.Path == "/down" {
			w.Header().Set("Location", "http://127.0.0.1/")
			w.WriteHeader(http.StatusMovedPermanently)
			return
		}
		fmt.Fprint(w, outlet.Sample)
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c := client(t, fetcher.Options{})
	strict, lax := source(server.URL), source(server.URL)
	lax.InsecureTLS = true

	if doc := fetch(t, c, lax, feed.State{}); doc.Outcome != feed.Changed {
		t.Errorf("insecure_tls: got %s", doc.Problem)
	}
	if doc := fetch(t, c, strict, feed.State{}); doc.Trouble != feed.TLS || !strings.Contains(doc.Problem, "insecure_tls") {
		t.Errorf("unknown authority: got %q: %s", doc.Trouble, doc.Problem)
	}
	lax.FeedURL += "/down"
	if doc := fetch(t, c, lax, feed.State{}); doc.Trouble != feed.Redirect || !strings.Contains(doc.Problem, "https to unprotected http") {
		t.Errorf("https to http: got %q: %s", doc.Trouble, doc.Problem)
	}
	for _, major := range protocols {
		if major != 2 {
			t.Errorf("asked by HTTP/%d, want HTTP/2", major)
		}
	}
	plain := start(t, outlet.Options{})
	u, err := url.Parse(plain.Feed())
	if err != nil {
		t.Fatal(err)
	}
	u.Scheme = "https"
	if doc := fetch(t, c, source(u.String()), feed.State{}); doc.Trouble != feed.TLS || !strings.Contains(doc.Problem, "http:") {
		t.Errorf("TLS to a plain port: got %q: %s", doc.Trouble, doc.Problem)
	}
}
