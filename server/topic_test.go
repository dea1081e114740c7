package server_test

import (
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	"sangam/server"
)

func TestTopicIsWhatReadersGet(t *testing.T) {
	o := townOptions
	o.Hubs = []string{o.Base + "hub"}
	s := server.New(o, town())
	for _, path := range []string{"feed.xml", "atom.xml", "feed.json", "feeds/urdu/atom.xml", "sources/herald/feed.xml", "feed.xml?q=bridge"} {
		w := ask(t, s, "GET", "/"+path)
		got, err := s.Topic(t.Context(), o.Base+path)
		if err != nil || string(got.Body) != w.Body.String() || got.Tag != w.Header().Get("ETag") || got.Kind != w.Header().Get("Content-Type") {
			t.Errorf("%s: %v, %d bytes, %s, %s", path, err, len(got.Body), got.Tag, got.Kind)
		}
		if !strings.Contains(string(got.Body), o.Hubs[0]) {
			t.Errorf("%s does not name the hub", path)
		}
	}
	for _, address := range []string{o.Base, o.Base + "sources/", "https://elsewhere.example/feed.xml", o.Base + "feeds/none/feed.xml", o.Base + "rss", o.Base + "feed.xml#x", "", o.Base + "archive/2026-03-13/feed.xml", o.Base + "\x00feed.xml"} {
		if _, err := s.Topic(t.Context(), address); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v, want that there is no such feed", address, err)
		}
	}
}

func TestHubAnswersAtItsPlaceOnly(t *testing.T) {
	o := townOptions
	o.Hub = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	s := server.New(o, town())
	if w := ask(t, s, "POST", "/hub"); w.Code != http.StatusAccepted {
		t.Errorf("POST /hub: %d", w.Code)
	}
	if w := ask(t, s, "POST", "/feed.xml"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST /feed.xml: %d", w.Code)
	}
	if w := ask(t, server.New(townOptions, town()), "GET", "/hub"); w.Code != http.StatusNotFound {
		t.Errorf("without a hub: %d", w.Code)
	}
}
