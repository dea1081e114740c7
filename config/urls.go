package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
	"sangam/feed"
)

// longestURL is what servers commonly accept, in bytes.
const longestURL = 8000

// url reads an address with one of the given schemes. Messages never repeat
// passwords or tokens of it.
func (r *reader) url(n *yaml.Node, schemes ...string) (*url.URL, scalar, bool) {
	s, ok := r.text(n)
	if !ok {
		return nil, s, false
	}
	u, problem := parseURL(s.text, s.shown, schemes)
	if problem != "" {
		r.problem(n, "%s", problem)
		return nil, s, false
	}
	return u, s, true
}

func parseURL(text, shown string, schemes []string) (*url.URL, string) {
	shown = quote(hideSecrets(shown))
	if strings.TrimSpace(text) == "" {
		return nil, "is empty"
	}
	if len(text) > longestURL {
		return nil, fmt.Sprintf("is longer than %d bytes", longestURL)
	}
	if strings.ContainsFunc(text, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }) {
		return nil, shown + " is not a URL: it has spaces in it"
	}
	u, err := url.Parse(text)
	if err != nil && !strings.Contains(text, "://") {
		return nil, fmt.Sprintf("%s is not a URL: it has no %s:// in front", shown, schemes[0])
	}
	if err != nil {
		return nil, shown + " is not a URL"
	}
	known := false
	for _, scheme := range schemes {
		known = known || u.Scheme == scheme
	}
	switch port := u.Port(); {
	case !known && (u.Scheme == "" || u.Opaque != "" && u.Host == "" && strings.Contains(u.Scheme, ".")):
		return nil, fmt.Sprintf("%s is not a URL: it has no %s:// in front", shown, schemes[0])
	case !known:
		return nil, fmt.Sprintf("%s: only %s addresses are used here, not %q%s", shown, strings.Join(schemes, ", "), clip(u.Scheme), meant(u.Scheme, schemes))
	case u.Scheme == "file":
		if (u.Host != "" && u.Host != "localhost") || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" {
			return nil, shown + ": a file has three slashes and a whole path, as in file:///srv/feed.xml"
		}
	case u.Hostname() == "" || strings.Contains(u.Hostname(), "..") || strings.HasPrefix(u.Hostname(), "."):
		return nil, shown + " is not a URL: it has no host"
	case port != "":
		if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
			return nil, shown + " is not a URL: the port must be from 1 to 65535"
		}
	}
	return u, ""
}

var (
	userInfo   = regexp.MustCompile(`//[^/?#]*@`)
	secretPart = regexp.MustCompile(`([?&;])([^=&;#]*)=([^&;#]*)`)
)

// hidden stands where a secret was.
const hidden = "***"

// hideSecrets takes user info and the values of secret query keys off what may be
// an address.
func hideSecrets(address string) string {
	address = userInfo.ReplaceAllString(address, "//"+hidden+"@")
	return hideQuery(address)
}

// hideQuery replaces the values of secret query keys, and leaves every other byte.
func hideQuery(address string) string {
	return secretPart.ReplaceAllStringFunc(address, func(pair string) string {
		m := secretPart.FindStringSubmatch(pair)
		name, err := url.QueryUnescape(m[2])
		if m[3] == "" || (err == nil && !secretKey(name)) {
			return pair
		}
		return m[1] + m[2] + "=" + hidden
	})
}

var keyWords = regexp.MustCompile(`[a-z0-9]+`)

// secretKey tells whether a query key names something that must not be shown.
func secretKey(name string) bool {
	// apiKey and api-key are the same two words
	var words strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) {
			words.WriteByte(' ')
		}
		words.WriteRune(unicode.ToLower(c))
	}
	lower := strings.ToLower(name)
	for _, part := range []string{"token", "secret", "passw", "credential", "signature", "apikey", "accesskey", "session"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	for _, text := range []string{words.String(), lower} {
		for _, word := range keyWords.FindAllString(text, -1) {
			switch word {
			case "key", "auth", "authorization", "pass", "pwd", "sig", "jwt", "hmac", "sid", "pin":
				return true
			}
			if strings.HasSuffix(word, "auth") || strings.HasPrefix(word, "oauth") {
				return true
			}
		}
	}
	return false
}

// publicURL is what readers may know of a source's address. Readers learn nothing
// of files on this machine, and nothing that came from the environment or a file.
func publicURL(u *url.URL, s scalar) string {
	if u.Scheme == "file" {
		return ""
	}
	shown := *u
	shown.User, shown.Fragment, shown.RawFragment = nil, "", ""
	if s.file {
		return shown.Scheme + "://" + shown.Host + "/" + hidden
	}
	path, query := shown.EscapedPath(), hideQuery("?" + shown.RawQuery)[1:]
	for _, secret := range s.supplied {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.PathEscape(secret), url.QueryEscape(secret)} {
			path = strings.ReplaceAll(path, form, hidden)
			query = strings.ReplaceAll(query, form, hidden)
		}
	}
	if strings.Trim(path, "/*") == "" && path != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	address := shown.Scheme + "://" + shown.Host + path
	if query != "" {
		address += "?" + query
	}
	return address
}

// sameURL is equal for addresses that fetch the same document.
func sameURL(src feed.Source) string {
	u, err := url.Parse(src.FeedURL)
	if err != nil {
		return src.FeedURL
	}
	host := strings.ToLower(u.Hostname())
	if port := u.Port(); port != "" && (u.Scheme != "http" || port != "80") && (u.Scheme != "https" || port != "443") {
		host += ":" + port
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + src.Username + "@" + host + path + "?" + u.RawQuery
}

// feedURL reads the address of a source into it: user info moves to the source's
// auth, a fragment goes.
func (r *reader) feedURL(n *yaml.Node, src *sourceDraft) {
	src.urlAt = n
	u, s, ok := r.url(n, "https", "http", "file")
	if !ok {
		return
	}
	if u.User != nil {
		src.Username = u.User.Username()
		password, _ := u.User.Password()
		src.Password = feed.Secret(password)
		src.userInURL = true
	}
	src.URL = publicURL(u, s)
	u.User, u.Fragment, u.RawFragment = nil, "", ""
	src.FeedURL = u.String()
	src.address = u
	if shown, err := url.Parse(src.URL); err == nil && src.URL != "" {
		src.named = shown
	} else {
		src.named = u
	}
}

// proxy reads the address of a proxy, or "" for none.
func (r *reader) proxy(n *yaml.Node, into *feed.Secret) {
	if s, ok := r.text(n); !ok || s.text == "" {
		return
	}
	u, s, ok := r.url(n, "http", "https", "socks5", "socks5h")
	switch {
	case !ok:
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		r.problem(n, "a proxy is a host and a port, as in http://proxy.example:3128")
	default:
		*into = feed.Secret(s.text)
	}
}

// siteURL reads the address of a page for people, or "" for none.
func (r *reader) siteURL(n *yaml.Node, into *string) {
	if s, ok := r.text(n); !ok || s.text == "" {
		return
	}
	u, _, ok := r.url(n, "https", "http")
	switch {
	case !ok:
	case u.User != nil:
		r.problem(n, "must not hold a user name or password: readers see it")
	default:
		*into = u.String()
	}
}

// baseURL reads where readers reach the daemon. It ends in a slash.
func (r *reader) baseURL(n *yaml.Node, into *string) {
	u, _, ok := r.url(n, "https", "http")
	if !ok {
		return
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		r.problem(n, "is scheme, host and perhaps a path, nothing else, as in https://news.example.org/")
		return
	}
	u.RawPath = ""
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	*into = u.String()
}

// mostHubs bounds who is told of every change.
const mostHubs = 10

// hubs reads the addresses of WebSub hubs, which everybody will read in the feeds.
func (r *reader) hubs(n *yaml.Node, into *[]string) {
	r.lines(n, anyText, func(n *yaml.Node, text string) {
		u, problem := parseURL(text, text, []string{"https", "http"})
		switch {
		case problem != "":
			r.problem(n, "%s", problem)
		case u.User != nil || u.Fragment != "":
			r.problem(n, "a hub is an address that everybody may know, without a password or a fragment")
		case len(*into) == mostHubs:
			r.problem(n, "is one hub too many: at most %d", mostHubs)
		default:
			*into = append(*into, text)
		}
	})
}
