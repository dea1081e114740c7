package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sangam/feed"
	"sangam/server"
)

// TestAnswersOfAnySizeArriveWholeOnOneConnection asks for documents around the sizes at
// which the beginning of an answer waits for its rest, several on the same connection,
// over real TCP: all of each must come, and nothing of the one before.
func TestAnswersOfAnySizeArriveWholeOnOneConnection(t *testing.T) {
	s := town()
	for i, size := range []int{100, 3300, 3500, 3600, 4000, 4096, 4200, 9000, 61_000, 66_000, 300_000} {
		id := fmt.Sprintf("size%d", i)
		it := item("herald", id, "Size "+id, strings.Repeat("x", size), "en", feed.LeftToRight, -i)
		o := feed.Outlet{ID: id, Name: id, URL: "https://herald.example/" + id}
		it.Source = id
		s.change(noon, func() { s.outlets[id] = o })
		s.put(story(id, noon, it))
	}
	h := server.New(townOptions, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l, h, nil) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for round := range 2 {
		for i := range 11 {
			for _, method := range []string{"GET", "HEAD"} {
				for _, coding := range []string{"identity", "gzip"} {
					path := fmt.Sprintf("/sources/size%d/feed.xml", i)
					want := httptest.NewRecorder()
					r, err := http.NewRequest(method, path, nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Accept-Encoding", coding)
					h.ServeHTTP(want, r)
					fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\n\r\n", method, path, coding)
					answer, err := http.ReadResponse(in, r)
					if err != nil {
						t.Fatalf("round %d, %s %s as %s: %v", round, method, path, coding, err)
					}
					body, err := io.ReadAll(answer.Body)
					if err != nil || answer.StatusCode != want.Code || !bytes.Equal(body, want.Body.Bytes()) {
						t.Fatalf("round %d, %s %s as %s: %s, %d bytes, %v; want %d bytes", round, method, path, coding, answer.Status, len(body), err, want.Body.Len())
					}
				}
			}
		}
	}
}
