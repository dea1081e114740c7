package config

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html/charset"
)

const (
	// largestOPML is what 100,000 outlines with long names take.
	largestOPML = 48 << 20
	// mostSubscriptions is more than a configuration file can hold.
	mostSubscriptions = 20_000
	// deepestFolders is how many folders around a feed become categories; what is
	// nested further belongs to the innermost of these.
	deepestFolders = 4
	// mostSkipped is how many reasons for leaving something out are told.
	mostSkipped = 100
)

// ErrNotOPML means that a document is no OPML.
var ErrNotOPML = errors.New("not an OPML document")

// ReadOPML reads the list of subscriptions that another reader has written (OPML 1.0
// and 2.0). Only http and https addresses are taken, feed: is read as http; nothing in
// the document is ever opened or run. An address that comes twice is taken once, with
// the categories of both places. Categories are the folders around a feed and its
// category attribute. skipped says in plain words what was left out and why, at most
// 100 lines. Work and memory are bounded by 48 MiB of document and 20,000
// subscriptions; the error is ErrNotOPML, one of reading, or that it is too large.
// What was read before a broken place comes with the error.
func ReadOPML(r io.Reader) (subscriptions []NewSource, skipped []string, err error) {
	return readOPML(r, largestOPML)
}

func readOPML(r io.Reader, limit int64) (subscriptions []NewSource, skipped []string, err error) {
	limited := &io.LimitedReader{R: r, N: limit + 1}
	o := &opml{decoder: xml.NewDecoder(limited), at: map[string]int{}}
	o.decoder.Strict = false // bare ampersands in addresses are common
	o.decoder.CharsetReader = charset.NewReaderLabel
	err = o.read()
	if limited.N <= 0 {
		err = fmt.Errorf("larger than %s", writeSize(limit))
	}
	if o.unsaid > 0 {
		o.skipped = append(o.skipped, fmt.Sprintf("and %d more", o.unsaid))
	}
	return o.found, o.skipped, err
}

// opml is a document being read, with a decoder that keeps no stack of its own: depth
// costs nothing.
type opml struct {
	decoder *xml.Decoder
	folders []string // the outermost names around the place being read; "" for an outline that is no folder
	deeper  int      // open outlines beyond those
	seen    bool     // the root was <opml>
	found   []NewSource
	at      map[string]int // address to place in found
	skipped []string
	unsaid  int
}

// mostFolders is how many open outlines are remembered by name.
const mostFolders = 64

func (o *opml) read() error {
	for {
		token, err := o.decoder.RawToken()
		switch {
		case err == io.EOF && o.seen:
			return nil
		case err == io.EOF:
			return ErrNotOPML
		case err != nil && o.seen:
			line, column := o.decoder.InputPos()
			return fmt.Errorf("line %d, column %d: %w", line, column, err)
		case err != nil:
			return fmt.Errorf("%w: %w", ErrNotOPML, err)
		}
		switch element := token.(type) {
		case xml.StartElement:
			name := strings.ToLower(element.Name.Local)
			if !o.seen && name != "opml" {
				return fmt.Errorf("%w: it begins with <%s>", ErrNotOPML, clip(element.Name.Local))
			}
			o.seen = true
			if name == "outline" {
				o.outline(element.Attr)
			}
		case xml.EndElement:
			if strings.ToLower(element.Name.Local) == "outline" {
				o.leave()
			}
		}
	}
}

// outline takes a feed, or goes into a folder.
func (o *opml) outline(attributes []xml.Attr) {
	get := func(names ...string) string {
		for _, name := range names {
			for _, a := range attributes {
				if strings.EqualFold(a.Name.Local, name) && strings.TrimSpace(a.Value) != "" {
					return plainLine(a.Value)
				}
			}
		}
		return ""
	}
	address, name := get("xmlUrl"), get("title", "text")
	if address != "" {
		o.feed(address, name, get("htmlUrl"), get("language"), get("category"))
		name = "" // its outlines, if any, are not in a folder
	}
	if len(o.folders) < mostFolders {
		o.folders = append(o.folders, name)
	} else {
		o.deeper++
	}
}

// plainLine makes one line without control characters of any text.
func plainLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > longestText {
		s = string(runes[:longestText])
	}
	return s
}

func (o *opml) leave() {
	switch {
	case o.deeper > 0:
		o.deeper--
	case len(o.folders) > 0:
		o.folders = o.folders[:len(o.folders)-1]
	}
}

// feed takes one subscription.
func (o *opml) feed(address, name, site, lang, category string) {
	address, problem := followable(address)
	if problem != "" {
		o.skip("%s: %s", quote(name), problem)
		return
	}
	categories := o.categories(category)
	if i, again := o.at[address]; again {
		o.found[i].Categories = union(o.found[i].Categories, categories)
		return
	}
	if len(o.found) >= mostSubscriptions {
		o.skip("%s: more than %d subscriptions", quote(name), mostSubscriptions)
		return
	}
	source := NewSource{URL: address, Name: name, Categories: categories}
	if u, problem := parseURL(site, site, []string{"https", "http"}); problem == "" && u.User == nil {
		source.Site = u.String()
	}
	if tag, problem := parseLanguage(lang); lang != "" && problem == "" {
		source.Language = tag
	}
	o.at[address] = len(o.found)
	o.found = append(o.found, source)
}

// followable is an address that may be fetched, or what is wrong with it.
func followable(address string) (string, string) {
	if rest, ok := strings.CutPrefix(strings.ToLower(address[:min(len(address), 5)]), "feed:"); ok {
		address = rest + address[5:]
		if strings.HasPrefix(address, "//") {
			address = "http:" + address
		}
	}
	if strings.Contains(address, "${") {
		return "", "its address has ${ in it"
	}
	u, problem := parseURL(address, address, []string{"https", "http"})
	if problem != "" {
		return "", problem
	}
	return canonical(u), ""
}

// canonical is the one way we write an address: what differs only in case of the
// host, the usual port or a fragment is one address.
func canonical(u *url.URL) string {
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// categories are the folders we are in and what the category attribute says: names
// between commas, paths of names between slashes (OPML 2.0).
func (o *opml) categories(attribute string) []string {
	var folders []string
	for _, folder := range o.folders {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	if len(folders) > deepestFolders {
		folders = folders[:deepestFolders]
	}
	const mostWords = 8
	for path := range strings.SplitSeq(attribute, ",") {
		for word := range strings.SplitSeq(path, "/") {
			if len(folders) < mostWords {
				folders = append(folders, word)
			}
		}
	}
	return union(nil, folders)
}

// union adds to a list of categories what is new and can be one.
func union(list, more []string) []string {
	for _, name := range more {
		name = strings.TrimSpace(strings.NewReplacer("/", " ", `\`, " ").Replace(name))
		if runes := []rune(name); len(runes) > longestID {
			name = strings.TrimSpace(string(runes[:longestID]))
		}
		if name != "" && badCategory(name) == "" && !slices.Contains(list, name) && len(list) < 2*deepestFolders+8 {
			list = append(list, name)
		}
	}
	return list
}

func (o *opml) skip(format string, args ...any) {
	if len(o.skipped) >= mostSkipped {
		o.unsaid++
		return
	}
	o.skipped = append(o.skipped, fmt.Sprintf(format, args...))
}
