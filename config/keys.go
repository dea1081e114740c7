package config

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
	"golang.org/x/net/http/httpguts"

	"sangam/feed"
)

// The defaults. What has none here is empty, or said in settle.
const (
	defaultTitle       = "Sangam"
	defaultDescription = "Many feeds, one river: every story once."
	defaultListen      = "127.0.0.1:8080"
	defaultAdmin       = "127.0.0.1:8081"
	defaultData        = "data"
	defaultSchedule    = "*/15 * * * *"
	defaultItems       = 100
)

const (
	mostSources = 50_000 // five times what one daemon is built for
	mostViews   = 10_000
)

// draft is a file as written, on its way to being a Config.
type draft struct {
	Config
	views   []*viewDraft
	hooks   []*hookDraft
	sources []*sourceDraft

	tokenGiven bool

	root, sourcesAt, listenAt, adminAt, windowAt, ageAt, clusterAt *yaml.Node
}

// sourceDraft is a source, and where it said so.
type sourceDraft struct {
	feed.Source
	address, named                       *url.URL // to be fetched; to make an id and a name of
	at, idAt, urlAt, authAt, headersAt   *yaml.Node
	userInURL, proxyGiven, authorization bool
}

// viewDraft is a feed with the names it wants to be about.
type viewDraft struct {
	feed.View
	at, idAt            *yaml.Node
	sources, categories []*yaml.Node
}

func newDraft() *draft {
	return &draft{
		Config: Config{
			Title: defaultTitle, Description: defaultDescription, Listen: defaultListen, Admin: defaultAdmin, Data: defaultData,
			Timezone: time.UTC, Page: Page{Pictures: true, Script: true}, CreditsLine: true,
			Log:         Log{Format: "text"},
			Concurrency: 32, Window: 72 * time.Hour, NearDuplicates: true,
			Fetch:  Fetch{Timeout: 30 * time.Second, MaxBody: 16 << 20, PerHost: feed.PerHost{Concurrency: 1, Interval: time.Second}, Schedule: defaultSchedule},
			Keep:   Keep{Age: 90 * 24 * time.Hour, PerSource: 10000},
			Backup: Backup{Every: 24 * time.Hour, Keep: 7},
		},
	}
}

// rootKeys are the keys at the top of the file. It is filled in by init because the
// hint about a misplaced key looks at all of them.
var rootKeys []key[draft]

func init() {
	rootKeys = []key[draft]{
		{name: "title", read: func(r *reader, n *yaml.Node, d *draft) { r.line(n, &d.Title) }},
		{name: "description", read: func(r *reader, n *yaml.Node, d *draft) { r.paragraph(n, &d.Description) }},
		{name: "language", read: func(r *reader, n *yaml.Node, d *draft) { r.language(n, &d.Language) }},
		{name: "timezone", read: func(r *reader, n *yaml.Node, d *draft) { r.timezone(n, &d.Timezone) }},
		{name: "page", sub: keyNames(pageKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "page", pageKeys, &d.Page) }},
		{name: "credits_line", read: func(r *reader, n *yaml.Node, d *draft) { r.boolean(n, &d.CreditsLine) }},
		{name: "public_url", read: func(r *reader, n *yaml.Node, d *draft) { r.baseURL(n, &d.PublicURL) }},
		{name: "hub", read: func(r *reader, n *yaml.Node, d *draft) { r.boolean(n, &d.Hub) }},
		{name: "hub_networks", read: func(r *reader, n *yaml.Node, d *draft) { r.networks(n, &d.HubNetworks) }},
		{name: "hubs", read: func(r *reader, n *yaml.Node, d *draft) { r.hubs(n, &d.Hubs) }},
		{name: "listen", read: func(r *reader, n *yaml.Node, d *draft) { d.listenAt = n; r.address(n, &d.Listen) }},
		{name: "admin", read: func(r *reader, n *yaml.Node, d *draft) { d.adminAt = n; r.address(n, &d.Admin) }},
		{name: "admin_token", file: true, read: (*reader).adminToken},
		{name: "data", read: func(r *reader, n *yaml.Node, d *draft) { r.line(n, &d.Data) }},
		{name: "log", sub: keyNames(logKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "log", logKeys, &d.Log) }},
		{name: "fetch", sub: keyNames(fetchKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "fetch", fetchKeys, d) }},
		{name: "stories", sub: keyNames(storyKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "stories", storyKeys, d) }},
		{name: "keep", sub: keyNames(keepKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "keep", keepKeys, d) }},
		{name: "backup", sub: keyNames(backupKeys), read: func(r *reader, n *yaml.Node, d *draft) { section(r, n, "backup", backupKeys, &d.Backup) }},
		{name: "webhooks", many: true, sub: keyNames(hookKeys), read: (*reader).webhooks},
		{name: "cluster", sub: keyNames(clusterKeys), read: (*reader).cluster},
		{name: "feeds", many: true, sub: keyNames(viewKeys), read: func(r *reader, n *yaml.Node, d *draft) {
			r.sections(n, mostViews, func(n *yaml.Node) {
				view := &viewDraft{View: feed.View{Items: defaultItems}, at: n}
				section(r, n, "feeds", viewKeys, view)
				d.views = append(d.views, view)
			})
		}},
		{name: "sources", many: true, sub: keyNames(sourceKeys), read: func(r *reader, n *yaml.Node, d *draft) {
			d.sourcesAt = n
			r.sections(n, mostSources, func(n *yaml.Node) {
				src := &sourceDraft{at: n}
				section(r, n, "sources", sourceKeys, src)
				d.sources = append(d.sources, src)
			})
		}},
	}
}

// Keys lists every key that Load accepts, as paths: "title", "fetch.per_host.interval",
// "sources[].url". Keys below "headers" are header names, the operator's own choice.
func Keys() []string { return keyNames(rootKeys) }

var logKeys = []key[Log]{
	{name: "level", read: func(r *reader, n *yaml.Node, l *Log) {
		word := "info"
		r.choice(n, &word, "debug", "info", "warn", "error")
		_ = l.Level.UnmarshalText([]byte(word)) // these four it knows
	}},
	{name: "format", read: func(r *reader, n *yaml.Node, l *Log) { r.choice(n, &l.Format, "text", "json") }},
}

var pageKeys = []key[Page]{
	{name: "pictures", read: func(r *reader, n *yaml.Node, p *Page) { r.boolean(n, &p.Pictures) }},
	{name: "script", read: func(r *reader, n *yaml.Node, p *Page) { r.boolean(n, &p.Script) }},
}

var fetchKeys = []key[draft]{
	{name: "schedule", read: func(r *reader, n *yaml.Node, d *draft) { r.schedule(n, &d.Fetch.Schedule) }},
	{name: "timeout", read: func(r *reader, n *yaml.Node, d *draft) {
		r.duration(n, &d.Fetch.Timeout, time.Second, 10*time.Minute)
	}},
	{name: "max_body", read: func(r *reader, n *yaml.Node, d *draft) { r.size(n, &d.Fetch.MaxBody, 1<<10, mostBody) }},
	{name: "concurrency", read: func(r *reader, n *yaml.Node, d *draft) { r.number(n, &d.Concurrency, 1, 1000) }},
	{name: "per_host", sub: keyNames(perHostKeys), read: func(r *reader, n *yaml.Node, d *draft) {
		section(r, n, "per_host", perHostKeys, &d.Fetch.PerHost)
	}},
	{name: "allow_networks", read: func(r *reader, n *yaml.Node, d *draft) { r.networks(n, &d.Fetch.AllowNetworks) }},
	{name: "proxy", file: true, read: func(r *reader, n *yaml.Node, d *draft) { r.proxy(n, &d.Fetch.Proxy) }},
}

var perHostKeys = []key[feed.PerHost]{
	{name: "concurrency", read: func(r *reader, n *yaml.Node, p *feed.PerHost) { r.number(n, &p.Concurrency, 1, 32) }},
	{name: "interval", read: func(r *reader, n *yaml.Node, p *feed.PerHost) { r.duration(n, &p.Interval, 0, time.Hour) }},
}

var storyKeys = []key[draft]{
	{name: "window", read: func(r *reader, n *yaml.Node, d *draft) {
		d.windowAt = n
		r.duration(n, &d.Window, time.Hour, 60*24*time.Hour)
	}},
	{name: "near_duplicates", read: func(r *reader, n *yaml.Node, d *draft) { r.boolean(n, &d.NearDuplicates) }},
}

var keepKeys = []key[draft]{
	{name: "age", read: func(r *reader, n *yaml.Node, d *draft) {
		d.ageAt = n
		r.duration(n, &d.Keep.Age, 0, 100*365*24*time.Hour)
	}},
	{name: "per_source", read: func(r *reader, n *yaml.Node, d *draft) { r.number(n, &d.Keep.PerSource, 0, 100_000_000) }},
}

var backupKeys = []key[Backup]{
	{name: "dir", read: func(r *reader, n *yaml.Node, b *Backup) { r.line(n, &b.Dir) }},
	{name: "every", read: func(r *reader, n *yaml.Node, b *Backup) { r.duration(n, &b.Every, time.Minute, 365*24*time.Hour) }},
	{name: "keep", read: func(r *reader, n *yaml.Node, b *Backup) { r.number(n, &b.Keep, 1, 10_000) }},
}

var viewKeys = []key[viewDraft]{
	{name: "id", read: func(r *reader, n *yaml.Node, v *viewDraft) { v.idAt = n; r.id(n, &v.ID) }},
	{name: "title", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.line(n, &v.Title) }},
	{name: "description", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.paragraph(n, &v.Description) }},
	{name: "language", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.language(n, &v.Language) }},
	{name: "sources", read: func(r *reader, n *yaml.Node, v *viewDraft) {
		r.lines(n, anyText, func(n *yaml.Node, id string) {
			v.Query.Sources, v.sources = append(v.Query.Sources, id), append(v.sources, n)
		})
	}},
	{name: "categories", read: func(r *reader, n *yaml.Node, v *viewDraft) {
		r.lines(n, badCategory, func(n *yaml.Node, name string) {
			v.Query.Categories, v.categories = append(v.Query.Categories, name), append(v.categories, n)
		})
	}},
	{name: "languages", read: func(r *reader, n *yaml.Node, v *viewDraft) {
		r.lines(n, anyText, func(n *yaml.Node, text string) {
			tag, problem := parseLanguage(text)
			if problem != "" {
				r.problem(n, "%s", problem)
				return
			}
			v.Query.Languages = append(v.Query.Languages, tag)
		})
	}},
	{name: "include", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.patterns(n, &v.Query.Include) }},
	{name: "exclude", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.patterns(n, &v.Query.Exclude) }},
	{name: "items", read: func(r *reader, n *yaml.Node, v *viewDraft) { r.number(n, &v.Items, 1, 1000) }},
}

var sourceKeys = []key[sourceDraft]{
	{name: "id", read: func(r *reader, n *yaml.Node, s *sourceDraft) { s.idAt = n; r.id(n, &s.ID) }},
	{name: "name", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.line(n, &s.Name) }},
	{name: "url", file: true, read: (*reader).feedURL},
	{name: "site", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.siteURL(n, &s.Site) }},
	{name: "language", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.language(n, &s.Language) }},
	{name: "direction", read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		var word string
		r.choice(n, &word, string(feed.LeftToRight), string(feed.RightToLeft))
		s.Direction = feed.Direction(word)
	}},
	{name: "categories", read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		r.lines(n, badCategory, func(_ *yaml.Node, name string) { s.Categories = append(s.Categories, name) })
	}},
	{name: "schedule", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.schedule(n, &s.Schedule) }},
	{name: "credits", read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		r.lines(n, anyText, func(_ *yaml.Node, name string) { s.Credits = append(s.Credits, name) })
	}},
	{name: "priority", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.number(n, &s.Priority, -1000, 1000) }},
	{name: "max_per_day", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.number(n, &s.MaxPerDay, 0, 100_000) }},
	{name: "include", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.patterns(n, &s.Include) }},
	{name: "exclude", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.patterns(n, &s.Exclude) }},
	{name: "dedupe", read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		dedupe := !s.Apart
		r.boolean(n, &dedupe)
		s.Apart = !dedupe
	}},
	{name: "paused", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.boolean(n, &s.Paused) }},
	{name: "headers", read: (*reader).headers},
	{name: "auth", sub: keyNames(authKeys), read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		s.authAt = n
		var auth login
		section(r, n, "auth", authKeys, &auth)
		if s.userInURL {
			return // settle tells
		}
		s.Username, s.Password = auth.username, auth.password
	}},
	{name: "user_agent", read: func(r *reader, n *yaml.Node, s *sourceDraft) {
		r.optionalLine(n, &s.UserAgent)
		if !httpguts.ValidHeaderFieldValue(s.UserAgent) {
			r.problem(n, "cannot be sent as a header")
		}
	}},
	{name: "proxy", file: true, read: func(r *reader, n *yaml.Node, s *sourceDraft) { s.proxyGiven = true; r.proxy(n, &s.Proxy) }},
	{name: "insecure_tls", read: func(r *reader, n *yaml.Node, s *sourceDraft) { r.boolean(n, &s.InsecureTLS) }},
}

type login struct {
	username string
	password feed.Secret
}

var authKeys = []key[login]{
	{name: "username", file: true, read: func(r *reader, n *yaml.Node, a *login) {
		if s, ok := r.text(n); ok {
			a.username = s.text
			if strings.Contains(s.text, ":") {
				r.problem(n, "must not contain a colon (RFC 7617, 2)")
			}
		}
	}},
	{name: "password", file: true, read: func(r *reader, n *yaml.Node, a *login) {
		if s, ok := r.text(n); ok {
			a.password = feed.Secret(s.text)
		}
	}},
}

// shortestToken is the least that cannot be guessed over a network, in characters.
const shortestToken = 16

func (r *reader) adminToken(n *yaml.Node, d *draft) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	token := s.text
	d.tokenGiven = token != ""
	switch {
	case token == "":
	case len(token) < shortestToken:
		r.problem(n, "a token needs at least %d characters (openssl rand -hex 32 makes one)", shortestToken)
		return
	case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' }):
		r.problem(n, "a token has only letters, digits and signs of ASCII, no spaces")
		return
	}
	d.AdminToken = feed.Secret(token)
}

func (r *reader) id(n *yaml.Node, into *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	if problem := badID(s.text); problem != "" {
		r.problem(n, "%s", problem)
		return
	}
	*into = s.text
}

// badCategory says what is wrong with the name of a category, or "". It becomes one
// part of the path of a URL.
func badCategory(name string) string {
	switch {
	case strings.ContainsAny(name, `/\`):
		return quote(name) + " has a slash in it"
	case strings.Trim(name, ".") == "":
		return quote(name) + " is not a name"
	case len([]rune(name)) > longestID:
		return "is longer than 64 characters"
	}
	return ""
}

// ours are the request headers that fetching itself depends on.
var ours = map[string]string{
	"Host": "", "Connection": "", "Content-Length": "", "Transfer-Encoding": "", "Te": "", "Trailer": "", "Upgrade": "",
	"Accept-Encoding": "", "If-None-Match": "", "If-Modified-Since": "", "If-Range": "", "Range": "", "A-Im": "", "Expect": "",
	"Proxy-Authorization": "; put user and password into proxy", "User-Agent": "; use user_agent",
}

// headers reads the headers of a source. NAME_file reads the value from a file.
func (r *reader) headers(n *yaml.Node, src *sourceDraft) {
	src.headersAt = n
	outer := r.key
	defer func() { r.key = outer }()
	src.Headers = map[string]feed.Secret{}
	r.pairs(n, func(k, v *yaml.Node, _ map[string]int) {
		r.key = "headers"
		name := k.Value
		if stem, ok := strings.CutSuffix(name, "_file"); ok {
			if name = stem; !r.headerName(k, name, src) {
				return
			}
			if v = r.fileText(v); v == nil {
				return
			}
		} else if !r.headerName(k, name, src) {
			return
		}
		s, ok := r.text(v)
		if !ok {
			return
		}
		if !httpguts.ValidHeaderFieldValue(s.text) {
			r.problem(v, "the value of %s cannot be sent: it has control characters in it", quote(name))
			return
		}
		src.Headers[http.CanonicalHeaderKey(name)] = feed.Secret(s.text)
	})
}

func (r *reader) headerName(k *yaml.Node, name string, src *sourceDraft) bool {
	canonical := http.CanonicalHeaderKey(name)
	hint, isOurs := ours[canonical]
	_, twice := src.Headers[canonical]
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		r.problem(k, "%s is not the name of a header", quote(name))
	case isOurs:
		r.problem(k, "%s is sent by Sangam itself%s", canonical, hint)
	case twice:
		r.problem(k, "%s is given twice", canonical)
	default:
		src.authorization = src.authorization || canonical == "Authorization"
		return true
	}
	return false
}

// mostBody is the largest document that the parser reads.
const mostBody = 32 << 20
