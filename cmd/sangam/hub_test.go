package main

import (
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
