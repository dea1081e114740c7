package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/storage"
)

func whyCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "why A [B]",
		Short: "Tell why two items are one story, or why they are not",
		Long: `Why explains decisions. A and B are ids of items or entries, links, or story keys.

With A alone it tells every item of its story and which rule joined each. With B too
it judges the two as they were judged on arrival: the rule that joined or parted them,
the scores, and both texts as they were compared, shared passages in ⟦ ⟧.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer reasons
			values := url.Values{"item": args}
			return opt.order(cmd.Context(), "why", values, &answer, func(w io.Writer) error { return answer.print(w) })
		},
	}
}

// reasons answer why.
type reasons struct {
	Stories     []storyReasons      `json:"stories"` // that of A, and that of B when it is another
	Path        []feed.Ruling       `json:"path,omitempty"`
	Explanation *dedupe.Explanation `json:"explanation,omitempty"`
	Items       []feed.Item         `json:"items,omitempty"` // A and B
	Verdict     string              `json:"verdict,omitempty"`
}

// storyReasons are a story and what joined it.
type storyReasons struct {
	Key     string        `json:"key"`
	ID      string        `json:"id"`
	Title   string        `json:"title"`
	Origin  string        `json:"origin,omitempty"`
	Members []memberOf    `json:"members"`
	Joins   []feed.Ruling `json:"joins,omitempty"`
}

type memberOf struct {
	Key       string    `json:"key"`
	Source    string    `json:"source"`
	Title     string    `json:"title"`
	Link      string    `json:"link"`
	Published time.Time `json:"published,omitzero"`
}

func why(ctx context.Context, b bench, v url.Values) (any, error) {
	refs := v["item"]
	if len(refs) == 0 || len(refs) > 2 {
		return nil, fmt.Errorf("why: name one item or two")
	}
	var answer reasons
	outlets, err := b.db.Outlets(ctx)
	if err != nil {
		return nil, err
	}
	var found []*feed.Item
	var stories []feed.Story
	for _, ref := range refs {
		story, err := b.db.Story(ctx, ref)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		if !slices.ContainsFunc(stories, func(s feed.Story) bool { return s.Key == story.Key }) {
			stories = append(stories, story)
			answer.Stories = append(answer.Stories, reasonsOf(story, outlets))
		}
		found = append(found, meant(&story, ref))
	}
	if len(found) == 1 {
		return answer, nil
	}
	if found[0].Key == found[1].Key {
		return nil, fmt.Errorf("%s and %s are the same item", refs[0], refs[1])
	}
	explanation := b.rules.Explain(found[0], found[1])
	answer.Explanation, answer.Items = &explanation, []feed.Item{*found[0], *found[1]}
	if len(stories) == 1 {
		answer.Path = path(stories[0].Joins, found[0].Key, found[1].Key)
	}
	answer.Verdict, err = ruledBy(ctx, b.db, found[0].Key, found[1].Key)
	return answer, err
}

func reasonsOf(s feed.Story, outlets map[string]feed.Outlet) storyReasons {
	r := storyReasons{Key: s.Key, ID: s.ID, Title: s.Lead().Title, Joins: s.Joins}
	members := make([]*feed.Item, len(s.Members))
	for i := range s.Members {
		it := &s.Members[i]
		members[i] = it
		r.Members = append(r.Members, memberOf{it.Key, it.Source, it.Title, it.Link, it.Published})
	}
	if origin, ok := dedupe.Origin(members, outlets); ok {
		r.Origin = origin.Name
	}
	return r
}

// meant is the member of a story that a reference names; the lead if it names the story.
func meant(s *feed.Story, ref string) *feed.Item {
	for i := range s.Members {
		if it := &s.Members[i]; ref == it.Key || ref == it.ID || ref == it.Link {
			return it
		}
	}
	return s.Lead()
}

// path is the shortest chain of joins by which two items of a story hang together.
func path(joins []feed.Ruling, from, to string) []feed.Ruling {
	came := map[string]feed.Ruling{}
	seen := map[string]bool{from: true}
	for at := []string{from}; len(at) > 0 && !seen[to]; {
		var next []string
		for _, key := range at {
			for _, j := range joins {
				other := j.With
				if j.With == key {
					other = j.Item
				} else if j.Item != key {
					continue
				}
				if !seen[other] {
					seen[other], came[other] = true, j
					next = append(next, other)
				}
			}
		}
		at = next
	}
	var chain []feed.Ruling
	for key := to; seen[to] && key != from; {
		j := came[key]
		chain = append(chain, j)
		if key == j.Item {
			key = j.With
		} else {
			key = j.Item
		}
	}
	slices.Reverse(chain)
	return chain
}

// ruledBy tells what the operator has ruled about two items, "" if nothing.
func ruledBy(ctx context.Context, db *storage.DB, a, b string) (string, error) {
	verdicts, err := db.Verdicts(ctx)
	for _, v := range verdicts {
		if v.A == a && v.B == b || v.A == b && v.B == a {
			return fmt.Sprintf("%s, by %s on %s", always(v.Always), v.By, v.At.Format(time.DateOnly)), err
		}
	}
	return "", err
}

func (r reasons) print(w io.Writer) error {
	var b strings.Builder
	for _, s := range r.Stories {
		s.print(&b)
	}
	if r.Verdict != "" {
		fmt.Fprintf(&b, "\nYou have ruled: %s.\n", r.Verdict)
	}
	if e := r.Explanation; e != nil {
		if len(r.Path) > 0 {
			fmt.Fprintln(&b, "\nHow they came together:")
			for _, j := range r.Path {
				printRuling(&b, "  ", j)
			}
		}
		fmt.Fprintln(&b, "\nThe two, judged alone:")
		printRuling(&b, "  ", e.Ruling)
		for i, c := range []dedupe.Compared{e.A, e.B} {
			fmt.Fprintf(&b, "\n%c  %s | %s\n", 'A'+i, r.Items[i].Source, r.Items[i].Title)
			fmt.Fprintf(&b, "   headline as compared: %s\n   text as compared: %s\n", c.Headline, marked(c))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s storyReasons) print(b *strings.Builder) {
	fmt.Fprintf(b, "story %s  %s\n", s.Key, s.Title)
	if s.Origin != "" {
		fmt.Fprintf(b, "  origin: %s\n", s.Origin)
	}
	for _, m := range s.Members {
		fmt.Fprintf(b, "  %s  %-12s %s  %s\n", m.Key, m.Source, m.Title, m.Link)
		for _, j := range s.Joins {
			if j.Item == m.Key {
				printRuling(b, "      ", j)
			}
		}
	}
}

func printRuling(b *strings.Builder, indent string, r feed.Ruling) {
	fmt.Fprintf(b, "%s%s by rule %s: %s", indent, r.Relation, r.Rule, r.Because)
	if r.Item != "" && r.With != "" {
		fmt.Fprintf(b, " [%s, %s]", r.Item, r.With)
	}
	names := make([]string, 0, len(r.Scores))
	for name := range r.Scores {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(b, " %s=%.2f", name, r.Scores[name])
	}
	b.WriteByte('\n')
}

// marked is a text as compared with the shared passages in brackets.
func marked(c dedupe.Compared) string {
	var b strings.Builder
	at := 0
	for _, p := range c.Shared {
		b.WriteString(c.Text[at:p.From] + "⟦" + c.Text[p.From:p.To] + "⟧")
		at = p.To
	}
	b.WriteString(c.Text[at:])
	return b.String()
}

func verdictCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verdict",
		Short: "Overrule: these two items are never, or always, one story",
		Long: `Verdicts stand above the rules. They are remembered, applied at once and to whatever
comes, survive reindexing, and can be undone. Items are named by id, link or key.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, v := range []struct{ kind, short string }{
		{"never", "These two items are not one story"},
		{"always", "These two items are one story"},
		{"undo", "Let the rules decide about these two again"},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: v.kind + " A B", Short: v.short, Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				var now string
				values := url.Values{"kind": {v.kind}, "item": args}
				return opt.order(cmd.Context(), "verdict", values, &now, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, now)
					return err
				})
			},
		})
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the verdicts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []storage.Override
			return opt.order(cmd.Context(), "verdicts", nil, &list, func(w io.Writer) error {
				for _, v := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", always(v.Always), v.A, v.B, v.At.Format(time.RFC3339), v.By)
				}
				return nil
			})
		},
	})
	return cmd
}

func always(yes bool) string {
	if yes {
		return "always"
	}
	return "never"
}

func setVerdict(ctx context.Context, b bench, v url.Values) (any, error) {
	items := v["item"]
	if len(items) != 2 {
		return nil, fmt.Errorf("verdict: name two items")
	}
	switch v.Get("kind") {
	case "never":
		return "never one story, from now on", b.db.Never(ctx, items[0], items[1], "operator")
	case "always":
		return "always one story, from now on", b.db.Always(ctx, items[0], items[1], "operator")
	case "undo":
		return "the rules decide again", b.db.UndoVerdict(ctx, items[0], items[1])
	}
	return nil, fmt.Errorf("verdict %q: want never, always or undo", v.Get("kind"))
}

func listVerdicts(ctx context.Context, b bench, _ url.Values) (any, error) {
	list, err := b.db.Verdicts(ctx)
	if list == nil {
		list = []storage.Override{}
	}
	return list, err
}
