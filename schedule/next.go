package schedule

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"sangam/feed"
)

const (
	// mostPatience caps what an outlet may ask for with max-age, ttl and the like: a
	// forgotten "one year" must not silence a feed.
	mostPatience = 24 * time.Hour
	// mostRetryAfter caps Retry-After, which is a plea and not a default.
	mostRetryAfter = 7 * 24 * time.Hour
	// longestBackOff is how rarely a failing source is asked, unless its own schedule
	// is rarer: a day, so that one that comes back is noticed within it.
	longestBackOff = 24 * time.Hour
	// floorSpread is the part of an outlet's wish by which it is exceeded, at most.
	// Without it, sources that were visited together once (at the very first start)
	// and have the same max-age would be visited together for ever.
	floorSpread = 10
	// firstBackOff bounds the first step, for sources that are visited rarely anyway.
	firstBackOff = time.Hour
)

// Next says when src is to be visited next, given the state that its visit at the
// time at left behind, and why, in one line for the operator. It is pure: the same
// arguments give the same answer, on every machine and after every restart.
//
// It is the latest of these: the next slot of the schedule with the source's own
// spread, unless that would follow the last visit too soon; State.NotBefore; what the feed itself asks for (ttl, updatePeriod), out
// of its skipHours and skipDays; and, after failures, a back-off that doubles.
//
// The zero time means never: the source is paused, or gone for good (410). A
// source that was never visited, or whose address has changed, is due at once.
func Next(src *feed.Source, st *feed.State, at time.Time) (due time.Time, why string) {
	st = st.Known(src)
	switch {
	case src.Paused:
		return time.Time{}, "paused by the operator"
	case st.Gone:
		return time.Time{}, "gone for good (410): not visited again until its address is changed"
	case st.Visited.IsZero():
		return at, "first visit"
	}
	plan, err := remembered(src.Schedule)
	if err != nil { // config has checked it; a state from another machine may say otherwise
		return at.Add(firstBackOff), "schedule not understood, asking once an hour: " + err.Error()
	}
	slot, due := plan.slotAndDue(src.ID, st.Visited, at)
	reasons := []string{"schedule " + clock(slot, at, plan.zone) + plus(due.Sub(slot))}
	later := func(t time.Time, reason string) {
		if t.After(due) {
			due = t
			reasons = append(reasons[:1], reason)
		}
	}
	if st.Failures > 0 {
		wait := backOff(src.ID, st.Failures, plan.gap(at))
		later(at.Add(wait), fmt.Sprintf("%s (%s): waiting %s", count(st.Failures, "failure"), cmp.Or(st.Trouble, "unknown"), short(wait)))
	}
	floor := func(t time.Time, reason string) {
		if wait := t.Sub(at); wait > 0 {
			spread := share(src.ID, min(wait/floorSpread, widestSpread))
			later(t.Add(spread), reason+plus(spread))
		}
	}
	if t := earlier(st.NotBefore, at.Add(mostRetryAfter)); t.After(at) {
		floor(t, asked(t.Sub(at), st.NotBeforeWhy))
	}
	floor(ask(st.Channel.Pace, at))
	if awake := skip(st.Channel.Pace, due); awake.After(due) {
		reason := "the feed asks not to be visited before " + clock(awake, at, plan.zone) + " (skipHours, skipDays)"
		latest := due.Add(mostPatience)
		due = earlier(awake.Add(share(src.ID, min(plan.gap(awake), widestSpread))), latest) // still within that hour
		reasons = append(reasons, reason+plus(due.Sub(awake)))
	}
	return due.UTC(), strings.Join(reasons, ", ")
}

// Pace says how soon after at a feed wants to be asked again, from what it says
// of itself (RSS 2.0 ttl, skipHours and skipDays; RSS 1.0 updatePeriod and
// updateFrequency), and what that wish is called. It is at most a day after at.
// The zero time means that it has no wish. Next applies it by itself to the pace
// in State.Channel; Pace is for showing.
func Pace(p feed.Pace, at time.Time) (notBefore time.Time, why string) {
	notBefore, why = ask(p, at)
	if notBefore.IsZero() {
		notBefore = at
	}
	if awake := earlier(skip(p, notBefore), at.Add(mostPatience)); awake.After(notBefore) {
		return awake, "skipHours, skipDays"
	}
	if !notBefore.After(at) {
		return time.Time{}, ""
	}
	return notBefore, why
}

// ask returns the later of ttl and update period.
func ask(p feed.Pace, at time.Time) (time.Time, string) {
	wish, name := p.TTL, "ttl"
	if p.Period > wish {
		wish, name = p.Period, "updatePeriod"
	}
	if wish <= 0 {
		return time.Time{}, ""
	}
	wish = min(wish, mostPatience)
	return at.Add(wish), asked(wish, name)
}

// plus says how much later than necessary it is, so that others have their turn.
func plus(spread time.Duration) string {
	if spread < time.Second {
		return ""
	}
	return " + " + short(spread) + " spread"
}

func asked(wait time.Duration, name string) string {
	text := "outlet asked for " + short(wait)
	if name != "" {
		text += " (" + name + ")"
	}
	return text
}

// skip moves t out of the hours and days (UTC) in which the feed does not want to
// be asked, by a day at most.
func skip(p feed.Pace, t time.Time) time.Time {
	awake := t
	for range 25 { // hours: after a day it is enough
		if !skipped(p, awake.UTC()) || !awake.Before(t.Add(mostPatience)) {
			break
		}
		awake = awake.UTC().Truncate(time.Hour).Add(time.Hour)
	}
	return earlier(awake, t.Add(mostPatience))
}

func skipped(p feed.Pace, t time.Time) bool {
	for _, hour := range p.SkipHours {
		if hour%24 == t.Hour() { // Netscape's RSS 0.91 counted from 1 to 24
			return true
		}
	}
	for _, day := range p.SkipDays {
		if day == t.Weekday() {
			return true
		}
	}
	return false
}

// backOff is how long to leave a source alone that failed so many times in a row:
// its usual gap, doubled with each failure, give or take a quarter by the source's
// own measure, so that those who failed together do not come back together.
func backOff(id string, failures int, gap time.Duration) time.Duration {
	wait := min(gap, firstBackOff)
	for range failures - 1 {
		if wait *= 2; wait >= longestBackOff {
			wait = longestBackOff
			break
		}
	}
	jitter := share(id+" "+strconv.Itoa(failures), wait/2) // 0 to a half
	return min(wait-wait/4+jitter, longestBackOff).Round(time.Second)
}

// gap is the usual time between slots around t.
func (s Schedule) gap(t time.Time) time.Duration {
	slot := s.Next(t)
	return s.Next(slot).Sub(slot)
}

// share returns the part of whole that belongs to name: always the same, evenly
// spread over names, less than whole.
func share(name string, whole time.Duration) time.Duration {
	part := float64(xxhash.Sum64String(name)>>11) / (1 << 53)
	unit := time.Second
	if whole < time.Minute {
		unit = time.Millisecond
	}
	return time.Duration(part * float64(whole)).Truncate(unit)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// clock writes a time of day, with the date if it is another day than at.
func clock(t, at time.Time, zone *time.Location) string {
	layout, day := "15:04", "2006-01-02 "
	if t.Second() != 0 {
		layout = "15:04:05"
	}
	if t.In(zone).Format(day) != at.In(zone).Format(day) {
		layout = day + layout
	}
	text := t.In(zone).Format(layout)
	if zone != time.UTC {
		text += " " + zone.String()
	}
	return text
}

// short writes a duration as people do: 20m, 1h30m, 45s.
func short(d time.Duration) string {
	if d >= time.Minute {
		d = d.Round(time.Second)
	} else {
		d = d.Round(time.Millisecond)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
