package websub

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Bounds of what a request may hold.
const (
	maxForm     = 16 << 10
	maxCallback = 2000 // bytes
	maxSecret   = 199  // "less than 200 bytes", section 5.1
)

// refusal is why a request is not accepted, for whoever sent it.
type refusal struct {
	status int
	why    string
}

func (r refusal) Error() string { return r.why }

func bad(format string, args ...any) error {
	return refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

var full = refusal{http.StatusServiceUnavailable, "this hub has as many subscribers as it can serve; try again later"}

// ServeHTTP takes requests to subscribe and unsubscribe (section 5). 202 means that
// the callback will be asked; other answers say in plain words what is wrong.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", "text/plain; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodPost {
		head.Set("Allow", "POST")
		say(w, http.StatusMethodNotAllowed, "This is a WebSub hub. Subscribe with a POST, as https://www.w3.org/TR/websub/ says.")
		return
	}
	err := h.take(w, r)
	var no refusal
	switch {
	case err == nil:
		say(w, http.StatusAccepted, "The callback will be asked to confirm.")
	case errors.As(err, &no):
		if no.status == http.StatusServiceUnavailable {
			head.Set("Retry-After", "3600")
		}
		say(w, no.status, no.why)
	default:
		h.Log.Error("the hub could not take a request", "err", err)
		say(w, http.StatusInternalServerError, "something went wrong here")
	}
}

func say(w http.ResponseWriter, status int, words string) {
	w.WriteHeader(status)
	_, _ = w.Write([]byte(words + "\n")) // the reader's trouble
}

// take checks a request and keeps it until it is confirmed.
func (h *Hub) take(w http.ResponseWriter, r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return refusal{http.StatusUnsupportedMediaType, "send application/x-www-form-urlencoded"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return bad("the form cannot be read, or is longer than %d bytes", maxForm)
	}
	wanted, err := read(r.PostForm)
	if err != nil {
		return err
	}
	if wanted.mode == "subscribe" {
		content, err := h.Topic(r.Context(), wanted.Topic)
		if errors.Is(err, ErrNoTopic) {
			return refusal{http.StatusNotFound, "hub.topic is not a feed of this site; use the address in its rel=\"self\" link"}
		} else if err != nil {
			return err
		}
		wanted.Sent = content.Tag // what it can fetch by itself; everything later is sent
	}
	if err := h.queue(wanted); err != nil {
		return err
	}
	h.nudge()
	return nil
}

// read takes the request out of a form.
func read(form url.Values) (*request, error) {
	r := &request{mode: form.Get("hub.mode"), lease: usualLease}
	r.Topic, r.Callback, r.Secret = form.Get("hub.topic"), form.Get("hub.callback"), form.Get("hub.secret")
	if r.mode != "subscribe" && r.mode != "unsubscribe" {
		return nil, bad("hub.mode must be subscribe or unsubscribe")
	}
	u, err := url.Parse(r.Callback)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(r.Callback) > maxCallback {
		return nil, bad("hub.callback must be an http or https address of at most %d bytes, without a user name or a fragment", maxCallback)
	}
	if len(r.Secret) > maxSecret {
		return nil, bad("hub.secret must be shorter than %d bytes", maxSecret+1)
	}
	if r.Method = form.Get("hub.signature_algorithm"); r.Method != "" && methods[r.Method] == nil {
		return nil, bad("hub.signature_algorithm must be sha256, sha384 or sha512")
	}
	if lease := form.Get("hub.lease_seconds"); lease != "" {
		seconds, err := strconv.ParseUint(lease, 10, 31)
		if err != nil {
			return nil, bad("hub.lease_seconds must be a number of seconds")
		}
		if seconds > 0 {
			r.lease = min(max(time.Duration(seconds)*time.Second, shortestLease), longestLease)
		}
	}
	return r, nil
}

// queue keeps a request within the bounds. A newer one replaces what waits.
func (h *Hub) queue(r *request) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := name{r.Topic, r.Callback}
	host := hostOf(r.Callback)
	waiting, known, topics := 0, 0, map[string]bool{r.Topic: true}
	for other := range h.pending {
		if other != n && hostOf(other.callback) == host {
			waiting++
		}
	}
	for other := range h.subs {
		topics[other.topic] = true
		if other != n && hostOf(other.callback) == host {
			known++
		}
	}
	old, again := h.pending[n]
	switch {
	case again && old.busy:
		return refusal{http.StatusTooManyRequests, "this callback is just being asked; try again in a minute"}
	case !again && (len(h.pending) >= maxPending || waiting >= maxPendingOfHost):
		return refusal{http.StatusServiceUnavailable, "too many callbacks are waiting to be asked; try again later"}
	case r.mode == "subscribe" && h.subs[n] == nil && (len(h.subs) >= maxSubscriptions || known >= maxPerHost || len(topics) > maxTopics):
		return full
	case r.mode == "unsubscribe" && h.subs[n] == nil:
		return refusal{http.StatusNotFound, "there is no such subscription"}
	}
	h.pending[n] = r
	return nil
}
