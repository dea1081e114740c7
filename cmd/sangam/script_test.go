package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sangam/internal/outlet"
)

func TestMain(m *testing.M) {
	os.Setenv("GORACE", raceQuick)
	testscript.Main(m, map[string]func(){"sangam": main, engineName: runEngine})
}

// raceQuick keeps the race detector from waiting a second at the end of every command.
const raceQuick = "atexit_sleep_ms=0"

// TestCommands runs the scripts in testdata/script against the program itself. $FEED
// is the address of a feed, at $PORT; $SITE/one is a page that announces it, $SITE/many one that
// announces several, $SITE/none one that announces none.
func TestCommands(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	for i, name := range []string{"Anna", "Berta", "Clara", "Dora", "Emma", "Frida"} {
		it := outlet.Line(fmt.Sprintf("%d | /%d | The ferry %s leaves the harbour | It is on its way.", i, i, name))
		it.Published = time.Now().Add(-time.Duration(i) * 5 * time.Hour)
		herald.Publish(it)
	}
	link := func(title, address string) string {
		return fmt.Sprintf(`<link rel="alternate" type="application/rss+xml" title="%s" href="%s">`, title, address)
	}
	pages := map[string]string{
		"/one":  link("News", herald.Feed()) + link("Comments", "/comments/feed") + `<link rel="alternate" type="application/json" href="/api">`,
		"/many": link("News", herald.Feed()) + link("Sport", "sport.xml"), "/none": `<link rel="stylesheet" href="x.css">`,
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><html><head><title>Site</title>%s</head><body></body></html>", pages[r.URL.Path])
	}))
	t.Cleanup(site.Close)
	_, feedPort, _ := strings.Cut(strings.TrimPrefix(herald.Base(), "http://"), ":")
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: func(env *testscript.Env) error {
		env.Setenv("GORACE", raceQuick)
		env.Setenv("FEED", herald.Feed())
		env.Setenv("PORT", feedPort)
		env.Setenv("SITE", site.URL)
		return nil
	}})
}
