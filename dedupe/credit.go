package dedupe

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sangam/feed"
)

const (
	// maxCredits bounds the credits noted with one item, and maxCredit the length of
	// one, in bytes.
	maxCredits = 8
	maxCredit  = 120
	// firstLines and lastLines are where bylines stand.
	firstLines = 8
	lastLines  = 4
	// maxByline is the number of words of the longest line that is taken for a
	// byline.
	maxByline = 4
	// headBytes and tailBytes are how much of either end of a text is looked at.
	headBytes = 1200
	tailBytes = 500
	// datelineReach is how far into a text a dateline may reach, in bytes.
	datelineReach = 240
	// longestLine is how much of a line is read: enough for a dateline.
	longestLine = 260
)

// creditsOf lists who an item says it is from, as written, the plainest statement
// first: the feed's own word, an original elsewhere, a dateline or byline, and lastly
// authors and picture credits. What names nobody known is ignored when it is
// resolved, and so is the outlet's own name, folded.
func creditsOf(it *feed.Item, own string) []string {
	var out []string
	add := func(credit string) {
		credit = strings.TrimSpace(strings.Trim(credit, " \t\u00a0:：;,.-–—|[]()（）【】"))
		if credit != "" && len(credit) <= maxCredit && len(out) < maxCredits && !slices.Contains(out, credit) &&
			!software[strings.ToLower(credit)] && solid(credit) != own {
			out = append(out, credit)
		}
	}
	add(it.Origin.Name)
	site, path := hostAndPath(it.Link)
	for _, address := range []string{it.Origin.Link, it.Via} {
		if host, _ := hostAndPath(address); host != site {
			add(host)
		}
	}
	if strings.Contains(it.Link, "newsml") {
		if m := newsml.FindStringSubmatch(it.Link); m != nil {
			add(m[1])
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		add(agencyInPath[segment])
	}
	for _, credit := range textCredits(longerText(it), it.Title) {
		add(credit)
	}
	for _, a := range it.Authors {
		add(a.Name)
	}
	for _, c := range it.Credits {
		add(c)
	}
	return out
}

func longerText(it *feed.Item) string {
	if len(it.Content) > len(it.Summary) {
		return it.Content
	}
	return it.Summary
}

// software is what content management systems write where a byline belongs.
var software = map[string]bool{
	"user": true, "admin": true, "administrator": true, "editor": true, "web desk": true, "webdesk": true, "web team": true,
	"staff": true, "desk": true, "newsroom": true, "redaktion": true, "guest": true, "none": true, "null": true, "author": true,
	"ویب ڈیسک": true, "نیوز ڈیسک": true,
}

var (
	// newsml finds the agency in the address of a report that came over its wire.
	newsml = regexp.MustCompile(`newsml[-:]([a-z]+)[-.:]`)
	// dateline is a place, then who reports from there: "CITY (AP) —", "(رائٹرز)".
	dateline = regexp.MustCompile(`^[^(（]{0,60}[(（]([^()（）]{2,40})[)）]`)
	// lenticular is 【新华社】 or [Reuters] at the head of a text.
	lenticular = regexp.MustCompile(`^[【\[［]([^】\]］]{2,40})[】\]］]`)
	// wire is 新华社北京3月1日电 at the head of a text.
	wire = regexp.MustCompile(`^(\p{Han}{2,4}[社网])\p{Han}{1,8}[0-9０-９月日]{2,8}[电電讯訊]`)
	// creditLine is a line that says where the text is from.
	creditLine = regexp.MustCompile(`(?i)^[(（]?(?:source|sources|courtesy|credit|quelle|quellen|mit material von|المصدر|ماخذ|منبع|ذریعہ|स्रोत|सौजन्य|来源|來源|出典|提供|ที่มา)\s*[:：]\s*(.{2,80})$`)
	// firstAt is a sentence that says where the text stood first.
	firstAt = regexp.MustCompile(`(?i)(?:originally published|first published|first appeared|republished|erschien zuerst) (?:by|on|in|from|bei|auf) (.{2,60}?)[.]?$`)
	// copyright is a line such as "© dpa-infocom".
	copyright = regexp.MustCompile(`^(?:©|\(c\)|Copyright)\s*(.{2,60})$`)
)

// textCredits finds what a text itself says of its origin.
func textCredits(text, title string) []string {
	var out []string
	lines := rawLines(text)
	if len(lines) == 0 {
		return nil
	}
	opening := ""
	for i, line := range lines {
		first, last := i < firstLines, i >= len(lines)-lastLines
		if !first && !last {
			continue
		}
		if credit := credited(line); credit != "" {
			out = append(out, credit)
			continue
		}
		if byline(line, title) {
			out = append(out, line)
			continue
		}
		if opening == "" && utf8.RuneCountInString(line) > shortLine {
			opening = line
		}
	}
	opening = opening[:min(len(opening), datelineReach)]
	if credit := asReported(opening); credit != "" {
		out = append(out, credit)
	}
	return append(out, datelines(opening)...)
}

// credited returns whom a line credits that does nothing else. Most lines cannot be
// one, and are not asked with an expression.
func credited(line string) string {
	if strings.IndexByte(line, ':') >= 0 || strings.Contains(line, "：") {
		if m := creditLine.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	if strings.Contains(line, "publish") || strings.Contains(line, "appeared") || strings.Contains(line, "erschien") {
		if m := firstAt.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	switch line[0] {
	case "©"[0], '(', 'C':
		if m := copyright.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

// datelines are who reports, by the first words of a text.
func datelines(opening string) []string {
	if opening == "" {
		return nil
	}
	var out []string
	find := func(pattern *regexp.Regexp) {
		if m := pattern.FindStringSubmatch(opening); m != nil {
			out = append(out, m[1])
		}
	}
	if strings.IndexByte(opening, '(') >= 0 || strings.Contains(opening, "（") {
		find(dateline)
	}
	if opening[0] == '[' || strings.HasPrefix(opening, "【") || strings.HasPrefix(opening, "［") {
		find(lenticular)
	}
	if r, _ := utf8.DecodeRuneInString(opening); unicode.Is(unicode.Han, r) {
		find(wire)
	}
	return out
}

// reportedBy are the words after which a text names whom it is from, in Persian,
// Urdu, Arabic and Hindi.
var reportedBy = []string{"به نقل از", "به گزارش", "بشکریہ", "بہ شکریہ", "نقلا عن", "نقلاً عن", "साभार"}

// asReported returns the words that follow such words, up to the next stop.
func asReported(s string) string {
	for _, w := range reportedBy {
		if _, after, found := strings.Cut(s, w); found {
			if i := strings.IndexAny(after, "\n،,.۔।)("); i >= 0 {
				after = after[:i]
			}
			if words := strings.Fields(after); len(words) > maxByline {
				after = strings.Join(words[:maxByline], " ")
			}
			return after
		}
	}
	return ""
}

// byline reports whether a line may name who wrote the text: a few words alone, no
// sentence, not the headline.
func byline(line, title string) bool {
	if line == title || utf8.RuneCountInString(line) > shortLine || strings.ContainsAny(line, "?!؟۔।。…") {
		return false
	}
	return len(strings.Fields(line)) <= maxByline
}

// rawLines returns the lines at the head and at the end of a fragment of HTML, as
// plain text. Blocks of the markup and line ends of the source part lines.
func rawLines(s string) []string {
	if len(s) > headBytes+tailBytes {
		s = s[:whole(s, headBytes)] + "\n" + s[whole(s, len(s)-tailBytes):]
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i:]
		n, block := tag(s)
		switch {
		case n == 0:
			b.WriteByte('<')
			n = 1
		case block:
			b.WriteByte('\n')
		}
		s = s[n:]
	}
	var out []string
	for line := range strings.SplitSeq(unescape(b.String()), "\n") {
		if line = strings.TrimSpace(line); len(line) > longestLine {
			line = line[:whole(line, longestLine)]
		}
		if line = singleSpaced(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// whole is the last place up to i where a character of s begins.
func whole(s string, i int) int {
	for i > 0 && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}

// singleSpaced is a trimmed line with one space between words: mostly the line itself.
func singleSpaced(line string) string {
	before := byte(0)
	for i := range len(line) {
		c := line[i]
		if c <= ' ' && (c != ' ' || before == ' ') || c >= utf8.RuneSelf && spaceAt(line[i:]) {
			return strings.Join(strings.Fields(line), " ")
		}
		before = c
	}
	return line
}

// spaceAt reports whether s begins with a space beyond ASCII. Only four bytes begin any.
func spaceAt(s string) bool {
	switch s[0] {
	case 0xC2, 0xE1, 0xE2, 0xE3:
		r, _ := utf8.DecodeRuneInString(s)
		return unicode.IsSpace(r)
	}
	return false
}

func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return html.UnescapeString(s)
}
