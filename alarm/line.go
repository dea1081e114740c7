package alarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"sangam/feed"
)

// line is the way to one receiver, and what waits for it.
type line struct {
	t      *Teller
	booked time.Time     // up to when the messages sent so far have used up the pace
	wake   chan struct{} // something waits
	closed chan struct{} // the receiver is not configured any more

	mu     sync.Mutex
	hook   Hook
	form   form
	client *http.Client
	queue  []waiting
}

type waiting struct {
	Notice
	since time.Time // when it came into the queue
}

func (l *line) set(h Hook) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.client != nil && reflect.DeepEqual(l.hook, h) {
		return
	}
	if l.client != nil {
		l.client.CloseIdleConnections()
	}
	l.hook = h
	l.form, _ = formOf(h.Template) // the configuration has checked it
	l.client = &http.Client{
		Transport: l.t.o.Transport(h.AllowNetworks...), Timeout: answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// visited queues what the receiver wants to know of a visit.
func (l *line) visited(src feed.Outlet, before, after *feed.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range feed.Turns(before, after, l.hook.After) {
		if !slices.Contains(l.hook.Events, e.Kind) {
			continue
		}
		l.queue = append(l.queue, waiting{noticeOf(src, e), time.Now()})
		if len(l.queue) > mostWaiting {
			l.queue = slices.Delete(l.queue, 0, 1)
			l.t.o.Count("dropped")
		}
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// run tells what waits until ctx ends or the receiver is gone. After a burst of
// messages it holds back, and then tells in one message what has come meanwhile.
func (l *line) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel()
	watching.Go(func() {
		select {
		case <-l.closed:
			cancel()
		case <-ctx.Done():
		}
	})
	defer l.hangUp()
	for {
		for l.empty() {
			select {
			case <-ctx.Done():
				return
			case <-l.wake:
			}
		}
		wait := l.hold(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		l.tell(ctx, l.take(wait > 0))
		if ctx.Err() != nil {
			return
		}
	}
}

// hold books a message and says how long it must wait: not at all within a burst, after
// that so that one goes out per interval.
func (l *line) hold(now time.Time) time.Duration {
	if l.booked.Before(now) {
		l.booked = now
	}
	l.booked = l.booked.Add(l.t.o.Every)
	return max(0, l.booked.Sub(now)-time.Duration(l.t.o.Burst)*l.t.o.Every)
}

func (l *line) hangUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client.CloseIdleConnections()
}

func (l *line) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) == 0
}

// take is the oldest that waits, or all of it.
func (l *line) take(all bool) []waiting {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 1
	if all {
		n = len(l.queue)
	}
	taken := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	return taken
}

// refusal is an answer that another attempt would not change.
type refusal struct{ error }

// postponed is an answer that says when to come again.
type postponed struct {
	error
	pause time.Duration
}

// tell sends one message, again and again until it has arrived, is refused, or is not
// worth telling any more.
func (l *line) tell(ctx context.Context, events []waiting) {
	list := make([]Notice, len(events))
	for i, e := range events {
		list[i] = e.Notice
	}
	notice, o := digest(list), l.t.o
	for attempt, pause := 1, o.Retry; ; attempt, pause = attempt+1, min(2*pause, longestPause) {
		err := l.send(ctx, notice)
		switch _, refused := errors.AsType[refusal](err); {
		case ctx.Err() != nil:
			return
		case err == nil:
			o.Count("delivered")
			return
		case refused:
			o.Count("refused")
			o.Log.Warn("a webhook is refused", "host", l.host(), "event", string(notice.Event), "source", notice.Source, "err", err)
			return
		case time.Since(events[0].since) > worthTelling:
			o.Count("dropped")
			o.Log.Warn("a webhook is given up", "host", l.host(), "event", string(notice.Event), "source", notice.Source, "attempts", attempt, "err", err)
			return
		case attempt == 1:
			o.Log.Warn("a webhook did not arrive, it is tried again", "host", l.host(), "event", string(notice.Event), "source", notice.Source, "err", err)
		}
		o.Count("retried")
		wait := pause
		if p, asked := errors.AsType[postponed](err); asked {
			wait = max(wait, p.pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (l *line) host() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hook.Host()
}

// send makes one attempt. Its error tells no secret.
func (l *line) send(ctx context.Context, n Notice) error {
	l.mu.Lock()
	hook, form, client := l.hook, l.form, l.client
	l.mu.Unlock()
	body, header, err := form(n)
	if err != nil {
		return refusal{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hook.URL.Reveal(), bytes.NewReader(body))
	if err != nil {
		return refusal{errors.New("its address cannot be called")}
	}
	req.Header = header
	req.Header.Set("User-Agent", l.t.o.Agent)
	req.Header.Set("X-Sangam-Event", string(n.Event))
	req.Header.Set("X-Sangam-Delivery", n.ID)
	if hook.Secret != "" {
		req.Header.Set("X-Hub-Signature-256", Sign(hook.Secret, body))
	}
	for name, value := range hook.Headers {
		req.Header.Set(name, value.Reveal())
	}
	resp, err := client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the address
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, readAnswer) // so that the connection can be used again
	return judge(resp)
}

// judge says what an answer means for the message.
func judge(resp *http.Response) error {
	err := fmt.Errorf("it answers %s", strconv.Itoa(resp.StatusCode))
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return postponed{err, time.Duration(min(max(0, seconds), int(worthTelling.Seconds()))) * time.Second}
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code/100 == 5:
		return err
	}
	return refusal{err}
}
