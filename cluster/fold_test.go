package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"
)

// A chronicle is what a town's outlets write: a log of visits, by the real ways of reading and marking.
type chronicle struct {
	random  *rand.Rand
	outlets int
	retold  int // one report in so many is another's, a little shorter; 0 = none
	seq     uint64
	at      time.Time
	told    []feed.Entry
	habits  map[string]feed.Habits
}

func newChronicle(seed uint64, outlets, retold int) *chronicle {
	return &chronicle{
		random: rand.New(rand.NewPCG(seed, 2)), outlets: outlets, retold: retold,
		at: time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC), habits: map[string]feed.Habits{},
	}
}

func (c *chronicle) text(words int) string {
	var s strings.Builder
	for range words {
		fmt.Fprintf(&s, "%c%c%s ", 'a'+rune(c.random.IntN(26)), 'a'+rune(c.random.IntN(26)), []string{"ra", "ko", "mi", "let", "son"}[c.random.IntN(5)])
	}
	return s.String()
}

// next is the next step of the log: a visit that brings so many items.
func (c *chronicle) next(items int) storage.Step {
	c.seq++
	c.at = c.at.Add(time.Second)
	id := fmt.Sprint("s", c.seq%uint64(c.outlets))
	src := feed.Outlet{ID: id, Name: id}
	b := &feed.Batch{At: c.at, Outlet: src, State: feed.State{Source: id, Visited: c.at}}
	for n := range items {
		e := feed.Entry{
			ID: fmt.Sprint(id, c.seq, n), Link: fmt.Sprintf("https://%s.example/%d/%d", id, c.seq, n),
			Title: feed.Text{Value: c.text(8)}, Summary: feed.Text{Kind: feed.HTML, Value: "<p>" + c.text(120) + "</p>"},
		}
		if c.retold > 0 && len(c.told) > 0 && c.random.IntN(c.retold) == 0 {
			old := c.told[c.random.IntN(len(c.told))]
			words := strings.Fields(old.Summary.Value)
			e.Summary.Value = strings.Join(words[:len(words)-c.random.IntN(20)], " ")
			if c.random.IntN(2) == 0 {
				e.Title = old.Title
			}
		}
		if c.retold > 0 {
			c.told = append(c.told, e)
		}
		it, _ := normalize.Item(e, feed.Channel{Language: "en"}, src, c.at)
		b.Items = append(b.Items, it)
	}
	c.habits[id] = dedupe.Mark(b.Items, src, c.habits[id])
	b.State.Habits = c.habits[id]
	return storage.Step{Seq: c.seq, At: c.at, Batch: b}
}

func follow(t testing.TB, path string, noSync bool) *storage.DB {
	t.Helper()
	db, err := storage.Open(path, storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}, Mark: dedupe.Mark, NoSync: noSync})
	if err != nil {
		t.Fatal(err)
	}
	if pos, err := db.Position(t.Context()); err != nil || pos.Log == "" {
		if err := db.Follow(t.Context(), storage.Position{Log: "river"}); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// The same log comes to the same stories by the real rules, whatever groups it is folded in
// and however often a store was closed in between.
func TestTheRealRulesFoldALogAlike(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		c := newChronicle(seed, 7, 3)
		var steps []storage.Step
		for range 60 {
			steps = append(steps, c.next(4))
		}
		var want [32]byte
		for store := range 3 {
			path := filepath.Join(t.TempDir(), "sangam.db")
			db, copies := follow(t, path, true), 0
			for rest := steps; len(rest) > 0; {
				group := rest[:min(len(rest), 1+store*c.random.IntN(20))]
				rest = rest[len(group):]
				done, err := db.Fold(t.Context(), "river", group)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range done {
					copies += d.Report.Copies
				}
				if store == 2 && c.random.IntN(3) == 0 {
					if err := db.Close(); err != nil {
						t.Fatal(err)
					}
					db = follow(t, path, true)
				}
			}
			got, _, err := db.Digest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if store == 0 {
				want = got
			} else if got != want {
				t.Errorf("log %d: store %d differs", seed, store)
			}
			if copies < 10 {
				t.Errorf("log %d: only %d copies were recognised, so that little was tried", seed, copies)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// BenchmarkFold is how many items a second a node takes from the log, by the real rules and with
// every transaction on disk: what no further node makes faster.
func BenchmarkFold(b *testing.B) {
	db := follow(b, filepath.Join(b.TempDir(), "sangam.db"), false)
	defer db.Close()
	const perBatch, group = 20, 32
	c, items := newChronicle(1, 500, 0), 0
	for b.Loop() {
		b.StopTimer()
		var steps []storage.Step
		for range group {
			steps = append(steps, c.next(perBatch))
		}
		b.StartTimer()
		if _, err := db.Fold(b.Context(), "river", steps); err != nil {
			b.Fatal(err)
		}
		items += perBatch * group
	}
	b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "items/s")
}
