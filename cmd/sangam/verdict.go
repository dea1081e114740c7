package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"sangam/storage"
)

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
		Use: "list", Short: "List the verdicts",
		Long: `List prints a line for each verdict: never or always, the keys of the two items, when,
by whom; and below it the items' sources and titles.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []standing
			return opt.order(cmd.Context(), "verdicts", nil, &list, func(w io.Writer) error {
				s := newSheet(opt.width())
				for _, v := range list {
					s.line(0, "%s\t%s\t%s\t%s\t%s", always(v.Always), v.A, v.B, v.At.Format(time.RFC3339), v.By)
					for _, it := range v.Items {
						s.line(under, "%s  %s", it.Source, it.Title)
					}
				}
				return s.print(w)
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
	rulings := map[string]func(context.Context, string, string) error{
		"never":  func(ctx context.Context, x, y string) error { return b.db.Never(ctx, x, y, "operator") },
		"always": func(ctx context.Context, x, y string) error { return b.db.Always(ctx, x, y, "operator") },
		"undo":   b.db.UndoVerdict,
	}
	if kind := v.Get("kind"); b.rule != nil && rulings[kind] != nil {
		rulings[kind] = func(ctx context.Context, x, y string) error {
			return b.rule(ctx, storage.Ruled{A: x, B: y, By: "operator", Always: kind == "always", Undo: kind == "undo"})
		}
	}
	rule, known := rulings[v.Get("kind")]
	if !known {
		return nil, fmt.Errorf("verdict %q: want never, always or undo", v.Get("kind"))
	}
	var keys [2]string
	for i, ref := range items {
		_, it, err := find(ctx, b.db, ref)
		if err != nil {
			return nil, err
		}
		keys[i] = it.Key
	}
	if err := rule(ctx, keys[0], keys[1]); err != nil {
		return nil, err
	}
	return verdictNow(ctx, b.db, v.Get("kind"), keys)
}

// verdictNow tells what a verdict has come to: are the two one story now?
func verdictNow(ctx context.Context, db *storage.DB, kind string, keys [2]string) (any, error) {
	var stories [2]string
	for i, key := range keys {
		story, err := db.Story(ctx, key)
		if err != nil {
			return nil, err
		}
		stories[i] = story.Key
	}
	now := "they are one story now: " + stories[0]
	if stories[0] != stories[1] {
		now = "they are two stories now: " + stories[0] + " and " + stories[1]
	}
	return map[string]string{
		"never": "never one story, from now on; ", "always": "always one story, from now on; ", "undo": "the rules decide again; ",
	}[kind] + now, nil
}

// standing is a verdict that stands.
type standing struct {
	storage.Override
	Items []memberOf `json:"items"` // the two, as far as they are still there
}

func listVerdicts(ctx context.Context, b bench, _ url.Values) (any, error) {
	verdicts, err := b.db.Verdicts(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]standing, len(verdicts))
	for i, v := range verdicts {
		list[i].Override = v
		for _, key := range []string{v.A, v.B} {
			story, err := b.db.Story(ctx, key)
			if errors.Is(err, storage.ErrNotFound) {
				continue // deleted; the verdict stands should it come back
			}
			if err != nil {
				return nil, err
			}
			list[i].Items = append(list[i].Items, memberFrom(meant(&story, key)))
		}
	}
	return list, nil
}
