package feed

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/url"
	"time"
)

// Kind is what kind of turn a source has taken.
type Kind string

// The kinds of turns.
const (
	Failing   Kind = "failing"   // a visit failed, after visits that succeeded
	Recovered Kind = "recovered" // it succeeded again, or has something to say again
	Silent    Kind = "silent"    // visits succeed, but bring nothing new for longer than usual
	Gone      Kind = "gone"      // 410: it is not visited any more
	Moved     Kind = "moved"     // it is at another address for good
)

// Kinds are all kinds of turns.
func Kinds() []Kind { return []Kind{Failing, Recovered, Silent, Gone, Moved} }

// Event is a turn in how a source fares. It is noted once, however long it lasts.
type Event struct {
	Kind    Kind      `cbor:"1,keyasint" json:"kind"`
	At      time.Time `cbor:"2,keyasint" json:"at"`                      // the visit that found it
	Since   time.Time `cbor:"3,keyasint,omitzero" json:"since,omitzero"` // when what it tells of began: of a recovery, when the trouble did
	Trouble Trouble   `cbor:"4,keyasint,omitempty" json:"trouble,omitempty"`
	Detail  string    `cbor:"5,keyasint,omitempty" json:"detail,omitempty"`  // the problem, or where it moved to; redacted
	PerDay  float64   `cbor:"6,keyasint,omitempty" json:"per_day,omitempty"` // of silence: what is usual
}

const (
	// mostEvents is how many of a source's last turns are remembered.
	mostEvents = 8
	// longestDetail bounds what an event repeats of a problem, in bytes.
	longestDetail = 300
)

// Turns are the turns that the visit between two states shows, none as long as all
// stays as it was. A failure counts once it has lasted for patience; one that was over
// sooner is no turn, and neither is its end.
func Turns(before, after *State, patience time.Duration) []Event {
	var turns []Event
	turn := func(e Event) {
		e.At, e.Detail = after.Visited, clipped(e.Detail)
		turns = append(turns, e)
	}
	was, is := before.down(patience), after.down(patience)
	switch {
	case after.Gone && !before.Gone:
		turn(Event{Kind: Gone, Since: after.FailingSince, Trouble: after.Trouble, Detail: after.Problem})
	case is && !was:
		turn(Event{Kind: Failing, Since: after.FailingSince, Trouble: after.Trouble, Detail: after.Problem})
	case was && after.Failures == 0 && !after.Gone:
		turn(Event{Kind: Recovered, Since: before.FailingSince, Trouble: before.Trouble})
	}
	quiet, silent := !before.Tally.Silent.IsZero(), !after.Tally.Silent.IsZero()
	switch {
	case silent && !quiet:
		usual, _ := after.Tally.PerDay(after.Tally.News)
		turn(Event{Kind: Silent, Since: after.Tally.News, PerDay: usual})
	case quiet && !silent:
		turn(Event{Kind: Recovered, Since: before.Tally.News})
	}
	if after.URL != before.URL && after.URL != "" && after.Failures == 0 {
		turn(Event{Kind: Moved, Detail: bare(after.URL)})
	}
	return turns
}

// down says whether the source has been failing for that long.
func (st *State) down(patience time.Duration) bool {
	return st.Gone || st.Failures > 0 && st.Visited.Sub(st.FailingSince) >= patience
}

func clipped(s string) string {
	if len(s) <= longestDetail {
		return s
	}
	end := 0
	for i := range s {
		if i > longestDetail {
			break
		}
		end = i
	}
	return s[:end] + "…"
}

// bare is an address without what may be a secret: user info and query.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// URN names the event of a source, the same at every asking: "urn:uuid:…" (RFC 9562,
// section 5.8).
func (e Event) URN(source string) string {
	b := sha256.Sum256(fmt.Appendf(nil, "sangam event\x00%s\x00%s\x00%d", source, e.Kind, e.At.UnixNano()))
	b[6] = b[6]&0x0f | 0x80 // version 8: of our own making
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// Title is the event in one line, about the source of that name.
func (e Event) Title(name string) string {
	switch e.Kind {
	case Recovered:
		if e.Trouble == NoTrouble {
			return name + " has something new again"
		}
		return name + " works again"
	case Silent:
		return name + " is silent"
	case Gone:
		return name + " is gone"
	case Moved:
		return name + " has moved"
	}
	return name + " fails"
}

// Text is what an operator should know of the event, in one or two sentences.
func (e Event) Text() string {
	switch e.Kind {
	case Recovered:
		if e.Trouble == NoTrouble {
			return "It had been silent for " + Span(e.At.Sub(e.Since)) + "."
		}
		return fmt.Sprintf("It had failed for %s (%s).", Span(e.At.Sub(e.Since)), e.Trouble)
	case Silent:
		return fmt.Sprintf("Usually %s a day, nothing for %s. %s", Count(e.PerDay), Span(e.At.Sub(e.Since)),
			"Its address may hold a feed that nobody writes any more: look at the outlet's page.")
	case Moved:
		return "It is visited at " + e.Detail + " from now on. Change its address in the configuration when that suits you."
	}
	return sentence(cmp.Or(e.Detail, string(e.Trouble))) + " " + e.Trouble.Advice()
}

func sentence(s string) string {
	if s == "" || s[len(s)-1] == '.' {
		return s
	}
	return s + "."
}

// Count writes a number of items as people say it: "40", "1.5", "0.1".
func Count(n float64) string {
	if n >= 10 || n == float64(int(n)) {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.1f", n)
}

// Size writes a number of bytes as people say it: "1.2 MiB".
func Size(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, i := float64(n), 0
	for ; i+1 < len(units) && (value >= 1024 || value <= -1024); i++ {
		value /= 1024
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}

// Span writes a duration in its largest unit: "9 hours".
func Span(d time.Duration) string {
	n, unit := int(d.Hours()/24), "day"
	switch {
	case d < time.Minute:
		n, unit = int(d.Seconds()), "second"
	case d < time.Hour:
		n, unit = int(d.Minutes()), "minute"
	case d < 48*time.Hour:
		n, unit = int(d.Hours()), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprint(n, " ", unit)
}

// Advice is what an operator can do about a trouble, in one or two sentences.
func (t Trouble) Advice() string {
	switch t {
	case NoTrouble:
		return ""
	case DNS:
		return "Check the host's name; if other sources fail too, this machine's name server."
	case Refused, Broken:
		return "The server may be down: visits go on. If it lasts, look whether the feed has another address."
	case Blocked:
		return "The address is not public. If that is meant, add its network to fetch.allow_networks."
	case TLS:
		return "The outlet's certificate is not valid: tell the outlet. insecure_tls accepts any."
	case Timeout:
		return "The server is slow or out of reach: visits go on. A longer fetch.timeout may help."
	case Unauthorized:
		return "The outlet wants a password or does not want us: check auth, headers and user_agent."
	case NotFound:
		return "Look for the feed's new address on the outlet's page: sangam sources test shows what it announces."
	case GoneForGood:
		return "It is not visited any more until its address changes: find the new one, or remove it."
	case TooMany:
		return "We come too often for the outlet: give it a schedule with fewer visits."
	case Redirect:
		return "Where the address leads cannot be followed: enter the address that a browser ends at."
	case TooLarge:
		return "The document is larger than fetch.max_body allows."
	case NotAFeed:
		return "The address is no feed any more, or never was: sangam sources test lists the feeds that the page announces."
	case Encoding, Unreadable:
		return "What the server sends is broken: visits go on. sangam sources test shows it."
	case HTTPStatus:
		return "The server has trouble of its own: visits go on."
	case Panicked:
		return "This is a mistake in Sangam: please report it with the document."
	}
	return ""
}
