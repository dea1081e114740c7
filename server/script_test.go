package server_test

import (
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
