package fetcher_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

func TestBodiesOfAnyLengthArriveWhole(t *testing.T) {
	o := start(t, outlet.Options{})
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	src.MaxBody = 3 << 20
	noise := make([]byte, 3<<20+1)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
	text := string(noise)
	for _, length := range []int{0, 1, 2, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2 << 20, 2<<20 + 7, 3 << 20, 3<<20 + 1} {
		body := text[:length]
		for _, zipped := range []bool{false, true} {
			o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { send(w, body, zipped) }))
			doc := fetch(t, c, src, feed.State{})
			switch {
			case length > 3<<20 && doc.Trouble != feed.TooLarge:
				t.Errorf("%d bytes, zipped %v: got %q, %d bytes; want too large", length, zipped, doc.Trouble, len(doc.Body))
			case length <= 3<<20 && string(doc.Body) != body:
				t.Errorf("%d bytes, zipped %v: got %q, %d other bytes", length, zipped, doc.Problem, len(doc.Body))
			}
		}
	}
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3000000")
		fmt.Fprint(w, strings.Repeat("x", 2_000_000))
	}))
	if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.Broken {
		t.Errorf("a long body that was cut off: got %q, %d bytes", doc.Trouble, len(doc.Body))
	}
}

// However many outlets send bombs at once, what they take is bounded, each is
// told apart, and an ordinary feed is received meanwhile.
func TestManyBombsAtOnceTakeTheMemoryOfAFew(t *testing.T) {
	const bombs = 24
	zoo, good := start(t, outlet.Options{}), start(t, outlet.Options{})
	zoo.Behave(outlet.Zoo())
	good.Publish(outlet.Line("1 | /1 | One"))
	c := client(t, fetcher.Options{})
	src := source(zoo.Base() + "/gzip-bomb")
	src.MaxBody, src.Timeout, src.PerHost.Concurrency = 16<<20, time.Minute, bombs

	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var visits sync.WaitGroup
	for range bombs {
		visits.Go(func() {
			if doc := fetch(t, c, src, feed.State{}); doc.Trouble != feed.TooLarge {
				t.Errorf("got %q: %s", doc.Trouble, doc.Problem)
			}
		})
	}
	if doc := fetch(t, c, source(good.Feed()), feed.State{}); doc.Outcome != feed.Changed {
		t.Errorf("an ordinary feed meanwhile: %s", doc.Problem)
	}
	visits.Wait()
	runtime.ReadMemStats(&now)
	if grown := int64(now.TotalAlloc-before.TotalAlloc) >> 20; grown > 160 && !race { // one MiB each before their turn, some chunks, what the servers allocate; 24 times 16 were 384 at the least
		t.Errorf("%d bombs allocated %d MiB", bombs, grown)
	}
}

// Who hangs in the middle of a long feed keeps others waiting for their time, and
// no longer; they are told why.
func TestLongFeedsThatHangDoNotHoldUpOthersForGood(t *testing.T) {
	o := start(t, outlet.Options{})
	long := strings.Repeat("x", 2<<20)
	var let atomic.Bool // the answer through
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, long)
		if !let.Load() {
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	}))
	c, src := client(t, fetcher.Options{}), source(o.Feed())
	src.MaxBody, src.Timeout, src.PerHost.Concurrency = 48<<20, 300*time.Millisecond, 2
	var visits sync.WaitGroup
	docs := make([]feed.Document, 2)
	for i := range docs {
		visits.Go(func() { docs[i] = fetch(t, c, src, feed.State{}) })
	}
	visits.Wait()
	crowded := 0
	for _, doc := range docs {
		if doc.Trouble != feed.Timeout {
			t.Errorf("got %q: %s", doc.Trouble, doc.Problem)
		}
		if strings.Contains(doc.Problem, "too many long feeds") {
			crowded++
		}
	}
	if crowded > 1 {
		t.Errorf("nobody had a turn: %s; %s", docs[0].Problem, docs[1].Problem)
	}
	let.Store(true)
	src.Timeout = 5 * time.Second
	if doc := fetch(t, c, src, feed.State{}); len(doc.Body) != len(long) {
		t.Errorf("afterwards: got %d bytes, %s", len(doc.Body), doc.Problem)
	}
}

// send writes a body, zipped or not.
func send(w http.ResponseWriter, body string, zipped bool) {
	if !zipped {
		_, _ = io.WriteString(w, body) // who hung up does not want it
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(w, gzip.HuffmanOnly) // quick, and so is reading it; the level is a valid one
	_, _ = io.WriteString(z, body)
	_ = z.Close()
}
