package websub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// PublisherOptions say who is told of what. All but Log are required.
type PublisherOptions struct {
	Agent string // User-Agent
	// Transport makes the connections.
	Transport http.RoundTripper
	// Hubs are the addresses of those who are told. They may change.
	Hubs func() []string
	// Topics are the addresses of the feeds that they are told of. They may change.
	Topics func() []string
	// Topic returns a topic's content, or ErrNoTopic.
	Topic func(ctx context.Context, topic string) (Content, error)
	// Sequence is a number that grows whenever the content of a topic may have changed.
	Sequence func(context.Context) (uint64, error)
	Log      *slog.Logger // nil = none
}

const (
	// between is how often hubs are told at most: what changes meanwhile goes together.
	between = 5 * time.Second
	// anyway is after which time the topics are looked at though no story changed: their
	// titles may have.
	anyway = time.Minute
)

// Publisher tells the hubs of others which of our feeds have changed, so that they
// fetch them and pass them on to their subscribers. How is not in the Recommendation
// (section 6 leaves it to hub and publisher); this is the ping that public hubs
// understand: a form with hub.mode=publish and hub.url, one for each feed.
type Publisher struct {
	PublisherOptions
	client *http.Client

	mu   sync.Mutex
	tags map[string]string  // of the topics when they were last looked at
	hubs map[string]*remote // by address
}

// remote is what one hub is still to be told.
type remote struct {
	due    map[string]bool // topics
	failed int             // attempts in a row
	next   time.Time
	busy   bool
}

// NewPublisher returns a publisher that has told nobody of anything: hubs are told of
// every feed when it starts, since feeds may have changed before.
func NewPublisher(o PublisherOptions) *Publisher {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{
		PublisherOptions: o,
		client: &http.Client{
			Transport: o.Transport, Timeout: patience,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		tags: map[string]string{}, hubs: map[string]*remote{},
	}
}

// Run tells hubs until the context ends, and returns when nothing is under way any more.
func (p *Publisher) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	clock := time.NewTicker(glance)
	defer clock.Stop()
	var seen uint64
	var looked time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		if !p.settle(p.Hubs()) {
			continue
		}
		seq, err := p.Sequence(ctx)
		if err != nil {
			p.Log.Error("changes cannot be asked for", "err", err)
			continue
		}
		if since := time.Since(looked); seq != seen && since >= between || since >= anyway {
			p.look(ctx)
			seen, looked = seq, time.Now()
		}
		for hub, topics := range p.idle(time.Now()) {
			work.Go(func() { p.tell(ctx, hub, topics) })
		}
	}
}

// settle takes over who is to be told, and says whether there is anybody. A hub that is
// new is told of everything.
func (p *Publisher) settle(hubs []string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.hubs, func(hub string, _ *remote) bool { return !slices.Contains(hubs, hub) })
	for _, hub := range hubs {
		if p.hubs[hub] == nil {
			p.hubs[hub] = &remote{due: map[string]bool{}}
			for topic := range p.tags {
				p.hubs[hub].due[topic] = true
			}
		}
	}
	return len(p.hubs) > 0
}

// look notes which topics are not what they were.
func (p *Publisher) look(ctx context.Context) {
	tags := map[string]string{}
	for _, topic := range p.Topics() {
		content, err := p.Topic(ctx, topic)
		if err != nil {
			if !errors.Is(err, ErrNoTopic) && ctx.Err() == nil {
				p.Log.Error("a feed cannot be read", "topic", topic, "err", err)
			}
			continue
		}
		tags[topic] = content.Tag
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, tag := range tags {
		if p.tags[topic] == tag {
			continue
		}
		for _, r := range p.hubs {
			r.due[topic], r.failed, r.next = true, 0, time.Time{}
		}
	}
	p.tags = tags
}

// idle returns the hubs that can be told something now, and of what.
func (p *Publisher) idle(now time.Time) map[string][]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	todo := map[string][]string{}
	for hub, r := range p.hubs {
		if !r.busy && len(r.due) > 0 && !now.Before(r.next) && r.failed <= len(pauses) {
			r.busy = true
			todo[hub] = slices.Sorted(maps.Keys(r.due))
			clear(r.due)
		}
	}
	return todo
}

// tell tells a hub of topics. Those of which it could not be told are due again after
// a pause.
func (p *Publisher) tell(ctx context.Context, hub string, topics []string) {
	var err error
	done := 0
	for _, topic := range topics {
		if err = p.ping(ctx, hub, topic); err != nil {
			break
		}
		done++
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.hubs[hub]
	if r == nil {
		return // it is told no more
	}
	r.busy = false
	if err == nil {
		r.failed = 0
		return
	}
	for _, topic := range topics[done:] {
		r.due[topic] = true
	}
	if r.failed < len(pauses) {
		r.next = time.Now().Add(pauses[r.failed])
	}
	r.failed++
	p.Log.Warn("a hub could not be told of a change", "hub", hub, "attempt", r.failed, "err", err)
}

func (p *Publisher) ping(ctx context.Context, hub, topic string) error {
	form := url.Values{"hub.mode": {"publish"}, "hub.url": {topic}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, hub, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", p.Agent)
	resp, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxForm) // so that the connection serves the next one
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s", resp.Status)
	}
	return nil
}
