package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"sangam/dedupe"
	"sangam/feed"
)

// A sheet is lines for a terminal of some width. Every text of an outlet begins a line
// of its own, so that a terminal which knows of right-to-left writing shows it so.
type sheet struct {
	width int // columns; 0 = lines are never broken
	b     strings.Builder
}

func newSheet(width int) *sheet { return &sheet{width: width} }

// width is how many columns the terminal has that the answer goes to; 0 if it goes
// elsewhere.
func (o *options) width() int {
	file, ok := o.out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return max(columns, leastColumns)
}

// leastColumns is the narrowest terminal that lines are broken for.
const leastColumns = 20

// line writes a line, broken between words where the terminal ends, every part indented.
func (s *sheet) line(indent int, format string, args ...any) {
	margin := strings.Repeat(" ", indent)
	used := 0
	for i, word := range strings.Split(fmt.Sprintf(format, args...), " ") {
		w := text.StringWidthWithoutEscSequences(word)
		switch {
		case i == 0:
			s.b.WriteString(margin)
			used = indent
		case s.width > 0 && used+1+w > s.width:
			s.b.WriteString("\n" + margin)
			used = indent
		default:
			s.b.WriteByte(' ')
			used++
		}
		s.b.WriteString(word)
		used += w
	}
	s.b.WriteByte('\n')
}

func (s *sheet) gap() { s.b.WriteByte('\n') }

func (s *sheet) print(w io.Writer) error {
	_, err := io.WriteString(w, s.b.String())
	return err
}

// indents of the sheet: of what hangs below an item's number, and of what explains it.
const (
	under = 4
	below = 6
)

// write writes the answer for a person: the stories with their items numbered, then
// the way from one item to the other, then what was compared. Long texts are cut where
// nothing is shared, unless they are wanted whole.
func (r reasons) write(s *sheet, whole bool) {
	number := map[string]string{}
	for i, st := range r.Stories {
		if i > 0 {
			s.gap()
		}
		st.write(s, number, r.Explanation == nil)
	}
	r.writePair(s, number)
	r.writeNear(s, number)
	if r.Explanation == nil {
		return
	}
	s.gap()
	s.line(0, "As they are compared, with ⟦what both hold⟧:")
	for i, c := range []dedupe.Compared{r.Explanation.A, r.Explanation.B} {
		s.gap()
		s.line(0, "%s  %s", number[r.Items[i].Key], r.Items[i].Source)
		s.line(under, "headline")
		s.line(below, "%s", orNone(c.Headline))
		s.line(under, "text, %d letters, %d %% of them in the other too", letters(c.Text), percentShared(c))
		s.line(below, "%s", orNone(marked(c, whole)))
		if len(c.Numbers) > 0 {
			s.line(under, "numbers where the other has other ones")
			for _, n := range c.Numbers {
				s.line(below, "%s", n)
			}
		}
	}
}

// write lists the items of a story, each with what joined it if that is wanted.
func (st storyReasons) write(s *sheet, number map[string]string, joins bool) {
	s.line(0, "Story %s", st.Key)
	if st.Origin != "" {
		s.line(0, "Origin: %s", st.Origin)
	}
	first := len(number)
	for _, m := range st.Members {
		number[m.Key] = fmt.Sprint(len(number) + 1)
	}
	for i, m := range st.Members {
		s.gap()
		m.write(s, fmt.Sprint(first+i+1), i == 0 && len(st.Members) > 1)
		for _, j := range st.Joins {
			if joins && j.Item == m.Key {
				writeRuling(s, under, j, number)
			}
		}
	}
}

func (m memberOf) write(s *sheet, number string, leads bool) {
	s.line(0, "%-3s %s  %s  %s", number, m.Source, m.Published.UTC().Format("2006-01-02 15:04"), m.Key)
	if leads {
		s.line(under, "speaks for the story")
	}
	s.line(under, "%s", orNone(m.Title))
	if m.Link != "" {
		s.line(under, "%s", readable(m.Link))
	}
}

// writePair tells how the two items asked about stand to each other.
func (r reasons) writePair(s *sheet, number map[string]string) {
	if r.Explanation == nil {
		return
	}
	a, b := number[r.Items[0].Key], number[r.Items[1].Key]
	s.gap()
	if r.Verdict != "" {
		s.line(0, "You have ruled about %s and %s: %s.", a, b, r.Verdict)
	}
	switch {
	case len(r.Stories) > 1:
		s.line(0, "%s and %s are two stories.", a, b)
	case len(r.Path) == 0:
		s.line(0, "%s and %s are one story; the items that joined them are gone.", a, b)
	default:
		way := []string{a}
		at := r.Items[0].Key
		for _, j := range r.Path {
			at = otherEnd(j, at)
			way = append(way, number[at])
		}
		s.line(0, "One story, by this way: %s", strings.Join(way, " → "))
		for _, j := range r.Path {
			writeRuling(s, under, j, number)
		}
	}
	s.gap()
	today := r.Explanation.Ruling
	if r.Among != nil && r.Among.Rule != today.Rule {
		s.line(0, "Judged today, among all that is stored:")
		writeRuling(s, under, *r.Among, number)
		s.line(0, "Judged today, as if they were alone:")
	} else {
		s.line(0, "Judged today:")
	}
	writeRuling(s, under, today, number)
	r.writeOdds(s)
}

// writeOdds says why the two are not what the rules say today.
func (r reasons) writeOdds(s *sheet) {
	today := r.Explanation.Ruling
	if r.Among != nil {
		today = *r.Among
	}
	one := len(r.Stories) == 1
	switch joins := today.Relation != feed.Apart; {
	case joins == one, r.Verdict != "", one && len(r.Path) != 1:
	case one:
		s.line(0, `They were judged when one of them arrived, as it was then; "sangam verdict never" parts them, "sangam reindex" judges everything anew.`)
	default:
		s.line(0, `They were judged when one of them arrived, as it was then; "sangam verdict always" joins them, "sangam reindex" judges everything anew.`)
	}
}

func (r reasons) writeNear(s *sheet, number map[string]string) {
	if len(r.Near) == 0 {
		return
	}
	s.gap()
	s.line(0, "Like it, and another story:")
	for _, n := range r.Near {
		number[n.Member.Key] = fmt.Sprint(len(number) + 1)
		s.gap()
		n.Member.write(s, number[n.Member.Key], false)
		writeRuling(s, under, n.Ruling, number)
	}
}

// otherEnd is the other of the two items that a ruling is about.
func otherEnd(j feed.Ruling, key string) string {
	if j.Item == key {
		return j.With
	}
	return j.Item
}

var relations = map[feed.Relation]string{feed.Apart: "apart", feed.Same: "the same item", feed.Copy: "one story"}

func writeRuling(s *sheet, indent int, r feed.Ruling, number map[string]string) {
	called := func(key string) string {
		if n := number[key]; n != "" {
			return n
		}
		return key + ", which is gone,"
	}
	s.line(indent, "%s and %s: %s, by rule %s: %s", called(r.Item), called(r.With), relations[r.Relation], r.Rule, r.Because)
	if words := scores(r.Scores); words != "" {
		s.line(indent+2, "%s", words)
	}
}

// scores writes what was measured, what weighs most first.
func scores(m map[string]float64) string {
	if len(m) == 0 {
		return ""
	}
	var out []string
	for _, part := range [...]struct{ score, name string }{{"text", "text"}, {"lead", "lead"}, {"headline", "headline"}, {"quoted", "quoted headline"}} {
		out = append(out, fmt.Sprintf("%s %.0f %%", part.name, 100*m[part.score]))
	}
	if same, other := m["same-number"], m["other"]; same+other > 0 {
		out = append(out, fmt.Sprintf("numbers %.0f alike, %.0f other", same, other))
	}
	return strings.Join(append(out, fmt.Sprintf("%.1f hours apart", m["hours"])), ", ")
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// readable writes a link as a browser shows it, in the letters of its language, where
// these say the same.
func readable(link string) string {
	plain, err := url.PathUnescape(link)
	if err != nil || !utf8.ValidString(plain) || strings.ContainsFunc(plain, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return link
	}
	return plain
}

func letters(s string) int { return utf8.RuneCountInString(s) - strings.Count(s, " ") }

func percentShared(c dedupe.Compared) int {
	shared, all := 0, letters(c.Text)
	for _, p := range c.Shared {
		shared += letters(c.Text[p.From:p.To])
	}
	return 100 * shared / max(1, all)
}

// How much of a stretch of text is shown on each side of a cut, in letters. What both
// hold is what the reader wants to see.
const (
	keptOwn    = 80
	keptShared = 300
)

// marked is a text as compared with the shared passages in brackets.
func marked(c dedupe.Compared, whole bool) string {
	shorten := func(s string, keep int) string {
		if whole {
			return s
		}
		return cut(s, keep)
	}
	var b strings.Builder
	at := 0
	for _, p := range c.Shared {
		b.WriteString(shorten(c.Text[at:p.From], keptOwn) + "⟦" + shorten(c.Text[p.From:p.To], keptShared) + "⟧")
		at = p.To
	}
	b.WriteString(shorten(c.Text[at:], keptOwn))
	return b.String()
}

// cut leaves out the middle of a text of which more than twice so many letters could
// be shown, and says how much that was.
func cut(s string, keep int) string {
	runes := []rune(s)
	if len(runes) <= 2*keep+keep/2 {
		return s
	}
	from, to := keep, len(runes)-keep
	if i := slices.Index(runes[from:to], ' '); i >= 0 {
		from += i
	}
	for to > from && runes[to-1] != ' ' {
		to--
	}
	if to <= from { // a script without spaces
		from, to = keep, len(runes)-keep
	}
	return fmt.Sprintf("%s … %d letters … %s", string(runes[:from]), letters(string(runes[from:to])), string(runes[to:]))
}
