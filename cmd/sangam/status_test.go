package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"sangam/internal/outlet"
	"sangam/server"
)

// TestStatusTellsWhatFiltersDo asks for the counters of a source's and a feed's filters,
// with a daemon and without.
func TestStatusTellsWhatFiltersDo(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	for _, line := range []string{
		"1 | /1 | Ferry sinks off the northern coast | Twelve rescued.", "2 | /2 | Ferry line gets a new ship | It is blue.",
		"3 | /3 | Mayor opens the long awaited tunnel | Traffic moves.", "4 | /4 | Lottery numbers drawn on Saturday evening | Nobody won.",
	} {
		herald.Publish(outlet.Line(line))
	}
	outlets := map[string]*outlet.Outlet{"herald": herald}
	d := newDaemon(t, outlets)
	d.configure(nil, "  - {id: herald, url: '"+herald.Feed()+"', exclude: [Lottery]}\nfeeds:\n"+
		"  - {id: boats, include: [Ferry], exclude: [blue]}\n  - {id: land, exclude: [sea]}\n  - {id: all, items: 5}\n")
	d.start()
	d.fetch()
	source, _, _ := d.command("status", "herald")
	if want := "dropped 1 of the last document, 1 of 4 ever"; !strings.Contains(source, want) {
		t.Errorf("the source's status does not say %q:\n%s", want, source)
	}
	told := func(when string) {
		t.Helper()
		out, _, _ := d.command("status", "-o", "json")
		var st server.Status
		if err := json.Unmarshal([]byte(out), &st); err != nil {
			t.Fatal(err)
		}
		want := []server.FeedStatus{{ID: "boats", Looked: 3, Excluded: 1, Missed: 1}, {ID: "land", Looked: 3}}
		if len(st.Feeds) != 2 || st.Feeds[0] != want[0] || st.Feeds[1] != want[1] {
			t.Errorf("%s: got %+v, want %+v", when, st.Feeds, want)
		}
		out, _, _ = d.command("status")
		for _, want := range []string{"exclude matched 1 and include did not match 1 of its newest 3 stories", "its filters dropped none of its newest 3 stories"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: the status does not say %q:\n%s", when, want, out)
			}
		}
	}
	told("with a daemon")
	if page := d.ask("/"); !strings.Contains(page, "exclude matched 1 and include") {
		t.Error("the status page does not tell what the filters do")
	}
	d.stop()
	told("without one")
}

func TestOrdersAboutWhatNobodyKnowsAreNoFaultOfTheDaemon(t *testing.T) {
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": openOutlet(t, "herald", outlet.RSS2)})
	d.start()
	for _, order := range []string{"POST fetch?source=nobody", "POST fetch?source=../../x", "POST purge?source=nobody", "POST pause?source=nobody", "GET why?item=nothing", "POST verdict?kind=never&item=x&item=y"} {
		method, path, _ := strings.Cut(order, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+d.admin+"/api/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 || resp.StatusCode >= 500 {
			t.Errorf("%s: got %s", order, resp.Status)
		}
	}
	d.stop()
}
