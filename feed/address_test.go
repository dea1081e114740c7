package feed_test

import (
	"testing"
	"time"

	"sangam/feed"
)

func TestNewAddressVoidsWhatTheOldOneTaught(t *testing.T) {
	src := feed.Source{FeedURL: "https://user:secret@herald.example/feed"}
	st := feed.State{
		Source: "herald", ConfiguredURL: src.Address(), ETag: `"1"`, LastModified: "yesterday", URL: "https://moved.example/",
		Gone: true, Failures: 3, NotBefore: time.Unix(99, 0), Visits: 7,
	}
	if got := st.For(src); got.ETag != `"1"` || !got.Gone || got.Failures != 3 {
		t.Errorf("same address: got %+v, want the state as it was", got)
	}
	src.FeedURL = "https://herald.example/rss"
	got := st.For(src)
	if got.ETag != "" || got.LastModified != "" || got.URL != "" || got.Gone || got.Failures != 0 || !got.NotBefore.IsZero() {
		t.Errorf("new address: got %+v, want no validators, no move, no failures, no floor", got)
	}
	if got.Visits != 7 || got.Source != "herald" {
		t.Errorf("new address: got %+v, want the counts kept", got)
	}
}
