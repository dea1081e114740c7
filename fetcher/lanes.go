package fetcher

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"sangam/feed"
)

// Domain names whom an address belongs to, for the limits per host: the
// registrable domain by the public suffix list ("feeds.bbc.co.uk" → "bbc.co.uk").
// Hosts that have none, IP addresses and bare names, are named with their port:
// on a private network every port may be another outlet.
func Domain(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return domainOf(u)
}

func domainOf(u *url.URL) string {
	host := ascii(strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
	if _, err := netip.ParseAddr(host); err == nil || !strings.Contains(host, ".") {
		return net.JoinHostPort(host, portOf(u))
	}
	if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
		return domain
	}
	return host
}

// ascii is a host as name servers know it, or in small letters if it has no such name.
func ascii(host string) string {
	host = strings.ToLower(host)
	if plain := strings.IndexFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) < 0; plain && !strings.Contains(host, "xn--") {
		return host // as nearly all are: idna would say the same, after looking at every letter
	}
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// lanes lets requests to each domain through one after the other, in the order in
// which they came.
type lanes struct {
	mu sync.Mutex
	by map[string]*lane
}

type lane struct {
	running int
	rested  time.Time       // the next request may start from then on
	queue   []chan struct{} // who waits; a word in the channel says: look again
}

// leave ends a request that entered a lane. It is told when the request was sent, from when
// on the pause is counted, since the way there may take longer one time than the next; the
// zero time if it never was.
type leave func(sent time.Time)

// sweep is at how many lanes those that are idle are looked for.
const sweep = 1024

// tryEnter is enter if nobody must be waited for; else it returns nil.
func (l *lanes) tryEnter(domain string, limit feed.PerHost) leave {
	l.mu.Lock()
	defer l.mu.Unlock()
	lane := l.of(domain)
	if len(lane.queue) > 0 || lane.running >= max(1, limit.Concurrency) || time.Now().Before(lane.rested) {
		return nil
	}
	return l.take(lane, limit)
}

// enter waits until a request to domain may start. Call leave when it has ended.
func (l *lanes) enter(ctx context.Context, domain string, limit feed.PerHost) (leave, error) {
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	l.mu.Lock()
	lane := l.of(domain)
	lane.queue = append(lane.queue, turn)
	l.mu.Unlock()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-turn:
		case <-timer.C:
		case <-ctx.Done():
			l.mu.Lock()
			lane.queue = slices.DeleteFunc(lane.queue, func(other chan struct{}) bool { return other == turn })
			lane.call()
			l.mu.Unlock()
			return nil, context.Cause(ctx)
		}
		l.mu.Lock()
		if lane.queue[0] == turn && lane.running < max(1, limit.Concurrency) {
			pause := time.Until(lane.rested)
			if pause <= 0 {
				lane.queue = lane.queue[1:]
				out := l.take(lane, limit)
				lane.call()
				l.mu.Unlock()
				return out, nil
			}
			timer.Reset(pause)
		}
		l.mu.Unlock()
	}
}

// of returns the lane of a domain.
func (l *lanes) of(domain string) *lane {
	if l.by == nil {
		l.by = make(map[string]*lane)
	}
	found := l.by[domain]
	if found == nil {
		if len(l.by) >= sweep && len(l.by)%sweep == 0 {
			l.forget(time.Now())
		}
		found = &lane{}
		l.by[domain] = found
	}
	return found
}

// forget drops lanes that nobody uses and whose pause is over.
func (l *lanes) forget(now time.Time) {
	for domain, lane := range l.by {
		if lane.running == 0 && len(lane.queue) == 0 && !now.Before(lane.rested) {
			delete(l.by, domain)
		}
	}
}

func (l *lanes) take(lane *lane, limit feed.PerHost) leave {
	lane.running++
	lane.rested = time.Now().Add(limit.Interval)
	return func(sent time.Time) {
		l.mu.Lock()
		defer l.mu.Unlock()
		lane.running--
		if rested := sent.Add(limit.Interval); rested.After(lane.rested) {
			lane.rested = rested
		}
		lane.call()
	}
}

// call has the first in the queue look again.
func (l *lane) call() {
	if len(l.queue) > 0 {
		select {
		case l.queue[0] <- struct{}{}:
		default:
		}
	}
}
