package parser_test

import (
	"testing"

	"sangam/feed"
	"sangam/parser"
)

func TestItemsComeOut(t *testing.T) {
	ch, err := parser.Parse(feed.Document{Body: []byte(`<rss version="2.0"><channel><title>Herald</title>
		<item><guid>1</guid><title>Ferry sinks</title></item></channel></rss>`)})
	if err != nil {
		t.Fatal(err)
	}
	if len(ch.Entries) != 1 || ch.Entries[0].ID != "1" || ch.Entries[0].Title.Value != "Ferry sinks" {
		t.Errorf("got %+v", ch)
	}
}
