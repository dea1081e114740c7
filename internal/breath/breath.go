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
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// stretch is how long work goes on between two breaths.
	stretch = time.Millisecond
	// pause is long enough for a processor without other work to look at the network.
	pause = 20 * time.Microsecond
)

// working is how much long work is under way.
var working atomic.Int32

// A Breath is taken between the steps of work that may be long as a whole. The zero value is
// ready for use by one goroutine.
type Breath struct{ taken time.Time }

// Begin tells that work begins, which End ends.
func (b *Breath) Begin() { working.Add(1) }

// End tells that it has ended.
func (b *Breath) End() { working.Add(-1) }

// Take pauses if the last breath was taken a millisecond ago and there is long work for every
// processor: who has waited for the network is found, and all that is ready runs. While a
// processor is free, it sees to them.
func (b *Breath) Take() {
	if time.Since(b.taken) < stretch {
		return
	}
	if int(working.Load()) >= runtime.GOMAXPROCS(0) {
		time.Sleep(pause)
		runtime.Gosched() // what became ready meanwhile stands in line behind us
	}
	b.taken = time.Now()
}
