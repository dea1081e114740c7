package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/schedule"
)

func next(src feed.Source, st feed.State, at time.Time) (time.Time, string) {
	return schedule.Next(&src, &st, at)
}

func source(id, line string) feed.Source {
	return feed.Source{Outlet: feed.Outlet{ID: id}, FeedURL: "https://" + id + ".example/feed", Schedule: line}
}

// unspread is a source whose spread on */15 is known, so that examples can be read.
var unspread = source("herald", "*/15 * * * *")

func TestNextExplainsItself(t *testing.T) {
	at := utc("2025-03-01 14:03")
	seen := feed.State{Visited: at}
	with := func(change func(*feed.State)) feed.State { st := seen; change(&st); return st }
	slot, slotWhy := next(unspread, seen, at)
	for _, c := range []struct {
		name    string
		st      feed.State
		want    time.Time
		explain string
	}{
		{"never visited", feed.State{}, at, "first visit"},
		{"plain", seen, slot, "schedule 14:"},
		{"floor below the schedule", with(func(st *feed.State) { st.NotBefore = at.Add(time.Second) }), slot, slotWhy},
		{"max-age", with(func(st *feed.State) { st.NotBefore, st.NotBeforeWhy = at.Add(40*time.Minute), "max-age" }), at.Add(40 * time.Minute), "outlet asked for 40m (max-age)"},
		{"Retry-After", with(func(st *feed.State) { st.NotBefore, st.NotBeforeWhy = at.Add(50*time.Hour), "Retry-After" }), at.Add(50 * time.Hour), "outlet asked for 50h (Retry-After)"},
		{"a year", with(func(st *feed.State) { st.NotBefore = at.Add(9000 * time.Hour) }), at.Add(7 * 24 * time.Hour), "168h"},
		{"ttl", with(func(st *feed.State) { st.Channel.Pace.TTL = time.Hour }), at.Add(time.Hour), "outlet asked for 1h (ttl)"},
		{"ttl of a month", with(func(st *feed.State) { st.Channel.Pace.TTL = 720 * time.Hour }), at.Add(24 * time.Hour), "24h (ttl)"},
		{"period", with(func(st *feed.State) { st.Channel.Pace = feed.Pace{TTL: time.Minute, Period: 2 * time.Hour} }), at.Add(2 * time.Hour), "(updatePeriod)"},
		{"skipHours", with(func(st *feed.State) { st.Channel.Pace.SkipHours = []int{14, 15} }), utc("2025-03-01 16:00"), "skipHours"},
		{"skipDays", with(func(st *feed.State) { st.Channel.Pace.SkipDays = []time.Weekday{time.Saturday} }), utc("2025-03-02 00:00"), "skipDays"},
		{"410", with(func(st *feed.State) { st.Gone = true }), time.Time{}, "gone for good (410)"},
	} {
		due, why := next(unspread, c.st, at)
		if due.Before(c.want) || due.After(c.want.Add(max(0, c.want.Sub(at)/10))) || !strings.Contains(why, c.explain) || strings.Contains(why, "\n") {
			t.Errorf("%s: got %s, %q; want %s, one line with %q", c.name, due, why, c.want, c.explain)
		}
	}
	paused := unspread
	paused.Paused = true
	if due, why := next(paused, seen, at); !due.IsZero() || !strings.Contains(why, "paused") {
		t.Errorf("paused: got %s, %q", due, why)
	}
}

func TestSkippingOnlyDelaysAndByADayAtMost(t *testing.T) {
	at := utc("2025-03-01 14:03")
	var all feed.Pace
	for hour := range 24 {
		all.SkipHours = append(all.SkipHours, hour)
	}
	due, _ := next(unspread, feed.State{Visited: at}, at)
	got, _ := next(unspread, feed.State{Visited: at, Channel: feed.Channel{Pace: all}}, at)
	if got.Before(due) || got.After(due.Add(24*time.Hour)) {
		t.Errorf("all hours skipped: got %s, want within a day after %s", got, due)
	}
	if got, why := schedule.Pace(all, at); got.After(at.Add(24*time.Hour)) || why == "" {
		t.Errorf("Pace: got %s, %q", got, why)
	}
	if got, why := schedule.Pace(feed.Pace{}, at); !got.IsZero() || why != "" {
		t.Errorf("no wish: got %s, %q", got, why)
	}
}

func TestBackOffDoublesIsCappedAndIsResetByOneSuccess(t *testing.T) {
	at := utc("2025-03-01 14:03")
	var last time.Duration
	for failures := 1; failures <= 40; failures++ {
		due, why := next(unspread, feed.State{Visited: at, Failures: failures, Trouble: feed.Timeout}, at)
		wait := due.Sub(at)
		if failures > 1 && last < 10*time.Hour && (wait < last*5/4 || wait > last*4) {
			t.Errorf("%d failures: waits %s after %s, want about double", failures, wait, last)
		}
		if wait > 24*time.Hour+15*time.Minute {
			t.Errorf("%d failures: waits %s, want a day at most", failures, wait)
		}
		if again, _ := next(unspread, feed.State{Visited: at, Failures: failures, Trouble: feed.Timeout}, at); !again.Equal(due) {
			t.Errorf("%d failures: asked twice, got %s and %s", failures, due, again)
		}
		if failures > 2 && !strings.Contains(why, fmt.Sprintf("%d failures (timeout)", failures)) {
			t.Errorf("%d failures: explained as %q", failures, why)
		}
		last = wait
	}
	if due, _ := next(unspread, feed.State{Visited: at}, at); due.Sub(at) > 23*time.Minute { // a slot and a half
		t.Errorf("after a success: waits %s, want the schedule", due.Sub(at))
	}
}

func TestThoseWhoFailTogetherDoNotComeBackTogether(t *testing.T) {
	at := utc("2025-03-01 14:03")
	seconds := map[int64]int{}
	for i := range 1000 {
		due, _ := next(source(fmt.Sprint("s", i), "*/15 * * * *"), feed.State{Visited: at, Failures: 5}, at)
		seconds[due.Unix()]++
	}
	for second, n := range seconds {
		if n > 10 {
			t.Errorf("%d of 1000 come back at %s", n, time.Unix(second, 0))
		}
	}
}

func TestGivingGoneFeedAnotherAddressRevivesIt(t *testing.T) {
	at := utc("2025-03-01 14:03")
	src := unspread
	st := feed.State{Visited: at, Gone: true, ConfiguredURL: src.Address()}
	src.FeedURL = "https://elsewhere.example/feed"
	if due, why := next(src, st, at); !due.Equal(at) {
		t.Errorf("got %s, %q; want a visit at once", due, why)
	}
}

// A source keeps its place in the hour, whenever it is asked for.
func TestSpreadIsStableAndEven(t *testing.T) {
	for _, line := range []string{"*/15 * * * *", "@hourly", "@every 15m", "@every 1h", "0 */2 * * *"} {
		minutes := map[int]int{}
		for i := range 1000 {
			src := source(fmt.Sprint("outlet-", i), line)
			at := utc("2025-03-01 00:00")
			first, _ := next(src, feed.State{Visited: at.Add(-time.Hour)}, at)
			for ask := at; ask.Before(first); ask = ask.Add(first.Sub(at)/3 + time.Second) {
				if due, _ := next(src, feed.State{Visited: at.Add(-time.Hour)}, ask); !due.Equal(first) {
					t.Fatalf("%s, %s: asked at %s got %s, before %s", src.ID, line, ask, due, first)
				}
			}
			second, _ := next(src, feed.State{Visited: first}, first)
			if gap := second.Sub(first); gap != 15*time.Minute && gap != time.Hour && gap != 2*time.Hour {
				t.Fatalf("%s, %s: %s between visits", src.ID, line, gap)
			}
			for due := first; due.Before(at.Add(2 * time.Hour)); {
				minutes[int(due.Sub(at)/time.Minute)]++
				due, _ = next(src, feed.State{Visited: due}, due)
			}
		}
		total := 0
		for _, n := range minutes {
			total += n
		}
		for minute, n := range minutes {
			if limit := total * 3 / 100; len(minutes) > 60 && n > limit/2 || n > limit && len(minutes) <= 60 {
				t.Errorf("%s: %d of %d visits in minute %d", line, n, total, minute)
			}
		}
	}
}

// The first visit of a source, or one that the operator asked for, is not followed
// by another within seconds; none that the schedule counts on is left out for it.
func TestSlotThatFollowsAVisitTooSoonIsLeftOut(t *testing.T) {
	for line, least := range map[string]time.Duration{
		"*/15 * * * *": 450 * time.Second, "@every 2m": time.Minute, "@hourly": 30 * time.Minute, "0 6 * * *": 30 * time.Minute, "0,10 * * * *": 5 * time.Minute,
	} {
		for i := range 100 {
			src := source(fmt.Sprint("outlet-", i), line)
			at := utc("2025-03-01 05:00").Add(time.Duration(i) * 37 * time.Second)
			for range 8 {
				due, why := next(src, feed.State{Visited: at}, at)
				if due.Sub(at) < least {
					t.Fatalf("%s: visited at %s, due again at %s (%s)", line, at, due, why)
				}
				following, _ := next(src, feed.State{Visited: due.Add(-48 * time.Hour)}, due)
				if next, _ := next(src, feed.State{Visited: due}, due); !next.Equal(following) {
					t.Fatalf("%s: after the visit at %s that at %s is left out", line, due, following)
				}
				at = due
			}
		}
	}
	ahead := utc("2025-03-01 14:03")
	if due, _ := next(unspread, feed.State{Visited: ahead.Add(1000 * time.Hour)}, ahead); due.Sub(ahead) > 15*time.Minute {
		t.Errorf("visited in the future, by a clock that went wrong: due %s", due)
	}
}

func TestThoseWhoSkipHoursDoNotComeBackTogether(t *testing.T) {
	at := utc("2025-03-01 21:40")
	for name, pace := range map[string]feed.Pace{
		"hours": {SkipHours: []int{21, 22, 23}},
		"day":   {SkipDays: []time.Weekday{time.Saturday}},
	} {
		for line, most := range map[string]int{"@hourly": 60, "*/15 * * * *": 140} {
			minutes := map[int64]int{}
			for i := range 1000 {
				due, why := next(source(fmt.Sprint("s", i), line), feed.State{Visited: at, Channel: feed.Channel{Pace: pace}}, at)
				if due.Before(utc("2025-03-02 00:00")) || due.After(utc("2025-03-02 01:00")) || !strings.Contains(why, "before 2025-03-02 00:00") {
					t.Fatalf("%s: due %s: %s", name, due, why)
				}
				minutes[due.Unix()/60]++
			}
			for minute, n := range minutes {
				if n > most {
					t.Errorf("%s, %s: %d of 1000 in minute %d", name, line, n, minute%60)
				}
			}
		}
	}
}

func TestTimeOfAnotherDayHasItsDate(t *testing.T) {
	at := utc("2025-03-01 21:40")
	st := feed.State{Visited: at, Channel: feed.Channel{Pace: feed.Pace{TTL: 5 * time.Hour}}}
	src := source("herald", "CRON_TZ=Asia/Karachi 0 2 * * *") // 21:00 UTC; at is the next morning there
	if _, why := next(src, st, at); !strings.HasPrefix(why, "schedule 2025-03-03 02:00 Asia/Karachi") {
		t.Errorf("got %q", why)
	}
	src.Schedule = "CRON_TZ=Asia/Karachi 0 4 * * *"
	if _, why := next(src, feed.State{Visited: at}, at); !strings.HasPrefix(why, "schedule 04:00 Asia/Karachi") {
		t.Errorf("got %q", why)
	}
}

func BenchmarkNext(b *testing.B) {
	at := utc("2025-03-01 14:03")
	st := feed.State{Visited: at, NotBefore: at.Add(20 * time.Minute), NotBeforeWhy: "max-age"}
	for b.Loop() {
		next(unspread, st, at)
	}
}

func TestAMinuteLiesBetweenVisits(t *testing.T) {
	src := source("herald", "* * * * *")
	start := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	for s := range 180 {
		visited := start.Add(time.Duration(s) * time.Second) // by hand, at any time
		due, why := next(src, feed.State{Visited: visited}, visited)
		if wait := due.Sub(visited); wait < 55*time.Second || wait > 2*time.Minute {
			t.Errorf("visited at %s, next %s later (%s); want a minute, to its slot", visited.Format(time.TimeOnly), wait, why)
		}
		after, _ := next(src, feed.State{Visited: due.Add(time.Second)}, due.Add(time.Second))
		if step := after.Sub(due); step != time.Minute {
			t.Errorf("from slot to slot, a second late: %s, want a minute", step)
		}
	}
}
