package config

import (
	"cmp"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"sangam/feed"
)

// Probe is the source that an address is in this configuration, or would be if it
// were added to it: known says which. A user name and password in the address are
// used. The error says what is wrong with the address, without secrets.
func (c *Config) Probe(address string) (src feed.Source, known bool, err error) {
	src, err = probe(address)
	if err != nil {
		return src, false, err
	}
	for _, there := range c.Sources {
		if sameURL(there) == sameURL(src) || src.Username == "" && there.FeedURL == src.FeedURL {
			return there, true, nil
		}
	}
	src.Schedule, src.Proxy = c.Fetch.Schedule, c.Fetch.Proxy
	src.Timeout, src.MaxBody, src.PerHost, src.AllowNetworks = c.Fetch.Timeout, c.Fetch.MaxBody, c.Fetch.PerHost, c.Fetch.AllowNetworks
	return src, false, nil
}

// probe is the source of an address alone, with the id and name it would have.
func probe(address string) (feed.Source, error) {
	var draft sourceDraft
	r := &reader{}
	r.feedURL(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ReplaceAll(address, "${", "$${")}, &draft)
	if len(r.problems) > 0 {
		_, problem := parseURL(address, address, []string{"https", "http", "file"})
		return feed.Source{}, fmt.Errorf("url: %s", cmp.Or(problem, r.problems[0].Message))
	}
	draft.ID, draft.Name, draft.Unnamed = defaultID(draft.named), defaultName(draft.named), true
	return draft.Source, nil
}
