package normalize

import "strings"

// SlowHTML is HTML by the parser alone.
func SlowHTML(fragment, base string) string {
	fragment = lineFeeds(withoutCDATA(legalOnly(fragment)))
	if strings.IndexByte(fragment, '<') < 0 {
		return escaped(unescape(fragment))
	}
	c := cleaner{base: base}
	for range maxRounds {
		if !c.round(fragment) {
			break
		}
		again := c.settled(fragment)
		if again == fragment {
			return again
		}
		fragment = again
	}
	return escaped(Text(fragment))
}

// Quick reports whether HTML needs no parser for a fragment.
func Quick(fragment, base string) bool {
	c := cleaner{base: base}
	return c.quick(lineFeeds(withoutCDATA(legalOnly(fragment))))
}

// SlowURL is URL by the address library alone.
func SlowURL(link string) string {
	if link = tidyLink(link); link == "" {
		return ""
	}
	return slowKey(link)
}
