package config

import (
	"cmp"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sangam/schedule"
)

// schedule reads a cron line.
func (r *reader) schedule(n *yaml.Node, into *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	const longest = 200 // a cron line in use has 30 characters
	if len(s.text) > longest {
		r.problem(n, "is longer than %d characters", longest)
		return
	}
	err, known := r.cron[s.text]
	if !known {
		_, err = schedule.Parse(s.text)
		if r.cron == nil {
			r.cron = map[string]error{}
		}
		r.cron[s.text] = err
	}
	if err != nil {
		r.problem(n, "%s", strings.Join(strings.Fields(err.Error()), " "))
		return
	}
	*into = s.text
}

// settle makes what was written complete: defaults, and what two places of the file
// must agree on.
func (r *reader) settle(d *draft) {
	r.key = ""
	if d.sourcesAt == nil && !r.has(`key "sources"`) {
		r.whole("no sources; %s", least)
	}
	if d.sourcesAt != nil && d.sourcesAt.Kind == yaml.SequenceNode && len(d.sourcesAt.Content) == 0 {
		r.warn(d.sourcesAt, "no sources: the merged feed stays empty")
	}
	for _, src := range d.sources {
		r.settleSource(src, d)
	}
	r.settleIDs(d.sources)
	r.settleAddresses(d.sources)
	for _, src := range d.sources {
		d.Sources = append(d.Sources, src.Source)
	}
	r.settleViews(d)
	r.settleHooks(d)
	r.settleCluster(d)
	r.settleDaemon(d)
}

func (r *reader) has(message string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return len(p.Message) >= len(message) && p.Message[:len(message)] == message })
}

// settleDaemon completes what belongs to no source.
func (r *reader) settleDaemon(d *draft) {
	if !filepath.IsAbs(d.Data) {
		d.Data = filepath.Join(r.dir, d.Data)
	}
	d.Data = filepath.Clean(d.Data)
	if d.Backup.Dir != "" {
		if !filepath.IsAbs(d.Backup.Dir) {
			d.Backup.Dir = filepath.Join(r.dir, d.Backup.Dir)
		}
		d.Backup.Dir = filepath.Clean(d.Backup.Dir)
	}
	_, port, _ := net.SplitHostPort(d.Listen)
	if d.Listen == d.Admin && port != "0" {
		r.problem(cmp.Or(d.adminAt, d.listenAt), "listen and admin are the same address, %s", d.Listen)
	}
	if d.PublicURL == "" {
		d.PublicURL = "http://" + reachable(d.Listen) + "/"
	}
	if host, _, _ := net.SplitHostPort(d.Admin); d.adminAt != nil && !loopback(host) && d.AdminToken == "" && !d.tokenGiven {
		r.problem(d.adminAt, "admin: %s can be reached from other machines and so needs an admin_token", d.Admin)
	}
	if d.Keep.Age > 0 && d.Keep.Age < d.Window {
		r.problem(cmp.Or(d.ageAt, d.windowAt), "keep.age (%s) is shorter than stories.window (%s): originals would be gone before their copies come",
			writeDuration(d.Keep.Age), writeDuration(d.Window))
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// reachable is where this machine reaches what listens at an address.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen // told already
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	if port == "80" {
		if net.ParseIP(host) != nil && net.ParseIP(host).To4() == nil {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}

// settleSource fills in what the source leaves to others.
func (r *reader) settleSource(src *sourceDraft, d *draft) {
	if src.urlAt == nil && src.at.Kind == yaml.MappingNode && !mentions(src.at, "url", "url_file") {
		r.problem(src.at, `a source without the key "url"`)
	}
	if src.userInURL && src.authAt != nil {
		r.problem(src.authAt, "user and password are given twice: in url and in auth")
	}
	if src.authorization && (src.userInURL || src.authAt != nil) {
		r.problem(src.headersAt, "Authorization is given twice: in headers and as user and password")
	}
	if src.Schedule == "" {
		src.Schedule = d.Fetch.Schedule
	}
	if !src.proxyGiven {
		src.Proxy = d.Fetch.Proxy
	}
	if src.Name == "" && src.address != nil {
		src.Name, src.Unnamed = defaultName(src.named), true
	}
	src.Timeout, src.MaxBody, src.PerHost = d.Fetch.Timeout, d.Fetch.MaxBody, d.Fetch.PerHost
	src.AllowNetworks = d.Fetch.AllowNetworks
	secret := src.Password != "" || len(src.Headers) > 0
	switch {
	case src.address == nil:
	case src.address.Scheme == "http" && secret:
		r.warn(src.at, "source %s sends its password or headers over http, readable by everyone on the way", src.Name)
	case src.InsecureTLS && secret:
		r.warn(src.at, "source %s sends its password or headers to whoever answers (insecure_tls)", src.Name)
	}
}

func mentions(n *yaml.Node, names ...string) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if slices.Contains(names, n.Content[i].Value) {
			return true
		}
	}
	return false
}

// settleIDs gives an id to each source that has none, and refuses doubled ones.
// Where two addresses would make the same id, each gets a part of its own address's
// hash, except the one that sorts first: the order of the file never matters.
func (r *reader) settleIDs(sources []*sourceDraft) {
	taken := map[string]*sourceDraft{}
	var unnamed []*sourceDraft
	for _, src := range sources {
		switch first := taken[src.ID]; {
		case src.ID == "":
			unnamed = append(unnamed, src)
		case first != nil:
			r.problem(src.idAt, "id %q is taken by the source in line %d", src.ID, first.idAt.Line)
		default:
			taken[src.ID] = src
		}
	}
	unnamed = slices.DeleteFunc(unnamed, func(src *sourceDraft) bool { return src.address == nil || src.idAt != nil })
	slices.SortStableFunc(unnamed, func(a, b *sourceDraft) int { return cmp.Compare(a.FeedURL, b.FeedURL) })
	for _, src := range unnamed {
		id := defaultID(src.named)
		if taken[id] != nil {
			r.warn(src.at, "two sources would be called %q; give this one an id of its own", id)
			id = id[:min(len(id), longestID-9)] + "-" + short(src.FeedURL+"\x00"+src.Username)
		}
		if taken[id] == nil { // else it is the same address twice, which is told
			taken[id] = src
		}
		src.ID = id
	}
}

// settleAddresses refuses sources that fetch the same document.
func (r *reader) settleAddresses(sources []*sourceDraft) {
	first := map[string]*sourceDraft{}
	for _, src := range sources {
		if src.address == nil {
			continue
		}
		key := sameURL(src.Source)
		if before := first[key]; before != nil {
			r.problem(src.urlAt, "url is the same as that of the source in line %d", before.urlAt.Line)
			continue
		}
		first[key] = src
	}
}

// settleViews checks that feeds name what exists.
func (r *reader) settleViews(d *draft) {
	ids, categories := map[string]bool{}, map[string]bool{}
	for _, src := range d.sources {
		ids[src.ID] = src.ID != ""
		for _, category := range src.Categories {
			categories[category] = true
		}
	}
	taken := map[string]*viewDraft{}
	for _, view := range d.views {
		first := taken[view.ID]
		switch {
		case view.idAt == nil && view.at.Kind == yaml.MappingNode:
			r.problem(view.at, `a feed without the key "id"`)
		case view.ID == "":
		case first != nil:
			r.problem(view.idAt, "id %q is taken by the feed in line %d", view.ID, first.idAt.Line)
		default:
			taken[view.ID] = view
		}
		if view.Title == "" {
			view.Title = view.ID
		}
		if view.Language == "" && len(view.Query.Languages) == 1 {
			view.Language = view.Query.Languages[0]
		}
		r.exist("source", view.Query.Sources, view.sources, ids)
		r.exist("category", view.Query.Categories, view.categories, categories)
		d.Views = append(d.Views, view.View)
	}
}

// exist reports the names that are not among the existing.
func (r *reader) exist(what string, names []string, at []*yaml.Node, existing map[string]bool) {
	for i, name := range names {
		if existing[name] {
			continue
		}
		hint := ""
		if len(existing) <= 1000 && len(r.problems) < mostProblems { // looking for a likeness in more takes too long
			hint = meant(name, sortedKeys(existing))
		}
		r.problem(at[i], "no source has the %s %s%s", map[string]string{"source": "id", "category": "category"}[what], quote(name), hint)
	}
}

func sortedKeys(set map[string]bool) []string {
	var keys []string
	for key, in := range set {
		if in {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
