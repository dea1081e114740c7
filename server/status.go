package server

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"sangam/feed"
)

// Status is what /status.json says.
type Status struct {
	Now      time.Time      `json:"now"`
	Sequence uint64         `json:"sequence"` // of the newest change
	Changed  time.Time      `json:"changed,omitzero"`
	Notices  []string       `json:"notices,omitempty"` // what an operator should know first
	Sources  []SourceStatus `json:"sources"`           // by id
	Feeds    []FeedStatus   `json:"feeds,omitempty"`   // those that have filters
	Program  any            `json:"program,omitempty"`
}

// Program is what the program says of itself.
type Program struct {
	Report  any         // for /status.json, under "program"
	Notices []string    // what an operator should know before anything else
	Facts   [][2]string // for the page: what, and how it is
}

// SourceStatus is a source and what its visits have left.
type SourceStatus struct {
	Outlet   feed.Outlet `json:"outlet"`
	State    feed.State  `json:"state"`
	Health   string      `json:"health"` // "ok", "silent", "failing", "gone", "new"
	Paused   bool        `json:"paused,omitempty"`
	Schedule string      `json:"schedule,omitempty"`
	Usual    Usual       `json:"usual"`
	What     string      `json:"what,omitempty"`   // the one thing an operator should know now
	Advice   string      `json:"advice,omitempty"` // what can be done about it
}

// Usual is how a source was in the last two weeks. Shares are from 0 to 1.
type Usual struct {
	PerDay    *float64 `json:"items_per_day,omitempty"` // nil = not known before a day has passed
	Copies    float64  `json:"copies_share"`            // of the new items
	Unchanged float64  `json:"unchanged_share"`         // of the visits that succeeded
	Failed    float64  `json:"failed_share"`            // of the visits
	Took      int64    `json:"took_ms"`                 // a visit, on the average
	Bytes     int64    `json:"bytes"`                   // read, decoded, in all
	Patience  int64    `json:"patience_s,omitempty"`    // silent for longer is unusual; 0 = not known
	Days      []int    `json:"days"`                    // new items of each of the last days, today's last
}

// shownDays is two weeks and today.
const shownDays = 15

// StatusOf reads from the store how every configured source fares.
func StatusOf(ctx context.Context, store Store, now time.Time) (Status, error) {
	st := Status{Now: now.UTC()}
	var err error
	if st.Sequence, st.Changed, err = store.Sequence(ctx); err != nil {
		return st, err
	}
	outlets, err := store.Outlets(ctx)
	if err != nil {
		return st, err
	}
	states := map[string]feed.State{}
	for state, err := range store.States(ctx) {
		if err != nil {
			return st, err
		}
		state.URL = withoutSecrets(state.URL)
		states[state.Source] = state
	}
	for _, id := range slices.Sorted(maps.Keys(outlets)) {
		state := states[id]
		s := SourceStatus{Outlet: outlets[id], State: state, Health: health(state), Usual: usual(state.Tally, now)}
		s.What, s.Advice = what(state, now)
		s.State.Tally.Days = nil // Usual tells of them
		st.Sources = append(st.Sources, s)
	}
	return st, nil
}

// Configured adds what only the configuration knows of the sources.
func (st *Status) Configured(sources []feed.Source) {
	for _, src := range sources {
		i, found := slices.BinarySearchFunc(st.Sources, src.ID, func(s SourceStatus, id string) int {
			switch {
			case s.Outlet.ID < id:
				return -1
			case s.Outlet.ID > id:
				return 1
			}
			return 0
		})
		if found {
			st.Sources[i].Paused, st.Sources[i].Schedule = src.Paused, src.Schedule
		}
	}
}

// Lasts is how long its trouble has lasted, as in "for 30 hours"; "" = it has none.
func (s SourceStatus) Lasts(now time.Time) string {
	var since time.Time
	switch s.Health {
	case "failing", "gone":
		since = s.State.FailingSince
	case "silent":
		since = s.State.Tally.News
	}
	if since.IsZero() {
		return ""
	}
	return "for " + feed.Span(now.Sub(since))
}

// Summary is how many sources fare how, as in "12: 2 failing, 10 ok".
func (st Status) Summary() string {
	counts, parts := map[string]int{}, []string{}
	for _, s := range st.Sources {
		counts[stateOf(s)]++
	}
	for _, state := range states {
		if n := counts[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(st.Sources), strings.Join(parts, ", "))
}

func usual(t feed.Tally, now time.Time) Usual {
	sum, u := t.Sums(), Usual{Days: make([]int, shownDays)}
	if perDay, known := t.PerDay(now); known {
		u.PerDay = &perDay
	}
	if limit, known := t.Patience(now); known {
		u.Patience = int64(limit.Seconds())
	}
	u.Copies, u.Failed = share(sum.Copies, sum.New), share(sum.Failed, sum.Visits)
	u.Unchanged = share(sum.Unchanged, sum.Visits-sum.Failed)
	u.Bytes = sum.Bytes
	if sum.Visits > 0 {
		u.Took = int64(sum.Took) / int64(sum.Visits)
	}
	first := feed.DateOf(now) - shownDays + 1
	for _, d := range t.Days {
		if i := int(d.Date - first); i >= 0 && i < shownDays {
			u.Days[i] = d.New
		}
	}
	return u
}

func share(n, of int) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// what is the one thing to know of a source, and what to do about it.
func what(st feed.State, now time.Time) (known, advice string) {
	switch {
	case st.Problem != "":
		return st.Problem, st.Trouble.Advice()
	case !st.Tally.Silent.IsZero():
		quiet := "nothing for " + feed.Span(now.Sub(st.Tally.News))
		if usually, known := st.Tally.PerDay(st.Tally.News); known {
			quiet = fmt.Sprintf("usually %s a day, %s", feed.Count(usually), quiet)
		}
		return quiet, "Its address may hold a feed that nobody writes any more: look at the outlet's page."
	case len(st.Warnings) > 0:
		return st.Warnings[0], ""
	}
	return "", ""
}

func (a *admin) gather(ctx context.Context) (Status, Program, error) {
	st, err := StatusOf(ctx, a.Store, a.Now())
	if a.Sources != nil {
		st.Configured(a.Sources())
	}
	if a.Views != nil && err == nil {
		st.Feeds, err = a.filters.ask(ctx, a.Store, a.Views(), a.Now())
	}
	var p Program
	if a.Program != nil {
		p = a.Program()
		st.Program, st.Notices = p.Report, p.Notices
	}
	return st, p, err
}

// withoutSecrets is an address without what may be a key: user info and query.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func health(s feed.State) string {
	switch {
	case s.Gone:
		return "gone"
	case s.Failures > 0 || s.Trouble != feed.NoTrouble:
		return "failing"
	case s.Visited.IsZero():
		return "new"
	case !s.Tally.Silent.IsZero():
		return "silent"
	}
	return "ok"
}
