package storage

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"sangam/feed"
)

// Override is what the operator ruled about two items; it stands above the rules.
type Override struct {
	A      string    `json:"a"` // item key
	B      string    `json:"b"`
	Always bool      `json:"always"` // they are one story; else they never are
	At     time.Time `json:"at"`
	By     string    `json:"by"` // who, as given
}

// overrideRecord is stored under both orders of the two keys.
type overrideRecord struct {
	Always bool      `cbor:"1,keyasint,omitempty"`
	At     time.Time `cbor:"2,keyasint"`
	By     string    `cbor:"3,keyasint,omitempty"`
	First  bool      `cbor:"4,keyasint,omitempty"` // this order is the one in which it was given
}

const (
	ruleAlways    = "operator-always"
	becauseAlways = "The operator ruled that these are one story."
)

// Never rules that two items are not one story, and parts them if they are. The items may be
// named by key, id or link. It stands until Undo, also against what Always said before.
func (db *DB) Never(ctx context.Context, a, b, by string) error {
	return db.rule(ctx, a, b, by, false)
}

// Always rules that two items are one story, and joins them.
func (db *DB) Always(ctx context.Context, a, b, by string) error {
	return db.rule(ctx, a, b, by, true)
}

func (db *DB) rule(ctx context.Context, a, b, by string, always bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	now := db.opts.Now().UTC()
	err := db.amend(now, func(m *merger) error { return m.rule(a, b, by, always, now) })
	if err != nil {
		return fmt.Errorf("rule on %s and %s: %w", a, b, err)
	}
	return nil
}

func (m *merger) rule(a, b, by string, always bool, at time.Time) error {
	x, y, err := m.pair(a, b)
	if err != nil {
		return err
	}
	m.ruled = true
	rec := overrideRecord{Always: always, At: at, By: by, First: true}
	if err := putRecord(m.tx, bVerdicts, pairKey(x.Key, y.Key), &rec); err != nil {
		return err
	}
	rec.First = false
	if err := putRecord(m.tx, bVerdicts, pairKey(y.Key, x.Key), &rec); err != nil {
		return err
	}
	if !always {
		return m.judgeAnew(x, y)
	}
	return m.joinNow(x, y, feed.Ruling{With: y.Key, Item: x.Key, Relation: feed.Copy, Rule: ruleAlways, Because: becauseAlways})
}

// UndoVerdict takes back what the operator ruled about two items; the rules decide again.
// ErrNotFound if there was nothing.
func (db *DB) UndoVerdict(ctx context.Context, a, b string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.amend(db.opts.Now(), func(m *merger) error { return m.undoVerdict(a, b) })
	if err != nil {
		return fmt.Errorf("undo the verdict on %s and %s: %w", a, b, err)
	}
	return nil
}

func (m *merger) undoVerdict(a, b string) error {
	x, y, err := m.pair(a, b)
	if err != nil {
		return err
	}
	verdicts := m.tx.Bucket([]byte(bVerdicts))
	if _, ok := m.override(x.Key, y.Key); !ok {
		return fmt.Errorf("verdict: %w", ErrNotFound)
	}
	if err := cmp.Or(verdicts.Delete(pairKey(x.Key, y.Key)), verdicts.Delete(pairKey(y.Key, x.Key))); err != nil {
		return err
	}
	return m.judgeAnew(x, y)
}

// Verdicts are all that the operator ruled, by the keys of the items.
func (db *DB) Verdicts(ctx context.Context) ([]Override, error) {
	var out []Override
	err := db.view(func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(bVerdicts)).ForEach(func(k, v []byte) error {
			var rec overrideRecord
			if err := decode(bVerdicts, k, v, &rec); err != nil {
				db.lost(bVerdicts, k, err)
				return ctx.Err()
			}
			if a, b, ok := bytes.Cut(k, []byte{0}); ok && rec.First {
				out = append(out, Override{A: string(a), B: string(b), Always: rec.Always, At: rec.At, By: rec.By})
			}
			return ctx.Err()
		})
	})
	return out, err
}

func pairKey(a, b string) []byte { return []byte(a + "\x00" + b) }

// pair finds two different items by what they are called.
func (m *merger) pair(a, b string) (x, y *stored, err error) {
	if x, err = m.named(a); err != nil {
		return nil, nil, err
	}
	if y, err = m.named(b); err != nil {
		return nil, nil, err
	}
	if x.No == y.No {
		return nil, nil, fmt.Errorf("%s and %s are the same item", a, b)
	}
	return x, y, nil
}

// named finds an item by key, id or link; a story's key means its lead.
func (m *merger) named(ref string) (*stored, error) {
	if err := m.flushRefs(); err != nil {
		return nil, err
	}
	for no := range found(m.tx, []uint64{hashKey(ref), hashRef(ref)}) {
		it := m.item(no)
		if it != nil && (it.Key == ref || it.ID == ref || it.Link == ref || slices.Contains(it.Former, ref)) {
			return it, nil
		}
	}
	for _, no := range m.db.lookUp(m.tx, ref) {
		if st := m.story(no); st != nil {
			if it := m.item(st.Lead); it != nil {
				return it, nil
			}
		}
	}
	return nil, fmt.Errorf("item %q: %w", ref, ErrNotFound)
}

// override is what was ruled about two items, by key.
func (m *merger) override(a, b string) (overrideRecord, bool) {
	key := pairKey(a, b)
	v := m.tx.Bucket([]byte(bVerdicts)).Get(key)
	if v == nil {
		return overrideRecord{}, false
	}
	var rec overrideRecord
	if err := decode(bVerdicts, key, v, &rec); err != nil {
		m.db.lost(bVerdicts, key, err)
		return overrideRecord{}, false
	}
	return rec, true
}

// overrides are the items that something was ruled about together with this one.
func (m *merger) overrides(key string) (never, always []string) {
	if !m.ruled {
		return nil, nil
	}
	prefix := append([]byte(key), 0)
	c := m.tx.Bucket([]byte(bVerdicts)).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		other := string(k[len(prefix):])
		if rec, ok := m.override(key, other); ok && rec.Always {
			always = append(always, other)
		} else if ok {
			never = append(never, other)
		}
	}
	return never, always
}

// moveVerdicts lets what was ruled about an item stand under its new key.
func (m *merger) moveVerdicts(from, to string) error {
	never, always := m.overrides(from)
	verdicts := m.tx.Bucket([]byte(bVerdicts))
	for _, other := range slices.Concat(never, always) {
		for _, pair := range [][4]string{{from, other, to, other}, {other, from, other, to}} {
			rec, ok := m.override(pair[0], pair[1])
			if !ok {
				continue
			}
			err := verdicts.Delete(pairKey(pair[0], pair[1]))
			if err = cmp.Or(err, putRecord(m.tx, bVerdicts, pairKey(pair[2], pair[3]), &rec)); err != nil {
				return err
			}
		}
	}
	return nil
}

// overrule lets what the operator ruled override what the rules found. Items he
// joins are added to near.
func (m *merger) overrule(it *feed.Item, v feed.Verdict, near map[string]*stored) feed.Verdict {
	never, always := m.overrides(it.Key)
	if len(never)+len(always) == 0 {
		return v
	}
	if slices.Contains(never, v.Revises) {
		v.Revises = ""
	}
	v.Joins = slices.DeleteFunc(slices.Clone(v.Joins), func(j feed.Ruling) bool { return slices.Contains(never, j.With) })
	for _, key := range always {
		if other, err := m.named(key); err == nil {
			near[other.Key] = other
			v.Joins = slices.Insert(v.Joins, 0, feed.Ruling{With: other.Key, Item: it.Key, Relation: feed.Copy, Rule: ruleAlways, Because: becauseAlways})
		}
	}
	return v
}

// forbidden reports whether the operator keeps any of the items apart from any member of the
// story.
func (m *merger) forbidden(keys []string, st *story) bool {
	if k, _ := m.tx.Bucket([]byte(bVerdicts)).Cursor().First(); k == nil {
		return false
	}
	members := m.keysOf(st)
	for _, key := range keys {
		never, _ := m.overrides(key)
		if slices.ContainsFunc(never, func(k string) bool { return slices.Contains(members, k) }) {
			return true
		}
	}
	return false
}

func (m *merger) keysOf(st *story) []string {
	var keys []string
	for _, no := range st.Members {
		if it := m.item(no); it != nil {
			keys = append(keys, it.Key)
		}
	}
	return keys
}

// joinNow makes the stories of two stored items one.
func (m *merger) joinNow(x, y *stored, why feed.Ruling) error {
	a, b := m.story(x.StoryNo), m.story(y.StoryNo)
	if a == nil || b == nil {
		return fmt.Errorf("story of %s or %s: %w", x.Key, y.Key, ErrNotFound)
	}
	if a != b {
		if m.forbidden(m.keysOf(b), a) {
			return fmt.Errorf("another verdict keeps members of the two stories apart")
		}
		if len(a.Members)+len(b.Members) > maxMembers {
			return fmt.Errorf("a story holds at most %d items", maxMembers)
		}
		var err error
		if a, err = m.union(a, b); err != nil {
			return err
		}
	}
	a.Joins = append(a.Joins, why)
	m.dirty[a.no] = a
	return m.flush()
}

// judgeAnew asks the rules again about every member of the stories of two items, after
// what was ruled about these has changed: each item keeps only a few of its joins, and
// others may hold now.
func (m *merger) judgeAnew(x, y *stored) error {
	var list []*stored
	for _, st := range []*story{m.story(x.StoryNo), m.story(y.StoryNo)} {
		if st == nil {
			continue
		}
		for _, no := range st.Members {
			if it := m.item(no); it != nil && !slices.Contains(list, it) {
				list = append(list, it)
			}
		}
	}
	slices.SortFunc(list, func(a, b *stored) int { return cmp.Compare(a.No, b.No) })
	if err := m.rejudge(list, ""); err != nil {
		return err
	}
	return m.flush()
}

// regroup parts a story into the groups that its reasons hold together and the
// operator allows. The oldest item's group keeps the story. Loose items, by key, are
// held by nothing but the reasons that are left.
func (m *merger) regroup(st *story, loose map[string]bool) error {
	groups := m.groups(st, loose)
	if len(groups) < 2 {
		return m.lead(st)
	}
	for _, g := range groups[1:] {
		if err := m.split(st, g); err != nil {
			return err
		}
	}
	return m.lead(st)
}

// groups are the members that belong together, by number; the oldest group first.
func (m *merger) groups(st *story, loose map[string]bool) [][]*stored {
	group := map[string]int{} // item key → group
	var members []*stored
	for _, no := range st.Members {
		if it := m.item(no); it != nil {
			group[it.Key] = len(members)
			members = append(members, it)
		}
	}
	joins := slices.Clone(st.Joins)
	number := func(key string) uint64 {
		if i, ok := group[key]; ok {
			return members[i].No
		}
		return 0
	}
	slices.SortStableFunc(joins, func(a, b feed.Ruling) int { // the operator's first, then as the items came
		return cmp.Or(
			cmp.Compare(bit(b.Rule == ruleAlways), bit(a.Rule == ruleAlways)),
			cmp.Compare(max(number(a.Item), number(a.With)), max(number(b.Item), number(b.With))),
			cmp.Compare(min(number(a.Item), number(a.With)), min(number(b.Item), number(b.With))),
		)
	})
	reasons := map[string]bool{}
	for _, j := range joins {
		a, ok1 := group[j.Item]
		b, ok2 := group[j.With]
		reasons[j.Item] = true
		if ok1 && ok2 && a != b && !m.parted(group, a, b) {
			merge(group, a, b)
		}
	}
	for _, it := range members[min(1, len(members)):] {
		// What joined it has been deleted since: it stays where it was.
		if first, own := group[members[0].Key], group[it.Key]; first != own && !m.held(st, group, own, reasons, loose) && !m.parted(group, first, own) {
			merge(group, first, own)
		}
	}
	slices.SortFunc(members, func(a, b *stored) int { return cmp.Compare(a.No, b.No) })
	var out [][]*stored
	index := map[int]int{}
	for _, it := range members {
		i, seen := index[group[it.Key]]
		if !seen {
			i = len(out)
			index[group[it.Key]] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], it)
	}
	return out
}

// held reports whether a group's place is explained: one of its items says why it
// joined, by a reason whose other side is still there; or it had a story of its own,
// or is loose.
func (m *merger) held(st *story, group map[string]int, g int, reasons, loose map[string]bool) bool {
	for key, of := range group {
		if of != g {
			continue
		}
		never, _ := m.overrides(key)
		if len(never) > 0 || loose[key] || !reasons[key] && m.hadOwnStory(st, key) {
			return true
		}
	}
	return false
}

func (m *merger) hadOwnStory(st *story, key string) bool {
	return slices.ContainsFunc(st.Aliases, func(no uint64) bool {
		it := m.item(no)
		return it != nil && it.Key == key
	})
}

func merge(group map[string]int, a, b int) {
	for k, g := range group {
		if g == b {
			group[k] = a
		}
	}
}

// parted reports whether the operator keeps a member of one group from one of the other.
func (m *merger) parted(group map[string]int, a, b int) bool {
	for key, g := range group {
		if g != a {
			continue
		}
		never, _ := m.overrides(key)
		for _, other := range never {
			if og, ok := group[other]; ok && og == b {
				return true
			}
		}
	}
	return false
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// split gives a group of a story's members a story of their own: the one that its oldest item founded,
// if it did, else a new one.
func (m *merger) split(st *story, g []*stored) error {
	m.src = m.roster.byID[g[0].Source].Num
	next, err := m.refound(st, g[0])
	if err != nil {
		return err
	}
	keys := map[string]bool{}
	for _, it := range g {
		keys[it.Key] = true
		i := slices.Index(st.Members, it.No)
		next.Members, next.Sources = append(next.Members, it.No), append(next.Sources, st.Sources[i])
		st.Members, st.Sources = slices.Delete(st.Members, i, i+1), slices.Delete(st.Sources, i, i+1)
		moved := *m.item(it.No)
		moved.StoryNo, moved.Story = next.no, next.Key
		if it.No == next.no && moved.ID != next.Entry {
			moved.Entry = next.Entry
		}
		if err := m.putItem(&moved); err != nil {
			return err
		}
	}
	st.Joins = slices.DeleteFunc(st.Joins, func(j feed.Ruling) bool {
		both := keys[j.Item] && keys[j.With]
		if both {
			next.Joins = append(next.Joins, j)
		}
		return both || keys[j.Item] || keys[j.With]
	})
	return m.lead(next)
}

// refound is the story, without members, that an item founds or founded once.
func (m *merger) refound(st *story, it *stored) (*story, error) {
	if old := m.db.readStory(m.stories, it.No); old != nil && old.Into != 0 {
		old.Into = 0
		st.Aliases = slices.DeleteFunc(st.Aliases, func(no uint64) bool { return no == it.No })
		m.read[it.No] = old
		return old, nil
	}
	m.lastRead = time.Time{}
	copied := *it
	next, err := m.found(&copied, true)
	if err != nil {
		return nil, err
	}
	next.Members, next.Sources = nil, nil
	m.refer(next.Key, it)
	return next, nil
}
