package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"sangam/config"
	"sangam/feed"
	"sangam/storage"
)

// page is what one document of a feed holds.
type page struct {
	view    feed.View
	entries []entry
	dropped []entry // stories that would stand among them but for the feed's include and exclude
}

// entry is a story as a reader of the first page meets it.
type entry struct {
	Key    string `json:"story"`
	Title  string `json:"title"`
	Source string `json:"source"` // whose copy is shown
}

// foreseenFeed is how the first page of a feed would differ.
type foreseenFeed struct {
	ID      string     `json:"id"` // "" = the feed of everything
	Title   string     `json:"title"`
	Before  int        `json:"before"` // entries; -1 = the feed is new
	After   int        `json:"after"`  // -1 = the feed is no more
	New     []entry    `json:"new"`
	Gone    []entry    `json:"gone"`
	Changed [][2]entry `json:"changed"` // another copy is shown, or another title
	// Filtered counts the stories that its include and exclude keep off its first page;
	// Dropped lists them, at most 100.
	Filtered int     `json:"filtered,omitempty"`
	Dropped  []entry `json:"dropped,omitempty"`
}

// viewsOf are the feeds of a configuration; where the old one is not known, those of
// the new one are looked at before and after.
func viewsOf(old, cfg *config.Config) []feed.View {
	c := cmp.Or(old, cfg)
	return append([]feed.View{c.Everything()}, c.Views...)
}

// pages reads the first page of each view.
func pages(ctx context.Context, db *storage.DB, views []feed.View) ([]page, error) {
	list := make([]page, len(views))
	for i, view := range views {
		list[i].view = view
		for story, err := range db.Stories(ctx, view.Query) {
			if err != nil {
				return nil, err
			}
			list[i].entries = append(list[i].entries, entryShown(story))
			if len(list[i].entries) == view.Items {
				break
			}
		}
		if len(view.Query.Include)+len(view.Query.Exclude) > 0 {
			var err error
			if list[i].dropped, err = droppedFrom(ctx, db, list[i]); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func entryShown(story feed.Story) entry {
	lead := story.Lead()
	return entry{story.Key, lead.Title, lead.Source}
}

// mostUnfiltered is how many stories are looked at to see what a feed's filters drop.
const mostUnfiltered = 2000

// droppedFrom are the stories that the filters of a feed keep from standing on a page.
func droppedFrom(ctx context.Context, db *storage.DB, p page) ([]entry, error) {
	q, kept := p.view.Query, map[string]bool{}
	q.Include, q.Exclude = nil, nil
	for _, e := range p.entries {
		kept[e.Key] = true
	}
	var dropped []entry
	met, looked := 0, 0
	for story, err := range db.Stories(ctx, q) {
		if err != nil {
			return nil, err
		}
		if looked++; looked > mostUnfiltered || len(kept) == p.view.Items && met == len(kept) {
			break
		}
		if kept[story.Key] {
			met++
		} else {
			dropped = append(dropped, entryShown(story))
		}
	}
	return dropped, nil
}

// differences compares the pages feed by feed.
func differences(before, after []page) []foreseenFeed {
	old := map[string]page{}
	for _, p := range before {
		old[p.view.ID] = p
	}
	list := []foreseenFeed{}
	for _, is := range after {
		was, known := old[is.view.ID]
		delete(old, is.view.ID)
		f := compare(was.entries, is.entries)
		f.ID, f.Title = is.view.ID, is.view.Title
		f.Filtered, f.Dropped = len(is.dropped), is.dropped[:min(len(is.dropped), mostListed)]
		if !known {
			f.Before = -1
		}
		list = append(list, f)
	}
	for _, was := range before {
		if _, gone := old[was.view.ID]; gone {
			list = append(list, foreseenFeed{ID: was.view.ID, Title: was.view.Title, Before: len(was.entries), After: -1})
		}
	}
	return list
}

func compare(before, after []entry) foreseenFeed {
	f := foreseenFeed{Before: len(before), After: len(after), New: []entry{}, Gone: []entry{}, Changed: [][2]entry{}}
	was := map[string]entry{}
	for _, e := range before {
		was[e.Key] = e
	}
	is := map[string]bool{}
	for _, e := range after {
		is[e.Key] = true
		switch old, known := was[e.Key]; {
		case !known:
			f.New = append(f.New, e)
		case old != e:
			f.Changed = append(f.Changed, [2]entry{old, e})
		}
	}
	for _, e := range before {
		if !is[e.Key] {
			f.Gone = append(f.Gone, e)
		}
	}
	return f
}

// A source floods a feed when at least so many entries of its first page are its own,
// and they are more than half of a page that others share.
const floodEntries = 10

// judge notes what an operator should look at before going on.
func (s *foreseen) judge(after []page) {
	for _, src := range s.Sources {
		if src.Problem != "" {
			s.Wrong = append(s.Wrong, fmt.Sprintf("%s fails: %s", src.ID, src.Problem))
		}
	}
	for _, p := range after {
		count := map[string]int{}
		for _, e := range p.entries {
			count[e.Source]++
		}
		for _, src := range s.Sources {
			if n := count[src.ID]; len(count) > 1 && n >= floodEntries && 2*n > len(p.entries) {
				s.Wrong = append(s.Wrong, fmt.Sprintf("%s floods %s: %d of %d entries on its first page", src.ID, nameOf(p.view), n, len(p.entries)))
			}
		}
	}
}

func nameOf(v feed.View) string {
	if v.ID == "" {
		return "the feed of everything"
	}
	return "feed " + v.ID
}

// shownEntries is how much of each list is printed for a person; JSON has more.
const shownEntries = 12

func (s foreseen) print(w io.Writer) error {
	var b strings.Builder
	if s.Change != "" {
		fmt.Fprintf(&b, "configuration: %s\n", s.Change)
	}
	for _, id := range s.Removed {
		fmt.Fprintf(&b, "removed: %s; its items leave the feeds\n", id)
	}
	for _, src := range s.Sources {
		src.print(&b)
	}
	for _, f := range s.Feeds {
		f.print(&b)
	}
	for _, wrong := range s.Wrong {
		fmt.Fprintf(&b, "! %s\n", wrong)
	}
	if len(s.Wrong) == 0 {
		fmt.Fprintf(&b, "%s visited, all is well; nothing was stored\n", count(len(s.Sources), "source"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s foreseenSource) print(b *strings.Builder) {
	if s.Problem != "" {
		fmt.Fprintf(b, "%s (%s): %s\n", s.ID, s.Why, s.Problem)
		return
	}
	dates := "none dated"
	if !s.Newest.IsZero() {
		dates = s.Oldest.Format(time.DateOnly) + " to " + s.Newest.Format(time.DateOnly)
	}
	fmt.Fprintf(b, "%s (%s): %s, %s; %d fresh, %s, %d revised\n", s.ID, s.Why, count(s.Items, "item"), dates, s.Fresh, copies(s.Copies), s.Revised)
	for _, warning := range s.Warnings {
		fmt.Fprintf(b, "    warning: %s\n", warning)
	}
	some(b, s.Joins, func(j joined) string {
		return fmt.Sprintf("    joins %s (%s): %s", strings.Join(j.With, ", "), cmp.Or(j.Rule, "their story"), j.Title)
	})
	if s.Filtered > 0 {
		fmt.Fprintf(b, "    its filters drop %d of %d items\n", s.Filtered, s.Filtered+s.Items)
		some(b, s.Dropped, func(title string) string { return "    drops: " + title })
	}
	if s.HeldBack > 0 {
		fmt.Fprintf(b, "    max_per_day keeps %d of its last %s out of merged feeds\n", s.HeldBack, inStories(s.Stories))
	}
}

func (f foreseenFeed) print(b *strings.Builder) {
	view := nameOf(feed.View{ID: f.ID})
	switch {
	case f.After < 0:
		fmt.Fprintf(b, "%s: no more\n", view)
	case f.Before < 0:
		fmt.Fprintf(b, "%s: new, with %s\n", view, entries(f.After))
	case len(f.New)+len(f.Gone)+len(f.Changed) == 0:
		fmt.Fprintf(b, "%s: first page as before\n", view)
	default:
		fmt.Fprintf(b, "%s: first page %d → %s\n", view, f.Before, entries(f.After))
		some(b, f.New, func(e entry) string { return fmt.Sprintf("  + %s: %s", e.Source, e.Title) })
		some(b, f.Gone, func(e entry) string { return fmt.Sprintf("  - %s: %s", e.Source, e.Title) })
		some(b, f.Changed, func(e [2]entry) string {
			return fmt.Sprintf("  ~ %s: %s → %s: %s", e[0].Source, e[0].Title, e[1].Source, e[1].Title)
		})
	}
	if f.Filtered > 0 {
		fmt.Fprintf(b, "    its filters keep %s off the first page\n", inStories(f.Filtered))
		some(b, f.Dropped, func(e entry) string { return fmt.Sprintf("    drops: %s: %s", e.Source, e.Title) })
	}
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// some writes the first lines of a list.
func some[T any](b *strings.Builder, list []T, line func(T) string) {
	for i, one := range list {
		if i == shownEntries {
			fmt.Fprintf(b, "    and %d more; -o json lists them\n", len(list)-i)
			return
		}
		b.WriteString(line(one) + "\n")
	}
}
