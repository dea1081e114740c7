package server_test

import (
	"context"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sangam/feed"
)

// shelf is a store in memory that answers as the real one does, for tests that
// are about the answers and not about storing.
type shelf struct {
	mu      sync.Mutex
	seq     uint64
	at      time.Time
	stories []feed.Story
	outlets map[string]feed.Outlet
	states  map[string]feed.State
	asked   int // how often stories were listed
}

func (s *shelf) change(at time.Time, do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	s.at = at
	do()
	slices.SortFunc(s.stories, func(a, b feed.Story) int {
		if c := b.Order.Compare(a.Order); c != 0 {
			return c
		}
		return strings.Compare(b.Key, a.Key)
	})
}

func (s *shelf) put(story feed.Story) {
	s.change(story.Updated, func() {
		story.Seq = s.seq
		s.stories = slices.DeleteFunc(s.stories, func(o feed.Story) bool { return o.Key == story.Key })
		s.stories = append(s.stories, story)
	})
}

func (s *shelf) Sequence(context.Context) (uint64, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq, s.at, nil
}

func (s *shelf) Outlets(context.Context) (map[string]feed.Outlet, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.outlets), nil
}

func (s *shelf) State(_ context.Context, id string) (feed.State, error) { return s.states[id], nil }

func (s *shelf) States(context.Context) iter.Seq2[feed.State, error] {
	return func(yield func(feed.State, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(s.states)) {
			if !yield(s.states[id], nil) {
				return
			}
		}
	}
}

func (s *shelf) Story(_ context.Context, ref string) (feed.Story, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, story := range s.stories {
		if story.Key == ref {
			return story, nil
		}
	}
	return feed.Story{}, fs.ErrNotExist
}

func (s *shelf) Stories(_ context.Context, q feed.Query) iter.Seq2[feed.Story, error] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	all := slices.Clone(s.stories)
	return func(yield func(feed.Story, error) bool) {
		for _, story := range all {
			if s.matches(&story, q) && !yield(story, nil) {
				return
			}
		}
	}
}

func (s *shelf) matches(story *feed.Story, q feed.Query) bool {
	if b := q.Before; !b.Order.IsZero() && (story.Order.After(b.Order) || story.Order.Equal(b.Order) && (b.Story == "" || story.Key >= b.Story)) {
		return false
	}
	first := story.Members[0].Seen
	any := func(ok func(*feed.Item) bool) bool {
		return slices.ContainsFunc(story.Members, func(it feed.Item) bool { return ok(&it) })
	}
	for _, m := range story.Members {
		if m.Seen.Before(first) {
			first = m.Seen
		}
	}
	return !first.Before(q.Since) &&
		(len(q.Sources) == 0 || any(func(it *feed.Item) bool { return slices.Contains(q.Sources, it.Source) })) &&
		(len(q.Languages) == 0 || any(func(it *feed.Item) bool { return slices.Contains(q.Languages, it.Language) })) &&
		(len(q.Categories) == 0 || any(func(it *feed.Item) bool {
			return slices.ContainsFunc(s.outlets[it.Source].Categories, func(c string) bool { return slices.Contains(q.Categories, c) })
		})) &&
		(q.Text == "" || any(func(it *feed.Item) bool {
			return strings.Contains(strings.ToLower(it.Title+" "+it.Summary+" "+it.Content), strings.ToLower(q.Text))
		}))
}

func (s *shelf) Find(ctx context.Context, q feed.Query) iter.Seq2[feed.Found, error] {
	seq, _, _ := s.Sequence(ctx)
	return func(yield func(feed.Found, error) bool) {
		for story, err := range s.Stories(ctx, q) {
			at := story.Members[0].Seen
			for _, m := range story.Members {
				if m.Seen.Before(at) {
					at = m.Seen
				}
			}
			if at.Sub(story.Order) > feed.Archival {
				at = story.Order
			}
			// Every story is of another version whenever anything changes.
			found := feed.Found{Key: story.Key, Order: story.Order, Seq: story.Seq, Arrived: at, Version: feed.Version{seq}, Read: func() (feed.Story, error) { return story, nil }}
			if at.Before(q.Since) {
				continue
			}
			if !yield(found, err) {
				return
			}
		}
	}
}
