package pipeline_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sangam/dedupe"
	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
	"sangam/pipeline"
	"sangam/schedule"
	"sangam/storage"
)

// house is a pipeline over a real store, with a clock that moves on by an hour a visit.
type house struct {
	*testing.T
	*pipeline.Pipeline
	db  *storage.DB
	now time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	db, err := storage.Open(filepath.Join(t.TempDir(), "sangam.db"), storage.Options{Decider: dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	client := fetcher.New(fetcher.Options{})
	t.Cleanup(client.Close)
	h := &house{T: t, db: db, now: time.Now()}
	here := pipeline.Here{
		Fetch: client.Fetch, Next: schedule.Next,
		Bug: func(source string, panicked any, stack []byte) {
			t.Errorf("%s panicked: %v\n%s", source, panicked, stack)
		},
	}
	h.Pipeline = &pipeline.Pipeline{Store: db, Gather: here.Gather, Now: func() time.Time { return h.now }, Log: slog.New(slog.DiscardHandler)}
	return h
}

func (h *house) visit(src feed.Source, want feed.Report) feed.State {
	h.Helper()
	h.now = h.now.Add(time.Hour)
	state, got, err := h.Pipeline.Run(h.Context(), src)
	if err != nil {
		h.Fatalf("visit %s: %v", src.ID, err)
	}
	want.Source, want.Seq, got.Late = src.ID, got.Seq, false
	if got != want {
		h.Errorf("visit %s: got %+v, want %+v (problem %q)", src.ID, got, want, state.Problem)
	}
	return *state
}

func (h *house) items(source string) (n int) {
	h.Helper()
	for story, err := range h.db.Stories(h.Context(), feed.Query{Sources: []string{source}}) {
		if err != nil {
			h.Fatal(err)
		}
		n += len(story.Members)
	}
	return n
}

func open(t *testing.T, id string, format outlet.Format) (*outlet.Outlet, feed.Source) {
	t.Helper()
	o, err := outlet.New(outlet.Options{Format: format, Title: id, Language: "en"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	return o, feed.Source{
		Outlet: feed.Outlet{ID: id, Name: id, URL: o.Feed()}, FeedURL: o.Feed(), Schedule: "@hourly",
		Timeout: 5 * time.Second, MaxBody: 1 << 20, AllowNetworks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		PerHost: feed.PerHost{Concurrency: 1},
	}
}

func TestVisitsBecomeStories(t *testing.T) {
	h := newHouse(t)
	herald, heraldSource := open(t, "herald", outlet.RSS2)
	gazette, gazetteSource := open(t, "gazette", outlet.Atom)

	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	h.visit(heraldSource, feed.Report{Fresh: 1})
	news := h.now
	h.visit(heraldSource, feed.Report{}) // 304: nothing to say
	if state, err := h.db.State(t.Context(), "herald"); err != nil || !state.Changed.Equal(news) {
		t.Errorf("got last news at %v, %v, want %v", state.Changed, err, news)
	}
	gazette.Publish(outlet.Line("b | /b | FERRY SINKS, off the Northern Coast! | All safe."))
	h.visit(gazetteSource, feed.Report{Copies: 1})
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Fourteen rescued."))
	h.visit(heraldSource, feed.Report{Revised: 1})
	herald.Publish(outlet.Line("2 | /2 | Mayor opens the long awaited tunnel | Traffic moves."))
	h.visit(heraldSource, feed.Report{Fresh: 1, Same: 1})
}

func TestFailedVisitIsRememberedAndCostsNoItem(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	h.visit(src, feed.Report{Fresh: 1})

	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) }))
	state := h.visit(src, feed.Report{})
	since := state.FailingSince
	if state.Trouble != feed.HTTPStatus || state.Failures != 1 || since.IsZero() || !strings.Contains(state.Problem, "502") {
		t.Errorf("after a 502: got %+v, want the trouble told", state)
	}
	state = h.visit(src, feed.Report{})
	if state.Failures != 2 || !state.FailingSince.Equal(since) {
		t.Errorf("after another: got %d failures since %v, want 2 since %v", state.Failures, state.FailingSince, since)
	}
	if n := h.items("herald"); n != 1 {
		t.Errorf("got %d items after failures, want the 1 we had", n)
	}
	if state.ETag == "" {
		t.Error("a failure cost us the validators")
	}

	herald.Behave(nil)
	state = h.visit(src, feed.Report{})
	if state.Failures != 0 || !state.FailingSince.IsZero() || state.Trouble != feed.NoTrouble || state.Problem != "" {
		t.Errorf("after recovery: got %+v, want no trouble left", state)
	}
}

func serveBytes(body string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"new"`)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Write([]byte(body))
	})
}

func TestDocumentsThatAreNotTheWholeFeedAdvanceNoValidators(t *testing.T) {
	for name, body := range map[string]string{
		"cut":     `<rss version="2.0"><channel><title>herald</title><item><guid>1</guid><title>Ferry sinks off the northern coast</title></item><item><guid>2</guid><ti`,
		"empty":   `<rss version="2.0"><channel><title>herald</title></channel></rss>`,
		"no feed": `<!DOCTYPE html><html><body><p>We will be back soon.</p></body></html>`,
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			herald, src := open(t, "herald", outlet.RSS2)
			herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
			old := h.visit(src, feed.Report{Fresh: 1})
			herald.Behave(serveBytes(body))
			h.now = h.now.Add(time.Hour)
			state, _, err := h.Pipeline.Run(t.Context(), src)
			if err != nil {
				t.Fatal(err)
			}
			if state.ETag == `"new"` {
				t.Error("took the validators of a document that is not the whole feed")
			}
			if name != "cut" && state.ETag != old.ETag {
				t.Errorf("got ETag %q, want the one that stands for what we hold, %q", state.ETag, old.ETag)
			}
			if len(state.Warnings) == 0 && state.Problem == "" {
				t.Error("nobody is told")
			}
			if n := h.items("herald"); n != 1 {
				t.Errorf("got %d items, want the 1 we had", n)
			}
		})
	}
}

func TestShutdownIsNotTheOutletsFault(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	asked := make(chan struct{})
	herald.Behave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, _, err := h.Pipeline.Run(ctx, src); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the visit cut short", err)
	}
	state, err := h.db.State(t.Context(), "herald")
	if err != nil || state.Failures != 0 || !state.Visited.IsZero() {
		t.Errorf("got %+v, %v, want nothing stored", state, err)
	}
}

func TestClockThatWasAheadIsToldOf(t *testing.T) {
	h := newHouse(t)
	var log strings.Builder
	h.Log = slog.New(slog.NewTextHandler(&log, nil))
	herald, src := open(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	today := h.now
	h.now = today.AddDate(1, 0, 0)
	h.visit(src, feed.Report{Fresh: 1})
	if strings.Contains(log.String(), "ahead") {
		t.Errorf("told too early: %s", &log)
	}
	h.now = today
	herald.Publish(outlet.Line("2 | /2 | Mayor opens the long awaited tunnel | Traffic moves."))
	h.visit(src, feed.Report{})
	if !strings.Contains(log.String(), "the clock was ahead") || !strings.Contains(log.String(), "source=herald") {
		t.Errorf("the clock was put back by a year and nothing is told of it: %s", &log)
	}
}

func TestPanicCostsOneVisit(t *testing.T) {
	h := newHouse(t)
	_, src := open(t, "herald", outlet.RSS2)
	told := ""
	h.Gather = pipeline.Here{
		Fetch: func(context.Context, *feed.Visit) feed.Document { panic("a document like no other") },
		Next:  schedule.Next,
		Bug:   func(source string, _ any, stack []byte) { told = source + string(stack) },
	}.Gather
	state := h.visit(src, feed.Report{})
	if state.Trouble != feed.Panicked || state.Failures != 1 || !strings.Contains(told, "herald") {
		t.Errorf("got trouble %q, told %q, want a panic confined and reported", state.Trouble, told)
	}
}

func TestPanicOverADocumentCostsOneVisit(t *testing.T) {
	h := newHouse(t)
	_, src := open(t, "herald", outlet.RSS2)
	told := ""
	h.Gather = pipeline.Here{
		Fetch: func(context.Context, *feed.Visit) feed.Document {
			return feed.Document{Outcome: feed.Changed, ETag: "1", Body: []byte(outlet.Sample)}
		},
		Habits: func(context.Context, string) feed.Habits { panic("a habit like no other") },
		Next:   schedule.Next,
		Desks:  make(chan struct{}, 1),
		Bug:    func(source string, _ any, stack []byte) { told = source + string(stack) },
	}.Gather
	for failures := 1; failures < 3; failures++ { // the desk is free again after the first
		state := h.visit(src, feed.Report{})
		if state.Trouble != feed.Panicked || state.Failures != failures || state.ETag != "" || !strings.Contains(told, "herald") || !strings.Contains(told, "Habits") && !strings.Contains(told, "Panic") {
			t.Errorf("got trouble %q, told %q, want a panic confined and reported with where it was", state.Trouble, told)
		}
	}
}

func TestFiltersDropWhatTheOperatorDoesNotWant(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	src.Include = []*regexp.Regexp{regexp.MustCompile(`(?i)ferry`)}
	src.Exclude = []*regexp.Regexp{regexp.MustCompile(`lottery`)}
	herald.Publish(
		outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."),
		outlet.Line("2 | /2 | Ferry crew wins | A lottery ticket changed hands."),
		outlet.Line("3 | /3 | Mayor opens the long awaited tunnel | Traffic moves."),
	)
	if state := h.visit(src, feed.Report{Fresh: 1}); state.Filtered != 2 {
		t.Errorf("got %d items filtered, want 2", state.Filtered)
	}
}

func TestIdsSharedByDifferentItemsIdentifyNothing(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	herald.Behave(serveBytes(`<rss version="2.0"><channel><title>herald</title>
		<item><guid isPermaLink="false">0</guid><link>http://h.example/1</link><title>Ferry sinks off the northern coast</title></item>
		<item><guid isPermaLink="false">0</guid><link>http://h.example/2</link><title>Mayor opens the long awaited tunnel</title></item>
		<item><guid isPermaLink="false">7</guid><link>http://h.example/7</link><title>Seven swans counted on the lake</title></item>
		<item><guid isPermaLink="false">7</guid><link>http://h.example/7</link><title>Seven swans counted on the lake</title></item>
		</channel></rss>`))
	state := h.visit(src, feed.Report{Fresh: 3})
	if len(state.Warnings) == 0 {
		t.Error("the operator is not told that ids are shared")
	}
}

func TestNewAddressIsAskedAfresh(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	if state := h.visit(src, feed.Report{}); !state.Gone || !state.Due.IsZero() {
		t.Errorf("after a 410: got gone %v, due %v, want never again", state.Gone, state.Due)
	}
	herald.Behave(nil)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	src.FeedURL += "?new"
	if state := h.visit(src, feed.Report{Fresh: 1}); state.Gone || state.Due.IsZero() {
		t.Errorf("at its new address: got %+v, want it visited again", state)
	}
}
