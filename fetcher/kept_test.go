package fetcher_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"sangam/feed"
	"sangam/fetcher"
)

// A connection that would be closed long before the next visit costs memory for nothing.
func TestConnectionIsKeptForAVisitThatComesSoon(t *testing.T) {
	const visits = 4
	for _, c := range []struct {
		name  string
		pause time.Duration // between visits
		again bool          // they are of one source, else of several of one host
		dials int
	}{
		{"a source visited every minute", time.Minute, true, 2}, // the first visit cannot know
		{"a source visited every quarter", 15 * time.Minute, true, visits},
		{"sources that wait for their turn", 5 * time.Second, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			dials := 0
			client := client(t, fetcher.Options{Dial: func(context.Context, string, string) (net.Conn, error) {
				dials++
				ours, theirs := net.Pipe()
				go answer(theirs)
				return ours, nil
			}})
			src := source("http://herald.example/feed")
			src.PerHost.Interval = 5 * time.Second
			st := feed.State{Source: src.ID}
			for i := range visits {
				at := time.Now()
				if doc := client.Fetch(t.Context(), &feed.Visit{Source: src, State: st, At: at}); doc.Outcome != feed.Changed {
					t.Fatalf("%s: visit %d: %s", c.name, i, doc.Problem)
				}
				if c.again {
					st.Visited = at
				}
				time.Sleep(c.pause)
			}
			if dials != c.dials {
				t.Errorf("%s: %d visits took %d connections, want %d", c.name, visits, dials, c.dials)
			}
			client.Close()
		})
	}
}

// answer is an outlet at the other end of a connection.
func answer(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<rss>"); err != nil {
			return
		}
	}
}
