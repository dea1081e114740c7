package server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// TestAnswersOfAnySizeArriveWholeOnOneConnection asks for documents around the sizes at
// which the beginning of an answer waits for its rest, several on the same connection,
// over real TCP: all of each must come, and nothing of the one before. The header must be
// what it is where nobody listens on a line.
func TestAnswersOfAnySizeArriveWholeOnOneConnection(t *testing.T) {
	s := town()
	sizes := []int{100, 3300, 3500, 3600, 4000, 4096, 4200, 9000, 61_000, 66_000, 300_000}
	for i, size := range sizes {
		id := fmt.Sprintf("size%d", i)
		it := item("herald", id, "Size "+id, strings.Repeat("x", size), "en", feed.LeftToRight, -i)
		o := feed.Outlet{ID: id, Name: id, URL: "https://herald.example/" + id}
		it.Source = id
		s.change(noon, func() { s.outlets[id] = o })
		s.put(story(id, noon, it))
	}
	h := server.New(townOptions, s)
	c := connect(t, h)
	for range 2 {
		for i := range sizes {
			for _, method := range []string{"GET", "HEAD"} {
				for _, coding := range []string{"identity", "gzip"} {
					c.compare(h, method, fmt.Sprintf("/sources/size%d/feed.xml", i), "Accept-Encoding", coding)
				}
			}
		}
	}
}

// TestAnswersOfAnyKindAreTheSameOnAConnection asks for all that a document may answer, one
// after the other on a connection.
func TestAnswersOfAnyKindAreTheSameOnAConnection(t *testing.T) {
	s := town()
	h := server.New(townOptions, s)
	c := connect(t, h)
	before := c.compare(h, "GET", "/feed.xml", "A-IM", "feed").Header.Get("ETag")
	s.put(story("new", noon, item("herald", "h99", "News of noon", "It is noon.", "en", feed.LeftToRight, 0)))
	now := c.compare(h, "GET", "/feed.xml").Header.Get("ETag")
	modified := c.compare(h, "GET", "/").Header.Get("Last-Modified")
	kinds := map[int]bool{}
	for _, path := range []string{"/feed.xml", "/atom.xml", "/feed.json", "/", "/status", "/opml.xml", "/favicon.ico", "/nowhere", "/rss", "/sources/herald/"} {
		for _, method := range []string{"GET", "HEAD", "PUT"} {
			for _, header := range [][]string{
				nil,
				{"Accept", "text/html"},
				{"Accept-Encoding", "gzip"},
				{"Accept-Encoding", "zstd"},
				{"Range", "bytes=0-9"},
				{"If-None-Match", now},
				{"If-None-Match", "*"},
				{"If-None-Match", before},
				{"If-None-Match", before, "A-IM", "feed"},
				{"If-Match", before},
				{"If-Match", now},
				{"If-Modified-Since", modified},
			} {
				kinds[c.compare(h, method, path, header...).StatusCode] = true
			}
		}
	}
	for _, status := range []int{200, 226, 301, 304, 404, 405, 412} {
		if !kinds[status] {
			t.Errorf("nothing was answered with %d: the test is not what it says", status)
		}
	}
}

// TestATopicIsReadWithoutDisturbingTheLine reads a document on behalf of who asks for something
// else, as a hub does for its subscribers: his answer must come, and be his.
func TestATopicIsReadWithoutDisturbingTheLine(t *testing.T) {
	var h *server.Server
	o := townOptions
	o.Hub = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if topic, err := h.Topic(r.Context(), o.Base+"feed.xml"); err != nil || len(topic.Body) < 4096 || len(topic.Body) > 64<<10 {
			t.Errorf("the topic has %d bytes, %v", len(topic.Body), err)
		}
		w.WriteHeader(http.StatusAccepted)
	})
	h = server.New(o, town())
	c := connect(t, h)
	for range 2 {
		if got := c.compare(h, "GET", "/hub"); got.StatusCode != http.StatusAccepted {
			t.Errorf("the answer is %s", got.Status)
		}
	}
}

// connection is a reader's, over real TCP.
type connection struct {
	t  *testing.T
	c  net.Conn
	in *bufio.Reader
}

// connect serves a handler until the test ends, and connects with it.
func connect(t *testing.T, h http.Handler) *connection {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l, h, nil) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	return &connection{t, c, bufio.NewReader(c)}
}

// compare asks on the connection and the handler itself, and returns the answer, which must be
// the same. header is names and values by turns.
func (c *connection) compare(h http.Handler, method, path string, header ...string) *http.Response {
	c.t.Helper()
	r, err := http.NewRequest(method, path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprintf(c.c, "%s %s HTTP/1.1\r\nHost: x\r\n", method, path)
	for pair := range slices.Chunk(header, 2) {
		r.Header.Set(pair[0], pair[1])
		fmt.Fprintf(c.c, "%s: %s\r\n", pair[0], pair[1])
	}
	fmt.Fprint(c.c, "\r\n")
	want := httptest.NewRecorder()
	h.ServeHTTP(want, r)
	about := fmt.Sprint(method, path, header)
	got, err := http.ReadResponse(c.in, r)
	if err != nil {
		c.t.Fatal(about, err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.t.Fatal(about, err)
	}
	got.Header.Del("Date")
	if want.Body.Len() == 0 || method == "HEAD" {
		got.Header.Del("Content-Length") // net/http's own
		want.Header().Del("Content-Length")
	}
	if got.StatusCode != want.Code || !maps.EqualFunc(got.Header, want.Header(), slices.Equal) {
		c.t.Errorf("%s: %s %v, want %d %v", about, got.Status, got.Header, want.Code, want.Header())
	}
	if method != "HEAD" && !bytes.Equal(body, want.Body.Bytes()) {
		c.t.Errorf("%s: %d bytes, want %d", about, len(body), want.Body.Len())
	}
	return got
}
