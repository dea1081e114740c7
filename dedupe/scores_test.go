package dedupe_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
)

// TestScores measures the rules on labelled sets: with SANGAM_DEDUP_DATA set to a
// directory of *.jsonl files (id, source, title, url, published, summary, content,
// cluster, story) and *.pairs.*.tsv (a, b, label), it prints precision and recall
// over pairs. With SANGAM_DEDUP_OUT it also writes id<TAB>cluster files there. It is
// a measuring tool, not a test: it fails only if a set cannot be read.
func TestScores(t *testing.T) {
	dir := os.Getenv("SANGAM_DEDUP_DATA")
	if dir == "" {
		t.Skip("SANGAM_DEDUP_DATA names no directory of labelled sets")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	pairs, _ := filepath.Glob(filepath.Join(dir, "*.pairs.*.tsv"))
	only := os.Getenv("SANGAM_DEDUP_ONLY")
	fmt.Printf("%-18s %6s %6s %5s %5s %9s %7s %10s %9s %8s\n", "set", "items", "pairs", "false", "miss", "precision", "recall", "candidates", "hard-neg", "µs/item")
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		if only != "" && !strings.Contains(only, strings.TrimSuffix(name, ".dev")) {
			continue
		}
		score(t, name, file, pairs)
	}
}

type labelled struct {
	ID, Source, Title, URL, Summary, Content, Lang, Cluster, Story, Op string
	Published                                                          time.Time
}

func (l labelled) item() feed.Item {
	return feed.Item{
		Key: l.ID, Source: l.Source, ID: l.URL, Link: l.URL, Title: l.Title, Summary: l.Summary, Content: l.Content,
		Published: l.Published, Seen: l.Published, Language: l.Lang,
	}
}

func score(t *testing.T, name, file string, pairFiles []string) {
	gold := readLabelled(t, file)
	rules := dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}
	w := newWindow(rules.Near)
	habits := map[string]feed.Habits{}
	began := time.Now()
	parent := make([]int, len(gold))
	var log *bufio.Writer
	if out := os.Getenv("SANGAM_DEDUP_OUT"); out != "" {
		f, err := os.Create(filepath.Join(out, name+".joins.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		log = bufio.NewWriter(f)
		defer log.Flush()
	}
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	found := map[[2]int]bool{}
	number := map[string]int{}
	items := markByVisits(gold, habits)
	for i, l := range gold {
		number[l.ID] = i
		it := &items[i]
		near := w.near(it)
		for _, o := range near {
			found[[2]int{number[o.Key], i}] = true
		}
		if log != nil {
			for _, o := range near {
				fmt.Fprintf(log, "%s\t%s\t?\n", l.ID, o.Key)
			}
		}
		v := rules.Decide(it, near)
		for _, j := range v.Joins {
			parent[find(i)] = find(number[j.With])
			if log != nil {
				fmt.Fprintf(log, "%s\t%s\t%s\t%v\n", l.ID, j.With, j.Rule, j.Scores)
			}
		}
		if log != nil {
			for _, j := range v.Parts {
				fmt.Fprintf(log, "%s\t%s\t!%s\t%v\n", l.ID, j.With, j.Rule, j.Scores)
			}
		}
		w.add(it)
	}
	took := time.Since(began)
	var tp, fp, fn, candidates, copies int
	for i := range gold {
		for j := range i {
			together, copy := find(i) == find(j), gold[i].Cluster == gold[j].Cluster
			switch {
			case copy && together:
				tp++
			case copy:
				fn++
			case together && (gold[i].Story == "" || gold[i].Story != gold[j].Story):
				fp++
			}
			if copy {
				copies++
				if found[[2]int{j, i}] {
					candidates++
				}
			}
		}
	}
	hard, merged := 0, 0
	for _, file := range pairFiles {
		for _, p := range readPairs(t, file) {
			a, okA := number[p[0]]
			b, okB := number[p[1]]
			if okA && okB && p[2] == "different" {
				hard++
				if find(a) == find(b) {
					merged++
				}
			}
		}
	}
	share := func(a, b int) float64 {
		if b == 0 {
			return 1
		}
		return float64(a) / float64(b)
	}
	fmt.Printf("%-18s %6d %6d %5d %5d %9.4f %7.4f %10.4f %4d/%-4d %8.0f\n", name, len(gold), copies, fp, fn,
		share(tp, tp+fp), share(tp, tp+fn), share(candidates, copies), merged, hard, float64(took.Microseconds())/float64(len(gold)))
	if out := os.Getenv("SANGAM_DEDUP_OUT"); out != "" {
		var b strings.Builder
		for i, l := range gold {
			fmt.Fprintf(&b, "%s\t%d\n", l.ID, find(i))
		}
		if err := os.WriteFile(filepath.Join(out, name+".tsv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// markByVisits marks the items as visits would bring them: up to perVisit items of a
// source at once, unless SANGAM_DEDUP_COLD is set, when each comes alone and the
// boilerplate of its source is learnt only on the way.
func markByVisits(gold []labelled, habits map[string]feed.Habits) []feed.Item {
	perVisit := 30
	if os.Getenv("SANGAM_DEDUP_COLD") != "" {
		perVisit = 1
	}
	items := make([]feed.Item, len(gold))
	waiting := map[string][]int{}
	visit := func(source string) {
		batch := make([]feed.Item, 0, perVisit)
		for _, i := range waiting[source] {
			batch = append(batch, gold[i].item())
		}
		habits[source] = dedupe.Mark(batch, feed.Outlet{ID: source, Name: source}, habits[source])
		for n, i := range waiting[source] {
			items[i] = batch[n]
		}
		waiting[source] = nil
	}
	for i, l := range gold {
		waiting[l.Source] = append(waiting[l.Source], i)
		if len(waiting[l.Source]) == perVisit {
			visit(l.Source)
		}
	}
	for source := range waiting {
		visit(source)
	}
	return items
}

func readLabelled(t *testing.T, file string) []labelled {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []labelled
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var l labelled
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, l)
	}
	slices.SortStableFunc(out, func(a, b labelled) int { return a.Published.Compare(b.Published) })
	return out
}

func readPairs(t *testing.T, file string) (out [][]string) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if p := strings.Split(line, "\t"); len(p) >= 3 {
			out = append(out, p)
		}
	}
	return out
}
