package server

import (
	"bytes"
	"context"
	"net"
	"sync"
)

// line is a reader's connection. It can send the beginning of an answer together with
// what follows: net/http writes the first four kilobytes by themselves, and a system
// call and a packet more for each answer is a fifth of what an answer costs. And it puts header
// fields into an answer that were written out when its document was made: in an http.Header
// they would be stored, copied, sorted and written each time, which is another fifth.
type line struct {
	net.Conn
	hangUp func() // gives the place of the connection back

	// Of the goroutine that serves the connection, the only one that writes.
	fields []byte // go behind the status line with which the next write begins
	holds  bool   // the next write is kept for the one after it
	held   []byte // what is kept
	pair   [2][]byte
	both   net.Buffers
}

// headRoom is what net/http gathers before it writes. An answer whose content alone is
// larger is written in two pieces or more, so the first may wait for the second.
const headRoom = 4 << 10

// inOnePiece is how long a content may be to be sent in one piece with what comes
// before it; of longer ones the system takes the pieces as they come sooner.
const inOnePiece = 64 << 10

// hold keeps the next write back until there is another. There must be one.
func (l *line) hold() { l.holds = true }

// say adds fields, each with its CRLF, to the header of the answer that has not begun yet.
func (l *line) say(fields []byte) { l.fields = fields }

// Write sends p, and before it what was held.
func (l *line) Write(p []byte) (int, error) {
	switch {
	case l.fields != nil:
		return l.begin(p)
	case l.holds:
		l.holds, l.held = false, append(l.held[:0], p...)
		return len(p), nil
	case len(l.held) == 0:
		return l.Conn.Write(p)
	}
	l.pair = [2][]byte{l.held, p}
	l.both = l.pair[:]
	n, err := l.both.WriteTo(l.Conn)
	before := len(l.held)
	l.pair, l.held = [2][]byte{}, l.held[:0]
	return max(0, int(n)-before), err
}

// begin sends or holds p with the fields in it.
func (l *line) begin(p []byte) (int, error) {
	at := bytes.IndexByte(p, '\n') + 1
	whole := append(append(append(l.held[:0], p[:at]...), l.fields...), p[at:]...)
	l.fields = nil
	if l.holds {
		l.holds, l.held = false, whole
		return len(p), nil
	}
	l.held = whole[:0]
	n, err := l.Conn.Write(whole)
	return max(0, n-(len(whole)-len(p))), err
}

// Close ends the connection. It may be called twice.
func (l *line) Close() error {
	err := l.Conn.Close()
	l.hangUp()
	return err
}

// lineKey is the name under which a request's context holds its line.
type lineKey struct{}

func withLine(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, lineKey{}, c)
}

// withoutLine is for answers that go nowhere but into memory.
func withoutLine(ctx context.Context) context.Context {
	return context.WithValue(ctx, lineKey{}, nil)
}

// lineOf returns the line of a request, nil when somebody else listens.
func lineOf(ctx context.Context) *line {
	l, _ := ctx.Value(lineKey{}).(*line)
	return l
}

// exchange is a listener with a bounded number of lines; further callers wait.
type exchange struct {
	net.Listener
	places chan struct{} // one token for each line that is open
	closed chan struct{}
	close  func() error
}

func newExchange(l net.Listener, lines int) *exchange {
	e := &exchange{Listener: l, places: make(chan struct{}, lines), closed: make(chan struct{})}
	e.close = sync.OnceValue(func() error { close(e.closed); return l.Close() })
	return e
}

// Accept waits for a place and then for a caller.
func (e *exchange) Accept() (net.Conn, error) {
	select {
	case e.places <- struct{}{}:
	case <-e.closed:
		return nil, net.ErrClosed
	}
	c, err := e.Listener.Accept()
	if err != nil {
		<-e.places
		return nil, err
	}
	return &line{Conn: c, hangUp: sync.OnceFunc(func() { <-e.places })}, nil
}

// Close ends the listening. Lines that are open stay so.
func (e *exchange) Close() error { return e.close() }
