package storage

import (
	"cmp"
	"slices"

	"sangam/feed"
)

// maxRejudged is how many younger items that are like a revised one are judged anew
// with it, beside those that had joined by it.
const maxRejudged = 8

// redecide judges a revised item anew, and the younger ones that had joined by it or
// are like it: the joins were made for what it said before.
func (m *merger) redecide(it *stored, before holder) error {
	return m.rejudge(m.hanging(it, before), it.Key)
}

// rejudge judges stored items anew, oldest first, each among what came before it, as if
// all had always said what they say now. Joins with the revised one, if there is one,
// are void. Whoever is joined by nothing any more leaves his story; whoever is like
// another now joins it. The group of the oldest item keeps a story, and with it the
// entry's id; the others get one of their own.
//
// Joins with items that have been deleted since stand: nobody can judge them.
func (m *merger) rejudge(list []*stored, revised string) error {
	src, read := m.src, m.lastRead
	defer func() { m.src, m.lastRead = src, read }()

	var found []feed.Ruling
	var stories []*story
	loose := map[string]bool{}
	for _, x := range list {
		loose[x.Key] = true
		if st := m.story(x.StoryNo); st != nil {
			found = append(found, m.judged(x, st)...)
			if !slices.Contains(stories, st) {
				stories = append(stories, st)
			}
		}
	}
	var outside []feed.Ruling
	for _, st := range stories {
		free := m.loosen(st, revised, loose)
		outside = append(outside, m.bind(st, found)...)
		if len(m.groups(st, free)) > 1 {
			m.bind(st, m.recalled(st, loose))
		}
		if err := m.regroup(st, free); err != nil {
			return err
		}
	}
	if err := m.reach(outside); err != nil {
		return err
	}
	for _, x := range list {
		if st := m.story(m.item(x.No).StoryNo); st != nil {
			m.trim(st)
		}
	}
	return nil
}

// hanging are a revised item and the younger ones whose place may hang on it, oldest
// first.
func (m *merger) hanging(it *stored, before holder) []*stored {
	out := []*stored{it}
	if st := m.story(it.StoryNo); st != nil {
		for _, no := range st.Members {
			if y := m.item(no); y != nil && y.No > it.No && slices.ContainsFunc(st.Joins, func(j feed.Ruling) bool {
				return j.Item == y.Key && j.With == it.Key
			}) {
				out = append(out, y)
			}
		}
	}
	left := maxRejudged
	now := holderOf(it.No, &it.Item)
	for _, no := range slices.Concat(m.db.win.near(now, m.span, m.horizon()), m.db.win.near(before, m.span, m.horizon())) {
		if left == 0 {
			break
		}
		if y := m.item(no); y != nil && y.No > it.No && !slices.Contains(out, y) {
			out, left = append(out, y), left-1
		}
	}
	slices.SortFunc(out, func(a, b *stored) int { return cmp.Compare(a.No, b.No) })
	return out
}

// judged asks the rules about a stored item: among what came before it, in the window
// or in its story as what it is joined with.
func (m *merger) judged(it *stored, st *story) []feed.Ruling {
	var with []uint64
	for _, no := range st.Members {
		other := m.item(no)
		if other != nil && slices.ContainsFunc(st.Joins, func(j feed.Ruling) bool {
			return j.Item == it.Key && j.With == other.Key || j.With == it.Key && j.Item == other.Key
		}) {
			with = append(with, no)
		}
	}
	known := holderOf(it.No, &it.Item)
	if it.Marks == nil {
		known = m.db.readMarks(m.tx, it)
	}
	v, _ := m.decideAmong(&it.Item, known, it.No, with...)
	for i := range v.Joins {
		v.Joins[i].Item = it.Key
	}
	return v.Joins
}

// maxRecalled is how many members of a story are asked for joins that were not kept.
const maxRecalled = 64

// recalled are the joins of the other members of a story that seems to fall apart. Of each
// item few joins are kept; one that was not may be what holds the story now.
func (m *merger) recalled(st *story, loose map[string]bool) (joins []feed.Ruling) {
	for i, no := range st.Members {
		if x := m.item(no); x != nil && !loose[x.Key] && i < maxRecalled {
			joins = append(joins, m.judged(x, st)...)
		}
	}
	return joins
}

// loosen takes out of a story the joins of loose items, and those that name the revised
// one. It returns which members are held by nothing but the joins that are left: those
// on either side of a join taken out, but for who had joined by an item that is gone.
func (m *merger) loosen(st *story, revised string, loose map[string]bool) (free map[string]bool) {
	members := m.keysOf(st)
	free, gone := map[string]bool{}, map[string]bool{}
	for _, key := range members {
		free[key] = loose[key]
	}
	st.Joins = slices.DeleteFunc(st.Joins, func(j feed.Ruling) bool {
		if !slices.Contains(members, j.With) {
			gone[j.Item] = true
			return false
		}
		if !loose[j.Item] && j.With != revised {
			return false
		}
		free[j.Item], free[j.With] = true, true
		return true
	})
	for key := range gone {
		free[key] = false
	}
	return free
}

// bind adds to a story the joins of its members with each other, and returns those that
// lead to other stories.
func (m *merger) bind(st *story, joins []feed.Ruling) (outside []feed.Ruling) {
	members := m.keysOf(st)
	for _, j := range joins {
		switch {
		case !slices.Contains(members, j.Item):
		case !slices.Contains(members, j.With):
			outside = append(outside, j)
		case !slices.ContainsFunc(st.Joins, func(o feed.Ruling) bool { return samePair(o, j) }):
			st.Joins = append(st.Joins, j)
		}
	}
	return outside
}

func samePair(a, b feed.Ruling) bool {
	return a.Item == b.Item && a.With == b.With || a.Item == b.With && a.With == b.Item
}

// trim keeps of a story's joins those that hold it together, the operator's, and a few
// more of each item.
func (m *merger) trim(st *story) {
	group := map[string]int{}
	for i, key := range m.keysOf(st) {
		group[key] = i
	}
	count := map[string]int{}
	st.Joins = slices.DeleteFunc(st.Joins, func(j feed.Ruling) bool {
		a, ok1 := group[j.Item]
		b, ok2 := group[j.With]
		count[j.Item]++
		if ok1 && ok2 && a != b {
			merge(group, a, b)
			return false
		}
		return j.Rule != ruleAlways && count[j.Item] > maxJoins
	})
}

// reach makes the stories one that the joins lead to, where nothing forbids it.
func (m *merger) reach(joins []feed.Ruling) error {
	for _, j := range joins {
		x, err := m.named(j.Item)
		if err != nil {
			return err
		}
		y, err := m.named(j.With)
		if err != nil {
			return err
		}
		into, from := m.story(x.StoryNo), m.story(y.StoryNo)
		if into == nil || from == nil || into == from {
			continue
		}
		if len(into.Members)+len(from.Members) > maxMembers || m.forbidden(m.keysOf(from), into) {
			continue
		}
		if into, err = m.union(into, from); err != nil {
			return err
		}
		into.Joins = append(into.Joins, j)
	}
	return nil
}
