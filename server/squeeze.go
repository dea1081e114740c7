package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/flate"

	"sangam/internal/breath"
)

// A chunk is a part of a document's body that is hashed and compressed by itself, so that
// what stays from one document to the next needs no compressing again. Where chunks end
// follows from the stories in them alone: a new one at the top moves no end.
type chunk struct {
	end int // in the body
	sum [sha256.Size]byte
}

// chunkPieces is how many stories a chunk holds on average: some 64 kB. What repeats from
// chunk to chunk is compressed anew in each, which makes them a few hundredths longer.
const chunkPieces = 32

// chunks cuts a body.
func chunks(body []byte, pieces []piece) []chunk {
	var cs []chunk
	begin := 0
	add := func(end int) {
		cs = append(cs, chunk{end, sha256.Sum256(body[begin:end])})
		begin = end
	}
	for i := range pieces {
		if i > 0 && xxhash.Sum64String(pieces[i].key)%chunkPieces == 0 {
			add(pieces[i].at)
		}
	}
	add(len(body))
	return cs
}

// tagOf is the tag of a body that was cut.
func tagOf(cs []chunk) string {
	h := sha256.New()
	for i := range cs {
		h.Write(cs[i].sum[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// squeezed is what chunks become when they are compressed.
type squeezed map[[sha256.Size]byte][]byte

const (
	// gzipHead says (RFC 1952, 2.3): deflated, no name, no time, of an unknown system. So the same bytes
	// give the same bytes.
	gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
	// lastBlock is the end of a deflated stream (RFC 1951, 3.2.3): a block with nothing in it.
	lastBlock = "\x03\x00"
)

// squeezers are used again: each is a megabyte of tables.
var squeezers = sync.Pool{New: func() any {
	z, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // only a wrong level fails
	}
	return z
}}

// squeeze makes gzip of a body. Chunks that are known are not compressed again.
func squeeze(body []byte, cs []chunk, known squeezed) ([]byte, squeezed) {
	var b bytes.Buffer
	b.WriteString(gzipHead)
	z := squeezers.Get().(*flate.Writer)
	defer squeezers.Put(z)
	begin, ends := 0, make([]int, len(cs))
	var air breath.Breath
	for i, c := range cs {
		if done := known[c.sum]; done != nil {
			b.Write(done)
		} else {
			air.Take()
			z.Reset(&b)
			if _, err := z.Write(body[begin:c.end]); err != nil {
				panic(err) // a buffer takes everything
			}
			if err := z.Flush(); err != nil {
				panic(err)
			}
		}
		begin, ends[i] = c.end, b.Len()
	}
	b.WriteString(lastBlock)
	tail := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
	b.Write(binary.LittleEndian.AppendUint32(tail, uint32(len(body))))
	all := bytes.Clone(b.Bytes()) // without the buffer's slack
	now, begin := squeezed{}, len(gzipHead)
	for i, c := range cs {
		now[c.sum] = all[begin:ends[i]]
		begin = ends[i]
	}
	return all, now
}
