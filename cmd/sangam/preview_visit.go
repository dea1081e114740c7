package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"sangam/config"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/parser"
	"sangam/pipeline"
	"sangam/schedule"
	"sangam/storage"
)

// visitAll visits every given source once, under the daemon's rules, and merges what
// they bring in the order of the list, so that the same answers make the same report.
func visitAll(ctx context.Context, cfg *config.Config, db *storage.DB, list []wanted) ([]foreseenSource, error) {
	client := visitor(home(cfg))
	defer client.Close()
	errands := make([]errand, len(list))
	byDomain := map[string][]int{}
	for i, src := range list {
		errands[i].src = src
		domain := fetcher.Domain(src.FeedURL)
		byDomain[domain] = append(byDomain[domain], i)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cfg.Concurrency)
	for _, neighbours := range byDomain {
		g.Go(func() error {
			for _, i := range neighbours { // one after the other: they share a host
				if err := errands[i].gather(gctx, client, db); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	found := make([]foreseenSource, len(list))
	for i := range errands {
		report, err := db.Merge(ctx, errands[i].batch)
		if err != nil {
			return nil, fmt.Errorf("merge %s into the copy: %w", list[i].ID, err)
		}
		found[i] = errands[i].tell(report)
	}
	for i := range errands { // a copy may have come after its original
		if err := errands[i].joins(ctx, db, &found[i]); err != nil {
			return nil, err
		}
		held, stories, err := heldBack(ctx, db, list[i].Source, time.Now())
		if err != nil {
			return nil, err
		}
		found[i].HeldBack, found[i].Stories = held, stories
	}
	return found, nil
}

// quotaDays is how many days back a preview looks at what a source's max_per_day holds
// back.
const quotaDays = 3

// heldBack counts the stories that a source carries in the last days, and those of them
// that no merged feed shows because of its max_per_day.
func heldBack(ctx context.Context, db *storage.DB, src feed.Source, now time.Time) (held, stories int, err error) {
	if src.MaxPerDay == 0 {
		return 0, 0, nil
	}
	from := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-quotaDays)
	shown := map[string]bool{}
	for story, err := range db.Stories(ctx, feed.Query{}) {
		if err != nil {
			return 0, 0, err
		}
		if story.Order.Before(from) {
			break
		}
		shown[story.Key] = true
	}
	for story, err := range db.Stories(ctx, feed.Query{Sources: []string{src.ID}}) {
		if err != nil {
			return 0, 0, err
		}
		if story.Order.Before(from) {
			break
		}
		if stories++; !shown[story.Key] {
			held++
		}
	}
	return held, stories, nil
}

// errand is one visit of a preview.
type errand struct {
	src   wanted
	doc   feed.Document
	batch feed.Batch
}

// gather makes the visit as the daemon would make it, but asks for the whole
// document: what filters and names do to it is to be seen.
func (e *errand) gather(ctx context.Context, client *fetcher.Client, db *storage.DB) error {
	state, err := db.State(ctx, e.src.ID)
	if err != nil {
		return err
	}
	state.ETag, state.LastModified, state.BodyHash = "", "", nil
	here := pipeline.Here{
		Fetch: func(ctx context.Context, v *feed.Visit) feed.Document {
			e.doc = client.Fetch(ctx, v)
			return e.doc
		},
		Next: schedule.Next,
		Bug:  func(string, any, []byte) {}, // the state tells
	}
	e.batch = *here.Gather(ctx, &feed.Visit{Source: e.src.Source, State: state, At: time.Now().UTC()})
	return ctx.Err()
}

// tell describes what the visit brought.
func (e *errand) tell(r feed.Report) foreseenSource {
	st := e.batch.State
	f := foreseenSource{
		ID: e.src.ID, Name: e.src.Described(st.Channel).Name, Why: e.src.why, Trouble: st.Trouble, Problem: st.Problem, Warnings: st.Warnings,
		Items: len(e.batch.Items), Fresh: r.Fresh, Copies: r.Copies, Revised: r.Revised,
	}
	for _, it := range e.batch.Items {
		at := it.Published
		switch {
		case at.IsZero():
			f.Undated++
			continue
		case f.Oldest.IsZero() || at.Before(f.Oldest):
			f.Oldest = at
		}
		if at.After(f.Newest) {
			f.Newest = at
		}
	}
	f.Filtered, f.Dropped = e.dropped()
	return f
}

// dropped are the items that the source's filters keep out.
func (e *errand) dropped() (n int, titles []string) {
	if e.doc.Outcome != feed.Changed || len(e.src.Include)+len(e.src.Exclude) == 0 {
		return 0, nil
	}
	channel, err := parser.Parse(e.doc)
	if err != nil {
		return 0, nil // told as the visit's problem
	}
	items, _ := pipeline.Items(channel, e.src.Outlet, e.batch.At)
	for _, it := range items {
		if feed.Wanted(e.src.Include, e.src.Exclude, textOf(&it)) {
			continue
		}
		if n++; n <= mostListed {
			titles = append(titles, it.Title)
		}
	}
	return n, titles
}

// joins looks up which of the visit's items became part of stories that others have.
func (e *errand) joins(ctx context.Context, db *storage.DB, into *foreseenSource) error {
	for _, it := range e.batch.Items {
		if len(into.Joins) == mostListed {
			return nil
		}
		story, err := db.Story(ctx, it.Key)
		if err != nil {
			continue // revised away, or hidden: nobody would see it
		}
		j := joined{Title: it.Title}
		for _, member := range story.Members {
			if member.Source != e.src.ID && !slices.Contains(j.With, member.Source) {
				j.With = append(j.With, member.Source)
			}
		}
		for _, ruling := range story.Joins {
			if ruling.Item == it.Key || ruling.With == it.Key {
				j.Rule = ruling.Rule
				break
			}
		}
		if len(j.With) > 0 {
			into.Joins = append(into.Joins, j)
		}
	}
	return ctx.Err()
}
