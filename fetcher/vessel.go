package fetcher

import (
	"context"
	"errors"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// lightBody is what every visit may receive without asking: more than nearly all
	// feeds have.
	lightBody = 1 << 20
	// mostExpected is how much is set aside for a body because its server says that it will
	// come.
	mostExpected = 256 << 10
	// heavyTotal bounds what all visits together receive beyond that, in bytes: three
	// bodies of the default limit at once.
	heavyTotal = 3 * defaultMaxBody
)

// errCrowded says that the visit's time was over before its turn came to receive
// a long body.
var errCrowded = errors.New("too many long feeds at once")

// heavy lets few visits at once receive long bodies, whatever the number of visits.
type heavy struct{ room *semaphore.Weighted }

func newHeavy() *heavy { return &heavy{semaphore.NewWeighted(heavyTotal)} }

// enter waits for room for a body of up to limit bytes. All of it is taken in one
// step: visits that held a part each and waited for more would wait for ever. A
// limit above the total takes the total, and is received alone.
func (h *heavy) enter(ctx context.Context, limit int64) (leave func(), err error) {
	weight := min(limit, heavyTotal)
	if h.room.Acquire(ctx, weight) != nil {
		return nil, errCrowded
	}
	return func() { h.room.Release(weight) }, nil
}

// vessel takes a body up. It grows by chunks, so that at no time more is held than
// was received, and one chunk.
type vessel struct {
	size   int64
	own    []byte   // made to measure, if the length was told; what it does not hold is in chunks
	chunks []*chunk // all full but the last
	enter  func() (leave func(), err error)
	leave  func() // nil until more than lightBody is received
}

// chunk has room for most feeds.
type chunk [64 << 10]byte

// chunks are used again.
var chunks = sync.Pool{New: func() any { return new(chunk) }}

// newVessel returns an empty vessel, which calls enter before it receives more
// than lightBody. Empty it.
func newVessel(enter func() (leave func(), err error)) *vessel { return &vessel{enter: enter} }

// expect says how long the body is going to be, if that is known: one that is short is
// not received twice.
func (v *vessel) expect(length int64) {
	if length > 0 && length <= mostExpected && v.size == 0 {
		v.own = make([]byte, 0, length+1) // one more, to find that this was all
	}
}

// empty gives back everything that the vessel holds.
func (v *vessel) empty() {
	for _, c := range v.chunks {
		chunks.Put(c)
	}
	if v.leave != nil {
		v.leave()
	}
	*v = vessel{}
}

// fill takes up r to its end. It is to be called once.
func (v *vessel) fill(r io.Reader) (err error) {
	for err == nil {
		if v.size >= lightBody && v.leave == nil {
			if v.leave, err = v.enter(); err != nil {
				return err
			}
		}
		var n int
		n, err = r.Read(v.room())
		v.size += int64(n)
		if len(v.chunks) == 0 {
			v.own = v.own[:v.size]
		}
	}
	if err == io.EOF {
		err = nil
	}
	return err
}

// room is where the next bytes go: never nowhere.
func (v *vessel) room() []byte {
	if len(v.chunks) == 0 && len(v.own) < cap(v.own) {
		return v.own[len(v.own):cap(v.own)]
	}
	used := int(v.size-int64(len(v.own))) - (len(v.chunks)-1)*len(chunk{}) // of the last chunk
	if len(v.chunks) == 0 || used == len(chunk{}) {
		v.chunks = append(v.chunks, chunks.Get().(*chunk))
		used = 0
	}
	return v.chunks[len(v.chunks)-1][used:]
}

// bytes returns what was received.
func (v *vessel) bytes() []byte {
	if len(v.chunks) == 0 {
		return v.own
	}
	body := make([]byte, 0, v.size)
	body = append(body, v.own...)
	for _, c := range v.chunks {
		body = append(body, c[:min(int64(len(c)), v.size-int64(len(body)))]...)
	}
	return body
}
