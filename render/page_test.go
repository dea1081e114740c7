package render_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/render"
)

// river is the page of some stories in a frame.
func river(t *testing.T, p render.RiverPage) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.River(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAHeadlineMadeOfTheTextIsNotSaidTwice(t *testing.T) {
	p := render.RiverPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon}}
	p.Stories = []feed.Story{{Key: "s", Order: noon, Updated: noon, Members: []feed.Item{{
		Key: "a/1", Source: "a", Published: noon, Seen: noon,
		Content: "<p>" + strings.Repeat("Seals ", 20) + "were counted from the air.</p>",
	}}}}
	got := river(t, p)
	if !strings.Contains(got, "were counted from the air.</p>") || strings.Count(got, "Seals") != 20 {
		t.Errorf("%d seals in\n%s", strings.Count(got, "Seals"), got)
	}
}

func TestASearchShowsWhereItFound(t *testing.T) {
	filler := strings.Repeat("roads and trees and the budget ", 20)
	story := feed.Story{Key: "s", Order: noon, Updated: noon, Members: []feed.Item{
		{Key: "a/1", Source: "a", Title: "Council meets", Summary: "The council met.", Published: noon, Seen: noon, Language: "en"},
		{Key: "b/1", Source: "b", Title: "Rat tagt", Content: "<p>Das Strandschutzgesetz.</p>", Published: noon, Seen: noon, Language: "de"},
		{Key: "c/1", Source: "c", Title: "It met", Content: "<p>" + filler + "At 22:40 the <b>light</b>house was lit.</p>", Published: noon, Seen: noon, Language: "en"},
	}}
	for query, want := range map[string]string{
		"council":               `<mark>Council</mark> meets`,
		"house":                 `budget At 22:40 the <mark>lighthouse</mark> was lit.</p>`,
		"22:40":                 `At <mark>22</mark>:<mark>40</mark> the`,
		`-"the lamp" "was lit"`: `the lighthouse <mark>was</mark> <mark>lit</mark>.</p>`,
		"strand":                `<p class="sum">The council met.</p>`, // said in another language only
		"-met it":               `<p class="sum">The council met.</p>`,
	} {
		p := render.RiverPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon, Query: query}, Stories: []feed.Story{story}}
		if got := river(t, p); !strings.Contains(got, want) {
			t.Errorf("looking for %s there is no %s in\n%s", query, want, got)
		}
	}
}

func TestPagesTellTheTimeInTheirZone(t *testing.T) {
	karachi := time.FixedZone("", 5*60*60)
	late := time.Date(2026, time.March, 13, 20, 30, 0, 0, time.UTC) // the 14th in Karachi, 01:30
	p := render.RiverPage{Frame: render.Frame{Language: "en", Root: "/", Now: noon.In(karachi)}}
	p.Stories = []feed.Story{{Key: "s", Order: late, Updated: late, Members: []feed.Item{{Key: "a/1", Source: "a", Title: "T", Published: late, Seen: late}}}}
	for _, want := range []string{
		`<time datetime="2026-03-14">Today</time>`, `datetime="2026-03-14T01:30:00&#43;05:00"`, `title="Saturday, 14 March 2026, 01:30 UTC&#43;05:00"`,
	} {
		if got := river(t, p); !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	p.Now = noon
	for _, want := range []string{`<time datetime="2026-03-13">Yesterday</time>`, `datetime="2026-03-13T20:30:00Z"`, `20:30 UTC"`} {
		if got := river(t, p); !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}
