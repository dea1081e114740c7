package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"
)

// longestText is the longest title, name or description, in characters.
const longestText = 1000

// text reads one text. A number or true is refused: 007 and 7 are one number but
// two texts, and only quotes tell which is meant.
func (r *reader) text(n *yaml.Node) (scalar, bool) {
	s, ok := r.scalar(n, "text")
	if !ok {
		return s, false
	}
	if n.Tag != "!!str" && n.Tag != fileTag {
		r.problem(n, "wants text, got %s (put it in quotes)", describe(n))
		return s, false
	}
	if !utf8.ValidString(s.text) || strings.ContainsRune(s.text, 0) {
		r.problem(n, "is not UTF-8 text")
		return s, false
	}
	return s, true
}

// line reads a text of one line: the title of something.
func (r *reader) line(n *yaml.Node, into *string) {
	if s, ok := r.text(n); ok && r.oneLine(n, s) {
		if strings.TrimSpace(s.text) == "" {
			r.problem(n, "is empty")
			return
		}
		*into = strings.TrimSpace(s.text)
	}
}

// optionalLine is line, but may be empty.
func (r *reader) optionalLine(n *yaml.Node, into *string) {
	if s, ok := r.text(n); ok && r.oneLine(n, s) {
		*into = strings.TrimSpace(s.text)
	}
}

// paragraph reads a text that may have several lines, and makes them one.
func (r *reader) paragraph(n *yaml.Node, into *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	s.text = strings.Join(strings.Fields(s.text), " ")
	if r.oneLine(n, s) {
		*into = s.text
	}
}

func (r *reader) oneLine(n *yaml.Node, s scalar) bool {
	if strings.ContainsFunc(s.text, unicode.IsControl) || strings.ContainsAny(s.text, "\u2028\u2029") {
		r.problem(n, "must be one line without control characters")
		return false
	}
	if utf8.RuneCountInString(s.text) > longestText {
		r.problem(n, "is longer than %d characters", longestText)
		return false
	}
	return true
}

// lines reads a list of texts, each of one line and given once. good says what is
// wrong with one, or "".
func (r *reader) lines(n *yaml.Node, good func(string) string, each func(n *yaml.Node, text string)) {
	seen := map[string]bool{}
	r.list(n, func(n *yaml.Node) {
		var text string
		before := len(r.problems) + r.unreported
		r.line(n, &text)
		if len(r.problems)+r.unreported > before {
			return
		}
		if problem := good(text); problem != "" {
			r.problem(n, "%s", problem)
			return
		}
		if seen[text] {
			r.problem(n, "%s is given twice", quote(text))
			return
		}
		seen[text] = true
		each(n, text)
	})
}

func anyText(string) string { return "" }

// boolean reads true or false.
func (r *reader) boolean(n *yaml.Node, into *bool) {
	s, ok := r.scalar(n, "true or false")
	if !ok {
		return
	}
	typed := n.Tag == "!!bool" || len(s.supplied) > 0
	switch strings.ToLower(s.text) {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		typed = false
	}
	if !typed {
		hint := meant(s.shown, []string{"true", "false"})
		switch strings.ToLower(s.shown) {
		case "yes", "on":
			hint = " (write true)"
		case "no", "off":
			hint = " (write false)"
		case "true", "false":
			hint = " (without quotes)"
		}
		r.problem(n, "wants true or false, got %s%s", describe(n), hint)
	}
}

// number reads a whole number from lo to hi.
func (r *reader) number(n *yaml.Node, into *int, lo, hi int) {
	want := fmt.Sprintf("a whole number from %d to %d", lo, hi)
	s, ok := r.scalar(n, want)
	if !ok {
		return
	}
	v, err := strconv.Atoi(strings.ReplaceAll(s.text, "_", ""))
	if err != nil || v < lo || v > hi || (n.Tag != "!!int" && len(s.supplied) == 0) {
		r.problem(n, "wants %s, got %s", want, describe(n))
		return
	}
	*into = v
}

// choice reads one of a few words.
func (r *reader) choice(n *yaml.Node, into *string, words ...string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	for _, word := range words {
		if s.text == word {
			*into = word
			return
		}
	}
	r.problem(n, "wants %s, got %s%s", strings.Join(words, ", "), quote(s.shown), meant(s.shown, words))
}

var (
	days   = regexp.MustCompile(`^(?:(\d{1,4})w)?(?:(\d{1,5})d)?(.*)$`)
	amount = regexp.MustCompile(`^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]*)$`)
)

// parseDuration reads what time.ParseDuration does, with d (24 h) and w in front.
func parseDuration(s string) (time.Duration, error) {
	m := days.FindStringSubmatch(s)
	var d time.Duration
	if m == nil || s == "" {
		return 0, fmt.Errorf("not a duration")
	}
	weeks, _ := strconv.Atoi("0" + m[1])
	whole, _ := strconv.Atoi("0" + m[2])
	d = time.Duration(weeks*7+whole) * 24 * time.Hour
	if m[3] == "" && len(m[1])+len(m[2]) > 0 {
		return d, nil
	}
	rest, err := time.ParseDuration(m[3])
	if err != nil || rest < 0 && d > 0 || d > math.MaxInt64-rest {
		return 0, fmt.Errorf("not a duration")
	}
	return d + rest, nil
}

// writeDuration is the opposite of parseDuration.
func writeDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

// duration reads a time span from lo to hi.
func (r *reader) duration(n *yaml.Node, into *time.Duration, lo, hi time.Duration) {
	const want = "a duration as in 30s, 15m, 72h or 90d"
	s, ok := r.scalar(n, want)
	if !ok {
		return
	}
	d, err := parseDuration(s.text)
	switch _, bare := strconv.ParseFloat(s.text, 64); {
	case bare == nil && err != nil:
		r.problem(n, "%s has no unit (write %ss, %sm, %sh or %sd)", clip(s.shown), clip(s.shown), clip(s.shown), clip(s.shown), clip(s.shown))
	case err != nil:
		r.problem(n, "wants %s, got %s", want, describe(n))
	case d < lo:
		r.problem(n, "%s is too short; at least %s", clip(s.shown), writeDuration(lo))
	case d > hi:
		r.problem(n, "%s is too long; at most %s", clip(s.shown), writeDuration(hi))
	default:
		*into = d
	}
}

var units = map[string]float64{"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// size reads a number of bytes from lo to hi.
func (r *reader) size(n *yaml.Node, into *int64, lo, hi int64) {
	const want = "a size as in 512KiB or 16MiB"
	s, ok := r.scalar(n, want)
	if !ok {
		return
	}
	m := amount.FindStringSubmatch(s.text)
	if m == nil {
		r.problem(n, "wants %s, got %s", want, describe(n))
		return
	}
	unit, known := units[m[2]]
	if !known {
		names := []string{"KiB", "MiB", "GiB", "kB", "MB", "GB", "B"}
		if m[2] == "" {
			r.problem(n, "%s has no unit (write %sKiB or %sMiB)", clip(s.shown), clip(s.shown), clip(s.shown))
			return
		}
		r.problem(n, "unknown unit %s%s in %s; use KiB, MiB, GiB, kB, MB or GB", quote(m[2]), meant(m[2], names), quote(s.shown))
		return
	}
	number, _ := strconv.ParseFloat(m[1], 64)
	switch bytes := number * unit; {
	case bytes < float64(lo):
		r.problem(n, "%s is too small; at least %s", clip(s.shown), writeSize(lo))
	case bytes > float64(hi):
		r.problem(n, "%s is too large; at most %s", clip(s.shown), writeSize(hi))
	default:
		*into = int64(bytes)
	}
}

// writeSize writes a number of bytes with the largest unit that divides it.
func writeSize(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d%s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

// spoken are the languages that are more often written out than by their code.
var spoken = map[string]string{
	"urdu": "ur", "english": "en", "german": "de", "deutsch": "de", "hindi": "hi", "arabic": "ar",
	"french": "fr", "spanish": "es", "persian": "fa", "farsi": "fa", "turkish": "tr", "bengali": "bn",
	"punjabi": "pa", "pashto": "ps", "sindhi": "sd", "russian": "ru", "chinese": "zh", "japanese": "ja",
	"hebrew": "he", "italian": "it", "portuguese": "pt", "tamil": "ta", "nepali": "ne", "kurdish": "ku",
}

// language reads a BCP 47 tag in its usual spelling. It may be empty.
func (r *reader) language(n *yaml.Node, into *string) {
	s, ok := r.text(n)
	if !ok || s.text == "" {
		return
	}
	tag, problem := parseLanguage(s.text)
	if problem != "" {
		r.problem(n, "%s", problem)
		return
	}
	*into = tag
}

// timezone reads a name of the IANA database, as in "Asia/Karachi".
func (r *reader) timezone(n *yaml.Node, into **time.Location) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	zone, err := time.LoadLocation(s.text)
	if err != nil || s.text == "" || s.text == "Local" { // those two are wherever the daemon happens to run
		r.problem(n, "no time zone is called %s; they are written like Asia/Karachi or Europe/Berlin", quote(s.text))
		return
	}
	*into = zone
}

func parseLanguage(text string) (tag, problem string) {
	hint := ""
	if code := spoken[strings.ToLower(text)]; code != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", code)
	}
	t, err := language.Parse(text)
	if err != nil || t == language.Und || hint != "" || len(text) > 35 {
		return "", fmt.Sprintf("%s is not a language tag as in ur, de or pt-BR%s", quote(text), hint)
	}
	return t.String(), ""
}

const (
	// longestPattern is far more than a person can read, in bytes.
	longestPattern = 2000
	// mostPatterns is how many different ones a file may hold: each takes a kilobyte.
	mostPatterns = 20_000
)

// patterns reads a list of regular expressions. Equal ones are one.
func (r *reader) patterns(n *yaml.Node, into *[]*regexp.Regexp) {
	r.list(n, func(n *yaml.Node) {
		s, ok := r.text(n)
		if !ok {
			return
		}
		if re := r.compiled[s.text]; re != nil {
			*into = append(*into, re)
			return
		}
		re, problem := r.compile(s.text)
		if problem != "" {
			r.problem(n, "%s", problem)
			return
		}
		*into = append(*into, re)
	})
}

func (r *reader) compile(text string) (*regexp.Regexp, string) {
	switch {
	case text == "":
		return nil, "an empty expression matches everything"
	case len(text) > longestPattern:
		return nil, fmt.Sprintf("is longer than %d bytes", longestPattern)
	case len(r.compiled) >= mostPatterns:
		return nil, fmt.Sprintf("more than %d expressions in one file", mostPatterns)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, "not a regular expression: " + clip(strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if r.compiled == nil {
		r.compiled = map[string]*regexp.Regexp{}
	}
	r.compiled[text] = re
	return re, ""
}

// networks reads a list of IP prefixes.
func (r *reader) networks(n *yaml.Node, into *[]netip.Prefix) {
	r.lines(n, anyText, func(n *yaml.Node, text string) {
		prefix, err := netip.ParsePrefix(text)
		if addr, bad := netip.ParseAddr(text); bad == nil && addr.Zone() == "" {
			r.problem(n, "%s is one address, not a network (write %s/%d)", quote(text), text, addr.BitLen())
			return
		}
		switch {
		case err != nil:
			r.problem(n, "%s is not a network as in 10.0.0.0/8 or fd00::/8", quote(text))
		case prefix.Addr().Is4In6():
			r.problem(n, "%s is an IPv4 network in IPv6 clothes; write it as IPv4", quote(text))
		case prefix.Masked() != prefix:
			r.problem(n, "%s has bits behind its prefix (did you mean %q?)", quote(text), prefix.Masked().String())
		default:
			if prefix.Bits() == 0 {
				r.warn(n, "%s opens every network of this machine to the sources", text)
			}
			*into = append(*into, prefix)
		}
	})
}

// address reads where to listen: host:port, the host empty for everywhere.
func (r *reader) address(n *yaml.Node, into *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	host, port, err := net.SplitHostPort(s.text)
	_, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil:
		r.problem(n, "wants host:port as in 127.0.0.1:8080, got %s", quote(s.shown))
	case bad != nil:
		r.problem(n, "%s is not a port from 0 to 65535", quote(port))
	case strings.ContainsFunc(host, func(c rune) bool { return c <= ' ' || strings.ContainsRune("/\\@?#[]", c) }):
		r.problem(n, "%s is not a host", quote(host))
	default:
		*into = s.text
	}
}
