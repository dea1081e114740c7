package fetcher

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"

	"sangam/feed"
)

// accept lists what we read, best first. The last says that we take whatever the
// outlet has rather than have it answer 406.
const accept = "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9, " +
	"application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"

// reply is an answer that has been received whole, or as far as it is of use.
type reply struct {
	*http.Response
	body    []byte // decoded; nil unless the status is usable
	trouble feed.Trouble
	problem string // what was wrong with the body
}

// exchange sends one request and receives the answer, body included, within what
// is left of the visit's time and when the host's turn has come. Without an
// answer, reply is nil and the document says why.
func (e *errand) exchange(ctx context.Context, at *url.URL) (*reply, feed.Document) {
	domain := domainOf(at)
	out := e.client.lanes.tryEnter(domain, e.src.PerHost)
	if out == nil {
		err := e.client.lend(ctx, func(ctx context.Context) (err error) {
			out, err = e.client.lanes.enter(ctx, domain, e.src.PerHost)
			return err
		})
		if err != nil {
			return nil, failed(feed.Timeout, "stopped while waiting for a turn with "+domain)
		}
	}
	progress := &progress{}
	defer func() { out(progress.sent()) }()

	e.asked = time.Now()
	defer func() { e.spent += time.Since(e.asked) }()
	ctx, cancel := context.WithTimeout(ctx, e.timeout-e.spent)
	defer cancel()
	way, err := e.client.route(e.src, e.at.Sub(e.state.Visited) < oftenTimeout)
	if err != nil {
		return nil, failed(feed.Refused, err.Error())
	}
	if err := way.judge(ctx, at); err != nil {
		return nil, e.broken(err, at, dialling)
	}
	request := e.request(httptrace.WithClientTrace(ctx, progress.trace()), at)
	resp, err := way.transport.RoundTrip(request)
	if err != nil && strings.Contains(err.Error(), "too many idle connections") { // our own doing, see idleConnections
		resp, err = way.transport.RoundTrip(request)
	}
	if err != nil {
		return nil, e.broken(err, at, progress.stage())
	}
	defer resp.Body.Close()
	r := &reply{Response: resp}
	if usable(resp.StatusCode) {
		e.client.hold(ctx, min(longestHold, e.timeout/10))
		e.receive(r)
	} else if resp.StatusCode != http.StatusNotModified {
		enough := time.AfterFunc(drainTime, cancel)
		_, _ = io.CopyN(io.Discard, resp.Body, drained) // so that the connection can be used again
		enough.Stop()
	}
	return r, feed.Document{}
}

// longestHold is how long a body is held up at most while others wait to be read. Reading
// takes milliseconds; those that it must wait for for longer are themselves slow in coming.
const longestHold = 3 * time.Second

// drained is how much of a body that nobody wants is read to keep a connection,
// and drainTime for how long at most.
const (
	drained   = 16 << 10
	drainTime = time.Second
)

// request makes a request that says who we are and what we have, and nothing else.
func (e *errand) request(ctx context.Context, at *url.URL) *http.Request {
	h := http.Header{
		"User-Agent":      {either(e.src.UserAgent, e.client.agent)},
		"Accept":          {accept},
		"Accept-Encoding": {"gzip"},
	}
	validator := func(name, value string) {
		if value != "" && httpguts.ValidHeaderFieldValue(value) {
			h[name] = []string{value}
		}
	}
	validator("If-None-Match", e.state.ETag)
	validator("If-Modified-Since", e.state.LastModified)
	if e.state.ETag != "" {
		h["A-Im"] = []string{"feed"} // RFC 3229: only what is new, if the outlet can tell
	}
	req := (&http.Request{
		Method: http.MethodGet, URL: written(at), Host: at.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	if e.trusted(at) {
		for name, value := range e.src.Headers {
			if http.CanonicalHeaderKey(name) == "Host" {
				req.Host = value.Reveal()
				continue
			}
			h.Set(name, value.Reveal())
		}
		if e.src.Username != "" || e.src.Password != "" {
			req.SetBasicAuth(e.src.Username, e.src.Password.Reveal())
		} else if e.login != nil {
			password, _ := e.login.Password()
			req.SetBasicAuth(e.login.Username(), password)
		}
	}
	return req
}

// written is an address as it may stand in a request: what no URL may hold is encoded, in
// the query too, where package url leaves it alone.
func written(at *url.URL) *url.URL {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '<' || r == '>' }
	if !strings.ContainsFunc(at.RawQuery, odd) {
		return at
	}
	var query []byte
	for _, b := range []byte(at.RawQuery) {
		if odd(rune(b)) {
			query = fmt.Appendf(query, "%%%02X", b)
		} else {
			query = append(query, b)
		}
	}
	encoded := *at
	encoded.RawQuery = string(query)
	return &encoded
}

// stage is how far an exchange has come, to say at what it hung.
type stage int32

const (
	resolving stage = iota
	dialling
	greeting // TLS
	sending
	waiting // for the header
	reading // the body
)

// progress follows an exchange.
type progress struct {
	at   atomic.Int32
	left atomic.Pointer[time.Time]
}

func (p *progress) stage() stage { return stage(p.at.Load()) }

// sent is when the request was on its way; the zero time if it never was.
func (p *progress) sent() time.Time {
	if left := p.left.Load(); left != nil {
		return *left
	}
	return time.Time{}
}

// trace tells of an exchange. A request that has got an idle connection may still hear of
// the one that was being made for it meanwhile; that says nothing of how far it has come.
func (p *progress) trace() *httptrace.ClientTrace {
	to := func(s stage) { p.at.Store(int32(s)) }
	connecting := func(s stage) {
		for now := p.at.Load(); stage(now) < sending && !p.at.CompareAndSwap(now, int32(s)); now = p.at.Load() {
		}
	}
	return &httptrace.ClientTrace{
		GetConn:           func(string) { to(resolving) }, // also once more, after a connection that was dead
		ConnectStart:      func(string, string) { connecting(dialling) },
		TLSHandshakeStart: func() { connecting(greeting) },
		GotConn:           func(httptrace.GotConnInfo) { to(sending) },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			now := time.Now()
			p.left.Store(&now)
			to(waiting)
		},
	}
}
