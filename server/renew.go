package server

import (
	"context"
	"runtime/debug"
	"time"
)

// A document of thousands of stories takes so long to make that, while many sources bring much
// at once, making it anew for each change would be all that the machine does, and readers
// would wait for it. So Renew makes such documents, readers get what was made last meanwhile, and
// in between it rests. A change after a quiet time is served at once all the same.

const (
	// heavy is how long a document is, in bytes, that takes noticeably long to make.
	heavy = 256 << 10
	// rests is for how many times as long as its making took a heavy document will do, if it was
	// made within rush of the one before: a third of one processor goes into it at most.
	rests = 3
	rush  = 5 * time.Second
	// patience is for how long after that readers may get it while its successor is being made.
	patience = 3 * time.Second
	// grace is how long a reader waits all the same for the successor of one that is not heavy:
	// nearly always it is there by then.
	grace = 10 * time.Millisecond
	// orders is how many documents may wait to be made by Renew.
	orders = 16
)

// will says whether a document that is not the newest any more will do.
type will int

const (
	no      will = iota
	inNeed       // when its successor takes too long
	ordered      // while its successor is made by Renew
	atOnce       // it was made a moment ago
)

// order asks Renew for a document, whose turn the orderer has.
type order struct {
	site *site
	job  job
	seq  uint64
}

// Renew makes documents anew while readers get what was made last, until ctx ends. While nobody
// runs it, readers wait for every document to be what the store holds.
func (s *Server) Renew(ctx context.Context) error {
	s.renewing.Store(true)
	defer func() {
		s.renewing.Store(false)
		s.cancelOrders()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case o := <-s.orders:
			s.fill(ctx, o)
		}
	}
}

// fill makes what was ordered. Whoever asks next is told what goes wrong.
func (s *Server) fill(ctx context.Context, o order) {
	defer func() {
		if p := recover(); p != nil { // a request would end alone, too
			o.site.Log.Error("a bug in Sangam, confined to one document", "document", o.job.key, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	_, _ = s.remake(ctx, o.site, o.job, o.seq)
}

// order leaves a document to Renew, if it has room.
func (s *Server) order(st *site, j job, seq uint64) bool {
	select {
	case s.orders <- order{st, j, seq}:
	default:
		return false
	}
	if !s.renewing.Load() {
		s.cancelOrders()
	}
	return true
}

// cancelOrders gives the turns back to who waits for what is not made any more.
func (s *Server) cancelOrders() {
	for {
		select {
		case o := <-s.orders:
			s.done(o.site, o.job.key)
		default:
			return
		}
	}
}

func (s *Server) willDo(ctx context.Context, d *document) will {
	if d == nil || !s.renewing.Load() || ctx.Value(newestKey{}) != nil {
		return no
	}
	switch age := time.Since(d.began); {
	case age > rests*d.took+patience:
		return no
	case len(d.body) < heavy:
		return inNeed
	case age < d.rests:
		return atOnce
	}
	return ordered
}

// newestKey is the name under which the context of a request says that nothing but the
// newest will do.
type newestKey struct{}
