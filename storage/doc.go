// Package storage keeps states, items and stories in one bbolt file, and finds
// the stories readers ask for.
//
// It deliberately does not know how items resemble each other (they bring opaque
// marks, and a feed.Decider is passed in), what time it is (time comes in the
// batch), nor anything of HTTP, formats or rendering.
//
// # The law
//
// Merge is a function of what is stored and the batch, nothing else. Merging a
// batch twice equals merging it once; a batch that is not newer than the last one
// of its source is ignored; the order of the items inside a batch does not matter.
// Everything a batch brings becomes durable in one transaction, the source's
// state last, so validators are never stored without the items they stand for.
//
// # The file
//
// A bbolt file is a copy-on-write B+tree with two meta pages; see
// go.etcd.io/bbolt. Integers in keys are big-endian, so that byte order is number
// order. "no" is a number of 8 bytes: every item gets the next one when it is
// first stored, and a story bears the number of the item that founded it. "src" is
// a number of 4 bytes that a source gets when it is first heard of. "time" is 8
// bytes of nanoseconds since 1970, UTC. A "hash" is 8 bytes. "day" is 4 bytes: days
// since 1970.
//
//	bucket   key                     value
//	meta     "schema"                4 bytes: the version of this layout
//	         "clock"                 time of the newest batch
//	         "configured"            present once SetOutlets has been called
//	         "sizes"                 record: how large the file was, for the last days
//	         "general"               sequence of the newest change that is not of one story
//	         "log"                   8 bytes: how far the store has folded the log it follows; then that
//	                                 log's name. Absent in a store that follows none
//	         "terms"                 what that log last said of how it goes on, for those who write it
//	outlets  source id               record: the outlet, its src, whether it is configured
//	states   source id               record: feed.State without its habits
//	habits   source id               record: feed.Habits, written only when they changed
//	items    no of the first         record: a pack of up to sixteen items that one visit brought,
//	                                 each a feed.Item and the number of its story
//	marks    day (bucket)            one log per day of arrival, dropped as a whole once nothing
//	                                 will be compared with its items any more
//	         └ no, sequence          record: of the items from this number on that a visit brought,
//	                                 when they were published and seen, and 32 bits of the hash of
//	                                 each of their marks; later ones replace what is said before
//	names    src, hash of item key   the item's no as a varint; or the tombstone of a deleted
//	                                 item: a 0 byte, the day on which it expires and when the
//	                                 item was first seen, as varints. With a hash of the id of
//	                                 a purged source, its highest bit set, for the src: those
//	                                 of the source's items, which keep nobody away
//	refs     day (bucket)            one bucket per day of arrival; its sequence is the first no
//	         └ slot                  a slot is the first 10 bits of a hash, as 2 bytes. For each such hash
//	                                 of an item's key, id or link: its next 32 bits and 5 bytes of the
//	                                 item's no; in order, one after the other
//	stories  no                      record: key, entry id, members, lead, why, order, …;
//	                                 or, for a story that became part of another, where it went
//	entries  maker, hash             no of the story (varint) that took this entry id over from an item; the
//	                                 maker is 4 bytes of a hash of the id up to who made it: an address to its
//	                                 host, others to the second colon
//	timeline time, no                the src of every member as varints
//	bysource src, time, no           empty
//	changes  sequence                no of the story (varint) and Unix seconds of the batch
//	                                 (varint); no 0 = the list of outlets, or what is kept, changed
//	verdicts item key, 0, item key   record: what the operator ruled; both orders are stored
//
// Keys in items, marks, stories, timeline and changes grow at the end; names, bysource and
// entries keep what one visit touches together; refs is small per day, and its slots are
// written once a commit. No bucket that grows for ever takes its keys in random order, because
// that is what makes writes dear as a file grows. There is no index by category: a category is
// a set of sources at the moment of asking.
//
// # Records
//
// A record is a version byte (the lower 7 bits; the highest bit says that the body
// is zstd, which it is from 512 bytes on, except in states), 4 bytes of CRC-32C over the bucket's
// name, the key and the body as stored, and the body. Version 1 is CBOR (RFC 8949) whose
// integer keys are the numbers in the cbor tags. Version 2 is a pack: how many items there are; of
// each how far its number is from the one before it (the first: from the key) and its length, all as
// varints; then the items, CBOR as above. What follows from the rest is left out of items and
// stories: the key of a story that the item founded, and of an entry id made here all but
// the authority, after a 0 byte. Version 3 is never compressed: of each item its number (varint), two
// times, how many strong marks and how many marks it has (varints), and the hashes of 4 bytes,
// the strong ones first; a second time of zero says that the item has been deleted. A record
// whose checksum is wrong is skipped, counted and reported; nothing else suffers.
//
// Why packs: items that came together share addresses, markup and words. Compressed together they
// take a third less, and a page of 4 kB holds no single item of 1.2 kB without waste. To read one
// item, all of its pack are decompressed, which takes about 40 µs; the packs read last are remembered.
//
// # What can be rebuilt
//
// meta, outlets, states, habits, items and verdicts are the truth, and of a story its
// key, entry id and place. All else follows from them, and Reindex makes it anew: it merges the
// items once more, visit by visit in the order of their numbers, which is that in which
// they came, with marks made afresh (Options.Mark) and the rules of today. Which items are one
// story may so change, never what a story is called as long as its first item begins
// one. marks are kept apart from the items because they are a third of their size and of use
// for some days; the index over them lives in memory, and is made from this bucket before
// the first merge.
//
// # The order of the river
//
// A story has its place for ever, given by its first item. The place is the time
// at which the item says it was published. If it does not say, or claims a time after
// we first saw it, the place is when we first saw it. If it turns up more than two
// hours later than it claims, readers have already read past that time, so again
// its place is when we first saw it; unless it is older than a week, or its source was
// newly added or away for a week: such old items go where they belong, and do not
// jump to the top.
package storage
