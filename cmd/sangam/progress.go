package main

import (
	"context"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"

	"sangam/config"
)

// bar shows how far long work is, when stderr is a terminal.
type bar struct {
	writer  progress.Writer // nil = nobody watches
	tracker *progress.Tracker
	ended   chan struct{}
}

// bar starts a progress bar; stop it.
func (o *options) bar() *bar {
	file, ok := o.err.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &bar{}
	}
	b := &bar{writer: progress.NewWriter(), tracker: &progress.Tracker{Total: 1}, ended: make(chan struct{})}
	b.writer.SetOutputWriter(file)
	b.writer.SetAutoStop(false)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.Style().Visibility.Value = false
	b.writer.AppendTracker(b.tracker)
	go func() { b.writer.Render(); close(b.ended) }()
	return b
}

// report tells how far the work is.
func (b *bar) report(done, total int64) {
	if b.writer == nil {
		return
	}
	b.tracker.UpdateTotal(total)
	b.tracker.SetValue(done)
}

// stop takes the bar away.
func (b *bar) stop() {
	if b.writer == nil {
		return
	}
	b.tracker.MarkAsDone()
	b.writer.Stop()
	<-b.ended
}

// glance is how often the daemon is asked how far it is.
const glance = 200 * time.Millisecond

// watching does what waits for the daemon's answer and shows meanwhile how far the
// daemon is.
func (o *options) watching(ctx context.Context, cfg *config.Config, wait func() error) error {
	answered := make(chan error, 1)
	go func() { answered <- wait() }()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	var b *bar
	for {
		select {
		case err := <-answered:
			if b != nil {
				b.stop()
			}
			return err
		case <-tick.C:
			if b == nil {
				b = o.bar()
			}
			var far howFar
			if b.writer != nil && askDaemon(ctx, cfg, "api/progress", &far) == nil {
				b.report(far.Done, far.Total)
			}
		}
	}
}
