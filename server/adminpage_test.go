package server_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// city is a shelf with so many sources, of which some are in trouble.
func city(n int) *shelf {
	s := &shelf{outlets: map[string]feed.Outlet{}, states: map[string]feed.State{}}
	for i := range n {
		id := fmt.Sprintf("desk-%04d", i)
		o := feed.Outlet{ID: id, Name: fmt.Sprintf("Desk Number %d", i), URL: "https://" + id + ".example/feed", Language: "en", Categories: []string{"world"}}
		if i%5 == 0 {
			o.Name, o.Language, o.Direction = fmt.Sprintf("دریا نیوز %d", i), "ur", feed.RightToLeft
		}
		st := feed.State{
			Source: id, Visited: noon.Add(-5 * time.Minute), Succeeded: noon.Add(-5 * time.Minute), Due: noon.Add(time.Duration(i%60) * time.Minute),
			DueWhy: "next slot of */15 * * * *", Visits: 900, Items: 30, Bytes: 40_000, Status: 200,
			Tally: feed.Tally{Since: noon.Add(-20 * 24 * time.Hour), News: noon.Add(-time.Duration(i%300) * time.Minute)},
		}
		for d := range feed.Date(15) {
			st.Tally.Days = append(st.Tally.Days, feed.Day{
				Date: feed.DateOf(noon) - 14 + d, New: (i*7 + int(d)*13) % 60, Copies: i % 10, Visits: 96, Unchanged: i % 90, Bytes: 1 << 20,
				Took: feed.Millis(96 * (i%400 + 20)), Gap: 60,
			})
		}
		switch {
		case i%40 == 1:
			st.Failures, st.FailingSince, st.Trouble, st.Problem = 7, noon.Add(-30*time.Hour), feed.Timeout, "no answer within 30s"
			st.Events = append(st.Events, feed.Event{Kind: feed.Failing, At: noon.Add(-30 * time.Hour), Since: noon.Add(-30 * time.Hour), Trouble: feed.Timeout, Detail: st.Problem})
		case i%40 == 2:
			st.Gone, st.Failures, st.FailingSince, st.Trouble, st.Problem, st.Due = true, 1, noon.Add(-50*time.Hour), feed.GoneForGood, "410 Gone", time.Time{}
			st.Events = append(st.Events, feed.Event{Kind: feed.Gone, At: noon.Add(-50 * time.Hour), Trouble: feed.GoneForGood, Detail: "410 Gone"})
		case i%40 == 3:
			st.Tally.News, st.Tally.Silent = noon.Add(-9*time.Hour), noon.Add(-2*time.Hour)
			st.Events = append(st.Events, feed.Event{Kind: feed.Silent, At: noon.Add(-2 * time.Hour), Since: st.Tally.News, PerDay: 40})
		case i%40 == 4:
			st = feed.State{Source: id}
		}
		s.outlets[id], s.states[id] = o, st
	}
	return s
}

// bureau is the operators' side over a store; orders notes what was done.
func bureau(store server.Store, orders *[]string) http.Handler {
	command := func(name string) server.Command {
		return func(_ context.Context, r *http.Request) (any, error) {
			source := r.URL.Query().Get("source")
			*orders = append(*orders, name+" "+source)
			if source == "nobody" {
				return nil, refused{errors.New("no source has that id")}
			}
			return nil, nil
		}
	}
	return server.NewAdmin(server.AdminOptions{
		Base: "http://127.0.0.1:8081/", Store: store, Now: nowFunc,
		Commands: map[string]server.Command{"fetch": command("fetch"), "pause": command("pause"), "resume": command("resume"), "reload": command("reload"), "purge": command("purge")},
		Sources: func() []feed.Source {
			return []feed.Source{{Outlet: feed.Outlet{ID: "desk-0010"}, Paused: true, Schedule: "@hourly"}}
		},
		Program: func() server.Program {
			return server.Program{Notices: []string{"config.yaml was refused"}, Facts: [][2]string{{"store", "12.0 MiB"}}}
		},
	})
}

func call(h http.Handler, method, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8081"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:9"
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestStatusPageOfAThousandSourcesSortsAndFilters(t *testing.T) {
	var orders []string
	h := bureau(city(1000), &orders)
	first := func(path string) (id string, body string) {
		body = call(h, "GET", path, nil).Body.String()
		_, rest, _ := strings.Cut(body, "<tbody>")
		_, rest, _ = strings.Cut(rest, "<code>")
		id, _, _ = strings.Cut(rest, "</code>")
		return id, body
	}
	for _, row := range []struct{ path, want, has string }{
		{"/", "desk-0002", "1000 sources"}, // gone comes first
		{"/?state=silent", "desk-0003", "usually"},
		{"/?state=failing&sort=-name", "desk-0961", "25 sources"},
		{"/?state=paused", "desk-0010", "never, it is paused"},
		{"/?q=desk+number+77", "desk-0077", "9 sources"},
		{"/?q=no+answer+within", "desk-0001", "25 sources"},
		{"/?state=failing", "desk-0001", `for 30 hours`},
		{"/?state=failing&sort=name", "desk-0001", `<p class="advice">The server is slow or out of reach`},
		{"/?sort=items", "", "aria-sort=\"ascending\""},
		{"/?sort=nonsense&page=-4", "desk-0002", "Next"},
		{"/?page=4&sort=name", "", "from number 801"},
		{"/?page=4000000000", "", "No source is so"},
		{"/?q=<script>", "", "&lt;script&gt;"},
	} {
		id, body := first(row.path)
		if row.want != "" && id != row.want || !strings.Contains(body, row.has) || strings.Contains(body, "<script") {
			t.Errorf("%s: the first source is %q, want %q; %q on it: %t", row.path, id, row.want, row.has, strings.Contains(body, row.has))
		}
		if len(body) > 1<<20 {
			t.Errorf("%s: %d bytes", row.path, len(body))
		}
	}
	_, body := first("/")
	for _, want := range []string{"config.yaml was refused", "12.0 MiB", `<bdi lang="ur">`, `aria-label="new items a day`, "Desk Number 1<"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not tell %q", want)
		}
	}
	one := call(h, "GET", "/?source=desk-0003", nil).Body.String()
	for _, want := range []string{"nothing for 9 hours", "Visit now", "Pause", "desk-0003 ", "silent"} {
		if !strings.Contains(one, strings.TrimSpace(want)) {
			t.Errorf("the page of one source does not tell %q", want)
		}
	}
	if w := call(h, "GET", "/?source=none", nil); w.Code != http.StatusNotFound {
		t.Errorf("a source that is not there: %d", w.Code)
	}
	css := between(body, `<link rel="stylesheet" href="`, `"`)
	if w := call(h, "GET", "/"+css, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "nastaliq-400.") {
		t.Errorf("the stylesheet %s: %d", css, w.Code)
	}
	if w := call(h, "GET", "/assets/../admin.go", nil); w.Code == http.StatusOK {
		t.Error("a file that is no asset is sent")
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

func TestButtonsDoOnlyWhatTheyAreFor(t *testing.T) {
	var orders []string
	h := bureau(city(12), &orders)
	form := func(action, source string) url.Values { return url.Values{"action": {action}, "source": {source}} }
	for _, row := range []struct {
		what   string
		form   url.Values
		header []string
		status int
		leads  string
	}{
		{"visit", form("fetch", "desk-0001"), nil, 303, "./?done=fetch&source=desk-0001"},
		{"pause", form("pause", "desk-0001"), []string{"Origin", "http://127.0.0.1:8081", "Sec-Fetch-Site", "same-origin"}, 303, "./?done=pause&source=desk-0001"},
		{"reload", form("reload", ""), nil, 303, "./?done=reload"},
		{"a source that is not there", form("pause", "nobody"), nil, 409, ""},
		{"a command without a button", form("purge", "desk-0001"), nil, 400, ""},
		{"nothing", url.Values{}, nil, 400, ""},
		{"another site's form", form("pause", "desk-0001"), []string{"Origin", "https://evil.example"}, 403, ""},
		{"another site's form, in a new browser", form("pause", "desk-0001"), []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
	} {
		w := call(h, "POST", "/do", row.form, row.header...)
		if w.Code != row.status || w.Header().Get("Location") != row.leads {
			t.Errorf("%s: %d to %q, want %d to %q", row.what, w.Code, w.Header().Get("Location"), row.status, row.leads)
		}
	}
	if got := strings.Join(orders, ", "); got != "fetch desk-0001, pause desk-0001, reload , pause nobody" {
		t.Errorf("done was: %s", got)
	}
	if w := call(h, "GET", "/do?action=pause&source=desk-0001", nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a button's work by GET: %d", w.Code)
	}
}

func TestTroublesAreAFeed(t *testing.T) {
	var orders []string
	h := bureau(city(1000), &orders)
	w := call(h, "GET", "/status.xml", nil)
	var f struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Entries []struct {
			ID      string    `xml:"id"`
			Updated time.Time `xml:"updated"`
		} `xml:"entry"`
	}
	if err := xml.NewDecoder(w.Body).Decode(&f); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for i, e := range f.Entries {
		ids[e.ID] = true
		if i > 0 && e.Updated.After(f.Entries[i-1].Updated) {
			t.Error("the newest do not come first")
		}
	}
	if len(f.Entries) != 75 || len(ids) != 75 || f.Updated != noon.Add(-2*time.Hour).Format(time.RFC3339) {
		t.Errorf("got %d entries, updated %s", len(f.Entries), f.Updated)
	}
	tag := w.Header().Get("ETag")
	if again := call(h, "GET", "/status.xml", nil, "If-None-Match", tag); again.Code != http.StatusNotModified || tag == "" {
		t.Errorf("asked again with %s: %d", tag, again.Code)
	}
	if quiet := call(bureau(town(), &orders), "GET", "/status.xml", nil); strings.Contains(quiet.Body.String(), "<entry>") || strings.Contains(quiet.Body.String(), "1970") || quiet.Code != http.StatusOK {
		t.Errorf("without troubles: %d %s", quiet.Code, quiet.Body)
	}
}

func TestTokenMayBeAPassword(t *testing.T) {
	for password, want := range map[string]int{"s3cret": http.StatusOK, "s3cre": http.StatusUnauthorized, "": http.StatusUnauthorized} {
		r := httptest.NewRequest("GET", "http://ops.example/status.xml", nil)
		r.SetBasicAuth("operator", password)
		w := httptest.NewRecorder()
		office("s3cret").ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("the password %q: %d, want %d", password, w.Code, want)
		}
		if want == http.StatusUnauthorized && len(w.Header().Values("WWW-Authenticate")) != 2 {
			t.Errorf("a browser is not told how to ask: %q", w.Header())
		}
	}
}
