package config

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// text is a file as lines, to put others between them. Where its list of sources
// stands, the tree tells. Its methods return whole files, the best way first; they
// are guesses in that nobody has read them yet.
type text struct {
	lines   []string // with their ends
	eol     string
	bom     bool
	root    *yaml.Node
	sources *yaml.Node // the list
}

func newText(data []byte, d *draft) *text {
	t := &text{eol: "\n", root: d.root, sources: d.sourcesAt}
	data, t.bom = bytes.CutPrefix(data, []byte("\ufeff"))
	t.lines = strings.SplitAfter(string(data), "\n")
	if strings.HasSuffix(t.lines[0], "\r\n") {
		t.eol = "\r\n"
	}
	if last := len(t.lines) - 1; t.lines[last] == "" {
		t.lines = t.lines[:last]
	}
	return t
}

// join is the file of these lines.
func (t *text) join(lines []string) []byte {
	s := strings.Join(lines, "")
	if t.bom {
		s = "\ufeff" + s
	}
	return []byte(s)
}

// splice replaces the lines from one to before another.
func (t *text) splice(from, to int, with ...string) []byte {
	lines := slices.Clone(t.lines)
	if n := len(lines); len(with) > 0 && from >= n && n > 0 && !strings.HasSuffix(lines[n-1], "\n") {
		lines[n-1] += t.eol
	}
	return t.join(slices.Replace(lines, from, to, with...))
}

// replace replaces the beginning of what stands at a line and column (both from 1).
// It returns nil if something else stands there.
func (t *text) replace(line, column int, old, with string) []byte {
	if line < 1 || line > len(t.lines) {
		return nil
	}
	runes := []rune(t.lines[line-1])
	if column < 1 || column > len(runes) {
		return nil
	}
	rest, ok := strings.CutPrefix(string(runes[column-1:]), old)
	if !ok {
		return nil
	}
	return t.splice(line-1, line, string(runes[:column-1])+with+rest)
}

func (t *text) inBlock() bool { return t.sources.Style&yaml.FlowStyle == 0 }

// indent is how far the dashes of the list are indented.
func (t *text) indent() int { return t.sources.Column - 1 }

// blank and comment tell what a line is; inner ones of a block scalar are always
// indented further than the list.
func blank(line string) bool   { return strings.TrimSpace(line) == "" }
func comment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// dash is the line at which an item begins.
func (t *text) dash(i int) int {
	line := min(t.sources.Content[i].Line, len(t.lines)) - 1
	for line > 0 && !(indentOf(t.lines[line]) == t.indent() && strings.HasPrefix(t.lines[line][t.indent():], "-")) {
		line--
	}
	return line
}

// head is the line at which the comment right above an item begins, or the item.
func (t *text) head(i int) int {
	line := t.dash(i)
	for line > 0 && comment(t.lines[line-1]) && indentOf(t.lines[line-1]) <= t.indent() {
		line--
	}
	return line
}

// end is the line after the last one of an item. Comments behind it that are not
// indented as its own belong to what comes.
func (t *text) end(i int) int {
	line := len(t.lines)
	if i+1 < len(t.sources.Content) {
		line = t.dash(i + 1)
	} else {
		for j := 0; j+1 < len(t.root.Content); j += 2 {
			if key := t.root.Content[j]; key.Line > t.sources.Content[i].Line {
				line = min(line, key.Line-1)
			}
		}
	}
	first := t.dash(i)
	for line > first+1 {
		above := t.lines[line-1]
		if !blank(above) && !strings.HasPrefix(above, "...") && !(comment(above) && indentOf(above) <= t.indent()) {
			break
		}
		line--
	}
	return line
}

// key is the key "sources" itself.
func (t *text) key() *yaml.Node {
	for j := 0; j+1 < len(t.root.Content); j += 2 {
		if t.root.Content[j].Value == "sources" {
			return t.root.Content[j]
		}
	}
	return t.root
}

// removeItem takes an item out of the list.
func (t *text) removeItem(i int) [][]byte {
	if !t.inBlock() {
		return t.removeBracketed(i)
	}
	from, to := t.head(i), t.end(i)
	last := i == len(t.sources.Content)-1
	switch {
	case last:
		for from > 0 && blank(t.lines[from-1]) && (to == len(t.lines) || blank(t.lines[to])) {
			from--
		}
	case from == 0 || blank(t.lines[from-1]) || i == 0:
		for to < len(t.lines) && blank(t.lines[to]) {
			to++
		}
	}
	if len(t.sources.Content) > 1 {
		return [][]byte{t.splice(from, to)}
	}
	key := t.key()
	line := t.lines[key.Line-1]
	colon := strings.Index(line, ":")
	if colon < 0 {
		return nil
	}
	emptied := *t
	emptied.lines = slices.Clone(t.lines)
	emptied.lines[key.Line-1] = line[:colon+1] + " []" + line[colon+1:]
	return [][]byte{emptied.splice(from, to)}
}

// mostEnds is how many closing braces are tried as the end of an item.
const mostEnds = 30

var restOfItem = regexp.MustCompile(`^ *,? *(#.*)?\r?\n?$`)

// removeBracketed takes an item out of a list in brackets, with its whole lines if no
// other stands in them. Where an item ends the tree does not tell: the braces after
// its beginning are tried one by one.
func (t *text) removeBracketed(i int) [][]byte {
	items, whole := t.sources.Content, strings.Join(t.lines, "")
	from := t.offset(items[i])
	lineStart := strings.LastIndex(whole[:from], "\n") + 1
	alone := strings.TrimSpace(whole[lineStart:from]) == ""
	if !alone && i+1 < len(items) {
		return [][]byte{t.join([]string{whole[:from], whole[t.offset(items[i+1]):]})}
	}
	var candidates [][]byte
	for to := from; len(candidates) < mostEnds; {
		brace := strings.IndexByte(whole[to:], '}')
		if brace < 0 {
			break
		}
		to += brace + 1
		lineEnd := len(whole)
		if n := strings.IndexByte(whole[to:], '\n'); n >= 0 {
			lineEnd = to + n + 1
		}
		switch comma := strings.LastIndexByte(whole[:from], ','); {
		case alone && restOfItem.MatchString(whole[to:lineEnd]):
			candidates = append(candidates, t.join([]string{whole[:lineStart], whole[lineEnd:]}))
		case i > 0 && comma >= 0 && strings.TrimSpace(whole[comma+1:from]) == "":
			candidates = append(candidates, t.join([]string{whole[:comma], whole[to:]}))
		case i == 0:
			candidates = append(candidates, t.join([]string{whole[:from], strings.TrimLeft(whole[to:], ", ")}))
		}
	}
	return candidates
}

// offset is where a node begins, in bytes.
func (t *text) offset(n *yaml.Node) int {
	line := min(n.Line, len(t.lines)) - 1
	before := len(strings.Join(t.lines[:line], ""))
	runes := []rune(t.lines[line])
	return before + len(string(runes[:min(n.Column-1, len(runes))]))
}

// setItem sets a key of an item that has a plain value, or adds it.
func (t *text) setItem(i int, name, value string) [][]byte {
	item := t.sources.Content[i]
	if item.Kind != yaml.MappingNode {
		return nil
	}
	url := -1
	for j := 0; j+1 < len(item.Content); j += 2 {
		k, v := item.Content[j], item.Content[j+1]
		if k.Value == name {
			if v.Kind != yaml.ScalarNode || v.Style != 0 || strings.Contains(v.Value, "${") {
				return nil
			}
			return [][]byte{t.replace(v.Line, v.Column, v.Value, value)}
		}
		if k.Value == "url" || k.Value == "url_file" {
			url = j
		}
	}
	if item.Style&yaml.FlowStyle != 0 {
		return [][]byte{t.replace(item.Line, item.Column, "{", "{"+name+": "+value+", ")}
	}
	if !t.inBlock() || url < 0 {
		return nil
	}
	line := strings.Repeat(" ", item.Column-1) + name + ": " + value + t.eol
	after := item.Content[url+1].Line
	return [][]byte{t.splice(after, after, line), t.splice(t.end(i), t.end(i), line)}
}

var emptyList = regexp.MustCompile(` *\[ *\]`)

// addItems puts items at the end of the list, or at the front of one in brackets, of
// which only the beginning is known.
func (t *text) addItems(items []*yaml.Node) [][]byte {
	count := len(t.sources.Content)
	switch {
	case !t.inBlock() && count > 0:
		var all strings.Builder
		for _, item := range items {
			flow := *item
			flow.Style = yaml.FlowStyle
			all.WriteString(strings.TrimSpace(dump(&flow)) + ", ")
		}
		return [][]byte{t.replace(t.sources.Line, t.sources.Column, "[", "["+all.String())}
	case count == 0:
		line := t.sources.Line - 1
		kept := t.lines[line]
		if at := emptyList.FindStringIndex(kept); at != nil {
			kept = kept[:at[0]] + kept[at[1]:]
		}
		kept = strings.TrimRight(kept, " \r\n") + t.eol
		return [][]byte{t.splice(line, line+1, append([]string{kept}, t.block(items, 2, 2, true)...)...)}
	}
	last := count - 1
	indent := t.indent()
	step := max(2, t.sources.Content[last].Column-t.sources.Column)
	if t.sources.Content[last].Line-1 != t.dash(last) {
		step = 2
	}
	spaced := t.end(last)-t.dash(last) > 2
	if last > 0 {
		spaced = blank(t.lines[t.head(last)-1])
	}
	lines := t.block(items, indent, step, spaced)
	if spaced {
		lines = append([]string{t.eol}, lines...)
	}
	return [][]byte{t.splice(t.end(last), t.end(last), lines...)}
}

// block writes items as lines.
func (t *text) block(items []*yaml.Node, indent, step int, spaced bool) []string {
	var lines []string
	for i, item := range items {
		if spaced && i > 0 {
			lines = append(lines, t.eol)
		}
		lead := strings.Repeat(" ", indent) + "-" + strings.Repeat(" ", step-1)
		for line := range strings.Lines(dump(item)) {
			lines = append(lines, lead+strings.TrimRight(line, "\n")+t.eol)
			lead = strings.Repeat(" ", indent+step)
		}
	}
	return lines
}

// dump writes a node as YAML. The library changes what it is given: it gets a copy.
func dump(n *yaml.Node) string {
	out, err := yaml.Dump(clone(n), yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		panic(err) // we built it of plain texts
	}
	return string(out)
}

func clone(n *yaml.Node) *yaml.Node {
	c := *n
	c.Content = nil
	for _, child := range n.Content {
		c.Content = append(c.Content, clone(child))
	}
	return &c
}
