package server_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOperatorsPageOfAThousandSourcesIsSoundInABrowser(t *testing.T) {
	b := openBrowser(t)
	var orders []string
	desk := httptest.NewServer(bureau(city(1000), &orders))
	defer desk.Close()
	for _, path := range []string{"/", "/?sort=items&page=2", "/?source=desk-0005"} {
		for _, width := range []int{360, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				name := fmt.Sprintf("%s at %d px, %s", path, width, scheme)
				b.wear(width, scheme)
				b.open(desk.URL+path, "en")
				var found struct {
					Wide    int
					Fonts   []string
					Paper   string
					Small   int
					NoLabel int
				}
				b.eval(`document.fonts.ready.then(() => ({
					Wide: document.documentElement.scrollWidth - innerWidth,
					Fonts: [...document.fonts].filter(f => f.status == "loaded").map(f => f.family),
					Paper: getComputedStyle(document.documentElement).backgroundColor,
					Small: [...document.querySelectorAll("main *")].filter(e => e.childNodes.length && parseFloat(getComputedStyle(e).fontSize) < 12).length,
					NoLabel: [...document.querySelectorAll("input:not([type=hidden])")].filter(e => !e.ariaLabel).length}))`, &found)
				if found.Wide > 0 || found.Small > 0 || found.NoLabel > 0 {
					t.Errorf("%s: %d px too wide, %d elements too small to read, %d fields without a label", name, found.Wide, found.Small, found.NoLabel)
				}
				if urdu := path == "/?source=desk-0005" || path == "/?sort=items&page=2"; urdu && len(found.Fonts) == 0 {
					t.Errorf("%s: Urdu is not shown in the page's own face", name)
				}
				if dark := found.Paper == "rgb(20, 25, 27)"; dark != (scheme == "dark") {
					t.Errorf("%s: the page is %s", name, found.Paper)
				}
				for _, fault := range b.faults {
					t.Errorf("%s: %s", name, fault)
				}
				for _, address := range b.asked {
					if !strings.HasPrefix(address, desk.URL) {
						t.Errorf("%s: the page asked for %s", name, address)
					}
				}
				b.shoot(strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(fmt.Sprintf("admin%s-%d-%s", path, width, scheme)))
			}
		}
	}
	b.open(desk.URL+"/?source=desk-0005", "en")
	b.loaded = false
	var clicked bool
	b.eval(`(() => { [...document.querySelectorAll("button")].find(e => e.textContent == "Pause").click(); return true })()`, &clicked)
	for !b.loaded {
		b.next()
	}
	var said string
	b.eval(`location.search + " " + document.body.innerText.slice(0, 200)`, &said)
	if len(orders) != 1 || orders[0] != "pause desk-0005" || !strings.Contains(said, "paused") {
		t.Errorf("the button did %q, and the page says %q", orders, said)
	}
}

func TestOperatorsPageBarsNobody(t *testing.T) {
	t.Parallel()
	b, code := openAxe(t)
	var orders []string
	desk := httptest.NewServer(bureau(city(42), &orders))
	defer desk.Close()
	for _, path := range []string{"/", "/?source=desk-0003", "/?done=reload&q=zzz"} {
		b.wear(1440, "light")
		b.open(desk.URL+path, "en")
		b.eval(code+"; true", new(bool))
		b.eval(`document.querySelectorAll("details").forEach(e => { e.open = true }); true`, new(bool))
		for _, width := range []int{360, 1440} {
			for _, scheme := range []string{"light", "dark"} {
				b.wear(width, scheme)
				var broken []string
				b.eval(barriers, &broken)
				for _, v := range broken {
					t.Errorf("%s at %d px, %s: %s", path, width, scheme, v)
				}
			}
		}
	}
}
