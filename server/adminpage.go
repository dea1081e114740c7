package server

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sangam/feed"
	"sangam/render"
)

//go:embed pages
var pageFiles embed.FS

var statusPage = template.Must(template.New("admin.html").Funcs(template.FuncMap{
	"asset":   func(name string) string { return "assets/" + render.AssetName(name) },
	"bytes":   feed.Size,
	"percent": func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	"exact":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
}).ParseFS(pageFiles, "pages/admin.html"))

// pageRows is how many sources one page lists.
const pageRows = 200

// policyAdmin lets the page load its stylesheet and fonts, and send its forms home.
const policyAdmin = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// asked is which sources the page is to list, and how: it comes from the address and
// makes addresses.
type asked struct {
	Text   string // in id, name, address or problem
	State  string // "" = any
	Sort   string // "" = troubles first; "-" in front turns it around
	Page   int    // from 0
	Source string // tell everything about this one
}

func askedOf(q url.Values) asked {
	page, _ := strconv.Atoi(q.Get("page"))
	a := asked{Text: strings.TrimSpace(q.Get("q")), State: q.Get("state"), Sort: q.Get("sort"), Page: max(0, page), Source: q.Get("source")}
	if sorts[strings.TrimPrefix(a.Sort, "-")] == nil {
		a.Sort = ""
	}
	return a
}

// Address is the address of the page that answers it.
func (a asked) Address() string {
	q := url.Values{}
	for key, value := range map[string]string{"q": a.Text, "state": a.State, "sort": a.Sort, "source": a.Source} {
		if value != "" {
			q.Set(key, value)
		}
	}
	if a.Page > 0 {
		q.Set("page", strconv.Itoa(a.Page))
	}
	return "./?" + q.Encode()
}

// states are what the page says of sources, the worst first. The stylesheet gives each
// a sign and a colour.
var states = []string{"gone", "failing", "silent", "new", "paused", "ok"}

func stateOf(s SourceStatus) string {
	if s.Paused {
		return "paused"
	}
	return s.Health
}

func perDay(s SourceStatus) float64 {
	if s.Usual.PerDay == nil {
		return -1
	}
	return *s.Usual.PerDay
}

// sorts are the orders in which sources can be listed; where there is most to see comes
// first.
var sorts = map[string]func(a, b SourceStatus) int{
	"state": func(a, b SourceStatus) int {
		return slices.Index(states, stateOf(a)) - slices.Index(states, stateOf(b))
	},
	"name": func(a, b SourceStatus) int {
		return cmp.Compare(strings.ToLower(a.Outlet.Name), strings.ToLower(b.Outlet.Name))
	},
	"items":     func(a, b SourceStatus) int { return cmp.Compare(perDay(b), perDay(a)) },
	"copies":    func(a, b SourceStatus) int { return cmp.Compare(b.Usual.Copies, a.Usual.Copies) },
	"unchanged": func(a, b SourceStatus) int { return cmp.Compare(b.Usual.Unchanged, a.Usual.Unchanged) },
	"took":      func(a, b SourceStatus) int { return cmp.Compare(b.Usual.Took, a.Usual.Took) },
	"bytes":     func(a, b SourceStatus) int { return cmp.Compare(b.Usual.Bytes, a.Usual.Bytes) },
	"news":      func(a, b SourceStatus) int { return a.State.Tally.News.Compare(b.State.Tally.News) },
	"next":      func(a, b SourceStatus) int { return a.State.Due.Compare(b.State.Due) },
}

// chosen are the sources that were asked for, in the order that was.
func (a asked) chosen(all []SourceStatus) []SourceStatus {
	text := strings.ToLower(a.Text)
	list := slices.DeleteFunc(slices.Clone(all), func(s SourceStatus) bool {
		words := strings.ToLower(strings.Join([]string{s.Outlet.ID, s.Outlet.Name, s.Outlet.URL, s.What, strings.Join(s.Outlet.Categories, " ")}, "\n"))
		return a.State != "" && stateOf(s) != a.State || !strings.Contains(words, text)
	})
	name, turned := strings.CutPrefix(a.Sort, "-")
	compare := sorts[cmp.Or(name, "state")]
	slices.SortStableFunc(list, func(x, y SourceStatus) int {
		if turned {
			x, y = y, x
		}
		return compare(x, y)
	})
	return list
}

// statusView is what the page shows.
type statusView struct {
	Status
	Asked      asked
	Facts      [][2]string
	Done       string
	States     []stateLink
	Columns    []column
	Rows       []sourceRow
	Shown      int // sources that were asked for
	First      int // number of the first row
	Prev, Next string
	Turns      []turnRow
	One        *sourceRow // everything about one source
	CanEdit    bool
}

type stateLink struct {
	Name, Href string
	Count      int
	Here       bool
}

type column struct {
	Name, Href string
	Order      string // for aria-sort; "" = not sorted by this
	Number     bool
}

type sourceRow struct {
	SourceStatus
	StateName, Href       string
	News, Succeeded, Next string // distances
	For                   string // how long its trouble has lasted
	Spark                 spark
	Turns                 []turnRow
}

type turnRow struct {
	feed.Event
	Outlet    feed.Outlet
	Href, Ago string
}

// spark is a small chart of new items a day.
type spark struct {
	Label string
	Bars  []bar
	Width int
}

type bar struct{ X, Y, H int }

const sparkHeight, sparkBar = 18, 5

func sparkOf(days []int) spark {
	most, words := 1, make([]string, len(days))
	for i, n := range days {
		most, words[i] = max(most, n), strconv.Itoa(n)
	}
	s := spark{Label: "new items a day, today's last: " + strings.Join(words, ", "), Width: sparkBar * len(days)}
	for i, n := range days {
		h := 1 + n*(sparkHeight-1)/most
		s.Bars = append(s.Bars, bar{i * sparkBar, sparkHeight - h, h})
	}
	return s
}

func rowOf(s SourceStatus, now time.Time) sourceRow {
	r := sourceRow{SourceStatus: s, StateName: stateOf(s), Href: asked{Source: s.Outlet.ID}.Address(), Spark: sparkOf(s.Usual.Days)}
	r.News, r.Succeeded, r.Next = distance(s.State.Tally.News, now), distance(s.State.Succeeded, now), distance(s.State.Due, now)
	r.For = s.Lasts(now)
	if s.Paused {
		r.Next = "never, it is paused"
	}
	return r
}

// distance writes a time as people say it: "3 hours ago", "in 5 minutes".
func distance(t, now time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case t.After(now):
		return "in " + feed.Span(t.Sub(now))
	}
	return feed.Span(now.Sub(t)) + " ago"
}

// PerDay is the number of items a day as people say it.
func (s SourceStatus) PerDay() string {
	if s.Usual.PerDay == nil {
		return "–"
	}
	return feed.Count(*s.Usual.PerDay)
}

func (a *admin) view(st Status, p Program, q asked) statusView {
	v := statusView{Status: st, Asked: q, Facts: p.Facts, CanEdit: a.Commands["pause"] != nil}
	for _, f := range st.Feeds {
		v.Facts = append(v.Facts, [2]string{"filters of the feed " + f.ID, f.String()})
	}
	counts := map[string]int{}
	for _, s := range st.Sources {
		counts[stateOf(s)]++
	}
	v.States = append(v.States, stateLink{"all", asked{Text: q.Text, Sort: q.Sort}.Address(), len(st.Sources), q.State == ""})
	for _, name := range states {
		if counts[name] > 0 || q.State == name {
			v.States = append(v.States, stateLink{name, asked{Text: q.Text, Sort: q.Sort, State: name}.Address(), counts[name], q.State == name})
		}
	}
	for _, c := range []struct {
		name, sort string
		number     bool
	}{{"source", "name", false}, {"state", "state", false}, {"items a day", "items", true}, {"last news", "news", false}, {"next visit", "next", false}, {"copies", "copies", true}, {"unchanged", "unchanged", true}, {"time", "took", true}} {
		v.Columns = append(v.Columns, columnOf(q, c.name, c.sort, c.number))
	}
	list := q.chosen(st.Sources)
	v.Shown = len(list)
	from := min(q.Page*pageRows, len(list))
	to := min(from+pageRows, len(list))
	v.First = from + 1
	for _, s := range list[from:to] {
		v.Rows = append(v.Rows, rowOf(s, st.Now))
	}
	if q.Page > 0 {
		v.Prev = asked{q.Text, q.State, q.Sort, q.Page - 1, ""}.Address()
	}
	if to < len(list) {
		v.Next = asked{q.Text, q.State, q.Sort, q.Page + 1, ""}.Address()
	}
	turns := turnsOf(st)
	for _, t := range turns[:min(len(turns), 12)] {
		v.Turns = append(v.Turns, turnOf(t, st.Now))
	}
	return v
}

func turnOf(t trouble, now time.Time) turnRow {
	return turnRow{Event: t.Event, Outlet: t.outlet, Href: asked{Source: t.outlet.ID}.Address(), Ago: distance(t.At, now)}
}

func columnOf(q asked, name, sort string, number bool) column {
	c := column{Name: name, Number: number}
	next := sort
	switch q.Sort {
	case sort:
		c.Order, next = "ascending", "-"+sort
	case "-" + sort:
		c.Order = "descending"
	}
	c.Href = asked{q.Text, q.State, next, 0, ""}.Address()
	return c
}

func (a *admin) page(w http.ResponseWriter, r *http.Request) {
	st, p, err := a.gather(r.Context())
	q := askedOf(r.URL.Query())
	v := a.view(st, p, q)
	if q.Source != "" {
		i := slices.IndexFunc(st.Sources, func(s SourceStatus) bool { return s.Outlet.ID == q.Source })
		if i < 0 && err == nil {
			http.Error(w, "no such source is configured", http.StatusNotFound)
			return
		}
		if i >= 0 {
			one := rowOf(st.Sources[i], st.Now)
			for _, e := range slices.Backward(one.State.Events) {
				one.Turns = append(one.Turns, turnOf(trouble{e, one.Outlet}, st.Now))
			}
			v.One = &one
		}
	}
	v.Done = done[r.URL.Query().Get("done")]
	var b bytes.Buffer
	if err == nil {
		err = statusPage.Execute(&b, v)
	}
	if err != nil {
		a.Log.Error("no status page", "err", err)
		http.Error(w, "the status cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", policyAdmin)
	w.Header().Set("Referrer-Policy", "same-origin") // without one, browsers send our own forms with "Origin: null"
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // the operator may have left
}

// done is what the page says after a button has done its work.
var done = map[string]string{
	"reload": "The configuration file was read.", "fetch": "The source was visited.",
	"pause": "The source is paused.", "resume": "The source is visited again.",
}

// do carries out what a button of the page asks for, and leads back to the page.
func (a *admin) do(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read", http.StatusBadRequest)
		return
	}
	name, source := r.PostForm.Get("action"), r.PostForm.Get("source")
	command := a.Commands[name]
	if done[name] == "" || command == nil {
		http.Error(w, "no such action", http.StatusBadRequest)
		return
	}
	order := r.Clone(r.Context())
	order.URL.RawQuery = url.Values{"source": {source}}.Encode()
	if _, err := command(r.Context(), order); err != nil {
		status := http.StatusInternalServerError
		if s, ok := errors.AsType[interface {
			error
			Status() int
		}](err); ok {
			status = s.Status()
		}
		http.Error(w, name+": "+err.Error(), status)
		return
	}
	back := url.Values{"done": {name}}
	if source != "" {
		back.Set("source", source)
	}
	w.Header().Set("Location", "./?"+back.Encode())
	w.WriteHeader(http.StatusSeeOther)
}

// asset sends the page's stylesheet or a font. Its name never gets another content.
func (a *admin) asset(w http.ResponseWriter, r *http.Request) {
	asset, known := render.AssetNamed(r.PathValue("name"))
	if !known {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	w.Header().Set("Content-Type", asset.Type)
	w.Header().Set("Content-Length", strconv.Itoa(len(asset.Body)))
	_, _ = w.Write(asset.Body)
}
