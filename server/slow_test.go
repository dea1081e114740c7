package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"testing"
	"time"

	"sangam/server"
)

// TestSlowConnectionsCostLittle opens two thousand connections of readers who send half a request,
// or ask and then do not read, and wants others to be answered and memory to stay small.
func TestSlowConnectionsCostLittle(t *testing.T) {
	const readers, room = 2000, 100 << 20
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := townOptions
	o.Items = 600
	h := server.New(o, crowd(600)) // more than a system takes from one who does not read
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l, h, nil) }()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	_, _ = answer(h, "/feed.xml", "identity"), answer(h, "/feed.xml", "gzip")
	before := used()
	for i := range readers {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatalf("after %d: %v", i, err)
		}
		conns = append(conns, c)
		_ = c.(*net.TCPConn).SetReadBuffer(4096)
		request := "GET /feed.xml HTTP/1.1\r\nHost: x\r\nX-Half: "
		if i%2 == 0 {
			request = "GET /feed.xml HTTP/1.1\r\nHost: x\r\n\r\n"
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	resp, err := http.Get("http://" + l.Addr().String() + "/feed.xml") // comes after all of them
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if err != nil || n < 500_000 || time.Since(began) > 20*time.Second {
		t.Errorf("another reader got %d bytes after %v: %v", n, time.Since(began), err)
	}
	grown := used() - before
	t.Logf("%d slow connections cost %.1f MiB with both their ends", readers, float64(grown)/(1<<20))
	if grown > room {
		t.Errorf("%d slow connections cost %d MiB", readers, grown>>20)
	}
}

// used is what the program holds after a collection.
func used() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
