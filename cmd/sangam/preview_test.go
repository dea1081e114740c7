package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sangam/internal/outlet"
)

// data is every byte below the daemon's data directory.
func (d *daemon) data() map[string][]byte {
	d.t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(d.dir, "data"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(d.dir, "data", e.Name())); err != nil {
			d.t.Fatal(err)
		}
	}
	return files
}

func TestPreviewTellsWhatWouldComeAndChangesNothing(t *testing.T) {
	herald, gazette, post := openOutlet(t, "herald", outlet.RSS2), openOutlet(t, "gazette", outlet.Atom), openOutlet(t, "post", outlet.RSS2)
	herald.Publish(
		outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."),
		outlet.Line("2 | /2 | Lottery numbers drawn on Saturday evening | Nobody won."))
	gazette.Publish(outlet.Line("b | /b | FERRY SINKS, off the Northern Coast! | All safe."))
	for i, bird := range []string{"Swans", "Geese", "Ducks", "Herons", "Storks", "Cranes", "Gulls", "Terns", "Owls", "Crows", "Finches", "Larks"} {
		gazette.Publish(outlet.Line(fmt.Sprintf("c%d | /c%d | %s counted on the lake by volunteers | They were many.", i, i, bird)))
	}
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald})
	beside := make(chan int, 10)
	post.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		beside <- len(d.data()) - 1
		http.Error(w, "down", http.StatusBadGateway)
	}))
	d.start()
	d.fetch()
	d.stop()
	d.start() // nothing of the visits is left to be written

	changed := fmt.Sprintf(`admin: %s
data: data
fetch: {schedule: '@hourly', allow_networks: [127.0.0.0/8], per_host: {interval: 1ms}}
feeds: [{id: boats, include: [ferry, Ferry]}]
sources:
  - {id: herald, url: '%s', exclude: [Lottery]}
  - {id: gazette, url: '%s'}
  - {id: post, url: '%s'}
`, d.admin, herald.Feed(), gazette.Feed(), post.Feed())
	if err := os.WriteFile(filepath.Join(d.dir, "new.yaml"), []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	before, asked := d.data(), len(herald.Requests())
	stdout, stderr, status := d.command("preview", "--config", "new.yaml", "-o", "json")
	if status != exitFailure {
		t.Errorf("got status %d, want %d for a failing source and a flood\n%s", status, exitFailure, stderr)
	}
	var seen foreseen
	if err := json.Unmarshal([]byte(stdout), &seen); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	if n := <-beside; n != 0 {
		t.Errorf("while it visits there are %d more files beside the store; killed now, it would leave them", n)
	}
	after := d.data()
	if len(after) != len(before) || !bytes.Equal(after["sangam.db"], before["sangam.db"]) {
		t.Error("the preview changed the store, or left something beside it")
	}
	if n := len(herald.Requests()) - asked; n != 1 {
		t.Errorf("the changed source was asked %d times, want once", n)
	}
	if feed := d.get("/feed.xml"); strings.Contains(feed, "lake") {
		t.Error("readers see what was only previewed")
	}
	if !strings.Contains(seen.Change, "+2 sources") {
		t.Errorf("got the change %q", seen.Change)
	}
	source := func(id string) foreseenSource {
		i := slices.IndexFunc(seen.Sources, func(s foreseenSource) bool { return s.ID == id })
		if i < 0 {
			t.Fatalf("%s is not told of", id)
		}
		return seen.Sources[i]
	}
	if s := source("herald"); s.Why != "changed" || s.Filtered != 1 || !strings.HasPrefix(s.Dropped[0], "Lottery") {
		t.Errorf("the source with a new filter: got %+v, want what it drops", s)
	}
	if s := source("gazette"); s.Why != "new" || s.Copies != 1 || s.Fresh != 12 || len(s.Joins) != 1 || s.Joins[0].With[0] != "herald" || s.Newest.IsZero() {
		t.Errorf("the new source: got %+v, want 12 fresh and one that joins the herald's", s)
	}
	if s := source("post"); !strings.Contains(s.Problem, "502") {
		t.Errorf("the failing source: got %+v", s)
	}
	if text := strings.Join(seen.Wrong, "\n"); !strings.Contains(text, "post fails") || !strings.Contains(text, "gazette floods the feed of everything: 12 of 14") {
		t.Errorf("got %q, want the failure and the flood", seen.Wrong)
	}
	if f := seen.Feeds[0]; f.Before != 2 || f.After != 14 || len(f.New) != 12 {
		t.Errorf("the feed of everything: got %d → %d, %d new", f.Before, f.After, len(f.New))
	}
	if f := seen.Feeds[1]; f.ID != "boats" || f.Before != -1 || f.After != 1 || f.Filtered != 13 || len(f.Dropped) != 13 {
		t.Errorf("the new feed: got %+v", f)
	}
	bounded := strings.Replace(changed, gazette.Feed()+"'", gazette.Feed()+"', max_per_day: 4", 1)
	if err := os.WriteFile(filepath.Join(d.dir, "bounded.yaml"), []byte(bounded), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, _, _ := d.command("preview", "--config", "bounded.yaml"); !strings.Contains(text, "max_per_day keeps 9 of its last 13 stories out of merged feeds") || strings.Contains(text, "floods") {
		t.Errorf("with max_per_day the report is\n%s", text)
	}
	text, _, _ := d.command("preview", "--config", "new.yaml")
	for _, want := range []string{"drops: Lottery", "joins herald", "+ gazette: Owls counted", "feed boats: new, with 1 entry", "! post fails", "its filters keep 13 stories off"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report does not say %q:\n%s", want, text)
		}
	}
	// A new configuration may move the operators' side: the daemon is asked where it is now.
	if err := os.WriteFile(filepath.Join(d.dir, "moved.yaml"), []byte(strings.Replace(changed, d.admin, "127.0.0.1:1", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, stderr, _ := d.command("preview", "--config", "moved.yaml"); !strings.Contains(text, "listen, admin changed") || !strings.Contains(text, "drops: Lottery") {
		t.Errorf("with another admin address the report is\n%s%s", text, stderr)
	}
	d.stop()

	stopped := d.data()
	if _, stderr, status := d.command("preview", "--config", "new.yaml"); status != exitFailure {
		t.Errorf("with no daemon: status %d, %s", status, stderr)
	}
	if after := d.data(); len(after) != len(stopped) || !bytes.Equal(after["sangam.db"], stopped["sangam.db"]) {
		t.Error("with no daemon the preview changed the store")
	}
	if out, stderr, status := d.command("preview"); status != exitOK || !strings.Contains(out, "0 sources visited, all is well") {
		t.Errorf("of an unchanged file: status %d, %s%s", status, out, stderr)
	}
}
