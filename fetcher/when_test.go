package fetcher

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
)

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestWhenToComeBack(t *testing.T) {
	now := time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)
	const sent, later = "Sat, 01 Mar 2025 15:00:00 GMT", "Sat, 01 Mar 2025 15:20:00 GMT" // a clock three hours ahead
	for _, c := range []struct {
		header http.Header
		want   time.Duration
		why    string
	}{
		{headers(), 0, ""},
		{headers("Cache-Control", "max-age=600"), 10 * time.Minute, "max-age"},
		{headers("Cache-Control", `Public, Max-Age="600"`), 10 * time.Minute, "max-age"},
		{headers("Cache-Control", "public", "Cache-Control", "max-age=600"), 10 * time.Minute, "max-age"},
		{headers("Cache-Control", "max-age=600", "Age", "120"), 8 * time.Minute, "max-age"},
		{headers("Cache-Control", "max-age=600", "Age", "1200"), 0, ""},
		{headers("Cache-Control", "max-age=600", "Age", "nonsense"), 10 * time.Minute, "max-age"},
		{headers("Cache-Control", "max-age=99999999999999999999"), 24 * time.Hour, "max-age"},
		{headers("Cache-Control", "max-age=-1"), 0, ""},
		{headers("Cache-Control", "max-age=600, no-cache"), 0, ""},
		{headers("Cache-Control", "no-store", "Expires", later), 0, ""},
		{headers("Cache-Control", "max-age=0", "Expires", later), 0, ""},
		{headers("Cache-Control", "s-maxage=600"), 0, ""},
		{headers("Expires", later, "Date", sent), 20 * time.Minute, "Expires"},
		{headers("Expires", "Sat, 01 Mar 2025 12:20:00 GMT"), 20 * time.Minute, "Expires"},
		{headers("Expires", "0"), 0, ""},
		{headers("Expires", "Thu, 01 Jan 2099 00:00:00 GMT"), 24 * time.Hour, "Expires"},
	} {
		got, why := freshness(c.header, now)
		check(t, "freshness", c.header, got, why, now, c.want, c.why)
	}
	for _, c := range []struct {
		header http.Header
		want   time.Duration
		why    string
	}{
		{headers(), 0, ""},
		{headers("Retry-After", "120"), 2 * time.Minute, "Retry-After"},
		{headers("Retry-After", " 120 "), 2 * time.Minute, "Retry-After"},
		{headers("Retry-After", "119.5"), 2 * time.Minute, "Retry-After"},
		{headers("Retry-After", later, "Date", sent), 20 * time.Minute, "Retry-After"},
		{headers("Retry-After", "Saturday, 01-Mar-25 15:20:00 GMT", "Date", sent), 20 * time.Minute, "Retry-After"},
		{headers("Retry-After", "Sat, 01 Mar 2025 15:20:00 +0000", "Date", sent), 20 * time.Minute, "Retry-After"},
		{headers("Retry-After", "Sat, 01 Mar 2025 12:20:00 GMT"), 20 * time.Minute, "Retry-After"},
		{headers("Retry-After", "Sat, 01 Mar 2025 12:20:00 GMT", "Date", sent), 0, ""},
		{headers("Retry-After", "99999999999999999999"), 7 * 24 * time.Hour, "Retry-After"},
		{headers("Retry-After", "31536000"), 7 * 24 * time.Hour, "Retry-After"},
		{headers("Retry-After", "0"), 0, ""},
		{headers("Retry-After", "-5"), 0, ""},
		{headers("Retry-After", "soon"), 0, ""},
		{headers("Retry-After", "1e9"), 0, ""},
	} {
		got, why := retryAfter(c.header, now)
		check(t, "retryAfter", c.header, got, why, now, c.want, c.why)
	}
}

func check(t *testing.T, what string, h http.Header, got time.Time, why string, now time.Time, want time.Duration, wantWhy string) {
	t.Helper()
	switch {
	case want == 0 && !got.IsZero():
		t.Errorf("%s of %v: got %s (%s), want nothing", what, h, got, why)
	case want != 0 && (!got.Equal(now.Add(want)) || why != wantWhy):
		t.Errorf("%s of %v: got %s (%s), want %s (%s)", what, h, got, why, now.Add(want), wantWhy)
	}
}

func TestDomains(t *testing.T) {
	for address, want := range map[string]string{
		"https://feeds.bbc.co.uk/news":  "bbc.co.uk",
		"https://WWW.BBC.CO.UK./news":   "bbc.co.uk",
		"https://rss.dw.com:443/x":      "dw.com",
		"http://anna.github.io/feed":    "anna.github.io",
		"http://co.uk/":                 "co.uk",
		"http://خبریں.پاکستان/":         "xn--ngblk26czc.xn--mgbai9azgqp6j",
		"http://127.0.0.1:8080/":        "127.0.0.1:8080",
		"http://127.0.0.1/":             "127.0.0.1:80",
		"https://[2001:db8::1]/":        "[2001:db8::1]:443",
		"http://rss-bridge:3000/?x=1":   "rss-bridge:3000",
		"http://user:pw@a.example.org/": "example.org",
		"nonsense":                      "nonsense",
	} {
		if got := Domain(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

func TestLanesKeepOrderPauseAndNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		limit := feed.PerHost{Concurrency: 2, Interval: time.Second}
		began := time.Now()
		var mu sync.Mutex
		var order []int
		running, most := 0, 0
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				leave, err := l.enter(t.Context(), "herald.example", limit)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if got := time.Since(began); got < time.Duration(i)*time.Second {
					t.Errorf("request %d started after %s", i, got)
				}
				order = append(order, i)
				running++
				most = max(most, running)
				mu.Unlock()
				time.Sleep(3 * time.Second)
				mu.Lock()
				running--
				mu.Unlock()
				leave(time.Time{})
			})
			synctest.Wait() // in this order
		}
		if leave, err := l.enter(t.Context(), "gazette.example", limit); err != nil || time.Since(began) != 0 {
			t.Errorf("another domain had to wait %s: %v", time.Since(began), err)
		} else {
			leave(time.Time{})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := l.enter(ctx, "herald.example", limit); err == nil {
			t.Error("the impatient one was let in before the others")
		}
		all.Wait()
		if most != 2 || running != 0 {
			t.Errorf("%d at once, want 2", most)
		}
		for i, n := range order {
			if i != n {
				t.Errorf("started in the order %v", order)
				break
			}
		}
		l.forget(time.Now().Add(time.Hour))
		if len(l.by) != 0 {
			t.Errorf("%d lanes are remembered for nothing", len(l.by))
		}
	})
}
