// Package schedule says when each source is due, and makes sure that nobody is
// visited twice at once, all at once, or sooner than they asked.
//
// Parse reads a cron line, behind a guard: whatever it accepts fires, at most once
// a minute, and never panics. Next is the whole policy as a pure function: from
// the line, what the outlet asked for and what went wrong it makes one time and
// one sentence that explains it. Scheduler is a heap of those times and a few
// counters; it starts visits and waits for them.
//
// The package does not know what a visit is, what HTTP is or where states are
// stored. Only this package knows robfig/cron.
package schedule

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // CRON_TZ works on machines and in containers without a zone database

	"github.com/robfig/cron/v3"
)

// AllowSeconds lets lines be read that fire more than once a minute: "@every 5s"
// and six fields with the seconds first. Only a demonstration over outlets of our
// own may do that; set it before anything is parsed.
var AllowSeconds atomic.Bool

const (
	// shortest is the least time between two visits of one source: no outlet
	// publishes faster than it can be polite to ask.
	shortest = time.Minute
	// lateness is how much later than due a visit may begin without the next, due a
	// minute later, being left out.
	lateness = 5 * time.Second
	// longest is where "@every" stops being a schedule: a source that is asked less
	// than once a year is paused.
	longest = 366 * 24 * time.Hour
	// widestSpread bounds how long after its slot a source may be visited. An hour,
	// because then even sources that are all due at the same slot start evenly.
	widestSpread = time.Hour
)

// Schedule is a cron line that has been understood. The zero Schedule is not valid.
type Schedule struct {
	line  string
	zone  *time.Location
	every time.Duration      // of "@every", else 0
	spec  *cron.SpecSchedule // else; in zone if steady, in UTC to be read as wall clock otherwise
	// steady is true if the line fires in every hour of the day, or its zone never
	// changes its clock: then real time is walked, and a night of 23 or 25 hours
	// changes nothing. Other lines mean what the clock on the wall shows.
	steady bool
	spread time.Duration // widest spread that its slots allow, see window
}

// reference is when Parse tries a line out. Any time would do; it is fixed so that
// the same line always gets the same answer.
var reference = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// Parse reads a cron line: five fields (minute, hour, day of month, month, day of
// week; Sunday is 0 or 7), "@hourly" and its like, or "@every 90m", optionally
// after "CRON_TZ=Area/City ". Without a zone it means UTC, never the host's zone.
// It refuses lines that never fire, or fire more than once a minute (see
// AllowSeconds). The error says what is wrong in words for the operator.
func Parse(line string) (Schedule, error) {
	zone, rest, err := splitZone(strings.TrimSpace(line))
	if err != nil {
		return Schedule{}, err
	}
	s := Schedule{line: line, zone: zone}
	if after, ok := strings.CutPrefix(rest, "@every"); ok {
		s.every, err = parseEvery(after)
		s.spread = min(s.every, widestSpread)
		return s, err
	}
	if rest, err = repair(rest); err != nil {
		return Schedule{}, err
	}
	fields := cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor
	if AllowSeconds.Load() {
		fields |= cron.SecondOptional
	}
	parsed, err := cron.NewParser(fields).Parse(rest)
	if err != nil {
		return Schedule{}, fmt.Errorf("not a cron line: %w", err)
	}
	s.spec = parsed.(*cron.SpecSchedule) // the only other kind is "@every", read above
	const everyHour = 1<<24 - 1
	s.steady = zone == time.UTC || s.spec.Hour&everyHour == everyHour
	s.spec.Location = time.UTC
	if s.steady {
		s.spec.Location = zone
	}
	if s.Next(reference).IsZero() {
		return Schedule{}, fmt.Errorf("never fires: no day matches %q", rest)
	}
	s.spread = s.widest()
	return s, nil
}

// splitZone takes "TZ=…" or "CRON_TZ=…" off the front of a line.
func splitZone(line string) (*time.Location, string, error) {
	after, ok := strings.CutPrefix(line, "CRON_TZ=")
	if !ok {
		if after, ok = strings.CutPrefix(line, "TZ="); !ok {
			return time.UTC, line, nil
		}
	}
	name, rest, ok := strings.Cut(after, " ")
	if !ok || strings.TrimSpace(rest) == "" {
		return nil, "", fmt.Errorf("only a time zone: a schedule must follow it, as in \"CRON_TZ=Asia/Karachi */15 * * * *\"")
	}
	if name == "" || name == "Local" {
		return nil, "", fmt.Errorf("time zone %q depends on the machine: name it, as in CRON_TZ=Asia/Karachi", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, "", fmt.Errorf("unknown time zone %q: name it as in the IANA database, for example Asia/Karachi", name)
	}
	return zone, strings.TrimSpace(rest), nil
}

// tooLong matches durations that can only be refused for being longer than a
// time.Duration holds, 292 years.
var tooLong = regexp.MustCompile(`^ +[0-9]{5,}(\.[0-9]*)?[hms]([0-9.]+[hms])*$`)

// parseEvery reads what follows "@every".
func parseEvery(rest string) (time.Duration, error) {
	every, err := time.ParseDuration(strings.TrimSpace(rest))
	if err != nil && tooLong.MatchString(rest) {
		return 0, fmt.Errorf("\"@every%s\" is less than once a year: pause the source instead", rest)
	}
	if err != nil || !strings.HasPrefix(rest, " ") {
		return 0, fmt.Errorf("\"@every\" wants a duration, as in \"@every 15m\" or \"@every 1h30m\", not %q", strings.TrimSpace(rest))
	}
	least := shortest
	if AllowSeconds.Load() {
		least = time.Second
	}
	switch {
	case every < least:
		return 0, fmt.Errorf("\"@every %s\" is too often: at most once in %s", every, short(least))
	case every > longest:
		return 0, fmt.Errorf("\"@every %s\" is less than once a year: pause the source instead", every)
	}
	return every.Truncate(time.Second), nil
}

// String returns the line as it was written.
func (s Schedule) String() string { return s.line }

// Next returns the first slot after t, in UTC. In a night when the clock is put
// forward, a slot that the clock skips falls on the minute it jumps to; when it is
// put back, a slot that the clock shows twice is used once, the first time. Lines
// that fire in every hour ("*/15 * * * *", "@every 2h") go by elapsed time and do
// not notice such nights.
func (s Schedule) Next(t time.Time) time.Time {
	if s.every > 0 {
		// Slots lie on a grid through the Unix epoch, so that a restart changes nothing.
		// (Not Truncate: its grid begins in year 1.)
		step := int64(s.every / time.Second)
		unix := t.Unix()
		return time.Unix(unix-mod(unix, step)+step, 0).UTC()
	}
	if s.steady {
		return s.fires(t).UTC()
	}
	wall := onTheWall(t.In(s.zone))
	for {
		if wall = s.fires(wall); wall.IsZero() {
			return wall
		}
		if slot := instant(wall, s.zone); slot.After(t) {
			return slot
		}
	}
}

// fires asks robfig, which gives up after five years, which is too early for 29
// February at the turn of a century.
func (s Schedule) fires(t time.Time) time.Time {
	if next := s.spec.Next(t); !next.IsZero() {
		return next
	}
	return s.spec.Next(t.AddDate(4, 0, 0))
}

// onTheWall returns what clock and calendar show at t as if it were a time in UTC.
func onTheWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instant returns when the clock in zone first shows wall; if it never does,
// because it is put forward then, the moment when that happens.
func instant(wall time.Time, zone *time.Location) time.Time {
	const around = 24 * time.Hour // no zone changes its clock twice in two days
	_, before := wall.Add(-around).In(zone).Zone()
	_, after := wall.Add(around).In(zone).Zone()
	first := wall.Add(-time.Duration(max(before, after)) * time.Second)
	second := wall.Add(-time.Duration(min(before, after)) * time.Second)
	for _, t := range []time.Time{first, second} {
		if onTheWall(t.In(zone)).Equal(wall) {
			return t.UTC()
		}
	}
	jump, _ := second.In(zone).ZoneBounds()
	return jump.UTC()
}

// widest returns the longest distance between neighbouring slots, at most
// widestSpread: how far back a slot can lie whose visit is still to come.
func (s Schedule) widest() time.Duration {
	const enough = 64 // slots; a pattern within the hour shows itself in 60
	var widest time.Duration
	slot := s.Next(reference)
	for range enough {
		next := s.Next(slot)
		if widest = max(widest, next.Sub(slot)); next.IsZero() || widest >= widestSpread {
			return widestSpread
		}
		slot = next
	}
	return widest
}

// slotAndDue returns the first time after t at which the source with this id,
// last visited at the time given, is due, and the slot it belongs to. Every source
// is late by the same share of the time until the following slot, at most an hour:
// a thousand sources on one line are spread evenly, and each keeps its place over
// restarts. A slot that follows a visit for another reason too soon is left out: at less
// than half the usual distance, at most half an hour, and at less than a minute.
func (s Schedule) slotAndDue(id string, visited, t time.Time) (slot, due time.Time) {
	before := s.Next(t.Add(-2*s.spread - time.Second))
	slot = before
	for {
		next := s.Next(slot)
		due = slot.Add(share(id, min(next.Sub(slot), widestSpread)))
		distance := min(next.Sub(slot), s.spread)
		if slot.After(before) {
			distance = min(distance, slot.Sub(before))
		}
		least := max(distance/2, min(distance, shortest)-lateness)
		if wait := due.Sub(visited); due.After(t) && (wait < 0 || wait >= least) {
			return slot, due
		}
		before, slot = slot, next
	}
}

// parsed remembers lines that have been read: reading one costs more than asking
// it. It holds as many as the operator ever wrote.
var parsed sync.Map // line → Schedule

// remembered is Parse for lines that config has checked.
func remembered(line string) (Schedule, error) {
	if s, ok := parsed.Load(line); ok {
		return s.(Schedule), nil
	}
	s, err := Parse(line)
	if err == nil {
		parsed.Store(line, s)
	}
	return s, err
}

// mod is the remainder that is never negative.
func mod(a, b int64) int64 { return ((a % b) + b) % b }
