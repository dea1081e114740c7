package schedule_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/schedule"
)

// TestASchedulerThatIsStuckIsNotAlive has a store that does not answer when a state is
// recalled. Visits that take long are no trouble.
func TestASchedulerThatIsStuckIsNotAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		letGo := make(chan struct{})
		s := &schedule.Scheduler{Concurrency: 1}
		s.Recall = func(_ context.Context, src feed.Source) (feed.State, error) {
			if src.ID == "stuck" {
				<-letGo
			}
			return feed.State{}, nil
		}
		s.Visit = func(ctx context.Context, _ feed.Source) (feed.State, error) {
			<-ctx.Done()
			return feed.State{}, ctx.Err()
		}
		source := func(id string) feed.Source {
			return feed.Source{Outlet: feed.Outlet{ID: id}, FeedURL: "https://" + id + ".example/feed", Schedule: "@hourly"}
		}
		alive := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			return s.Alive(ctx)
		}
		if err := alive(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before it runs: %v", err)
		}
		s.Set([]feed.Source{source("slow")})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		synctest.Wait()
		if err := alive(); err != nil {
			t.Errorf("with a visit that takes for ever: %v", err)
		}
		s.Set([]feed.Source{source("slow"), source("stuck")})
		synctest.Wait()
		if err := alive(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a recall that does not end: %v", err)
		}
		close(letGo)
		if err := alive(); err != nil {
			t.Errorf("once it has ended: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
