package feed_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sangam/feed"
)

// monday is the first moment of a week.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// counted is what a merge at the time of the visit makes of a state.
func counted(st, before feed.State, r feed.Report) feed.State {
	st.Count(st.Visited, &before, r)
	return st
}

// life visits a source every quarter of an hour from monday on, and returns its state
// at the end; news says how many new items a visit finds.
func life(days float64, news func(at time.Time) int) (feed.State, []feed.Event) {
	var st feed.State
	var told []feed.Event
	end := monday.Add(time.Duration(days * 24 * float64(time.Hour)))
	for at := monday; !at.After(end); at = at.Add(15 * time.Minute) {
		next := st
		next.Visited, next.Succeeded, next.Due = at, at, at.Add(15*time.Minute)
		next.Visits++
		after := next
		after.Count(at, &st, feed.Report{Fresh: news(at)})
		told = append(told, feed.Turns(&st, &after, 0)...)
		st = after
	}
	return st, told
}

func always(time.Time) int { return 1 }

func office(at time.Time) int {
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday || at.Hour() < 8 || at.Hour() >= 18 {
		return 0
	}
	return 1
}

func hourly(at time.Time) int {
	if at.Minute() == 0 {
		return 2
	}
	return 0
}

func daily(at time.Time) int {
	if at.Hour() == 6 {
		return hourly(at)
	}
	return 0
}

func weekly(at time.Time) int {
	if at.Weekday() == time.Thursday {
		return daily(at)
	}
	return 0
}

// until lets a source fall silent after so many days.
func until(days float64, news func(time.Time) int) func(time.Time) int {
	end := monday.Add(time.Duration(days * 24 * float64(time.Hour)))
	return func(at time.Time) int {
		if at.After(end) {
			return 0
		}
		return news(at)
	}
}

// except lets a source be silent for some time.
func except(from, to float64, news func(time.Time) int) func(time.Time) int {
	return func(at time.Time) int {
		if d := at.Sub(monday).Hours() / 24; d > from && d < to {
			return 0
		}
		return news(at)
	}
}

func TestSilenceIsJudgedByASourcesOwnRhythm(t *testing.T) {
	for _, row := range []struct {
		name   string
		days   float64
		news   func(time.Time) int
		silent bool
	}{
		{"a wire that never pauses", 20, always, false},
		{"a wire that has said nothing for two hours", 20 + 2.0/24, until(20, always), false},
		{"a wire that has said nothing for nine hours", 20 + 9.0/24, until(20, always), true},
		{"an hourly bulletin, four hours late", 20 + 4.5/24, until(20, hourly), true},
		{"a desk, on a weekday night", 24.3, office, false},
		{"a desk, on Sunday evening", 20.9, office, false},
		{"a desk, on its first weekend", 6.9, office, false},
		{"a desk, on its second weekend", 13.9, office, false},
		{"a desk that closed a week ago", 30, until(23, office), true},
		{"a morning letter, in the evening", 20.9, daily, false},
		{"a morning letter that did not come twice", 23.4, until(20.5, daily), true},
		{"a weekly, on the sixth day", 23.2, weekly, false},
		{"a weekly, for three weeks", 31 + 21, until(31, weekly), false}, // two weeks say nothing any more
		{"a wire that once was out for three days, and is again for nine hours", 20 + 9.0/24, until(20, except(10, 13, always)), true},
		{"a source that we have known for a day", 2, until(1, always), false},
		{"a source that we have known for four days, out since yesterday", 5, until(4, always), true},
		{"a source that published once", 12, until(0.2, daily), false},
		{"a source that never published", 12, func(time.Time) int { return 0 }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			st, _ := life(row.days, row.news)
			if silent := !st.Tally.Silent.IsZero(); silent != row.silent {
				limit, known := st.Tally.Patience(st.Visited)
				t.Errorf("silent: %t, want %t; after %s, patience %s (known: %t)", silent, row.silent, st.Visited.Sub(st.Tally.News), limit, known)
			}
		})
	}
}

func TestAWireWithChanceIntervalsIsHardlyEverCalledSilent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	silences := 0
	const wires = 40
	for range wires {
		_, told := life(28, func(time.Time) int { // 40 a day
			if random.IntN(96) < 40 {
				return 1
			}
			return 0
		})
		silences += len(told) / 2
	}
	if silences > 4 { // of 1,120 days
		t.Errorf("%d wires were called silent %d times in four weeks", wires, silences)
	}
}

func TestSilenceIsToldOnceAndItsEndToo(t *testing.T) {
	_, told := life(22, except(20, 21, always))
	var lines []string
	for _, e := range told {
		lines = append(lines, e.Title("The Wire")+": "+e.Text())
	}
	got := strings.Join(lines, "\n")
	if len(told) != 2 || !strings.Contains(got, "Usually 96 a day, nothing for 3 hours.") ||
		!strings.Contains(got, "The Wire has something new again: It had been silent for 24 hours.") {
		t.Errorf("got %d events:\n%s", len(told), got)
	}
}

func TestWhatPassedWhileWeWereAwayIsNoSilence(t *testing.T) {
	st, _ := life(10, hourly)
	next := st
	next.Visited = st.Visited.Add(3 * 24 * time.Hour) // the daemon was off
	after := counted(next, st, feed.Report{Fresh: 30})
	if limit, _ := after.Tally.Patience(next.Visited); limit > 6*time.Hour || !after.Tally.Silent.IsZero() {
		t.Errorf("after three days off, patience is %s", limit)
	}
}

func TestTallyIsBoundedAndCountsWhatAMergeFound(t *testing.T) {
	st, _ := life(40, hourly)
	if n := len(st.Tally.Days); n != 15 {
		t.Errorf("got %d days, want two weeks and today", n)
	}
	if perDay, known := st.Tally.PerDay(st.Visited); !known || perDay < 47 || perDay > 49 {
		t.Errorf("got %.1f items a day, want 48", perDay)
	}
	first, _ := life(0, func(time.Time) int { return 100 })
	if got := first.Tally.Sums().New; got != 0 {
		t.Errorf("the backlog of the first visit counts as %d items of a day", got)
	}
	if _, known := first.Tally.PerDay(first.Visited.Add(23 * time.Hour)); known {
		t.Error("after less than a day it is known what is usual")
	}

	st = feed.State{Visited: monday, Tally: feed.Tally{Since: monday.Add(-time.Hour), News: monday.Add(-time.Hour)}}
	next := st
	next.Visited, next.Bytes, next.Took = monday.Add(time.Hour), 1000, 20
	changed := counted(next, st, feed.Report{Fresh: 2, Copies: 3, Same: 5})
	next = changed
	next.Visited, next.NotModified = monday.Add(2*time.Hour), 1
	unchanged := counted(next, changed, feed.Report{})
	next = unchanged
	next.Visited, next.Trouble, next.Failures, next.FailingSince = monday.Add(3*time.Hour), feed.Timeout, 1, monday.Add(3*time.Hour)
	failed := counted(next, unchanged, feed.Report{})
	want := feed.Day{New: 5, Copies: 3, Visits: 3, Unchanged: 1, Failed: 1, Bytes: 1000, Took: 60}
	if got := failed.Tally.Sums(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !changed.Changed.Equal(changed.Visited) || !failed.Changed.Equal(changed.Visited) {
		t.Error("the last change is not the visit that brought items")
	}
	if got := changed.Tally.Sums().Visits; got != 1 {
		t.Errorf("counting on changed what had been counted: %d visits", got)
	}
}

func TestTallyTravelsAsJSON(t *testing.T) {
	st, _ := life(3, hourly)
	text, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	var back feed.State
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(back.Tally) != fmt.Sprint(st.Tally) || !strings.Contains(string(text), `"date":"2026-03-04"`) {
		t.Errorf("got %+v\nof %s", back.Tally, text)
	}
}

func TestAnotherAddressBeginsAnotherRhythm(t *testing.T) {
	st, _ := life(20, always)
	st.ConfiguredURL = "one"
	next := st
	next.ConfiguredURL, next.Visited = "two", st.Visited.Add(time.Hour)
	if after := counted(next, st, feed.Report{Fresh: 500}); after.Tally.Sums().New != 0 || len(after.Tally.Days) != 1 {
		t.Errorf("got %+v", after.Tally)
	}
}

func TestTurnsAreToldOncePerChange(t *testing.T) {
	at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
	ok := func(m int) feed.State { return feed.State{Visited: at(m)} }
	failing := func(m, since int) feed.State {
		return feed.State{Visited: at(m), Failures: 1, FailingSince: at(since), Trouble: feed.Timeout, Problem: "no answer within 30s"}
	}
	gone := func(m, since int) feed.State {
		st := failing(m, since)
		st.Gone, st.Trouble = true, feed.GoneForGood
		return st
	}
	moved := func(m int, url string) feed.State { return feed.State{Visited: at(m), URL: url} }
	for _, row := range []struct {
		name     string
		states   []feed.State
		patience time.Duration
		want     string
	}{
		{"all is well", []feed.State{ok(0), ok(15), ok(30)}, 0, ""},
		{"fails from the start", []feed.State{{}, failing(15, 15)}, 0, "failing"},
		{"fails for long", []feed.State{ok(0), failing(15, 15), failing(30, 15), failing(60, 15)}, 0, "failing"},
		{"fails and recovers, twice", []feed.State{ok(0), failing(15, 15), ok(30), failing(45, 45), ok(60)}, 0, "failing recovered failing recovered"},
		{"is gone", []feed.State{ok(0), gone(15, 15)}, 0, "gone"},
		{"fails, then is gone", []feed.State{ok(0), failing(15, 15), gone(30, 15)}, 0, "failing gone"},
		{"is back from being gone", []feed.State{ok(0), gone(15, 15), ok(30)}, 0, "gone recovered"},
		{"moves, and moves back", []feed.State{ok(0), moved(15, "https://a:b@x.example/f?key=1"), moved(30, "https://a:b@x.example/f?key=1"), ok(45)}, 0, "moved"},
		{"a hiccup, and an hour's patience", []feed.State{ok(0), failing(15, 15), failing(30, 15), ok(45)}, time.Hour, ""},
		{"an outage, and an hour's patience", []feed.State{ok(0), failing(15, 15), failing(60, 15), failing(90, 15), failing(120, 15), ok(135)}, time.Hour, "failing recovered"},
		{"gone needs no patience", []feed.State{ok(0), gone(15, 15)}, time.Hour, "gone"},
	} {
		var got []string
		for i := 1; i < len(row.states); i++ {
			for _, e := range feed.Turns(&row.states[i-1], &row.states[i], row.patience) {
				got = append(got, string(e.Kind))
				if strings.Contains(e.Detail, "key=") || strings.Contains(e.Detail, "a:b") {
					t.Errorf("%s: the event tells a secret: %s", row.name, e.Detail)
				}
			}
		}
		if line := strings.Join(got, " "); line != row.want {
			t.Errorf("%s: got %q, want %q", row.name, line, row.want)
		}
	}
}

func TestStateRemembersItsLastTurns(t *testing.T) {
	var st feed.State
	for i := range 40 {
		next := st
		next.Visited = monday.Add(time.Duration(i) * time.Minute)
		next.Failures, next.FailingSince, next.Trouble, next.Problem = 0, time.Time{}, "", ""
		if i%2 == 0 {
			next.Failures, next.FailingSince, next.Trouble, next.Problem = 1, next.Visited, feed.Broken, strings.Repeat("اردو", 1000)
		}
		st = counted(next, st, feed.Report{})
	}
	if len(st.Events) != 8 || st.Events[7].Kind != feed.Recovered || !st.Events[7].At.Equal(st.Visited) {
		t.Errorf("got %d events, the last %+v", len(st.Events), st.Events[len(st.Events)-1])
	}
	names := map[string]bool{}
	for _, e := range st.Events {
		names[e.URN("x")], names[e.URN("y")] = true, true
		if len(e.Detail) > 310 {
			t.Errorf("an event holds %d bytes of a problem", len(e.Detail))
		}
	}
	if len(names) != 16 {
		t.Errorf("16 events have %d names", len(names))
	}
}

func TestUnnamedSourcesOfOneHostAreToldApart(t *testing.T) {
	for _, row := range []struct {
		o    feed.Outlet
		want string
	}{
		{feed.Outlet{ID: "bbc-urdu", Name: "feeds.bbci.example", URL: "https://feeds.bbci.example/urdu/rss.xml"}, "bbc-urdu"},
		{feed.Outlet{ID: "bbc-urdu", Name: "BBC Urdu", URL: "https://feeds.bbci.example/urdu/rss.xml"}, "BBC Urdu"},
		{feed.Outlet{ID: "a", Name: "A", URL: ""}, "A"},
	} {
		if got := row.o.Called(); got != row.want {
			t.Errorf("%s is called %q, want %q", row.o.ID, got, row.want)
		}
	}
}

func TestEveryTroubleHasAdvice(t *testing.T) {
	for _, trouble := range []feed.Trouble{
		feed.DNS, feed.Refused, feed.Blocked, feed.TLS, feed.Timeout, feed.HTTPStatus, feed.Unauthorized, feed.NotFound, feed.GoneForGood,
		feed.TooMany, feed.Redirect, feed.TooLarge, feed.Encoding, feed.Broken, feed.NotAFeed, feed.Unreadable, feed.Panicked,
	} {
		if trouble.Advice() == "" {
			t.Errorf("%s: no advice", trouble)
		}
	}
}
