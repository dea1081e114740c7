package server_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/server"
)

// wire is a network without one: connections are pipes, so that the tests' time is
// the bubble's.
type wire struct {
	calls chan net.Conn
	once  sync.Once
	shut  chan struct{}
}

func newWire() *wire { return &wire{calls: make(chan net.Conn), shut: make(chan struct{})} }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.calls:
		return c, nil
	case <-w.shut:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.shut) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire", Net: "pipe"} }

func (w *wire) dial() net.Conn {
	here, there := net.Pipe()
	w.calls <- there
	return here
}

// onWire runs a test against a handler that is served as the program serves it.
func onWire(t *testing.T, h http.Handler, test func(t *testing.T, w *wire, stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ctx, w, h, nil) }()
		stop := sync.OnceValue(func() error { cancel(); return <-ended })
		defer func() {
			if err := stop(); err != nil {
				t.Errorf("stopping: %v", err)
			}
		}()
		test(t, w, stop)
	})
}

func get(t *testing.T, w *wire) int {
	t.Helper()
	c := w.dial()
	defer c.Close()
	go func() { _, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") }()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func TestHalfRequestsAreLetGoAndHinderNobody(t *testing.T) {
	onWire(t, server.New(townOptions, town()), func(t *testing.T, w *wire, _ func() error) {
		began := time.Now()
		var gone sync.WaitGroup
		for range 300 {
			c := w.dial()
			gone.Go(func() {
				_, _ = io.WriteString(c, "GET /feed.xml HTTP/1.1\r\nHost: x\r\nX-Half: ")
				_, _ = io.Copy(io.Discard, c) // until the server closes
				c.Close()
			})
		}
		if status := get(t, w); status != 200 || time.Since(began) > 0 {
			t.Errorf("another reader got %d after %v", status, time.Since(began))
		}
		gone.Wait()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("half requests were kept for %v", took)
		}
	})
}

func TestReadersWhoDoNotReadAreCutOff(t *testing.T) {
	s := town()
	h := server.New(townOptions, s)
	onWire(t, h, func(t *testing.T, w *wire, _ func() error) {
		began := time.Now()
		for range 20 {
			c := w.dial()
			defer c.Close()
			_, _ = io.WriteString(c, "GET /feed.xml HTTP/1.1\r\nHost: x\r\n\r\n")
		}
		synctest.Wait()
		s.put(story("new", noon, item("herald", "h99", "News of noon", "It is noon.", "en", feed.LeftToRight, 0)))
		if status := get(t, w); status != 200 || time.Since(began) > 0 {
			t.Errorf("another reader got %d after %v, want an answer at once", status, time.Since(began))
		}
		c := w.dial()
		defer c.Close()
		_, _ = io.WriteString(c, "GET /feed.xml HTTP/1.1\r\nHost: x\r\n\r\n")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n, err := io.Copy(io.Discard, c); err != nil || n > 4096 {
			t.Errorf("after 30 s without reading there were still %d bytes (%v)", n, err)
		}
	})
}

func TestStoppingLetsRequestsFinishAndWaitsNoLonger(t *testing.T) {
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(2 * time.Second):
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
		}
	})
	onWire(t, slow, func(t *testing.T, w *wire, stop func() error) {
		c := w.dial()
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		body := make(chan string, 1)
		go func() {
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				body <- err.Error()
				return
			}
			text, _ := io.ReadAll(answer.Body)
			body <- string(text)
		}()
		synctest.Wait()
		began := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := <-body; got != "done" || time.Since(began) > 6*time.Second {
			t.Errorf("the request under way ended with %q after %v", got, time.Since(began))
		}
	})
	endless := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	onWire(t, endless, func(t *testing.T, w *wire, stop func() error) {
		c := w.dial()
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		began := time.Now()
		if err := stop(); err != nil || time.Since(began) > 8*time.Second {
			t.Errorf("an endless request held up the stop for %v (%v)", time.Since(began), err)
		}
	})
}
