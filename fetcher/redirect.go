package fetcher

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"sangam/feed"
)

// longestAddress bounds a Location; the longest URLs that servers take are 8 kB.
const longestAddress = 8 << 10

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func web(u *url.URL) bool { return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" }

// target reads where a redirect leads, from which address. User info and fragment
// are dropped: an outlet does not hand out passwords for other hosts.
func target(r *reply, from *url.URL) (*url.URL, feed.Document) {
	location := r.Header.Get("Location")
	bad := func(problem string) (*url.URL, feed.Document) {
		doc := failed(feed.Redirect, problem)
		doc.Status = r.StatusCode
		return nil, doc
	}
	if location == "" || len(location) > longestAddress {
		return bad("it redirects, but does not say where to")
	}
	next, err := from.Parse(location)
	if err != nil {
		return bad("it redirects to something that is no address: the server is misconfigured")
	}
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	next.Scheme = strings.ToLower(next.Scheme)
	switch {
	case next.Scheme != "http" && next.Scheme != "https":
		return bad("it redirects to an address that is not http or https (" + next.Scheme + ":): that is never followed")
	case next.Hostname() == "":
		return bad("it redirects to an address without a host: the server is misconfigured")
	case from.Scheme == "https" && next.Scheme == "http":
		return bad("it redirects from https to unprotected http (" + shown(next) + "): that is never followed; if the outlet has no https, configure its http address")
	}
	return next, feed.Document{}
}

// permitted tells whether an address may be asked at all: http or https, on the
// port that belongs to it or one that the configured address names itself.
func (e *errand) permitted(at *url.URL, hop int) (feed.Document, bool) {
	if !web(at) {
		return failed(feed.Blocked, "only http and https addresses with a host are visited, not "+shown(at)), false
	}
	switch port := at.Port(); {
	case port == "" || port == "80" || port == "443" || port == e.home.Port():
		return feed.Document{}, true
	default:
		return failed(feed.Blocked, "it leads to port "+port+" ("+shown(at)+"): other ports than 80 and 443 are only visited if the configured address names them"), false
	}
}

// trusted tells whether the operator's headers and password may be sent to an
// address: only to the host and port they were configured for, and not less
// protected. From http to https on their usual ports is the same place.
func (e *errand) trusted(at *url.URL) bool {
	upgraded := at.Scheme == "https" && portOf(at) == "443" && portOf(e.home) == "80"
	same := portOf(at) == portOf(e.home) && (at.Scheme == "https" || at.Scheme == e.home.Scheme)
	return strings.EqualFold(at.Hostname(), e.home.Hostname()) && (same || upgraded)
}

// ends remembers where each source ended, to notice when two end at one address.
type ends struct {
	mu sync.Mutex
	at map[string][]string // address → sources, in the order in which they came
	of map[string]end      // source → address
}

type end struct {
	address string
	when    time.Time
}

// endHolds is how long a source is believed to end where it last did: longer than
// any floor between two visits, short enough to forget sources that are removed.
const endHolds = 26 * time.Hour

// note records that a source ended at an address and returns another source that did
// so lately, if any. Of two that do each is told of the other, the first at its next visit.
func (e *ends) note(address, source string, now time.Time) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at == nil {
		e.at, e.of = make(map[string][]string), make(map[string]end)
	}
	if before, known := e.of[source]; !known || before.address != address {
		e.leave(source)
		e.at[address] = append(e.at[address], source)
	}
	e.of[source] = end{address, now}
	for _, other := range slices.Clone(e.at[address]) {
		switch {
		case other == source:
		case now.Sub(e.of[other].when) < endHolds:
			return other
		default:
			e.leave(other)
		}
	}
	return ""
}

// Only says which sources there are now: where others ended is forgotten, so that
// nobody is told of a source that was removed, or has another id.
func (c *Client) Only(sources []feed.Source) {
	c.ends.mu.Lock()
	defer c.ends.mu.Unlock()
	gone := maps.Clone(c.ends.of)
	for _, src := range sources {
		delete(gone, src.ID)
	}
	for id := range gone {
		c.ends.leave(id)
	}
}

// leave forgets where a source ended.
func (e *ends) leave(source string) {
	address := e.of[source].address
	delete(e.of, source)
	left := slices.DeleteFunc(e.at[address], func(other string) bool { return other == source })
	if e.at[address] = left; len(left) == 0 {
		delete(e.at, address)
	}
}
