package storage

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"sangam/feed"
)

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func num(b []byte) uint64 { return binary.BigEndian.Uint64(b) }

// stamp is a time as it stands in keys. Times outside 1970–2262 are moved to
// the nearest end.
func stamp(t time.Time) uint64 {
	switch {
	case t.IsZero() || t.Unix() < 0:
		return 0
	case t.Unix() > maxSecond:
		return uint64(maxSecond) * 1e9
	}
	return uint64(t.UnixNano())
}

// maxSecond is the last whole second that int64 nanoseconds can express.
const maxSecond = 9_223_372_035

func unstamp(n uint64) time.Time { return time.Unix(0, int64(n)).UTC() }

// day is the number of the day, in UTC, that a time belongs to.
func day(t time.Time) uint32 { return uint32(stamp(t) / stampsPerDay) }

// stampsPerDay is how many stamps a day has.
const stampsPerDay = uint64(24 * time.Hour)

// hashKey is the hash of an item key. Story keys are the same 64 bits in letters, so
// one entry in refs finds an item by its key and a story by that of its founder.
func hashKey(key string) uint64 {
	var room [256]byte // of most keys
	sum := sha256.Sum256(append(room[:0], key...))
	return num(sum[:])
}

// hashRef is the hash of an id or a link.
func hashRef(ref string) uint64 { return xxhash.Sum64String(ref) }

var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// storyKey is the key of the story that the item founds: 13 letters and digits.
func storyKey(itemKey string) string { return storyKeyOf(hashKey(itemKey)) }

// storyKeyOf is storyKey by the hash of the item's key.
func storyKeyOf(hash uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash)
	var out [13]byte
	letters.Encode(out[:], b[:])
	return string(out[:])
}

// storyHash is hashKey of the item that founded the story, if s is a story key.
func storyHash(s string) (uint64, bool) {
	b, err := letters.DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, false
	}
	return num(b), true
}

// tagDate is the date that all tag URIs made here bear: one on which the shape was
// settled. It never changes, or ids would.
const tagDate = "2026"

// mintEntry makes an entry id of a story key (RFC 4151).
func mintEntry(authority, key string) string {
	return "tag:" + authority + mintMiddle + key
}

// mintMiddle stands between the authority and the key.
const mintMiddle = "," + tagDate + ":sangam/"

// minted reports whether an id has the shape of those made here, and gives the
// story key in it. Such ids are never taken over from an item: somebody aggregates us.
func minted(id string) (key string, yes bool) {
	if !strings.HasPrefix(id, "tag:") {
		return "", false
	}
	_, key, yes = strings.Cut(id, mintMiddle)
	return key, yes
}

// maxEntryID is the longest id that is taken over as an entry id.
const maxEntryID = 1024

// adopted is the entry id that an item's own id makes, "" if it makes none: the normal
// form of a URI or IRI of a scheme whose names are unique by construction.
func adopted(id string) string {
	switch {
	case len(id) > maxEntryID || !utf8.ValidString(id):
		return ""
	case feed.PlainAddress(id):
		return id
	}
	if strings.ContainsFunc(id, func(r rune) bool {
		if r < utf8.RuneSelf {
			return r <= ' ' || r == 0x7F || strings.IndexByte("<>\"{}|\\^`", byte(r)) >= 0
		}
		return !unicode.IsPrint(r) // which no space but ' ' is
	}) {
		return ""
	}
	if _, err := url.Parse(id); err != nil {
		return ""
	}
	entry := feed.NormalURI(id)
	if _, yes := minted(entry); yes {
		return ""
	}
	return entry
}

// nameLen is the length of every key of names.
const nameLen = 4 + 8

func nameKey(src uint32, itemKey string) []byte {
	return be32and64(src, hashKey(itemKey))
}

func be32and64(a uint32, b uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(make([]byte, 0, 12), a), b)
}

func placeKey(order, no uint64) []byte { return appendPlace(make([]byte, 0, 16), order, no) }

func appendPlace(to []byte, order, no uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(to, order), no)
}

func sourceKey(src uint32, order, no uint64) []byte {
	return appendPlace(binary.BigEndian.AppendUint32(make([]byte, 0, 20), src), order, no)
}

// entryKey is where an entry id is noted as taken. Ids of one maker are together, as one visit mostly
// brings ids of one.
func entryKey(id string) []byte {
	return be32and64(uint32(hashRef(makerOf(id))), hashRef(id))
}

// makerOf is the part of an entry id that tells who made it: of an address scheme and host, of a tag URI
// all but the rest behind its date, of a URN its name space.
func makerOf(id string) string {
	from, until := len("tag:"), ":"
	if i := strings.Index(id, "://"); i >= 0 {
		from, until = i+len("://"), "/"
	}
	maker, _, _ := strings.Cut(id[min(from, len(id)):], until)
	return id[:min(from+len(maker), len(id))]
}

// tombstone is the value in names of a deleted item: it is not taken back before
// the day. It remembers when the item was first seen.
func tombstone(until uint32, seen time.Time) []byte {
	return binary.AppendUvarint(binary.AppendUvarint([]byte{0}, uint64(until)), stamp(seen))
}

// firstSeen is when the item of a tombstone was first seen; at, if it does not tell.
func firstSeen(tomb []byte, at time.Time) time.Time {
	if len(tomb) > 1 {
		_, n := binary.Uvarint(tomb[1:])
		if seen, k := binary.Uvarint(tomb[1+max(n, 0):]); k > 0 {
			return unstamp(seen)
		}
	}
	return at
}

// ghostKey is where names keeps the tombstones of a source that was purged. They keep
// nobody away, but lend what comes back its place. They are kept by the source's id,
// not by its number, which purging may take away.
func ghostKey(source string, hash uint64) []byte {
	return be32and64(ghosts|uint32(hashKey(source)), hash)
}

// ghosts is the bit that the number of no source has.
const ghosts = 1 << 31

// readName reads a value in names: the item's number, or 0 and the day until which
// the tombstone stands.
func readName(v []byte) (no uint64, until uint32) {
	no, n := binary.Uvarint(v)
	if no == 0 && n == 1 {
		d, _ := binary.Uvarint(v[1:])
		return 0, uint32(d)
	}
	return no, 0
}

func packSources(to []byte, srcs []uint32) []byte {
	for _, s := range srcs {
		to = binary.AppendUvarint(to, uint64(s))
	}
	return to
}

// single reports whether b packs one source.
func single(b []byte) bool {
	_, n := binary.Uvarint(b)
	return n == len(b)
}

// anySource reports whether want holds for any source packed in b.
func anySource(b []byte, want func(uint32) bool) bool {
	for len(b) > 0 {
		s, n := binary.Uvarint(b)
		if n <= 0 {
			return false
		}
		if want(uint32(s)) {
			return true
		}
		b = b[n:]
	}
	return false
}
