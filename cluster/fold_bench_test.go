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

// BenchmarkFold is how many items a second a node takes from the log, by the real rules and with
// every transaction on disk: what no further node makes faster.
func BenchmarkFold(b *testing.B) {
	db, err := storage.Open(filepath.Join(b.TempDir(), "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}, Mark: dedupe.Mark})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Follow(b.Context(), storage.Position{Log: "river"}); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	text := func(words int) string {
		var s strings.Builder
		for range words {
			fmt.Fprintf(&s, "%c%c%s ", 'a'+rune(random.IntN(26)), 'a'+rune(random.IntN(26)), []string{"ra", "ko", "mi", "let", "son"}[random.IntN(5)])
		}
		return s.String()
	}
	const perBatch, group = 20, 32
	seq, items := uint64(0), 0
	at := time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC)
	for b.Loop() {
		b.StopTimer()
		steps := make([]storage.Step, group)
		for i := range steps {
			seq++
			at = at.Add(time.Second)
			id := fmt.Sprint("s", seq%500)
			src := feed.Outlet{ID: id, Name: id}
			batch := &feed.Batch{At: at, Outlet: src, State: feed.State{Source: id, Visited: at}}
			for n := range perBatch {
				e := feed.Entry{
					ID: fmt.Sprint(id, seq, n), Link: fmt.Sprintf("https://%s.example/%d/%d", id, seq, n),
					Title: feed.Text{Value: text(8)}, Summary: feed.Text{Kind: feed.HTML, Value: "<p>" + text(120) + "</p>"},
				}
				it, _ := normalize.Item(e, feed.Channel{Language: "en"}, src, at)
				batch.Items = append(batch.Items, it)
			}
			batch.State.Habits = dedupe.Mark(batch.Items, src, feed.Habits{})
			steps[i] = storage.Step{Seq: seq, At: at, Batch: batch}
		}
		b.StartTimer()
		if _, err := db.Fold(b.Context(), "river", steps); err != nil {
			b.Fatal(err)
		}
		items += perBatch * group
	}
	b.ReportMetric(float64(items)/b.Elapsed().Seconds(), "items/s")
}
