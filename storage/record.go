package storage

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// The versions of records.
const (
	versionCBOR  = 1 // CBOR
	versionPack  = 2 // a pack of items
	versionMarks = 3 // marks of items; never compressed: they are hashes
)

const (
	compressed = 0x80 // flag in the version byte
	headerLen  = 1 + crc32.Size

	// compressFrom is the smallest body worth compressing: below it zstd's frame
	// eats what it gains.
	compressFrom = 512

	// maxRecord bounds what a damaged or hostile zstd frame may grow to.
	maxRecord = 64 << 20
)

// errChecksum is what reading a record gives when its bytes are not those written.
var errChecksum = errors.New("checksum mismatch")

// errPack is what reading a pack gives whose parts do not fit together.
var errPack = errors.New("the items in the record do not add up")

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	bodies    = sync.Pool{New: func() any { return new([]byte) }}
	scratches = sync.Pool{New: func() any { return new(bytes.Buffer) }}

	encMode = must(cbor.EncOptions{
		Sort: cbor.SortCoreDeterministic, // the same value always makes the same bytes
		Time: cbor.TimeRFC3339NanoUTC,    // exact, and zstd removes the repetition
	}.UserBufferEncMode())
	decMode = must(cbor.DecOptions{
		UTF8:             cbor.UTF8DecodeInvalid, // what was stored comes back, whatever it was
		MaxArrayElements: 1 << 20,
		MaxMapPairs:      1 << 20,
	}.DecMode())

	// Both are safe for concurrent use by EncodeAll and DecodeAll.
	// The fastest level takes half the time of the default one for 4 % more bytes.
	zstdEnc = must(zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(128<<10)))
	zstdDec = must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxRecord), zstd.WithDecoderLowmem(true)))
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options written in this file
	}
	return v
}

// encode makes the record of v that is stored under key in the bucket.
func encode(bucket string, key []byte, v any) ([]byte, error) {
	scratch := scratches.Get().(*bytes.Buffer)
	defer scratches.Put(scratch)
	scratch.Reset()
	if err := encMode.MarshalToBuffer(v, scratch); err != nil {
		return nil, fmt.Errorf("encode %s: %w", reflect.TypeOf(v), err)
	}
	return seal(bucket, key, versionCBOR, scratch.Bytes()), nil
}

// seal makes a record of a body. The body is the caller's own again afterwards.
func seal(bucket string, key []byte, version byte, body []byte) []byte {
	return sealIn(nil, bucket, key, version, body)
}

// sealIn is seal that takes the room for the record from an arena.
func sealIn(a *arena, bucket string, key []byte, version byte, body []byte) []byte {
	if len(body) >= compressFrom && version != versionMarks && bucket != bStates { // a state is read and written by every visit
		scratch := bodies.Get().(*[]byte)
		defer bodies.Put(scratch)
		*scratch = zstdEnc.EncodeAll(body, (*scratch)[:0])
		version, body = version|compressed, *scratch
	}
	rec := a.take(headerLen + len(body)) // and no more: bbolt keeps it until the commit
	rec[0] = version
	copy(rec[headerLen:], body)
	binary.BigEndian.PutUint32(rec[1:], checksum(bucket, key, body))
	return rec
}

// unseal checks a record and gives its body, which is the caller's own; if a buffer is given, it
// may be used.
func unseal(bucket string, key, rec, buffer []byte) (version byte, body []byte, err error) {
	if len(rec) < headerLen {
		return 0, nil, errChecksum
	}
	body = rec[headerLen:]
	if binary.BigEndian.Uint32(rec[1:]) != checksum(bucket, key, body) {
		return 0, nil, errChecksum
	}
	version = rec[0] &^ compressed
	switch {
	case rec[0]&compressed == 0:
		body = append(buffer[:0], body...)
	default:
		body, err = zstdDec.DecodeAll(body, buffer[:0])
	}
	if err != nil {
		return 0, nil, fmt.Errorf("decompress: %w", err)
	}
	return version, body, nil
}

// decode reads the record that is stored under key in the bucket into v. Nothing
// in v refers to rec afterwards.
func decode(bucket string, key, rec []byte, v any) error {
	scratch := bodies.Get().(*[]byte)
	defer bodies.Put(scratch)
	version, body, err := unseal(bucket, key, rec, *scratch)
	if err != nil {
		return err
	}
	*scratch = body
	if version != versionCBOR {
		return fmt.Errorf("record version %d is not known", version)
	}
	if err := decMode.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode %s: %w", reflect.TypeOf(v), err)
	}
	return nil
}

// checksum covers the place too, so that a record in the wrong place is found out.
func checksum(bucket string, key, body []byte) uint32 {
	sum := crc32.Update(bucketSums[bucket], castagnoli, key)
	return crc32.Update(sum, castagnoli, body)
}

// bucketSums are the checksums of the buckets' names, with which those of all records begin.
var bucketSums = func() map[string]uint32 {
	sums := map[string]uint32{}
	for _, name := range allBuckets {
		sums[name] = crc32.Checksum([]byte(name), castagnoli)
	}
	return sums
}()

// An arena gives room for the many small keys and values that bbolt keeps until a commit, some
// of them in one piece of memory.
type arena struct{ room []byte }

// arenaPiece is how much is taken from the heap at once.
const arenaPiece = 16 << 10

// take gives room for n bytes. It may be written to and kept, and does not grow into what others have.
func (a *arena) take(n int) []byte {
	if a == nil || n > arenaPiece/4 {
		return make([]byte, n)
	}
	if len(a.room) < n {
		a.room = make([]byte, arenaPiece)
	}
	taken := a.room[:n:n]
	a.room = a.room[n:]
	return taken
}

// keep gives a copy of b.
func (a *arena) keep(b []byte) []byte {
	kept := a.take(len(b))
	copy(kept, b)
	return kept
}
