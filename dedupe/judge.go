package dedupe

import (
	"cmp"
	"slices"
	"time"

	"sangam/feed"
)

// A subject is the item that is being decided, read once and indexed for comparing
// it with many others.
type subject struct {
	*reading
	body, head *index
	// recurring holds the headlines, by hash, that one outlet used for several items.
	recurring map[uint64]bool
}

func (r Rules) subject(it *feed.Item, habitual []uint32, d *desk) *subject {
	s := &subject{reading: read(it, habitual, d)}
	s.body, s.head = s.indexed(), newIndex(s.reading.head, d)
	return s
}

// reissueWithin is how close in time an outlet publishes the same report again under
// another address.
const reissueWithin = 48 * time.Hour

// recurring finds the headlines that one outlet gave to several of the items that
// are not the same report again: "Business highlights", "The day in pictures".
func recurring(it *reading, others []*reading) map[uint64]bool {
	type use struct {
		source string
		hash   uint64
	}
	used := map[use]*reading{}
	var out map[uint64]bool
	note := func(r *reading) {
		for _, v := range r.variants {
			u := use{r.item.Source, v.hash}
			first, again := used[u]
			if !again {
				used[u] = r
				continue
			}
			if out[v.hash] || reissued(first, r) {
				continue
			}
			if out == nil {
				out = map[uint64]bool{}
			}
			out[v.hash] = true
		}
	}
	all := append([]*reading{it}, others...)
	slices.SortStableFunc(all, func(a, b *reading) int {
		return cmp.Or(a.item.Time().Compare(b.item.Time()), cmp.Compare(a.item.Key, b.item.Key))
	})
	for _, r := range all {
		note(r)
	}
	return out
}

// reissued reports whether two items of one outlet under one headline are one
// report: close in time, and with the same text if both have one.
func reissued(a, b *reading) bool {
	if a.item.Time().Sub(b.item.Time()).Abs() > reissueWithin {
		return false
	}
	if agree, differ := compareNumbers(a.numbers, b.numbers); refilled(agree, differ) {
		return false
	}
	return min(a.body.width, b.body.width) < minText || a.indexed().overlap(b.body).shorter() >= reissueText
}

// A likeness is everything measured about two readings.
type likeness struct {
	sameLink   bool
	sameSource bool
	sameID     bool // the outlet's other, stable id
	sameNumber bool // a number in the link that may be one
	live       bool
	apart      time.Duration // in publication
	variant    *variant      // the headline variant that both have; nil = none
	kickers    bool          // which is the rest of both headlines, after different kickers
	recurring  bool          // that headline came before from one of the two outlets
	head       overlap
	body       overlap
	quoted     float64 // share of one headline that the other's text holds, of the one it holds more of
	common     bool    // what both share, many share: a sidebar, not a report
	short      int     // width of the narrower text
	long       int
	agree      int // numbers in equal context that are equal
	differ     int // and that are not
}

func (s *subject) likeness(o *reading) likeness {
	l := likeness{
		sameLink:   shareLink(s.addresses, o.addresses),
		sameSource: s.item.Source == o.item.Source,
		sameID:     s.stable != "" && s.stable == o.stable,
		sameNumber: s.number != "" && s.number == o.number,
		live:       s.live || o.live,
		apart:      s.item.Time().Sub(o.item.Time()).Abs(),
		head:       s.head.overlap(o.head),
		body:       s.body.overlap(o.body),
		short:      min(s.reading.body.width, o.body.width),
		long:       max(s.reading.body.width, o.body.width),
	}
	for i, v := range s.variants {
		j := slices.IndexFunc(o.variants, func(w variant) bool { return v.hash == w.hash })
		if j >= 0 {
			l.variant = &s.variants[i]
			l.kickers = v.how != "" && o.variants[j].how != ""
			l.recurring = s.recurring[v.hash]
			break
		}
	}
	if text := l.body.shorter(); l.variant == nil && text >= pairedText && text < sureText {
		l.quoted = max(s.body.holds(o.head), o.indexed().holds(s.reading.head))
	}
	l.agree, l.differ = compareNumbers(s.numbers, o.numbers)
	return l
}

// judge takes the first rule that applies to two items.
func (r Rules) judge(s *subject, o *reading, l likeness) feed.Ruling {
	ruling := r.rule(s.reading, o, l)
	ruling.With, ruling.Item = o.item.Key, s.item.Key
	ruling.Scores = l.scores()
	return ruling
}

func (l likeness) scores() map[string]float64 {
	return map[string]float64{
		"headline":    round(l.head.shorter()),
		"text":        round(l.body.shorter()),
		"lead":        round(l.body.lead()),
		"hours":       round(l.apart.Hours()),
		"same-number": float64(l.agree),
		"other":       float64(l.differ),
		"quoted":      round(l.quoted),
	}
}

func round(f float64) float64 { return float64(int(f*1000+0.5)) / 1000 }

// strongestFirst orders joins: by rule, then by how much text is shared, then by key.
func strongestFirst(joins []feed.Ruling) {
	slices.SortStableFunc(joins, func(a, b feed.Ruling) int {
		return cmp.Or(
			cmp.Compare(b.Scores["text"], a.Scores["text"]),
			cmp.Compare(b.Scores["headline"], a.Scores["headline"]),
			cmp.Compare(a.With, b.With),
		)
	})
}
