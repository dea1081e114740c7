package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffSaysInOneLineWhatAChangeMeans(t *testing.T) {
	const old = `
sources:
- {id: a, url: https://a.example/}
- {id: b, url: https://b.example/}
- {id: c, url: https://c.example/, paused: true}
feeds: [{id: f, sources: [a]}, {id: g}]
`
	for _, test := range []struct{ new, want string }{
		{old, "no change"},
		{`
# the same in other words
feeds: [{id: f, sources: [a]}, {id: g, title: g, items: 100}]
sources:
- {id: c, url: https://c.example/, paused: true, schedule: "*/15 * * * *"}
- {id: b, url: https://b.example/}
- {id: a, url: https://a.example/, priority: 0}
`, "no change"},
		{`
sources:
- {id: a, url: https://a.example/}
- {id: c, url: https://c.example/, paused: true}
- {id: d, url: https://d.example/}
- {id: e, url: https://e.example/}
feeds: [{id: f, sources: [a]}, {id: g}]
`, "+2 sources, −1"},
		{`
fetch: {schedule: "@hourly"}
` + old, "3 schedules changed"},
		{`
title: x
log: {level: debug}
fetch: {timeout: 1m, allow_networks: [10.0.0.0/8]}
sources:
- {id: a, url: https://a.example/new, paused: true, exclude: [x]}
- {id: b, url: https://b.example/, headers: {X: y}, categories: [z]}
- {id: c, url: https://c.example/}
feeds: [{id: f, sources: [b]}, {id: h}]
`, "2 addresses changed, 1 source paused, 1 source resumed, 2 sources changed, 3 feeds changed, title, log, fetch.timeout, fetch.allow_networks changed"},
		{`sources: [{id: b, url: https://b.example/}]`, "−2 sources, 2 feeds changed"},
	} {
		change := Diff(load(t, old), load(t, test.new))
		if got := change.String(); got != test.want {
			t.Errorf("got %q, want %q for\n%s", got, test.want, test.new)
		}
		if change.Empty() != (test.want == "no change") {
			t.Errorf("Empty is %v for %q", change.Empty(), test.want)
		}
	}
	got := Diff(load(t, old), load(t, "sources: [{id: z, url: https://z.example/}, {id: b, url: https://b.example/, paused: true}]"))
	want := Change{Added: []string{"z"}, Removed: []string{"a", "c"}, Paused: []string{"b"}, Views: []string{"f", "g"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
}
