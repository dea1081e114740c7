package fetcher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"sangam/feed"
)

// How long each step of a connection may take. The visit's own timeout bounds
// their sum; these let a step that hangs be named.
const (
	dialTimeout   = 10 * time.Second
	tlsTimeout    = 10 * time.Second
	headerTimeout = 20 * time.Second
	// oftenTimeout is how long the connection to a source that is visited often is kept: longer
	// than the shortest schedule, a minute, so that it is not greeted anew each time. To others a
	// connection is kept for as long as the next in the host's queue has to wait, and a little: it
	// would be closed long before the next visit, and a thousand of them take 17 MB meanwhile.
	oftenTimeout = 75 * time.Second
	aLittle      = time.Second / 4
	// idleConnections bounds those that are kept, each with two goroutines and about
	// 10 kB. It is larger than any sensible concurrency, because the transport puts a
	// connection away before it hands an answer without body over: a small store could
	// throw out a connection whose 304 is still on its way to us.
	idleConnections = 1024
	// probeEvery is how often it is asked whether the other side of a quiet connection is
	// still there.
	probeEvery = 30 * time.Second
	// readBuffer and writeBuffer are what a connection holds while it is kept: room for
	// most headers. Bodies are read past it.
	readBuffer  = 2 << 10
	writeBuffer = 1 << 10
	// longestHeader bounds the header of an answer.
	longestHeader = 256 << 10
)

// route is a way to connect: which networks may be entered, through which proxy,
// trusting whom. Sources that want the same share its connections; others do not,
// so that nobody gets further on somebody else's permission.
type route struct {
	transport *http.Transport
	guard     *ssrf.Guardian
	proxied   bool
}

// route returns the way to connect for a source that is visited often, or not.
func (c *Client) route(src *feed.Source, often bool) (*route, error) {
	kept := src.PerHost.Interval + aLittle
	if often {
		kept = max(kept, oftenTimeout)
	}
	var room [256]byte // for most, so that finding a way that is known allocates nothing
	key := append(append(room[:0], src.Proxy.Reveal()...), ' ')
	key = strconv.AppendInt(strconv.AppendBool(key, src.InsecureTLS), int64(kept), 10)
	for _, network := range src.AllowNetworks {
		key = network.AppendTo(append(key, ' '))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if way := c.routes[string(key)]; way != nil {
		return way, nil
	}
	way, err := newRoute(src, kept)
	if err != nil {
		return nil, err
	}
	if c.dial != nil {
		way.transport.DialContext = c.dial
	}
	c.routes[string(key)] = way
	return way, nil
}

func newRoute(src *feed.Source, kept time.Duration) (*route, error) {
	var v4, v6 []netip.Prefix
	for _, network := range src.AllowNetworks {
		if network.Addr().Is4() {
			v4 = append(v4, network)
		} else {
			v6 = append(v6, network)
		}
	}
	way := &route{guard: ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: probeEvery, Control: way.guard.Safe}
	way.transport = &http.Transport{
		Proxy:                  nil, // whatever the environment says
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        kept,
		MaxIdleConns:           idleConnections,
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: longestHeader,
		ReadBufferSize:         readBuffer,
		WriteBufferSize:        writeBuffer,
		DisableCompression:     true, // we count decoded bytes ourselves
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: src.InsecureTLS}, // only if the operator says so for this source
	}
	if src.Proxy != "" {
		proxy, err := url.Parse(src.Proxy.Reveal())
		if err != nil || proxy.Host == "" {
			return nil, fmt.Errorf("the configured proxy is not a URL, as in http://proxy.example:3128")
		}
		// The proxy's own address is the operator's word; it usually is a private one.
		// What it is asked for is judged before, see judge.
		way.proxied = true
		way.transport.Proxy = http.ProxyURL(proxy)
		way.transport.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: probeEvery}).DialContext
	}
	return way, nil
}

// Transport returns a way to connect for whoever calls addresses that strangers named:
// it enters only public networks and those allowed here, whatever a name resolves to,
// and ignores the environment's proxy.
func Transport(allowed ...netip.Prefix) *http.Transport {
	way, err := newRoute(&feed.Source{AllowNetworks: allowed}, oftenTimeout)
	if err != nil {
		panic(err) // only a proxy can be wrong
	}
	return way.transport
}

// judge refuses a target before anything is sent: an address that is written out,
// and, when there is a proxy, what the name stands for. Without a proxy names are
// left to the dialer, which judges the very address that it connects to, so that
// no second answer of a nameserver can slip in between. With one, a name that does
// not resolve here is refused: nobody could say where the proxy would go.
func (way *route) judge(ctx context.Context, at *url.URL) error {
	host := ascii(at.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil {
		return way.guard.SafeAddr(addr.Unmap())
	}
	if numeric(host) {
		return errOddAddress
	}
	if !way.proxied {
		return nil
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		if err := way.guard.SafeAddr(addr.Unmap()); err != nil {
			return err
		}
	}
	return nil
}

// errOddAddress says that a host is an IPv4 address, but not as RFC 3986, section
// 3.2.2, writes it. Resolvers disagree on what such forms mean.
var errOddAddress = errors.New("a network address in an unusual form")

// numeric tells whether a host that is no plain address ends in a number, as in
// 127.1, 0x7f000001 or "127.0.0.1.": no name does.
func numeric(host string) bool {
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64) // takes 0x7f and 0177 too
	digits := last != "" && strings.Trim(last, "0123456789") == ""
	return err == nil || digits
}
