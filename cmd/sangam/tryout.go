package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/normalize"
	"sangam/parser"
	"sangam/pipeline"
	"sangam/schedule"
)

// tryout is what an address turned out to be when it was visited once, or twice to
// see whether it answers a conditional request.
type tryout struct {
	Address string       `json:"address"`         // as asked, without secrets
	MovedTo string       `json:"moved,omitempty"` // where it has moved to for good
	Trouble feed.Trouble `json:"trouble,omitempty"`
	Problem string       `json:"problem,omitempty"`
	Feeds   []offer      `json:"feeds,omitempty"` // what a page announces instead

	Status       int         `json:"status,omitempty"`
	ContentType  string      `json:"content_type,omitempty"`
	Bytes        int         `json:"bytes"`
	Took         feed.Millis `json:"took_ms"`
	ETag         bool        `json:"etag"`
	LastModified bool        `json:"last_modified"`
	Conditional  string      `json:"conditional"` // how it answers when nothing has changed
	NotBefore    string      `json:"not_before,omitempty"`

	Feed     feed.Channel `json:"feed,omitzero"`
	Partial  bool         `json:"partial,omitempty"`
	Items    []feed.Item  `json:"items"`
	Filtered int          `json:"filtered"` // items that include and exclude drop
	PerDay   float64      `json:"per_day"`  // 0 = cannot be told
	Language string       `json:"language,omitempty"`
	Schedule string       `json:"schedule,omitempty"` // suggested
	Warnings []string     `json:"warnings,omitempty"`
}

// tryOut visits a source without storing anything.
func tryOut(ctx context.Context, client *fetcher.Client, src feed.Source, now time.Time) (tryout, error) {
	doc := client.Fetch(ctx, &feed.Visit{Source: src, At: now})
	if err := ctx.Err(); err != nil {
		return tryout{}, err
	}
	t := tryout{
		Address: src.URL, MovedTo: doc.MovedTo, Trouble: doc.Trouble, Problem: doc.Problem, Items: []feed.Item{},
		Status: doc.Status, ContentType: doc.ContentType, Bytes: len(doc.Body), Took: feed.Millis(doc.Took.Milliseconds()),
		ETag: doc.ETag != "", LastModified: doc.LastModified != "", Warnings: doc.Warnings,
	}
	if !doc.NotBefore.IsZero() {
		t.NotBefore = fmt.Sprintf("%s (%s)", feed.Span(doc.NotBefore.Sub(now)), doc.NotBeforeWhy)
	}
	if doc.Outcome == feed.Failed {
		return t, nil
	}
	channel, err := parser.Parse(doc)
	if err != nil {
		t.Trouble, t.Problem = feed.Unreadable, err.Error()
		if perr, ok := errors.AsType[*parser.Error](err); ok {
			t.Trouble = perr.Trouble
		}
		t.Feeds = discover(doc.Body, doc.URL, doc.ContentType)
		return t, nil
	}
	t.read(channel, src, now)
	t.Conditional, err = conditional(ctx, client, src, doc, now)
	return t, err
}

// read takes down what would be stored.
func (t *tryout) read(channel feed.Channel, src feed.Source, now time.Time) {
	items, warnings := pipeline.Items(channel, src.Outlet, now)
	t.Warnings = slices.Concat(t.Warnings, channel.Warnings, warnings)
	t.Partial = channel.Partial
	for _, it := range items {
		if feed.Wanted(src.Include, src.Exclude, textOf(&it)) {
			t.Items = append(t.Items, it)
		}
	}
	t.Filtered = len(items) - len(t.Items)
	t.Feed = normalize.Channel(channel)
	t.Feed.Entries, t.Feed.Warnings = nil, nil
	t.Language = cmp.Or(t.Feed.Language, spokenIn(items))
	t.PerDay = pace(items)
	t.Schedule = suggested(t.PerDay)
}

// textOf is what filters look at.
func textOf(it *feed.Item) string {
	return it.Title + "\n" + normalize.Text(it.Summary) + "\n" + normalize.Text(it.Content)
}

// conditional asks once more, with the validators of the first answer, and says how
// that went.
func conditional(ctx context.Context, client *fetcher.Client, src feed.Source, first feed.Document, now time.Time) (string, error) {
	if first.ETag == "" && first.LastModified == "" {
		return "sends neither ETag nor Last-Modified: the whole document comes at every visit", nil
	}
	again := client.Fetch(ctx, &feed.Visit{Source: src, At: now, State: feed.State{
		Source: src.ID, ConfiguredURL: src.Address(), ETag: first.ETag, LastModified: first.LastModified, BodyHash: first.BodyHash, URL: first.MovedTo,
	}})
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case again.Status == http.StatusNotModified:
		return "304 when nothing has changed: visits cost next to nothing", nil
	case again.Outcome == feed.Failed:
		return "the second request failed: " + again.Problem, nil
	}
	return "ignores its own validators: the whole document comes at every visit", nil
}

// spokenIn is the language of most items.
func spokenIn(items []feed.Item) string {
	counts := map[string]int{}
	best := ""
	for _, it := range items {
		if it.Language == "" {
			continue
		}
		counts[it.Language]++
		if counts[it.Language] > counts[best] || counts[it.Language] == counts[best] && it.Language < best {
			best = it.Language
		}
	}
	return best
}

// enough dated items tell how often an outlet publishes.
const enough = 4

// pace is the number of items a day, from the middle half of the gaps between them:
// a pinned old item, or ten published at once, do not count. 0 = cannot be told.
func pace(items []feed.Item) float64 {
	var times []time.Time
	for _, it := range items {
		if !it.Published.IsZero() {
			times = append(times, it.Published)
		}
	}
	if len(times) < enough {
		return 0
	}
	slices.SortFunc(times, time.Time.Compare)
	skip := len(times) / 4
	middle := times[skip : len(times)-skip/2]
	hours := middle[len(middle)-1].Sub(middle[0]).Hours()
	if hours <= 0 {
		return 0
	}
	return math.Round(float64(len(middle)-1)/hours*240) / 10
}

// suggested is a schedule for an outlet that publishes so many items a day: often
// enough that none waits long, seldom enough that most visits find something. "" =
// the configuration's own.
func suggested(perDay float64) string {
	switch {
	case perDay == 0:
		return ""
	case perDay >= 100:
		return "*/10 * * * *"
	case perDay >= 24:
		return "*/15 * * * *"
	case perDay >= 6:
		return "*/30 * * * *"
	case perDay >= 1:
		return "@hourly"
	}
	return "0 */6 * * *"
}

// shownItems is how many items are listed for a person; JSON has all.
const shownItems = 15

func (t tryout) print(w io.Writer) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	line("address", t.Address)
	line("moved to", t.MovedTo)
	line("problem", t.Problem)
	for _, o := range t.Feeds {
		line("has a feed", strings.TrimSpace(o.URL+"  "+o.Title))
	}
	if t.Status > 0 {
		line("answer", fmt.Sprintf("%d, %d bytes, %d ms, %s", t.Status, t.Bytes, t.Took, cmp.Or(t.ContentType, "no Content-Type")))
	}
	if t.Problem == "" {
		t.describe(line)
	}
	for _, warning := range t.Warnings {
		line("warning", warning)
	}
	for i, it := range t.Items {
		if i == shownItems {
			fmt.Fprintf(&b, "and %d more; -o json shows all\n", len(t.Items)-i)
			break
		}
		fmt.Fprintf(&b, "  %s  %s\n", it.Time().Format("2006-01-02 15:04"), cmp.Or(it.Title, it.Link))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t tryout) describe(line func(name, value string)) {
	line("feed", t.Feed.Title)
	line("site", t.Feed.Link)
	line("language", t.Language)
	line("unchanged", t.Conditional)
	if t.NotBefore != "" {
		line("caching", "asks not to be visited again within "+t.NotBefore)
	}
	rate := "how many a day cannot be told"
	if t.PerDay > 0 {
		rate = fmt.Sprintf("about %g a day", t.PerDay)
	}
	texts, dated := 0, 0
	for _, it := range t.Items {
		if it.Content != "" {
			texts++
		}
		if !it.Published.IsZero() {
			dated++
		}
	}
	line("items", fmt.Sprintf("%d, %d dated, %d with their whole text; %s", len(t.Items), dated, texts, rate))
	if t.Filtered > 0 {
		line("filtered", fmt.Sprintf("%d more are dropped by include and exclude", t.Filtered))
	}
	line("schedule", t.Schedule)
	if t.Partial {
		line("warning", "the document is cut; the items before the cut are taken")
	}
}

// visitor makes a client for visits outside of the daemon.
func visitor(home string) *fetcher.Client {
	return fetcher.New(fetcher.Options{Version: version, Home: home, Lend: schedule.Lend})
}
