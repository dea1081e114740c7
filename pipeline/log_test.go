package pipeline_test

import (
	"cmp"
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

	gocmp "github.com/google/go-cmp/cmp"
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

type marker func([]feed.Item, feed.Outlet, feed.Habits) feed.Habits

// markAlone marks every item as if its outlet had never said anything else.
func markAlone(items []feed.Item, src feed.Outlet, habits feed.Habits) feed.Habits {
	for i := range items {
		dedupe.Mark(items[i:i+1], src, feed.Habits{})
	}
	return habits
}

// How many hours pass between two visits at most: so many that a log outlasts the window
// in which items are compared, or so few that it does not.
const (
	days  = 40
	hours = 8
)

// How many ids an outlet uses again: so few that no item has more younger ones like it
// than are judged anew when it is revised, or more.
const (
	fewIDs  = 3
	manyIDs = 6
)

// drawLog draws what three outlets said, in turns. The batches are complete, as they
// would travel from whoever fetched them.
// Every outlet uses so many ids again and again; where it uses none, every item is new, and
// none is listed or revised later.
func drawLog(t *rapid.T, ids, pause int, mark marker) []feed.Batch {
	number := 0
	states := map[string]feed.State{}
	var log []feed.Batch
	at := dawn
	for range rapid.IntRange(2, 7).Draw(t, "batches") {
		at = at.Add(time.Duration(rapid.IntRange(1, pause).Draw(t, "hours on")) * time.Hour)
		id := rapid.SampledFrom([]string{"herald", "gazette", "dariya"}).Draw(t, "source")
		src := feed.Outlet{ID: id, Name: "The " + id, Credits: []string{"The " + id}}
		var items []feed.Item
		seen := map[string]bool{}
		for range rapid.IntRange(1, 6).Draw(t, "items") {
			e := feed.Entry{
				ID:    fmt.Sprint(id, rapid.IntRange(0, max(ids-1, 0)).Draw(t, "id")),
				Link:  "https://" + rapid.SampledFrom([]string{id, id, "agency"}).Draw(t, "host") + ".example/" + rapid.SampledFrom([]string{"a", "b", "c-1234567", "d-1234567"}).Draw(t, "page"),
				Title: feed.Text{Value: rapid.SampledFrom(titles).Draw(t, "title")},
				Summary: feed.Text{Kind: feed.HTML, Value: "<p>" + strings.Join(
					rapid.SliceOfN(rapid.SampledFrom(sayings), 0, 5).Draw(t, "text"), "</p><p>") + "</p>"},
			}
			if ids == 0 {
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
		if ids > 0 {
			habits, st.Warnings = dedupe.Identify(items, habits)
		}
		st.Habits = mark(items, src, habits)
		states[id] = st
		log = append(log, feed.Batch{At: at, Outlet: src, State: st, Items: items})
	}
	return log
}

// A ledger is a store into which a log is merged.
type ledger struct {
	t     *rapid.T
	path  string
	mark  marker
	rules feed.Decider
	db    *storage.DB
}

func newLedger(t *rapid.T, dir string, mark marker) *ledger {
	return newLedgerBy(t, dir, mark, dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true})
}

func newLedgerBy(t *rapid.T, dir string, mark marker, rules feed.Decider) *ledger {
	l := &ledger{t: t, path: dir, mark: mark, rules: rules}
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
	db, err := storage.Open(l.path, storage.Options{Decider: l.rules, Mark: l.mark, NoSync: true})
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

// A ruling is what the operator says of two of the items that came.
type ruling struct{ kind, a, b string }

func drawRuling(t *rapid.T, log []feed.Batch) ruling {
	var keys []string
	for _, b := range log {
		for _, it := range b.Items {
			keys = append(keys, it.Key)
		}
	}
	one := rapid.SampledFrom(keys)
	return ruling{rapid.SampledFrom([]string{"", "", "never", "always", "undo"}).Draw(t, "verdict"), one.Draw(t, "one item"), one.Draw(t, "another item")}
}

// rule reports whether the ruling was taken: the two may be one item, or gone.
func (l *ledger) rule(r ruling) bool {
	switch r.kind {
	case "never":
		return l.db.Never(l.t.Context(), r.a, r.b, "the tester") == nil
	case "always":
		return l.db.Always(l.t.Context(), r.a, r.b, "the tester") == nil
	case "undo":
		return l.db.UndoVerdict(l.t.Context(), r.a, r.b) == nil
	}
	return false
}

// obeys fails the test if the stories are not as was ruled.
func (l *ledger) obeys(r ruling) {
	a, errA := l.db.Story(l.t.Context(), r.a)
	b, errB := l.db.Story(l.t.Context(), r.b)
	if errA != nil || errB != nil {
		l.t.Fatalf("story of %s: %v, of %s: %v", r.a, errA, r.b, errB)
	}
	if (a.Key == b.Key) != (r.kind == "always") {
		l.t.Fatalf("%s and %s are in %s and %s, though it was ruled: %s", r.a, r.b, a.Key, b.Key, r.kind)
	}
}

// together is who is in one story with whom, and what the story is called.
func (l *ledger) together() []string {
	var out []string
	for s, err := range l.db.Stories(l.t.Context(), feed.Query{}) {
		if err != nil {
			l.t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s led by %s:", s.Key, s.ID, s.Lead().Key)
		var members []string
		for _, m := range s.Members {
			members = append(members, fmt.Sprintf("%s %s %q", m.Source, m.Key, m.Title))
		}
		slices.Sort(members)
		out = append(out, line+" "+strings.Join(members, "; "))
	}
	return out
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
		log := drawLog(t, manyIDs, days, dedupe.Mark)
		live, interrupted, repeated, shuffled := newLedger(t, file("live"), dedupe.Mark), newLedger(t, file("interrupted"), dedupe.Mark), newLedger(t, file("repeated"), dedupe.Mark), newLedger(t, file("shuffled"), dedupe.Mark)
		for i, b := range log {
			ruled := drawRuling(t, log[:i+1])
			live.merge(b)
			live.rule(ruled)
			interrupted.merge(b)
			interrupted.reopen()
			interrupted.rule(ruled)
			repeated.merge(b)
			repeated.merge(b)
			repeated.merge(log[rapid.IntRange(0, i).Draw(t, "again")])
			repeated.rule(ruled)
			b.Items = rapid.Permutation(slices.Clone(b.Items)).Draw(t, "order")
			shuffled.merge(b)
			shuffled.rule(ruled)
		}
		want := live.stories()
		for name, l := range map[string]*ledger{"restarted between batches": interrupted, "batches repeated": repeated, "items in another order": shuffled} {
			if diff := gocmp.Diff(want, l.stories()); diff != "" {
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
		live := newLedger(t, filepath.Join(dir, fmt.Sprint(rounds)), dedupe.Mark)
		for _, b := range drawLog(t, 0, days, dedupe.Mark) {
			live.merge(b)
		}
		want := live.stories()
		if _, err := live.db.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, live.stories()); diff != "" {
			t.Fatalf("after a reindex: %s", diff)
		}
	})
}

// inPairs judges an item with one other at a time, so that no third has a say.
type inPairs struct{ dedupe.Rules }

func (r inPairs) Decide(it *feed.Item, near []*feed.Item) (v feed.Verdict) {
	for _, other := range near {
		one := r.Rules.Decide(it, []*feed.Item{other})
		v.Revises = cmp.Or(v.Revises, one.Revises)
		v.Joins, v.Parts = append(v.Joins, one.Joins...), append(v.Parts, one.Parts...)
	}
	return v
}

// What an outlet repeats is learnt from what it sent, and what it has revised is not
// kept; so here nobody learns. Nor do headlines that recur and passages that many hold
// count: who had seen those in an item that says something else now is not judged anew.
func TestReindexGivesTheStoriesOfRevisedItems(t *testing.T) {
	rounds := 0
	dir := t.TempDir()
	began := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(began) > 2*time.Second && rounds >= 10 {
			return
		}
		rounds++
		live := newLedgerBy(t, filepath.Join(dir, fmt.Sprint(rounds)), markAlone, inPairs{dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}})
		for _, b := range drawLog(t, fewIDs, hours, markAlone) {
			live.merge(b)
		}
		want := live.together()
		if _, err := live.db.Reindex(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, live.together()); diff != "" {
			t.Fatalf("after a reindex: %s", diff)
		}
	})
}

func TestVerdictsOutliveReindexing(t *testing.T) {
	rounds := 0
	dir := t.TempDir()
	began := time.Now()
	rapid.Check(t, func(t *rapid.T) {
		if time.Since(began) > 2*time.Second && rounds >= 10 {
			return
		}
		rounds++
		live := newLedger(t, filepath.Join(dir, fmt.Sprint(rounds)), dedupe.Mark)
		log := drawLog(t, manyIDs, days, dedupe.Mark)
		when := rapid.IntRange(0, len(log)-1).Draw(t, "when")
		ruled := drawRuling(t, log[:when+1])
		stands := false
		for i, b := range log {
			if live.merge(b); i == when {
				stands = live.rule(ruled)
			}
		}
		var before []string
		for range 2 {
			if stands {
				live.obeys(ruled)
			}
			before = live.stories()
			if _, err := live.db.Reindex(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if stands {
			live.obeys(ruled)
		}
		if diff := gocmp.Diff(before, live.stories()); diff != "" {
			t.Fatalf("after a second reindex: %s", diff)
		}
	})
}
