package schedule_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/schedule"
)

// city is a thousand sources of two hundred domains, on four schedules.
func city() []feed.Source {
	lines := []string{"0 * * * *", "*/15 * * * *", "@every 30m", "CRON_TZ=Asia/Karachi */10 * * * *", "@hourly"}
	sources := make([]feed.Source, 1000)
	for i := range sources {
		sources[i] = source(fmt.Sprintf("desk-%d", i), lines[i%len(lines)])
		sources[i].FeedURL = fmt.Sprintf("https://feeds%d.paper%d.example/", i/200, i%200)
		sources[i].PerHost = feed.PerHost{Concurrency: 1, Interval: 2 * time.Second}
	}
	return sources
}

func paper(address string) string { return address[strings.Index(address, "paper"):] }

// log is what the outlets of a city would write down together.
type log struct {
	mu      sync.Mutex
	states  map[string]feed.State
	begun   map[string]time.Time // last start, by domain and by source
	running map[string]int
	minutes map[int64]int
	visits  int
	most    int
	wrongs  []string
}

func (l *log) wrong(format string, args ...any) {
	if len(l.wrongs) < 10 {
		l.wrongs = append(l.wrongs, fmt.Sprintf(format, args...))
	}
}

func (l *log) recall(_ context.Context, src feed.Source) (feed.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.states[src.ID], nil
}

// visit lasts a third of a second, or half a minute at one in fifty. One source in
// ten asks for 45 minutes of peace, one in twenty fails every third time.
func (l *log) visit(ctx context.Context, src feed.Source) (feed.State, error) {
	at, domain := time.Now(), paper(src.FeedURL)
	l.mu.Lock()
	st := l.states[src.ID]
	if at.Before(st.Due) || at.Before(st.NotBefore) {
		l.wrong("%s at %s, %s early", src.ID, at, st.Due.Sub(at))
	}
	if l.running[domain] > 0 || l.running[src.ID] > 0 {
		l.wrong("%s at %s: another visit of %s is under way", src.ID, at, domain)
	}
	if pause := at.Sub(l.begun[domain]); pause < src.PerHost.Interval {
		l.wrong("%s at %s: only %s after the last of %s", src.ID, at, pause, domain)
	}
	l.begun[domain] = at
	l.running[domain]++
	l.running[src.ID]++
	l.running["all"]++
	l.most = max(l.most, l.running["all"])
	l.minutes[at.Unix()/60]++
	l.visits++
	n := 0
	_, _ = fmt.Sscanf(src.ID, "desk-%d", &n)
	l.mu.Unlock()

	takes := 300 * time.Millisecond
	if n%50 == 0 {
		takes = 30 * time.Second
	}
	var err error
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		err = ctx.Err()
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.running[domain]--
	l.running[src.ID]--
	l.running["all"]--
	if err != nil { // stopping: nothing is stored
		return feed.State{}, err
	}
	st.Source, st.Visited, st.ConfiguredURL, st.Visits = src.ID, at, src.Address(), st.Visits+1
	st.NotBefore, st.Failures = time.Time{}, 0
	if n%10 == 3 {
		st.NotBefore, st.NotBeforeWhy = time.Now().Add(45*time.Minute), "max-age"
	}
	if n%20 == 7 && st.Visits%3 == 0 {
		st.Failures, st.Trouble = 1, feed.Timeout
	}
	st.Due, st.DueWhy = next(src, st, at)
	l.states[src.ID] = st
	return st, nil
}

func newLog() *log {
	return &log{states: map[string]feed.State{}, begun: map[string]time.Time{}, running: map[string]int{}, minutes: map[int64]int{}}
}

func TestDayOfAThousandSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		s := &schedule.Scheduler{Recall: l.recall, Visit: l.visit, Domain: paper, Concurrency: 32}
		s.Set(city())
		began := time.Now()
		runFor((hours+1)*time.Hour, s)

		for _, wrong := range l.wrongs {
			t.Error(wrong)
		}
		if l.most > 32 {
			t.Errorf("%d visits at once, may be 32", l.most)
		}
		// The first hour begins with everybody's first visit; then comes the day.
		for hour := int64(1); hour <= hours; hour++ {
			total, worst := 0, 0
			for minute := range int64(60) {
				n := l.minutes[began.Unix()/60+hour*60+minute]
				total += n
				worst = max(worst, n)
			}
			if worst*100 > total*3 {
				t.Errorf("hour %d: %d of %d visits in one minute", hour, worst, total)
			}
			if total < 2100 || total > 2800 { // 400 hourly, 200 each four times, twice and six times, less the floors
				t.Errorf("hour %d: %d visits", hour, total)
			}
		}
	})
}

func TestRestartsFetchNothingEarlyAndForgetNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		sources := city()
		for restart := range 20 {
			s := &schedule.Scheduler{Recall: l.recall, Visit: l.visit, Domain: paper, Concurrency: 32}
			s.Set(sources)
			before := l.visits
			runFor(time.Duration(restart+1)*time.Minute, s) // cuts visits off in the middle
			time.Sleep(3 * time.Second)                     // as long as a restart takes
			if restart == 3 && l.visits-before > 1000 {
				t.Errorf("%d visits in four minutes after a restart", l.visits-before)
			}
		}
		for _, wrong := range l.wrongs {
			t.Error(wrong)
		}
		if len(l.states) != 1000 {
			t.Errorf("%d sources were ever visited, want all", len(l.states))
		}
		// A night's sleep: then everybody once, and not twice.
		time.Sleep(9 * time.Hour)
		l.visits = 0
		s := &schedule.Scheduler{Recall: l.recall, Visit: l.visit, Domain: paper, Concurrency: 32}
		s.Set(sources)
		woken := time.Now()
		runFor(4*time.Minute, s)
		for id, st := range l.states {
			if st.Visited.Before(woken) {
				t.Errorf("%s was not visited after the night", id)
			}
		}
		if l.visits > 1000+1000*4/10 { // and those whose slot came meanwhile
			t.Errorf("%d visits in four minutes after the night, want each once", l.visits)
		}
	})
}
