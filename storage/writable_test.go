package storage

import (
	"log/slog"
	"syscall"
	"testing"
	"time"
)

// TestWhatIsSmallDoesNotMeanThatThereIsRoomAtOnce fills the disk: a group of many visits fails, and what comes later is small.
func TestWhatIsSmallDoesNotMeanThatThereIsRoomAtOnce(t *testing.T) {
	now := dawn
	db := &DB{opts: Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}}
	writable := func(want bool, when string) {
		t.Helper()
		if _, err := db.Writable(); (err == nil) != want {
			t.Errorf("%s the store says %v", when, err)
		}
	}
	writable(true, "at first")
	db.written(1<<20, syscall.ENOSPC)
	writable(false, "after a failure")
	now = now.Add(time.Second)
	db.written(4096, nil)
	writable(false, "after something small")
	db.written(600_000, nil)
	writable(true, "after something as large")

	db.written(1<<20, syscall.ENOSPC)
	for range 3 { // one fails now and then, others are small
		now = now.Add(assumeRoom - time.Second)
		db.written(4096, nil)
		writable(false, "while some still fail")
		db.written(100_000, syscall.ENOSPC)
	}
	if since, _ := db.Writable(); !since.Equal(dawn.Add(time.Second)) {
		t.Errorf("since %v, want the first failure", since)
	}
	now = now.Add(assumeRoom)
	db.written(4096, nil)
	writable(true, "once nothing has failed for a while")
}
