package pipeline_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/internal/outlet"
)

// A fickle outlet names its items anew: what ids and links look like depends on the visit.
type fickle struct {
	h     *house
	src   feed.Source
	visit int
	items []fickleItem
	id    func(item, visit int) string
	link  func(item, visit int) string
}

type fickleItem struct {
	title, text string
	at          time.Time // zero = the feed does not say
}

func newFickle(t *testing.T, items int) *fickle {
	t.Helper()
	f := &fickle{h: newHouse(t)}
	herald, src := open(t, "herald", outlet.RSS2)
	f.src = src
	f.id = func(item, _ int) string { return fmt.Sprint("id-", item) }
	f.link = func(item, _ int) string { return fmt.Sprint("http://herald.example/story/", item) }
	for i := range items {
		f.add(fmt.Sprintf("%s opens the %s of the valley", reporters[i%len(reporters)], places[i%len(places)]), f.h.now.Add(-time.Duration(i)*time.Hour))
	}
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, f.document()) }))
	return f
}

var (
	reporters = []string{"The mayor", "A shepherd", "The choir", "Nobody", "The baker", "An engineer", "The school", "A fisherman"}
	places    = []string{"tunnel", "library", "dam", "observatory", "covered market", "mint", "ropeway"}
)

func (f *fickle) add(title string, at time.Time) {
	n := len(f.items)
	text := fmt.Sprintf("%s. It took %d years and %d people, said %s at the gate; nobody in %s had expected so many guests on a day of rain.",
		title, n+3, 17*n+40, reporters[(n+3)%len(reporters)], places[(n+2)%len(places)])
	f.items = append(f.items, fickleItem{title, text, at})
}

func (f *fickle) document() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<rss version="2.0"><channel><title>herald</title><description>answer %d</description>`, f.visit)
	for i, it := range f.items {
		fmt.Fprintf(&b, `<item><guid isPermaLink="false">%s</guid><link>%s</link><title>%s</title><description>%s</description>`,
			f.id(i, f.visit), f.link(i, f.visit), it.title, it.text)
		if !it.at.IsZero() {
			fmt.Fprintf(&b, "<pubDate>%s</pubDate>", it.at.UTC().Format(time.RFC1123Z))
		}
		b.WriteString("</item>")
	}
	return b.String() + "</channel></rss>"
}

func (f *fickle) comes(want feed.Report) feed.State {
	f.h.Helper()
	f.visit++
	return f.h.visit(f.src, want)
}

// entry is what a reader knows of a story.
type entry struct {
	id             string
	order, updated time.Time
}

func (f *fickle) river() map[string]entry {
	f.h.Helper()
	out := map[string]entry{}
	for s, err := range f.h.db.Stories(f.h.Context(), feed.Query{}) {
		if err != nil {
			f.h.Fatal(err)
		}
		if _, twice := out[s.Lead().Title]; twice || len(s.Members) != 1 {
			f.h.Errorf("%q is there more than once", s.Lead().Title)
		}
		out[s.Lead().Title] = entry{s.ID, s.Order, s.Updated}
	}
	return out
}

// unmoved checks that readers see of the first items what they saw before.
func (f *fickle) unmoved(before map[string]entry) {
	f.h.Helper()
	now := f.river()
	if len(now) != len(f.items) {
		f.h.Errorf("got %d stories, want %d", len(now), len(f.items))
	}
	for title, was := range before {
		if got := now[title]; got.id != was.id || !got.order.Equal(was.order) || !got.updated.Equal(was.updated) {
			f.h.Errorf("%s: got %+v, want it as it was, %+v", title, got, was)
		}
	}
}

func told(t *testing.T, st feed.State, want string) {
	t.Helper()
	if !strings.Contains(strings.Join(st.Warnings, "\n"), want) {
		t.Errorf("got warnings %q, want %q", st.Warnings, want)
	}
}

var session = func(item, visit int) string { return fmt.Sprintf("%d-session-%x", item, 7919*visit+item) }

func TestIdsThatAreNewOnEveryVisitFloodNobody(t *testing.T) {
	f := newFickle(t, 10)
	f.id = session
	f.comes(feed.Report{Fresh: 10})
	before := f.river()
	told(t, f.comes(feed.Report{Same: 10}), "10 of 10 items came back under new ids")
	f.comes(feed.Report{Same: 10})
	told(t, f.comes(feed.Report{Same: 10}), "ids are new on every visit and were ignored")
	f.unmoved(before)

	f.add("A comet was seen over the harbour", f.h.now)
	f.comes(feed.Report{Fresh: 1, Same: 10})
	f.items[3].text += " On Friday the gate stayed shut."
	f.comes(feed.Report{Revised: 1, Same: 10}) // known by its link
	before = f.river()
	told(t, f.comes(feed.Report{Same: 11}), "ids are new on every visit and were ignored")
	f.unmoved(before)
}

func TestLinksThatAreNewOnEveryVisitAreNoRevision(t *testing.T) {
	f := newFickle(t, 10)
	f.link = func(item, visit int) string { return "http://herald.example/show?token=" + session(item, visit) }
	f.comes(feed.Report{Fresh: 10})
	before := f.river()
	for range 3 {
		f.comes(feed.Report{Revised: 10})
		f.unmoved(before) // the link was all that changed
	}
	told(t, f.comes(feed.Report{Same: 10}), "links are new on every visit")
	f.add("A comet was seen over the harbour", f.h.now)
	f.comes(feed.Report{Fresh: 1, Same: 10})
	f.unmoved(before)
}

func TestIdsAndLinksThatAreNewOnEveryVisitLeaveTheText(t *testing.T) {
	f := newFickle(t, 10)
	f.id, f.link = session, func(item, visit int) string { return "http://herald.example/show?token=" + session(item, visit) }
	f.comes(feed.Report{Fresh: 10})
	before := f.river()
	for range 3 {
		f.comes(feed.Report{Revised: 10})
	}
	told(t, f.comes(feed.Report{Same: 10}), "items are known by their text")
	f.add("A comet was seen over the harbour", f.h.now)
	f.comes(feed.Report{Fresh: 1, Same: 10})
	f.comes(feed.Report{Same: 11})
	f.unmoved(before)
}

func TestASiteThatChangesAllItsIdsFloodsNobody(t *testing.T) {
	for name, change := range map[string]struct {
		ids, links, dates bool
		aged              time.Duration // between the last quiet visit and the change
		want              feed.Report
		say               string
	}{
		"ids":                         {ids: true, dates: true, want: feed.Report{Same: 12}, say: "12 of 12 items came back under new ids"},
		"links":                       {links: true, dates: true, want: feed.Report{Revised: 12}, say: "12 of 12 items came back under new links"},
		"both":                        {ids: true, links: true, dates: true, want: feed.Report{Revised: 12}, say: "12 of 12 items came back under new ids"},
		"both, no dates":              {ids: true, links: true, want: feed.Report{Revised: 12}, say: "12 of 12 items came back under new ids"},
		"both, no dates, a month old": {ids: true, links: true, aged: 30 * 24 * time.Hour, want: feed.Report{Revised: 12}, say: "12 of 12 items came back under new ids"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFickle(t, 12)
			if !change.dates {
				for i := range f.items {
					f.items[i].at = time.Time{}
				}
			}
			f.comes(feed.Report{Fresh: 12})
			before := f.river()
			f.h.now = f.h.now.Add(change.aged)
			f.comes(feed.Report{Same: 12})
			if change.ids {
				f.id = func(item, _ int) string { return fmt.Sprint("post/", item) }
			}
			if change.links {
				f.link = func(item, _ int) string { return fmt.Sprint("http://herald.example/new/", item) }
			}
			st := f.comes(change.want)
			told(t, st, change.say)
			f.unmoved(before)
			if st := f.comes(feed.Report{Same: 12}); strings.Contains(strings.Join(st.Warnings, ""), "came back") {
				t.Errorf("it is still said that items came back: %q", st.Warnings)
			}
			f.unmoved(before)
		})
	}
}

// A source taken out of the configuration and put back later lists old items that
// nobody has seen here, and some that are known.
func TestASourceThatIsPurgedAndAddedAgainDoesNotFillTheTopOfTheRiver(t *testing.T) {
	f := newFickle(t, 8)
	f.comes(feed.Report{Fresh: 8})
	if _, err := f.h.db.Purge(t.Context(), "herald", nil); err != nil {
		t.Fatal(err)
	}
	f.h.now = f.h.now.Add(40 * 24 * time.Hour)
	f.add("A comet was seen over the harbour", f.h.now)
	f.comes(feed.Report{Fresh: 9})
	now := f.river()
	for _, it := range f.items {
		if got := now[it.title].order; got.Sub(it.at).Abs() > time.Second {
			t.Errorf("%q of %s stands at %s in the river", it.title, it.at, got)
		}
	}
}

func TestAHeadlineUsedAgainIsNews(t *testing.T) {
	f := newFickle(t, 3)
	f.items = append(f.items, fickleItem{title: "Weather", text: "", at: f.h.now})
	f.comes(feed.Report{Fresh: 4})
	steady, link := f.id, f.link
	f.id = func(item, visit int) string {
		if item == 3 {
			return fmt.Sprint("weather-", visit)
		}
		return steady(item, visit)
	}
	f.link = func(item, visit int) string {
		if item == 3 {
			return fmt.Sprint("http://herald.example/weather/", visit)
		}
		return link(item, visit)
	}
	f.h.now = f.h.now.Add(73 * time.Hour)
	f.items[3].at = f.h.now
	f.comes(feed.Report{Fresh: 1, Same: 3})
}
