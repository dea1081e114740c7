package normalize_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/normalize"
)

func TestADocumentOfUntidyItemsTakesBoundedTime(t *testing.T) {
	for name, content := range map[string]string{
		"links":      strings.Repeat("<i><b><a href=x>", 100) + "words",
		"paragraphs": strings.Repeat("<b>", 200) + strings.Repeat("<p>", 200) + "words",
		"end tags":   strings.Repeat("<b><i><u><s>", 40) + strings.Repeat("</p>", 150) + "words",
		"attributes": "<b><p" + strings.Repeat(" a b", 300) + ">words",
		"tables":     strings.Repeat("<table><tr><td>x<b>", 60) + "words",
	} {
		var r normalize.Reader
		start, warned := spent(t), 0
		for i := range mostItems {
			it, warnings := r.Item(feed.Entry{ID: fmt.Sprint(i), Content: feed.Text{Kind: feed.HTML, Value: content}}, feed.Channel{}, feed.Outlet{}, time.Time{})
			if warned += len(warnings); !strings.Contains(it.Content, "words") {
				t.Fatalf("%s: the text of item %d is lost: %.80q", name, i, it.Content)
			}
		}
		took := spent(t) - start
		t.Logf("%s: %v, %d warnings", name, took, warned)
		if took > slower*2*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if warned > 1 {
			t.Errorf("%s: %d warnings, want one at most", name, warned)
		}
	}
}

// The bound is out of the reach of a feed of the most items, none of which is tidy.
func TestUntidyItemsOfAPlainFeedKeepTheirMarkup(t *testing.T) {
	content := strings.Repeat(`<p>One <b>two <a href="https://a.example/x" title="y">three</b></a> four<br/>five`, 8)
	var r normalize.Reader
	for i := range mostItems {
		it, warnings := r.Item(feed.Entry{ID: fmt.Sprint(i), Content: feed.Text{Kind: feed.HTML, Value: content}}, feed.Channel{}, feed.Outlet{}, time.Time{})
		if len(warnings) > 0 || !strings.Contains(it.Content, "<p>") {
			t.Fatalf("item %d: %v: %.80q", i, warnings, it.Content)
		}
	}
}

func TestWhatIsTooLongIsCutWithAWarning(t *testing.T) {
	long := func(s string) string { return strings.Repeat(s, 8<<20/len(s)) }
	for what, e := range map[string]feed.Entry{
		"content of": {Content: feed.Text{Kind: feed.HTML, Value: long("<")}}, "summary of": {Summary: feed.Text{Kind: feed.Guess, Value: long("&#")}},
		"title of": {Title: feed.Text{Kind: feed.Plain, Value: long("ä ")}}, "author of": {Authors: []feed.Person{{Name: long("<a@b (")}}},
		"published date of": {Published: long("Tue ")}, "category of": {Categories: []string{"a", long("b")}},
	} {
		start := spent(t)
		_, warnings := normalize.Item(e, feed.Channel{}, feed.Outlet{}, time.Time{})
		if len(warnings) == 0 || !strings.HasPrefix(warnings[0], what) {
			t.Errorf("%s: warned of %.200q", what, warnings)
		}
		if took := spent(t) - start; took > slower*time.Second {
			t.Errorf("%s: took %v", what, took)
		}
	}
}
