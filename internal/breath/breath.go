// Package breath lets long work give way to short.
//
// Go runs what has become ready in the order in which it did, and looks at the network
// only when nothing is left to run, or every 10 ms. A goroutine that computes
// for long keeps its processor up to 10 ms, and what it wakes comes next. So while as many
// feeds are read as there are processors, a reader whose answer takes a few
// microseconds waits for tens of milliseconds, once for each step of his request.
// Work that takes a breath every millisecond lets him through.
package breath

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// stretch is how long work goes on between two breaths.
const stretch = time.Millisecond

// A Breath is taken between the steps of work that may be long as a whole. The zero value is
// for work that begins.
type Breath struct{ taken time.Time }

// Take lets others go first if the last breath was taken a millisecond ago: all that is ready,
// and who waits for the network and need not wait any longer. Otherwise it only looks at the clock.
func (b *Breath) Take() {
	if time.Since(b.taken) < stretch {
		return
	}
	look()
	runtime.Gosched() // what became ready meanwhile stands in line behind us
	b.taken = time.Now()
}

// look waits until Go has looked at the network, by sending itself a byte that it is told of only
// then. A sleep would do too, but may last for a millisecond.
func look() {
	p := take()
	if p == nil {
		return // no more files: then others wait a little longer
	}
	sent := false
	err := p.wait.Read(func(fd uintptr) bool {
		var b [1]byte
		if !sent {
			_, err := p.out.Write(b[:])
			sent = err == nil
			return !sent
		}
		_, err := syscall.Read(int(fd), b[:])
		return err != syscall.EAGAIN
	})
	if err == nil && sent {
		p.give()
	} else {
		p.close()
	}
}

// pipe carries a byte from a goroutine to itself.
type pipe struct {
	in, out *os.File
	wait    syscall.RawConn // until in can be read
}

// pipes are at hand, as many as there is long work at once.
var pipes = make(chan *pipe, 16)

// take returns a pipe for one look, nil if the system has none.
func take() *pipe {
	select {
	case p := <-pipes:
		return p
	default:
	}
	in, out, err := os.Pipe()
	if err != nil {
		return nil
	}
	p := &pipe{in: in, out: out}
	if p.wait, err = in.SyscallConn(); err != nil {
		p.close()
		return nil
	}
	return p
}

func (p *pipe) give() {
	select {
	case pipes <- p:
	default:
		p.close()
	}
}

func (p *pipe) close() {
	_ = p.in.Close()
	_ = p.out.Close()
}
