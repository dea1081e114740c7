package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sangam/alarm"
	"sangam/feed"
)

// Change is what is different between two configurations. Lists are sorted.
type Change struct {
	Added, Removed []string // ids of sources
	Addresses      []string // ids of sources that are fetched from elsewhere now, or with other credentials
	Schedules      []string // ids of sources with another schedule
	Paused         []string // ids of sources
	Resumed        []string // ids of sources
	Changed        []string // ids of sources changed in another way
	Views          []string // ids of feeds added, removed or changed
	Settings       []string // keys outside sources and feeds, as in "stories.window"
}

// Diff says what a change from old to new means.
func Diff(old, new *Config) Change {
	var c Change
	before := map[string]feed.Source{}
	for _, src := range old.Sources {
		before[src.ID] = src
	}
	for _, src := range new.Sources {
		was, known := before[src.ID]
		delete(before, src.ID)
		if !known {
			c.Added = append(c.Added, src.ID)
			continue
		}
		c.source(was, src)
	}
	c.Removed = slices.Sorted(maps.Keys(before))
	c.views(old, new)
	c.Settings = settings(old, new)
	for _, ids := range []*[]string{&c.Added, &c.Addresses, &c.Schedules, &c.Paused, &c.Resumed, &c.Changed, &c.Views} {
		slices.Sort(*ids)
	}
	return c
}

// source notes how one source has changed. What all sources share is a setting.
func (c *Change) source(was, is feed.Source) {
	note := func(list *[]string, differs bool) {
		if differs {
			*list = append(*list, is.ID)
		}
	}
	note(&c.Addresses, was.FeedURL != is.FeedURL || was.Username != is.Username || was.Password != is.Password ||
		!maps.Equal(was.Headers, is.Headers) || was.Proxy != is.Proxy)
	note(&c.Schedules, was.Schedule != is.Schedule)
	note(&c.Paused, !was.Paused && is.Paused)
	note(&c.Resumed, was.Paused && !is.Paused)
	a, b := was.Outlet, is.Outlet
	note(&c.Changed, a.Name != b.Name || a.Site != b.Site || a.Language != b.Language || a.Direction != b.Direction ||
		a.Priority != b.Priority || a.MaxPerDay != b.MaxPerDay || a.Apart != b.Apart || !slices.Equal(a.Categories, b.Categories) || !slices.Equal(a.Credits, b.Credits) ||
		!samePatterns(was.Include, is.Include) || !samePatterns(was.Exclude, is.Exclude) ||
		was.UserAgent != is.UserAgent || was.InsecureTLS != is.InsecureTLS)
}

func samePatterns(a, b []*regexp.Regexp) bool {
	return slices.EqualFunc(a, b, func(a, b *regexp.Regexp) bool { return a.String() == b.String() })
}

func (c *Change) views(old, new *Config) {
	before := map[string]feed.View{}
	for _, view := range old.Views {
		before[view.ID] = view
	}
	for _, view := range new.Views {
		was, known := before[view.ID]
		delete(before, view.ID)
		if !known || !sameView(was, view) {
			c.Views = append(c.Views, view.ID)
		}
	}
	c.Views = slices.AppendSeq(c.Views, maps.Keys(before))
}

func sameView(a, b feed.View) bool {
	return a.Title == b.Title && a.Description == b.Description && a.Language == b.Language && a.Items == b.Items &&
		slices.Equal(a.Query.Sources, b.Query.Sources) && slices.Equal(a.Query.Categories, b.Query.Categories) &&
		slices.Equal(a.Query.Languages, b.Query.Languages) &&
		samePatterns(a.Query.Include, b.Query.Include) && samePatterns(a.Query.Exclude, b.Query.Exclude)
}

// settings lists the keys outside sources and feeds whose values differ.
func settings(old, new *Config) []string {
	a, b := old.Fetch, new.Fetch
	var keys []string
	for _, setting := range []struct {
		key     string
		differs bool
	}{
		{"title", old.Title != new.Title},
		{"description", old.Description != new.Description},
		{"language", old.Language != new.Language},
		{"public_url", old.PublicURL != new.PublicURL},
		{"timezone", old.Timezone.String() != new.Timezone.String()},
		{"page", old.Page != new.Page},
		{"credits_line", old.CreditsLine != new.CreditsLine},
		{"hub", old.Hub != new.Hub},
		{"hub_networks", !slices.Equal(old.HubNetworks, new.HubNetworks)},
		{"hubs", !slices.Equal(old.Hubs, new.Hubs)},
		{"listen", old.Listen != new.Listen},
		{"admin", old.Admin != new.Admin},
		{"admin_token", old.AdminToken != new.AdminToken},
		{"data", old.Data != new.Data},
		{"log", old.Log != new.Log},
		{"fetch.timeout", a.Timeout != b.Timeout},
		{"fetch.max_body", a.MaxBody != b.MaxBody},
		{"fetch.concurrency", old.Concurrency != new.Concurrency},
		{"fetch.per_host", a.PerHost != b.PerHost},
		{"fetch.allow_networks", !slices.Equal(a.AllowNetworks, b.AllowNetworks)},
		{"stories.window", old.Window != new.Window},
		{"stories.near_duplicates", old.NearDuplicates != new.NearDuplicates},
		{"keep", old.Keep != new.Keep},
		{"backup", old.Backup != new.Backup},
		{"webhooks", !alarm.Same(old.Webhooks, new.Webhooks)},
		{"cluster", !reflect.DeepEqual(old.Cluster, new.Cluster)},
	} {
		if setting.differs {
			keys = append(keys, setting.key)
		}
	}
	return keys
}

// Empty tells whether nothing is different.
func (c Change) Empty() bool { return c.String() == "no change" }

// String is the change in one line: "+2 sources, −1, 3 schedules changed".
func (c Change) String() string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch added, removed := len(c.Added), len(c.Removed); {
	case added > 0 && removed > 0:
		add("+%s, −%d", count(added, "source"), removed)
	case added > 0:
		add("+%s", count(added, "source"))
	case removed > 0:
		add("−%s", count(removed, "source"))
	}
	for _, kind := range []struct {
		ids        []string
		noun, verb string
	}{
		{c.Schedules, "schedule", "changed"},
		{c.Addresses, "address", "changed"},
		{c.Paused, "source", "paused"},
		{c.Resumed, "source", "resumed"},
		{c.Changed, "source", "changed"},
		{c.Views, "feed", "changed"},
	} {
		if len(kind.ids) > 0 {
			add("%s %s", count(len(kind.ids), kind.noun), kind.verb)
		}
	}
	if len(c.Settings) > 0 {
		add("%s changed", strings.Join(c.Settings, ", "))
	}
	if len(parts) == 0 {
		return "no change"
	}
	return strings.Join(parts, ", ")
}

func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
