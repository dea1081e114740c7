// Package dedupe recognises stories: it gives items marks by which they can be
// found again, decides which items are one report, names the item that speaks for
// them, and explains each decision.
//
// The road of an item: Mark, on the machine that fetched it, learns what its outlet
// repeats and adds marks. Storage finds the items within the window that share
// marks and asks Rules.Decide. Decide reads both items again, as texts without
// boilerplate, and takes the first rule that applies.
//
// Everything here is pure: no clock, no store, no randomness, no order of maps. It
// deliberately does not know where items are kept, nor how a story is shown.
package dedupe

import (
	"slices"
	"time"

	"sangam/feed"
)

// Rules decides which items are one story. It is a feed.Decider. The zero Near
// means that copies must be published at the same instant.
type Rules struct {
	Near           time.Duration // how far apart in time copies may be published
	NearDuplicates bool          // compare texts; without it only links and headlines count
}

// Window is how far apart in time copies may be published.
func (r Rules) Window() time.Duration { return r.Near }

// maxParts bounds the near misses that a verdict explains.
const maxParts = 5

// Decide says what it is, given the stored items within the window that share marks
// with it, those that share most first.
func (r Rules) Decide(it *feed.Item, near []*feed.Item) feed.Verdict {
	var v feed.Verdict
	if len(near) == 0 {
		return v
	}
	d := sit()
	defer d.leave()
	habitual := habitualOf(it, near)
	subject := r.subject(it, habitual, d)
	readings := make([]*reading, 0, len(near))
	for _, other := range near {
		if other.Key != it.Key {
			readings = append(readings, read(other, habitual, d))
		}
	}
	subject.recurring = recurring(subject.reading, readings)
	likenesses := make([]likeness, len(readings))
	for i, other := range readings {
		likenesses[i] = subject.likeness(other)
	}
	markCommon(subject, readings, likenesses)
	for i, other := range readings {
		ruling := r.judge(subject, other, likenesses[i])
		switch ruling.Relation {
		case feed.Same:
			if v.Revises == "" {
				v.Revises = ruling.With
			}
			v.Joins = append(v.Joins, ruling)
		case feed.Copy:
			v.Joins = append(v.Joins, ruling)
		default:
			if len(v.Parts) < maxParts {
				v.Parts = append(v.Parts, ruling)
			}
		}
	}
	strongestFirst(v.Joins)
	return v
}

// habitualOf is what any of the items is known to repeat: what one outlet was found
// to show in item after item does not count at another either, nor in an item that
// came before it was known.
func habitualOf(it *feed.Item, near []*feed.Item) []uint32 {
	all := slices.Clone(it.Habitual)
	for _, other := range near {
		all = append(all, other.Habitual...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
