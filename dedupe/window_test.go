package dedupe_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sangam/feed"
)

func byTime(items []feed.Item) {
	slices.SortFunc(items, func(a, b feed.Item) int {
		return cmp.Or(a.Time().Compare(b.Time()), strings.Compare(a.Key, b.Key))
	})
}

// A window finds the items that share marks, as storage does.
type window struct {
	span    time.Duration
	holders map[feed.Mark][]*feed.Item
}

func newWindow(span time.Duration) *window {
	return &window{span: span, holders: map[feed.Mark][]*feed.Item{}}
}

func (w *window) add(it *feed.Item) {
	for _, m := range it.Marks {
		w.holders[m] = append(w.holders[m], it)
	}
}

func (w *window) near(it *feed.Item) []*feed.Item {
	const most, enough = 64, 3
	type candidate struct {
		item   *feed.Item
		shared int
		strong bool
	}
	byKey := map[string]*candidate{}
	for _, m := range it.Marks {
		var holders []*feed.Item
		for _, h := range w.holders[m] {
			if h.Key != it.Key && h.Time().Sub(it.Time()).Abs() <= w.span {
				holders = append(holders, h)
			}
		}
		strong := m[0] < 'a'
		if !strong && len(holders) > most {
			continue
		}
		for _, h := range holders[max(0, len(holders)-most):] {
			c := byKey[h.Key]
			if c == nil {
				c = &candidate{item: h}
				byKey[h.Key] = c
			}
			c.shared++
			c.strong = c.strong || strong
		}
	}
	var all []*candidate
	for _, c := range byKey {
		if c.strong || c.shared >= enough {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b *candidate) int {
		if a.shared != b.shared {
			return b.shared - a.shared
		}
		return strings.Compare(a.item.Key, b.item.Key)
	})
	var near []*feed.Item
	for _, c := range all[:min(len(all), most)] {
		near = append(near, c.item)
	}
	return near
}
