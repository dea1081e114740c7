package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sangam/internal/outlet"
)

func TestDaemonIsAHubWhenToldTo(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry timetable changes in April | Later boats."))
	var called atomic.Bool
	private := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Store(true) }))
	t.Cleanup(private.Close)
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	d.configure(outlets, "hub: true\n")
	d.start()
	hub := "http://" + d.listen + "/hub"
	for _, file := range []string{"/feed.xml", "/atom.xml", "/feed.json"} {
		if !strings.Contains(d.get(file), hub) {
			t.Errorf("%s does not name the hub", file)
		}
	}
	for topic, want := range map[string]int{
		"http://" + d.listen + "/feed.xml":        http.StatusAccepted,
		"http://" + d.listen + "/feeds/none.json": http.StatusNotFound,
	} {
		resp, err := http.PostForm(hub, url.Values{"hub.mode": {"subscribe"}, "hub.topic": {topic}, "hub.callback": {private.URL}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("subscribing to %s: %s, want %d", topic, resp.Status, want)
		}
	}
	time.Sleep(500 * time.Millisecond)
	if called.Load() {
		t.Error("the daemon called a private address for a stranger, though only sources may live there")
	}
	if took := d.stop(); took > 5*time.Second {
		t.Errorf("the daemon took %v to end", took)
	}
}

// TestDaemonDeliversWhereItsHubMay has a subscriber on this machine, which the operator allows: it is
// asked to confirm, and sent the feed as soon as there is something new in it. The feed is of
// a length at which the beginning of an answer waits for its rest, and the subscription the
// only request on its connection.
func TestDaemonDeliversWhereItsHubMay(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	for i := range 12 {
		herald.Publish(outlet.Line(fmt.Sprintf("%d | /%d | Ferry line %d changes its timetable | %s", i, i, i, strings.Repeat("Later boats. ", 20))))
	}
	delivered := make(chan *http.Request, 9)
	subscriber := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, r.URL.Query().Get("hub.challenge"))
			return
		}
		body, _ := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("secret"))
		mac.Write(body)
		if strings.Contains(string(body), "Lighthouse") && r.Header.Get("X-Hub-Signature") == "sha256="+hex.EncodeToString(mac.Sum(nil)) {
			delivered <- r
		}
	}))
	t.Cleanup(subscriber.Close)
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	d.configure(outlets, "hub: true\nhub_networks: [127.0.0.0/8]\n")
	d.start()
	d.fetch()
	if n := len(d.get("/feed.xml")); n < 4<<10 || n > 64<<10 {
		t.Fatalf("the feed has %d bytes: the test is not what it says", n)
	}
	client := http.Client{Timeout: 20 * time.Second}
	resp, err := client.PostForm("http://"+d.listen+"/hub", url.Values{
		"hub.mode": {"subscribe"}, "hub.topic": {"http://" + d.listen + "/feed.xml"}, "hub.callback": {subscriber.URL}, "hub.secret": {"secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("subscribing: %s", resp.Status)
	}
	herald.Publish(outlet.Line("new | /new | Lighthouse is lit again | It shines."))
	d.fetch()
	select {
	case <-delivered:
	case <-time.After(30 * time.Second):
		t.Fatal("what is new is not delivered")
	}
	d.stop()
}

func TestDaemonTellsHubsOfOthers(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry timetable changes in April | Later boats."))
	pings := make(chan url.Values, 99)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		pings <- r.PostForm
	}))
	t.Cleanup(hub.Close)
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	d.configure(outlets, "hubs: ["+hub.URL+"]\n")
	d.start()
	for path, named := range map[string]bool{"/feed.xml": true, "/atom.xml": true, "/feed.json": true, "/sources/herald/feed.xml": false, "/feed.xml?q=ferry": false} {
		if strings.Contains(d.get(path), hub.URL) != named {
			t.Errorf("%s names the hub: %v, want %v", path, !named, named)
		}
	}
	told := map[string]bool{}
	for len(told) < 3 {
		select {
		case form := <-pings:
			if form.Get("hub.mode") != "publish" {
				t.Errorf("the hub was sent %v", form)
			}
			told[form.Get("hub.url")] = true
		case <-time.After(10 * time.Second):
			t.Fatalf("the hub was told of %v", told)
		}
	}
	if !told["http://"+d.listen+"/feed.xml"] {
		t.Errorf("the hub was told of %v", told)
	}
}
