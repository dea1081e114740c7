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
// bytes of nanoseconds since 1970, UTC. A "hash" is 8 bytes: of an item's key the
// first of its SHA-256, of all else xxHash64; of marks and makers only the lower 4 are kept. "day" is
// 4 bytes: days since 1970. A story's key is the hash of its founder's key in base32, in small letters.
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
//	items    no of the first         record: a pack of up to sixteen items that came one after the
//	                                 other, each a feed.Item and the number of its story
//	marks    day (bucket)            one log per day of arrival, dropped as a whole once nothing
//	                                 will be compared with its items any more
//	         └ no, sequence          record: of the items from this number on that a visit brought,
//	                                 when they were published and seen, and 32 bits of the hash of
//	                                 each of their marks; later ones replace what is said before
//	names    src, hash of item key   the item's no as a varint; or the tombstone of a deleted
//	                                 item: a 0 byte, the day on which it expires and when the
//	                                 item was first seen, as varints. With the highest bit set in
//	                                 the lower 4 bytes of the SHA-256 hash of a purged source's
//	                                 id for the src: those of its items, which keep nobody away
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
// stories: the key of a story that the item founded, and of an entry id made here,
// "tag:AUTHORITY,2026:sangam/" and the story's key, all but the authority, after a 0 byte. Version 3 is never compressed: of each item its number (varint), two
// times, how many strong marks and how many marks it has (varints), and the hashes of 4 bytes,
// the strong ones first; a second time of zero says that the item has been deleted. A record
// whose checksum is wrong is skipped, counted and reported; nothing else suffers.
//
// Why packs: items that came together share addresses, markup and words. Compressed together they
// take a third less, and a page of 4 kB holds no single item of 1.2 kB without waste. What comes one by one, as it does
// once a source is known, joins the last pack: alone, each item would take up twice its bytes. To read one
// item, all of its pack are decompressed, which takes about 40 µs; the items read last are remembered.
//
// # Fields
//
// By these numbers are the fields of records known in CBOR; what is empty is left out. Records told without
// numbers are arrays, in this order. Moments are texts (RFC 3339), in stories times as in keys. What the fields
// mean is said where the types are, mostly in package feed. Of stories: Lead and Members are numbers of items, Sources
// the src of each member, Aliases the numbers of stories that became part of it; Into is the number of the one that it became
// part of itself; Order is its place, Born when it came, Seq its newest change. StoryNo is the number of an item's story.
//
//	item: 1 Key, 2 Source, 3 ID, 4 Link, 5 Via, 6 Title, 7 Summary, 8 Content, 9 Authors,
//	    10 Published, 11 Updated, 12 PublishedRaw, 13 UpdatedRaw, 14 Categories, 15 Enclosures,
//	    16 Image, 17 Language, 18 Direction, 19 Origin, 20 Comments, 21 Extensions, 22 Credits,
//	    30 Seen, 31 Revised, 32 Hash, 34 Story, 35 Habitual, 60 StoryNo, 61 Entry, 62 Former
//	authors: 1 Name, 2 Email, 3 URI
//	enclosures: 1 URL, 2 Type, 3 Length, 4 Title
//	origin: 1 Name, 2 Link, 3 ID
//	story: Key, Entry, Into, Lead, Members, Sources, Joins, Order, Updated, Born, Seq, Aliases
//	joins: 1 With, 2 Item, 3 Relation, 4 Rule, 5 Because, 6 Scores
//	outlet record: 1 Outlet, 2 Num, 3 Configured
//	outlet: 1 ID, 2 Name, 3 Site, 4 URL, 5 Language, 6 Direction, 7 Categories, 8 Credits,
//	    9 Priority, 10 Apart, 11 MaxPerDay, 12 FeedID
//	state: 1 Source, 2 URL, 3 ETag, 4 LastModified, 5 BodyHash, 6 ConfiguredURL, 10 Visited,
//	    11 Succeeded, 12 Changed, 13 FailingSince, 14 Failures, 15 Trouble, 16 Problem,
//	    17 Status, 18 Warnings, 20 Due, 21 DueWhy, 22 NotBefore, 23 NotBeforeWhy, 24 Gone,
//	    25 Items, 26 Bytes, 27 Took, 28 Visits, 29 NotModified, 31 Filtered, 33 Judged,
//	    34 Dropped, 32 Tally, 35 Events, 30 Channel
//	channel: 1 Title, 2 Link, 3 Description, 4 Language, 5 ID, 6 Self, 7 Hubs, 8 Image,
//	    9 Updated, 10 Authors, 11 Rights, 12 Generator, 13 Categories, 14 UpdatedRaw, 20 Pace
//	pace: 1 TTL, 2 Period, 3 SkipHours, 4 SkipDays
//	tally: 1 Since, 2 News, 3 Silent, 4 Days
//	days: Date, New, Copies, Visits, Unchanged, Failed, Bytes, Took, Gap
//	events: 1 Kind, 2 At, 3 Since, 4 Trouble, 5 Detail, 6 PerDay
//	habits: 1 Sentences, 2 Learnt, 3 Listed, 4 NewIDs, 5 NewLinks, 6 NoIDs, 7 NoLinks
//	sentences: Hash, Count, Age, Items
//	listed: Key, ID, Link, Text
//	verdict: 1 Always, 2 At, 3 By, 4 First
//	size: 1 Date, 2 Bytes, 3 Free
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
// we first saw it or before 1990, the place is when we first saw it. If it turns up more than two
// hours later than it claims, readers have already read past that time, so again
// its place is when we first saw it; unless it is older than a week, or its source was
// newly added or away for a week: such old items go where they belong, and do not
// jump to the top.
package storage
