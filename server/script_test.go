package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// press is one key, pressed and let go.
func (b *browser) press(key string) {
	b.Helper()
	for _, kind := range []string{"keyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "text": key, "code": "Key" + strings.ToUpper(key)}, nil)
	}
}

// until waits for an expression to be true, and fails the test if it never is.
func (b *browser) until(js string) {
	b.Helper()
	var is bool
	for began := time.Now(); !is; time.Sleep(20 * time.Millisecond) {
		if b.eval("(async () => !!("+js+"))()", &is); time.Since(began) > 2*browserPatience {
			b.Fatalf("it never came to be that %s", js)
		}
	}
}

func TestTheScriptComforts(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := town()
	for i := range s.stories {
		s.stories[i].Members[0].Image = "" // the tests ask no other host
	}
	base := street(t, s)
	b.wear(1440, "light")
	b.open(base, "de")
	is := func(claim, js string) {
		t.Helper()
		var ok bool
		if b.eval("(async () => !!("+js+"))()", &ok); !ok {
			t.Errorf("not so: %s", claim)
		}
	}

	const at = `[...document.querySelectorAll(".day h3 a")].indexOf(document.activeElement)`
	b.press("j")
	b.press("j")
	is("j twice leads to the second story", at+" == 1")
	is("it is seen where the reader is", `getComputedStyle(document.activeElement).outlineStyle == "solid"`)
	b.press("k")
	is("k leads back", at+" == 0")
	b.eval(`document.querySelector("input[type=search]").focus(); true`, new(bool))
	b.press("j")
	is("keys are letters within a field", `document.activeElement.value == "j"`)
	b.eval(`document.querySelector(".keys input").click(); document.activeElement.blur(); true`, new(bool))
	b.press("j")
	is("keys can be turned off", at+" < 0")

	b.call("Browser.grantPermissions", map[string]any{"permissions": []string{"clipboardReadWrite", "clipboardSanitizedWrite"}}, nil)
	b.eval(`document.querySelector(".subscribe summary").click(); document.querySelector(".copy").click(); true`, new(bool))
	b.until(`document.querySelector(".told").textContent == "Kopiert"`)
	is("the address is copied", `(await navigator.clipboard.readText()) == "`+base+`feed.xml"`)
	is("times are in the reader's zone and tongue", `document.querySelector("article time[lang=de]").title.startsWith("Samstag, 14. März 2026")`)

	// Pictures that say nothing, on this very server.
	b.eval(`document.querySelector("article").insertAdjacentHTML("beforeend", "<img src=/none alt=''><img src=/none alt='the quay'>"); true`, new(bool))
	b.until(`document.querySelectorAll("main img").length == 1`)
	is("a picture that does not come leaves its words", `document.querySelector("main img").alt == "the quay"`)

	// A minute later, which the browser is told has passed.
	b.open(base, "de")
	it := item("herald", "h99", "The lighthouse is lit again", "<p>After ten years.</p>", "en", feed.LeftToRight, -1)
	s.put(story("lighthouse", noon.Add(-time.Minute), it))
	b.call("Emulation.setVirtualTimePolicy", map[string]any{"policy": "advance", "budget": 61_000}, nil)
	b.until(`document.querySelector(".told a")?.textContent == "Neue Meldungen: 1"`)
	for _, fault := range b.faults {
		t.Error(fault)
	}
}

func TestWithoutTheScriptNothingIsMissing(t *testing.T) {
	o := townOptions
	o.NoScript, o.NoPictures = true, true
	w := ask(t, server.New(o, town()), "GET", "/")
	policy := w.Header().Get("Content-Security-Policy")
	if body := w.Body.String(); strings.Contains(body, "<script") || strings.Contains(body, "<img") || strings.Contains(policy, "script-src") || !strings.Contains(policy, "sandbox") {
		t.Errorf("with neither script nor pictures, under %s\n%s", policy, body)
	}
	policy = ask(t, server.New(townOptions, town()), "GET", "/").Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("with a script: %s", policy)
	}
}

// follow does what leads to another page, and waits until that is there.
func (b *browser) follow(js string) {
	b.Helper()
	b.loaded = false
	b.eval(js+"; true", new(bool))
	for !b.loaded {
		b.next()
	}
}

// TestAReaderFindsTheWay clicks through the pages, with nothing but their links and
// their form: the script is turned off.
func TestAReaderFindsTheWay(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	s := town()
	for i := range s.stories {
		s.stories[i].Members[0].Image = "" // the tests ask no other host
	}
	o := townOptions
	o.NoScript = true
	base := streetWith(t, s, o)
	b.wear(360, "light")
	shows := func(where, text string) {
		t.Helper()
		var page string
		if b.eval("document.title + '\\n' + document.querySelector('main').innerText", &page); !strings.Contains(page, text) {
			t.Errorf("%s: no %q in\n%s", where, text, page)
		}
	}
	count := func(js string, want int) {
		t.Helper()
		var got int
		if b.eval(js, &got); got != want {
			t.Errorf("%s: %d, want %d", js, got, want)
		}
	}
	clicked := func(selector string) { t.Helper(); b.follow("document.querySelector(`" + selector + "`).click()") }

	b.open(base, "en")
	count(`document.querySelectorAll("article").length`, 40)
	clicked("a[rel=next]")
	count(`document.querySelectorAll("article").length`, 24)
	shows("the second page", "part 60 of the spring session")
	clicked(".pager a")
	shows("back on the first", "Ferry timetable changes")

	clicked(".filters a")
	shows("a topic", "sea & coast")
	clicked(".brand a")
	clicked(".filters a[href*='lang=de']")
	shows("a language", "Sturmflut")
	count(`document.querySelectorAll("article:not([lang=de])").length`, 0)

	b.follow(`document.querySelector("input[type=search]").value = "deiche"; document.querySelector("[role=search] button").click()`)
	shows("a search", "“deiche”")
	count(`document.querySelectorAll("mark").length`, 1)
	var feeds []string
	b.eval(`[...document.querySelectorAll(".subscribe code")].map(e => e.textContent)`, &feeds)
	if len(feeds) != 3 || !strings.HasPrefix(feeds[0], base) {
		t.Fatalf("to subscribe to: %q", feeds)
	}
	for _, address := range feeds {
		answer, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if kind := answer.Header.Get("Content-Type"); err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "Sturmflut") || !strings.Contains(kind, "xml") && !strings.Contains(kind, "json") {
			t.Errorf("%s is %s, %q: %v\n%s", address, answer.Status, kind, err, text)
		}
	}
	clicked("h3 a")
	shows("the story", "Who carried it")
	clicked(".by a")
	shows("the outlet", "cannot be reached since")
	clicked("nav a[href$='sources/']")
	shows("the outlets", "stories a day, last 14 days")
	for _, fault := range b.faults {
		t.Error(fault)
	}
}
