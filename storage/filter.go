package storage

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"sangam/feed"
)

// A filter is a query made ready: which sources it is about, and how to judge a
// story.
type filter struct {
	db     *DB
	roster *roster
	q      feed.Query
	lists  []map[uint32]bool // a story needs a member of each
	pick   []uint32          // sources one of which every answer has; nil = any
	terms  []term
	quota  *quota // nil = nothing is held back
	void   bool   // a search without a word: nothing answers
	era    uint64
}

// A term of a search: a word or a quoted phrase, folded, wanted or not.
type term struct {
	text string
	not  bool
}

func (db *DB) compile(q feed.Query) *filter {
	era := db.era.Load() // before what it is of: a change meanwhile makes a filter of the old one
	f := &filter{db: db, roster: db.outlets.Load(), q: q, terms: terms(q.Text, db.opts.Fold), era: era}
	f.void = len(f.terms) == 0 && strings.ContainsFunc(q.Text, func(r rune) bool { return !isSpace(r) })
	f.quota = quotaFor(f.roster, q)
	if len(q.Sources) > 0 {
		f.demand(func(o feed.Outlet) bool { return slices.Contains(q.Sources, o.ID) })
	}
	if len(q.Categories) > 0 {
		f.demand(func(o feed.Outlet) bool {
			return slices.ContainsFunc(o.Categories, func(c string) bool { return slices.Contains(q.Categories, c) })
		})
	}
	return f
}

// demand adds a list: stories need a shown member whose outlet is in it.
func (f *filter) demand(in func(feed.Outlet) bool) {
	list := map[uint32]bool{}
	for num, o := range f.roster.byNum {
		if f.roster.shown(num) && in(o.Outlet) {
			list[num] = true
		}
	}
	f.lists = append(f.lists, list)
	if f.pick == nil || len(list) < len(f.pick) {
		f.pick = sortedKeys(list)
		if f.pick == nil {
			f.pick = []uint32{}
		}
	}
}

// wants reports whether a source can be why a story is an answer.
func (f *filter) wants(src uint32) bool {
	if f.pick != nil {
		_, found := slices.BinarySearch(f.pick, src)
		return found
	}
	return f.roster.shown(src)
}

// member is an item with what judging it needs.
type member struct {
	item *stored
	src  uint32
	fits bool // every list and the languages
}

// judge decides whether a story is an answer and which of its members fit best; the
// members are those that show.
func (f *filter) judge(members []member) bool {
	for _, list := range f.lists {
		if !slices.ContainsFunc(members, func(m member) bool { return list[m.src] }) {
			return false
		}
	}
	if len(f.q.Languages) > 0 && !slices.ContainsFunc(members, f.speaks) {
		return false
	}
	for i := range members {
		m := &members[i]
		m.fits = len(f.q.Languages) == 0 || f.speaks(*m)
		for _, list := range f.lists {
			m.fits = m.fits && list[m.src]
		}
	}
	return f.reads(members)
}

func (f *filter) speaks(m member) bool {
	return slices.ContainsFunc(f.q.Languages, func(want string) bool {
		got, want := strings.ToLower(m.item.Language), strings.ToLower(want)
		return got == want || strings.HasPrefix(got, want+"-")
	})
}

// readsItems reports whether judging a story takes more than knowing its sources.
func (f *filter) readsItems() bool { return f.searches() || len(f.q.Languages) > 0 }

func (f *filter) searches() bool { return len(f.q.Include)+len(f.q.Exclude)+len(f.terms) > 0 }

// reads judges the words: one member that is included is enough, one that is
// excluded is too much, and one member must have every word of the search, and none
// a word that it forbids.
func (f *filter) reads(members []member) bool {
	if !f.searches() {
		return true
	}
	included, found := len(f.q.Include) == 0, false
	for _, m := range members {
		text := words(m.item)
		if len(f.q.Exclude) > 0 && !feed.Wanted(nil, f.q.Exclude, text) {
			return false
		}
		included = included || feed.Wanted(f.q.Include, nil, text)
		if len(f.terms) == 0 {
			found = true
			continue
		}
		all, forbidden := hasTerms(f.db.opts.Fold(text), f.terms)
		if forbidden {
			return false
		}
		found = found || all
	}
	return included && found
}

// words is what can be read of an item, without markup.
func words(it *stored) string {
	var b strings.Builder
	b.WriteString(it.Title)
	for _, a := range it.Authors {
		b.WriteString("\n" + a.Name)
	}
	b.WriteByte('\n')
	plain(&b, it.Summary)
	b.WriteByte('\n')
	plain(&b, it.Content)
	return b.String()
}

// plain writes a safe, balanced fragment of HTML without its tags.
func plain(b *strings.Builder, fragment string) {
	for fragment != "" {
		text, rest, tag := strings.Cut(fragment, "<")
		b.WriteString(html.UnescapeString(text))
		if !tag {
			return
		}
		_, fragment, _ = strings.Cut(rest, ">")
		b.WriteByte(' ')
	}
}

// terms reads a search: words that must all occur, "phrases" as they are, and a minus
// before what must not.
func terms(text string, fold func(string) string) []term {
	var out []term
	add := func(s string, not bool) {
		if s = strings.TrimSpace(fold(s)); s != "" {
			out = append(out, term{text: s, not: not})
		}
	}
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		rest, not := strings.CutPrefix(text, "-")
		if phrase, quoted := strings.CutPrefix(rest, `"`); quoted {
			phrase, text, _ = strings.Cut(phrase, `"`)
			add(phrase, not)
			continue
		}
		end := strings.IndexFunc(rest, isSpace)
		if end < 0 {
			end = len(rest)
		}
		add(rest[:end], not)
		text = rest[end:]
	}
	return out
}

func isSpace(r rune) bool { return strings.ContainsRune(" \t\r\n\u3000\u00a0", r) }

// hasTerms reports whether a text has all words that are wanted, and any that is forbidden.
func hasTerms(text string, terms []term) (all, forbidden bool) {
	all = true
	for _, t := range terms {
		switch has := strings.Contains(text, t.text); {
		case t.not && has:
			return false, true
		case !t.not && !has:
			all = false
		}
	}
	return all, false
}

// show makes what readers see of a story: the member that speaks first, then those
// that fit the query, then the rest.
func (f *filter) show(st *story, members []member) feed.Story {
	slices.SortFunc(members, func(a, b member) int {
		switch {
		case a.fits != b.fits && a.fits:
			return -1
		case a.fits != b.fits:
			return 1
		}
		return cmp.Or(a.item.Time().Compare(b.item.Time()), cmp.Compare(a.item.No, b.item.No))
	})
	lead := f.leader(members)
	sortJoins(st.Joins, members)
	out := feed.Story{
		Key: st.Key, ID: st.Entry, Joins: st.Joins, Seq: st.Seq,
		Order: unstamp(st.Order), Updated: unstamp(st.Updated),
		Members: make([]feed.Item, 0, len(members)),
	}
	out.Members = append(out.Members, members[lead].item.Item)
	for i, m := range members {
		if i != lead {
			out.Members = append(out.Members, m.item.Item)
		}
	}
	if l := out.Lead(); l.Revised.After(l.Seen) {
		out.Updated = later(out.Updated, l.Revised)
	}
	return out
}

// sortJoins puts reasons into the order in which the items came, whatever the order of the unions was.
func sortJoins(joins []feed.Ruling, members []member) {
	if len(joins) < 2 {
		return
	}
	nos := make(map[string]uint64, len(members))
	for _, m := range members {
		nos[m.item.Key] = m.item.No
	}
	slices.SortStableFunc(joins, func(a, b feed.Ruling) int {
		return cmp.Or(
			cmp.Compare(nos[a.Item], nos[b.Item]), cmp.Compare(nos[a.With], nos[b.With]),
			cmp.Compare(a.Item, b.Item), cmp.Compare(a.With, b.With),
		)
	})
}

// leader is the index of the member that speaks: the best of those that fit. It is asked
// anew each time, because the operator may have changed priorities.
func (f *filter) leader(members []member) int {
	n := 0
	for n < len(members) && members[n].fits {
		n++
	}
	if n == 0 { // no single member matches every list
		n = len(members)
	}
	fit := make([]*feed.Item, n)
	for i := range fit {
		fit[i] = &members[i].item.Item
	}
	return f.db.leadOf(fit, f.roster)
}
