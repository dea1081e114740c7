package alarm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"sangam/alarm"
	"sangam/feed"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// receiver is a real HTTP server that notes what it is told.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	got  []message
	took func(http.ResponseWriter, int) // answers the n-th call, from 1
}

type message struct {
	header http.Header
	body   string
}

func open(t *testing.T, answer func(http.ResponseWriter, int)) *receiver {
	t.Helper()
	r := &receiver{took: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, message{req.Header, string(body)})
		n := len(r.got)
		r.mu.Unlock()
		if r.took != nil {
			r.took(w, n)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) messages() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.got...)
}

// wait waits until so many messages have come.
func (r *receiver) wait(t *testing.T, n int) []message {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if got := r.messages(); len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages came, want %d", len(r.messages()), n)
		}
	}
}

// office is a running Teller; log and counts are what it said.
type office struct {
	*alarm.Teller
	mu     sync.Mutex
	log    bytes.Buffer
	counts map[string]int
}

func (o *office) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}

func (o *office) said() (log string, counts map[string]int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts = map[string]int{}
	for k, v := range o.counts {
		counts[k] = v
	}
	return o.log.String(), counts
}

func run(t *testing.T, hooks ...alarm.Hook) *office {
	t.Helper()
	o := &office{counts: map[string]int{}}
	o.Teller = alarm.New(alarm.Options{
		Transport: func(...netip.Prefix) *http.Transport { return &http.Transport{} }, Agent: "Sangam/test",
		Log: slog.New(slog.NewTextHandler(o, nil)), Retry: time.Millisecond, Burst: 3, Every: 300 * time.Millisecond,
		Count: func(result string) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.counts[result]++
		},
	})
	o.Set(hooks)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("the teller does not end")
		}
	})
	return o
}

var all = []feed.Kind{feed.Failing, feed.Recovered, feed.Silent, feed.Gone}

func herald() feed.Outlet { return feed.Outlet{ID: "herald", Name: "ہیرالڈ <Herald>"} }

func ok(minute int) *feed.State {
	return &feed.State{Visited: monday.Add(time.Duration(minute) * time.Minute)}
}

func failing(minute, since int) *feed.State {
	st := ok(minute)
	st.Failures, st.FailingSince, st.Trouble, st.Problem = 1, monday.Add(time.Duration(since)*time.Minute), feed.Timeout, `no answer within 30s, "quoted" & <odd>`
	return st
}

func TestEachTurnIsToldOnceAndSigned(t *testing.T) {
	r := open(t, nil)
	o := run(t, alarm.Hook{URL: feed.Secret(r.URL + "/hook?key=geheim"), Events: all, Secret: "s3cret", Headers: map[string]feed.Secret{"Authorization": "Bearer geheim"}})
	o.Visited(herald(), ok(0), failing(15, 15))
	o.Visited(herald(), failing(15, 15), failing(30, 15))
	o.Visited(herald(), failing(30, 15), ok(45))
	o.Visited(herald(), ok(45), ok(60))
	got := r.wait(t, 2)
	var first, second alarm.Notice
	for i, into := range []*alarm.Notice{&first, &second} {
		if err := json.Unmarshal([]byte(got[i].body), into); err != nil {
			t.Fatalf("%v in %s", err, got[i].body)
		}
		if want := alarm.Sign("s3cret", []byte(got[i].body)); got[i].header.Get("X-Hub-Signature-256") != want || len(want) != 7+64 {
			t.Errorf("signed %q, want %q", got[i].header.Get("X-Hub-Signature-256"), want)
		}
		if h := got[i].header; h.Get("Authorization") != "Bearer geheim" || h.Get("Content-Type") != "application/json" || h.Get("X-Sangam-Delivery") != into.ID {
			t.Errorf("headers %v", h)
		}
	}
	if first.Event != feed.Failing || first.Source != "herald" || first.Trouble != feed.Timeout || !strings.Contains(first.Text, "visits go on") || first.ID == "" {
		t.Errorf("of a failure it is told %+v", first)
	}
	if second.Event != feed.Recovered || !strings.Contains(second.Text, "failed for 30 minutes") || second.ID == first.ID {
		t.Errorf("of a recovery it is told %+v", second)
	}
	if n := len(r.messages()); n != 2 {
		t.Errorf("%d messages, want two", n)
	}
}

func TestOnlyWantedEventsAreToldAndHiccupsAreNot(t *testing.T) {
	gone := failing(15, 15)
	gone.Gone, gone.Trouble = true, feed.GoneForGood
	onlyGone, patient := open(t, nil), open(t, nil)
	o := run(t, alarm.Hook{URL: feed.Secret(onlyGone.URL), Events: []feed.Kind{feed.Gone}},
		alarm.Hook{URL: feed.Secret(patient.URL), Events: all, After: time.Hour})
	o.Visited(herald(), ok(0), failing(15, 15))
	o.Visited(herald(), failing(15, 15), ok(30))
	o.Visited(herald(), ok(30), failing(45, 45))
	o.Visited(herald(), failing(45, 45), failing(120, 45))
	o.Visited(herald(), ok(0), gone)
	if got := onlyGone.wait(t, 1); !strings.Contains(got[0].body, `"event":"gone"`) {
		t.Errorf("told %s", got[0].body)
	}
	got := patient.wait(t, 2)
	if !strings.Contains(got[0].body, `"since":"2026-03-02T09:45:00Z"`) || len(onlyGone.messages()) != 1 {
		t.Errorf("the patient one is first told %s", got[0].body)
	}
}

func TestReceiversOfEveryKindUnderstand(t *testing.T) {
	for name, row := range map[string]struct {
		template string
		check    func(m message) bool
	}{
		"slack": {alarm.Slack, func(m message) bool {
			var s struct{ Text string }
			return json.Unmarshal([]byte(m.body), &s) == nil && strings.Contains(s.Text, "*ہیرالڈ &lt;Herald&gt; fails*\n") && strings.Contains(s.Text, "&amp;")
		}},
		"ntfy": {alarm.Ntfy, func(m message) bool {
			title, err := new(mime.WordDecoder).DecodeHeader(m.header.Get("Title"))
			return err == nil && title == "ہیرالڈ <Herald> fails" && m.header.Get("Tags") == "warning" && strings.HasPrefix(m.body, "no answer within 30s")
		}},
		"own text": {"{{.Event}} {{.Source}}: {{.Title}}", func(m message) bool {
			return m.body == "failing herald: ہیرالڈ <Herald> fails" && m.header.Get("Content-Type") == "text/plain; charset=utf-8"
		}},
		"own JSON": {`{"content": {{json .Title}}}`, func(m message) bool {
			return m.header.Get("Content-Type") == "application/json" && strings.Contains(m.body, "Herald")
		}},
	} {
		r := open(t, nil)
		if err := alarm.Check(row.template); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		run(t, alarm.Hook{URL: feed.Secret(r.URL), Events: all, Template: row.template}).Visited(herald(), ok(0), failing(15, 15))
		if m := r.wait(t, 1)[0]; !row.check(m) {
			t.Errorf("%s: told %q with %v", name, m.body, m.header)
		}
	}
}

func TestTemplateThatCannotWorkIsRefused(t *testing.T) {
	for _, template := range []string{"discord", "{{.Nonsense}}", "{{if}}", "{{range $i := .ID}}{{end}}", `{{json .}}` + strings.Repeat("x", 70<<10)} {
		if err := alarm.Check(template); err == nil {
			t.Errorf("%.40q is taken", template)
		}
	}
}

func TestSlowReceiverDelaysNobody(t *testing.T) {
	release := make(chan struct{})
	slow := open(t, func(http.ResponseWriter, int) { <-release })
	defer close(release)
	quick := open(t, nil)
	o := run(t, alarm.Hook{URL: feed.Secret(slow.URL), Events: all}, alarm.Hook{URL: feed.Secret(quick.URL), Events: all})
	o.Visited(herald(), ok(0), failing(15, 15))
	slow.wait(t, 1)
	for i := range 2000 { // far more than may wait
		o.Visited(feed.Outlet{ID: fmt.Sprint("desk", i), Name: "Desk"}, ok(0), failing(15, 15))
	}
	quick.wait(t, 3)
	if _, counts := o.said(); counts["dropped"] == 0 {
		t.Error("the queue of a slow receiver has no bound")
	}
}

func TestOutageOfAThousandSourcesIsAFewMessages(t *testing.T) {
	r := open(t, nil)
	o := run(t, alarm.Hook{URL: feed.Secret(r.URL), Events: all})
	for i := range 200 {
		o.Visited(feed.Outlet{ID: fmt.Sprint("desk", i), Name: fmt.Sprint("Desk ", i)}, ok(0), failing(15, 15))
	}
	got := r.wait(t, 4)
	var n alarm.Notice
	if err := json.Unmarshal([]byte(got[3].body), &n); err != nil {
		t.Fatal(err)
	}
	if n.Event != "several" || n.Title != "197 turns: 197 failing" || len(n.Events) != 197 || !strings.Contains(n.Text, "and 177 more") {
		t.Errorf("the fourth message tells %q, %q of %d", n.Event, n.Title, len(n.Events))
	}
}

func TestWhatDoesNotArriveIsTriedAgain(t *testing.T) {
	r := open(t, func(w http.ResponseWriter, n int) {
		switch {
		case n == 1:
			w.WriteHeader(http.StatusInternalServerError)
		case n == 2:
			conn, _, _ := http.NewResponseController(w).Hijack()
			conn.Close()
		case n < 4:
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	o := run(t, alarm.Hook{URL: feed.Secret(r.URL + "/geheim"), Events: all, Secret: "geheim"})
	o.Visited(herald(), ok(0), failing(15, 15))
	got := r.wait(t, 4)
	for _, m := range got {
		if m.body != got[0].body {
			t.Error("another attempt tells something else")
		}
	}
	if log, _ := o.said(); !strings.Contains(log, "it answers 500") || strings.Contains(log, "geheim") {
		t.Errorf("the log tells %s", log)
	}
}

func TestHostileReceiversAreRefused(t *testing.T) {
	elsewhere := open(t, nil)
	for name, answer := range map[string]func(http.ResponseWriter, int){
		"a redirect": func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
		"not found": func(w http.ResponseWriter, _ int) { w.WriteHeader(http.StatusNotFound) },
	} {
		r := open(t, answer)
		o := run(t, alarm.Hook{URL: feed.Secret(r.URL + "/geheim"), Events: all})
		o.Visited(herald(), ok(0), failing(15, 15))
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			log, counts := o.said()
			if counts["refused"] == 1 {
				if strings.Contains(log, "geheim") {
					t.Errorf("%s: the log tells the address: %s", name, log)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: not refused: %v", name, counts)
			}
		}
	}
	if len(elsewhere.messages()) != 0 {
		t.Error("a redirect was followed")
	}

	endless := open(t, func(w http.ResponseWriter, _ int) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	o := run(t, alarm.Hook{URL: feed.Secret(endless.URL), Events: all})
	o.Visited(herald(), ok(0), failing(15, 15))
	o.Visited(herald(), failing(15, 15), ok(30))
	endless.wait(t, 2)
}

func TestDeadReceiverIsLeftWhenItIsNoLongerConfigured(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := alarm.Hook{URL: feed.Secret("http://" + l.Addr().String()), Events: all}
	l.Close()
	r := open(t, nil)
	o := run(t, dead)
	o.Visited(herald(), ok(0), failing(15, 15))
	o.Set([]alarm.Hook{{URL: feed.Secret(r.URL), Events: all}})
	o.Visited(herald(), failing(15, 15), ok(30))
	if got := r.wait(t, 1); !strings.Contains(got[0].body, `"event":"recovered"`) {
		t.Errorf("the new receiver is told %s", got[0].body)
	}
}
