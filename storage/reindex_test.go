package storage_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"
	"sangam/storage/storagetest"
)

func realRules(near bool) func(*storage.Options) {
	return func(o *storage.Options) {
		o.Decider, o.Mark, o.Fold = dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: near}, dedupe.Mark, normalize.Fold
	}
}

// TestReindexMakesTheStoriesOfLiveArrival lets random reports arrive under the real
// rules, with copies, edited copies, boilerplate and verdicts among them, and wants a
// rebuild to change nothing.
func TestReindexMakesTheStoriesOfLiveArrival(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			db := open(t, realRules(true))
			copies := reports(t, db, rand.New(rand.NewPCG(seed, 6)))
			if copies < 10 {
				t.Fatalf("only %d copies: nothing to decide", copies)
			}
			want := all(t, db)
			seq, _, _ := db.Sequence(t.Context())
			var told int64
			r, err := db.Reindex(t.Context(), func(done, _ int64) { told = max(told, done) })
			if err != nil || r.Changed != 0 || r.Stories != int64(len(want)) || told == 0 {
				t.Errorf("reindex: %+v, %v, progress %d; want %d stories and no change", r, err, told, len(want))
			}
			healthy(t, db)
			if diff := cmp.Diff(want, all(t, db)); diff != "" {
				t.Errorf("stories after a reindex (-want +got):\n%s", diff)
			}
			if now, _, _ := db.Sequence(t.Context()); now != seq {
				t.Errorf("change %d is now %d", seq, now)
			}
		})
	}
}

// TestReindexAppliesChangedRules switches the comparison of texts on and off again.
func TestReindexAppliesChangedRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sangam.db")
	db := openAt(t, path, realRules(false))
	reports(t, db, rand.New(rand.NewPCG(1, 6)))
	apart := all(t, db)
	reopen := func(near bool) storage.Reindexed {
		t.Helper()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openAt(t, path, realRules(near))
		r, err := db.Reindex(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		healthy(t, db)
		namesStay(t, db, apart)
		return r
	}
	r := reopen(true)
	together := all(t, db)
	if r.Changed == 0 || len(together) > len(apart)-5 {
		t.Errorf("%d stories became %d, %d changed; want copies to come together", len(apart), len(together), r.Changed)
	}
	for _, st := range together {
		if len(st.Members) > 1 && len(st.Joins) == 0 {
			t.Errorf("nothing says why %q and others are one", st.Lead().Title)
		}
	}
	// And what arrives now joins stories made by the rebuild.
	first := together[0].Lead()
	copied := feed.Item{Key: "late|1", ID: "late-1", Link: "http://late.example/1", Title: first.Title, Content: first.Content, Published: first.Seen}
	b := storagetest.Batch(storagetest.Outlet("late"), 0, copied)
	b.At = first.Seen.Add(time.Hour)
	b.State.Visited = b.At
	b.State.Habits = dedupe.Mark(b.Items, b.Outlet, feed.Habits{})
	if rep := merge(t, db, b); rep.Copies != 1 {
		t.Errorf("a copy after the rebuild: %+v", rep)
	}
	apart = all(t, db)
	reopen(false)
	if n := len(all(t, db)); n <= len(together)+5 {
		t.Errorf("%d stories are %d when texts are not compared any more", len(together), n)
	}
}

// TestReindexKeepsVerdicts parts a copy and joins two strangers before a rebuild.
func TestReindexKeepsVerdicts(t *testing.T) {
	db := open(t)
	merge(t, db, storagetest.Batch(storagetest.Outlet("herald"), time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "All rescued."), storagetest.Item("herald", "2", "Bread dearer", "By a third.")))
	merge(t, db, storagetest.Batch(storagetest.Outlet("gazette"), 2*time.Hour, storagetest.Item("gazette", "1", "Ferry sinks", "Nobody hurt."), storagetest.Item("gazette", "2", "Loaf costs more", "Four crowns.")))
	if err := db.Never(t.Context(), "herald|1", "gazette|1", "the tester"); err != nil {
		t.Fatal(err)
	}
	if err := db.Always(t.Context(), "herald|2", "gazette|2", "the tester"); err != nil {
		t.Fatal(err)
	}
	want := all(t, db)
	if len(want) != 3 {
		t.Fatalf("%d stories, want the ferry twice and the bread once", len(want))
	}
	if r, err := db.Reindex(t.Context(), nil); err != nil || r.Changed != 0 {
		t.Errorf("reindex: %+v, %v", r, err)
	}
	healthy(t, db)
	// An operator's reason names the two items in the order in which they came.
	if diff := cmp.Diff(want, all(t, db), cmpopts.IgnoreFields(feed.Story{}, "Joins")); diff != "" {
		t.Errorf("stories after a reindex (-want +got):\n%s", diff)
	}
}

func TestReindexNeedsMarks(t *testing.T) {
	db := open(t, func(o *storage.Options) { o.Mark = nil })
	if _, err := db.Reindex(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "marks") {
		t.Errorf("error is %v", err)
	}
}

// reports lets forty visits of five outlets bring reports made of the same few hundred
// words, of which every third is another outlet's with another headline and a few sentences
// changed. It returns how many were recognised.
func reports(t *testing.T, db *storage.DB, rnd *rand.Rand) (copies int) {
	t.Helper()
	words := make([]string, 400)
	for i := range words {
		words[i] = strings.Repeat(string(rune('a'+i%26)), 1+i%3) + fmt.Sprintf("%c%co", 'a'+rnd.IntN(26), 'a'+i/26)
	}
	sentence := func(n int) string {
		var s []string
		for range n {
			s = append(s, words[rnd.IntN(len(words))])
		}
		return strings.Join(s, " ")
	}
	habits := map[string]feed.Habits{}
	var told [][]string // the sentences of each report
	now := start
	for visit := range 40 {
		now = now.Add(time.Duration(10+rnd.IntN(300)) * time.Minute)
		o := storagetest.Outlet(fmt.Sprintf("s%d", visit%5))
		o.Priority = visit % 5
		var items []feed.Item
		for n := range 1 + rnd.IntN(6) {
			var text []string
			if len(told) > 3 && rnd.IntN(3) == 0 {
				text = append(text, told[len(told)-1-rnd.IntN(min(20, len(told)))]...)
				text[rnd.IntN(len(text))] = sentence(9)
			} else {
				for range 6 {
					text = append(text, sentence(6+rnd.IntN(9)))
				}
			}
			told = append(told, text)
			e := feed.Entry{
				ID: fmt.Sprintf("http://%s.example/%d-%d", o.ID, visit, n), Link: fmt.Sprintf("http://%s.example/%d-%d", o.ID, visit, n),
				Title:     feed.Text{Value: sentence(7)},
				Content:   feed.Text{Kind: feed.HTML, Value: "<p>" + strings.Join(text, ".</p><p>") + ".</p><p>Follow " + o.Name + " on every channel there is.</p>"},
				Published: now.Add(-time.Duration(rnd.IntN(300)) * time.Minute).Format(time.RFC1123Z),
			}
			it, _ := normalize.Item(e, feed.Channel{Language: "en"}, o, now)
			items = append(items, it)
		}
		habits[o.ID] = dedupe.Mark(items, o, habits[o.ID])
		st := feed.State{Source: o.ID, Visited: now, Succeeded: now, Habits: habits[o.ID]}
		copies += merge(t, db, feed.Batch{At: now, Outlet: o, Items: items, State: st}).Copies
	}
	return copies
}
