package normalize

import (
	"strings"

	"sangam/feed"
)

// people makes authors comparable: names in plain text, the address taken out of
// "Name <mail>" and "mail (Name)" (RFC 5322, 3.4), web addresses checked, each once.
func people(list []feed.Person) []feed.Person {
	var out []feed.Person
next:
	for _, p := range list {
		p = person(p)
		if p == (feed.Person{}) {
			continue
		}
		for _, o := range out {
			if o == p {
				continue next
			}
		}
		if out = append(out, p); len(out) == maxList {
			break
		}
	}
	return out
}

func person(p feed.Person) feed.Person {
	name, mail := nameAndMail(p.Name)
	out := feed.Person{Name: name, Email: mail, URI: webAddress(p.URI)}
	if name, mail = nameAndMail(p.Email); mail != "" {
		out.Email = mail
		out.Name = first(out.Name, name)
	}
	if after, found := strings.CutPrefix(strings.TrimSpace(p.URI), "mailto:"); found {
		after, _, _ = strings.Cut(after, "?")
		if after = Line(after); isMail(after) {
			out.Email = first(out.Email, after)
		}
	}
	if hasActiveScheme(out.Name) {
		out.Name = ""
	}
	return out
}

// nameAndMail parts a name and an e-mail address written as one: "Name <mail>",
// "mail (Name)", "Name (mail)", or only one of them.
func nameAndMail(s string) (name, mail string) {
	raw := Line(undoubled(unescape(s)))
	for _, pair := range [...]struct{ open, end string }{{"<", ">"}, {"(", ")"}} {
		before, rest, found := strings.Cut(raw, pair.open)
		if !found || !strings.HasSuffix(rest, pair.end) {
			continue
		}
		before = Line(before)
		inner := strings.TrimPrefix(Line(strings.TrimSuffix(rest, pair.end)), "mailto:")
		switch {
		case isMail(inner):
			return short(guessed(unquoted(before))), inner
		case isMail(before):
			return short(guessed(unquoted(inner))), before
		}
	}
	if bare := strings.TrimPrefix(raw, "mailto:"); isMail(bare) {
		return "", bare
	}
	return short(guessed(s)), ""
}

// unquoted takes the quotes off a name as mail programs write them.
func unquoted(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
	}
	return s
}

// longestMail is the longest e-mail address there can be, in bytes (RFC 5321, 4.5.3.1).
const longestMail = 254

// isMail reports whether s looks like an e-mail address.
func isMail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && len(s) <= longestMail && !strings.ContainsAny(s, " \t<>()\",;:\\")
}
