package storage_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sangam/feed"
	"sangam/storage"
	"sangam/storage/storagetest"
)

// TestQueries asks one small store every kind of question; the answers are titles,
// newest first, with who speaks.
func TestQueries(t *testing.T) {
	db := open(t)
	herald, gazette, courier := storagetest.Outlet("herald"), storagetest.Outlet("gazette"), storagetest.Outlet("courier")
	herald.Categories, gazette.Categories, courier.Categories = []string{"world"}, []string{"world", "local"}, []string{"sport"}
	gazette.Priority = 5
	put := func(o feed.Outlet, hour int, lang, title, content string) {
		it := storagetest.Item(o.ID, title, title, content)
		it.Published, it.Language = start.Add(time.Duration(hour)*time.Hour), lang
		merge(t, db, storagetest.Batch(o, time.Duration(hour)*time.Hour, it))
	}
	put(herald, 1, "en", "Ferry sinks", "Twelve <b>rescued</b> &amp; safe.")
	put(gazette, 2, "en-GB", "Ferry sinks", "Whole story.")
	put(courier, 3, "ur", "Cricket", "Karachi wins the cup.")
	put(herald, 4, "en", "Bread dearer", "By a third.")
	put(gazette, 5, "de", "Bread dearer", "Um ein Drittel.")
	put(courier, 6, "ur", "Ferry sinks", "Sport on ferries.")
	for _, c := range []struct {
		what string
		q    feed.Query
		want string
	}{
		{"everything", feed.Query{}, "Bread dearer/gazette, Cricket/courier, Ferry sinks/gazette"},
		{"a source", feed.Query{Sources: []string{"herald"}}, "Bread dearer/herald, Ferry sinks/herald"},
		{"two sources", feed.Query{Sources: []string{"herald", "courier"}}, "Bread dearer/herald, Cricket/courier, Ferry sinks/herald"},
		{"an unknown source", feed.Query{Sources: []string{"nobody"}}, ""},
		{"a category", feed.Query{Categories: []string{"sport"}}, "Cricket/courier, Ferry sinks/courier"},
		{"a source and a category of others", feed.Query{Sources: []string{"herald"}, Categories: []string{"sport"}}, "Ferry sinks/gazette"},
		{"a language", feed.Query{Languages: []string{"EN"}}, "Bread dearer/herald, Ferry sinks/gazette"},
		{"a longer language", feed.Query{Languages: []string{"en-gb"}}, "Ferry sinks/gazette"},
		{"a part of a language's name", feed.Query{Languages: []string{"e"}}, ""},
		{"include", feed.Query{Include: []*regexp.Regexp{regexp.MustCompile("Twelve +rescued +& safe")}}, "Ferry sinks/gazette"},
		{"exclude", feed.Query{Exclude: []*regexp.Regexp{regexp.MustCompile("(?i)ferr")}}, "Bread dearer/gazette, Cricket/courier"},
		{"a word", feed.Query{Text: "RESCUED"}, "Ferry sinks/gazette"},
		{"a tag is no word", feed.Query{Text: "<b>"}, ""},
		{"a phrase", feed.Query{Text: `"a third"`}, "Bread dearer/gazette"},
		{"two words", feed.Query{Text: "karachi cup"}, "Cricket/courier"},
		{"a word but not another", feed.Query{Text: "ferry -rescued -whole -sport"}, ""},
		{"without", feed.Query{Text: `-"ferry sinks"`}, "Bread dearer/gazette, Cricket/courier"},
		{"without two words", feed.Query{Text: "-ferry -third"}, "Cricket/courier"},
		{"signs only", feed.Query{Text: `-`}, ""},
		{"an empty phrase", feed.Query{Text: ` "" -""`}, ""},
		{"a word among signs", feed.Query{Text: `"" karachi -`}, "Cricket/courier"},
		{"spaces only", feed.Query{Text: " \t"}, "Bread dearer/gazette, Cricket/courier, Ferry sinks/gazette"},
		{"since", feed.Query{Since: start.Add(3 * time.Hour)}, "Bread dearer/gazette, Cricket/courier"},
		{"since, of a source", feed.Query{Since: start.Add(3 * time.Hour), Sources: []string{"courier"}}, "Cricket/courier, Ferry sinks/courier"},
		{"since later", feed.Query{Since: start.Add(300 * time.Hour)}, ""},
	} {
		var got []string
		all := storagetest.All(t, db, c.q)
		for _, st := range all {
			got = append(got, st.Lead().Title+"/"+st.Lead().Source)
		}
		if s := strings.Join(got, ", "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.what, s, c.want)
		}
		if read := readFound(t, db, c.q); !reflect.DeepEqual(read, all) {
			t.Errorf("%s: Find and Stories do not find the same: %d and %d stories", c.what, len(read), len(all))
		}
	}
}

// readFound is what Find finds, read.
func readFound(t *testing.T, db *storage.DB, q feed.Query) (all []feed.Story) {
	t.Helper()
	for f, err := range db.Find(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		st, err := f.Read()
		if err != nil || st.Key != f.Key || st.Seq != f.Seq || !st.Order.Equal(f.Order) {
			t.Fatalf("%s, %d is found, and %s, %d read: %v", f.Key, f.Seq, st.Key, st.Seq, err)
		}
		all = append(all, st)
	}
	return all
}

// TestWhatArrivedIsToldByNumbers brings a day's news, a back catalogue and a copy, and asks for what
// arrived since in every view.
func TestWhatArrivedIsToldByNumbers(t *testing.T) {
	db := open(t)
	herald, gazette := storagetest.Outlet("herald"), storagetest.Outlet("gazette")
	put := func(o feed.Outlet, hour int, title string, age time.Duration) {
		it := storagetest.Item(o.ID, o.ID+title, title, "Words of "+title)
		it.Published = start.Add(time.Duration(hour)*time.Hour - age)
		merge(t, db, storagetest.Batch(o, time.Duration(hour)*time.Hour, it))
	}
	put(herald, 1, "Ferry sinks", 0)
	put(gazette, 2, "Bread dearer", 20*24*time.Hour) // with the back catalogue
	put(herald, 30, "Cricket won", 6*24*time.Hour)   // late, but news
	put(gazette, 31, "Ferry sinks", 0)
	put(gazette, 32, "Old bridge", 26*time.Hour+7*24*time.Hour)
	for _, row := range []struct {
		what  string
		since int
		from  string
		want  string
	}{
		{"everything", 24, "", "Cricket won"},
		{"the source that copied", 24, "gazette", "Ferry sinks"},
		{"the source that was first", 24, "herald", "Cricket won"},
		{"what is old counts at its place", -8 * 24, "gazette", "Ferry sinks, Old bridge"},
		{"what is older yet", -20 * 24, "", "Cricket won, Ferry sinks, Old bridge, Bread dearer"},
	} {
		q := feed.Query{Since: start.Add(time.Duration(row.since) * time.Hour)}
		if row.from != "" {
			q.Sources = []string{row.from}
		}
		var got []string
		for _, st := range readFound(t, db, q) {
			got = append(got, st.Lead().Title)
		}
		if s := strings.Join(got, ", "); s != row.want {
			t.Errorf("%s: got %q, want %q", row.what, s, row.want)
		}
	}
}

// TestVersionsTellStatesApart does to a store what may change what readers see of a story, and what
// may not.
func TestVersionsTellStatesApart(t *testing.T) {
	db := open(t)
	herald, other := storagetest.Outlet("herald"), storagetest.Outlet("other")
	set := func(outlets ...feed.Outlet) {
		if err := db.SetOutlets(t.Context(), outlets); err != nil {
			t.Fatal(err)
		}
	}
	version := func() (v feed.Version) {
		for f, err := range db.Find(t.Context(), feed.Query{Sources: []string{"herald"}}) {
			if err != nil {
				t.Fatal(err)
			}
			v = f.Version
		}
		return v
	}
	set(herald, other)
	it := storagetest.Item("herald", "1", "Ferry sinks", "Twelve rescued.")
	merge(t, db, storagetest.Batch(herald, time.Hour, it))
	last := version()
	for _, step := range []struct {
		what    string
		changes bool
		do      func()
	}{
		{"nothing", false, func() {}},
		{"the same item again", false, func() { merge(t, db, storagetest.Batch(herald, 2*time.Hour, it)) }},
		{"news of another source", false, func() {
			merge(t, db, storagetest.Batch(other, 3*time.Hour, storagetest.Item("other", "2", "Bread", "Dearer.")))
		}},
		{"another name of another source", false, func() { other.Name = "Other"; set(herald, other) }},
		{"another name", true, func() { herald.Name = "Herald of the harbour"; set(herald, other) }},
		{"a revision", true, func() {
			merge(t, db, storagetest.Batch(herald, 4*time.Hour, storagetest.Item("herald", "1", "Ferry sinks", "All rescued.")))
		}},
		{"other rules", true, func() { db.SetRules(storagetest.Titles{}, false) }},
		{"another file", true, func() {
			if _, err := db.Compact(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		step.do()
		if now := version(); (now != last) != step.changes {
			t.Errorf("%s: the version was %v and is %v", step.what, last, now)
		} else {
			last = now
		}
	}
}

// TestPagingMissesNothing pages through a store with many ties, by every way of walking,
// and wants what one long walk finds.
func TestPagingMissesNothing(t *testing.T) {
	db := open(t)
	for s := range 30 {
		o := storagetest.Outlet(fmt.Sprintf("s%02d", s))
		o.Categories = []string{fmt.Sprint("c", s%2)}
		var items []feed.Item
		for i := range 20 {
			title := fmt.Sprintf("Title %d of %d", i, s/3) // three outlets carry each
			it := storagetest.Item(o.ID, fmt.Sprint(i), title, "Words.")
			it.Published = start.Add(time.Duration(i/7) * time.Hour)
			items = append(items, it)
		}
		merge(t, db, storagetest.Batch(o, 5*time.Hour+time.Duration(s)*time.Minute, items...))
	}
	for _, q := range []feed.Query{
		{},
		{Sources: []string{"s05"}},
		{Sources: []string{"s05", "s07", "s11"}},
		{Categories: []string{"c1"}},
		{Since: start.Add(5*time.Hour + 10*time.Minute)},
		{Categories: []string{"c0"}, Text: "title -3"},
	} {
		whole := storagetest.All(t, db, q)
		if read := readFound(t, db, q); !reflect.DeepEqual(read, whole) {
			t.Errorf("%v: Find and Stories do not find the same: %d and %d stories", q, len(read), len(whole))
		}
		var paged []string
		for page, size := q, 7; ; {
			n := 0
			for st, err := range db.Stories(t.Context(), page) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n > size {
					break
				}
				paged = append(paged, st.Key)
				page.Before = feed.Cursor{Order: st.Order, Story: st.Key}
			}
			if n <= size {
				break
			}
		}
		var want []string
		for i, st := range whole {
			want = append(want, st.Key)
			if i > 0 && st.Order.After(whole[i-1].Order) {
				t.Errorf("%v: %v comes after %v", q, st.Order, whole[i-1].Order)
			}
		}
		if len(want) == 0 || !slices.Equal(paged, want) {
			t.Errorf("%+v: pages of 7 gave %d stories, one walk %d", q, len(paged), len(want))
		}
	}
}

// TestStalledReaderDelaysNobody stops in the middle of reading and wants merges, a
// growing file and a compaction to go on.
func TestStalledReaderDelaysNobody(t *testing.T) {
	db := open(t)
	for n := range 40 {
		merge(t, db, loadBatch(n))
	}
	read := 0
	for _, err := range db.Stories(t.Context(), feed.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if read++; read != 3 {
			continue
		}
		began := time.Now()
		for n := 40; n < 100; n++ {
			merge(t, db, loadBatch(n))
		}
		if _, err := db.Compact(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("with a reader standing still, merging took %v", took)
		}
	}
	if read < 40 {
		t.Errorf("the reader saw %d stories", read)
	}
}

// TestChangesTellWhatChanged follows the log as a subscriber would.
func TestChangesTellWhatChanged(t *testing.T) {
	db := open(t)
	changes := func(after uint64) (keys []string, last uint64) {
		last = after
		for ch, err := range db.Changes(t.Context(), after) {
			if err != nil {
				t.Fatal(err)
			}
			keys, last = append(keys, ch.Story), ch.Seq
		}
		return keys, last
	}
	o := storagetest.Outlet("herald")
	a, b := storagetest.Item("herald", "a", "First", "Words."), storagetest.Item("herald", "b", "Second", "Words.")
	r := merge(t, db, storagetest.Batch(o, time.Hour, a, b))
	keys, last := changes(0)
	if len(keys) != 2 || last != r.Seq {
		t.Fatalf("after two new stories: %q up to %d, the merge said %d", keys, last, r.Seq)
	}
	b = storagetest.Item("herald", "b", "Second", "Other words.")
	r = merge(t, db, storagetest.Batch(o, 2*time.Hour, a, b))
	again, next := changes(last)
	if len(again) != 1 || again[0] != keys[1] || next != r.Seq {
		t.Errorf("after one revision: %q up to %d, want %q up to %d", again, next, keys[1:], r.Seq)
	}
	seq, at, err := db.Sequence(t.Context())
	if err != nil || seq != next || !at.Equal(start.Add(2*time.Hour)) {
		t.Errorf("sequence is %d of %v, %v", seq, at, err)
	}
	merge(t, db, storagetest.Batch(o, 3*time.Hour, a, b))
	if after, _, _ := db.Sequence(t.Context()); after != seq {
		t.Errorf("a visit that brought nothing new moved the sequence from %d to %d", seq, after)
	}
	if total, _ := changes(0); len(total) != 2 {
		t.Errorf("the log holds %d changes of two stories", len(total))
	}
}

// TestSequenceIsNeverOlderThanAMergeThatReturned asks from several sides while merges
// are under way: what was found a moment ago must not be kept too long.
func TestSequenceIsNeverOlderThanAMergeThatReturned(t *testing.T) {
	db := open(t)
	var askers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		askers.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				seq, _, err := db.Sequence(t.Context())
				if err != nil || seq < last {
					t.Errorf("sequence %d after %d, %v", seq, last, err)
					return
				}
				last = seq
			}
		})
	}
	o := storagetest.Outlet("herald")
	for i := range 30 {
		r := merge(t, db, storagetest.Batch(o, time.Duration(i)*time.Hour, storagetest.Item("herald", fmt.Sprint(i), fmt.Sprint("Story ", i), "Words.")))
		if seq, _, err := db.Sequence(t.Context()); err != nil || seq != r.Seq {
			t.Errorf("after merge %d the sequence is %d, want %d, %v", i, seq, r.Seq, err)
		}
	}
	close(stop)
	askers.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Sequence(t.Context()); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("a closed store tells its sequence: %v", err)
	}
}
