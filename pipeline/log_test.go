package pipeline_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sayings are what the random outlets below write, few enough that they copy and
// edit each other, fill templates anew and repeat themselves.
var sayings = []string{
	"The council voted after six hours to turn the old harbour into a park with four hundred trees.",
	"Work begins next spring, costs 38 million crowns and takes three years, said the mayor at the quay.",
	"The river rose by two metres over night and carried away the footbridge near the mill.",
	"Officials asked 350 families close to the bank to leave their houses before the evening.",
	"کونسل نے چھ گھنٹے کی بحث کے بعد پرانی بندرگاہ کو پارک بنانے کی منظوری دے دی۔",
	"Follow us on every channel there is, and never miss one of our stories again.",
	"Gold closed at 2,410 crowns an ounce on the exchange.", "Gold closed at 2,380 crowns an ounce on the exchange.",
}

var titles = []string{
	"Council turns the old harbour into a park", "Politics: Council turns the old harbour into a park", "Old harbour becomes a park, council decides",
	"River rises by two metres over night", "River rises two metres over night", "Weather", "Gold prices at the exchange today", "پرانی بندرگاہ اب پارک بنے گی",
}

var dawn = time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC)

// drawLog draws what three outlets said, in turns. The batches are complete, as they
// would travel from whoever fetched them.
// Where every item is new, none is listed or revised later.
func drawLog(t *rapid.T, everyItemNew bool) []feed.Batch {
	number := 0
	states := map[string]feed.State{}
	var log []feed.Batch
	at := dawn
	for range rapid.IntRange(2, 7).Draw(t, "batches") {
		at = at.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "hours on")) * time.Hour)
		id := rapid.SampledFrom([]string{"herald", "gazette", "dariya"}).Draw(t, "source")
		src := feed.Outlet{ID: id, Name: "The " + id, Credits: []string{"The " + id}}
		var items []feed.Item
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "items") {
			e := feed.Entry{
				ID:    fmt.Sprint(id, rapid.IntRange(0, 5).Draw(t, "id")),
				Link:  "https://" + rapid.SampledFrom([]string{id, id, "agency"}).Draw(t, "host") + ".example/" + rapid.SampledFrom([]string{"a", "b", "c-1234567", "d-1234567"}).Draw(t, "page"),
				Title: feed.Text{Value: rapid.SampledFrom(titles).Draw(t, "title")},
				Summary: feed.Text{Kind: feed.HTML, Value: "<p>" + strings.Join(
					rapid.SliceOfN(rapid.SampledFrom(sayings), 0, 5).Draw(t, "text"), "</p><p>") + "</p>"},
			}
			if everyItemNew {
				number++
				e.ID, e.Link = fmt.Sprint(id, number), fmt.Sprint("https://", id, ".example/page", number)
			}
			if rapid.Bool().Draw(t, "dated") {
				e.Published = at.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "age")) * time.Hour).Format(time.RFC1123Z)
			}
			if it, _ := normalize.Item(e, feed.Channel{Language: "en"}, src, at); !seen[it.Key] {
				seen[it.Key] = true
				items = append(items, it)
			}
		}
		st := states[id]
		st.Source, st.Visited, st.Succeeded = id, at, at
		habits := st.Habits
		if !everyItemNew {
			habits, st.Warnings = dedupe.Identify(items, habits)
		}
		st.Habits = dedupe.Mark(items, src, habits)
		states[id] = st
		log = append(log, feed.Batch{At: at, Outlet: src, State: st, Items: items})
	}
	return log
}

// A ledger is a store into which a log is merged.
type ledger struct {
	t    *rapid.T
	path string
	db   *storage.DB
}

func newLedger(t *rapid.T, dir string) *ledger {
	l := &ledger{t: t, path: dir}
	l.reopen()
	t.Cleanup(func() { l.db.Close() })
	return l
}

func (l *ledger) reopen() {
	if l.db != nil {
		if err := l.db.Close(); err != nil {
			l.t.Fatal(err)
		}
	}
	db, err := storage.Open(l.path, storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}, Mark: dedupe.Mark, NoSync: true})
	if err != nil {
		l.t.Fatal(err)
	}
	l.db = db
}

func (l *ledger) merge(b feed.Batch) {
	if _, err := l.db.Merge(l.t.Context(), b); err != nil {
		l.t.Fatal(err)
	}
}

// stories is the river as text: everything that readers see, and why.
func (l *ledger) stories() []string {
	var out []string
	for s, err := range l.db.Stories(l.t.Context(), feed.Query{}) {
		if err != nil {
			l.t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s order %s updated %s:", s.Key, s.ID, s.Order.Format(time.RFC3339), s.Updated.Format(time.RFC3339))
		for _, m := range s.Members {
			line += fmt.Sprintf(" %s %s %s %q %x;", m.Source, m.Key, m.ID, m.Title, m.Hash)
		}
		for _, j := range s.Joins {
			line += fmt.Sprintf(" %s-%s %s", j.Item, j.With, j.Rule)
		}
		out = append(out, line)
	}
	return out
}

func TestTheSameLogGivesTheSameStories(t *testing.T) {
	rounds := 0
	dir := t.TempDir()
	began := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(began) > 3*time.Second && rounds >= 10 {
			return // a slow machine has seen enough
		}
		rounds++
		file := func(name string) string { return filepath.Join(dir, fmt.Sprint(name, rounds)) }
		log := drawLog(t, false)
		live, interrupted, repeated, shuffled := newLedger(t, file("live")), newLedger(t, file("interrupted")), newLedger(t, file("repeated")), newLedger(t, file("shuffled"))
		for i, b := range log {
			live.merge(b)
			interrupted.merge(b)
			interrupted.reopen()
			repeated.merge(b)
			repeated.merge(b)
			repeated.merge(log[rapid.IntRange(0, i).Draw(t, "again")])
			b.Items = rapid.Permutation(slices.Clone(b.Items)).Draw(t, "order")
			shuffled.merge(b)
		}
		want := live.stories()
		for name, l := range map[string]*ledger{"restarted between batches": interrupted, "batches repeated": repeated, "items in another order": shuffled} {
			if diff := cmp.Diff(want, l.stories()); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
		}
	})
}

// Reindex reads what is stored, in which an item that was revised says only what it
// said last; so the items of this log are not.
func TestReindexGivesTheStoriesOfLiveArrival(t *testing.T) {
	rounds := 0
	dir := t.TempDir()
	began := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(began) > 2*time.Second && rounds >= 10 {
			return
		}
		rounds++
		live := newLedger(t, filepath.Join(dir, fmt.Sprint(rounds)))
		for _, b := range drawLog(t, true) {
			live.merge(b)
		}
		want := live.stories()
		if _, err := live.db.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, live.stories()); diff != "" {
			t.Fatalf("after a reindex: %s", diff)
		}
	})
}
