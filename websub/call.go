package websub

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// confirm asks a callback whether it wants what was asked for in its name (section
// 5.3). Who does not say so is not asked again.
func (h *Hub) confirm(ctx context.Context, n name, r *request) {
	err := h.challenge(ctx, r)
	if err == nil && h.Share != nil {
		err = h.agree(ctx, n, r)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(n.callback)
	delete(h.pending, n)
	switch {
	case err != nil:
		h.Log.Debug("a callback did not confirm", "callback", n.callback, "topic", n.topic, "mode", r.mode, "err", err)
		return
	case h.Share != nil:
		return // Learn tells
	case r.mode == "unsubscribe":
		delete(h.subs, n)
	case h.room(n):
		s := r.subscription
		s.Until = time.Now().Add(r.lease).UTC().Truncate(time.Second)
		if old := h.subs[n]; old != nil {
			s.Sent = old.Sent // a renewal: what it lacked it still lacks
		}
		h.subs[n] = &s
		h.again = true // the topic may have changed while it was asked
	}
	h.unsaved = true
}

// room says whether a confirmed subscription still fits: others may have come first.
func (h *Hub) room(n name) bool {
	return h.subs[n] != nil || len(h.subs) < maxSubscriptions
}

func (h *Hub) challenge(ctx context.Context, r *request) error {
	word := rand.Text()
	u, err := url.Parse(r.Callback)
	if err != nil {
		return err
	}
	q := url.Values{"hub.mode": {r.mode}, "hub.topic": {r.Topic}, "hub.challenge": {word}}
	if r.mode == "subscribe" {
		q.Set("hub.lease_seconds", strconv.Itoa(int(r.lease.Seconds())))
	}
	if u.RawQuery != "" { // the callback's own stays as it is
		u.RawQuery += "&"
	}
	u.RawQuery += q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", h.Agent)
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	echo, err := io.ReadAll(io.LimitReader(resp.Body, int64(len(word))+1))
	if err != nil {
		return err
	}
	if string(echo) != word {
		return fmt.Errorf("it did not repeat the challenge")
	}
	return nil
}

// deliver sends a subscriber the content of its topic (section 7).
func (h *Hub) deliver(ctx context.Context, n name, s *subscription, c Content) {
	status, err := h.post(ctx, s, c)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end(n.callback)
	s.busy = false
	now := h.subs[n] // may have been renewed or ended meanwhile
	switch {
	case now == nil || ctx.Err() != nil:
	case status/100 == 2:
		now.Sent, now.failed = c.Tag, 0
		h.unsaved = true
	case status == http.StatusGone: // "410 Gone: the hub should terminate the subscription"
		delete(h.subs, n)
		h.unsaved = true
	default:
		if now.failed < len(pauses) {
			now.next = time.Now().Add(pauses[now.failed])
		}
		now.failed++
		h.Log.Debug("a delivery failed", "callback", n.callback, "topic", n.topic, "attempt", now.failed, "status", status, "err", err)
	}
}

func (h *Hub) post(ctx context.Context, s *subscription, c Content) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Callback, bytes.NewReader(c.Body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", h.Agent)
	req.Header.Set("Content-Type", c.Kind)
	req.Header.Set("Link", fmt.Sprintf(`<%s>; rel="hub", <%s>; rel="self"`, h.Address, s.Topic))
	if s.Secret != "" {
		req.Header.Set("X-Hub-Signature", sign(cmp.Or(s.Method, usualMethod), s.Secret, c.Body))
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close() // what it says besides the status is of no use
	return resp.StatusCode, nil
}

// methods are the ways to sign (section 7.1), without SHA-1, which is broken. The
// Recommendation leaves the choice to the hub: usualMethod, which every subscriber knows,
// unless one asks for another with hub.signature_algorithm, a parameter of our own.
var methods = map[string]func() hash.Hash{usualMethod: sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

const usualMethod = "sha256"

// sign is the proof that a body comes from whom the secret was told (section 7.1).
func sign(method, secret string, body []byte) string {
	mac := hmac.New(methods[method], []byte(secret))
	mac.Write(body)
	return method + "=" + hex.EncodeToString(mac.Sum(nil))
}
