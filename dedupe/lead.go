package dedupe

import (
	"cmp"
	"math/bits"

	"sangam/feed"
)

// Lead returns the index of the member that speaks for a story: the item of the
// outlet that the others credit, else that of the outlet with the highest priority,
// else the fullest text that credits nobody else, else the earliest, else the one
// with the smallest key. Texts count as equally full when neither is twice as long:
// a republisher's boilerplate makes no better text.
func (r Rules) Lead(members []*feed.Item, outlets map[string]feed.Outlet) int {
	origin, known := Origin(members, outlets)
	named := namesOf(outlets)
	rank := func(it *feed.Item) (own, credits, fullness int) {
		if known && origin.ID != "" && it.Source == origin.ID {
			own = 1
		}
		if _, other := named.creditedBy(it); other {
			credits = 1
		}
		return own, credits, bits.Len(uint(max(len(it.Content), len(it.Summary)) / fullnessUnit))
	}
	best := 0
	for i := 1; i < len(members); i++ {
		a, b := members[i], members[best]
		ownA, creditsA, fullA := rank(a)
		ownB, creditsB, fullB := rank(b)
		if cmp.Or(
			cmp.Compare(ownB, ownA),
			cmp.Compare(outlets[b.Source].Priority, outlets[a.Source].Priority),
			cmp.Compare(creditsA, creditsB),
			cmp.Compare(fullB, fullA),
			a.Time().Compare(b.Time()),
			cmp.Compare(a.Key, b.Key),
		) < 0 {
			best = i
		}
	}
	return best
}

// fullnessUnit is the length in bytes below which all texts are short.
const fullnessUnit = 200
