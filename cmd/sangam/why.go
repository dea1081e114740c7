package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"
)

func whyCommand(opt *options) *cobra.Command {
	var whole bool
	cmd := &cobra.Command{
		Use:   "why A [B]",
		Short: "Tell why two items are one story, or why they are not",
		Long: `Why explains decisions. A and B are ids of items or entries, links, or story keys.

With A alone it tells every item of its story, which rule joined each, and what else
was like it and was kept apart. With B too it tells by which joins the two hang
together and judges them again: the rule that joins or parts them, the scores, and
both texts as they are compared, shared passages in ⟦ ⟧.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var answer reasons
			values := url.Values{"item": args}
			return opt.order(cmd.Context(), "why", values, &answer, func(w io.Writer) error {
				sheet := newSheet(opt.width())
				answer.write(sheet, whole)
				return sheet.print(w)
			})
		},
	}
	cmd.Flags().BoolVar(&whole, "whole", false, "show long texts as a whole")
	return cmd
}

// reasons answer why.
type reasons struct {
	Stories     []storyReasons      `json:"stories"`               // that of A, and that of B when it is another
	Path        []feed.Ruling       `json:"path,omitempty"`        // the joins by which A and B hang together
	Among       *feed.Ruling        `json:"among,omitempty"`       // A and B judged today among all that is stored, if they share a mark
	Explanation *dedupe.Explanation `json:"explanation,omitempty"` // A and B judged today as if they were alone
	Items       []feed.Item         `json:"items,omitempty"`       // A and B
	Verdict     string              `json:"verdict,omitempty"`     // the operator's
	Near        []nearMiss          `json:"near,omitempty"`        // of A alone: what was like it and is another story
}

// A nearMiss is an item of another story that shares marks with the one asked about.
type nearMiss struct {
	Story  string      `json:"story"`
	Member memberOf    `json:"item"`
	Ruling feed.Ruling `json:"ruling"`
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
		story, it, err := find(ctx, b.db, ref)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(stories, func(s feed.Story) bool { return s.Key == story.Key }) {
			stories = append(stories, story)
			answer.Stories = append(answer.Stories, reasonsOf(story, outlets))
		}
		found = append(found, it)
	}
	if len(found) == 1 {
		answer.Near, err = nearMisses(ctx, b.db, stories[0], found[0])
		return answer, err
	}
	if found[0].Key == found[1].Key {
		return nil, fmt.Errorf("%s and %s are the same item", refs[0], refs[1])
	}
	explanation := b.rules.Explain(found[0], found[1])
	answer.Explanation, answer.Items = &explanation, []feed.Item{*found[0], *found[1]}
	if len(stories) == 1 {
		answer.Path = path(stories[0].Joins, found[0].Key, found[1].Key)
	}
	if answer.Among, err = among(ctx, b.db, found[0], found[1]); err != nil {
		return nil, err
	}
	answer.Verdict, err = ruledBy(ctx, b.db, found[0].Key, found[1].Key)
	return answer, err
}

// find is the item that a reference means, and its story. A link may be written in
// any way that leads to the same page.
func find(ctx context.Context, db *storage.DB, ref string) (feed.Story, *feed.Item, error) {
	story, err := db.Story(ctx, ref)
	if errors.Is(err, storage.ErrNotFound) && strings.Contains(ref, "://") {
		story, err = byPage(ctx, db, normalize.URL(ref))
	}
	if errors.Is(err, storage.ErrNotFound) {
		return story, nil, unknown{fmt.Errorf("%s: no item or story is known by this id, link or key", ref)}
	}
	if err != nil {
		return story, nil, fmt.Errorf("%s: %w", ref, err)
	}
	return story, meant(&story, ref), nil
}

// pageSearch is for how long stories are looked through for a link that is written in another way.
const pageSearch = 4 * time.Second

// byPage is the newest story with an item at that page. There is no index of such pages, so the
// newest stories are looked through, as many as there is time for.
func byPage(ctx context.Context, db *storage.DB, page string) (feed.Story, error) {
	began, n := time.Now(), 0
	for story, err := range db.Stories(ctx, feed.Query{}) {
		if err != nil {
			return story, err
		}
		if slices.ContainsFunc(story.Members, func(it feed.Item) bool { return normalize.URL(it.Link) == page }) {
			return story, nil
		}
		if n++; time.Since(began) > pageSearch {
			return feed.Story{}, unknown{fmt.Errorf("no item or story is known by this id, link or key, and none of the newest %d stories is at that page; older ones are found by a link as the outlet wrote it", n)}
		}
	}
	return feed.Story{}, storage.ErrNotFound
}

// nearMisses are the items like it that are of other stories.
func nearMisses(ctx context.Context, db *storage.DB, story feed.Story, it *feed.Item) ([]nearMiss, error) {
	v, err := db.Weigh(ctx, it.Key)
	if err != nil {
		return nil, err
	}
	var near []nearMiss
	for _, r := range slices.Concat(v.Joins, v.Parts) {
		other, err := db.Story(ctx, r.With)
		if err != nil {
			return nil, err
		}
		if other.Key != story.Key {
			near = append(near, nearMiss{other.Key, memberFrom(meant(&other, r.With)), r})
		}
	}
	return near, nil
}

// among is what the rules say today of two items, given all that is stored; nil if they
// share too little to be compared.
func among(ctx context.Context, db *storage.DB, a, b *feed.Item) (*feed.Ruling, error) {
	for _, pair := range [...][2]*feed.Item{{a, b}, {b, a}} {
		v, err := db.Weigh(ctx, pair[0].Key)
		if err != nil {
			return nil, err
		}
		for _, r := range slices.Concat(v.Joins, v.Parts) {
			if r.With == pair[1].Key {
				return &r, nil
			}
		}
	}
	return nil, nil
}

func reasonsOf(s feed.Story, outlets map[string]feed.Outlet) storyReasons {
	r := storyReasons{Key: s.Key, ID: s.ID, Title: s.Lead().Title, Joins: s.Joins}
	members := make([]*feed.Item, len(s.Members))
	for i := range s.Members {
		it := &s.Members[i]
		members[i] = it
		r.Members = append(r.Members, memberFrom(it))
	}
	if origin, ok := dedupe.Origin(members, outlets); ok {
		r.Origin = origin.Name
	}
	return r
}

func memberFrom(it *feed.Item) memberOf {
	return memberOf{it.Key, it.Source, it.Title, it.Link, it.Time()}
}

// meant is the member of a story that a reference names; the lead if it names the story.
func meant(s *feed.Story, ref string) *feed.Item {
	for i := range s.Members {
		if it := &s.Members[i]; ref == it.Key || ref == it.ID || ref == it.Link {
			return it
		}
	}
	if page := normalize.URL(ref); strings.Contains(ref, "://") && ref != s.ID {
		for i := range s.Members {
			if it := &s.Members[i]; normalize.URL(it.Link) == page {
				return it
			}
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
