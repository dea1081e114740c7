package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/internal/breath"
	"sangam/normalize"
	"sangam/parser"
)

// Here is what a visit needs of the world outside of the packages that gather.
type Here struct {
	// Fetch brings the document home. A failure is a document too.
	Fetch func(context.Context, *feed.Visit) feed.Document
	// Next says when the source is due after a visit, and why then.
	Next func(*feed.Source, *feed.State, time.Time) (time.Time, string)
	// Habits recalls a source's habits for a visit that has brought items; nil = the
	// visit's state holds them. Most visits bring nothing and need none.
	Habits func(ctx context.Context, source string) feed.Habits
	// Exact tells that nobody looks for copies by their text, so that items get no marks
	// of it; nil = somebody does.
	Exact func() bool
	// Instead says what feeds a document announces that is none, in a few words for the
	// operator, "" if it announces none; may be nil.
	Instead func(feed.Source, feed.Document) string
	// Bug is told of a panic that was confined to one source.
	Bug func(source string, panicked any, stack []byte)
	// Desks has room for as many documents as are read at once; nil = any number.
	// Many visits wait for their outlets at once; what they bring is read in turn.
	Desks chan struct{}
}

// Gather makes a visit in this process: it fetches, reads, cleans and marks. A
// document that makes one of our own packages panic costs that source its visit,
// and nobody else anything.
func (h Here) Gather(ctx context.Context, v *feed.Visit) *feed.Batch {
	batch := begun(v)
	var doc feed.Document
	bug := h.confine(v, func() { doc = h.Fetch(ctx, v) })
	if bug == "" {
		arrived(&batch.State, &doc)
		switch doc.Outcome {
		case feed.Failed:
			failed(&batch.State, doc.Trouble, doc.Problem)
		case feed.Unchanged:
			unchanged(&batch.State, &doc)
		default:
			takePlace(ctx)
			bug = h.atDesk(v, func() { h.read(ctx, v, &doc, batch) })
		}
	}
	if bug != "" {
		batch = begun(v)
		failed(&batch.State, feed.Panicked, bug)
	}
	batch.State.Due, batch.State.DueWhy = h.Next(&v.Source, &batch.State, v.At)
	return batch
}

// confine does a step of a visit and returns what to tell of a panic, "" if there was none.
func (h Here) confine(v *feed.Visit, step func()) (bug string) {
	defer func() {
		if p := recover(); p != nil {
			h.Bug(v.Source.ID, p, debug.Stack())
			bug = fmt.Sprintf("a bug in Sangam, please report it: %v", p)
		}
	}()
	step()
	return ""
}

// atDesk confines the step that reads, when there is a desk for it: that is CPU work and
// holds a document several times over. It has a goroutine of its own, since the stack that
// it grows is not wanted any more while the visit waits for its items to be stored.
func (h Here) atDesk(v *feed.Visit, step func()) (bug string) {
	if h.Desks != nil {
		h.Desks <- struct{}{}
		defer func() { <-h.Desks }()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		bug = h.confine(v, step)
	}()
	<-done
	return bug
}

// read makes items of a document, and notes in the batch what came of it.
func (h Here) read(ctx context.Context, v *feed.Visit, doc *feed.Document, batch *feed.Batch) {
	state := &batch.State
	channel, err := parser.Parse(*doc)
	if err != nil {
		unreadable(state, err)
		if h.Instead != nil && state.Trouble == feed.NotAFeed {
			state.Problem += h.Instead(v.Source, *doc)
		}
		homeward(state)
		return
	}
	if len(channel.Entries) == 0 && state.Items > 0 {
		emptied(state, doc, &channel)
		homeward(state)
		return
	}
	habits := state.Habits
	if h.Habits != nil {
		if habits = h.Habits(ctx, v.Source.ID); !v.State.Fits(&v.Source) {
			habits = habits.Elsewhere()
		}
	}
	rules := dedupe.Rules{NearDuplicates: h.Exact == nil || !h.Exact()}
	found := read(channel, v.Source, v.At, habits, rules.Mark)
	readable(state, doc, &channel, found.Warnings)
	if len(channel.Entries) == 0 {
		homeward(state)
	}
	state.Filtered, state.Dropped = state.Filtered+int64(found.Filtered), found.Filtered
	if len(v.Source.Include)+len(v.Source.Exclude) > 0 {
		state.Judged += int64(found.Filtered + len(found.Items))
	}
	state.Habits, batch.Items = found.Habits, found.Items
}

// A Reading is what the entries of one document became.
type Reading struct {
	Items    []feed.Item // identified and marked, ready to be merged
	Keys     []string    // of each entry, the key of the item it became; "" = none
	Filtered int         // how many items the operator's filters dropped
	Habits   feed.Habits // to be remembered for the next visit
	Warnings []string
}

// Read makes items of a feed's entries, given what is known of the source's habits:
// comparable, filtered, known again where they were listed before, marked.
func Read(ch feed.Channel, src feed.Source, at time.Time, habits feed.Habits) Reading {
	return read(ch, src, at, habits, dedupe.Mark)
}

func read(ch feed.Channel, src feed.Source, at time.Time, habits feed.Habits, mark func([]feed.Item, feed.Outlet, feed.Habits) feed.Habits) Reading {
	items, keys, warnings := itemsOf(ch, src.Outlet, at)
	items, dropped := filter(items, src)
	number := make(map[string]int, len(items))
	for i := range items {
		number[items[i].Key] = i
	}
	habits, told := dedupe.Identify(items, habits)
	for i, key := range keys {
		if n, kept := number[key]; kept {
			keys[i] = items[n].Key
		} else {
			keys[i] = ""
		}
	}
	habits = mark(items, src.Outlet, habits)
	return Reading{items, keys, dropped, habits, slices.Concat(told, warnings)}
}

// begun is the batch of a visit of which nothing is known yet but that it is made.
func begun(v *feed.Visit) *feed.Batch {
	b := &feed.Batch{At: v.At, Outlet: v.Source.Outlet, State: *v.State.Known(&v.Source)}
	st := &b.State
	st.Source, st.ConfiguredURL = v.Source.ID, v.Source.Address()
	st.Visited = v.At
	st.Visits++
	st.Trouble, st.Problem, st.Warnings = feed.NoTrouble, "", nil
	st.NotBefore, st.NotBeforeWhy = time.Time{}, ""
	return b
}

func arrived(st *feed.State, doc *feed.Document) {
	st.Status = doc.Status
	st.Took = feed.Millis(doc.Took.Milliseconds())
	st.NotBefore, st.NotBeforeWhy = doc.NotBefore, doc.NotBeforeWhy
	st.Warnings = slices.Clone(doc.Warnings)
}

func failed(st *feed.State, trouble feed.Trouble, problem string) {
	st.Trouble, st.Problem = trouble, problem
	st.Failures++
	if st.FailingSince.IsZero() {
		st.FailingSince = st.Visited
	}
	st.Gone = trouble == feed.GoneForGood
}

func unreadable(st *feed.State, err error) {
	trouble := feed.Unreadable
	if perr, ok := errors.AsType[*parser.Error](err); ok {
		trouble = perr.Trouble
	}
	failed(st, trouble, err.Error())
}

// homeward forgets where the feed moved to, since there is none there, and what
// was learned there: a domain that was sold answers every request, with a page.
// The next visit asks the configured address, which may send us there again.
func homeward(st *feed.State) {
	if st.URL != "" {
		st.URL, st.ETag, st.LastModified, st.BodyHash = "", "", "", nil
		st.Warnings = append(st.Warnings, "there is no feed with items where it had moved to; the next visit asks the configured address")
	}
}

func succeeded(st *feed.State, doc *feed.Document) {
	st.Succeeded = st.Visited
	st.Failures, st.FailingSince, st.Gone = 0, time.Time{}, false
	st.URL = doc.MovedTo // "" when the configured address stands, perhaps again
}

// unchanged takes the validators of the answer: those we have with what a 304
// brought anew (RFC 9110, section 15.4.5), or those of a 200 with the same bytes,
// where one that vanished is cleared. The pace the feed asked for last time still holds.
func unchanged(st *feed.State, doc *feed.Document) {
	succeeded(st, doc)
	st.NotModified++
	st.ETag, st.LastModified = doc.ETag, doc.LastModified
}

// emptied is a source that had items and now sends none: more likely an accident
// than a wish. What we hold stays, and the validators are not taken, so that the
// next visit asks for the whole document again.
func emptied(st *feed.State, doc *feed.Document, ch *feed.Channel) {
	succeeded(st, doc)
	st.Warnings = append(st.Warnings, ch.Warnings...)
	st.Warnings = append(st.Warnings, "the feed had items and now has none; what we hold stays")
	st.Bytes = int64(len(doc.Body))
}

func readable(st *feed.State, doc *feed.Document, ch *feed.Channel, warnings []string) {
	before := st.Items
	succeeded(st, doc)
	st.Warnings = bounded(slices.Concat(st.Warnings, ch.Warnings, warnings))
	if st.Items = len(ch.Entries); doc.Delta { // the others are still there
		st.Items = max(st.Items, before)
	}
	st.Bytes = int64(len(doc.Body))
	st.ETag, st.LastModified, st.BodyHash = doc.ETag, doc.LastModified, doc.BodyHash
	if ch.Partial { // the rest is still to be had
		st.ETag, st.LastModified, st.BodyHash = "", "", nil
	}
	if doc.Delta { // these bytes are not the whole feed
		st.BodyHash = nil
	}
	st.Channel = alone(normalize.Channel(*ch))
}

// alone is what a feed says of itself, without its entries and in memory of its own: it
// is kept, and the document that its words were cut from is not to be kept with it.
func alone(ch feed.Channel) feed.Channel {
	ch.Entries, ch.Warnings = nil, nil
	for _, text := range []*string{
		&ch.Title, &ch.Link, &ch.Description, &ch.Language, &ch.ID, &ch.Self, &ch.Image, &ch.Rights, &ch.Generator, &ch.UpdatedRaw,
	} {
		*text = strings.Clone(*text)
	}
	for _, list := range []*[]string{&ch.Hubs, &ch.Categories} {
		*list = slices.Clone(*list)
		for i, text := range *list {
			(*list)[i] = strings.Clone(text)
		}
	}
	ch.Authors = slices.Clone(ch.Authors)
	for i, p := range ch.Authors {
		ch.Authors[i] = feed.Person{Name: strings.Clone(p.Name), Email: strings.Clone(p.Email), URI: strings.Clone(p.URI)}
	}
	return ch
}

// maxWarnings is how many warnings of one visit an operator is shown.
const maxWarnings = 20

func bounded(warnings []string) []string {
	if n := len(warnings); n > maxWarnings {
		return append(warnings[:maxWarnings:maxWarnings], fmt.Sprintf("and %d more", n-maxWarnings))
	}
	return warnings
}

// Items makes comparable items of a feed's entries. Of several entries with one
// identity the first counts, except that an id shared by entries with different
// links identifies nothing: then the links do.
func Items(ch feed.Channel, src feed.Outlet, at time.Time) ([]feed.Item, []string) {
	items, _, warnings := itemsOf(ch, src, at)
	return items, warnings
}

// itemsOf is Items with the key of each entry's item, "" if it has none.
func itemsOf(ch feed.Channel, src feed.Outlet, at time.Time) (items []feed.Item, keys, warnings []string) {
	warnings = withoutSharedIDs(ch.Entries)
	items, keys = make([]feed.Item, 0, len(ch.Entries)), make([]string, len(ch.Entries))
	seen := make(map[string]bool, len(ch.Entries))
	var reader normalize.Reader
	var air breath.Breath
	for i, e := range ch.Entries {
		air.Take()
		it, w := reader.Item(e, ch, src, at)
		warnings = append(warnings, w...)
		if empty(&it) {
			warnings = append(warnings, "an item without title, text, link and file was left out")
			continue
		}
		keys[i] = it.Key
		if seen[it.Key] {
			continue
		}
		seen[it.Key] = true
		items = append(items, it)
	}
	return items, keys, warnings
}

// empty reports whether an item holds nothing that a reader could read or open.
func empty(it *feed.Item) bool {
	return it.Title == "" && it.Summary == "" && it.Content == "" && it.Link == "" && len(it.Enclosures) == 0
}

// withoutSharedIDs takes away ids that several entries with different links share.
func withoutSharedIDs(entries []feed.Entry) []string {
	link := make(map[string]string, len(entries))
	shared := make(map[string]bool)
	for _, e := range entries {
		if first, had := link[e.ID]; had && e.ID != "" && first != e.Link {
			shared[e.ID] = true
		}
		link[e.ID] = e.Link
	}
	if len(shared) == 0 {
		return nil
	}
	for i := range entries {
		if shared[entries[i].ID] {
			entries[i].ID = ""
		}
	}
	return []string{fmt.Sprintf("%d ids are shared by different items and were ignored", len(shared))}
}

// filter keeps the items that the operator wants of this source.
func filter(items []feed.Item, src feed.Source) (kept []feed.Item, dropped int) {
	if len(src.Include) == 0 && len(src.Exclude) == 0 {
		return items, 0
	}
	kept = slices.DeleteFunc(items, func(it feed.Item) bool {
		text := it.Title + "\n" + normalize.Text(it.Summary) + "\n" + normalize.Text(it.Content)
		return !feed.Wanted(src.Include, src.Exclude, text)
	})
	return kept, len(items) - len(kept)
}
