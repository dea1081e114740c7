// Package storagetest holds the laws of a store as a contract that can be run
// against any way of opening one, and a Decider simple enough to predict.
package storagetest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"sangam/feed"
)

// Store is what the laws are about.
type Store interface {
	Merge(context.Context, feed.Batch) (feed.Report, error)
	State(context.Context, string) (feed.State, error)
	Stories(context.Context, feed.Query) iter.Seq2[feed.Story, error]
	Story(context.Context, string) (feed.Story, error)
	Sequence(context.Context) (uint64, time.Time, error)
	SetOutlets(context.Context, []feed.Outlet) error
	Close() error
}

// Open opens a new, empty store that uses the Decider Titles.
type Open func(t *testing.T) Store

// Titles takes items with equal titles for one. The outlet with the highest
// priority leads, then who published first.
type Titles struct{ Span time.Duration }

// Window is how far apart copies may be; 72 hours unless Span says otherwise.
func (d Titles) Window() time.Duration { return cmp.Or(d.Span, 72*time.Hour) }

// Decide joins what has the same title. An item of the same outlet with the same link
// is a revision.
func (d Titles) Decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	var v feed.Verdict
	for _, other := range near {
		switch {
		case other.Source == it.Source && it.Link != "" && other.Link == it.Link:
			v.Revises = other.Key
		case other.Title == it.Title:
			v.Joins = append(v.Joins, feed.Ruling{With: other.Key, Item: it.Key, Relation: feed.Copy, Rule: "title", Because: "Both have the same title."})
		}
	}
	return v
}

// Lead prefers priority, then the earliest, then the smallest key.
func (d Titles) Lead(members []*feed.Item, outlets map[string]feed.Outlet) int {
	best := 0
	for i, it := range members {
		b := members[best]
		if cmp.Or(
			cmp.Compare(outlets[b.Source].Priority, outlets[it.Source].Priority),
			it.Time().Compare(b.Time()),
			cmp.Compare(it.Key, b.Key),
		) < 0 {
			best = i
		}
	}
	return best
}

// Start is when the stories of the tests begin.
var Start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Outlet makes an outlet.
func Outlet(id string) feed.Outlet {
	return feed.Outlet{ID: id, Name: "The " + id, URL: "http://" + id + ".example/feed", Categories: []string{"world"}}
}

// Item makes an item of a source as normalize would hand it over, published at
// Start. Its link is made of the source and the id.
func Item(source, id, title, content string) feed.Item {
	it := feed.Item{
		Key: source + "|" + id, Source: source, ID: id, Link: "http://" + source + ".example/" + id,
		Title: title, Content: "<p>" + content + "</p>", Language: "en", Direction: feed.LeftToRight, Published: Start,
	}
	sum := sha256.Sum256([]byte(title + "\x00" + content))
	it.Hash = sum[:8]
	it.Marks = []feed.Mark{feed.Mark("T" + title), feed.Mark("L" + it.Link)}
	return it
}

// Mark makes the marks that Item makes.
func Mark(items []feed.Item, _ feed.Outlet, habits feed.Habits) feed.Habits {
	for i := range items {
		items[i].Marks = []feed.Mark{feed.Mark("T" + items[i].Title), feed.Mark("L" + items[i].Link)}
	}
	return habits
}

// Batch makes the batch of a successful visit so long after Start.
func Batch(o feed.Outlet, after time.Duration, items ...feed.Item) feed.Batch {
	at := Start.Add(after)
	return feed.Batch{
		At: at, Outlet: o, Items: items,
		State: feed.State{Source: o.ID, Visited: at, Succeeded: at, ETag: fmt.Sprintf(`"%s-%d"`, o.ID, at.Unix())},
	}
}

// All collects the stories of a query.
func All(t testing.TB, s Store, q feed.Query) []feed.Story {
	t.Helper()
	var out []feed.Story
	for st, err := range s.Stories(t.Context(), q) {
		if err != nil {
			t.Fatalf("stories: %v", err)
		}
		out = append(out, st)
	}
	return out
}

// Run checks the laws.
func Run(t *testing.T, open Open) {
	laws := []struct {
		name  string
		claim func(*testing.T, Store)
	}{
		{"MergeTwiceIsMergeOnce", mergeTwice},
		{"LateBatchIsIgnored", lateIgnored},
		{"OrderWithinABatchIsIrrelevant", nil},
		{"CopiesAreOneStory", copies},
		{"EntryIDSurvivesALateOriginal", entryID},
		{"UpdatedMovesOnlyForContent", updated},
		{"ARevisionIsNoNewItem", revision},
		{"FailedVisitKeepsItemsAndState", failedVisit},
		{"StoriesThatProveOneBecomeOne", unions},
		{"EntryIDsAreUnique", uniqueIDs},
		{"ApartOutletsJoinNobody", apart},
		{"UnconfiguredOutletsDoNotShow", configured},
		{"UnknownIsNotFound", notFound},
		{"AStateOfAVisitWithoutItemsIsToldAtOnce", lazyState},
		{"EveryVisitIsTalliedOnce", tallied},
		{"ASourceBringsNoMoreADayThanItMay", quotas},
	}
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			if law.claim == nil {
				arrivalOrder(t, open)
				return
			}
			s := open(t)
			law.claim(t, s)
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

func merge(t *testing.T, s Store, b feed.Batch) feed.Report {
	t.Helper()
	r, err := s.Merge(t.Context(), b)
	if err != nil {
		t.Fatalf("merge %s: %v", b.Outlet.ID, err)
	}
	return r
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func sequence(t *testing.T, s Store) uint64 {
	t.Helper()
	seq, _, err := s.Sequence(t.Context())
	if err != nil {
		t.Fatalf("sequence: %v", err)
	}
	return seq
}

func mergeTwice(t *testing.T, s Store) {
	b := Batch(Outlet("herald"), time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued."), Item("herald", "2", "Bread dearer", "By a third."))
	if r := merge(t, s, b); r.Fresh != 2 || r.Late {
		t.Errorf("first merge: %+v, want 2 fresh", r)
	}
	before, seq := All(t, s, feed.Query{}), sequence(t, s)
	if r := merge(t, s, b); !r.Late || r.Fresh+r.Copies+r.Revised != 0 {
		t.Errorf("same batch again: %+v, want nothing done", r)
	}
	// The next visit brings the same items.
	next := Batch(Outlet("herald"), 2*time.Hour, b.Items...)
	if r := merge(t, s, next); r.Same != 2 || r.Fresh+r.Copies+r.Revised != 0 {
		t.Errorf("same items at the next visit: %+v, want 2 the same", r)
	}
	same(t, "stories after the second and third merge", All(t, s, feed.Query{}), before)
	same(t, "sequence after the second and third merge", sequence(t, s), seq)
}

func lateIgnored(t *testing.T, s Store) {
	o := Outlet("herald")
	merge(t, s, Batch(o, 2*time.Hour, Item("herald", "1", "Ferry sinks", "All rescued.")))
	before := All(t, s, feed.Query{})
	stale := Batch(o, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued."), Item("herald", "0", "Older", "Words."))
	if r := merge(t, s, stale); !r.Late {
		t.Errorf("a batch from before the last visit: %+v, want late", r)
	}
	same(t, "stories after a late batch", All(t, s, feed.Query{}), before)
	st, err := s.State(t.Context(), "herald")
	if want := Start.Add(2 * time.Hour); err != nil || !st.Visited.Equal(want) || st.ETag != Batch(o, 2*time.Hour).State.ETag {
		t.Errorf("state after a late batch: visited %v, ETag %s, %v", st.Visited, st.ETag, err)
	}
}

// arrivalOrder merges every order of four items, among them copies and one that
// joins two, and wants the same store each time.
func arrivalOrder(t *testing.T, open Open) {
	o := Outlet("herald")
	items := []feed.Item{
		Item("herald", "1", "Ferry sinks", "Twelve rescued."),
		Item("herald", "2", "Ferry sinks", "Second report."),
		Item("herald", "3", "Bread dearer", "By a third."),
		Item("herald", "3", "Bread dearer", "By a quarter."), // a feed that lists an item twice
	}
	items[1].Published = Start.Add(-time.Hour)
	var want []feed.Story
	for order := range permutations(len(items)) {
		s := open(t)
		var list []feed.Item
		for _, i := range order {
			list = append(list, items[i])
		}
		merge(t, s, Batch(o, time.Hour, list...))
		got := All(t, s, feed.Query{})
		if want == nil {
			want = got
		}
		same(t, fmt.Sprintf("stories when items come as %v", order), got, want)
		if err := s.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	if len(want) != 2 {
		t.Errorf("%d stories, want 2", len(want))
	}
}

func permutations(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		var walk func(head, rest []int) bool
		walk = func(head, rest []int) bool {
			if len(rest) == 0 {
				return yield(head)
			}
			for i := range rest {
				if !walk(append(slices.Clone(head), rest[i]), slices.Delete(slices.Clone(rest), i, i+1)) {
					return false
				}
			}
			return true
		}
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		walk(nil, all)
	}
}

func copies(t *testing.T, s Store) {
	merge(t, s, Batch(Outlet("herald"), time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued.")))
	if r := merge(t, s, Batch(Outlet("gazette"), 2*time.Hour, Item("gazette", "b", "Ferry sinks", "All safe."))); r.Copies != 1 || r.Fresh != 0 {
		t.Errorf("a copy at another outlet: %+v, want 1 copy", r)
	}
	stories := All(t, s, feed.Query{})
	if len(stories) != 1 || len(stories[0].Members) != 2 {
		t.Fatalf("%d stories, want one with two members", len(stories))
	}
	st := stories[0]
	if len(st.Joins) != 1 || st.Joins[0].Item != "gazette|b" || st.Joins[0].With != "herald|1" || st.Joins[0].Because == "" {
		t.Errorf("the reason is %+v", st.Joins)
	}
	for _, ref := range []string{st.Key, st.ID, "herald|1", "gazette|b", "b", "http://gazette.example/b"} {
		if got, err := s.Story(t.Context(), ref); err != nil || got.Key != st.Key {
			t.Errorf("story by %q: %q, %v", ref, got.Key, err)
		}
	}
	far := Item("courier", "9", "Ferry sinks", "Again.")
	far.Published = Start.Add(-100 * time.Hour)
	if r := merge(t, s, Batch(Outlet("courier"), 3*time.Hour, far)); r.Fresh != 1 {
		t.Errorf("the same title beyond the window: %+v, want fresh", r)
	}
}

func entryID(t *testing.T, s Store) {
	first := Outlet("herald")
	original := Outlet("agency")
	original.Priority = 10
	it := Item("herald", "http://herald.example/1", "Ferry sinks", "Twelve rescued.")
	merge(t, s, Batch(first, time.Hour, it))
	before := All(t, s, feed.Query{})[0]
	if before.ID != it.ID {
		t.Errorf("entry id %q, want the item's own %q", before.ID, it.ID)
	}
	merge(t, s, Batch(original, 2*time.Hour, Item("agency", "http://agency.example/1", "Ferry sinks", "The whole story.")))
	after := All(t, s, feed.Query{})
	if len(after) != 1 || after[0].Lead().Source != "agency" {
		t.Fatalf("the late original does not lead: %+v", after)
	}
	if after[0].ID != before.ID || after[0].Key != before.Key || !after[0].Order.Equal(before.Order) {
		t.Errorf("id, key, place were %s %s %v, are %s %s %v", before.ID, before.Key, before.Order, after[0].ID, after[0].Key, after[0].Order)
	}
	if !after[0].Updated.Equal(before.Updated) {
		t.Errorf("updated moved from %v to %v because an outlet joined", before.Updated, after[0].Updated)
	}
}

func updated(t *testing.T, s Store) {
	merge(t, s, Batch(Outlet("herald"), time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued.")))
	merge(t, s, Batch(Outlet("gazette"), 2*time.Hour, Item("gazette", "b", "Ferry sinks", "Copy.")))
	before := All(t, s, feed.Query{})[0]
	if before.Lead().Source != "gazette" && before.Lead().Source != "herald" {
		t.Fatalf("who leads? %+v", before)
	}
	lead := before.Lead().Source
	other, id := "gazette", "b"
	if lead == "gazette" {
		other, id = "herald", "1"
	}
	merge(t, s, Batch(Outlet(other), 3*time.Hour, Item(other, id, "Ferry sinks", "Revised copy.")))
	if st := All(t, s, feed.Query{})[0]; !st.Updated.Equal(before.Updated) {
		t.Errorf("updated moved to %v because a copy that is not shown was revised", st.Updated)
	}
	leadID := before.Lead().ID
	merge(t, s, Batch(Outlet(lead), 4*time.Hour, Item(lead, leadID, "Ferry sinks", "All rescued.")))
	if st := All(t, s, feed.Query{})[0]; !st.Updated.Equal(Start.Add(4 * time.Hour)) {
		t.Errorf("updated is %v after the shown text changed, want the visit that brought it", st.Updated)
	}
}

func revision(t *testing.T, s Store) {
	o := Outlet("herald")
	merge(t, s, Batch(o, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued.")))
	before := All(t, s, feed.Query{})[0]
	again := Item("herald", "1", "Ferry sinks off the coast", "All rescued.")
	again.Published = Start.Add(5 * time.Hour) // outlets bump dates
	if r := merge(t, s, Batch(o, 6*time.Hour, again)); r.Revised != 1 || r.Fresh != 0 {
		t.Errorf("an edited item: %+v, want 1 revised", r)
	}
	moved := Item("herald", "other-id", "Ferry sinks off the coast", "All rescued, at last.")
	moved.Link = before.Lead().Link
	moved.Marks = []feed.Mark{feed.Mark("L" + moved.Link)}
	if r := merge(t, s, Batch(o, 7*time.Hour, moved)); r.Revised != 1 || r.Fresh != 0 {
		t.Errorf("an item under a new id: %+v, want 1 revised", r)
	}
	stories := All(t, s, feed.Query{})
	if len(stories) != 1 || len(stories[0].Members) != 1 {
		t.Fatalf("%d stories after two revisions, want one with one member", len(stories))
	}
	st := stories[0]
	if st.ID != before.ID || st.Key != before.Key || !st.Order.Equal(before.Order) || !st.Lead().Seen.Equal(before.Lead().Seen) {
		t.Errorf("a revision changed id, key, place or when it was first seen:\n%+v\n%+v", before, st)
	}
	if st.Lead().Title != moved.Title || st.Lead().ID != "other-id" || st.Lead().Content != moved.Content {
		t.Errorf("the revised text does not show: %+v", st.Lead())
	}
	for _, ref := range []string{"herald|1", "herald|other-id", before.Key} {
		if got, err := s.Story(t.Context(), ref); err != nil || got.Key != before.Key {
			t.Errorf("story by %q after it changed its id: %q, %v", ref, got.Key, err)
		}
	}
}

func failedVisit(t *testing.T, s Store) {
	o := Outlet("herald")
	merge(t, s, Batch(o, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve rescued.")))
	before := All(t, s, feed.Query{})
	failed := Batch(o, 2*time.Hour)
	failed.State.Trouble, failed.State.Problem, failed.State.Failures = feed.DNS, "no such host", 1
	merge(t, s, failed)
	same(t, "stories after a failed visit", All(t, s, feed.Query{}), before)
	st, err := s.State(t.Context(), "herald")
	if err != nil || st.Problem != "no such host" || st.Failures != 1 {
		t.Errorf("the failed visit is not remembered: %+v, %v", st, err)
	}
}

func unions(t *testing.T, s Store) {
	a := Item("herald", "http://herald.example/1", "Ferry sinks", "Twelve rescued.")
	b := Item("gazette", "http://gazette.example/b", "Disaster at sea", "All safe.")
	merge(t, s, Batch(Outlet("herald"), time.Hour, a))
	first := All(t, s, feed.Query{})[0]
	merge(t, s, Batch(Outlet("gazette"), 2*time.Hour, b))
	second, err := s.Story(t.Context(), b.Key)
	if err != nil {
		t.Fatalf("second story: %v", err)
	}
	// A bridge shares marks with both; Titles joins equal titles, so let it revise.
	bridge := Item("courier", "c", "Ferry sinks", "Both.")
	bridge.Marks = append(bridge.Marks, "TDisaster at sea")
	old := Item("courier", "c", "Disaster at sea", "Both.")
	old.Key, old.ID = "courier|old", "old"
	merge(t, s, Batch(Outlet("courier"), 3*time.Hour, old))
	merge(t, s, Batch(Outlet("courier"), 4*time.Hour, bridge))
	_ = second
	_ = first
	got, err := s.Story(t.Context(), second.Key)
	if err != nil {
		t.Fatalf("the second story's key leads nowhere: %v", err)
	}
	if byID, err := s.Story(t.Context(), second.ID); err != nil || byID.Key != got.Key {
		t.Errorf("the second story's entry id leads to %q, %v; its key to %q", byID.Key, err, got.Key)
	}
}

func uniqueIDs(t *testing.T, s Store) {
	ids := []string{
		"http://shared.example/1", "http://shared.example/1", "17", "17", "not a uri", "", "tag:sangam.invalid,2026:sangam/aaaaaaaaaaaaa", "urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6", "javascript:alert(1)", "http://shared.example/a/../b", "http://shared.example/%e9", "http://shared.example/100%", "http://[::1]/1", "http://Shared.example:80/%31",
		"http://shared.example/cafe\u0301", "http://shared.example/cafe%CC%81?2", "http://shared.example/caf\u00e9?3",
		"http://shared.example/?u=http%253A%252F%252Fshared.example", "http://m\u00fcnchen.example/1", "http://shared.example:080/1",
	}
	for i, id := range ids {
		source := fmt.Sprintf("s%d", i)
		it := Item(source, id, fmt.Sprintf("Title %d", i), "Words.")
		it.Link, it.Marks = "", nil
		merge(t, s, Batch(Outlet(source), time.Hour, it))
	}
	seen := map[string]bool{}
	for _, st := range All(t, s, feed.Query{}) {
		if seen[st.ID] {
			t.Errorf("entry id %q twice", st.ID)
		}
		seen[st.ID] = true
		if !absolute(st.ID) {
			t.Errorf("entry id %q is no http, tag or urn URI", st.ID)
		}
		if strings.ContainsAny(strings.ReplaceAll(st.ID, "%C3%A9", ""), "%[") || strings.Contains(st.ID, "/../") {
			t.Errorf("entry id %q has no normal form", st.ID)
		}
	}
	if len(seen) != len(ids) {
		t.Errorf("%d entry ids for %d stories", len(seen), len(ids))
	}
	if !seen["http://shared.example/1"] || !seen["urn:uuid:60a76c80-d399-11d9-b93c-0003939e0af6"] || !seen["http://shared.example/caf%C3%A9?3"] {
		t.Errorf("an item's own URI was not used: %v", seen)
	}
}

func absolute(id string) bool {
	return slices.ContainsFunc([]string{"http://", "https://", "tag:", "urn:"}, func(p string) bool { return len(id) > len(p) && id[:len(p)] == p })
}

func apart(t *testing.T, s Store) {
	alone := Outlet("scores")
	alone.Apart = true
	merge(t, s, Batch(Outlet("herald"), time.Hour, Item("herald", "1", "Results", "One nil.")))
	merge(t, s, Batch(alone, 2*time.Hour, Item("scores", "1", "Results", "Two nil.")))
	merge(t, s, Batch(Outlet("gazette"), 3*time.Hour, Item("gazette", "1", "Results", "One nil.")))
	var sizes []int
	for _, st := range All(t, s, feed.Query{}) {
		sizes = append(sizes, len(st.Members))
	}
	slices.Sort(sizes)
	same(t, "sizes of stories", sizes, []int{1, 2})
}

func configured(t *testing.T, s Store) {
	herald, gazette := Outlet("herald"), Outlet("gazette")
	merge(t, s, Batch(herald, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve."), Item("herald", "2", "Only here", "Words.")))
	merge(t, s, Batch(gazette, 2*time.Hour, Item("gazette", "b", "Ferry sinks", "All.")))
	set := func(outlets ...feed.Outlet) {
		t.Helper()
		if err := s.SetOutlets(t.Context(), outlets); err != nil {
			t.Fatalf("set outlets: %v", err)
		}
	}
	set(herald, gazette)
	both, seq := All(t, s, feed.Query{}), sequence(t, s)
	set(herald, gazette)
	if now := sequence(t, s); now != seq {
		t.Errorf("setting the same outlets again moved the sequence from %d to %d", seq, now)
	}
	set(gazette)
	left := All(t, s, feed.Query{})
	if len(left) != 1 || len(left[0].Members) != 1 || left[0].Lead().Source != "gazette" {
		t.Errorf("after the herald left: %+v", left)
	}
	if now := sequence(t, s); now <= seq {
		t.Errorf("an outlet left, but the sequence is still %d", now)
	}
	set(gazette, herald)
	same(t, "stories after it came back", All(t, s, feed.Query{}), both)
}

func notFound(t *testing.T, s Store) {
	merge(t, s, Batch(Outlet("herald"), time.Hour, Item("herald", "1", "Ferry sinks", "Twelve.")))
	for _, ref := range []string{"", "nothing", "aaaaaaaaaaaaa", "http://nowhere.example/"} {
		if _, err := s.Story(t.Context(), ref); err == nil {
			t.Errorf("story %q was found", ref)
		}
	}
	st, err := s.State(t.Context(), "stranger")
	if err != nil {
		t.Errorf("state of a stranger: %v", err)
	}
	same(t, "state of a stranger", st, feed.State{Source: "stranger"})
}

func lazyState(t *testing.T, s Store) {
	o := Outlet("herald")
	merge(t, s, Batch(o, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve.")))
	merge(t, s, Batch(o, 2*time.Hour))
	st, err := s.State(t.Context(), "herald")
	if err != nil || !st.Visited.Equal(Start.Add(2*time.Hour)) {
		t.Errorf("after a visit without items: visited %v, %v", st.Visited, err)
	}
	if r := merge(t, s, Batch(o, 2*time.Hour)); !r.Late {
		t.Errorf("the same visit again: %+v, want late", r)
	}
	if r := merge(t, s, Batch(o, 90*time.Minute, Item("herald", "2", "Late", "Words."))); !r.Late {
		t.Errorf("an older batch with items: %+v, want late", r)
	}
	if r := merge(t, s, Batch(o, 3*time.Hour, Item("herald", "2", "New", "Words."))); r.Fresh != 1 {
		t.Errorf("a newer batch with items: %+v, want 1 fresh", r)
	}
	if st, _ := s.State(t.Context(), "herald"); !st.Visited.Equal(Start.Add(3 * time.Hour)) {
		t.Errorf("visited %v after the newer batch", st.Visited)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.State(ctx, "herald"); !errors.Is(err, context.Canceled) {
		t.Errorf("state with an ended context: %v", err)
	}
}

// tallied has two visits without items follow each other so closely that a store may
// write them together.
func tallied(t *testing.T, s Store) {
	o := Outlet("herald")
	fails := func(at time.Duration) feed.Batch {
		b := Batch(o, at)
		b.State.Trouble, b.State.Problem, b.State.Failures, b.State.FailingSince = feed.Timeout, "no answer", 1, Start.Add(2*time.Hour)
		return b
	}
	merge(t, s, Batch(o, time.Hour, Item("herald", "1", "Ferry sinks", "Twelve.")))
	merge(t, s, fails(2*time.Hour))
	merge(t, s, fails(3*time.Hour))
	merge(t, s, fails(3*time.Hour))
	merge(t, s, Batch(o, 4*time.Hour, Item("herald", "2", "Ferry raised", "All of it.")))
	merge(t, s, Batch(o, 4*time.Hour, Item("herald", "2", "Ferry raised", "All of it.")))
	st, err := s.State(t.Context(), "herald")
	if err != nil {
		t.Fatal(err)
	}
	sum := st.Tally.Sums()
	if sum.Visits != 4 || sum.Failed != 2 || sum.New != 1 || !st.Tally.News.Equal(Start.Add(4*time.Hour)) {
		t.Errorf("four visits, two failed, one new item after the first: tallied %+v", sum)
	}
	if len(st.Events) != 2 || st.Events[0].Kind != feed.Failing || st.Events[1].Kind != feed.Recovered {
		t.Errorf("one failure and its end are remembered as %+v", st.Events)
	}
}

// quotas has one source publish more in a day than it may bring into merged feeds.
func quotas(t *testing.T, s Store) {
	flood, other := Outlet("flood"), Outlet("herald")
	flood.MaxPerDay = 3
	flood.Categories, other.Categories = []string{"world"}, []string{"world"}
	if err := s.SetOutlets(t.Context(), []feed.Outlet{flood, other}); err != nil {
		t.Fatal(err)
	}
	for day := range 2 {
		at := time.Duration(24*day+10) * time.Hour
		for i := range 5 {
			id := fmt.Sprint(day, "-", i)
			merge(t, s, Batch(flood, at+time.Duration(i)*time.Minute, Item("flood", id, "Flood number "+id, "Words.")))
		}
	}
	shown := func(q feed.Query) string {
		var titles []string
		for st, err := range s.Stories(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			titles = append(titles, strings.TrimPrefix(st.Lead().Title, "Flood number "))
		}
		return strings.Join(titles, " ")
	}
	const first, whole = "1-2 1-1 1-0 0-2 0-1 0-0", "1-4 1-3 1-2 1-1 1-0 0-4 0-3 0-2 0-1 0-0"
	for _, row := range []struct {
		what string
		q    feed.Query
		want string
	}{
		{"everything", feed.Query{}, first},
		{"a category", feed.Query{Categories: []string{"world"}}, first},
		{"two sources", feed.Query{Sources: []string{"flood", "herald"}}, first},
		{"what arrived since", feed.Query{Since: Start.Add(24 * time.Hour)}, "1-2 1-1 1-0"},
		{"its own feed", feed.Query{Sources: []string{"flood"}}, whole},
		{"a search", feed.Query{Text: "flood"}, whole},
	} {
		if got := shown(row.q); got != row.want {
			t.Errorf("%s: got %s, want %s", row.what, got, row.want)
		}
	}
	if _, err := s.Story(t.Context(), Item("flood", "1-4", "", "").Key); err != nil {
		t.Errorf("the page of a story that is held back: %v", err)
	}
	// Another source carries one that was held back: it brings it.
	merge(t, s, Batch(other, 36*time.Hour, Item("herald", "h", "Flood number 1-4", "Words.")))
	if got := shown(feed.Query{}); got != "1-4 "+first {
		t.Errorf("with one that another source carries too: got %s", got)
	}
	flood.MaxPerDay = 0
	if err := s.SetOutlets(t.Context(), []feed.Outlet{flood, other}); err != nil {
		t.Fatal(err)
	}
	if got := shown(feed.Query{}); got != whole {
		t.Errorf("without a limit: got %s", got)
	}
}
