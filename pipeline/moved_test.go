package pipeline_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"sangam/feed"
	"sangam/internal/outlet"
)

// A place that a feed once moved to for good may be sold, or stay out of order.
// Whatever it answers then, the configured address is asked again, and soon.
func TestNoPlaceThatAFeedMovedToHoldsItForGood(t *testing.T) {
	empty := `<rss version="2.0"><channel><title>Zoo</title></channel></rss>`
	back := `<rss version="2.0"><channel><title>Zoo</title><item><guid>back</guid><title>Back home</title></item></channel></rss>`
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		visits int // until the feed is found at home
	}{
		"a parked page":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!doctype html><p>For sale") }, 2},
		"no markup":      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<rss><channel") }, 2},
		"an empty feed":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, empty) }, 2},
		"not found":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, 1},
		"out of order":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, 4},
		"behind a login": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, 4},
		"hanging up": {func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				conn.Close()
			}
		}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			herald, src := open(t, "herald", outlet.RSS2)
			moved := true
			herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !moved && r.URL.Path == "/feed" && r.Header.Get("If-None-Match") != "":
					w.WriteHeader(304) // a server that knows every validator
				case moved && r.URL.Path == "/feed":
					http.Redirect(w, r, "/moved", http.StatusMovedPermanently)
				case r.URL.Path == "/feed":
					fmt.Fprint(w, back)
				case moved:
					w.Header().Set("ETag", `"1"`)
					fmt.Fprint(w, outlet.Sample)
				default:
					c.answer(w, r)
				}
			}))
			if st := h.visit(src, feed.Report{Fresh: 1}); st.URL != herald.Base()+"/moved" {
				t.Fatalf("moved: remembered %q", st.URL)
			}
			moved = false
			for visit := 1; visit <= c.visits; visit++ {
				h.now = h.now.Add(time.Hour)
				st, report, err := h.Pipeline.Run(h.Context(), src)
				if home := report.Fresh == 1; err != nil || home != (visit == c.visits) || home && (st.URL != "" || st.Trouble != feed.NoTrouble) {
					t.Fatalf("visit %d of %d: got %+v, %v; remembered %q, %s", visit, c.visits, report, err, st.URL, st.Problem)
				}
			}
		})
	}
}

// While the place that a feed moved to is out of order and the old address is
// gone for good, it is neither given up nor missed when it recovers.
func TestOldAddressThatIsGoneDoesNotEndAFeedThatMoved(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	works, gone := true, false
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/feed" && gone:
			w.WriteHeader(410)
		case r.URL.Path == "/feed":
			http.Redirect(w, r, "/moved", http.StatusMovedPermanently)
		case works:
			fmt.Fprint(w, outlet.Sample)
		default:
			w.WriteHeader(500)
		}
	}))
	h.visit(src, feed.Report{Fresh: 1})
	works, gone = false, true
	for range 6 {
		if st := h.visit(src, feed.Report{}); st.Gone || st.Status != 500 || st.URL == "" {
			t.Fatalf("out of order: got %d, gone %v, remembered %q", st.Status, st.Gone, st.URL)
		}
	}
	works = true
	if st := h.visit(src, feed.Report{}); st.Trouble != feed.NoTrouble || st.URL != herald.Base()+"/moved" {
		t.Errorf("recovered: got %s, remembered %q", st.Problem, st.URL)
	}
}

func TestDeltaDoesNotShrinkTheFeed(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	item := func(n int) string { return fmt.Sprintf("<item><guid>%d</guid><title>Report %d</title></item>", n, n) }
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, len(herald.Requests())))
		items := item(1) + item(2) + item(3)
		if r.Header.Get("A-IM") == "feed" {
			w.Header().Set("IM", "feed")
			w.WriteHeader(http.StatusIMUsed)
			items = item(4)
		}
		fmt.Fprint(w, `<rss version="2.0"><channel><title>Herald</title>`+items+`</channel></rss>`)
	}))
	h.visit(src, feed.Report{Fresh: 3})
	if st := h.visit(src, feed.Report{Fresh: 1}); st.Status != 226 || st.Items < 3 {
		t.Errorf("after a delta: status %d, %d items", st.Status, st.Items)
	}
}
