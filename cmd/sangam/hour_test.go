package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sangam/config"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
	"sangam/schedule"
	"sangam/server"
)

// The hour that TestTwoHundredAnimalsDelayNobody simulates: with SANGAM_HOUR=full that
// of the claim, else one of fewer sources.
const (
	hourSources, hourAnimals   = 1000, 200
	shortSources, shortAnimals = 200, 100
	// hourHeap bounds the heap at the end of any simulated minute: the two documents
	// that may be parsed at once, what 32 visits hold, and the store's index.
	hourHeap = 256 << 20
	// hourLate is how late a visit of a well-behaved outlet may begin.
	hourLate = 5 * time.Second
)

// TestTwoHundredAnimalsDelayNobody runs scheduler, fetcher, parser and store for an hour
// of simulated time over well-behaved outlets and the bestiary: the former are visited
// on time, memory stays bounded, and the status tells of everybody what is true.
func TestTwoHundredAnimalsDelayNobody(t *testing.T) {
	sources, animals := shortSources, shortAnimals
	if os.Getenv("SANGAM_HOUR") == "full" {
		sources, animals = hourSources, hourAnimals
	}
	dir := t.TempDir()
	packAndUnpack(t)
	synctest.Test(t, func(t *testing.T) {
		town := newHour(t, dir, sources, animals)
		town.run(t, time.Hour)
		town.judgeGood(t)
		town.judgeStatus(t)
		t.Logf("%d sources, %d of them animals: %d requests, heap at most %d MiB", sources, animals, town.requests, town.heap>>20)
	})
}

// packAndUnpack stores a long text and reads it again: the packer is made once for the
// whole process, and must not be made in a bubble of simulated time.
func packAndUnpack(t *testing.T) {
	t.Helper()
	cfg := &config.Config{Data: t.TempDir(), Window: time.Hour}
	db, err := openStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	long := feed.Item{Key: "1", Source: "herald", ID: "1", Title: "Ferry sinks", Content: strings.Repeat("<p>Twelve rescued.</p>", 100)}
	at := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := db.Merge(t.Context(), feed.Batch{At: at, Outlet: feed.Outlet{ID: "herald", Name: "Herald"}, Items: []feed.Item{long}}); err != nil {
		t.Fatal(err)
	}
	for _, err := range db.Stories(t.Context(), feed.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// hour is a daemon's inner half, over a network of its own.
type hour struct {
	cfg    *config.Config
	visits *visits
	status func(context.Context) (server.Status, error)
	close  func()
	heap   uint64 // the most that was in use

	mu       sync.Mutex
	asked    map[string][]time.Time // when each good source was asked
	requests int
}

// good names the host of the nth well-behaved outlet.
func good(n int) string { return fmt.Sprintf("good-%d.example", n) }

func newHour(t *testing.T, dir string, sources, animals int) *hour {
	t.Helper()
	h := &hour{asked: map[string][]time.Time{}}
	var text strings.Builder
	fmt.Fprintf(&text, "data: %s\nfetch: {schedule: '*/15 * * * *', max_body: 1MiB, per_host: {interval: 1ms}}\nsources:\n", filepath.Join(dir, "data"))
	for n := range sources - animals {
		fmt.Fprintf(&text, "  - {id: good-%d, url: 'http://%s/feed'}\n", n, good(n))
	}
	kinds := outlet.Bestiary()
	for n := range animals {
		fmt.Fprintf(&text, "  - {id: animal-%d, url: 'http://animal-%d.example/%s'}\n", n, n, kinds[n%len(kinds)].Name)
	}
	file := filepath.Join(dir, "config.yaml")
	write(t, file, text.String())
	var err error
	if h.cfg, err = config.Load(file, nil); err != nil {
		t.Fatal(err)
	}

	network := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	served := &http.Server{Handler: h.outlets(outlet.Zoo()), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	ended := make(chan error, 1)
	go func() { ended <- served.Serve(network) }()

	log := slog.New(slog.DiscardHandler)
	options := storeOptions(h.cfg, log)
	options.NoSync = true // the disk is not what this is about, nor in simulated time
	db, err := openWith(h.cfg, options)
	if err != nil {
		t.Fatal(err)
	}
	if err := introduce(t.Context(), h.cfg, db); err != nil {
		t.Fatal(err)
	}
	client := fetcher.New(fetcher.Options{Lend: schedule.Lend, Dial: network.dial})
	h.visits = newVisits(holding(h.cfg), db, client, newMetrics(), log)
	h.visits.agenda.Set(h.cfg.Sources)
	h.status = func(ctx context.Context) (server.Status, error) { return server.StatusOf(ctx, db, time.Now()) }
	h.close = func() {
		client.Close()
		served.Close()
		<-ended
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	return h
}

// outlets answers for every host: the good with a feed that changes every ten minutes
// and keeps its validators, the animals as they are.
func (h *hour) outlets(zoo http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, _, _ := strings.Cut(r.Host, ".")
		h.mu.Lock()
		h.requests++
		isGood := strings.HasPrefix(id, "good-")
		if isGood {
			h.asked[id] = append(h.asked[id], time.Now())
		}
		h.mu.Unlock()
		if !isGood {
			zoo.ServeHTTP(w, r)
			return
		}
		time.Sleep(200 * time.Millisecond) // as far as the other side of the world
		edition := time.Now().Unix() / 600
		tag := strconv.Quote(id + "-" + strconv.FormatInt(edition, 10))
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<rss version="2.0"><channel><title>%s</title>`, id)
		for n := edition; n > edition-10; n-- {
			fmt.Fprintf(w, `<item><guid>%s-%d</guid><title>Report %d of the town of %s</title><description>Words of %s about matter %d.</description><pubDate>%s</pubDate></item>`,
				id, n, n, id, id, n, time.Unix(n*600, 0).UTC().Format(time.RFC1123Z))
		}
		fmt.Fprint(w, `</channel></rss>`)
	})
}

// run lets the time pass, and looks at the heap every minute.
func (h *hour) run(t *testing.T, lasts time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.visits.agenda.Run(ctx) }()
	for range int(lasts / time.Minute) {
		time.Sleep(time.Minute)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		h.heap = max(h.heap, m.HeapAlloc)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	t.Cleanup(h.close)
	if h.heap > hourHeap {
		t.Errorf("the heap held up to %d MiB", h.heap>>20)
	}
}

// judgeGood wants every good outlet asked in every quarter of the hour, each time as
// long after the last as its schedule says.
func (h *hour) judgeGood(t *testing.T) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, src := range h.cfg.Sources {
		if !strings.HasPrefix(src.ID, "good-") {
			continue
		}
		times := h.asked[src.ID]
		if len(times) < 4 {
			t.Errorf("%s was asked %d times in an hour, want every quarter", src.ID, len(times))
			continue
		}
		for i, at := range times[2:] { // the first is at once, the second in its own place
			if gap := at.Sub(times[i+1]); gap > 15*time.Minute+hourLate {
				t.Errorf("%s waited %v for its visit", src.ID, gap)
			}
		}
	}
}

// judgeStatus wants the status of everybody to be true.
func (h *hour) judgeStatus(t *testing.T) {
	t.Helper()
	st, err := h.status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kinds := outlet.Bestiary()
	told := map[string]string{}
	for _, s := range st.Sources {
		what, number, _ := strings.Cut(s.Outlet.ID, "-")
		if what == "good" {
			if s.Health != "ok" || s.State.Failures != 0 || time.Since(s.State.Succeeded) > 16*time.Minute || s.State.Items != 10 {
				t.Errorf("%s: %s, %d failures, %d items, last success %v ago", s.Outlet.ID, s.Health, s.State.Failures, s.State.Items, time.Since(s.State.Succeeded))
			}
			continue
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		name := kinds[n%len(kinds)].Name
		ill := s.Health == "failing" || s.Health == "gone"
		if s.State.Visited.IsZero() || ill != (s.State.Trouble != "") || ill && (s.State.Problem == "" || s.What == "") {
			t.Errorf("%s: %s, trouble %q, problem %q, told as %q", name, s.Health, s.State.Trouble, s.State.Problem, s.What)
		}
		if before, met := told[name]; met && before != s.Health {
			t.Errorf("two of the kind %s are %s and %s", name, before, s.Health)
		}
		told[name] = s.Health
	}
	for name, want := range map[string]string{ // a few, by kind of trouble
		"home": "ok", "gzip": "ok", "301": "ok", "410": "gone", "404": "failing", "500": "failing", "429": "failing",
		"loop": "failing", "page": "failing", "silent": "failing", "drip-body": "failing", "gzip-bomb": "failing", "huge": "failing", "hangs-up": "failing",
	} {
		if got, met := told[name]; !met || got != want {
			t.Errorf("an animal of the kind %s is told to be %q, want %q", name, got, want)
		}
	}
}

// pipes is a network within the process: whoever listens gets one end of each
// connection that is dialled.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the next connection.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close ends it.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr is nowhere.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "pipe"} }
