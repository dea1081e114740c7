package dedupe

import (
	"cmp"
	"fmt"
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

func (r Rules) subject(it *feed.Item) *subject {
	s := &subject{reading: read(it, it.Habitual)}
	s.body, s.head = newIndex(s.reading.body), newIndex(s.reading.head)
	return s
}

// recurring finds the headlines that one outlet gave to several of the items.
func recurring(it *reading, others []*reading) map[uint64]bool {
	type use struct {
		source string
		hash   uint64
	}
	used := map[use]string{}
	out := map[uint64]bool{}
	note := func(r *reading) {
		for _, v := range r.variants {
			u := use{r.item.Source, v.hash}
			if key, again := used[u]; again && key != r.item.Key {
				out[v.hash] = true
			}
			used[u] = r.item.Key
		}
	}
	note(it)
	for _, o := range others {
		note(o)
	}
	return out
}

// A likeness is everything measured about two readings.
type likeness struct {
	sameLink   bool
	sameSource bool
	apart      time.Duration // in publication
	variant    *variant      // the headline variant that both have; nil = none
	recurring  bool          // that headline came before from one of the two outlets
	head       overlap
	body       overlap
	short      int // width of the narrower text
	long       int
	agree      int // numbers in equal context that are equal
	differ     int // and that are not
}

func (s *subject) likeness(o *reading) likeness {
	l := likeness{
		sameLink:   shareLink(s.item, o.item),
		sameSource: s.item.Source == o.item.Source,
		apart:      s.item.Time().Sub(o.item.Time()).Abs(),
		head:       s.head.overlap(o.head),
		body:       s.body.overlap(o.body),
		short:      min(s.bodyWidth, o.bodyWidth),
		long:       max(s.bodyWidth, o.bodyWidth),
	}
	for i, v := range s.variants {
		if slices.ContainsFunc(o.variants, func(w variant) bool { return v.hash == w.hash }) {
			l.variant = &s.variants[i]
			l.recurring = s.recurring[v.hash]
			break
		}
	}
	l.agree, l.differ = compareNumbers(s.numbers, o.numbers)
	return l
}

// judge takes the first rule that applies to two items.
func (r Rules) judge(s *subject, o *reading) feed.Ruling {
	l := s.likeness(o)
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
	}
}

func round(f float64) float64 { return float64(int(f*1000+0.5)) / 1000 }

func (r Rules) rule(a, b *reading, l likeness) feed.Ruling {
	join := func(rule, because string) feed.Ruling {
		return feed.Ruling{Relation: feed.Copy, Rule: rule, Because: because}
	}
	part := func(rule, because string) feed.Ruling {
		return feed.Ruling{Relation: feed.Apart, Rule: rule, Because: because}
	}
	if l.sameLink {
		return join("canonical-link", "both point to the same page")
	}
	if l.apart > r.Near {
		return part("window", fmt.Sprintf("published %.0f hours apart", l.apart.Hours()))
	}
	if a.live || b.live {
		return part("live", "one of them is a live page, rewritten all day")
	}
	if l.variant != nil && !l.recurring && !l.sameSource {
		return join("headline", "same headline")
	}
	return part("unlike", "neither headline nor text agree enough")
}

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
