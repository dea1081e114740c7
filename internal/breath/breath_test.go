package breath_test

import (
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"sangam/internal/breath"
)

// TestTheNetworkIsAnsweredDuringLongWork has every processor compute while somebody sends
// bytes and gets them back. With breaths that takes a fraction of the time that it
// takes without, however slow the machine is today; of five tries one must show it.
func TestTheNetworkIsAnsweredDuringLongWork(t *testing.T) {
	var with, without time.Duration
	for range 5 {
		without = echoes(t, func(*breath.Breath) {})
		with = echoes(t, (*breath.Breath).Take)
		if with*3 < without {
			t.Logf("twenty answers take %v with breaths, %v without", with, without)
			return
		}
	}
	t.Errorf("twenty answers take %v with breaths, %v without", with, without)
}

// echoes tells how long twenty answers take while there is work on every processor, between
// the steps of which something is done.
func echoes(t *testing.T, between func(*breath.Breath)) time.Duration {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	defer g.Wait()
	defer l.Close()
	g.Go(func() {
		if c, err := l.Accept(); err == nil {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}
	})
	done := make(chan struct{})
	defer close(done)
	var begun sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		begun.Add(1)
		g.Go(func() {
			begun.Done()
			var air breath.Breath
			for ; ; between(&air) {
				select {
				case <-done:
					return
				default:
				}
				for began := time.Now(); time.Since(began) < 50*time.Microsecond; {
				}
			}
		})
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun.Wait()
	began, b := time.Now(), make([]byte, 1)
	for range 20 {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, b); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}

// BenchmarkTake tells what a breath costs while there is nobody else.
func BenchmarkTake(b *testing.B) {
	for b.Loop() {
		var air breath.Breath
		air.Take()
	}
}
