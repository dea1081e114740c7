package pipeline_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/internal/outlet"
	"sangam/pipeline"
	"sangam/schedule"
)

// hall is a pipeline whose visits bring documents that nobody reads as long as read is shut.
func hall(places int, read chan struct{}, patience time.Duration) (p *pipeline.Pipeline, received *atomic.Int32) {
	received = new(atomic.Int32)
	here := pipeline.Here{
		Fetch: func(ctx context.Context, _ *feed.Visit) feed.Document {
			pipeline.Arrive(ctx, patience)
			received.Add(1)
			return feed.Document{Outcome: feed.Changed, Status: 200, Body: []byte(outlet.Sample)}
		},
		Habits: func(context.Context, string) feed.Habits {
			<-read
			return feed.Habits{}
		},
		Next: schedule.Next,
		Bug:  func(string, any, []byte) {},
	}
	return &pipeline.Pipeline{
		Store: forgetful{}, Gather: here.Gather, Room: make(chan struct{}, 1), Hall: make(chan struct{}, places),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, received
}

// forgetful is a store that keeps nothing.
type forgetful struct{}

func (forgetful) State(_ context.Context, source string) (feed.State, error) {
	return feed.State{Source: source}, nil
}

func (forgetful) Merge(context.Context, feed.Batch) (feed.Report, error) { return feed.Report{}, nil }

func TestDocumentsStayOnTheirWayWhileOthersWaitToBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		p, received := hall(2, read, time.Hour)
		var done atomic.Int32
		const visits = 8
		for range visits {
			go func() {
				if st, _, err := p.Run(t.Context(), feed.Source{Outlet: feed.Outlet{ID: "herald"}, Schedule: "@hourly"}); err != nil || st.Problem != "" {
					t.Errorf("%v, %s", err, st.Problem)
				}
				done.Add(1)
			}()
		}
		synctest.Wait()
		if n := received.Load(); n != 3 {
			t.Errorf("%d documents are in memory, want the one that is being read and two in the hall", n)
		}
		close(read)
		time.Sleep(time.Minute)
		if n := done.Load(); n != visits {
			t.Errorf("%d visits ended, want all %d", n, visits)
		}
		if len(p.Hall)+len(p.Room) != 0 {
			t.Errorf("%d places in the hall and %d in the room are taken by nobody", len(p.Hall), len(p.Room))
		}
	})
}

// Outlets that are slow to send may have all places of the hall.
func TestNoDocumentIsHeldUpForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read := make(chan struct{})
		p, received := hall(2, read, time.Second)
		for range 8 {
			go p.Run(t.Context(), feed.Source{Outlet: feed.Outlet{ID: "herald"}, Schedule: "@hourly"})
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := received.Load(); n != 8 {
			t.Errorf("%d documents were received after a while, want all 8", n)
		}
		close(read)
		time.Sleep(time.Minute)
	})
}

// door is a pipeline with so many places at the door, whose outlets answer when they are told to.
func door(places int, answer <-chan struct{}) (p *pipeline.Pipeline, asked *atomic.Int32) {
	asked = new(atomic.Int32)
	here := pipeline.Here{
		Fetch: func(ctx context.Context, _ *feed.Visit) feed.Document {
			asked.Add(1)
			<-answer
			pipeline.Arrive(ctx, 3*time.Second)
			return feed.Document{Outcome: feed.Changed, Status: 200, Body: []byte(outlet.Sample)}
		},
		Habits: func(context.Context, string) feed.Habits {
			time.Sleep(10 * time.Millisecond) // it is read
			return feed.Habits{}
		},
		Next: schedule.Next,
		Bug:  func(string, any, []byte) {},
	}
	return &pipeline.Pipeline{
		Store: forgetful{}, Gather: here.Gather,
		Room: make(chan struct{}, 1), Hall: make(chan struct{}, places), Door: make(chan struct{}, places),
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}, asked
}

func TestNoMoreOutletsAreAskedThanAreReadSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		close(answer) // at once
		p, asked := door(4, answer)
		var done atomic.Int32
		const visits = 20
		for range visits {
			go func() {
				_, _, _ = p.Run(t.Context(), feed.Source{Outlet: feed.Outlet{ID: "herald"}, Schedule: "@hourly"})
				done.Add(1)
			}()
		}
		for range visits {
			synctest.Wait()
			if ahead := asked.Load() - done.Load(); ahead > 5 {
				t.Errorf("%d outlets are asked beyond those that are done with, want the four at the door and the one in the room", ahead)
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if n := done.Load(); n != visits || len(p.Door)+len(p.Hall)+len(p.Room) != 0 {
			t.Errorf("%d visits of %d ended; %d, %d and %d places are taken", n, visits, len(p.Door), len(p.Hall), len(p.Room))
		}
	})
}

// Outlets that take their time keep nobody from being asked, before they answer and after.
func TestSlowOutletsDoNotStandInTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		p, asked := door(4, answer)
		for range 20 {
			go func() {
				_, _, _ = p.Run(t.Context(), feed.Source{Outlet: feed.Outlet{ID: "herald"}, Schedule: "@hourly"})
			}()
		}
		synctest.Wait()
		if n := asked.Load(); n != 4 {
			t.Errorf("%d outlets are asked at once, want 4", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := asked.Load(); n != 20 {
			t.Errorf("%d outlets are asked after a second of silence, want all 20", n)
		}
		close(answer)
		time.Sleep(time.Minute)
		if len(p.Door)+len(p.Hall)+len(p.Room) != 0 {
			t.Error("places are taken by nobody")
		}
	})
}

func TestAVisitThatIsStoppedLeavesTheDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		p, _ := door(1, answer)
		p.Door <- struct{}{}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, _, err := p.Run(ctx, feed.Source{Outlet: feed.Outlet{ID: "herald"}, Schedule: "@hourly"})
			ended <- err
		}()
		synctest.Wait()
		cancel()
		close(answer)
		if err := <-ended; err == nil {
			t.Error("a visit that was stopped has no error")
		}
		if len(p.Door) != 1 {
			t.Error("it has taken the place of another")
		}
	})
}
