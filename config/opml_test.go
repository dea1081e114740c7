package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadOPMLTakesFeedsAndFolders(t *testing.T) {
	got, skipped, err := ReadOPML(strings.NewReader(`<?xml version="1.0" encoding="windows-1252"?>
<!-- from a reader -->
<opml version="2.0"><head><title>My feeds</title></head><body>
<outline text="Loose" title="Loose &amp; free" type="rss" xmlUrl="https://loose.example/feed?a=1&b=2" htmlUrl="https://loose.example/" language="ur-pk"/>
<outline text="News">
  <outline text="World/East">
    <outline text="Caf` + "\xe9" + `" xmlURL="feed://cafe.example/rss#x" category="/food/drink,press"/>
    <outline text="Again" xmlUrl="HTTPS://LOOSE.example:443/feed?a=1&amp;b=2"/>
  </outline>
  <outline text="Feed scheme" xmlUrl="feed:https://scheme.example/"/>
</outline>
<outline text="A link" type="link" url="https://link.example/"/>
<outline text="exec" xmlUrl="exec:rm -rf /"/><outline text="pipe" xmlUrl="|cat /etc/passwd"/>
<outline text="file" xmlUrl="file:///etc/passwd"/><outline text="script" xmlUrl="javascript:alert(1)"/>
<outline text="variable" xmlUrl="https://a.example/${HOME}"/>
<outline xmlUrl="https://user:geheim@b.example:99999/"/>
</body></opml>`))
	if err != nil {
		t.Fatal(err)
	}
	want := []NewSource{
		{URL: "https://loose.example/feed?a=1&b=2", Name: "Loose & free", Site: "https://loose.example/", Language: "ur-PK", Categories: []string{"News", "World East"}},
		{URL: "http://cafe.example/rss", Name: "Café", Categories: []string{"News", "World East", "food", "drink", "press"}},
		{URL: "https://scheme.example/", Name: "Feed scheme", Categories: []string{"News"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("subscriptions (-want +got):\n%s", diff)
	}
	all := strings.Join(skipped, "\n")
	if len(skipped) != 6 || strings.Contains(all, "geheim") {
		t.Errorf("skipped are %d, want 6 without a password:\n%s", len(skipped), all)
	}
	f := &File{path: "config.yaml"}
	if err := f.take([]byte(one)); err != nil {
		t.Fatal(err)
	}
	if n, err := f.AddSources(got...); n != 3 || err != nil {
		t.Errorf("added %d, %v; want all 3", n, err)
	}
	if src, _ := f.Config().Source("cafe.example"); !cmp.Equal(src.Categories, want[1].Categories) || src.Name != "Café" {
		t.Errorf("in the configuration is %+v, want what was imported", src.Outlet)
	}
}

func TestReadOPMLIsBounded(t *testing.T) {
	outlines := 100_000
	if race {
		outlines = mostSubscriptions + 1_000
	}
	wide := func(n int, address func(int) string) io.Reader {
		var b bytes.Buffer
		b.WriteString("<opml><body>")
		for i := range n {
			fmt.Fprintf(&b, `<outline text="%d" xmlUrl="%s"/>`, i, address(i))
		}
		b.WriteString("</body></opml>")
		return &b
	}
	for _, test := range []struct {
		name         string
		doc          io.Reader
		want, unsaid int
	}{
		{"100k feeds", wide(outlines, func(i int) string { return fmt.Sprintf("https://h%d.example/", i) }), mostSubscriptions, mostSkipped + 1},
		{"10k times one feed", wide(10_000, func(int) string { return "https://one.example/" }), 1, 0},
		{"10k commands", wide(10_000, func(int) string { return "exec:reboot" }), 0, mostSkipped + 1},
		{"10k folders deep", strings.NewReader("<opml><body>" + strings.Repeat(`<outline text="f">`, 10_000) + `<outline xmlUrl="https://a.example/"/>` + strings.Repeat("</outline>", 10_000) + `<outline xmlUrl="https://b.example/"/></body></opml>`), 2, 0},
		{"100k folders never closed", strings.NewReader("<opml><body>" + strings.Repeat(`<outline text="f">`, 100_000)), 0, 0},
		{"nested entities", strings.NewReader(`<!DOCTYPE opml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><opml><body><outline text="&b;" xmlUrl="https://a.example/"/></body></opml>`), 1, 0},
		{"many categories", strings.NewReader(`<opml><outline xmlUrl="https://a.example/" category="` + strings.Repeat("a/b,c", 100_000) + `"/></opml>`), 1, 0},
	} {
		start := time.Now()
		got, skipped, err := ReadOPML(test.doc)
		if err != nil || len(got) != test.want || len(skipped) != test.unsaid {
			t.Errorf("%s: got %d subscriptions, %d skipped, %v; want %d and %d", test.name, len(got), len(skipped), err, test.want, test.unsaid)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", test.name, took)
		}
		t.Logf("%s: %v", test.name, time.Since(start))
		for _, source := range got {
			if len(source.Categories) > 16 {
				t.Errorf("%s: %d categories", test.name, len(source.Categories))
			}
		}
	}
	for name, doc := range map[string]string{"html": "<html><body>x</body></html>", "empty": "", "text": "hello", "rss": `<?xml version="1.0"?><rss/>`} {
		if _, _, err := ReadOPML(strings.NewReader(doc)); !errors.Is(err, ErrNotOPML) {
			t.Errorf("%s: got %v, want ErrNotOPML", name, err)
		}
	}
	if _, _, err := readOPML(io.MultiReader(strings.NewReader("<opml><!--"), endless{}), 1<<20); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("an endless document: got %v", err)
	}
	if got, _, err := ReadOPML(strings.NewReader(`<opml><outline xmlUrl="https://a.example/"/><outline xmlUrl="`)); err == nil || len(got) != 1 {
		t.Errorf("a document cut off: got %d subscriptions, %v; want the one before the cut and an error", len(got), err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
