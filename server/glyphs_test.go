package server_test

import (
	"fmt"
	"testing"
)

// cut lists the Urdu words of a page that are not whole for the eye: their ink runs
// into that of another line, is cut off by a box around them, or leaves the page.
// Nastaliq falls steeply, and its highest and lowest strokes go far beyond those of
// other scripts: on lines too low for it they meet. The ink is measured as the browser
// draws it (canvas, same face and size), the baseline is where the browser has put the
// word's box.
const cut = `document.fonts.ready.then(() => {
	const pen = document.createElement("canvas").getContext("2d"), found = [], slack = 1;
	const urdu = /[\u0600-\u06ff]/;
	const ink = (text, style) => {
		pen.font = [style.fontStyle, style.fontWeight, style.fontSize, style.fontFamily].join(" ");
		pen.direction = "rtl";
		return pen.measureText(text);
	};
	// touch draws two words where they stand and looks for a pixel that both paint.
	const touch = (a, b) => {
		const left = Math.floor(Math.min(a.left, b.left)) - 20, top = Math.floor(b.top) - 2;
		const width = Math.ceil(Math.max(a.right, b.right)) + 20 - left, height = Math.ceil(a.bottom) + 2 - top;
		const [x, y] = [a, b].map((word) => {
			const paper = new OffscreenCanvas(width, height).getContext("2d");
			Object.assign(paper, {font: word.font, direction: "rtl", textAlign: "right"});
			paper.fillText(word.text, word.right - left, word.baseline - top);
			return paper.getImageData(0, 0, width, height).data;
		});
		for (let i = 3; i < x.length; i += 4) if (x[i] > 60 && y[i] > 60) return true;
		return false;
	};
	const inside = (what, word, top, bottom) => {
		const up = top - word.top, down = word.bottom - bottom;
		if (up > slack || down > slack) found.push(word.text + " leaves " + what + ": " + up.toFixed(1) + " px above, " + down.toFixed(1) + " px below");
	};
	const words = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let node; node = texts.nextNode();) {
		const parent = node.parentElement, style = getComputedStyle(parent);
		if (!urdu.test(node.data) || style.visibility != "visible" || parent.closest(".skip, .told, script, details:not([open]) > :not(summary)")) continue;
		for (const m of node.data.matchAll(/\S+/g)) {
			if (!urdu.test(m[0])) continue;
			const range = document.createRange();
			range.setStart(node, m.index);
			range.setEnd(node, m.index + m[0].length);
			for (const box of range.getClientRects()) {
				if (!box.width) continue;
				const drawn = ink(m[0], style);
				const baseline = box.top + drawn.fontBoundingBoxAscent + (box.height - drawn.fontBoundingBoxAscent - drawn.fontBoundingBoxDescent) / 2;
				const word = {text: m[0], baseline, left: box.left, right: box.right, font: pen.font,
					top: baseline - drawn.actualBoundingBoxAscent, bottom: baseline + drawn.actualBoundingBoxDescent};
				words.push(word);
				inside("the page", {...word, top: word.top + scrollY, bottom: 0}, 0, 1);
				for (let e = parent; e; e = e.parentElement) {
					if (getComputedStyle(e).overflowY == "visible" || e == document.documentElement || e == document.body) continue;
					const edge = e.getBoundingClientRect();
					inside("its " + e.tagName + "." + e.className, word, edge.top, edge.bottom);
				}
			}
		}
	}
	for (const a of words) for (const b of words) {
		if (a.baseline + 4 > b.baseline || a.left + slack > b.right || b.left + slack > a.right || a.bottom - slack < b.top || !touch(a, b)) continue;
		found.push(a.text + " meets " + b.text + ", " + (b.baseline - a.baseline).toFixed(1) + " px below it");
	}
	for (const field of document.querySelectorAll("input[type=search]")) {
		const style = getComputedStyle(field), text = field.value || field.placeholder, drawn = ink(text, style);
		if (!urdu.test(text)) continue;
		const edge = field.getBoundingClientRect(), top = edge.top + parseFloat(style.borderTopWidth), bottom = edge.bottom - parseFloat(style.borderBottomWidth);
		const inner = top + parseFloat(style.paddingTop), height = bottom - parseFloat(style.paddingBottom) - inner;
		const baseline = inner + (height - drawn.fontBoundingBoxAscent - drawn.fontBoundingBoxDescent) / 2 + drawn.fontBoundingBoxAscent;
		const word = {text, top: baseline - drawn.actualBoundingBoxAscent, bottom: baseline + drawn.actualBoundingBoxDescent};
		words.push(word);
		inside("its field", word, top, bottom);
	}
	return {Words: words.length, Found: [...new Set(found)]};
})`

func TestNoUrduLetterIsCutOff(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	base := street(t, town())
	look := func(name string) []string {
		t.Helper()
		var r struct {
			Words int
			Found []string
		}
		b.eval(cut, &r)
		if r.Words == 0 {
			t.Errorf("%s: no Urdu to look at", name)
		}
		return r.Found
	}
	for _, page := range []string{"", "?q=%D9%BE%D9%84", "story/bridge", "sources/", "feeds/", "sources/darya/", "nowhere"} {
		for _, width := range []int{360, 1440} {
			name := fmt.Sprintf("%q at %d px", page, width)
			b.wear(width, "light")
			b.open(base+page, "ur")
			for _, fault := range look(name) {
				t.Errorf("%s: %s", name, fault)
			}
		}
	}
	// Would it tell?
	b.wear(360, "light")
	b.open(base, "ur")
	b.eval(`document.querySelectorAll("h3").forEach(e => e.style.lineHeight = "1.1"); true`, new(bool))
	if len(look("low lines")) == 0 {
		t.Error("lines too low for Nastaliq are not found")
	}
	b.open(base, "ur")
	b.eval(`document.querySelectorAll("h3").forEach(e => { e.style.overflow = "hidden"; e.style.lineHeight = "1.4" }); true`, new(bool))
	if len(look("low boxes")) == 0 {
		t.Error("boxes too low for Nastaliq are not found")
	}
}
