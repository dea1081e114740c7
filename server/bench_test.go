package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// crowd is a town with n more stories of about 1 kB.
func crowd(n int) *shelf {
	s := town()
	text := strings.Repeat("<p>The harbour board met on Tuesday and spoke of ferries, cranes and the price of ropes.</p>", 11)
	for i := range n {
		s.put(story(fmt.Sprintf("c%04d", i), noon.Add(-time.Duration(i)*time.Second), item("herald", fmt.Sprintf("c%d", i), fmt.Sprintf("Board minutes %d", i), text, "en", feed.LeftToRight, 0)))
	}
	return s
}

// BenchmarkMaking is the cost of one new document of 100 stories, rendered and
// compressed: paid once per change and format.
func BenchmarkMaking(b *testing.B) {
	s := crowd(100)
	o := townOptions
	o.Items = 100
	h := server.New(o, s)
	for b.Loop() {
		s.change(noon, func() {})
		w := httptest.NewRecorder()
		s.stories[0].Members[0].Title = fmt.Sprint("Board minutes ", b.N, time.Now().UnixNano()) // other bytes, so that they are compressed anew
		r := httptest.NewRequest("GET", "/feed.xml", nil)
		r.Header.Set("Accept-Encoding", "gzip")
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "gzip" {
			b.Fatal(w.Code)
		}
	}
}

// BenchmarkAnswering is the cost of an answer that is at hand.
func BenchmarkAnswering(b *testing.B) {
	h := server.New(townOptions, crowd(100))
	for _, row := range []struct{ name, coding string }{{"identity", "identity"}, {"gzip", "gzip"}, {"unchanged", "gzip"}} {
		b.Run(row.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/feed.xml", nil)
			r.Header.Set("Accept-Encoding", row.coding)
			if row.name == "unchanged" {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				r.Header.Set("If-None-Match", w.Header().Get("ETag"))
			}
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(nobody{http.Header{}}, r)
			}
		})
	}
}

// nobody takes an answer and forgets it.
type nobody struct{ h http.Header }

func (n nobody) Header() http.Header         { return n.h }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}
