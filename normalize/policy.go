package normalize

import (
	"maps"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html/atom"
)

// What may stand in an attribute.
type valueKind int

const (
	anyText  valueKind = iota + 1
	webURL             // http or https, absolute
	linkURL            // the same, or mailto
	imageSet           // srcset: addresses with widths or densities
	number             // digits, perhaps with a sign or a percent sign
	token              // a word or a date: letters, digits and -_.:/+ and spaces
	flag               // there or not
	language           // BCP 47
	writing            // ltr, rtl, auto
)

// everywhere holds the attributes that any element may have.
var everywhere = map[string]valueKind{"dir": writing, "lang": language, "title": anyText}

// elements is the policy: the elements that content may have, each with the attributes
// that it may have besides those of everywhere. What is not here is unwrapped, so that
// its text stays, unless gone says that it goes with all it holds. There is no class, id,
// name or style: they mean something only in the outlet's own page, and can hide, move
// or clobber things in ours.
var elements = map[atom.Atom]map[string]valueKind{
	atom.A:     {"href": linkURL, "hreflang": language},
	atom.Img:   {"src": webURL, "srcset": imageSet, "sizes": anyText, "alt": anyText, "width": number, "height": number},
	atom.Audio: {"src": webURL, "controls": flag, "loop": flag},
	atom.Video: {"src": webURL, "poster": webURL, "controls": flag, "loop": flag, "width": number, "height": number},
	atom.Source: {
		"src": webURL, "srcset": imageSet, "sizes": anyText, "type": anyText, "media": anyText,
		"width": number, "height": number,
	},
	atom.Picture: nil, atom.Figure: nil, atom.Figcaption: nil,

	atom.P: nil, atom.Div: nil, atom.Br: nil, atom.Wbr: nil, atom.Hr: nil, atom.Pre: nil, atom.Center: nil, atom.Address: nil,
	atom.H1: nil, atom.H2: nil, atom.H3: nil, atom.H4: nil, atom.H5: nil, atom.H6: nil, atom.Hgroup: nil,
	atom.Article: nil, atom.Section: nil, atom.Aside: nil, atom.Header: nil, atom.Footer: nil, atom.Main: nil, atom.Nav: nil,
	atom.Blockquote: {"cite": webURL}, atom.Q: {"cite": webURL},
	atom.Details: {"open": flag}, atom.Summary: nil,
	atom.Ul: {"type": token}, atom.Ol: {"type": token, "start": number, "reversed": flag}, atom.Li: {"value": number},
	atom.Dl: nil, atom.Dt: nil, atom.Dd: nil,

	atom.Table: nil, atom.Caption: nil, atom.Thead: nil, atom.Tbody: nil, atom.Tfoot: nil, atom.Tr: {"align": token},
	atom.Col: {"span": number}, atom.Colgroup: {"span": number},
	atom.Td: {"colspan": number, "rowspan": number, "align": token, "valign": token},
	atom.Th: {"colspan": number, "rowspan": number, "align": token, "valign": token, "scope": token, "abbr": anyText},

	atom.B: nil, atom.Strong: nil, atom.I: nil, atom.Em: nil, atom.U: nil, atom.S: nil, atom.Strike: nil, atom.Small: nil, atom.Big: nil,
	atom.Tt: nil, atom.Sub: nil, atom.Sup: nil, atom.Mark: nil, atom.Span: nil, atom.Abbr: nil, atom.Acronym: nil, atom.Dfn: nil,
	atom.Cite: nil, atom.Code: nil, atom.Kbd: nil, atom.Samp: nil, atom.Var: nil, atom.Bdi: nil, atom.Bdo: nil,
	atom.Ruby: nil, atom.Rb: nil, atom.Rt: nil, atom.Rtc: nil, atom.Rp: nil,
	atom.Time: {"datetime": token}, atom.Data: {"value": anyText},
	atom.Del: {"cite": webURL, "datetime": token}, atom.Ins: {"cite": webURL, "datetime": token},
}

// gone holds the elements that go with all they hold: what they hold is no text for
// readers, or cannot work without what was taken away.
var gone = set(
	atom.Script, atom.Style, atom.Title, atom.Iframe, atom.Noembed, atom.Noframes, atom.Template, atom.Svg, atom.Textarea,
	atom.Select, atom.Datalist, atom.Input, atom.Embed, atom.Param, atom.Meta, atom.Link, atom.Base, atom.Frame, atom.Frameset,
	atom.Area, atom.Track, atom.Keygen, atom.Progress, atom.Meter,
)

// void elements have no end tag.
var void = set(atom.Br, atom.Wbr, atom.Hr, atom.Img, atom.Source, atom.Col)

// isLanguage matches a BCP 47 tag by its shape.
var isLanguage = regexp.MustCompile(`^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$`)

// lastGuard is a bluemonday policy of the same elements and attributes. Whatever the
// cleaner writes passes through it unchanged; it is there for the day when the cleaner
// has a fault.
var lastGuard = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	web, link := regexp.MustCompile(`^https?://`), regexp.MustCompile(`^(?:https?://|mailto:)`)
	for element, attributes := range elements {
		p.AllowElements(element.String())
		p.AllowNoAttrs().OnElements(element.String())
		for name, kind := range attributes {
			allow := p.AllowAttrs(name)
			switch kind {
			case webURL:
				allow = allow.Matching(web)
			case linkURL:
				allow = allow.Matching(link)
			}
			allow.OnElements(element.String())
		}
	}
	p.AllowAttrs("lang").Matching(isLanguage).Globally()
	p.AllowAttrs("dir").Matching(regexp.MustCompile(`^(?:ltr|rtl|auto)$`)).Globally()
	p.AllowAttrs("title").Globally()
	return p
})

// attributes holds the attributes of every element of the policy, those of everywhere included.
var attributes = func() map[atom.Atom]map[string]valueKind {
	all := make(map[atom.Atom]map[string]valueKind, len(elements))
	for element, own := range elements {
		all[element] = maps.Clone(everywhere)
		maps.Copy(all[element], own)
	}
	return all
}()

// value returns what is kept of the value of an attribute.
func (c *cleaner) value(kind valueKind, v string) (string, bool) {
	switch kind {
	case anyText:
		return legalOnly(v), true
	case webURL:
		v = c.link(v)
		return v, strings.HasPrefix(v, "http")
	case linkURL:
		v = c.link(v)
		return v, v != ""
	case imageSet:
		v = c.imageSet(v)
		return v, v != ""
	case number:
		v = strings.TrimSpace(v)
		return v, only(v, "0123456789-%.")
	case token:
		v = strings.TrimSpace(v)
		return v, only(v, "0123456789-+:./_ ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	case flag:
		return "", true
	case language:
		v = strings.ReplaceAll(strings.TrimSpace(v), "_", "-")
		return v, isLanguage.MatchString(v)
	case writing:
		v = strings.ToLower(strings.TrimSpace(v))
		return v, v == "ltr" || v == "rtl" || v == "auto"
	}
	return "", false
}

// only reports whether v has something, has nothing but these characters, and not many of them.
func only(v, chars string) bool {
	return v != "" && len(v) <= 64 && strings.Trim(v, chars) == ""
}
