package pipeline_test

import (
	"fmt"
	"net/http"
	"testing"

	"sangam/feed"
	"sangam/internal/outlet"
)

// A 200 with the same bytes is an answer like any other: what it does not say
// any more is forgotten.
func TestValidatorThatVanishesIsForgottenThoughNothingChanged(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	etag := `"1"`
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		fmt.Fprint(w, outlet.Sample)
	}))
	h.visit(src, feed.Report{Fresh: 1})
	etag = ""
	if st := h.visit(src, feed.Report{}); st.ETag != "" || st.NotModified != 1 {
		t.Errorf("after the ETag vanished: got %q", st.ETag)
	}
}

func TestFeedThatMovesBackIsVisitedAtHomeAgain(t *testing.T) {
	h := newHouse(t)
	herald, src := open(t, "herald", outlet.RSS2)
	zoo := outlet.Zoo()
	moved := true
	herald.Behave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case moved && r.URL.Path == "/feed":
			w.Header().Set("Location", "/home")
			w.WriteHeader(http.StatusMovedPermanently)
		case moved == (r.URL.Path == "/home"):
			fmt.Fprint(w, outlet.Sample)
		default:
			zoo.ServeHTTP(w, &http.Request{URL: r.URL.JoinPath("../404"), Method: r.Method, Header: r.Header})
		}
	}))
	if st := h.visit(src, feed.Report{Fresh: 1}); st.URL != herald.Base()+"/home" {
		t.Errorf("moved: remembered %q", st.URL)
	}
	moved = false
	if st := h.visit(src, feed.Report{}); st.URL != "" || st.Failures != 0 {
		t.Errorf("moved back: remembered %q, %s", st.URL, st.Problem)
	}
}
