package schedule

import (
	"container/heap"
	"slices"
	"time"

	"sangam/feed"
)

// agenda holds who is to be visited, in what order. It is the part of the
// Scheduler that has no goroutines; the Scheduler's lock guards it.
//
// A source moves in a circle: unknown → in the heap until it is due → in the line
// of its domain → visited → in the heap. Domains that may have a visit to start
// stand in a queue of their own, so each gets its turn however long its line is.
type agenda struct {
	fresh   []*entry // of whom nothing is known yet
	heap    turns
	domains map[string]*domain // only those with somebody in line, a visit, or a pause to keep
	ready   []*domain
	running int             // visits that hold a place
	lent    int             // visits that wait and have lent theirs
	back    []chan struct{} // those who want it back, in order
	changed chan struct{}   // holds one: look again
	asked   chan struct{}   // taken between two looks: somebody looks
}

// entry is a source and where it stands.
type entry struct {
	src     *feed.Source
	domain  string // of address
	address string
	due     time.Time
	place   int  // in the heap; -1 = not there
	lined   bool // stands in its domain's line
	visited bool // a visit is under way
	again   bool // configured anew while a visit was under way
	dropped bool // no longer configured
	blank   bool // in the heap only to be recalled when its time comes
	wanted  []chan error
}

// domain is a registrable domain that is being visited, or is to be left alone
// for a moment.
type domain struct {
	name    string
	running int
	rested  time.Time // a visit may start from then on
	line    []*entry
	listed  bool // in ready
	waking  bool // in the heap
}

// turn is an appointment in the heap: an entry that falls due or a domain that has rested.
type turn struct {
	at     time.Time
	entry  *entry
	domain *domain
}

func (a *agenda) begin() {
	if a.changed == nil {
		a.changed = make(chan struct{}, 1)
		a.asked = make(chan struct{})
		a.domains = make(map[string]*domain)
	}
}

func (a *agenda) nudge() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// unknown has an entry recalled.
func (a *agenda) unknown(e *entry) { a.fresh = append(a.fresh, e) }

// unknownUntil has an entry recalled at the time t.
func (a *agenda) unknownUntil(e *entry, t time.Time) {
	a.enter(e, t)
	e.blank = true
}

// takeUnknown returns up to n entries that are to be recalled.
func (a *agenda) takeUnknown(n int) []*entry {
	n = min(n, len(a.fresh))
	taken := a.fresh[:n]
	if a.fresh = a.fresh[n:]; len(a.fresh) > 0 {
		a.nudge()
	} else {
		a.fresh = nil
	}
	return taken
}

// renew has an entry recalled that was configured anew: now, or after its visit.
func (a *agenda) renew(e *entry) {
	if e.visited {
		e.again = true
		return
	}
	a.leave(e)
	a.unknown(e)
}

// drop forgets an entry that is no longer configured.
func (a *agenda) drop(e *entry) {
	e.dropped = true
	a.leave(e)
	if !e.visited {
		e.tell(ErrUnknown)
	}
}

// hurry puts an entry that is wanted at the head of its domain's line.
func (a *agenda) hurry(e *entry, now time.Time) {
	if e.visited || e.domain == "" { // its turn comes when the visit ends, or once it is recalled
		return
	}
	a.leave(e)
	a.enter(e, now)
	a.nudge()
}

// enter puts an entry into the heap.
func (a *agenda) enter(e *entry, due time.Time) {
	e.due, e.blank = due, false
	heap.Push(&a.heap, turn{at: due, entry: e})
}

// leave takes an entry out of heap and line.
func (a *agenda) leave(e *entry) {
	if e.place >= 0 {
		heap.Remove(&a.heap, e.place)
	}
	if e.lined {
		d := a.domains[e.domain]
		d.line = slices.DeleteFunc(d.line, func(other *entry) bool { return other == e })
		e.lined = false
	}
}

// wake handles every appointment that has come.
func (a *agenda) wake(now time.Time) {
	for len(a.heap) > 0 && !a.heap[0].at.After(now) {
		t := heap.Pop(&a.heap).(turn)
		switch {
		case t.domain != nil:
			t.domain.waking = false
			a.list(t.domain)
		case t.entry.blank:
			t.entry.blank = false
			a.unknown(t.entry)
			a.nudge()
		default:
			a.line(t.entry)
		}
	}
}

// line puts an entry that is due into its domain's line: at the end, or, if
// somebody waits for it, at the head.
func (a *agenda) line(e *entry) {
	d := a.domains[e.domain]
	if d == nil {
		d = &domain{name: e.domain}
		a.domains[e.domain] = d
	}
	e.lined = true
	if len(e.wanted) > 0 {
		d.line = slices.Insert(d.line, 0, e)
	} else {
		d.line = append(d.line, e)
	}
	a.list(d)
}

func (a *agenda) list(d *domain) {
	if !d.listed {
		d.listed = true
		a.ready = append(a.ready, d)
	}
}

// next takes the entry whose visit may begin at now out of its line, and nil if
// there is none.
func (a *agenda) next(now time.Time) (*domain, *entry) {
	for len(a.ready) > 0 {
		d := a.ready[0]
		a.ready[0] = nil
		a.ready = a.ready[1:]
		d.listed = false
		switch {
		case now.Before(d.rested):
			if !d.waking {
				d.waking = true
				heap.Push(&a.heap, turn{at: d.rested, domain: d})
			}
		case len(d.line) == 0:
			if d.running == 0 && !d.waking {
				delete(a.domains, d.name)
			}
		case d.running >= max(1, d.line[0].src.PerHost.Concurrency): // its end will list the domain
		default:
			e := d.line[0]
			d.line[0] = nil
			d.line = d.line[1:]
			e.lined = false
			d.running++
			d.rested = now.Add(e.src.PerHost.Interval)
			a.running++
			a.list(d) // for the next in line
			return d, e
		}
	}
	return nil, nil
}

// finished takes note that a visit to d has ended.
func (a *agenda) finished(d *domain) {
	d.running--
	a.running--
	a.list(d)
}

// until returns how long the next appointment is away: never negative.
func (a *agenda) until(now time.Time) time.Duration {
	if len(a.heap) == 0 {
		return longestNap
	}
	return max(0, a.heap[0].at.Sub(now))
}

// begin marks an entry as being visited and returns those who wait for this visit.
func (e *entry) begin() []chan error {
	e.visited = true
	waiting := e.wanted
	e.wanted = nil
	return waiting
}

// tell answers everybody who waits for a visit that will not come.
func (e *entry) tell(err error) {
	for _, done := range e.wanted {
		done <- err
	}
	e.wanted = nil
}

// turns is a heap by time; entries know their place in it.
type turns []turn

func (t turns) Len() int           { return len(t) }
func (t turns) Less(i, j int) bool { return t[i].at.Before(t[j].at) }
func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t.mark(i)
	t.mark(j)
}

func (t turns) mark(i int) {
	if e := t[i].entry; e != nil {
		e.place = i
	}
}

func (t *turns) Push(x any) {
	*t = append(*t, x.(turn))
	t.mark(len(*t) - 1)
}

func (t *turns) Pop() any {
	last := len(*t) - 1
	popped := (*t)[last]
	(*t)[last] = turn{}
	*t = (*t)[:last]
	if popped.entry != nil {
		popped.entry.place = -1
	}
	return popped
}
