package server_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/server"
	"sangam/storage"
)

// rush is a real store after the first round of very many sources, whose items are as
// old as those of real sources are: from hours to weeks.
type rush struct {
	tb  testing.TB
	db  *storage.DB
	at  time.Time
	did int
}

const rushItems = 30

// newRush visits so many sources once. Their newest items are so old.
func newRush(tb testing.TB, sources int, age time.Duration) *rush {
	db, err := storage.Open(filepath.Join(tb.TempDir(), "store"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour}, NoSync: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	r := &rush{tb: tb, db: db, at: noon}
	var outlets []feed.Outlet
	for i := range sources {
		outlets = append(outlets, rushOutlet(i))
	}
	if err := db.SetOutlets(context.Background(), outlets); err != nil {
		tb.Fatal(err)
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, min(64, 1+sources/200)) // few come in their order, as tests want it
	for i := range sources {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			every := time.Duration(20+rand.New(rand.NewPCG(uint64(i), 1)).IntN(1200)) * time.Minute
			var items []feed.Item
			for n := range rushItems {
				items = append(items, rushItem(i, n, noon.Add(-age-time.Duration(n)*every-time.Duration(i)*time.Second), noon))
			}
			r.merge(i, items)
		})
	}
	wg.Wait()
	return r
}

func rushOutlet(i int) feed.Outlet {
	id := fmt.Sprintf("desk%d", i)
	return feed.Outlet{ID: id, Name: "Desk " + fmt.Sprint(i), URL: "https://" + id + ".example/feed", Site: "https://" + id + ".example/", Language: "en", Categories: []string{fmt.Sprint("c", i%10)}}
}

var rushWords = strings.Fields("harbour board ferry crane rope price council road tree budget river bridge engineer minister school teacher winter storm field market train signal orchard museum painter copper library senate")

func rushItem(source, n int, published, seen time.Time) feed.Item {
	dice := rand.New(rand.NewPCG(uint64(source), uint64(n)))
	words := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintf(&b, "%s%d ", rushWords[dice.IntN(len(rushWords))], dice.IntN(20))
		}
		return strings.TrimSpace(b.String())
	}
	o := rushOutlet(source)
	link := fmt.Sprintf("https://%s.example/a/%d", o.ID, n)
	return feed.Item{
		Key: o.ID + "/" + link, Source: o.ID, ID: link, Link: link, Title: words(8), Summary: words(20),
		Content: "<p>" + words(70) + "</p><p>" + words(70) + "</p>", Authors: []feed.Person{{Name: words(2)}}, Language: "en", Direction: feed.LeftToRight,
		Published: published, Seen: seen, Revised: seen, Hash: []byte(fmt.Sprint(n)),
	}
}

func (r *rush) merge(source int, items []feed.Item) {
	at, o := items[0].Seen, rushOutlet(source)
	habits := dedupe.Mark(items, o, feed.Habits{})
	state := feed.State{Source: o.ID, Visited: at, Succeeded: at, Changed: at, Habits: habits}
	if _, err := r.db.Merge(context.Background(), feed.Batch{At: at, Outlet: o, State: state, Items: items}); err != nil {
		r.tb.Error(err)
	}
}

// news lets a source bring one item more, which says that it is so old.
func (r *rush) news(age time.Duration) {
	r.did++
	r.at = r.at.Add(time.Minute)
	r.merge(r.did%7, []feed.Item{rushItem(r.did%7, rushItems+r.did, r.at.Add(-age), r.at)})
}

// BenchmarkNews is what a document costs after one new item, in a store of a thousand
// sources that have just been visited for the first time.
func BenchmarkNews(b *testing.B) {
	for _, age := range []time.Duration{10 * 24 * time.Hour, time.Hour} {
		r := newRush(b, 1000, age)
		h := server.New(townOptions, r.db)
		for _, row := range []struct {
			name string
			age  time.Duration
		}{{"as old as the rest", age}, {"new", 0}} {
			for _, path := range []string{"/feed.xml", "/atom.xml", "/feed.json", "/"} {
				for _, coding := range []string{"identity", "gzip"} {
					b.Run(fmt.Sprintf("newest %v/%s/%s/%s", age, row.name, cmp.Or(path[1:], "page"), coding), func(b *testing.B) {
						b.ReportAllocs()
						req := httptest.NewRequest("GET", path, nil)
						req.Header.Set("Accept-Encoding", coding)
						w := &scale{h: http.Header{}}
						h.ServeHTTP(w, req)
						var used time.Duration
						for b.Loop() {
							b.StopTimer()
							r.news(row.age)
							w.n = 0
							b.StartTimer()
							before := ownCPU()
							h.ServeHTTP(w, req)
							used += ownCPU() - before
						}
						size := w.n
						b.ReportMetric(used.Seconds()*1000/float64(b.N), "cpu-ms/op")
						b.ReportMetric(float64(size)/1000, "kB")
					})
				}
			}
		}
	}
}

// scale takes an answer and remembers how long it was.
type scale struct {
	h http.Header
	n int
}

func (s *scale) Header() http.Header         { return s.h }
func (s *scale) Write(p []byte) (int, error) { s.n += len(p); return len(p), nil }
func (s *scale) WriteHeader(int)             {}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
