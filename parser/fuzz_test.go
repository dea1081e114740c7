package parser_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"sangam/feed"
	"sangam/parser"
)

// Whatever the bytes, Parse returns in time, with an *Error or a feed, and twice
// the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		three, rss20(`<guid>1</guid><title>a &lt; b</title><description><p>x<br></description>`),
		atom10(`<id>1</id><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">x</div></title><link href="../x"/><source><id>2</id></source>`),
		atom03(`<content mode="base64">PGI+</content>`), inChannel(`<ttl>5</ttl><skipHours><hour>1</hour></skipHours>`),
		`<!DOCTYPE rss [<!ENTITY a "b">]><rdf:RDF xmlns:rdf="x"><item rdf:about="&a;"><dc:creator>x</dc:creator>`,
		`<CHANNEL HREF="x"><ITEM><ABSTRACT>y`, "<rss><item><![CDATA[ x", "<rss><item><!-- <title>x</title>", `<rss><item a="b><title c='d>x</title>`,
		`{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1.5e3,"tags":"x","author":"y","content_html":"\ud83d\ude00"},{}]}`,
		`{"items":[{"id":null,"attachments":{"url":"x","size_in_bytes":"7"}}`, "<html><p>", "<opml/>",
	} {
		f.Add([]byte(s), "http://example.org/a/b?c")
	}
	f.Fuzz(func(t *testing.T, body []byte, url string) {
		doc := feed.Document{Body: body, URL: url}
		start := time.Now()
		ch, err := parser.Parse(doc)
		if took := time.Since(start); took > time.Second {
			if retry, _ := timed(body); retry > time.Second { // it was not the machine
				t.Errorf("took %v, and again %v", took, retry)
			}
		}
		if err != nil {
			var e *parser.Error
			if !errors.As(err, &e) || e.What == "" || e.Trouble != feed.NotAFeed && e.Trouble != feed.Unreadable {
				t.Errorf("got %#v, want a *parser.Error that says what", err)
			}
			if e != nil && len(e.What) > 30 && e.What[:30] == "a feed that gofeed refuses: xpp" {
				t.Errorf("the outline was not well-formed: %v", err)
			}
			return
		}
		again, err := parser.Parse(doc)
		if err != nil || !reflect.DeepEqual(ch, again) {
			t.Errorf("read twice: %+v and %+v, %v", ch, again, err)
		}
	})
}
