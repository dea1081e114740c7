package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sangam/feed"
)

// ErrByHand means that the file is written in a way that the change cannot be made
// without touching something else. The file is left as it is.
var ErrByHand = errors.New("this file has to be edited by hand")

// NewSource is a source to be added. Only URL is needed.
type NewSource struct {
	ID, Name, URL, Site, Language string
	Categories                    []string
	Schedule                      string
	Paused                        bool
}

// Edit changes the configuration at path: change makes the changes, and when it
// returns nil the file is replaced in one step, its mode kept. Every byte that a
// change does not concern stays as it is: comments, order, quotes, line ends. A file
// that has mistakes, or would have them afterwards, is not touched; the error is
// then a Problems. A file that somebody else changes meanwhile is not touched either.
func Edit(path string, lookupEnv func(string) (string, bool), change func(*File) error) error {
	data, problem := readFile(path)
	if problem != nil {
		return Problems{*problem}
	}
	f := &File{path: path, lookup: lookupEnv}
	if err := f.take(data); err != nil {
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	if bytes.Equal(f.data, data) {
		return nil
	}
	return replaceFile(path, data, f.data)
}

// File is a configuration file that is being edited: its bytes, always free of
// mistakes, and what they mean.
type File struct {
	path   string
	lookup func(string) (string, bool)
	data   []byte
	cfg    *Config
	draft  *draft
}

// Config is what the file, as changed so far, means.
func (f *File) Config() *Config { return f.cfg }

// Bytes is the file as changed so far.
func (f *File) Bytes() []byte { return slices.Clone(f.data) }

// take makes data the file, if it has no mistakes.
func (f *File) take(data []byte) error {
	cfg, draft, problems := parse(f.path, data, f.lookup)
	if len(problems) > 0 {
		return problems
	}
	f.data, f.cfg, f.draft = data, cfg, draft
	return nil
}

// AddSources writes sources at the end of the list, in the style of those that are
// there; a list in brackets gets them at its front. Sources whose address is there
// already are left out, as are doubled ones among add; it returns how many were added.
func (f *File) AddSources(add ...NewSource) (int, error) {
	known := map[string]bool{}
	for _, src := range f.cfg.Sources {
		known[sameURL(src)] = true
	}
	var fresh []*yaml.Node
	for _, source := range add {
		there, err := probe(source.URL)
		if err != nil {
			return 0, err
		}
		if key := sameURL(there); !known[key] {
			known[key] = true
			fresh = append(fresh, source.node())
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	t := newText(f.data, f.draft)
	return len(fresh), f.change(t.addItems(fresh), func(sources *yaml.Node) {
		if sources.Style&yaml.FlowStyle != 0 {
			sources.Content = slices.Concat(fresh, sources.Content)
			return
		}
		sources.Content = append(sources.Content, fresh...)
	})
}

// RemoveSource takes a source out of the list, with its own lines of comment: those
// within it, and those right above it without a blank line between.
func (f *File) RemoveSource(id string) error {
	i, err := f.find(id)
	if err != nil {
		return err
	}
	t := newText(f.data, f.draft)
	return f.change(t.removeItem(i), func(sources *yaml.Node) {
		sources.Content = slices.Delete(sources.Content, i, i+1)
	})
}

// SetPaused pauses a source, or lets it go on. It is not an error if that is how it
// is already.
func (f *File) SetPaused(id string, paused bool) error {
	i, err := f.find(id)
	if err != nil {
		return err
	}
	if f.cfg.Sources[i].Paused == paused {
		return nil
	}
	t := newText(f.data, f.draft)
	return f.change(t.setItem(i, "paused", fmt.Sprint(paused)), func(sources *yaml.Node) {
		item, value := sources.Content[i], &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(paused)}
		for j := 0; j+1 < len(item.Content); j += 2 {
			if item.Content[j].Value == "paused" {
				item.Content[j+1] = value
				return
			}
		}
		item.Content = append(item.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: "paused"}, value)
	})
}

// find returns the place of a source in the list.
func (f *File) find(id string) (int, error) {
	i := slices.IndexFunc(f.cfg.Sources, func(src feed.Source) bool { return src.ID == id })
	if i < 0 {
		return 0, f.cfg.NoSource(id)
	}
	return i, nil
}

// change takes the first of the candidates whose tree is the old one after expect
// has changed its list of sources. That is the proof that nothing else was touched.
func (f *File) change(candidates [][]byte, expect func(sources *yaml.Node)) error {
	_, old, problems := parse(f.path, f.data, f.lookup)
	if len(problems) > 0 {
		return problems // a file of secrets has gone meanwhile
	}
	expect(old.sourcesAt)
	refused := fmt.Errorf("%s:%d: this list of sources is written in a way that a command cannot change without touching more: %w",
		f.path, old.sourcesAt.Line, ErrByHand)
	before := f.cfg
	for _, data := range candidates {
		r := &reader{file: f.path}
		root := r.document(data)
		if root == nil || !equal(root, old.root) {
			continue
		}
		if refused = f.take(data); refused == nil {
			return renamed(before, f.cfg)
		}
	}
	return refused
}

// renamed refuses a change after which a source would go by another id, because two
// addresses make the same one: its history would be lost to it.
func renamed(before, after *Config) error {
	ids := map[string]string{}
	for _, src := range before.Sources {
		ids[sameURL(src)] = src.ID
	}
	for _, src := range after.Sources {
		if id, known := ids[sameURL(src)]; known && id != src.ID {
			return fmt.Errorf("source %q has no id of its own and would be called %q from now on; give it its id first", id, src.ID)
		}
	}
	return nil
}

// equal tells whether two trees mean the same. The order of keys is not part of it.
func equal(a, b *yaml.Node) bool {
	if a.Kind == yaml.AliasNode || b.Kind == yaml.AliasNode {
		return a.Kind == b.Kind && a.Value == b.Value
	}
	if a.Kind != b.Kind || a.Tag != b.Tag || a.Value != b.Value || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind != yaml.MappingNode {
		return slices.EqualFunc(a.Content, b.Content, equal)
	}
	values := map[string]*yaml.Node{}
	for i := 0; i+1 < len(a.Content); i += 2 {
		values[a.Content[i].Value] = a.Content[i+1]
	}
	for i := 0; i+1 < len(b.Content); i += 2 {
		if v := values[b.Content[i].Value]; v == nil || !equal(v, b.Content[i+1]) {
			return false
		}
	}
	return true
}

// node is the source as a mapping.
func (s NewSource) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	put := func(name string, value *yaml.Node) {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, value)
	}
	text := func(s string) *yaml.Node {
		s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " ")
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ReplaceAll(s, "${", "$${")}
	}
	for _, field := range []struct{ name, value string }{
		{"id", s.ID}, {"name", s.Name}, {"url", s.URL}, {"site", s.Site}, {"language", s.Language},
	} {
		if field.value != "" {
			put(field.name, text(field.value))
		}
	}
	if len(s.Categories) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
		for _, category := range s.Categories {
			list.Content = append(list.Content, text(category))
		}
		put("categories", list)
	}
	if s.Schedule != "" {
		put("schedule", text(s.Schedule))
	}
	if s.Paused {
		put("paused", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	return n
}
