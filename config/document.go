package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	// largestFile is 20 times what 10,000 commented sources need.
	largestFile = 4 << 20
	// deepest is how far lists and mappings may nest: twice what the keys need.
	deepest = 32
	// mostTokens bounds the tree that YAML makes of a file, by counting the
	// characters that begin something. 10,000 sources with every key have half of it.
	mostTokens = 1_000_000

	least = `the least that works is "sources: [{url: https://…}]"`
)

// readFile returns the bytes of the file at path.
func readFile(path string) ([]byte, *Problem) {
	problem := func(message string) ([]byte, *Problem) {
		return nil, &Problem{File: path, Message: message}
	}
	data, err := readRegular(path, func() (*os.File, error) { return os.Open(path) }, os.Stat, largestFile)
	if err != nil {
		return problem(err.Error())
	}
	return data, nil
}

// readRegular opens and reads a file that is no larger than limit bytes. Pipes and
// devices, which could block or never end, are refused before they are opened.
func readRegular(name string, open func() (*os.File, error), stat func(string) (os.FileInfo, error), limit int64) ([]byte, error) {
	info, err := stat(name)
	if err != nil {
		return nil, plain(err)
	}
	if info.IsDir() {
		return nil, errors.New("is a directory, not a file")
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	f, err := open()
	if err != nil {
		return nil, plain(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, plain(err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("is larger than %s", writeSize(limit))
	}
	return data, nil
}

// plain takes the operation and the path off an error of the file system.
func plain(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// document makes the tree of a file: one YAML document whose root is a mapping. It
// returns nil, and the problems are told, if there is none.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > largestFile {
		r.whole("is larger than %s", writeSize(largestFile))
		return nil
	}
	if !r.readable(data) {
		return nil
	}
	if n := tokens(data); n > mostTokens {
		r.whole("holds more than %d lists, keys and values", mostTokens)
		return nil
	}
	if len(bytes.TrimSpace(data)) == 0 {
		r.whole("is empty; " + least)
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(deepest))))
	if err != nil {
		panic(err) // the options are fixed
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case err == io.EOF || (err == nil && len(doc.Content) == 0):
		r.whole("holds only comments; " + least)
		return nil
	case err != nil:
		r.syntax(err, data)
		return nil
	}
	switch err := loader.Load(&second); {
	case err == io.EOF:
	case err != nil:
		r.syntax(err, data)
		return nil
	default:
		r.problem(&second, "a second document begins here; one file holds one configuration")
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		r.problem(root, "wants keys and values (as in \"sources:\"), got %s", describe(root))
		return nil
	}
	return root
}

// readable tells whether data is UTF-8 without control characters.
func (r *reader) readable(data []byte) bool {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		r.whole("is UTF-16; save it as UTF-8")
		return false
	}
	line, column, good := 1, 1, true
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		switch {
		case c == utf8.RuneError && size == 1:
			r.place(line, column, fmt.Sprintf("byte 0x%02x is not UTF-8; save the file as UTF-8", data[i]))
			good = false
		case c < ' ' && c != '\n' && c != '\r' && c != '\t', c == 0x7f, c >= 0x80 && c < 0xa0 && c != 0x85, c == 0xfffe, c == 0xffff:
			r.place(line, column, fmt.Sprintf("control character U+%04X; in quotes it can be written as an escape", c))
			good = false
		}
		if column++; c == '\n' {
			line, column = line+1, 1
		}
		i += size
	}
	return good
}

// tokens counts the characters that may begin a node.
func tokens(data []byte) int {
	n := 0
	for _, c := range data {
		switch c {
		case ',', '[', '{', ':', '-', '?', '\n', '*':
			n++
		}
	}
	return n
}

var tabbed = regexp.MustCompile(`^ *\t[ \t]*[^ \t\r\n#]`)

// mostTabs is how many lines indented by tabs are reported: after a few of them
// everyone knows.
const mostTabs = 20

// syntax tells what the YAML library could not read. It stops at the first such
// place, except for tabs, of which a file has as many as it has lines.
func (r *reader) syntax(err error, data []byte) {
	var problem *yaml.LoadError
	if !errors.As(err, &problem) {
		r.whole("%v", err)
		return
	}
	told := 0
	for i, line := range strings.Split(string(data), "\n") {
		if told < mostTabs && tabbed.MatchString(line) && i+1 >= problem.Mark.Line-1 {
			r.place(i+1, strings.Index(line, "\t")+1, "a tab in the indentation; YAML wants spaces")
			told++
		}
	}
	if told > 0 && strings.Contains(problem.Message, "cannot start any token") {
		return
	}
	message := problem.Message
	if problem.ContextMsg != "" {
		message += " " + problem.ContextMsg
		if at := problem.ContextMark; at.Line > 0 && at.Line != problem.Mark.Line {
			message += fmt.Sprintf(" that begins at line %d", at.Line)
		}
	}
	switch {
	case strings.Contains(message, "exceeded max depth"):
		message = fmt.Sprintf("nested deeper than %d levels", deepest)
	case strings.Contains(message, "mapping values are not allowed"):
		message += `: a second ": " in one line (put the value in quotes)`
	case strings.Contains(message, "cannot start any token"):
		message += " (put the value in quotes)"
	}
	if problem.Mark.Line == 0 {
		r.whole("not YAML: %s", message)
		return
	}
	r.place(problem.Mark.Line, problem.Mark.Column, "not YAML: "+message)
}
