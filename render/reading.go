package render

import (
	"html"
	"slices"
	"strings"

	xhtml "golang.org/x/net/html"
)

// reading makes the text of a story fit for a page of ours. It is safe as it comes, but
// it was written for another page: there it was alone, had room for its tables, and
// could load films that nobody has asked to see. Without pictures their words stay.
func reading(fragment string, pictures bool) string {
	var b strings.Builder
	z := xhtml.NewTokenizer(strings.NewReader(fragment))
	for {
		kind := z.Next()
		if kind == xhtml.ErrorToken {
			return b.String()
		}
		raw := string(z.Raw())
		if kind == xhtml.TextToken {
			b.WriteString(raw)
			continue
		}
		t := z.Token()
		if !pictures && shown[t.Data] {
			if alt := attribute(t, "alt"); alt != "" && kind != xhtml.EndTagToken {
				b.WriteString("[" + html.EscapeString(alt) + "]")
			}
			continue
		}
		switch {
		case t.Data == "table" && kind == xhtml.EndTagToken:
			b.WriteString(raw + "</div>")
		case t.Data == "table":
			// What is wider than the page moves within a frame of its own, by keys too.
			b.WriteString(`<div class="wide" tabindex="0">` + raw)
		case placed[t.Data] != "":
			t.Data = placed[t.Data]
			b.WriteString(t.String())
		case kind != xhtml.EndTagToken && extra[t.Data] != nil:
			for _, a := range extra[t.Data] {
				if a.Key != "alt" || attribute(t, "alt") == "" {
					t.Attr = append(slices.DeleteFunc(t.Attr, func(own xhtml.Attribute) bool { return own.Key == a.Key }), a)
				}
			}
			b.WriteString(t.String())
		default:
			b.WriteString(raw)
		}
	}
}

func attribute(t xhtml.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}

// shown are the elements that show what has to be loaded.
var shown = map[string]bool{"img": true, "picture": true, "source": true, "video": true, "audio": true}

// placed are elements that have their place in a page once, and what stands for them
// within a story.
var placed = map[string]string{"h1": "h2", "main": "div", "header": "div", "footer": "div", "nav": "div", "aside": "div"}

// extra are attributes that elements have besides their own.
var extra = map[string][]xhtml.Attribute{
	"img":   {{Key: "alt"}, {Key: "loading", Val: "lazy"}, {Key: "decoding", Val: "async"}, {Key: "referrerpolicy", Val: "no-referrer"}},
	"video": {{Key: "controls"}, {Key: "preload", Val: "none"}},
	"audio": {{Key: "controls"}, {Key: "preload", Val: "none"}},
	"pre":   {{Key: "tabindex", Val: "0"}},
}
