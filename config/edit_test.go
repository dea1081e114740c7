package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func commented(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/commented.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func add(sources ...NewSource) func(*File) error {
	return func(f *File) error { _, err := f.AddSources(sources...); return err }
}

func remove(id string) func(*File) error { return func(f *File) error { return f.RemoveSource(id) } }

func pause(id string, paused bool) func(*File) error {
	return func(f *File) error { return f.SetPaused(id, paused) }
}

// TestEditTouchesNothingElse: each row is an edit and the one piece of the file that
// it replaces, with what. Every other byte must be the same.
func TestEditTouchesNothingElse(t *testing.T) {
	for _, test := range []struct {
		name     string
		edit     func(*File) error
		old, new string
	}{
		{
			"pause an item that begins with its url", pause("herald", true),
			"    id: herald\n", "    paused: true\n    id: herald\n",
		},
		{
			"pause an item with odd indentation", pause("gazette", true),
			"      url: https://gazette.example/feed.xml\n", "      url: https://gazette.example/feed.xml\n      paused: true\n",
		},
		{"pause an item in braces", pause("radio", true), "{id: radio", "{paused: true, id: radio"},
		{"resume", pause("closed", false), "paused:   true # until", "paused:   false # until"},
		{"pause what is paused", pause("closed", true), "", ""},
		{"remove the first", remove("herald"), `  # The herald: title and two sentences.
  # It is slow in the morning.
  - url: "https://herald.example/feed.xml"     # was http until May
    id: herald

`, ""},
		{"remove one with its comments", remove("radio"), `  # Radio, whole programmes
  - {id: radio, url: 'https://radio.example/rss', categories: [ local , radio ]} # one line

`, ""},
		{"remove the last", remove("closed"), `
  - id: closed
    url: https://closed.example/
    paused:   true # until they are back
    # we hope
`, ""},
		{
			"add", add(NewSource{ID: "new", Name: "Übersicht: alles #1", URL: "https://new.example/feed?a=1&b=2", Language: "de", Categories: []string{"local", "a, b", "true"}, Schedule: "*/5 * * * *", Paused: true}),
			"    # we hope\n", `    # we hope

  - id: new
    name: 'Übersicht: alles #1'
    url: https://new.example/feed?a=1&b=2
    language: de
    categories: [local, 'a, b', 'true']
    schedule: '*/5 * * * *'
    paused: true
`,
		},
		{"add what is there", add(NewSource{URL: "https://HERALD.example:443/feed.xml#top"}), "", ""},
		{
			"add several", add(NewSource{URL: "https://1.example/"}, NewSource{URL: "https://2.example/", Name: "costs ${5} $${x} ${"}, NewSource{URL: "https://1.example"}),
			"    # we hope\n", `    # we hope

  - url: https://1.example/

  - name: costs $${5} $$${x} $${
    url: https://2.example/
`,
		},
	} {
		for _, variant := range []struct {
			name string
			make func(string) string
		}{
			{"as it is", func(s string) string { return s }},
			{"with CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }},
			{"with a byte order mark", func(s string) string { return "\ufeff" + s }},
		} {
			t.Run(test.name+" "+variant.name, func(t *testing.T) {
				before := variant.make(commented(t))
				path := filepath.Join(write(t, map[string]string{"config.yaml": before}), "config.yaml")
				if err := Edit(path, nil, test.edit); err != nil {
					t.Fatal(err)
				}
				old := strings.TrimPrefix(variant.make(test.old), "\ufeff")
				if test.old != "" && strings.Count(before, old) != 1 {
					t.Fatalf("the row's old text is there %d times", strings.Count(before, old))
				}
				want := strings.Replace(before, old, strings.TrimPrefix(variant.make(test.new), "\ufeff"), 1)
				got, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, string(got)); diff != "" {
					t.Errorf("file (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestEditFollowsTheStyleOfTheFile(t *testing.T) {
	fresh := add(NewSource{ID: "b", URL: "https://b.example/"})
	for _, test := range []struct{ name, before, after string }{
		{"compact", "sources:\n- url: https://a.example/\n", "sources:\n- url: https://a.example/\n- id: b\n  url: https://b.example/\n"},
		{"no line end", "sources:\n- url: https://a.example/", "sources:\n- url: https://a.example/\n- id: b\n  url: https://b.example/\n"},
		{"empty list", "sources: []  # none yet\ntitle: x\n", "sources:  # none yet\n  - id: b\n    url: https://b.example/\ntitle: x\n"},
		{"empty list beside brackets", "sources: [] # it was [] before\n", "sources: # it was [] before\n  - id: b\n    url: https://b.example/\n"},
		{"brackets", "sources: [{url: https://a.example/}] # x\n", "sources: [{id: b, url: 'https://b.example/'}, {url: https://a.example/}] # x\n"},
		{"dash alone", "sources:\n  -\n    url: https://a.example/\n", "sources:\n  -\n    url: https://a.example/\n  - id: b\n    url: https://b.example/\n"},
		{"document end", "---\nsources:\n- url: https://a.example/\n...\n", "---\nsources:\n- url: https://a.example/\n- id: b\n  url: https://b.example/\n...\n"},
		{"spaced", "sources:\n\n- url: https://a.example/\n\n- url: https://c.example/\n\ntitle: x\n", "sources:\n\n- url: https://a.example/\n\n- url: https://c.example/\n\n- id: b\n  url: https://b.example/\n\ntitle: x\n"},
	} {
		f := &File{path: "config.yaml"}
		if err := f.take([]byte(test.before)); err != nil {
			t.Fatal(err)
		}
		if err := fresh(f); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.after, string(f.Bytes())); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if _, ok := f.Config().Source("b"); !ok {
			t.Errorf("%s: the new source is not in the configuration", test.name)
		}
	}
}

func TestRemoveFromAListInBrackets(t *testing.T) {
	for _, test := range []struct{ name, id, before, after string }{
		{"the first of a line", "a", "sources: [{id: a, url: https://a.example/}, {id: b, url: https://b.example/}] # all\n", "sources: [{id: b, url: https://b.example/}] # all\n"},
		{"the last of a line", "b", "sources: [{id: a, url: https://a.example/}, {id: b, url: https://b.example/}] # all\n", "sources: [{id: a, url: https://a.example/}] # all\n"},
		{"one with braces in it", "b", "sources: [{id: a, url: https://a.example/}, {id: b, url: https://b.example/, name: '}', headers: {X-A: b}}]\n", "sources: [{id: a, url: https://a.example/}]\n"},
		{"the only one", "a", "sources: [{id: a, url: https://a.example/}]\ntitle: x\n", "sources: []\ntitle: x\n"},
		{"JSON, the first", "c", `{"title":"ü","sources":[{"url":"https://a.example/","id":"c"},{"id":"b","url":"https://b.example/"}]}`, `{"title":"ü","sources":[{"id":"b","url":"https://b.example/"}]}`},
		{"JSON, the last", "b", `{"title":"ü","sources":[{"url":"https://a.example/","id":"c"},{"id":"b","url":"https://b.example/"}]}`, `{"title":"ü","sources":[{"url":"https://a.example/","id":"c"}]}`},
		{"the first line", "a", "sources: [\n  {id: a, url: https://a.example/}, # a, one\n  # about b\n  {id: b, url: https://b.example/},\n]\n", "sources: [\n  # about b\n  {id: b, url: https://b.example/},\n]\n"},
		{"the last line", "b", "sources: [\n  {id: a, url: https://a.example/}, # a, one\n  {id: b,\n   url: https://b.example/} # two\n]\n", "sources: [\n  {id: a, url: https://a.example/}, # a, one\n]\n"},
		{"the last line with the bracket", "b", "sources: [{id: a, url: https://a.example/},\r\n          {id: b, url: https://b.example/}]\r\n", "sources: [{id: a, url: https://a.example/}]\r\n"},
	} {
		f := &File{path: "config.yaml"}
		if err := f.take([]byte(test.before)); err != nil {
			t.Fatal(err)
		}
		err := f.RemoveSource(test.id)
		if diff := cmp.Diff(test.after, string(f.Bytes())); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

func TestRemoveTheOnlySourceAndAddItAgain(t *testing.T) {
	f := &File{path: "config.yaml"}
	if err := f.take([]byte("title: x\nsources: # all\n  # the herald\n  - url: https://a.example/\n\nlanguage: de\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.RemoveSource("a.example"); err != nil {
		t.Fatal(err)
	}
	if want := "title: x\nsources: [] # all\n\nlanguage: de\n"; string(f.Bytes()) != want {
		t.Errorf("got\n%s\nwant\n%s", f.Bytes(), want)
	}
	if _, err := f.AddSources(NewSource{URL: "https://a.example/"}); err != nil {
		t.Fatal(err)
	}
	if want := "title: x\nsources: # all\n  - url: https://a.example/\n\nlanguage: de\n"; string(f.Bytes()) != want {
		t.Errorf("got\n%s\nwant\n%s", f.Bytes(), want)
	}
}

func TestEditRefusesWhatItCannotDoWell(t *testing.T) {
	for _, test := range []struct {
		name, file string
		edit       func(*File) error
		want       string
	}{
		{"unknown id", one, remove("herald.exampel"), `no source has the id "herald.exampel" (did you mean "herald.example"?)`},
		{"mistakes before", one + "titel: x\n", remove("herald.example"), `unknown key "titel"`},
		{"a feed names it", one + "feeds: [{id: a, sources: [herald.example]}]\n", remove("herald.example"), `no source has the id "herald.example"`},
		{"an alias needs it", "sources:\n- {id: a, url: https://a.example/, categories: &c [x]}\n- {id: b, url: https://b.example/, categories: *c}\n", remove("a"), ErrByHand.Error()},
		{"an alias needs it, in brackets", "sources: [{id: a, url: https://a.example/, categories: &c [x]}, {id: b, url: https://b.example/, categories: *c}]\n", remove("a"), "config.yaml:1: this list"},
		{"from the environment", "sources:\n- {id: a, url: https://a.example/, paused: \"${P}\"}\n", pause("a", true), ErrByHand.Error()},
		{"bad address", one, add(NewSource{URL: "javascript:alert(1)"}), `only https, http, file addresses are used here`},
		{"doubled id", one, add(NewSource{ID: "herald.example", URL: "https://b.example/"}), `give it its id first`},
		{"doubled id of its own", "sources: [{id: a, url: https://a.example}]\n", add(NewSource{ID: "a", URL: "https://b.example/"}), `id "a" is taken`},
		{"bad id", one, add(NewSource{ID: "../x", URL: "https://b.example/"}), `"../x" is not an id`},
		{"the change itself fails", one, func(f *File) error { _ = f.SetPaused("herald.example", true); return errors.New("no") }, "no"},
	} {
		path := filepath.Join(write(t, map[string]string{"config.yaml": test.file}), "config.yaml")
		err := Edit(path, env("P", "false"), test.edit)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
		if got, _ := os.ReadFile(path); string(got) != test.file {
			t.Errorf("%s: the file was touched:\n%s", test.name, got)
		}
	}
}

func TestEditReplacesTheFileInOneStep(t *testing.T) {
	dir := write(t, map[string]string{"real/config.yaml": one})
	path, link := filepath.Join(dir, "real/config.yaml"), filepath.Join(dir, "config.yaml")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real/config.yaml", link); err != nil {
		t.Fatal(err)
	}
	if err := Edit(link, nil, pause("herald.example", true)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("mode is %v (%v), want it kept as 0640", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the symbolic link is now %v (%v)", info.Mode(), err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(path)); len(entries) != 1 {
		t.Errorf("the directory holds %v, want no temporary file left", entries)
	}
	err = Edit(link, nil, func(f *File) error {
		if err := os.WriteFile(path, []byte(one+"title: mine\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		return f.SetPaused("herald.example", false)
	})
	if got, _ := os.ReadFile(path); err == nil || string(got) != one+"title: mine\n" {
		t.Errorf("a change from elsewhere was overwritten (%v):\n%s", err, got)
	}
}

func TestManySourcesAreAddedQuickly(t *testing.T) {
	var many []NewSource
	for i := range 2000 {
		many = append(many, NewSource{URL: fmt.Sprintf("https://outlet-%d.example/feed", i)})
	}
	f := &File{path: "config.yaml"}
	if err := f.take([]byte(one)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.AddSources(many...); n != 2000 || err != nil || len(f.Config().Sources) != 2001 {
		t.Errorf("added %d (%v), the configuration has %d; want 2000 and 2001", n, err, len(f.Config().Sources))
	}
}

func TestProbeIsTheSourceThatAnAddressWouldBe(t *testing.T) {
	cfg := load(t, "fetch: {schedule: '@hourly', timeout: 5s}\nsources:\n  - {id: herald, url: 'https://u:p@herald.example/feed.xml'}\n")
	src, known, err := cfg.Probe("https://gazette.example/rss?token=secret")
	if err != nil || known || src.ID == "" || src.Schedule != "@hourly" || src.Timeout != 5*time.Second || strings.Contains(src.URL, "secret") {
		t.Errorf("a new address: got %+v, %v, %v", src, known, err)
	}
	src, known, err = cfg.Probe("https://herald.example/feed.xml")
	if err != nil || !known || src.ID != "herald" || src.Password.Reveal() != "p" {
		t.Errorf("the address of a source: got %+v, %v, %v; want that source", src, known, err)
	}
	if _, _, err = cfg.Probe("gopher://u:secret@herald.example/"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad address: got %v", err)
	}
	if src, _, err = cfg.Probe("https://herald.example/${NAME}"); err != nil || !strings.Contains(src.FeedURL, "NAME") {
		t.Errorf("an address with a dollar: got %q, %v; want it as it is", src.FeedURL, err)
	}
}
