package storage

import (
	"time"

	"sangam/feed"
)

const (
	// promptly is how late an item may turn up and still keep the place it claims:
	// outlets publish in steps and feeds are visited in steps.
	promptly = 2 * time.Hour

	// news is how old an item may be and still be placed where readers look for
	// what is new. What is older came with an archive. A source that was away for
	// longer counts as newly added.
	news = 7 * 24 * time.Hour
)

// orderTime is the place in the river of an item seen for the first time. The
// package comment says the rule in words. lastRead is when its source was last
// read before this visit; zero = never.
func orderTime(it *feed.Item, lastRead time.Time) time.Time {
	late := it.Seen.Sub(it.Published)
	switch {
	case it.Published.IsZero(), it.Published.Before(earliest), late < 0:
		return it.Seen
	case late <= promptly, late > news:
		return it.Published
	case lastRead.IsZero(), it.Seen.Sub(lastRead) > news:
		return it.Published
	}
	return it.Seen
}

// earliest is the first moment anything can have been published in a feed; what
// claims to be older has a broken clock.
var earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
