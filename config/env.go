package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// fileTag marks the value of a key that was read from the file a *_file key names.
// It is text as it is: nothing in it is taken from the environment.
const fileTag = "!from-file"

// largestSecret is more than any password, token or address needs.
const largestSecret = 64 << 10

// scalar is a single value as it is to be read.
type scalar struct {
	text     string
	supplied []string // what of it came from the environment or a file: taken for secret, and without a type of its own
	file     bool     // all of it came from a file
	shown    string   // as the file has it: may be repeated in messages
}

var (
	variable = regexp.MustCompile(`\$?\$\{[^}]*\}?`)
	envName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// scalar returns the single value at n, with ${NAME} replaced.
func (r *reader) scalar(n *yaml.Node, want string) (scalar, bool) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == fileTag:
		return scalar{text: n.Value, supplied: []string{n.Value}, file: true, shown: "***"}, true
	case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
		r.problem(n, "wants %s, got %s", want, describe(n))
		return scalar{}, false
	case n.Tag != "!!str" && n.Tag != "!!int" && n.Tag != "!!float" && n.Tag != "!!bool" && n.Tag != "!!timestamp":
		r.problem(n, "wants %s, got a value with the tag %s", want, clip(n.Tag))
		return scalar{}, false
	}
	s := scalar{shown: n.Value}
	good := true
	s.text = variable.ReplaceAllStringFunc(n.Value, func(found string) string {
		value, problem := r.expand(found)
		if problem != "" {
			r.problem(n, "%s", problem)
			good = false
		} else if !strings.HasPrefix(found, "$$") {
			s.supplied = append(s.supplied, value)
			r.remember(value)
		}
		return value
	})
	return s, good
}

// expand returns what ${NAME} stands for, or what is wrong with it. A second dollar
// in front of it takes the meaning away.
func (r *reader) expand(found string) (value, problem string) {
	if strings.HasPrefix(found, "$$") {
		return found[1:], ""
	}
	name := strings.TrimSuffix(strings.TrimPrefix(found, "${"), "}")
	if !strings.HasSuffix(found, "}") || !envName.MatchString(name) {
		return "", fmt.Sprintf("%s is not the name of an environment variable as in ${NAME} (write $${ for a literal ${)", quote(found))
	}
	if r.lookup != nil {
		if value, ok := r.lookup(name); ok {
			if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				return "", fmt.Sprintf("environment variable %s is not UTF-8 text", name)
			}
			return value, ""
		}
	}
	return "", fmt.Sprintf("environment variable %s is not set", name)
}

// remember keeps a value out of all messages from here on.
func (r *reader) remember(value string) {
	if r.supplied == nil {
		r.supplied = map[string]bool{}
	}
	r.supplied[value] = true
}

// fileText reads the file that a *_file key names, and returns its text as if it
// stood at n. One line break at its end is not part of it.
//
// A relative name is relative to config.yaml and must stay beneath its directory:
// ".." and symbolic links that lead out of it are refused, so that a list of sources
// from elsewhere cannot send the machine's files to an outlet by accident. An
// absolute name is taken at its word, links included, because that is how systemd
// credentials and mounted secrets are reached.
func (r *reader) fileText(n *yaml.Node) *yaml.Node {
	s, ok := r.scalar(n, "the name of a file")
	if !ok {
		return nil
	}
	data, err := r.readSecret(s.text)
	switch {
	case err != nil:
		r.problem(n, "file %s: %v", quote(s.shown), err)
		return nil
	case !utf8.Valid(data):
		r.problem(n, "file %s: is not UTF-8 text", quote(s.shown))
		return nil
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	r.remember(text)
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: fileTag, Value: text, Line: n.Line, Column: n.Column}
}

func (r *reader) readSecret(name string) ([]byte, error) {
	if name == "" {
		return nil, fmt.Errorf("has no name")
	}
	if filepath.IsAbs(name) {
		return readRegular(name, func() (*os.File, error) { return os.Open(name) }, os.Stat, largestSecret)
	}
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return nil, plain(err)
	}
	defer root.Close()
	data, err := readRegular(name, func() (*os.File, error) { return root.Open(name) }, root.Stat, largestSecret)
	if err != nil && strings.Contains(err.Error(), "escapes") {
		return nil, fmt.Errorf("lies outside the directory of the configuration; give its absolute name if that is meant")
	}
	return data, err
}
