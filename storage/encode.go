package storage

import (
	"encoding/binary"
	"fmt"
	"time"

	"sangam/feed"
)

// Items and stories are most of what is written, and are encoded by hand: finding their fields by
// reflection takes three times as long. The bytes are those that encMode makes of them (a test
// compares), and decMode reads them.

// The major types of CBOR (RFC 8949, 3.1), as they stand in the first byte of a value, and null.
const (
	cborUint  = 0 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
	cborNull  = 0xF6
)

// appendHead begins a value: its type, and its number or length, as short as can be.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

// A fields is a map of CBOR whose keys are numbers, being made: fields are added in the order of their
// keys, and those that are empty are left out.
type fields struct {
	b     []byte
	start int // of the map
	n     int // its fields
}

// beginFields begins a map behind b. Its head has one byte for now.
func beginFields(b []byte) fields { return fields{b: append(b, cborMap), start: len(b)} }

// end is b with the whole map behind it.
func (f *fields) end() []byte {
	var room [9]byte
	head := appendHead(room[:0], cborMap, uint64(f.n))
	f.b[f.start] = head[0]
	if more := head[1:]; len(more) > 0 {
		f.b = append(f.b, more...)
		copy(f.b[f.start+1+len(more):], f.b[f.start+1:])
		copy(f.b[f.start+1:], more)
	}
	return f.b
}

func (f *fields) key(key uint64) {
	f.n++
	f.b = appendHead(f.b, cborUint, key)
}

// must adds a text even if it is empty.
func (f *fields) must(key uint64, s string) {
	f.key(key)
	f.b = appendText(f.b, s)
}

func (f *fields) text(key uint64, s string) {
	if s != "" {
		f.must(key, s)
	}
}

func (f *fields) texts(key uint64, list []string) {
	if len(list) == 0 {
		return
	}
	f.key(key)
	f.b = appendHead(f.b, cborArray, uint64(len(list)))
	for _, s := range list {
		f.b = appendText(f.b, s)
	}
}

func (f *fields) moment(key uint64, t time.Time) {
	if t.IsZero() {
		return
	}
	f.key(key)
	var room [len(time.RFC3339Nano)]byte
	text := t.UTC().AppendFormat(room[:0], time.RFC3339Nano)
	f.b = append(appendHead(f.b, cborText, uint64(len(text))), text...)
}

func (f *fields) people(key uint64, list []feed.Person) {
	if len(list) == 0 {
		return
	}
	f.key(key)
	f.b = appendHead(f.b, cborArray, uint64(len(list)))
	for _, p := range list {
		m := beginFields(f.b)
		m.text(1, p.Name)
		m.text(2, p.Email)
		m.text(3, p.URI)
		f.b = m.end()
	}
}

// other adds what is rare, by reflection.
func (f *fields) other(key uint64, v any) error {
	b, err := encMode.Marshal(v)
	if err == nil {
		f.key(key)
		f.b = append(f.b, b...)
	}
	return err
}

// appendItem appends the CBOR of an item. Its marks have a bucket of their own, for as long as they
// matter, and what follows from the rest is left out.
func appendItem(b []byte, it *stored) ([]byte, error) {
	f := beginFields(b)
	f.must(1, it.Key)
	f.must(2, it.Source)
	f.text(3, it.ID)
	f.text(4, it.Link)
	f.text(5, it.Via)
	f.text(6, it.Title)
	f.text(7, it.Summary)
	f.text(8, it.Content)
	f.people(9, it.Authors)
	f.moment(10, it.Published)
	f.moment(11, it.Updated)
	f.text(12, it.PublishedRaw)
	f.text(13, it.UpdatedRaw)
	f.texts(14, it.Categories)
	var err error
	if len(it.Enclosures) > 0 {
		err = f.other(15, it.Enclosures)
	}
	f.text(16, it.Image)
	f.text(17, it.Language)
	f.text(18, string(it.Direction))
	f.key(19)
	origin := beginFields(f.b)
	origin.text(1, it.Origin.Name)
	origin.text(2, it.Origin.Link)
	origin.text(3, it.Origin.ID)
	f.b = origin.end()
	f.text(20, it.Comments)
	if len(it.Extensions) > 0 && err == nil {
		err = f.other(21, it.Extensions)
	}
	f.texts(22, it.Credits)
	f.moment(30, it.Seen)
	f.moment(31, it.Revised)
	if len(it.Hash) > 0 {
		f.key(32)
		f.b = append(appendHead(f.b, cborBytes, uint64(len(it.Hash))), it.Hash...)
	}
	if it.Story != storyKeyOf(it.keyHash()) {
		f.text(34, it.Story)
	}
	if len(it.Habitual) > 0 {
		f.key(35)
		f.b = appendHead(f.b, cborArray, uint64(len(it.Habitual)))
		for _, h := range it.Habitual {
			f.b = appendHead(f.b, cborUint, uint64(h))
		}
	}
	f.key(60)
	f.b = appendHead(f.b, cborUint, it.StoryNo)
	f.text(61, abridgeEntry(it.Entry, it.Story))
	f.texts(62, it.Former)
	if err != nil {
		return b, fmt.Errorf("encode item %s: %w", it.Key, err)
	}
	return f.end(), nil
}

// appendStory appends the CBOR of a story.
func appendStory(b []byte, st *story) ([]byte, error) {
	b = appendHead(b, cborArray, 12)
	b = appendText(b, st.Key)
	b = appendText(b, abridgeEntry(st.Entry, st.Key))
	b = appendHead(b, cborUint, st.Into)
	b = appendHead(b, cborUint, st.Lead)
	b = appendNumbers(b, st.Members)
	b = appendNumbers(b, st.Sources)
	if len(st.Joins) > 0 {
		joins, err := encMode.Marshal(st.Joins)
		if err != nil {
			return b, fmt.Errorf("encode story %s: %w", st.Key, err)
		}
		b = append(b, joins...)
	} else if st.Joins != nil {
		b = appendHead(b, cborArray, 0)
	} else {
		b = append(b, cborNull)
	}
	for _, n := range []uint64{st.Order, st.Updated, st.Born, st.Seq} {
		b = appendHead(b, cborUint, n)
	}
	return appendNumbers(b, st.Aliases), nil
}

func appendNumbers[N uint32 | uint64](b []byte, list []N) []byte {
	if list == nil {
		return append(b, cborNull)
	}
	b = appendHead(b, cborArray, uint64(len(list)))
	for _, n := range list {
		b = appendHead(b, cborUint, uint64(n))
	}
	return b
}
