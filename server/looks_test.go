package server_test

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"sangam/feed"
)

// hostile is a town in which one outlet writes whatever could do harm.
func hostile() *shelf {
	s := town()
	for i := range s.stories {
		s.stories[i].Members[0].Image = "" // the tests ask no other host
	}
	evil := `"><script>alert(1)</script><svg onload=alert(2)>`
	o := s.outlets["gazette"]
	o.Name, o.Site, o.Categories = "Gazette "+evil, "javascript:alert(3)", []string{"world", evil}
	s.outlets["gazette"] = o
	state := s.states["gazette"]
	state.Channel.Description = evil + strings.Repeat("W", 300)
	s.states["gazette"] = state
	it := item("herald", "evil", `<img src=x onerror=alert(4)><script>alert(5)</script>`+strings.Repeat("W", 300),
		`<h1>Sanitised before it is stored</h1><main><p>But wide:</p></main><pre>`+strings.Repeat("x", 500)+`</pre><table><tbody><tr>`+strings.Repeat("<td>"+strings.Repeat("y", 40)+"</td>", 12)+
			`</tr></tbody></table><video src="https://h.example/film.mp4" width="4000" height="90"></video>`, "en", feed.LeftToRight, -1)
	it.Link, it.Image, it.Via = "javascript:alert(6)", "javascript:alert(7)", "data:text/html,<script>alert(8)</script>"
	it.Authors = []feed.Person{{Name: evil, URI: "javascript:alert(9)"}}
	it.Categories = []string{`<b onclick=alert(10)>`}
	it.Enclosures = []feed.Enclosure{{URL: "https://h.example/a.mp3", Title: evil}, {URL: "vbscript:alert(11)"}}
	twin := item("gazette", "evil2", evil, it.Content, `en"><script>alert(12)</script>`, `rtl"><script>alert(13)</script>`, -1)
	st := story("evil", noon, it, twin)
	st.Joins = []feed.Ruling{{Item: it.Key, With: twin.Key, Relation: feed.Copy, Rule: evil, Because: evil}}
	s.put(st)

	var wires []feed.Item
	for i := range 50 {
		id := fmt.Sprint("wire", i)
		s.outlets[id] = feed.Outlet{ID: id, Name: strings.Repeat("The Wire ", 40), Language: "en", Categories: []string{"wires"}}
		wires = append(wires, item(id, "1", strings.Repeat("Twelve fishermen rescued ", 20), "<p>Twelve fishermen were rescued off the northern coast.</p>", "en", feed.LeftToRight, -2))
	}
	agency := story("agency", noon, wires...)
	for _, it := range wires[1:] {
		agency.Joins = append(agency.Joins, feed.Ruling{Item: it.Key, With: wires[0].Key, Relation: feed.Copy, Rule: "headline"})
	}
	s.put(agency)
	return s
}

// looks are the ways in which every page is looked at.
var looks = []struct {
	lang   string
	width  int
	scheme string
}{{"ur", 320, "dark"}, {"en", 360, "light"}, {"ar", 768, "dark"}, {"ur", 1440, "light"}, {"en", 2560, "dark"}}

func TestPagesAreSoundInABrowser(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	base := street(t, hostile())
	host, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{
		"", "?q=%D9%BE%D9%84", "?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "story/bridge", "story/evil", "story/agency", "sources/", "categories/", "feeds/", "sources/darya/", "sources/gazette/",
		"nowhere", "feed.xml", "atom.xml",
	}
	for _, page := range pages {
		for _, look := range looks {
			name := fmt.Sprintf("%q at %d px in %s", page, look.width, look.lang)
			b.wear(look.width, look.scheme)
			b.open(base+page, look.lang)
			var found struct {
				Wide   int
				Beyond []string
				Lang   string
				Dir    string
				Fonts  []string
			}
			b.eval(`document.fonts.ready.then(() => ({
				Wide: document.body && Math.max(document.documentElement.scrollWidth, innerWidth) - `+fmt.Sprint(look.width)+`,
				Beyond: [...document.body?.querySelectorAll("*") ?? []].filter(e => !e.closest(".skip") && (e.getBoundingClientRect().left < -1 || e.getBoundingClientRect().right > `+fmt.Sprint(look.width)+` + 1)).map(e => e.outerHTML.slice(0, 120)).slice(0, 5),
				Lang: document.documentElement.lang || "", Dir: document.documentElement.dir || "",
				Fonts: [...document.fonts].filter(f => f.status == "loaded").map(f => f.family)}))`, &found)
			if found.Wide > 0 {
				t.Errorf("%s: the page is %d px too wide: %q", name, found.Wide, found.Beyond)
			}
			if !strings.HasSuffix(page, ".xml") && found.Lang != look.lang {
				t.Errorf("%s: the frame is in %q", name, found.Lang)
			}
			if strings.Contains(page, "bridge") && len(found.Fonts) == 0 {
				t.Errorf("%s: Urdu is not shown in the page's own face", name)
			}
			for _, fault := range b.faults {
				if !strings.Contains(fault, "status of 404") {
					t.Errorf("%s: %s", name, fault)
				}
			}
			for _, address := range b.asked {
				// The browser draws the controls of a film from data of its own.
				if u, err := url.Parse(address); err != nil || u.Host != host.Host && u.Scheme != "data" {
					t.Errorf("%s: the page asked for %s", name, address)
				}
			}
			var live []string
			b.eval(`[...document.querySelectorAll("*")].flatMap(e => [...e.attributes].map(a => [e, a]))
				.filter(([e, a]) => /^on/i.test(a.name) || /^\s*(javascript|vbscript|data):/i.test(a.value))
				.map(([e, a]) => e.tagName + " " + a.name + "=" + a.value)`, &live)
			if len(live) > 0 {
				t.Errorf("%s: what could run: %q", name, live)
			}
			b.shoot(strings.NewReplacer("/", "-", "?", "-", "%", "").Replace(fmt.Sprintf("page-%s-%s-%d", page, look.lang, look.width)))
		}
	}
}

// axe is where npm puts axe-core, which finds what bars readers with disabilities.
const axe = "../internal/npm/node_modules/axe-core/axe.min.js"

// barriers asks axe what is wrong, and what it cannot tell; but for text whose box is
// under its neighbour's, as the tall boxes of Nastaliq often are: whether its ink is
// whole, TestNoUrduLetterIsCutOff tells. Captions of a film are its outlet's to write.
const barriers = `document.fonts.ready.then(() => axe.run(document, {resultTypes: ["violations", "incomplete"], ...(self.only ?? {})})).then(r => [...r.violations, ...r.incomplete].map(v =>
	v.id + ": " + v.help + ": " + v.nodes.map(n => n.html.slice(0, 200) + " " + n.any.concat(n.all, n.none).map(c => c.message).join("; ")).join("\n  ")).filter(v => !v.includes("partially obscured by another element") && !v.startsWith("video-caption")))`

// openAxe opens a browser and returns axe's code, to be run on a page.
func openAxe(t *testing.T) (b *browser, code string) {
	t.Helper()
	text, err := os.ReadFile(axe)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("axe-core is needed here: %v", err)
		}
		t.Skip("npm ci in internal/npm installs axe-core")
	}
	b = openBrowser(t)
	b.call("Page.setBypassCSP", map[string]any{"enabled": true}, nil) // else axe cannot run on pages without a script
	return b, string(text)
}

func TestPagesBarNobody(t *testing.T) {
	t.Parallel()
	b, code := openAxe(t)
	base := street(t, hostile())
	for _, page := range []string{"", "?q=bridge", "?q=nothing+like+it", "story/bridge", "story/ferry", "story/evil", "story/agency", "sources/", "categories/", "feeds/", "sources/bote/", "nowhere"} {
		for _, lang := range []string{"en", "ur"} {
			b.wear(1440, "light")
			b.open(base+page, lang)
			b.eval(code+"; true", new(bool))
			for _, width := range []int{360, 1440} {
				for _, scheme := range []string{"light", "dark"} {
					b.wear(width, scheme)
					var broken []string
					// What the colours do not touch was seen at this width already.
					b.eval(fmt.Sprintf(`self.only = %t ? {runOnly: {type: "rule", values: ["color-contrast"]}} : {}; true`, scheme == "dark"), new(bool))
					b.eval(barriers, &broken)
					for _, v := range broken {
						t.Errorf("%q in %s at %d px, %s: %s", page, lang, width, scheme, v)
					}
				}
			}
		}
	}

	// Would it tell?
	b.open(base, "en")
	b.eval(code+`; document.querySelector("main").insertAdjacentHTML("beforeend", "<img src=x><p style='color:#bbb;background:#ccc'>pale</p>"); true`, new(bool))
	var found []string
	if b.eval(barriers, &found); len(found) < 2 {
		t.Errorf("a picture without a text and a pale line: axe says %q", found)
	}
}
