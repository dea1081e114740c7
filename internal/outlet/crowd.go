package outlet

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Crowd is very many outlets behind one port, each at a loopback address of its
// own, for measuring. What they publish follows from the seed alone. Where a
// system has only 127.0.0.1 it does not work (macOS).
type Crowd struct {
	opts   CrowdOptions
	server *http.Server
	port   int
	done   chan struct{}
	feeds  []crowdFeed

	requests, full, unchanged, other atomic.Int64
	overlaps                         atomic.Int64
}

// CrowdOptions says how many outlets there are and what they publish.
type CrowdOptions struct {
	Feeds     int
	Items     int // in every feed; 0 = 30
	Kilobytes int // length of a feed; 0 = 47
	Latency   time.Duration
	Seed      uint64
}

// CrowdStats counts what a crowd was asked.
type CrowdStats struct {
	Requests, Full, Unchanged, Other int64
	Overlaps                         int64 // requests that came while another to the same host was being answered
}

// crowdFeed is one of them; its document is made when first asked for.
type crowdFeed struct {
	busy atomic.Int32
	mu   sync.Mutex
	news int // items published since the start
	etag string
	zip  []byte
}

// NewCrowd starts a crowd. It listens on every address but hangs up on whoever
// does not come by the loopback interface.
func NewCrowd(opts CrowdOptions) (*Crowd, error) {
	if opts.Items == 0 {
		opts.Items = 30
	}
	if opts.Kilobytes == 0 {
		opts.Kilobytes = 47
	}
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, fmt.Errorf("start a crowd of outlets: %w", err)
	}
	addr, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(errors.New("start a crowd of outlets: no TCP"), listener.Close())
	}
	c := &Crowd{opts: opts, port: addr.Port, done: make(chan struct{}), feeds: make([]crowdFeed, opts.Feeds)}
	c.server = &http.Server{Handler: http.HandlerFunc(c.answer), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(c.done)
		_ = c.server.Serve(inside{listener}) // always ErrServerClosed: Close ends it
	}()
	return c, nil
}

// inside accepts only what comes from this machine.
type inside struct{ net.Listener }

func (l inside) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if local, ok := conn.LocalAddr().(*net.TCPAddr); ok && local.IP.IsLoopback() {
			return conn, nil
		}
		_ = conn.Close() // a stranger
	}
}

// Close ends the crowd.
func (c *Crowd) Close() error {
	err := c.server.Close()
	<-c.done
	return err
}

// Feed returns the address of a feed, counted from 0.
func (c *Crowd) Feed(i int) string {
	return fmt.Sprintf("http://127.%d.%d.%d:%d/feed", 64+i>>14&0x3f, i>>7&0x7f, 1+i&0x7f, c.port)
}

// index finds the feed that lives at a host.
func (c *Crowd) index(host string) int {
	var a, b, d, port int
	if n, err := fmt.Sscanf(host, "127.%d.%d.%d:%d", &a, &b, &d, &port); n != 4 || err != nil {
		return -1
	}
	if i := (a-64)<<14 | b<<7 | (d - 1); i >= 0 && i < len(c.feeds) {
		return i
	}
	return -1
}

// Advance has every tenth feed publish one item more.
func (c *Crowd) Advance() {
	for i := 0; i < len(c.feeds); i += 10 {
		f := &c.feeds[i]
		f.mu.Lock()
		f.news++
		f.etag, f.zip = "", nil
		f.mu.Unlock()
	}
}

// Stats returns the counts since the last Reset.
func (c *Crowd) Stats() CrowdStats {
	return CrowdStats{c.requests.Load(), c.full.Load(), c.unchanged.Load(), c.other.Load(), c.overlaps.Load()}
}

// Reset sets the counts to zero.
func (c *Crowd) Reset() {
	for _, n := range []*atomic.Int64{&c.requests, &c.full, &c.unchanged, &c.other, &c.overlaps} {
		n.Store(0)
	}
}

func (c *Crowd) answer(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	i := c.index(r.Host)
	if i < 0 || r.URL.Path != "/feed" {
		c.other.Add(1)
		http.NotFound(w, r)
		return
	}
	f := &c.feeds[i]
	if f.busy.Add(1) > 1 {
		c.overlaps.Add(1)
	}
	defer f.busy.Add(-1)
	if c.opts.Latency > 0 {
		time.Sleep(c.opts.Latency)
	}
	etag, body := c.document(i)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		c.unchanged.Add(1)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	c.full.Add(1)
	w.Header().Set("Content-Type", "application/rss+xml; charset=utf-8")
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(body) // who hung up does not want it
}

// document returns a feed as it is now.
func (c *Crowd) document(i int) (etag string, zipped []byte) {
	f := &c.feeds[i]
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.zip == nil {
		base := strings.TrimSuffix(c.Feed(i), "/feed")
		o := &Outlet{base: base, opts: Options{Format: RSS2, Title: "Desk " + strconv.Itoa(i), Path: "/feed", Limit: c.opts.Items, Language: "en"}, changed: crowdBegan}
		if i%3 == 1 {
			o.opts.Language = "ur"
		}
		for n := f.news + c.opts.Items - 1; n >= f.news; n-- {
			o.items = append(o.items, o.complete(c.item(i, n, o.opts.Language), crowdBegan.Add(time.Duration(n-c.opts.Items)*time.Hour)))
		}
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // the level is valid
		_, _ = z.Write(o.render())                      // a buffer takes everything
		_ = z.Close()
		f.zip, f.etag = b.Bytes(), fmt.Sprintf(`"%d-%d-%d"`, c.opts.Seed, i, f.news)
	}
	return f.etag, f.zip
}

// crowdBegan is when the crowd begins to publish: today, so that nothing is too old.
var crowdBegan = time.Now().Truncate(24 * time.Hour)

// item writes the n-th article of a desk.
func (c *Crowd) item(desk, n int, language string) Item {
	random := rand.New(rand.NewPCG(c.opts.Seed+uint64(desk), uint64(n)))
	word := func() string { return invented(random, language) }
	words := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = word()
		}
		return strings.Join(list, " ")
	}
	var content strings.Builder
	for want := c.opts.Kilobytes*1024/c.opts.Items - 500; content.Len() < want; {
		content.WriteString("<p>" + words(30) + ".</p>\n")
	}
	id := fmt.Sprintf("%d-%d", desk, n)
	return Item{ID: id, Link: "/" + id, Title: words(8), Summary: words(20), Content: content.String(), Author: words(2), Section: "s" + strconv.Itoa(desk%7)}
}

var syllables = map[string][]string{
	"en": strings.Fields("ka ler mo tin sha ve ron di pol a be ster gu ny fi lam or cei wid thu"),
	"ur": strings.Fields("کا لر مو تن شا وے رن دی پل آ بے ستر گو نی فی لم اور سے ود تھو"),
}

// invented makes a word of two to four syllables up.
func invented(random *rand.Rand, language string) string {
	var b strings.Builder
	list := syllables[language]
	for range 2 + random.IntN(3) {
		b.WriteString(list[random.IntN(len(list))])
	}
	return b.String()
}
