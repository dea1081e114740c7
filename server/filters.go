package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"sangam/feed"
)

// FeedStatus is what the filters of a configured feed do to its newest stories.
type FeedStatus struct {
	ID       string `json:"id"`
	Looked   int    `json:"looked"`       // stories that are the feed's own but for its filters, the newest
	Excluded int    `json:"excluded"`     // of those, exclude matches so many
	Missed   int    `json:"not_included"` // include matches none of so many
}

// String is the effect in words: "exclude matched 31 of its newest 400 stories".
func (f FeedStatus) String() string {
	var parts []string
	if f.Excluded > 0 {
		parts = append(parts, fmt.Sprintf("exclude matched %d", f.Excluded))
	}
	if f.Missed > 0 {
		parts = append(parts, fmt.Sprintf("include did not match %d", f.Missed))
	}
	if len(parts) == 0 {
		parts = []string{"its filters dropped none"}
	}
	return fmt.Sprintf("%s of its newest %d stories", strings.Join(parts, " and "), f.Looked)
}

// filterLook is how many stories of a feed are looked at.
const filterLook = 400

// FiltersOf tells what the filters of each feed that has some do.
func FiltersOf(ctx context.Context, store Store, views []feed.View) ([]FeedStatus, error) {
	list := []FeedStatus{}
	for _, v := range views {
		if len(v.Query.Include)+len(v.Query.Exclude) == 0 {
			continue
		}
		f := FeedStatus{ID: v.ID}
		bare := v.Query
		bare.Include, bare.Exclude = nil, nil
		var oldest time.Time
		for story, err := range store.Stories(ctx, bare) {
			if err != nil {
				return nil, err
			}
			f.Looked++
			if oldest = story.Order; f.Looked == filterLook {
				break
			}
		}
		excluding, including := bare, bare
		excluding.Exclude, including.Include = v.Query.Exclude, v.Query.Include
		left, err := countSince(ctx, store, excluding, oldest, f.Looked)
		if err != nil {
			return nil, err
		}
		found, err := countSince(ctx, store, including, oldest, f.Looked)
		if err != nil {
			return nil, err
		}
		f.Excluded, f.Missed = f.Looked-left, f.Looked-found
		list = append(list, f)
	}
	return list, nil
}

// countSince is how many stories answer a query that are not older than a time, at most
// limit.
func countSince(ctx context.Context, store Store, q feed.Query, oldest time.Time, limit int) (int, error) {
	n := 0
	for story, err := range store.Stories(ctx, q) {
		switch {
		case err != nil:
			return n, err
		case n == limit || story.Order.Before(oldest):
			return n, nil
		}
		n++
	}
	return n, nil
}

// filterWatch remembers what FiltersOf told: it reads hundreds of stories of each feed,
// and a status page is looked at again and again.
type filterWatch struct {
	mu   sync.Mutex
	of   []feed.View
	told []FeedStatus
	at   time.Time
}

// filterHolds is how long an answer holds while the feeds stay as they are.
const filterHolds = time.Minute

func (w *filterWatch) ask(ctx context.Context, store Store, views []feed.View, now time.Time) ([]FeedStatus, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	same := len(views) == len(w.of) && (len(views) == 0 || &views[0] == &w.of[0])
	if same && now.Sub(w.at) < filterHolds && !now.Before(w.at) {
		return w.told, nil
	}
	told, err := FiltersOf(ctx, store, views)
	if err == nil {
		w.of, w.told, w.at = views, told, now
	}
	return told, err
}
