package parser

import (
	"fmt"
	"strings"

	"sangam/feed"
)

// The limits. Real feeds stay below depth 11, 11 namespaces, 14 attributes; each
// limit is an order of magnitude above, and low enough that a document at all of
// them at once is read in under a second and 100 MB.
const (
	maxDocument   = 32 << 20  // bytes as UTF-8; twice the fetcher's default
	maxDepth      = 256       // open elements
	maxNamespaces = 128       // declarations in scope
	maxAttributes = 256       // of one element
	maxEntities   = 2_048     // declared in the DOCTYPE; HTML has 253
	maxEntity     = 1 << 10   // bytes of one declared entity
	maxExpansion  = 1 << 20   // bytes that declared entities may add in all
	maxPieces     = 100_000   // tags, and texts between them, of one text
	maxStrayTags  = 1_000_000 // end tags that close nothing
	maxItems      = 10_000    // items read; the store keeps no more of a source
	partItems     = 250       // items that gofeed is shown at a time
	maxOutline    = 150_000   // elements handed to gofeed; no item is begun beyond
	maxChildren   = 1_000     // elements of one item handed to gofeed
	maxExtensions = 64        // outlet's own elements kept of one item
	maxExtension  = 1 << 10   // bytes of one of them
)

// place names where in a text an offset is, as an editor would.
func place(text string, offset int) string {
	before := text[:min(offset, len(text))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}

func tooLarge(size int) *Error {
	return &Error{Trouble: feed.Unreadable, What: fmt.Sprintf("a document of %d MiB, more than the %d MiB that are read", size>>20, maxDocument>>20)}
}
