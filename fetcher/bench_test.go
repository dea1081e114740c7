package fetcher_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/fetcher"
	"sangam/internal/outlet"
)

// The bare client is what one has to pay anyway: compare with it, in one run.

func BenchmarkUnchanged(b *testing.B) {
	o, err := outlet.New(outlet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	}))
	compare(b, o, feed.State{ETag: `"1"`, LastModified: "Sat, 01 Mar 2025 15:20:00 GMT"}, feed.Unchanged)
}

func BenchmarkChanged(b *testing.B) {
	o, err := outlet.New(outlet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer o.Close()
	body := []byte("<rss>" + strings.Repeat("<item><title>A headline of the usual length</title></item>", 47_000/58) + "</rss>")
	o.Behave(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	compare(b, o, feed.State{}, feed.Changed)
}

func compare(b *testing.B, o *outlet.Outlet, st feed.State, want feed.Outcome) {
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		bare := &http.Client{Transport: transport}
		for b.Loop() {
			req, err := http.NewRequest(http.MethodGet, o.Feed(), nil)
			if err != nil {
				b.Fatal(err)
			}
			resp, err := bare.Do(req)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	})
	b.Run("fetch", func(b *testing.B) {
		b.ReportAllocs()
		c := fetcher.New(fetcher.Options{})
		defer c.Close()
		src := source(o.Feed())
		st.ConfiguredURL = src.Address()
		for b.Loop() {
			if doc := c.Fetch(b.Context(), &feed.Visit{Source: src, State: st, At: time.Now()}); doc.Outcome != want {
				b.Fatalf("%+v", doc)
			}
		}
	})
}
