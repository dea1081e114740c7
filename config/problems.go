package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one mistake of a file.
type Problem struct {
	File    string `json:"file"`             // as given to Load
	Line    int    `json:"line,omitempty"`   // from 1; 0 = the file as a whole
	Column  int    `json:"column,omitempty"` // in characters, from 1
	Message string `json:"message"`          // one line, without secrets
}

// String is the problem as compilers write it: file:line:column: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems are all mistakes of a file, sorted by place. It is never an empty error.
type Problems []Problem

// Error writes one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// mostProblems is how many are reported: more than anyone reads, few enough that a
// hostile file cannot fill a log.
const mostProblems = 500

// sorted returns the problems found, by place, each once.
func (r *reader) sorted() Problems {
	ps := r.problems
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	ps = slices.Compact(ps)
	if r.unreported > 0 {
		ps = append(ps, Problem{File: r.file, Message: fmt.Sprintf("and %d more", r.unreported)})
	}
	return ps
}

// similar returns the word that is probably meant by a misspelt one, or "".
func similar(wrong string, words []string) string {
	const longest = 64 // the work grows with the square of it
	best, bestAt := "", 0
	for _, word := range words {
		if len(wrong) > longest || len(word) > longest {
			continue
		}
		d := distance(fold(wrong), fold(word))
		if d > max(1, utf8.RuneCountInString(word)/3) || (best != "" && d >= bestAt) {
			continue
		}
		best, bestAt = word, d
	}
	return best
}

// meant is the hint that goes behind a message about a word that is not one of words.
func meant(wrong string, words []string) string {
	if word := similar(wrong, words); word != "" {
		return fmt.Sprintf(" (did you mean %q?)", word)
	}
	return ""
}

func fold(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "-", "_"))
}

// distance counts the letters to add, drop, replace or swap with their neighbour to
// make b of a (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before, above, row []int
	for j := range len(t) + 1 {
		above = append(above, j)
	}
	for i := 1; i <= len(s); i++ {
		row = append(make([]int, 0, len(t)+1), i)
		for j := 1; j <= len(t); j++ {
			same := 1
			if s[i-1] == t[j-1] {
				same = 0
			}
			d := min(above[j]+1, row[j-1]+1, above[j-1]+same)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				d = min(d, before[j-2]+1)
			}
			row = append(row, d)
		}
		before, above = above, row
	}
	return above[len(t)]
}
