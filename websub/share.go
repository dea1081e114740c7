package websub

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"time"
)

// Where several servers serve the same feeds, each takes subscriptions, all know of all, and a
// delivery is an errand on which one of them is sent: whoever is free, and another if that one
// dies. A Sharer is how they know of each other.
type Sharer interface {
	// Change changes a record for all servers: change gets the text that it has, nil if there is none,
	// and returns the one that it is to have, nil for none. All servers are told by Learn.
	Change(ctx context.Context, key string, change func(text []byte) []byte) error
	// Send has one server do Deliver. The same errand for the same reason is done once.
	Send(ctx context.Context, key, reason string) error
}

const (
	// askAgain is how long to wait for what comes of an errand.
	askAgain = 45 * time.Second
	// soon is how long to wait before somebody is sent again, if nobody could be.
	soon = 500 * time.Millisecond
)

// errBusy says that this server has all hands full.
var errBusy = errors.New("too many deliveries are under way here")

// A record is a subscription as servers share it.
type record struct {
	subscription
	Seq    uint64    `json:"seq,omitempty"`    // of the store, when what was sent was made
	Failed int       `json:"failed,omitempty"` // deliveries of Lacks in a row
	Lacks  string    `json:"lacks,omitempty"`  // tag of the content that could not be delivered
	Next   time.Time `json:"next,omitzero"`    // when that is tried again
}

func (r *record) text() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts and times can be written
	}
	return text
}

// key is what a subscription is called among servers.
func (n name) key() string {
	sum := sha256.Sum256([]byte(n.topic + "\x00" + n.callback))
	return hex.EncodeToString(sum[:16])
}

// Learn is told of a subscription that is shared; a text of nil says that it has ended.
func (h *Hub) Learn(key string, text []byte) {
	var r record
	if text != nil {
		if err := json.Unmarshal(text, &r); err != nil {
			h.Log.Error("a subscription cannot be read", "key", key, "err", err)
			return
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n, known := h.shared[key]
	if text == nil {
		delete(h.shared, key)
		if known {
			delete(h.subs, n)
		}
		return
	}
	n = name{r.Topic, r.Callback}
	s := r.subscription
	s.record = &r
	if old := h.subs[n]; old != nil {
		s.ask(old.want)
	}
	h.shared[key], h.subs[n] = n, &s
	h.again = true
	h.nudge()
}

// send sends somebody to deliver; until it is known what came of it, nobody else is sent.
func (h *Hub) send(ctx context.Context, n name, s *subscription, reason string) {
	err := h.Share.Send(ctx, n.key(), reason)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(n.callback)
	s.busy, s.next = false, time.Now().Add(askAgain)
	if err != nil {
		s.next = time.Now().Add(soon)
		h.Log.Debug("nobody could be sent to deliver", "callback", n.callback, "err", err)
	}
}

// reason tells one delivery of a content from the next try, and from that of another content.
func (s *subscription) reason() string { return s.want + "." + strconv.Itoa(s.failed) }

// Deliver does an errand: it sends a subscriber what its topic says now, unless it has that already. An
// error means that it is to be tried again soon.
func (h *Hub) Deliver(ctx context.Context, key string) error {
	h.mu.Lock()
	n := h.shared[key]
	var s subscription
	now, known := h.subs[n]
	if known {
		s = *now
	}
	h.mu.Unlock()
	if !known {
		return nil // it has ended
	}
	seq, err := h.Sequence(ctx)
	if err != nil {
		return err
	}
	content, err := h.Topic(ctx, n.topic)
	if errors.Is(err, ErrNoTopic) {
		return nil
	} else if err != nil {
		return err
	}
	if content.Tag == s.Sent || seq <= s.record.Seq {
		return nil
	}
	h.mu.Lock()
	free := h.begin(n.callback)
	h.mu.Unlock()
	if !free {
		return errBusy
	}
	status, err := h.post(ctx, &s, content)
	h.mu.Lock()
	h.end(n.callback)
	h.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if status/100 != 2 {
		h.Log.Debug("a delivery failed", "callback", n.callback, "topic", n.topic, "status", status, "err", err)
	}
	return h.change(ctx, n, func(r *record) *record {
		return r.delivered(status, content.Tag, seq, time.Now())
	})
}

// delivered is the record of a subscriber who answered a delivery with that status.
func (r *record) delivered(status int, tag string, seq uint64, now time.Time) *record {
	switch {
	case r == nil || status == http.StatusGone: // it has ended, or ends itself
		return nil
	case status/100 == 2:
		r.Sent, r.Seq, r.Failed, r.Lacks, r.Next = tag, seq, 0, "", time.Time{}
		return r
	case r.Lacks != tag:
		r.Lacks, r.Failed = tag, 0
	}
	if r.Failed < len(pauses) {
		r.Next = now.Add(pauses[r.Failed])
	}
	r.Failed++
	return r
}

// change changes a subscription for all servers; nil is one that is not there.
func (h *Hub) change(ctx context.Context, n name, change func(*record) *record) error {
	return h.Share.Change(ctx, n.key(), func(text []byte) []byte {
		var is *record
		if text != nil {
			is = &record{}
			if json.Unmarshal(text, is) != nil {
				is = nil // it is made anew, or ends
			}
		}
		if is = change(is); is == nil {
			return nil
		}
		return is.text()
	})
}

// agree has all servers know what a callback has confirmed.
func (h *Hub) agree(ctx context.Context, n name, r *request) error {
	seq, err := h.Sequence(ctx) // what it can fetch by itself is not newer
	if err != nil {
		return err
	}
	h.mu.Lock()
	room := h.room(n)
	h.mu.Unlock()
	return h.change(ctx, n, func(is *record) *record {
		switch {
		case r.mode == "unsubscribe" || is == nil && !room:
			return nil
		case is == nil:
			is = &record{subscription: r.subscription, Seq: seq}
		default: // a renewal: what it lacked it still lacks
			is.Secret = r.Secret
		}
		is.Until = time.Now().Add(r.lease).UTC().Truncate(time.Second)
		return is
	})
}

// expire ends a subscription that was not renewed, here or at another server.
func (h *Hub) expire(ctx context.Context, n name) {
	err := h.change(ctx, n, func(is *record) *record {
		if is != nil && time.Now().Before(is.Until) {
			return is
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		h.Log.Debug("a subscription that has run out could not be ended", "callback", n.callback, "err", err)
	}
}

// shareFile makes the subscriptions of the file, from when this server was alone, known to
// all, and removes it. They are in no file any more.
func (h *Hub) shareFile(ctx context.Context) {
	for n, s := range h.before {
		err := h.change(ctx, n, func(is *record) *record {
			if is == nil {
				is = &record{subscription: *s}
			}
			return is
		})
		if err != nil {
			h.Log.Debug("subscriptions from before are not shared yet", "err", err)
			return
		}
	}
	if err := os.Remove(h.File); err != nil {
		h.Log.Error("subscriptions are shared, and their file stays", "err", err)
	}
	h.before = nil
}

// ask has a subscriber sent the content of that tag, and recalls how often that was tried in vain.
func (s *subscription) ask(tag string) {
	s.want, s.failed, s.next = tag, 0, time.Time{}
	if s.record != nil && s.record.Lacks == tag {
		s.failed, s.next = s.record.Failed, s.record.Next
	}
}

// behind reports whether a server whose store is at seq may have less than was sent already.
func (s *subscription) behind(seq uint64) bool { return s.record != nil && seq <= s.record.Seq }
