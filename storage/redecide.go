package storage

import (
	"cmp"
	"slices"

	"sangam/feed"
)

// redecide judges a revised item anew: the joins of its story that name it were made
// for what it said before. It leaves the story if nothing joins it any more, as does
// whoever leant on it alone, and it joins what it is like now. The group of the oldest
// item keeps the story, and with it the entry's id; the others get a story of their own.
//
// Joins with items that have been deleted since stand: nobody can judge them.
func (m *merger) redecide(it *stored) error {
	st := m.story(it.StoryNo)
	if st == nil {
		return nil
	}
	src, read := m.src, m.lastRead
	defer func() { m.src, m.lastRead = src, read }()

	loose := m.leaning(st, it)
	var found []feed.Ruling
	loosened := map[string]bool{}
	for _, x := range loose {
		joins, near := m.judged(x, st)
		for _, j := range joins {
			found = append(found, older(j, x, near[j.With]))
		}
		loosened[x.Key] = true
	}
	gone := m.loosen(st, it.Key, loosened)
	for key := range gone {
		delete(loosened, key)
	}
	outside := m.bind(st, found)
	if err := m.regroup(st, loosened); err != nil {
		return err
	}
	return m.reach(outside)
}

// leaning are the item and the members of its story that joined by it, oldest first.
func (m *merger) leaning(st *story, it *stored) []*stored {
	out := []*stored{it}
	for _, no := range st.Members {
		other := m.item(no)
		if other != nil && other.No != it.No && slices.ContainsFunc(st.Joins, func(j feed.Ruling) bool {
			return j.Item == other.Key && j.With == it.Key && j.Rule != ruleAlways
		}) {
			out = append(out, other)
		}
	}
	slices.SortFunc(out, func(a, b *stored) int { return cmp.Compare(a.No, b.No) })
	return out
}

// judged asks the rules about a stored item: among what is in the window and whoever
// it is joined with. The answer comes with those items, by key.
func (m *merger) judged(it *stored, st *story) ([]feed.Ruling, map[string]*stored) {
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
	v, near := m.decide(&it.Item, known, with...)
	return v.Joins, near
}

// older lets the younger item of a ruling be the one that joined.
func older(j feed.Ruling, it, other *stored) feed.Ruling {
	j.Item, j.With = it.Key, other.Key
	if other.No > it.No {
		j.Item, j.With = j.With, j.Item
	}
	return j
}

// loosen takes out of a story the joins that name the revised item and those by which
// whoever leant on it had joined. It returns who of them is joined with items that are
// gone: these joins stay.
func (m *merger) loosen(st *story, revised string, loose map[string]bool) (held map[string]bool) {
	members := m.keysOf(st)
	held = map[string]bool{}
	st.Joins = slices.DeleteFunc(st.Joins, func(j feed.Ruling) bool {
		if !loose[j.Item] && j.With != revised {
			return false
		}
		if !slices.Contains(members, j.With) {
			held[j.Item] = true
			return false
		}
		return true
	})
	return held
}

// bind adds to a story the joins of its members that hold them together, and a few
// more; it returns those that lead to other stories.
func (m *merger) bind(st *story, joins []feed.Ruling) (outside []feed.Ruling) {
	group := map[string]int{}
	for i, key := range m.keysOf(st) {
		group[key] = i
	}
	link := func(j feed.Ruling) (known, fresh bool) {
		a, ok1 := group[j.Item]
		b, ok2 := group[j.With]
		if ok1 && ok2 && a != b {
			merge(group, a, b)
		}
		return ok1 && ok2, a != b
	}
	count := map[string]int{}
	for _, j := range st.Joins {
		link(j)
		count[j.Item]++
	}
	for _, j := range joins {
		switch inside, fresh := link(j); {
		case !inside:
			outside = append(outside, j)
		case slices.ContainsFunc(st.Joins, func(o feed.Ruling) bool { return o.Item == j.Item && o.With == j.With }):
		case fresh || count[j.Item] < maxJoins:
			st.Joins = append(st.Joins, j)
			count[j.Item]++
		}
	}
	return outside
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
		if into.no > from.no {
			into, from = from, into
		}
		if len(into.Members)+len(from.Members) > maxMembers || m.forbidden(m.keysOf(from), into) {
			continue
		}
		if err := m.union(into, from); err != nil {
			return err
		}
		into.Joins = append(into.Joins, j)
	}
	return nil
}
