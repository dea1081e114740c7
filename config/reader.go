package config

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// reader goes through a file's tree and remembers what is wrong with it.
type reader struct {
	file, dir  string // the file's path as given, and the directory that names in it are relative to
	lookup     func(string) (string, bool)
	problems   Problems
	unreported int
	warnings   []Problem
	visited    int
	key        string                    // what is being read, as messages call it
	supplied   map[string]bool           // values that came from the environment or files: never in messages
	compiled   map[string]*regexp.Regexp // expressions read so far
	cron       map[string]error          // what became of schedules: most sources have the same few
}

// mostVisits bounds how many values are read, so that aliases that stand for lists
// of aliases come to an end. A file without aliases cannot reach it.
const mostVisits = 2 * mostTokens

// A key is one setting of a section T: its name, and how its value gets into T.
type key[T any] struct {
	name string
	read func(r *reader, n *yaml.Node, into *T) // n is no alias
	file bool                                   // NAME_file may stand for it: the value is then read from that file
	many bool                                   // a list of sections
	sub  []string                               // names of the keys below it, as in "per_host.interval"
}

func (k key[T]) names() []string {
	names := []string{k.name}
	if k.file {
		names = append(names, k.name+"_file")
	}
	return names
}

// keyNames lists the keys of a section, those below them included.
func keyNames[T any](keys []key[T]) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.names()...)
		below := k.name + "."
		if k.many {
			below = k.name + "[]."
		}
		for _, sub := range k.sub {
			names = append(names, below+sub)
		}
	}
	return names
}

// ownNames lists the keys of a section without those below them.
func ownNames[T any](keys []key[T]) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.names()...)
	}
	return names
}

// section reads a mapping: each key at most once, and none but the given keys.
func section[T any](r *reader, n *yaml.Node, name string, keys []key[T], into *T) {
	outer := r.key
	defer func() { r.key = outer }()
	r.pairs(n, func(keyNode, value *yaml.Node, given map[string]int) {
		r.key = keyNode.Value
		stem, isFile := strings.CutSuffix(keyNode.Value, "_file")
		k, ok := lookup(keys, keyNode.Value)
		if fromFile, hit := lookup(keys, stem); !ok && isFile && hit && fromFile.file {
			k, ok = fromFile, true
			if line, twice := given[stem]; twice {
				r.bare(keyNode, "both %q (line %d) and %q are given; one is enough", stem, line, keyNode.Value)
				return
			}
			given[stem] = keyNode.Line
			if value = r.fileText(value); value == nil {
				return
			}
		} else if line, twice := given[keyNode.Value+"_file"]; twice && ok && k.file {
			r.bare(keyNode, "both %q (line %d) and %q are given; one is enough", keyNode.Value+"_file", line, keyNode.Value)
			return
		}
		if !ok {
			r.bare(keyNode, "unknown key %s%s", quote(keyNode.Value), r.hint(keyNode.Value, name, ownNames(keys)))
			return
		}
		k.read(r, value, into)
	})
}

func lookup[T any](keys []key[T], name string) (key[T], bool) {
	for _, k := range keys {
		if k.name == name {
			return k, true
		}
	}
	return key[T]{}, false
}

// hint says which key was probably meant: one of this section, or one that stands
// elsewhere in the file.
func (r *reader) hint(wrong, section string, here []string) string {
	if len(r.problems) >= mostProblems {
		return "" // nobody will read it
	}
	if hint := meant(wrong, here); hint != "" {
		return hint
	}
	for _, path := range Keys() {
		parent, last := "", path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, last = strings.TrimSuffix(path[:i], "[]"), path[i+1:]
		}
		if last != wrong || parent == section {
			continue
		}
		if parent == "" {
			return fmt.Sprintf(" (%q stands at the top of the file, not indented)", last)
		}
		return fmt.Sprintf(" (%q belongs under %q)", last, parent)
	}
	return ""
}

// pairs calls each for the pairs of a mapping that have a plain key, given once, and
// a value. given tells at which line a key was.
func (r *reader) pairs(n *yaml.Node, each func(key, value *yaml.Node, given map[string]int)) {
	n = r.follow(n)
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.problem(n, "wants keys and values, got %s", describe(n))
		return
	}
	given := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := r.follow(n.Content[i]), r.follow(n.Content[i+1])
		switch {
		case k == nil || v == nil:
			return
		case k.Tag == "!!merge":
			r.bare(k, `merge keys ("<<") are not read; write the keys out`)
			continue
		case k.Kind != yaml.ScalarNode:
			r.bare(k, "a key is one word, got %s", describe(k))
			continue
		}
		if line, twice := given[k.Value]; twice {
			r.bare(k, "key %s is given twice (first in line %d)", quote(k.Value), line)
			continue
		}
		given[k.Value] = k.Line
		if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
			instead := "leave the key out"
			if k.Value == "sources" { // which is needed
				instead = `write "sources: []" for none`
			}
			r.bare(v, "key %s has no value; give it one or %s", quote(k.Value), instead)
			continue
		}
		each(k, v, given)
	}
}

// list calls each for the values of a list.
func (r *reader) list(n *yaml.Node, each func(n *yaml.Node)) {
	n = r.follow(n)
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = fmt.Sprintf(" (write [%s])", clip(n.Value))
		}
		r.problem(n, "wants a list, got %s%s", describe(n), hint)
		return
	}
	for _, item := range n.Content {
		if item = r.follow(item); item == nil {
			return
		}
		if item.Kind == yaml.ScalarNode && item.Tag == "!!null" {
			r.problem(item, "a value in the list is empty")
			continue
		}
		each(item)
	}
}

// sections calls each for the sections of a list of at most so many.
func (r *reader) sections(n *yaml.Node, most int, each func(n *yaml.Node)) {
	read := 0
	r.list(n, func(n *yaml.Node) {
		switch {
		case n.Kind != yaml.MappingNode:
			r.problem(n, "wants keys and values, got %s", describe(n))
		case read == most:
			r.problem(n, "more than %d", most)
			read++
		case read < most:
			read++
			each(n)
		}
	})
}

// follow returns what an alias stands for, or nil when there has been enough.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	r.visited++
	if r.visited == mostVisits {
		r.problem(n, "aliases stand for more than %d values", mostVisits)
	}
	if r.visited >= mostVisits {
		return nil
	}
	for hops := 0; n.Kind == yaml.AliasNode && n.Alias != nil && hops < deepest; hops++ {
		n = n.Alias
	}
	return n
}

// problem remembers what is wrong with the value at n of the key being read.
func (r *reader) problem(n *yaml.Node, format string, args ...any) {
	if len(r.problems) >= mostProblems {
		r.unreported++
		return
	}
	message := fmt.Sprintf(format, args...)
	if r.key != "" {
		message = clip(r.key) + ": " + message
	}
	r.place(n.Line, n.Column, message)
}

// bare is problem for messages that name the key themselves.
func (r *reader) bare(n *yaml.Node, format string, args ...any) {
	if len(r.problems) >= mostProblems {
		r.unreported++
		return
	}
	r.place(n.Line, n.Column, fmt.Sprintf(format, args...))
}

// place remembers a problem at a line and column.
func (r *reader) place(line, column int, message string) {
	if len(r.problems) >= mostProblems {
		r.unreported++
		return
	}
	for value := range r.supplied {
		message = conceal(message, value)
	}
	r.problems = append(r.problems, Problem{File: r.file, Line: line, Column: column, Message: message})
}

// conceal takes a value that came from the environment or a file out of a message,
// also where the message was cut in the middle of it.
func conceal(message, value string) string {
	const telling = 6 // shorter beginnings are words like "ur" and "true"
	if len(value) < telling {
		return message
	}
	for from := 0; ; {
		i := strings.Index(message[from:], value[:telling])
		if i < 0 {
			return message
		}
		start := from + i
		end := start + telling
		for end < len(message) && end-start < len(value) && message[end] == value[end-start] {
			end++
		}
		message = message[:start] + hidden + message[end:]
		from = start + len(hidden)
	}
}

// whole remembers a problem of the file as such.
func (r *reader) whole(format string, args ...any) { r.place(0, 0, fmt.Sprintf(format, args...)) }

// warn remembers what is legal but probably not meant.
func (r *reader) warn(n *yaml.Node, format string, args ...any) {
	if len(r.warnings) >= mostProblems {
		return
	}
	p := Problem{File: r.file, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	r.warnings = append(r.warnings, p)
}

// describe names what stands at n, for "wants X, got Y".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "keys and values"
	case yaml.ScalarNode:
	default:
		return "an alias"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return clip(n.Value)
	case "!!int", "!!float":
		return "the number " + clip(n.Value)
	case "!!timestamp":
		return "the date " + clip(n.Value)
	case "!!str":
		return quote(n.Value)
	}
	return "a value with the tag " + clip(n.Tag)
}

// longestQuote is how much of a value a message repeats, in characters.
const longestQuote = 60

func clip(s string) string {
	if runes := []rune(s); len(runes) > longestQuote {
		s = string(runes[:longestQuote]) + "…"
	}
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return ' '
		}
		return c
	}, s)
}

func quote(s string) string { return `"` + clip(s) + `"` }
