package main

import (
	"bytes"
	"fmt"
	"mime"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"sangam/feed"
	"sangam/fetcher"
)

// offer is a feed that a page says it has.
type offer struct {
	URL   string `json:"url"`
	Title string `json:"title,omitempty"`
	Type  string `json:"type"`
}

// feedTypes are the media types by which pages announce feeds. application/json is not
// among them: sites announce interfaces of another kind under it.
var feedTypes = []string{
	"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml", "application/x-rss+xml",
	"application/xml", "text/xml",
}

const (
	mostOffers = 50
	// headBytes is how much of a page is looked at: links stand in its head.
	headBytes = 1 << 20
)

// discover lists the feeds that an HTML page announces by <link rel="alternate">, in
// its order, each address once, at most 50.
func discover(page []byte, address, contentType string) []offer {
	base, err := url.Parse(address)
	if err != nil {
		return nil
	}
	text, err := charset.NewReader(bytes.NewReader(page[:min(len(page), headBytes)]), contentType)
	if err != nil {
		return nil
	}
	var offers []offer
	tokens := html.NewTokenizer(text)
	for len(offers) < mostOffers {
		switch tokens.Next() {
		case html.ErrorToken:
			return offers
		case html.StartTagToken, html.SelfClosingTagToken:
		default:
			continue
		}
		tag := tokens.Token()
		switch tag.DataAtom {
		case atom.Base:
			if u, err := base.Parse(attribute(tag, "href")); err == nil {
				base = u
			}
		case atom.Link:
			o, ok := offered(tag, base)
			if ok && !slices.ContainsFunc(offers, func(known offer) bool { return known.URL == o.URL }) {
				offers = append(offers, o)
			}
		}
	}
	return offers
}

// shownOffers is how many feeds a sentence lists, whose addresses are not longer than
// shownAddress.
const (
	shownOffers  = 3
	shownAddress = 200
)

// announced says what feeds a page announces that stands where a source should be, as the
// end of a sentence.
func announced(src feed.Source, page feed.Document) string {
	var addresses []string
	for _, o := range discover(page.Body, page.URL, page.ContentType) {
		if len(o.URL) <= shownAddress {
			addresses = append(addresses, o.URL)
		}
	}
	if len(addresses) == 0 {
		return ""
	}
	what, more := "the feed ", ""
	if len(addresses) > 1 {
		what = "the feeds "
	}
	if left := len(addresses) - shownOffers; left > 0 {
		addresses, more = addresses[:shownOffers], fmt.Sprintf(" and %d more", left)
	}
	return fetcher.Hide("; it announces "+what+strings.Join(addresses, ", ")+more, src)
}

// offered is the feed that a link element announces, if it does.
func offered(tag html.Token, base *url.URL) (offer, bool) {
	kind, _, err := mime.ParseMediaType(attribute(tag, "type"))
	if err != nil || !slices.Contains(feedTypes, kind) || !slices.Contains(strings.Fields(strings.ToLower(attribute(tag, "rel"))), "alternate") {
		return offer{}, false
	}
	u, err := base.Parse(strings.TrimSpace(attribute(tag, "href")))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return offer{}, false
	}
	u.Fragment = ""
	return offer{URL: u.String(), Title: strings.Join(strings.Fields(attribute(tag, "title")), " "), Type: kind}, true
}

func attribute(tag html.Token, name string) string {
	for _, a := range tag.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// mainOffer is the one feed of a page that is meant when nobody chooses: the only one, or
// the only one that is not of comments.
func mainOffer(offers []offer) (offer, bool) {
	articles := slices.DeleteFunc(slices.Clone(offers), func(o offer) bool {
		return strings.Contains(strings.ToLower(o.URL+" "+o.Title), "comment")
	})
	for _, list := range [][]offer{offers, articles} {
		if len(list) == 1 {
			return list[0], true
		}
	}
	return offer{}, false
}
