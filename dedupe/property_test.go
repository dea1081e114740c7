package dedupe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sentences are drawn by the random logs below; few enough to make copies, edits
// and boilerplate likely.
var sentences = []string{
	"The council voted to turn the old harbour into a park.", "Work begins next spring and costs 38 million crowns.",
	"The river rose by two metres over night.", "Officials asked 350 families near the bank to leave.",
	"کونسل نے پرانی بندرگاہ کو پارک بنانے کی منظوری دے دی۔", "دریا میں پانی کی سطح رات بھر بڑھتی رہی۔",
	"Der Rat stimmte nach sechs Stunden Debatte zu.", "议会决定把旧港口改建成一座公园。", "Sign up to our newsletter and never miss a story.",
	"Follow us on every channel there is.", "Gold closed at 2,410 crowns an ounce.", "Gold closed at 2,380 crowns an ounce.",
}

var headlines = []string{
	"Council turns old harbour into a park", "Politics: Council turns old harbour into a park", "River rises by two metres over night",
	"Weather", "Gold prices at the exchange today", "Live updates: the flood in the valley", "پرانی بندرگاہ کو پارک بنانے کی منظوری", "",
}

func drawItems(t *rapid.T) []feed.Item {
	n := rapid.IntRange(1, 8).Draw(t, "items")
	items := make([]feed.Item, n)
	for i := range items {
		source := rapid.SampledFrom([]string{"herald", "gazette", "dariya"}).Draw(t, "source")
		text := rapid.SliceOfN(rapid.SampledFrom(sentences), 0, 7).Draw(t, "text")
		at := morning.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "hours")) * time.Hour)
		items[i] = feed.Item{
			Key: fmt.Sprint("key", i), Source: source, ID: fmt.Sprint(i),
			Link:  "https://" + source + ".example/" + rapid.SampledFrom([]string{"a", "b", "story-1234567", "x-1234567", ""}).Draw(t, "page"),
			Title: rapid.SampledFrom(headlines).Draw(t, "title"), Published: at, Seen: at,
		}
		if rapid.Bool().Draw(t, "short") {
			items[i].Summary = strings.Join(text, " ")
		} else {
			items[i].Content = "<p>" + strings.Join(text, "</p><p>") + "</p>"
		}
	}
	return items
}

func TestMarksDoNotDependOnTheOrderOfTheBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := drawItems(t)
		for i := range items {
			items[i].Source = "herald"
		}
		shuffled := rapid.Permutation(items).Draw(t, "order")
		habits := dedupe.Mark(items, outlets["herald"], feed.Habits{})
		again := dedupe.Mark(shuffled, outlets["herald"], feed.Habits{})
		if diff := cmp.Diff(habits, again, cmp.AllowUnexported(feed.Sentence{})); diff != "" {
			t.Fatalf("habits differ: %s", diff)
		}
		for _, it := range items {
			i := slices.IndexFunc(shuffled, func(o feed.Item) bool { return o.Key == it.Key })
			if diff := cmp.Diff(it, shuffled[i]); diff != "" {
				t.Fatalf("%s differs: %s", it.Key, diff)
			}
		}
	})
}

func TestDecisionsDoNotDependOnTheOrderOfTheItemsNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := drawItems(t)
		for i := range items {
			dedupe.Mark(items[i:i+1], outlets[items[i].Source], feed.Habits{})
		}
		var near []*feed.Item
		for i := range items[1:] {
			near = append(near, &items[i+1])
		}
		first := rules.Decide(&items[0], near)
		again := rules.Decide(&items[0], rapid.Permutation(near).Draw(t, "order"))
		if diff := cmp.Diff(first.Joins, again.Joins); diff != "" {
			t.Fatalf("joins differ: %s", diff)
		}
		for _, j := range append(first.Joins, first.Parts...) {
			if j.Item != items[0].Key || j.Rule == "" || j.Because == "" {
				t.Fatalf("a ruling without item, rule or reason: %+v", j)
			}
		}
	})
}

func TestExplainSaysWhatDecideDid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := drawItems(t)
		if len(items) < 2 {
			return
		}
		a, b := &items[0], &items[1]
		v := rules.Decide(a, []*feed.Item{b})
		got := rules.Explain(a, b)
		if diff := cmp.Diff(append(v.Joins, v.Parts...), []feed.Ruling{got.Ruling}); diff != "" {
			t.Fatalf("Decide and Explain differ: %s", diff)
		}
		for _, c := range []dedupe.Compared{got.A, got.B} {
			for _, p := range c.Shared {
				if p.From < 0 || p.From >= p.To || p.To > len(c.Text) {
					t.Fatalf("passage %+v of a text of %d bytes", p, len(c.Text))
				}
			}
		}
	})
}

func TestAnItemListedOnEveryVisitIsNoHabit(t *testing.T) {
	text := "<p>" + strings.Join(sentences[:4], "</p><p>") + "</p>"
	var habits feed.Habits
	for range 10 {
		batch := []feed.Item{*item("herald", "1", "Council turns old harbour into a park", text, 0)}
		habits = dedupe.Mark(batch, outlets["herald"], habits)
		if len(batch[0].Habitual) > 0 {
			t.Fatalf("%d sentences of one item are taken for habits", len(batch[0].Habitual))
		}
	}
}

func TestTheFirstBatchKnowsItsBoilerplate(t *testing.T) {
	sidebar := "<p>" + strings.Join(sentences[8:10], "</p><p>") + "</p>"
	var batch []feed.Item
	for i, s := range sentences[:4] {
		batch = append(batch, *item("herald", fmt.Sprint(i), headlines[i], "<p>"+s+"</p>"+sidebar, 0))
	}
	dedupe.Mark(batch, outlets["herald"], feed.Habits{})
	for _, it := range batch {
		if len(it.Habitual) != 2 {
			t.Errorf("%s: %d habitual sentences, want 2", it.Key, len(it.Habitual))
		}
	}
}

func TestHabitsAreBounded(t *testing.T) {
	var habits feed.Habits
	for visit := range 20 {
		var batch []feed.Item
		for i := range 30 {
			text := ""
			for n := range 40 {
				text += fmt.Sprintf("<p>Sentence %d of item %d of visit %d stands alone.</p>", n, i, visit)
			}
			batch = append(batch, feed.Item{Key: fmt.Sprint(visit, i), Source: "herald", Content: text})
		}
		habits = dedupe.Mark(batch, outlets["herald"], habits)
	}
	if n := len(habits.Sentences); n > 256 {
		t.Errorf("%d sentences are remembered of one source", n)
	}
	if habits.Learnt != 600 {
		t.Errorf("learnt from %d items, want 600", habits.Learnt)
	}
}

func FuzzMarkAndDecide(f *testing.F) {
	f.Add("Headline: one", "<p>Text &amp; more</p>", "Headline: two", "Text 1,234.")
	f.Add("سیلاب", "<p>user</p><p>Dw</p>", "<<<", "&#x41;&bogus;\xff")
	f.Fuzz(func(t *testing.T, titleA, textA, titleB, textB string) {
		a, b := item("herald", "1", titleA, textA, 0), item("gazette", "2", titleB, textB, time.Hour)
		rules.Decide(a, []*feed.Item{b})
		rules.Explain(a, b)
		rules.Lead([]*feed.Item{a, b}, outlets)
		for _, m := range append(a.Marks, b.Marks...) {
			for _, c := range []byte(m) {
				if c < ' ' || c > '~' {
					t.Fatalf("mark %q is no plain text", m)
				}
			}
		}
	})
}
