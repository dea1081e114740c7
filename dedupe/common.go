package dedupe

const (
	// commonHolders is how many items must hold a passage before it may be taken for
	// a sidebar or the like that no habit has told of yet.
	commonHolders = 3
	// ownRest is the share of a text that must be its own beside the common passages
	// before they are suspected; a report that many carry is common as a whole.
	ownRest = 0.20
	// sharedRest is how much of that rest two copies share at least.
	sharedRest = 0.10
	// commonLead and commonHead acquit: a sidebar takes no part in lead and headline.
	commonLead = 0.60
	commonHead = 0.30
)

// markCommon finds the pairs that share nothing but passages which stand in several
// items beside: outlets repeat sidebars, and the first items of a new source come
// before its habits are known.
func markCommon(s *subject, others []*reading, ls []likeness) {
	if len(others) < commonHolders {
		return
	}
	holders := make([]uint8, len(s.reading.body.hashes))
	for i := range ls {
		for at, hit := range ls[i].body.hit {
			if hit && holders[at] < commonHolders {
				holders[at]++
			}
		}
	}
	own := 0
	for at, n := range holders {
		if n < commonHolders && s.body.first(at) {
			own++
		}
	}
	for i, o := range others {
		l := &ls[i]
		if l.variant != nil || l.quoted >= quotedHead || l.head.shorter() >= commonHead || l.body.lead() >= commonLead || l.body.shorter() == 0 {
			continue
		}
		shared, sharedOwn := 0, 0
		for at, hit := range l.body.hit {
			if hit {
				shared++
				if holders[at] < commonHolders {
					sharedOwn++
				}
			}
		}
		if shared == sharedOwn {
			continue
		}
		rest := len(o.body.hashes) - (l.body.bInA - sharedOwn)
		l.common = share(own, l.body.a) >= ownRest && share(rest, l.body.b) >= ownRest &&
			share(sharedOwn, min(own, rest)) < sharedRest
	}
}

// first reports whether a window is the first of its kind in the indexed text.
func (ix *index) first(at int) bool { return ix.find(ix.of.hashes[at]) == at }
