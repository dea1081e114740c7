package dedupe

import (
	"cmp"

	"sangam/feed"
)

// Lead returns the index of the member that speaks for a story: the item of the
// outlet that the others credit, else that of the outlet with the highest priority,
// else the fullest text that credits nobody else, else the earliest, else the one
// with the smallest key.
func (r Rules) Lead(members []*feed.Item, outlets map[string]feed.Outlet) int {
	origin, known := Origin(members, outlets)
	best := 0
	for i := 1; i < len(members); i++ {
		if compareLead(members[i], members[best], outlets, origin, known) < 0 {
			best = i
		}
	}
	return best
}

func compareLead(a, b *feed.Item, outlets map[string]feed.Outlet, origin feed.Outlet, known bool) int {
	own := func(it *feed.Item) int {
		if known && origin.ID != "" && it.Source == origin.ID {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(own(a), own(b)),
		cmp.Compare(outlets[b.Source].Priority, outlets[a.Source].Priority),
		cmp.Compare(len(b.Content), len(a.Content)),
		a.Time().Compare(b.Time()),
		cmp.Compare(a.Key, b.Key),
	)
}
