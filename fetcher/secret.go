package fetcher

import (
	"net/url"
	"slices"
	"strings"

	"sangam/feed"
)

// shown writes an address for people: without user info, and with the values of
// its query hidden, which often are keys.
func shown(u *url.URL) string {
	bare := *u
	bare.User, bare.Fragment, bare.RawFragment = nil, "", ""
	if bare.RawQuery != "" {
		bare.RawQuery = "…"
	}
	return clip(bare.String(), 200)
}

// Shown writes an address for people and logs: without user info and fragment, and
// with what its query says hidden. What is no URL is hidden whole.
func Shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "***"
	}
	return shown(u)
}

// shortestSecret is the shortest text that is hunted for: shorter ones are found
// in every sentence.
const shortestSecret = 3

// hide takes the source's secrets out of what people will read of a visit.
func hide(doc *feed.Document, src *feed.Source) {
	if doc.Problem == "" && len(doc.Warnings) == 0 {
		return
	}
	scrub := scrubber(*src)
	doc.Problem = scrub(doc.Problem)
	for i := range doc.Warnings {
		doc.Warnings[i] = scrub(doc.Warnings[i])
	}
}

// Hide takes a source's secrets out of a text that people will read, in case whoever it
// comes from echoes them.
func Hide(text string, src feed.Source) string { return scrubber(src)(text) }

// scrubber returns a function that writes stars for a source's secrets.
func scrubber(src feed.Source) func(string) string {
	secrets := []string{src.Password.Reveal()}
	for _, value := range src.Headers {
		secrets = append(secrets, value.Reveal())
	}
	for _, address := range []string{src.FeedURL, src.Proxy.Reveal()} {
		if u, err := url.Parse(address); err == nil && u.User != nil {
			password, _ := u.User.Password()
			secrets = append(secrets, u.User.String(), password)
		} else if err != nil {
			secrets = append(secrets, address)
		}
		if u, err := url.Parse(address); err == nil {
			for _, values := range u.Query() {
				secrets = append(secrets, values...)
			}
		}
	}
	var pairs []string
	for _, secret := range secrets {
		if len(secret) >= shortestSecret {
			pairs = append(pairs, secret)
			if escaped := url.QueryEscape(secret); escaped != secret {
				pairs = append(pairs, escaped, url.PathEscape(secret))
			}
		}
	}
	slices.SortFunc(pairs, func(a, b string) int { return len(b) - len(a) }) // the longest first, or half of it stays
	return func(text string) string {
		for _, secret := range pairs {
			text = strings.ReplaceAll(text, secret, "***")
		}
		return text
	}
}
