package config

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"sangam/alarm"
	"sangam/feed"
)

const mostWebhooks = 100

// hookDraft is a receiver of events, and where it said so.
type hookDraft struct {
	alarm.Hook
	at *yaml.Node
}

var hookKeys = []key[hookDraft]{
	{name: "url", file: true, read: func(r *reader, n *yaml.Node, h *hookDraft) {
		if _, s, ok := r.url(n, "https", "http"); ok {
			h.URL = feed.Secret(s.text)
		}
	}},
	{name: "events", read: func(r *reader, n *yaml.Node, h *hookDraft) {
		h.Events = nil
		r.lines(n, badEvent, func(_ *yaml.Node, name string) { h.Events = append(h.Events, feed.Kind(name)) })
	}},
	{name: "template", read: func(r *reader, n *yaml.Node, h *hookDraft) {
		s, ok := r.text(n)
		if !ok {
			return
		}
		if err := alarm.Check(s.text); err != nil {
			r.problem(n, "%s", strings.Join(strings.Fields(err.Error()), " "))
			return
		}
		h.Template = s.text
	}},
	{name: "secret", file: true, read: func(r *reader, n *yaml.Node, h *hookDraft) {
		if s, ok := r.text(n); ok {
			h.Secret = feed.Secret(s.text)
		}
	}},
	{name: "headers", read: func(r *reader, n *yaml.Node, h *hookDraft) {
		var of sourceDraft
		r.headers(n, &of)
		h.Headers = of.Headers
	}},
	{name: "after", read: func(r *reader, n *yaml.Node, h *hookDraft) { r.duration(n, &h.After, 0, 30*24*time.Hour) }},
}

// usualEvents are told unless the operator says otherwise.
func usualEvents() []feed.Kind {
	return []feed.Kind{feed.Failing, feed.Recovered, feed.Silent, feed.Gone}
}

func badEvent(name string) string {
	if slices.Contains(feed.Kinds(), feed.Kind(name)) {
		return ""
	}
	var names []string
	for _, kind := range feed.Kinds() {
		names = append(names, string(kind))
	}
	return quote(name) + " is none of " + strings.Join(names, ", ") + meant(name, names)
}

func (r *reader) webhooks(n *yaml.Node, d *draft) {
	r.sections(n, mostWebhooks, func(n *yaml.Node) {
		hook := &hookDraft{Hook: alarm.Hook{Events: usualEvents(), Template: alarm.JSON}, at: n}
		section(r, n, "webhooks", hookKeys, hook)
		d.hooks = append(d.hooks, hook)
	})
}

// settleHooks completes the receivers of events.
func (r *reader) settleHooks(d *draft) {
	for _, hook := range d.hooks {
		if hook.at.Kind == yaml.MappingNode && !mentions(hook.at, "url", "url_file") {
			r.problem(hook.at, `a webhook without the key "url"`)
		}
		hook.AllowNetworks = d.Fetch.AllowNetworks
		d.Webhooks = append(d.Webhooks, hook.Hook)
	}
}
