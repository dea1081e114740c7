package server_test

import (
	"testing"
	"time"

	"sangam/server"
)

// Two servers hold the same stories; one lags. A reader who saw more at the other is not sent
// back in time, and one who saw less gets what there is.
func TestWhoLagsSendsNobodyBackInTime(t *testing.T) {
	ahead, behind := town(), town()
	o := townOptions
	o.Epoch = func() string { return "river" }
	a, b := server.New(o, ahead), server.New(o, behind)
	for _, path := range []string{"/feed.xml", "/atom.xml", "/feed.json"} {
		ahead.mu.Lock()
		story := ahead.stories[0]
		ahead.mu.Unlock()
		old := ask(t, a, "GET", path).Header().Get("ETag")
		if same := ask(t, b, "GET", path).Header().Get("ETag"); path == "/feed.xml" && same != old {
			t.Errorf("%s: the tags are %s and %s for the same content", path, old, same)
		}
		story.Members[0].Title += ", once more"
		story.Updated = story.Updated.Add(time.Minute)
		ahead.put(story)
		for _, coding := range []string{"identity", "gzip", "zstd"} {
			fresh := ask(t, a, "GET", path, "Accept-Encoding", coding).Header().Get("ETag")
			late := ask(t, b, "GET", path, "If-None-Match", fresh, "Accept-Encoding", coding)
			if late.Code != 304 || late.Header().Get("ETag") != fresh {
				t.Errorf("%s %s: a newer validator is answered %d %s, want 304 and itself", path, coding, late.Code, late.Header().Get("ETag"))
			}
			if w := ask(t, a, "GET", path, "If-None-Match", fresh, "Accept-Encoding", coding); w.Code != 304 {
				t.Errorf("%s %s: the very validator is answered %d", path, coding, w.Code)
			}
		}
		if w := ask(t, a, "GET", path, "If-None-Match", old); w.Code != 200 {
			t.Errorf("%s: an older validator is answered %d", path, w.Code)
		}
		if w := ask(t, b, "GET", path, "If-None-Match", `"0123.elsewhere.zzzz"`); w.Code != 200 {
			t.Errorf("%s: a validator of another history is answered %d", path, w.Code)
		}
	}
}
