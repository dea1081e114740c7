package fetcher

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	"github.com/klauspost/compress/flate"

	"sangam/feed"
)

// failed is a document that never came.
func failed(trouble feed.Trouble, problem string) feed.Document {
	return feed.Document{Outcome: feed.Failed, Trouble: trouble, Problem: problem}
}

// refusal is an answer that is of no use.
func (e *errand) refusal(r *reply, at *url.URL, trouble feed.Trouble, problem string) feed.Document {
	doc := failed(trouble, problem)
	doc.URL, doc.Status, doc.ContentType = at.String(), r.StatusCode, r.Header.Get("Content-Type")
	doc.NotBefore, doc.NotBeforeWhy = retryAfter(r.Header, e.now())
	return doc
}

// rejected explains an answer whose status says that there is no feed.
func (e *errand) rejected(r *reply, at *url.URL) feed.Document {
	status := fmt.Sprintf("it answers \"%d %s\"", r.StatusCode, either(http.StatusText(r.StatusCode), "of its own making"))
	say := func(trouble feed.Trouble, advice string) feed.Document {
		return e.refusal(r, at, trouble, status+": "+advice)
	}
	_, wait := retryAfter(r.Header, e.now())
	switch code := r.StatusCode; {
	case code == http.StatusUnauthorized && e.withheld(at):
		return say(feed.Unauthorized, "it was redirected to another host or port ("+at.Host+"), which does not get the configured password; configure that address itself")
	case code == http.StatusUnauthorized:
		return say(feed.Unauthorized, "it wants a user name and password; check auth of this source")
	case code == http.StatusForbidden && r.Header.Get("Cf-Mitigated") != "":
		return say(feed.Unauthorized, "a bot check stands before the feed; ask the outlet to let feed readers through")
	case code == http.StatusForbidden:
		return say(feed.Unauthorized, "it does not let us in; check the address, headers and auth, and whether the outlet blocks this machine or its user agent")
	case code == http.StatusNotFound:
		return say(feed.NotFound, "there is no feed at this address; look on the outlet's site for its new one")
	case code == http.StatusGone:
		return say(feed.GoneForGood, "the outlet has given this feed up; remove the source or give it another address")
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable && wait != "":
		return say(feed.TooMany, "it wants to be asked less often; a rarer schedule helps if this goes on")
	case code == http.StatusProxyAuthRequired:
		return say(feed.HTTPStatus, "the proxy wants a user name and password; put them into its address")
	case code >= 500:
		return say(feed.HTTPStatus, "the server is out of order; it is asked again, more and more rarely")
	case code >= 400:
		return say(feed.HTTPStatus, "it refuses the request; check the address")
	default:
		return say(feed.HTTPStatus, "that is not how a feed is answered; check the address")
	}
}

// withheld tells whether a password was configured but not sent to this address.
func (e *errand) withheld(at *url.URL) bool {
	return !e.trusted(at) && (e.src.Username != "" || e.src.Password != "" || e.login != nil || len(e.src.Headers) > 0)
}

// broken explains an exchange that ended without a (whole) answer.
func (e *errand) broken(err error, at *url.URL, reached stage) feed.Document {
	host := at.Hostname()
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		return failed(feed.Refused, "the configured proxy cannot be reached ("+clip(reason(err), 120)+"): check its address")
	}
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return failed(feed.Blocked, host+" has an address that is not public: such are only visited if allow_networks names their network")
	case errors.Is(err, errOddAddress):
		return failed(feed.Blocked, host+" is a network address in an unusual form, which is never followed: write it as in 192.0.2.7")
	case errors.As(err, &dns) && dns.IsNotFound:
		return failed(feed.DNS, "the name "+host+" does not exist: check the address for a typing error, whether the outlet has moved, and this machine's network")
	case errors.As(err, &dns):
		return failed(feed.DNS, "the name "+host+" cannot be looked up at the moment: check this machine's network and DNS")
	case errors.As(err, &certificate):
		return failed(feed.TLS, distrusted(certificate.Err, host))
	case errors.As(err, &record):
		return failed(feed.TLS, host+" does not speak TLS on this port: should the address begin with http:?")
	case errors.As(err, &alert):
		return failed(feed.TLS, host+" refuses the TLS handshake ("+alert.Error()+"): its software may be too old")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return failed(feed.Timeout, e.tooSlow(host, reached))
	case errors.Is(err, context.Canceled):
		return failed(feed.Timeout, "stopped")
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed(feed.Refused, "nobody answers at "+at.Host+": check the port, or whether the server is down")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return failed(feed.Refused, host+" cannot be reached from here: check this machine's network")
	case reached == greeting:
		return failed(feed.TLS, "the TLS handshake with "+host+" breaks off: its software may be too old, or something on the way interferes")
	case reached <= dialling:
		return failed(feed.Refused, "no connection to "+at.Host+" ("+clip(reason(err), 120)+")")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return failed(feed.Broken, "the connection to "+host+" broke off in the middle")
	default:
		return failed(feed.Broken, host+" does not speak proper HTTP ("+clip(reason(err), 120)+")")
	}
}

// tooSlow says at what an exchange hung.
func (e *errand) tooSlow(host string, reached stage) string {
	what := map[stage]string{
		resolving: "looking up " + host, dialling: "connecting to " + host, greeting: "the TLS handshake with " + host,
		sending: "sending the request to " + host, waiting: "waiting for " + host + " to begin its answer", reading: "reading the answer of " + host,
	}[reached]
	own := map[stage]time.Duration{resolving: dialTimeout, dialling: dialTimeout, greeting: tlsTimeout, waiting: headerTimeout}[reached]
	if own > 0 && time.Since(e.asked) < e.timeout-e.spent-own/20 { // the visit itself had time left
		return fmt.Sprintf("too slow: %s took more than %s; if this goes on, tell the outlet", what, own)
	}
	return fmt.Sprintf("too slow: %s took too long (the whole visit may last %s); if this goes on, raise timeout or tell the outlet", what, e.timeout.Round(time.Millisecond))
}

// distrusted says what is wrong with a certificate.
func distrusted(err error, host string) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	what := "cannot be verified"
	switch {
	case errors.As(err, &name):
		what = "is for another name"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		what = "has expired, or is not valid yet (check this machine's clock)"
	case errors.As(err, &unknown):
		what = "is signed by nobody this machine trusts"
	}
	return "the certificate of " + host + " " + what + "; only if you know why, set insecure_tls for this source"
}

// corrupt tells whether an error came out of the decoder.
func corrupt(err error) bool {
	var input flate.CorruptInputError
	return errors.As(err, &input)
}

// reason is the innermost text of an error, without the addresses around it.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return strings.Map(printable, err.Error())
		}
		err = inner
	}
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
		return -1
	}
	return r
}

// clip shortens a stranger's text.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(strings.Map(printable, text), "")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// size writes a number of bytes as operators do.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
