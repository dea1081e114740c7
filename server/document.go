package server

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

// document is something made, ready to be sent in any coding.
type document struct {
	seq      uint64    // of the store when it was made
	expires  time.Time // for pages that tell the time; zero = only a change ends it
	etag     string    // of the identity coding, without quotes
	epoch    string    // of the sequence number in it; "" = there is none
	modified time.Time // zero = unsaid
	kind     string    // media type
	policy   string
	control  string // Cache-Control
	vary     string
	since    []generation // what it said before, newest last
	pieces   []piece      // of a feed: its stories, in its order
	language string       // of a feed: that in which it speaks where a story does not say its own

	body   []byte
	chunks []chunk
	known  *atomic.Pointer[squeezed] // what is compressed already; shared with its predecessors
	began  time.Time                 // when it began to be made
	took   time.Duration             // how long that was
	rests  time.Duration             // for how long from then it will do, whatever changes
	gzip   func() packed
	zstd   func() packed
	plain  func() packed
	status int // 0 = 200

	said func() map[string]*saying // by coding
}

// packed is a body in one coding, and its length as the header takes it.
type packed struct {
	bytes  []byte
	length []string
}

func pack(b []byte) packed { return packed{b, []string{strconv.Itoa(len(b))}} }

// saying is what the header says of one coding. Answers share it, and nobody changes it.
type saying struct {
	etag      []string
	kind      []string // Content-Type
	whole     fields   // besides kind and length, when the document is sent
	unchanged fields   // when the reader has it: no more than that, RFC 9110, 15.4.5
}

// sayings puts a document's header into words, once.
func (d *document) sayings() map[string]*saying {
	all := make(map[string]*saying, 3)
	for _, coding := range []string{"", "gzip", "zstd"} {
		say := &saying{etag: []string{d.tag(coding)}}
		if d.kind != "" {
			say.kind = []string{d.kind}
		}
		said := [][2]string{{"Etag", d.tag(coding)}, {"Cache-Control", d.control}, {"Vary", "Accept-Encoding" + d.vary}}
		say.unchanged = write(said)
		if !d.modified.IsZero() {
			said = append(said, [2]string{"Last-Modified", d.modified.UTC().Format(http.TimeFormat)})
		}
		say.whole = write(append(said,
			[2]string{"Content-Encoding", coding},
			[2]string{"X-Content-Type-Options", nosniff[0]},
			[2]string{"Referrer-Policy", noReferrer[0]},
			[2]string{"Content-Security-Policy", cmp.Or(d.policy, policyStrict)}))
		all[coding] = say
	}
	return all
}

// fields are a part of a header, as a map takes it and as it is sent.
type fields struct {
	keys   []string
	values [][]string
	lines  []byte
}

// write writes down the fields that have a value.
func write(said [][2]string) (f fields) {
	for _, s := range said {
		if s[1] != "" {
			f.keys, f.values = append(f.keys, s[0]), append(f.values, []string{s[1]})
			f.lines = fmt.Appendf(f.lines, "%s: %s\r\n", s[0], s[1])
		}
	}
	return f
}

// add puts the fields into an answer that has not begun: straight onto its line, if it has one.
func (f *fields) add(h http.Header, l *line) {
	if l != nil {
		l.say(f.lines)
		return
	}
	for i, key := range f.keys {
		h[key] = f.values[i]
	}
}

// job says how a document is made when it is not at hand.
type job struct {
	key        string
	kind       string
	policy     string
	control    string
	vary       string
	lasts      time.Duration // for pages that tell the time
	stylesheet string        // for feeds that a browser shows
	make       func(context.Context, *site, *bytes.Buffer) (made, error)
}

// made is what is known of a document besides its bytes.
type made struct {
	modified time.Time
	pieces   []piece
	language string
	control  string // instead of the job's
}

const (
	// makeTimeout bounds the making of one document; a reader who leaves does not
	// end it, since others may wait for the same.
	makeTimeout = 20 * time.Second
	// feedControl lets caches answer for a minute; readers poll far less often.
	feedControl = "public, max-age=60"
	pageControl = "no-cache"
	// foreverControl is for what never changes under its name (RFC 8246).
	foreverControl = "public, max-age=31536000, immutable"
)

// document sends what a job makes, making it only if the store has changed.
func (s *Server) document(w http.ResponseWriter, r *http.Request, st *site, j job) error {
	d, err := s.current(r.Context(), st, j)
	if err != nil {
		return err
	}
	return d.send(w, r)
}

// current returns the document as it is now, or as it was a moment ago where Renew has a hand
// in it. Of many who ask at once, one makes it.
func (s *Server) current(ctx context.Context, st *site, j job) (*document, error) {
	var asked time.Time
	for {
		seq, _, err := s.store.Sequence(ctx)
		if err != nil {
			return nil, err
		}
		d := st.cache.get(j.key)
		if d != nil && (d.holds(st, seq) || !asked.IsZero() && d.began.After(asked)) {
			return d, nil
		}
		if asked.IsZero() {
			asked = time.Now()
		}
		will := s.willDo(ctx, d)
		if will == atOnce {
			return d, nil
		}
		turn, mine := s.turn(st, j.key)
		if mine && (will != ordered || !s.order(st, j, seq)) {
			return s.remake(ctx, st, j, seq)
		}
		if will == ordered {
			return d, nil
		}
		var enough <-chan time.Time // never
		if will == inNeed {
			enough = time.After(grace)
		}
		select {
		case <-turn:
		case <-enough:
			return d, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// holds reports whether a document is what would be made now.
func (d *document) holds(st *site, seq uint64) bool {
	return d.seq == seq && (d.expires.IsZero() || st.Now().Before(d.expires))
}

// turn tells the caller whether the document is its to make; if not, the channel
// is closed when another has made it.
func (s *Server) turn(st *site, key string) (chan struct{}, bool) {
	key = fmt.Sprintf("%p %s", st, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.waiting[key]; ok {
		return c, false
	}
	c := make(chan struct{})
	s.waiting[key] = c
	return c, true
}

func (s *Server) done(st *site, key string) {
	key = fmt.Sprintf("%p %s", st, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.waiting[key])
	delete(s.waiting, key)
}

func (s *Server) remake(ctx context.Context, st *site, j job, seq uint64) (*document, error) {
	defer s.done(st, j.key)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), makeTimeout)
	defer cancel()
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, failure{status: http.StatusServiceUnavailable, cause: ctx.Err()}
	}
	began := time.Now()
	b := drafts.Get().(*bytes.Buffer)
	defer drafts.Put(b)
	b.Reset()
	m, err := j.make(ctx, st, b)
	if err != nil {
		return nil, err
	}
	d := newDocument(b.Bytes(), j, m)
	d.seq, d.began = seq, began
	d.order(st)
	if j.lasts > 0 {
		d.expires = st.Now().Add(j.lasts)
	}
	before := st.cache.get(j.key)
	if before != nil {
		d.follow(before)
	}
	if d.known.Load() != nil {
		d.gzip() // its predecessors were asked for so, and nobody should have to wait for it
	}
	d.took = time.Since(began)
	if before != nil && began.Sub(before.began) < rush {
		d.rests = rests * d.took
	}
	st.cache.put(j.key, d)
	return d, nil
}

// drafts are what documents are written into: grown once, used again.
var drafts = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newDocument(body []byte, j job, m made) *document {
	d := &document{
		kind: j.kind, policy: j.policy, control: cmp.Or(m.control, j.control), vary: j.vary,
		modified: m.modified, pieces: m.pieces, language: m.language,
		body:  bytes.Clone(body), // without the buffer's slack
		known: new(atomic.Pointer[squeezed]),
	}
	d.chunks = chunks(d.body, d.pieces)
	d.etag = tagOf(d.chunks)
	d.plain = sync.OnceValue(func() packed { return pack(d.body) })
	d.gzip = sync.OnceValue(d.squeeze)
	d.zstd = sync.OnceValue(func() packed { return pack(encoder.EncodeAll(d.body, nil)) })
	d.said = sync.OnceValue(d.sayings)
	return d
}

func (d *document) squeeze() packed {
	var known squeezed
	if k := d.known.Load(); k != nil {
		known = *k
	}
	b, now := squeeze(d.body, d.chunks, known)
	d.known.Store(&now)
	return pack(b)
}

// encoder is used by many at once: EncodeAll is safe for that.
var encoder = func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(makers))
	if err != nil {
		panic(err) // only wrong options fail
	}
	return e
}()

// send answers with the document, with 304 when the reader has it, or with 412 when he
// wants another (RFC 9110, 13.2.2).
func (d *document) send(w http.ResponseWriter, r *http.Request) error {
	coding := d.coding(r.Header["Accept-Encoding"])
	say, h, l := d.said()[coding], w.Header(), lineOf(r.Context())
	soften(h) // a document says itself how to treat it
	if d.refused(r, coding) {
		h["Etag"] = say.etag
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Length", "0")
		w.WriteHeader(http.StatusPreconditionFailed)
		return nil
	}
	if newer := d.ahead(r); newer != "" {
		say.unchanged.add(h, nil)
		h["Etag"] = []string{newer}
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if d.fresh(r) {
		say.unchanged.add(h, l)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := d.plain()
	switch coding {
	case "gzip":
		body = d.gzip()
	case "zstd":
		body = d.zstd()
	}
	if say.kind != nil {
		h["Content-Type"] = say.kind
	}
	h["Content-Length"] = body.length
	if r.Header["Range"] != nil {
		h["Accept-Ranges"] = noRanges // the whole comes instead, which RFC 9110, 14.2 allows
	}
	say.whole.add(h, l)
	if d.status != 0 {
		w.WriteHeader(d.status)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	pour(w, r, body.bytes)
	return nil
}

const (
	// gulp is how much is written between two looks at the clock, and slack how long
	// that may take: a reader slower than 13 kB/s for that long is cut off.
	gulp  = 256 << 10
	slack = 20 * time.Second
)

// pour writes a body, giving a slow reader time as long as it takes some. What
// goes wrong here is the reader's; the connection ends and nobody else is touched.
func pour(w http.ResponseWriter, r *http.Request, body []byte) {
	if l := lineOf(r.Context()); l != nil && len(body) > headRoom && len(body) <= inOnePiece {
		l.hold()
	}
	rc := http.NewResponseController(w)
	for len(body) > 0 {
		n := min(gulp, len(body))
		_ = rc.SetWriteDeadline(time.Now().Add(slack)) // not every writer can
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
}
