package normalize_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sangam/feed"
	"sangam/normalize"
)

var visit = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func item(t *testing.T, e feed.Entry) feed.Item {
	t.Helper()
	it, _ := normalize.Item(e, feed.Channel{}, feed.Outlet{ID: "gazette"}, visit)
	return it
}

func TestTitleShowsWhatItsAuthorMeant(t *testing.T) {
	for _, c := range []struct {
		name  string
		title feed.Text
		want  string
	}{
		{"text with a tag", feed.Text{Kind: feed.Plain, Value: "Use <b> for bold"}, "Use <b> for bold"},
		{"text with a reference", feed.Text{Kind: feed.Plain, Value: "&lt; means <"}, "&lt; means <"},
		{"text with a comparison", feed.Text{Kind: feed.Plain, Value: "1 < 2"}, "1 < 2"},
		{"HTML with a tag", feed.Text{Kind: feed.HTML, Value: "<b>Rain</b> in Lahore"}, "Rain in Lahore"},
		{"HTML with a reference", feed.Text{Kind: feed.HTML, Value: "AT&amp;T &lt;b&gt;"}, "AT&T <b>"},
		{"HTML with a comparison", feed.Text{Kind: feed.HTML, Value: "1 < 2"}, "1 < 2"},
		{"HTML with a comment", feed.Text{Kind: feed.HTML, Value: "Rain<!-- x --> today"}, "Rain today"},
		{"RSS with markup", feed.Text{Kind: feed.Guess, Value: "<i>Rain</i> in Lahore"}, "Rain in Lahore"},
		{"RSS with a bare tag", feed.Text{Kind: feed.Guess, Value: "Use <b> for bold"}, "Use <b> for bold"},
		{"RSS with generics", feed.Text{Kind: feed.Guess, Value: "List<String> in Java"}, "List<String> in Java"},
		{"RSS with a comparison", feed.Text{Kind: feed.Guess, Value: "1 < 2"}, "1 < 2"},
		{"RSS with a heart", feed.Text{Kind: feed.Guess, Value: "I <3 Lahore"}, "I <3 Lahore"},
		{"RSS escaped twice", feed.Text{Kind: feed.Guess, Value: "Tom &amp; Jerry&#8217;s"}, "Tom & Jerry’s"},
		{"RSS with an image", feed.Text{Kind: feed.Guess, Value: `<img src="x"> Rain`}, "Rain"},
		{"line ends", feed.Text{Kind: feed.Plain, Value: "\n Rain\n   in Lahore\n"}, "Rain in Lahore"},
	} {
		if got := item(t, feed.Entry{Title: c.title}).Title; got != c.want {
			t.Errorf("%s: %q: got %q, want %q", c.name, c.title.Value, got, c.want)
		}
	}
}

func TestBodiesAreSafeAndSaidOnce(t *testing.T) {
	html := func(s string) feed.Text {
		return feed.Text{Kind: feed.HTML, Value: s, Base: "https://gazette.example/1/"}
	}
	it := item(t, feed.Entry{Summary: html("<p>Rain"), Content: html(`<p>Rain in Lahore.<img src="r.jpg"><script>x</script>`)})
	if want := `<p>Rain in Lahore.<img src="https://gazette.example/1/r.jpg"></p>`; it.Content != want {
		t.Errorf("content is %s, want %s", it.Content, want)
	}
	if want := "<p>Rain</p>"; it.Summary != want {
		t.Errorf("summary is %s, want %s", it.Summary, want)
	}
	if want := "https://gazette.example/1/r.jpg"; it.Image != want {
		t.Errorf("image is %s, want %s", it.Image, want)
	}
	it = item(t, feed.Entry{Summary: html("Rain &amp; wind"), Content: html("<p>Rain &amp; <b>wind</b></p>")})
	if it.Summary != "" || it.Content != "<p>Rain &amp; <b>wind</b></p>" {
		t.Errorf("said twice: summary %q, content %q", it.Summary, it.Content)
	}
	it = item(t, feed.Entry{Summary: feed.Text{Kind: feed.Guess, Value: "a < b & List<String>"}})
	if want := "a &lt; b &amp; List&lt;String&gt;"; it.Summary != want || it.Content != "" {
		t.Errorf("summary is %q, want %q; content is %q, want none", it.Summary, want, it.Content)
	}
	it = item(t, feed.Entry{Content: feed.Text{Kind: feed.Plain, Value: "one <b>\ntwo\n\nthree"}})
	if want := "<p>one &lt;b&gt;<br>two</p><p>three</p>"; it.Content != want {
		t.Errorf("content is %q, want %q", it.Content, want)
	}
}

func TestImplausibleDatesCountAsMissing(t *testing.T) {
	for _, c := range []struct{ raw, want, kept string }{
		{"Thu, 30 Apr 2026 10:00:00 GMT", "2026-04-30T10:00:00Z", ""},
		{"2026-05-01T12:14:00Z", "2026-05-01T12:14:00Z", ""},
		{"2026-05-01T12:16:00Z", "", "2026-05-01T12:16:00Z"},
		{"2099-01-01", "", "2099-01-01"},
		{"0001-01-01T00:00:00Z", "", "0001-01-01T00:00:00Z"},
		{"Thu, 01 Jan 1970 00:00:00 GMT", "", "Thu, 01 Jan 1970 00:00:00 GMT"},
		{"1989-12-31", "", "1989-12-31"},
		{"1990-01-01", "1990-01-01T00:00:00Z", ""},
		{" soon\n", "", "soon"},
		{"", "", ""},
	} {
		it, warnings := normalize.Item(feed.Entry{Published: c.raw}, feed.Channel{}, feed.Outlet{ID: "g"}, visit)
		got := ""
		if !it.Published.IsZero() {
			got = it.Published.Format(time.RFC3339)
		}
		if got != c.want || it.PublishedRaw != c.kept {
			t.Errorf("%q: got %q kept %q, want %q kept %q", c.raw, got, it.PublishedRaw, c.want, c.kept)
		}
		if (len(warnings) > 0) != (c.kept != "") {
			t.Errorf("%q: warnings %q", c.raw, warnings)
		}
	}
	it := item(t, feed.Entry{Updated: "2026-04-30T10:00:00Z"})
	if it.Published != it.Updated || it.Published.IsZero() {
		t.Errorf("an entry that only says when it was updated: published %v", it.Published)
	}
}

func TestAuthorsAreTakenApart(t *testing.T) {
	for _, c := range []struct{ in, want feed.Person }{
		{feed.Person{Name: "Asma Khan"}, feed.Person{Name: "Asma Khan"}},
		{feed.Person{Name: "Asma Khan <asma@example.org>"}, feed.Person{Name: "Asma Khan", Email: "asma@example.org"}},
		{feed.Person{Name: `"Khan, Asma" <asma@example.org>`}, feed.Person{Name: "Khan, Asma", Email: "asma@example.org"}},
		{feed.Person{Name: "asma@example.org (Asma Khan)"}, feed.Person{Name: "Asma Khan", Email: "asma@example.org"}},
		{feed.Person{Name: "Asma Khan (asma@example.org)"}, feed.Person{Name: "Asma Khan", Email: "asma@example.org"}},
		{feed.Person{Name: "Asma Khan (mailto:asma@example.org)"}, feed.Person{Name: "Asma Khan", Email: "asma@example.org"}},
		{feed.Person{Name: "asma@example.org"}, feed.Person{Email: "asma@example.org"}},
		{feed.Person{Email: "asma@example.org (Asma Khan)"}, feed.Person{Name: "Asma Khan", Email: "asma@example.org"}},
		{feed.Person{Name: "Asma Khan (Lahore)"}, feed.Person{Name: "Asma Khan (Lahore)"}},
		{feed.Person{Name: "<b>Asma</b> &amp; Co"}, feed.Person{Name: "Asma & Co"}},
		{feed.Person{Name: "A", URI: "javascript:alert(1)"}, feed.Person{Name: "A"}},
		{feed.Person{Name: "A", URI: "mailto:a@example.org"}, feed.Person{Name: "A", Email: "a@example.org"}},
		{feed.Person{Name: "A", URI: "https://example.org/a"}, feed.Person{Name: "A", URI: "https://example.org/a"}},
	} {
		it := item(t, feed.Entry{Authors: []feed.Person{c.in, c.in}})
		if diff := cmp.Diff([]feed.Person{c.want}, it.Authors); diff != "" {
			t.Errorf("%+v: (-want +got)\n%s", c.in, diff)
		}
	}
}

func TestActiveAddressesAreDroppedWithAWarning(t *testing.T) {
	for _, bad := range []string{
		"javascript:alert(1)", " JavaScript:alert(1)", "java\nscript:alert(1)", "\x01javascript:alert(1)", "data:text/html,x",
		"vbscript:x", "file:///etc/passwd", "feed:javascript:x", "ftp://x.example/", "/relative", "mailto:a@example.org",
	} {
		e := feed.Entry{
			Link: bad, Via: bad, Comments: bad, Image: bad, Enclosures: []feed.Enclosure{{URL: bad}}, Origin: feed.Origin{Link: bad},
			Authors: []feed.Person{{URI: bad}},
		}
		it, warnings := normalize.Item(e, feed.Channel{}, feed.Outlet{ID: "g"}, visit)
		if it.Link+it.Via+it.Comments+it.Image+it.Origin.Link != "" || it.Enclosures != nil || len(it.Authors) > 0 && it.Authors[0].URI != "" {
			t.Errorf("%q survived: %+v", bad, it)
		}
		if len(warnings) < 5 {
			t.Errorf("%q: warnings %q", bad, warnings)
		}
	}
	it := item(t, feed.Entry{
		Link: " https://example.org/a?x=1&amp;y=2\n", Categories: []string{"javascript:alert(1)", "<b>World</b>", "World", " "},
		Enclosures: []feed.Enclosure{{URL: "https://example.org/a.mp3", Type: "Audio/MPEG; x=y", Length: -1}, {URL: "https://example.org/a.mp3"}},
	})
	if want := "https://example.org/a?x=1&y=2"; it.Link != want {
		t.Errorf("link is %q, want %q", it.Link, want)
	}
	if diff := cmp.Diff([]string{"World"}, it.Categories); diff != "" {
		t.Errorf("categories (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]feed.Enclosure{{URL: "https://example.org/a.mp3", Type: "audio/mpeg"}}, it.Enclosures); diff != "" {
		t.Errorf("enclosures (-want +got)\n%s", diff)
	}
}

func TestLanguageIsTheOperatorsThenTheEntrysThenTheFeeds(t *testing.T) {
	for _, c := range []struct{ source, entry, channel, want string }{
		{"ur", "en-US", "de", "ur"}, {"", "en_us", "de", "en-US"}, {"", "", "de", "de"}, {"", "??", "ur_pk", "ur-PK"}, {"", "", "", ""},
	} {
		it, _ := normalize.Item(feed.Entry{Language: c.entry}, feed.Channel{Language: c.channel}, feed.Outlet{ID: "g", Language: c.source}, visit)
		if it.Language != c.want {
			t.Errorf("%+v: got %q", c, it.Language)
		}
	}
}

func TestLanguageThatTheLettersContradictIsDropped(t *testing.T) {
	urdu := feed.Text{Value: "لاہور میں بارش"}
	for _, c := range []struct{ source, entry, want string }{{"", "en-US", ""}, {"", "ur", "ur"}, {"en", "", "en"}, {"", "pa-Arab", "pa-Arab"}, {"", "pa-Guru", ""}} {
		it, _ := normalize.Item(feed.Entry{Title: urdu, Language: c.entry}, feed.Channel{}, feed.Outlet{ID: "g", Language: c.source}, visit)
		if it.Language != c.want {
			t.Errorf("source %q, entry %q: got %q, want %q", c.source, c.entry, it.Language, c.want)
		}
	}
}

func TestDirectionIsSettled(t *testing.T) {
	for _, c := range []struct {
		source   feed.Outlet
		language string
		title    string
		want     feed.Direction
	}{
		{feed.Outlet{}, "en-US", "لاہور میں بارش", feed.RightToLeft},
		{feed.Outlet{}, "ur", "", feed.RightToLeft},
		{feed.Outlet{}, "", "Rain", feed.LeftToRight},
		{feed.Outlet{Direction: feed.RightToLeft}, "en", "Rain", feed.RightToLeft},
	} {
		it, _ := normalize.Item(feed.Entry{Title: feed.Text{Value: c.title}, Language: c.language}, feed.Channel{}, c.source, visit)
		if it.Direction != c.want {
			t.Errorf("%+v: got %q", c, it.Direction)
		}
	}
}

func TestLanguageTagsAreWrittenInOneWay(t *testing.T) {
	for in, want := range map[string]string{
		"ur": "ur", "UR-pk": "ur-PK", "ur_PK": "ur-PK", "zh-hant-tw": "zh-Hant-TW", "en_US.UTF-8": "en-US", "English": "en", "اردو": "ur", " de ": "de",
		"de-CH-1996": "de-CH-1996", "en-x-US": "en-x-us", "und": "", "": "", "C": "", "<b>": "", "en us": "", "qwertyui": "", "es-419": "es-419",
	} {
		if got := normalize.Language(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestKeyNamesTheSameItemForEver(t *testing.T) {
	key := normalize.Key("gazette", "tag:gazette.example,2026:1", "https://gazette.example/1", "Rain")
	if want := "52qwgrqz6fu5pam3jbtq"; key != want {
		t.Errorf("the key of an item changed: %q, want %q: stores hold the old one", key, want)
	}
	same := [][2]string{
		{key, normalize.Key("gazette", "tag:gazette.example,2026:1", "https://gazette.example/2", "Sun")},
		{normalize.Key("g", "", "https://g.example/1?utm_source=a", "Rain"), normalize.Key("g", "", "http://www.g.example/1", "Sun")},
		{normalize.Key("g", "", "", "Rain"), normalize.Key("g", "", "", "Rain")},
	}
	for i, pair := range same {
		if pair[0] != pair[1] {
			t.Errorf("%d: one item, two keys: %v", i, pair)
		}
	}
	seen := map[string]bool{}
	for i, k := range []string{
		key, normalize.Key("herald", "tag:gazette.example,2026:1", "", ""), normalize.Key("g", "1", "", ""), normalize.Key("g", "", "1", ""),
		normalize.Key("g", "", "", "1"), normalize.Key("g", "", "", "2"), normalize.Key("g", "A", "", ""), normalize.Key("g", "a", "", ""),
	} {
		if seen[k] || len(k) != 20 || strings.Trim(k, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%d: %q is no key of its own", i, k)
		}
		seen[k] = true
	}
}

func TestHashChangesWithWhatReadersSee(t *testing.T) {
	entry := func(change func(*feed.Entry)) string {
		e := feed.Entry{
			ID: "1", Link: "https://g.example/1", Title: feed.Text{Value: "Rain"}, Published: "2026-04-30", Categories: []string{"a"},
			Content: feed.Text{Kind: feed.HTML, Value: `<p>Rain?<img src="https://g.example/1.jpg?token=1" alt="x"> More.`}, Authors: []feed.Person{{Name: "A"}},
		}
		change(&e)
		return string(item(t, e).Hash)
	}
	before := entry(func(*feed.Entry) {})
	if len(before) != 8 {
		t.Fatalf("hash of %d bytes", len(before))
	}
	for name, change := range map[string]func(*feed.Entry){
		"date":       func(e *feed.Entry) { e.Published, e.Updated = "2026-05-01", "2026-05-01" },
		"category":   func(e *feed.Entry) { e.Categories = nil },
		"tracking":   func(e *feed.Entry) { e.Link += "?utm_source=rss" },
		"token":      func(e *feed.Entry) { e.Content.Value = strings.Replace(e.Content.Value, "token=1", "token=2", 1) },
		"white room": func(e *feed.Entry) { e.Title.Value = " Rain\n" },
	} {
		if entry(change) != before {
			t.Errorf("another %s is taken for a revision", name)
		}
	}
	for name, change := range map[string]func(*feed.Entry){
		"title":  func(e *feed.Entry) { e.Title.Value = "Sun" },
		"link":   func(e *feed.Entry) { e.Link = "https://g.example/2" },
		"word":   func(e *feed.Entry) { e.Content.Value = strings.Replace(e.Content.Value, "More", "Less", 1) },
		"image":  func(e *feed.Entry) { e.Content.Value = strings.Replace(e.Content.Value, "1.jpg", "2.jpg", 1) },
		"alt":    func(e *feed.Entry) { e.Content.Value = strings.Replace(e.Content.Value, `"x"`, `"y"`, 1) },
		"author": func(e *feed.Entry) { e.Authors[0].Name = "B" },
	} {
		if entry(change) == before {
			t.Errorf("another %s is taken for no revision", name)
		}
	}
}

func TestChannelsTextsArePlainAndItsAddressesSafe(t *testing.T) {
	got := normalize.Channel(feed.Channel{
		Title: " <b>The</b> Gazette\n", Description: "News &amp; <i>views</i>", Link: "javascript:alert(1)", Self: "https://g.example/feed",
		Hubs: []string{"data:x", "https://hub.example/"}, Image: "file:///x", Language: "ur_PK", ID: " as sent ", Rights: "© <b>G</b>", UpdatedRaw: "Thu, 30 Apr 2026 10:00:00 GMT", Authors: []feed.Person{{Name: "A <a@g.example>"}},
	})
	want := feed.Channel{
		Title: "The Gazette", Description: "News & views", Self: "https://g.example/feed", Hubs: []string{"https://hub.example/"}, Language: "ur-PK",
		ID: " as sent ", Rights: "© G", UpdatedRaw: "Thu, 30 Apr 2026 10:00:00 GMT", Updated: time.Date(2026, 4, 30, 10, 0, 0, 0, time.UTC), Authors: []feed.Person{{Name: "A", Email: "a@g.example"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(got, normalize.Channel(got)); diff != "" {
		t.Errorf("not settled: (-want +got)\n%s", diff)
	}
}
