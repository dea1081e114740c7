package server_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// slow is a store whose stories can be held up.
type slow struct {
	*shelf
	mu   sync.Mutex
	gate chan struct{} // closed = open
}

func (s *slow) shut() func() {
	gate := make(chan struct{})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate
	return func() { close(gate) }
}

func (s *slow) Find(ctx context.Context, q feed.Query) iter.Seq2[feed.Found, error] {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	return s.shelf.Find(ctx, q)
}

// renewing serves a heavy document of a slow store, with Renew.
func renewing(t *testing.T) (*slow, *server.Server, server.Options) {
	s := &slow{shelf: crowd(400)}
	o := townOptions
	o.Items = 400
	h := server.New(o, s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = h.Renew(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return s, h, o
}

func (s *slow) news(n int) string {
	title := fmt.Sprintf("News number %d of the harbour", n)
	s.put(story(fmt.Sprint("news", n), noon.Add(time.Duration(n)*time.Second), item("herald", fmt.Sprint("news", n), title, "It is said.", "en", feed.LeftToRight, 0)))
	return title
}

// within asks for a path, and gives up after a while.
func within(t *testing.T, h *server.Server, path string, d time.Duration) string {
	t.Helper()
	got := make(chan string, 1)
	go func() { got <- answer(h, path, "identity").Body.String() }()
	select {
	case body := <-got:
		return body
	case <-time.After(d):
		return ""
	}
}

func TestReadersDoNotWaitForHeavyDocuments(t *testing.T) {
	s, h, _ := renewing(t)
	first := within(t, h, "/feed.xml", time.Minute)
	open := s.shut()
	title := s.news(1)
	old := ""
	for deadline := time.Now().Add(20 * time.Second); old == ""; {
		if got := within(t, h, "/feed.xml", 100*time.Millisecond); strings.Contains(got, "<rss") {
			old = got // while the new one cannot be made
		} else if time.Now().After(deadline) {
			t.Fatal("a reader waits for what is being made")
		}
	}
	if old != first {
		t.Error("what is served meanwhile is not what was made last")
	}
	open()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(within(t, h, "/feed.xml", time.Minute), title); {
		if time.Now().After(deadline) {
			t.Fatal("the news are never served")
		}
	}
}

func TestSubscribersGetNothingButTheNewest(t *testing.T) {
	s, h, o := renewing(t)
	for n := range 10 {
		title := s.news(n)
		topic, err := h.Topic(t.Context(), o.Base+"feed.xml")
		if err != nil || !strings.Contains(string(topic.Body), title) {
			t.Fatalf("the document for subscribers does not tell of %q: %v", title, err)
		}
		within(t, h, "/feed.xml", time.Minute)
	}
}

func TestSmallDocumentsAreAlwaysTheNewest(t *testing.T) {
	s, h, _ := renewing(t)
	for n := range 10 {
		title := s.news(n)
		if got := within(t, h, "/feed.xml?q=number", time.Minute); !strings.Contains(got, title) {
			t.Fatalf("a small document does not tell of %q", title)
		}
	}
}
