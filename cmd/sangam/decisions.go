package main

import (
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"
	"time"

	"sangam/config"
	"sangam/dedupe"
	"sangam/feed"
	"sangam/normalize"
	"sangam/storage"
)

// decisions is raised whenever the merge would come to other stories from the same items, or
// store them otherwise: nodes of a cluster must agree, and this is how they know.
const decisions = 2

// rulesDigest stands for all by which stories are decided, and how they are stored.
func rulesDigest(cfg *config.Config) string {
	return digest(decisions, storage.Schema, cfg.Window, cfg.NearDuplicates, authority(cfg), manners(rules(cfg)))
}

// manners are how this program reads, marks and judges some reports, those of the demo: a
// version that does so otherwise is found out though nobody thought of raising decisions.
// How alike two reports are is not among them, since processors differ in the last digits.
func manners(r dedupe.Rules) []any {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	said := map[string][]feed.Item{}
	for _, t := range demoStories {
		it, _ := normalize.Item(t.entry(at), feed.Channel{}, feed.Outlet{ID: t.outlet}, at)
		said[t.outlet] = append(said[t.outlet], it)
	}
	var manners []any
	var items []*feed.Item
	for _, outlet := range slices.Sorted(maps.Keys(said)) {
		of := said[outlet]
		manners = append(manners, dedupe.Mark(of, feed.Outlet{ID: outlet}, feed.Habits{}), of)
		for i := range of {
			items = append(items, &of[i])
		}
	}
	for i, it := range items {
		for _, other := range items[:i] {
			v := r.Decide(it, []*feed.Item{other})
			manners = append(manners, v.Revises, len(v.Joins))
		}
	}
	return manners
}

// entry is what the demo's outlet says, without the ways of any feed format.
func (t telling) entry(at time.Time) feed.Entry {
	var text strings.Builder
	for _, paragraph := range t.text {
		fmt.Fprintf(&text, "<p>%s</p>\n", html.EscapeString(paragraph))
	}
	e := feed.Entry{
		ID: t.id, Link: "https://" + t.outlet + ".example/" + t.slug, Title: feed.Text{Value: t.title},
		Summary: feed.Text{Value: t.summary}, Content: feed.Text{Kind: feed.HTML, Value: text.String()},
		Published: at.Add(t.after - t.ago).Format(time.RFC3339),
	}
	if t.byline != "" {
		e.Authors = []feed.Person{{Name: t.byline}}
	}
	return e
}
