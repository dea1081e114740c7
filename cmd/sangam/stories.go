package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/pipeline"
	"sangam/storage"
)

func storiesCommand(opt *options) *cobra.Command {
	rules := dedupe.Rules{}
	cmd := &cobra.Command{
		Use:   "stories FILE.jsonl|-",
		Short: "Print which story each of the given items belongs to",
		Long: `Stories reads items, one JSON object a line with the fields

    id, source, title, url, published (RFC 3339), summary, content, lang, author

and puts them in order of their dates through the same reading, recognising, marking and merging
as the daemon does, on a scratch store. It prints "id<TAB>story key" lines; with -o json
one object a line, with the reason of each join.

Items of one source are merged in batches of up to 30 or six hours, as visits of a
feed bring them. The
configuration file is not read; --window and --near-duplicates take its place.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return stories(cmd.Context(), opt, args[0], rules)
		},
	}
	cmd.Flags().DurationVar(&rules.Near, "window", 72*time.Hour, "how far apart copies may be published")
	cmd.Flags().BoolVar(&rules.NearDuplicates, "near-duplicates", true, "recognise copies by their text, not by link and title alone")
	return cmd
}

// row is an item as the stories command reads it.
type row struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Title     string    `json:"title"`
	URL       string    `json:"url"`
	Published time.Time `json:"published"`
	Summary   string    `json:"summary"`
	Content   string    `json:"content"`
	Lang      string    `json:"lang"`
	Author    string    `json:"author"`
}

func stories(ctx context.Context, opt *options, name string, rules dedupe.Rules) error {
	in, err := opt.input(name)
	if err != nil {
		return err
	}
	defer in.Close()
	rows, err := readRows(in)
	if err != nil {
		return fmt.Errorf("%s:%w", name, err)
	}
	dir, err := os.MkdirTemp("", "sangam-stories-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := storage.Open(filepath.Join(dir, "scratch.db"), storage.Options{Decider: rules, NoSync: true})
	if err != nil {
		return err
	}
	defer db.Close()

	keys, err := mergeRows(ctx, db, rows)
	if err != nil {
		return err
	}
	return printStories(ctx, opt, db, rows, keys)
}

// maxRow is the longest line that is read: far more than the longest article.
const maxRow = 8 << 20

func readRows(in io.Reader) ([]row, error) {
	var rows []row
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxRow)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		var r row
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		if r.ID == "" || r.Source == "" {
			return nil, fmt.Errorf("%d: an item needs an id and a source", n)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%d: %w", n+1, err)
	}
	return rows, nil
}

// visitSize is how many items one visit of a source brings: what a common feed lists.
const visitSize = 30

// visitSpan is how much time one visit of a source covers at most. A source that
// publishes little is not left until the end: by then the window would be past what
// others said of the same matter.
const visitSpan = 6 * time.Hour

// inOrder lists the rows as they were published; one without a date after the one that it
// follows in the file.
func inOrder(rows []row) []int {
	order, at := make([]int, len(rows)), make([]time.Time, len(rows))
	for i, r := range rows {
		order[i], at[i] = i, r.Published
		if i > 0 && r.Published.IsZero() {
			at[i] = at[i-1]
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return at[a].Compare(at[b]) })
	return order
}

// visitsOf puts the rows into visits of their sources, in the order in which these
// would be over.
func visitsOf(rows []row) [][]int {
	var visits [][]int
	waiting := make(map[string][]int)
	var sources []string // with rows that wait, in the order of their first
	leave := func(source string) {
		visits = append(visits, waiting[source])
		delete(waiting, source)
		sources = slices.DeleteFunc(sources, func(s string) bool { return s == source })
	}
	for _, i := range inOrder(rows) {
		r := rows[i]
		for len(sources) > 0 && r.Published.Sub(rows[waiting[sources[0]][0]].Published) > visitSpan {
			leave(sources[0])
		}
		if len(waiting[r.Source]) == 0 {
			sources = append(sources, r.Source)
		}
		waiting[r.Source] = append(waiting[r.Source], i)
		if len(waiting[r.Source]) == visitSize {
			leave(r.Source)
		}
	}
	for len(sources) > 0 {
		leave(sources[0])
	}
	return visits
}

// mergeRows merges the rows as visits of their sources would, and returns the item
// key of each row.
func mergeRows(ctx context.Context, db *storage.DB, rows []row) ([]string, error) {
	keys := make([]string, len(rows))
	visits := visitsOf(rows)
	for _, visit := range visits {
		src := feed.Source{Outlet: feed.Outlet{ID: rows[visit[0]].Source, Name: rows[visit[0]].Source}}
		state, err := db.State(ctx, src.ID)
		if err != nil {
			return nil, err
		}
		var channel feed.Channel
		for _, i := range visit {
			channel.Entries = append(channel.Entries, entryOf(rows[i]))
		}
		at := visitTime(rows, visit, state.Visited)
		found := pipeline.Read(channel, src, at, state.Habits)
		for n, i := range visit {
			keys[i] = found.Keys[n]
		}
		state.Visited, state.Succeeded, state.Items, state.Habits = at, at, len(visit), found.Habits
		if _, err := db.Merge(ctx, feed.Batch{At: at, Outlet: src.Outlet, State: state, Items: found.Items}); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// visitTime is when a visit could have brought these rows: after the newest of them,
// and after the visit before.
func visitTime(rows []row, visit []int, last time.Time) time.Time {
	at := last.Add(time.Second)
	for _, i := range visit {
		if t := rows[i].Published; t.After(at) {
			at = t
		}
	}
	return at.UTC()
}

func entryOf(r row) feed.Entry {
	e := feed.Entry{
		ID: r.ID, Link: r.URL, Language: r.Lang,
		Title:   feed.Text{Kind: feed.Plain, Value: r.Title},
		Summary: feed.Text{Kind: feed.Guess, Value: r.Summary, Base: r.URL},
		Content: feed.Text{Kind: feed.Guess, Value: r.Content, Base: r.URL},
	}
	if !r.Published.IsZero() {
		e.Published = r.Published.Format(time.RFC3339)
	}
	if r.Author != "" {
		e.Authors = []feed.Person{{Name: r.Author}}
	}
	return e
}

// told is one line of the answer in JSON.
type told struct {
	ID    string        `json:"id"`
	Story string        `json:"story"`
	Joins []feed.Ruling `json:"joins,omitempty"`
}

// oneField keeps an id from breaking the lines it is printed in.
var oneField = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

func printStories(ctx context.Context, opt *options, db *storage.DB, rows []row, keys []string) error {
	out := bufio.NewWriter(opt.out)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, r := range rows {
		if keys[i] == "" {
			fmt.Fprintf(opt.err, "%s: left out, as the daemon would: it has no title, text or link\n", oneField.Replace(r.ID))
			continue
		}
		story, err := db.Story(ctx, keys[i])
		if err != nil {
			return fmt.Errorf("story of %s: %w", r.ID, err)
		}
		if opt.output != "json" {
			fmt.Fprintf(out, "%s\t%s\n", oneField.Replace(r.ID), story.Key)
			continue
		}
		if err := enc.Encode(told{r.ID, story.Key, story.Joins}); err != nil {
			return err
		}
	}
	return out.Flush()
}
