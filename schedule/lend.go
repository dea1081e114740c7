package schedule

import (
	"context"
	"slices"
)

// placeKey finds the Scheduler whose place a visit holds.
type placeKey struct{}

// lentPerPlace bounds how many visits may be waiting without a place for each
// place there is: they cost memory, though no work.
const lentPerPlace = 16

// Lend calls wait, and while it lasts lets another visit have the place of the
// one that ctx belongs to. It is for waits that are not work: until a domain that
// a redirect led to is free. Outside of a Scheduler's visit it just calls wait.
func Lend(ctx context.Context, wait func(context.Context) error) error {
	s, ok := ctx.Value(placeKey{}).(*Scheduler)
	if !ok || !s.lend() {
		return wait(ctx)
	}
	err := wait(ctx)
	s.takeBack(ctx)
	return err
}

func (s *Scheduler) lend() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.agenda.lent >= lentPerPlace*max(1, s.Concurrency) {
		return false
	}
	s.agenda.lent++
	s.agenda.running--
	s.giveBack()
	s.agenda.nudge()
	return true
}

// takeBack waits for a place; those who lent theirs come before visits that have
// not begun. When ctx ends there is nothing left to share out.
func (s *Scheduler) takeBack(ctx context.Context) {
	s.mu.Lock()
	s.agenda.lent--
	if s.agenda.running < max(1, s.Concurrency) || ctx.Err() != nil {
		s.agenda.running++
		s.mu.Unlock()
		return
	}
	free := make(chan struct{})
	s.agenda.back = append(s.agenda.back, free)
	s.mu.Unlock()
	select {
	case <-free:
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-free: // both at once: the place was counted already
		default:
			s.agenda.back = slices.DeleteFunc(s.agenda.back, func(c chan struct{}) bool { return c == free })
			s.agenda.running++
		}
	}
}

// giveBack hands free places to those who lent theirs.
func (s *Scheduler) giveBack() {
	for len(s.agenda.back) > 0 && s.agenda.running < max(1, s.Concurrency) {
		s.agenda.running++
		close(s.agenda.back[0])
		s.agenda.back = s.agenda.back[1:]
	}
}
