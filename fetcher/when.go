package fetcher

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// longestFresh caps how long a document may call itself fresh: a day.
	longestFresh = 24 * time.Hour
	// longestRetry caps Retry-After: a week.
	longestRetry = 7 * 24 * time.Hour
)

// What the header is called that says how long an answer is fresh.
const (
	whyMaxAge  = "max-age"
	whyExpires = "Expires"
)

// freshness reads until when the outlet calls its answer fresh (RFC 9111, 4.2.1):
// there is no point in asking sooner. The zero time means that it does not say.
func freshness(h http.Header, now time.Time) (time.Time, string) {
	age := time.Duration(0)
	if s, ok := seconds(h.Get("Age")); ok {
		age = s
	}
	fresh, name := time.Duration(0), ""
	maxAge, decided := directives(h)
	switch {
	case decided:
		fresh, name = maxAge-age, whyMaxAge
	case h.Get("Expires") != "":
		sent := date(h.Get("Date"))
		if sent.IsZero() {
			sent = now
		}
		if expires := date(h.Get("Expires")); !expires.IsZero() { // "0" and "-1" mean the past
			fresh, name = expires.Sub(sent)-age, whyExpires
		}
	}
	if fresh <= 0 {
		return time.Time{}, ""
	}
	return now.Add(min(fresh, longestFresh)), name
}

// directives reads Cache-Control: the max-age, and whether it settles the matter,
// so that Expires is not looked at.
func directives(h http.Header) (maxAge time.Duration, decided bool) {
	said := strings.Join(h.Values("Cache-Control"), ",")
	if said == "" {
		return 0, false
	}
	for part := range strings.SplitSeq(said, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			if s, ok := seconds(strings.Trim(value, `" `)); ok {
				maxAge, decided = s, true
			}
		}
	}
	return maxAge, decided
}

// retryAfter reads when the outlet, refusing us, wants to be asked again (RFC
// 9110, 10.2.3): seconds, or a date, which counts from the server's own clock.
// The zero time means that it does not say, or nonsense.
func retryAfter(h http.Header, now time.Time) (time.Time, string) {
	value := h.Get("Retry-After")
	wait, ok := seconds(value)
	if !ok {
		until := date(value)
		if until.IsZero() {
			return time.Time{}, ""
		}
		sent := date(h.Get("Date"))
		if sent.IsZero() {
			sent = now
		}
		wait = until.Sub(sent)
	}
	if wait <= 0 {
		return time.Time{}, ""
	}
	return now.Add(min(wait, longestRetry)), "Retry-After"
}

// seconds reads a number of seconds. However large, it fits; a fraction is rounded up.
func seconds(text string) (time.Duration, bool) {
	whole, fraction, split := strings.Cut(strings.TrimSpace(text), ".")
	if whole == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 32)
	if err != nil { // digits only, so it is too large
		n = 1<<31 - 1
	}
	if split && strings.Trim(fraction, "0") != "" {
		n++
	}
	return time.Duration(n) * time.Second, true
}

// date reads an HTTP date, also those that are nearly one.
func date(text string) time.Time {
	if text = strings.TrimSpace(text); text == "" {
		return time.Time{}
	}
	if t, err := http.ParseTime(text); err == nil {
		return t
	}
	for _, layout := range []string{time.RFC1123Z, time.RFC1123, "Mon, 2 Jan 2006 15:04:05 MST", time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}
