package schedule_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/schedule"
)

// TestSourcesSetAgainWhileTheyAreRecalledAreVisited: a configuration that is taken
// over unchanged at the start must not lose those that are just being recalled.
func TestSourcesSetAgainWhileTheyAreRecalledAreVisited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := func() []feed.Source {
			return []feed.Source{{Outlet: feed.Outlet{ID: "herald"}, FeedURL: "https://herald.example/feed", Schedule: "@hourly"}}
		}
		visits := 0
		s := &schedule.Scheduler{}
		s.Recall = func(context.Context, feed.Source) (feed.State, error) {
			s.Set(list())
			return feed.State{}, nil
		}
		s.Visit = func(context.Context, feed.Source) (feed.State, error) {
			visits++
			return feed.State{Visited: time.Now()}, nil
		}
		s.Set(list())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if visits != 1 {
			t.Errorf("got %d visits, want the first one", visits)
		}
	})
}
