package dedupe

import (
	"fmt"
	"slices"
	"strings"

	"sangam/feed"
	"sangam/normalize"

	"github.com/cespare/xxhash/v2"
)

const (
	// uselessAfter is the number of documents in a row that listed known items under
	// new ids, or links, after which those are taken to identify nothing. Once is a
	// site that moved.
	uselessAfter = 3
	// minPaired is the least number of known texts in a document that tells anything
	// about its ids.
	minPaired = 2
	// maxListed bounds how many items are remembered of one source, about 12 kB.
	maxListed = 300
	// minTelling is the length in bytes from which a text alone identifies an item;
	// outlets head many with "Weather" and nothing else.
	minTelling = 120
)

// Identify gives items of one document that the source listed before the keys they
// had then, though their ids or links are new. Known again are items with the same
// text where link, date or length make sure that it is the same item; and once the
// source's ids have proved useless, those with the same link. Of a source whose ids
// are new on every visit the ids are taken away, so that links and then texts
// identify; new links on every visit are no revision.
//
// Items are changed in place, before Mark. The habits returned are to be remembered,
// the warnings to be shown: they say what happened to how many items.
func Identify(items []feed.Item, habits feed.Habits) (feed.Habits, []string) {
	now := listing(items)
	habits.NewIDs, habits.NewLinks = watch(now, habits)
	told := make([]string, 0, 2)
	if habits.NewIDs >= uselessAfter {
		habits.NoIDs = true
	}
	if habits.NewLinks >= uselessAfter {
		habits.NoLinks = true
	}
	degrade(items, now, habits)
	ids, links := recognise(items, now, habits)
	if habits.NoIDs {
		told = append(told, "ids are new on every visit and were ignored: items are known by "+otherwise(habits))
	}
	if habits.NoLinks {
		told = append(told, "links are new on every visit and do not identify items")
	}
	if n := len(items); ids > 0 && !habits.NoIDs {
		told = append(told, fmt.Sprintf("%d of %d items came back under new ids", ids, n))
	} else if 2*links > n && !habits.NoLinks { // a link or two is a desk that edits its slugs
		told = append(told, fmt.Sprintf("%d of %d items came back under new links", links, n))
	}
	habits.Listed = remember(now, habits.Listed)
	return habits, told
}

func otherwise(habits feed.Habits) string {
	if habits.NoLinks {
		return "their text"
	}
	return "link and text"
}

func listing(items []feed.Item) []feed.Listed {
	out := make([]feed.Listed, len(items))
	for i := range items {
		it := &items[i]
		out[i] = feed.Listed{Key: it.Key, ID: hash32(it.ID), Link: hash32(normalize.URL(it.Link)), Text: textHash(it)}
	}
	return out
}

// hash32 is never 0 but for the empty string.
func hash32(s string) uint32 {
	if s == "" {
		return 0
	}
	return uint32(xxhash.Sum64String(s)) | 1
}

// textHash is of what readers see but for the link.
func textHash(it *feed.Item) uint64 {
	bare := *it
	bare.Link = ""
	h := uint64(0)
	for _, b := range normalize.Hash(&bare) {
		h = h<<8 | uint64(b)
	}
	return h
}

// watch counts on how many documents in a row most of the known texts came under
// ids, or links, that were never listed.
func watch(now []feed.Listed, habits feed.Habits) (newIDs, newLinks int) {
	then := byText(habits.Listed)
	ids, links := map[uint32]bool{}, map[uint32]bool{}
	for _, l := range habits.Listed {
		ids[l.ID], links[l.Link] = true, true
	}
	paired, freshIDs, freshLinks := 0, 0, 0
	for text, i := range byText(now) {
		if _, known := then[text]; i < 0 || !known {
			continue
		}
		paired++
		if id := now[i].ID; id != 0 && !ids[id] {
			freshIDs++
		}
		if link := now[i].Link; link != 0 && !links[link] {
			freshLinks++
		}
	}
	if paired < minPaired {
		return habits.NewIDs, habits.NewLinks // nothing to be learnt
	}
	if 2*freshIDs > paired {
		newIDs = min(habits.NewIDs+1, uselessAfter)
	}
	if 2*freshLinks > paired {
		newLinks = min(habits.NewLinks+1, uselessAfter)
	}
	return newIDs, newLinks
}

// byText finds the listed item that has a text, -1 if several do.
func byText(list []feed.Listed) map[uint64]int {
	return by(list, func(l feed.Listed) uint64 { return l.Text })
}

// byLink finds the listed item that has a link, -1 if several do.
func byLink(list []feed.Listed) map[uint32]int {
	return by(list, func(l feed.Listed) uint32 { return l.Link })
}

func by[K comparable](list []feed.Listed, of func(feed.Listed) K) map[K]int {
	out := make(map[K]int, len(list))
	for i, l := range list {
		if _, twice := out[of(l)]; twice {
			i = -1
		}
		out[of(l)] = i
	}
	return out
}

// degrade takes from the items what does not identify them, and makes their keys of
// what does.
func degrade(items []feed.Item, now []feed.Listed, habits feed.Habits) {
	if !habits.NoIDs && !habits.NoLinks {
		return
	}
	linked := byLink(now)
	for i := range items {
		it := &items[i]
		if habits.NoIDs {
			it.ID = ""
		}
		link := it.Link
		if habits.NoLinks {
			link = ""
			bare := *it
			bare.Link = ""
			it.Hash = normalize.Hash(&bare)
		} else if linked[now[i].Link] < 0 {
			link = ""
		}
		it.Key = normalize.Key(it.Source, it.ID, link, fmt.Sprintf("%016x", now[i].Text))
		now[i].Key = it.Key
	}
}

// recognise gives items their former keys, and counts those that came under new ids
// and new links.
func recognise(items []feed.Item, now []feed.Listed, habits feed.Habits) (ids, links int) {
	then := habits.Listed
	present, known := map[string]bool{}, make(map[string]feed.Listed, len(then))
	for _, l := range now {
		present[l.Key] = true
	}
	for _, l := range then {
		known[l.Key] = l
	}
	oldText, oldLink, newText, newLink := byText(then), byLink(then), byText(now), byLink(now)
	for i := range items {
		it, l := &items[i], &now[i]
		if was, yes := known[l.Key]; yes {
			if was.Text == l.Text && was.Link != l.Link {
				links++
			}
			continue
		}
		was, found := oldText[l.Text]
		found = found && was >= 0 && newText[l.Text] >= 0 && (then[was].Link == l.Link || telling(it))
		if !found && habits.NoIDs && !habits.NoLinks && l.Link != 0 && newLink[l.Link] >= 0 {
			was, found = oldLink[l.Link]
			found = found && was >= 0
		}
		if !found || present[then[was].Key] {
			continue
		}
		if l.ID != then[was].ID {
			ids++
		}
		if l.Link != then[was].Link {
			links++
		}
		it.Key, l.Key = then[was].Key, then[was].Key
		present[l.Key] = true
	}
	return ids, links
}

// telling reports whether an item's text is its own: long enough.
func telling(it *feed.Item) bool {
	return len(it.Title)+max(len(it.Summary), len(it.Content)) >= minTelling
}

// remember lists the items of this document, and after them as many again of those
// that were listed before.
func remember(now, then []feed.Listed) []feed.Listed {
	if len(now) == 0 {
		return then
	}
	out := slices.Clone(now)
	slices.SortFunc(out, func(a, b feed.Listed) int { return strings.Compare(a.Key, b.Key) })
	out = out[:min(len(out), maxListed)]
	listed := make(map[string]bool, len(out))
	for _, l := range out {
		listed[l.Key] = true
	}
	most := min(2*len(out), maxListed)
	for _, l := range then {
		if len(out) < most && !listed[l.Key] {
			out = append(out, l)
		}
	}
	return out
}
