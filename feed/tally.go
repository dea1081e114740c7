package feed

import (
	"slices"
	"time"
)

// Tally is what a source did in the last two weeks, day by day: how much it usually
// publishes, and how long it usually says nothing. It is bounded.
type Tally struct {
	Since time.Time `cbor:"1,keyasint,omitzero" json:"since,omitzero"` // first visit that was counted
	News  time.Time `cbor:"2,keyasint,omitzero" json:"news,omitzero"`  // last visit that brought a new item
	// Silent is when the source was found to be silent for longer than it usually is;
	// zero = it is not. The silence itself began at News.
	Silent time.Time `cbor:"3,keyasint,omitzero" json:"silent,omitzero"`
	Days   []Day     `cbor:"4,keyasint,omitempty" json:"days,omitempty"` // the oldest first; days without a visit are left out
}

// Date is a day, UTC, counted from 1970-01-01.
type Date int32

// DateOf is the day of a time.
func DateOf(t time.Time) Date { return Date(t.Unix() / (24 * 60 * 60)) }

// Time is when the day begins.
func (d Date) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

// MarshalText writes the day as in "2026-11-23".
func (d Date) MarshalText() ([]byte, error) {
	return d.Time().AppendFormat(nil, time.DateOnly), nil
}

// UnmarshalText reads what MarshalText wrote.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	*d = DateOf(t)
	return err
}

// Day is what visits of one day found.
type Day struct {
	_         struct{} `cbor:",toarray"`
	Date      Date     `json:"date"`
	New       int      `json:"new"`       // new items; the backlog that the first visit brings is not counted
	Copies    int      `json:"copies"`    // those of them that others had already
	Visits    int      `json:"visits"`    //
	Unchanged int      `json:"unchanged"` // visits answered by 304, or by the same bytes
	Failed    int      `json:"failed"`    // visits
	Bytes     int64    `json:"bytes"`     // of documents read, decoded
	Took      Millis   `json:"took_ms"`   // all visits together
	Gap       int      `json:"gap_min"`   // longest time without a new item that ended on this day, in minutes
}

const (
	// tallyDays is how many days are remembered beside today. Two weeks hold two of
	// everything that recurs every week.
	tallyDays = 14
	// unseen is how much later than due a visit may begin before we say that we were
	// away, so that what passed meanwhile is no silence of the source.
	unseen = time.Hour
)

// Count makes the state that a visit brought the one that its merge leaves: what merging
// it at that time has found is counted on top of the state before. It also notes the
// turns that the source has taken.
func (st *State) Count(at time.Time, before *State, r Report) {
	if r.Fresh+r.Copies+r.Revised > 0 {
		st.Changed = at
	}
	st.Tally = before.Tally.counted(at, before, st, r)
	st.Events = slices.Concat(before.Events, Turns(before, st, 0))
	if n := len(st.Events); n > mostEvents {
		st.Events = slices.Clone(st.Events[n-mostEvents:])
	}
}

func (t Tally) counted(at time.Time, before, st *State, r Report) Tally {
	if before.ConfiguredURL != "" && before.ConfiguredURL != st.ConfiguredURL {
		t = Tally{} // another address: another rhythm
	}
	today := t.today(at)
	day := &today.Days[len(today.Days)-1]
	day.Visits++
	day.Took += st.Took
	switch {
	case st.Trouble != NoTrouble:
		day.Failed++
		return today
	case st.NotModified > before.NotModified:
		day.Unchanged++
	default:
		day.Bytes += st.Bytes
	}
	if today.Since.IsZero() {
		today.Since, today.News = at, at
		return today
	}
	if r.Fresh+r.Copies > 0 {
		day.New += r.Fresh + r.Copies
		day.Copies += r.Copies
		if before.Failures == 0 {
			day.Gap = max(day.Gap, int(t.quietUntil(at, before.Due)/time.Minute))
		}
		today.News, today.Silent = at, time.Time{}
	}
	if limit, known := today.Patience(at); known && today.Silent.IsZero() && at.Sub(today.News) > limit {
		today.Silent = at
	}
	return today
}

// quietUntil is how long the source had been silent at a visit that was due then.
func (t Tally) quietUntil(at, due time.Time) time.Duration {
	if !due.IsZero() && at.Sub(due) > unseen && due.After(t.News) {
		at = due
	}
	return at.Sub(t.News)
}

// today is the tally with a last day that is the one of at, and without the days that
// are too old. Nothing is shared with t.
func (t Tally) today(at time.Time) Tally {
	date := DateOf(at)
	t.Days = slices.DeleteFunc(slices.Clone(t.Days), func(d Day) bool { return d.Date < date-tallyDays })
	if n := len(t.Days); n == 0 || t.Days[n-1].Date < date {
		t.Days = append(t.Days, Day{Date: date})
	}
	return t
}

// What silence is told from. The usual pause is the longest of the last two weeks, or,
// once those are known, the longest but one: a pause that comes every night or every
// weekend was there at least twice, an accident once.
const (
	shortAcquaintance = 3 * 24 * time.Hour // known for less, nothing is usual
	weekAcquaintance  = 8 * 24 * time.Hour // known for less, it has not shown its weekend
	wholeAcquaintance = tallyDays * 24 * time.Hour
	usualPauses       = 2 // so many times the usual pause is silence
	newcomersPauses   = 6 // of a source whose weekend is not known: a night of 12 hours gives three days
	shortestSilence   = 3 * time.Hour
)

// Patience is how long the source may say nothing before that is unusual, judged by
// its own pauses. known is false as long as it is not known what is usual: in the
// first days, and for sources that publish less than twice in two weeks.
func (t Tally) Patience(at time.Time) (limit time.Duration, known bool) {
	acquainted := at.Sub(t.Since)
	if t.Since.IsZero() || acquainted < shortAcquaintance {
		return 0, false
	}
	longest, second := 0, 0
	for _, d := range t.Days {
		if d.Gap > longest {
			longest, second = d.Gap, longest
		} else if d.Gap > second {
			second = d.Gap
		}
	}
	if second == 0 {
		return 0, false
	}
	pause, times := longest, usualPauses
	switch {
	case acquainted < weekAcquaintance:
		times = newcomersPauses
	case acquainted >= wholeAcquaintance:
		pause = second
	}
	return max(shortestSilence, time.Duration(times*pause)*time.Minute), true
}

// Sums adds up the days.
func (t Tally) Sums() Day {
	var sum Day
	for _, d := range t.Days {
		sum.New += d.New
		sum.Copies += d.Copies
		sum.Visits += d.Visits
		sum.Unchanged += d.Unchanged
		sum.Failed += d.Failed
		sum.Bytes += d.Bytes
		sum.Took += d.Took
	}
	return sum
}

// PerDay is how many new items the source usually brings in a day, seen at that time;
// known is false before it has been watched for a whole day.
func (t Tally) PerDay(at time.Time) (items float64, known bool) {
	if t.Since.IsZero() {
		return 0, false
	}
	from, oldest := t.Since, DateOf(at)-tallyDays
	if first := oldest.Time(); first.After(from) {
		from = first
	}
	watched := at.Sub(from)
	if watched < 24*time.Hour {
		return 0, false
	}
	n := 0
	for _, d := range t.Days {
		if d.Date >= oldest {
			n += d.New
		}
	}
	return float64(n) / (watched.Hours() / 24), true
}
