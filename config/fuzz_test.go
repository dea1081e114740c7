package config

import (
	"os"
	"strings"
	"testing"
	"time"
)

// FuzzLoad: whatever the bytes are, there is either a complete configuration or a
// problem with a place in the file, the same each time, and soon.
func FuzzLoad(f *testing.F) {
	for _, path := range []string{"../config.yaml", "testdata/commented.yaml"} {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		one, "", "a: &a [*a]\n", "sources: [*x]\n", "sources: &s [{url: 'https://${A}/'}]\nfeeds: *s\n", "? [a]\n: b\n", "a: !!binary x\n", "%YAML 1.1\n---\na: 1\n",
		"sources:\n- {url: 'file:///x', proxy: 'socks5://u:p@[::1]:1', headers: {A_file: /dev/null}}\n", "fetch: {schedule: '@every 1ns', max_body: 1e9GiB, timeout: 9999999w}\n",
		"listen: '[::1%25x]:70000'\npublic_url: 'http://[::1'\n", "\ufefftitle: \"\\ud800\\x00\"\r\n", "keep: {age: -1s, per_source: 0x7fffffffffffffff}\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		cfg, _, problems := parse("config.yaml", data, env("A", "a\x00\n'\""))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%d bytes took %v", len(data), took)
		}
		_, _, again := parse("config.yaml", data, env("A", "a\x00\n'\""))
		if problems.Error() != again.Error() {
			t.Errorf("got different problems of the same file:\n%v\n\n%v", problems, again)
		}
		if (cfg == nil) != (len(problems) > 0) {
			t.Fatalf("got a configuration %v with the problems %v", cfg, problems)
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + strings.Count(string(data), "\u0085") +
			strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + 2 // the library may point behind the end
		for _, p := range problems {
			if p.Line > lines || p.Line > 0 && p.Column < 1 || p.Message == "" || strings.ContainsAny(p.Message, "\n\r") {
				t.Errorf("bad problem %+v of a file of %d lines", p, lines)
			}
		}
		if cfg == nil {
			return
		}
		checkComplete(t, cfg)
		checkEdits(t, data)
	})
}

// checkComplete is what everybody else relies on.
func checkComplete(t *testing.T, cfg *Config) {
	t.Helper()
	seen := map[string]bool{}
	for _, src := range cfg.Sources {
		if badID(src.ID) != "" || seen[src.ID] || src.Name == "" || src.FeedURL == "" || src.Schedule == "" || src.Timeout <= 0 ||
			src.MaxBody <= 0 || src.PerHost.Concurrency < 1 || strings.Contains(src.URL, "@") && strings.Contains(src.URL, "//@") {
			t.Errorf("source is not complete: %+v", src)
		}
		seen[src.ID] = true
	}
	for _, view := range cfg.Views {
		if badID(view.ID) != "" || view.Title == "" || view.Items < 1 {
			t.Errorf("feed is not complete: %+v", view)
		}
	}
	if cfg.Title == "" || !strings.HasSuffix(cfg.PublicURL, "/") || cfg.Listen == "" || cfg.Admin == "" || cfg.Data == "" || cfg.Concurrency < 1 || cfg.Window <= 0 {
		t.Errorf("configuration is not complete: %+v", cfg)
	}
}

// checkEdits: an edit does what it says or refuses.
func checkEdits(t *testing.T, data []byte) {
	t.Helper()
	f := &File{path: "config.yaml", lookup: env("A", "a\x00\n'\"")}
	if err := f.take(data); err != nil {
		t.Fatal(err)
	}
	before := len(f.Config().Sources)
	if n, err := f.AddSources(NewSource{ID: "fuzz-new", URL: "https://fuzz-new.example/x", Name: "a: #b"}); err == nil && len(f.Config().Sources) != before+n {
		t.Errorf("added %d to %d and got %d", n, before, len(f.Config().Sources))
	}
	for _, src := range f.Config().Sources[:min(3, len(f.Config().Sources))] {
		if f.SetPaused(src.ID, !src.Paused) == nil {
			if now, _ := f.Config().Source(src.ID); now.Paused == src.Paused {
				t.Errorf("%s is paused: %v, want %v", src.ID, now.Paused, !src.Paused)
			}
		}
		if f.RemoveSource(src.ID) == nil {
			if _, still := f.Config().Source(src.ID); still {
				t.Errorf("%s is still there", src.ID)
			}
		}
	}
}

func TestHostileFilesAreBounded(t *testing.T) {
	many := 20_000
	if race {
		many /= 10
	}
	// each level is an alias of the one before it, ten times
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 10), ",") + "]\n"
	}
	for _, test := range []struct{ name, file, want string }{
		{"alias bomb", bomb + "sources: *j\n", "sources: wants keys and values, got a list"},
		{"aliases of sources of aliases", "sources:\n- &s {url: https://a.example/, include: &c [" + strings.Repeat("x,", many) + "x]}\n" + strings.Repeat("- *s\n", many), "aliases stand for more than"},
		{"alias of itself", "sources: &s [*s]\n", "wants keys and values, got a list"},
		{"too large", one + "#" + strings.Repeat("x", largestFile), "is larger than 4MiB"},
		{"too many values", "sources: [" + strings.Repeat("a,", mostTokens) + "]\n", "holds more than 1000000 lists, keys and values"},
		{"many mistakes", "sources:\n" + strings.Repeat("- {urk: x}\n", 10_000), "and "},
		{"one long line", "title: " + strings.Repeat("x", 1<<17) + "\n" + one, "title: is longer than 1000 characters"},
		{"a long key", strings.Repeat("x", 500) + ": 1\n" + one, "unknown key"},
		{"many feeds of nobody", one + "feeds:\n" + strings.Repeat("- {id: x, sources: [herald.exampel]}\n", 5_000), "did you mean"},
		{"one category many times", one + "feeds: [{id: a, categories: [" + strings.Repeat("nobody,", 20_000) + "]}]\n", "given twice"},
	} {
		start := time.Now()
		_, _, problems := parse("config.yaml", []byte(test.file), env())
		took := time.Since(start)
		if text := problems.Error(); !strings.Contains(text, test.want) || len(text) > 200_000 {
			t.Errorf("%s: got %.500s (%d bytes), want %q", test.name, text, len(text), test.want)
		}
		if took > 20*time.Second {
			t.Errorf("%s took %v", test.name, took)
		}
		t.Logf("%s: %v", test.name, took)
	}
}
