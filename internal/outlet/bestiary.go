package outlet

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Animal is one kind of bad manners, or of good ones that are rarely met.
type Animal struct {
	Name  string // path it lives at, without the slash
	About string // what it does, in one line
	http.Handler
}

// Bestiary returns every animal. Each is as its Handler says; nothing about it is
// kept between calls, so one server may show them all.
func Bestiary() []Animal {
	var all []Animal
	for _, cage := range [][]Animal{validators(), statuses(), redirections(), bodies(), slow(), broken()} {
		all = append(all, cage...)
	}
	return all
}

// Zoo answers every animal's path, "/name", as the animal does.
func Zoo() http.Handler {
	mux := http.NewServeMux()
	for _, animal := range Bestiary() {
		mux.Handle("/"+animal.Name, animal)
		mux.Handle("/"+animal.Name+"/", animal)
	}
	return mux
}

// Sample is a small, whole RSS feed, which animals send that send one.
const Sample = `<?xml version="1.0"?><rss version="2.0"><channel><title>Zoo</title><link>https://zoo.example/</link>` +
	`<description>d</description><item><guid>1</guid><title>One</title></item></channel></rss>`

func animal(name, about string, h http.HandlerFunc) Animal { return Animal{name, about, h} }

// sends answers with the sample feed and some headers, given as name, value, …
func sends(header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/rss+xml")
		for i := 0; i < len(header); i += 2 {
			w.Header()[header[i]] = append(w.Header()[header[i]], header[i+1])
		}
		fmt.Fprint(w, Sample)
	}
}

// says answers with a status and some headers.
func says(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		if status >= 300 && status != http.StatusNotModified {
			fmt.Fprintf(w, "<html><body>%d</body></html>", status)
		}
	}
}

func validators() []Animal {
	return []Animal{
		animal("etag-weak", "a weak ETag", sends("ETag", `W/"1-a"`)),
		animal("etag-bare", "an ETag without quotes", sends("ETag", `abc--gzip`)),
		animal("date-odd", "a Last-Modified that is no HTTP date", sends("Last-Modified", "2024-04-09T08:00:00+05:00")),
		animal("etag-restless", "another ETag with every answer, the same bytes", func(w http.ResponseWriter, r *http.Request) {
			sends("ETag", fmt.Sprintf(`"%d"`, time.Now().UnixNano()))(w, r)
		}),
		animal("304-unasked", "304 to somebody who was never there", says(304)),
		animal("304-new-etag", "304 with a new ETag", says(304, "ETag", `"new"`)),
		animal("delta", "226 with the new items only, to A-IM: feed", func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("A-IM"), "feed") {
				w.Header().Set("IM", "feed")
				w.WriteHeader(http.StatusIMUsed)
			}
			fmt.Fprint(w, Sample)
		}),
		animal("fresh-hour", "Cache-Control: max-age of an hour, half of it over", sends("Cache-Control", "public, max-age=3600", "Age", "1800")),
		animal("fresh-year", "Cache-Control: max-age of a year", sends("Cache-Control", "max-age=31536000")),
		animal("expires-past", "Expires: 0", sends("Expires", "0")),
		animal("never-cached", "no-cache, and yet a max-age", sends("Cache-Control", "no-cache, max-age=3600", "Expires", "Thu, 01 Jan 2099 00:00:00 GMT")),
	}
}

func statuses() []Animal {
	return []Animal{
		animal("401", "wants a password", says(401, "WWW-Authenticate", `Basic realm="zoo"`)),
		animal("403", "lets nobody in", says(403)),
		animal("403-bot-check", "a bot check in front of the feed", says(403, "Cf-Mitigated", "challenge")),
		animal("404", "nothing here", says(404)),
		animal("410", "given up for good", says(410)),
		animal("418", "a status of its own taste", says(418)),
		animal("429", "asked too often, no word about when", says(429)),
		animal("429-seconds", "asked too often, come back in two minutes", says(429, "Retry-After", "120")),
		animal("429-nonsense", "asked too often, come back soon", says(429, "Retry-After", "soon")),
		animal("429-century", "asked too often, come back in a hundred years", says(429, "Retry-After", "3153600000")),
		animal("500", "out of order", says(500)),
		animal("503", "out of order for a while", says(503)),
		animal("503-date", "back in an hour, by a clock that is a day ahead", func(w http.ResponseWriter, r *http.Request) {
			ahead := time.Now().UTC().Add(24 * time.Hour)
			says(503, "Date", ahead.Format(http.TimeFormat), "Retry-After", ahead.Add(time.Hour).Format(http.TimeFormat))(w, r)
		}),
		animal("204", "no content", says(204)),
		animal("206", "a part that nobody asked for", says(206)),
		animal("999", "a status from beyond the list", says(999)),
	}
}

func redirections() []Animal {
	to := func(status int, where string) http.HandlerFunc { return says(status, "Location", where) }
	return []Animal{
		animal("home", "where good redirects lead", sends("ETag", `"home"`)),
		animal("301", "moved for good", to(301, "/home")),
		animal("308", "moved for good, newer style", to(308, "/home")),
		animal("302", "elsewhere for now", to(302, "/home")),
		animal("303", "see other", to(303, "/home")),
		animal("307", "elsewhere for now, newer style", to(307, "/home")),
		animal("301-301", "moved for good, twice", to(301, "/301")),
		animal("301-302-301", "moved for good, then for now, then for good", to(301, "/302-301")),
		animal("302-301", "elsewhere for now, then for good", to(302, "/301")),
		animal("301-404", "moved for good to where there is nothing", to(301, "/404")),
		animal("loop", "back to itself", to(302, "/loop")),
		animal("ping", "to pong", to(301, "/pong")),
		animal("pong", "to ping", to(301, "/ping")),
		animal("cookie-wall", "back to itself with a cookie", says(302, "Location", "/cookie-wall", "Set-Cookie", "in=1")),
		animal("endless", "one step further each time", func(w http.ResponseWriter, r *http.Request) {
			to(302, r.URL.Path+"/on")(w, r)
		}),
		animal("five-hops", "five redirects, then the feed", func(w http.ResponseWriter, r *http.Request) {
			if strings.Count(r.URL.Path, "/on") == 5 {
				sends()(w, r)
			} else {
				to(302, r.URL.Path+"/on")(w, r)
			}
		}),
		animal("to-nowhere", "a redirect without a Location", says(302)),
		animal("to-file", "into our files", to(302, "file:///etc/passwd")),
		animal("to-ftp", "to ftp", to(301, "ftp://zoo.example/feed")),
		animal("to-script", "to a script", to(302, "javascript:alert(1)")),
		animal("to-metadata", "to the cloud's metadata service", to(302, "http://169.254.169.254/latest/meta-data/")),
		animal("to-private", "to a printer behind the firewall", to(302, "http://10.0.0.1/")),
		animal("to-enclosed", "to 127.0.0.1 in enclosed digits, port of a database", to(302, "http://①②⑦.⓪.⓪.①:5432/")),
		animal("to-mail-port", "to a mail server's port", to(302, "http://127.0.0.1:25/")),
		animal("to-password", "to a host of its choice with a password", to(302, "http://user:secret@10.0.0.1/")),
		animal("to-control", "to an address with control characters", to(302, "/\x01\x02")),
		animal("to-crlf", "to an address with an encoded line break", to(302, "/404?x=%0d%0aX-Injected:%20yes")),
		animal("to-words", "to an address with spaces and quotes in its query", to(302, `/words?q="two words" <اردو>`)),
		animal("words", "where such an address leads, whose words are encoded", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "q=%22two%20words%22%20%3C%D8%A7%D8%B1%D8%AF%D9%88%3E" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			sends()(w, r)
		}),
		animal("to-giant", "to an address of a hundred kilobytes", to(302, "/"+strings.Repeat("x", 100_000))),
	}
}
