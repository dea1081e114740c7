package cluster

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"

	"sangam/feed"
	"sangam/storage"
)

// An entry is one message of the log: a step of the stores, or a charter.
type entry struct {
	At      time.Time       `cbor:"1,keyasint"`
	Node    string          `cbor:"2,keyasint,omitempty"` // who wrote it
	Rules   string          `cbor:"3,keyasint,omitempty"` // in force as far as its writer knew: under others it is void
	Batch   *batch          `cbor:"10,keyasint,omitempty"`
	Outlets *storage.Roll   `cbor:"11,keyasint,omitempty"`
	Ruling  *storage.Ruled  `cbor:"12,keyasint,omitempty"`
	Delete  *storage.Doomed `cbor:"13,keyasint,omitempty"`
	Forget  string          `cbor:"14,keyasint,omitempty"`
	Charter *Charter        `cbor:"15,keyasint,omitempty"`
}

// batch is a feed.Batch as it travels.
type batch struct {
	At     time.Time   `cbor:"1,keyasint"`
	Outlet feed.Outlet `cbor:"2,keyasint"`
	State  feed.State  `cbor:"3,keyasint"`
	Items  []feed.Item `cbor:"4,keyasint,omitempty"`
}

// A Charter says by what rules and which configuration the cluster decides from here on. The
// first entry of a log has one.
type Charter struct {
	Rules  string `cbor:"1,keyasint" json:"rules"`  // digest
	Config string `cbor:"2,keyasint" json:"config"` // digest
	// Seed is the digest of the store that the log begins with; "" = an empty one. Such a log can
	// be followed from its first entry on by that store alone, by others only from a snapshot.
	Seed string `cbor:"3,keyasint,omitempty" json:"seed,omitempty"`
}

// terms are a charter as a store keeps it beside its position.
func (c Charter) terms() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings can be written
	}
	return string(text)
}

// underTerms is the charter in force at a position; nil before the first entry.
func underTerms(pos storage.Position) (*Charter, error) {
	if pos.Terms == "" {
		return nil, nil
	}
	c := &Charter{}
	if err := json.Unmarshal([]byte(pos.Terms), c); err != nil {
		return nil, fmt.Errorf("the charter in the store cannot be read: %w", err)
	}
	return c, nil
}

// kind is the last part of an entry's subject.
func (e *entry) kind() string {
	switch {
	case e.Charter != nil:
		return kindCharter
	case e.Batch != nil:
		return kindBatch
	}
	return kindOrder
}

const (
	kindBatch   = "batch"
	kindCharter = "charter"
	kindOrder   = "order"
	kindPart    = "part" // of an entry that is too large for one message
)

// step is what the store is to do.
func (e *entry) step(seq uint64) storage.Step {
	s := storage.Step{Seq: seq, At: e.At, Outlets: e.Outlets, Ruling: e.Ruling, Delete: e.Delete, Forget: e.Forget}
	if e.Charter != nil {
		s.Terms = e.Charter.terms()
	}
	if b := e.Batch; b != nil {
		s.Batch = &feed.Batch{At: b.At, Outlet: b.Outlet, State: b.State, Items: b.Items}
	}
	return s
}

var (
	encoding = must(cbor.EncOptions{Sort: cbor.SortCoreDeterministic, Time: cbor.TimeRFC3339NanoUTC}.EncMode())
	decoding = must(cbor.DecOptions{
		UTF8:             cbor.UTF8DecodeInvalid, // what was sent comes out, whatever it was
		MaxArrayElements: 1 << 20, MaxMapPairs: 1 << 20,
	}.DecMode())
	// Both are safe for concurrent use by EncodeAll and DecodeAll.
	squeezer  = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2)))
	unsqueeze = must(zstd.NewReader(nil, zstd.WithDecoderMaxMemory(largestEntry), zstd.WithDecoderConcurrency(2)))
)

// largestEntry bounds what an entry unpacks to: several times what the largest document makes.
const largestEntry = 512 << 20

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // only wrong options fail
	}
	return v
}

func (e *entry) pack() ([]byte, error) {
	raw, err := encoding.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write an entry of the log: %w", err)
	}
	return squeezer.EncodeAll(raw, nil), nil
}

func unpack(data []byte) (*entry, error) {
	raw, err := unsqueeze.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("read an entry of the log: %w", err)
	}
	e := &entry{}
	if err := decoding.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("read an entry of the log: %w", err)
	}
	return e, nil
}
