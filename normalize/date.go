package normalize

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Time reads a date as feeds write them and returns it in UTC; false means that
// nobody could say which moment is meant. It reads RFC 822, 850, 1123, 2822, 3339 and
// 5322, ISO 8601 (calendar, week and ordinal dates, basic and extended, down to a
// year), asctime, date(1), HTTP, e-mail, database and spreadsheet forms, Unix seconds
// and milliseconds, and dates with the names of months in some forty languages and the
// decimal digits of any script, with comments and odd spaces.
//
// A date without a zone is UTC, as is one with a zone that is not in the table of
// zones: the host's own zone never matters. A date without a time is midnight. The
// order of "03/04/2004" is a guess that Time does not make, except that a time with
// AM or PM marks an American writer; "13/04/2004" and "13.04.2004" are clear. A day
// that its month does not have is no date. Whether the moment is plausible is for the
// caller to judge: year 1 is a date.
func Time(raw string) (time.Time, bool) {
	if len(raw) > longestDate {
		return time.Time{}, false
	}
	s := plainDate(raw)
	if t, ok := isoTime(s); ok {
		return t, true
	}
	return wordyTime(s)
}

// longestDate is the longest text, in bytes, that is looked at as a date. The longest
// honest ones, with comments and in scripts of three bytes a letter, have about 100.
const longestDate = 256

// plainDate writes a date in lower case with ASCII digits, one space between words,
// without invisible characters and without vowel marks.
func plainDate(raw string) string {
	ascii := true
	for i := range len(raw) {
		if raw[i] >= 0x80 {
			raw, ascii = norm.NFKD.String(raw), false
			break
		}
	}
	var b strings.Builder
	b.Grow(len(raw))
	space := false
	for _, r := range raw {
		if r >= 0x80 {
			r = plainRune(r)
		}
		switch {
		case r == dropped:
			continue
		case r <= ' ' || r == 0x7F:
			space = true
			continue
		case 'A' <= r && r <= 'Z':
			r |= 0x20
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(r)
	}
	if ascii {
		return b.String()
	}
	return norm.NFC.String(b.String())
}

const dropped = -1

// plainRune returns what plainDate makes of one character of a decomposed text.
func plainRune(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Nd, r):
		return '0' + digitValue(r)
	case unicode.Is(unicode.Cf, r), r == '\u0640', r == '\u093C', r == '\u09BC', r < 0x0700 && unicode.Is(unicode.Mn, r):
		return dropped // invisible, tatweel, nukta, accents and vowel marks
	case '\u2010' <= r && r <= '\u2015', r == '\u2212':
		return '-'
	case r == '\u060C', r == '\u3001', r == '\u00B7':
		return ','
	case r == 'ي', r == 'ى':
		return 'ی'
	case r == 'ك':
		return 'ک'
	case r == 'ة', r == 'ہ':
		return 'ه'
	}
	return unicode.ToLower(r)
}

// digitValue returns what a decimal digit of any script is worth. Unicode keeps the
// ten digits of a script together and in order.
func digitValue(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

// moment is a date in the making. Zero month and day mean the first.
type moment struct {
	year, month, day int
	clock            time.Duration // since midnight
	offset           time.Duration // east of Greenwich
}

// time returns the moment in UTC if there is such a day.
func (m moment) time() (time.Time, bool) {
	m.month, m.day = max(m.month, 1), max(m.day, 1)
	if m.year < 1 || m.year > 9999 || m.month > 12 || m.day > daysIn(m.year, m.month) {
		return time.Time{}, false
	}
	t := time.Date(m.year, time.Month(m.month), m.day, 0, 0, 0, 0, time.UTC)
	return t.Add(m.clock - m.offset), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// fullYear completes a year as written in digits: RFC 5322, 4.3 for three digits (the
// year 2000 bug counted on from 1900), and a century that ends in 2069 for two.
func fullYear(value, digits int) int {
	switch {
	case digits == 2 && value < 70:
		return 2000 + value
	case digits <= 3:
		return 1900 + value
	}
	return value
}

// cursor reads a text from left to right.
type cursor struct {
	s   string
	pos int
}

func (c *cursor) done() bool { return c.pos >= len(c.s) }

func (c *cursor) peek() byte {
	if c.done() {
		return 0
	}
	return c.s[c.pos]
}

func (c *cursor) eat(b byte) bool {
	if c.peek() != b || c.done() {
		return false
	}
	c.pos++
	return true
}

// number reads up to most digits and returns their value and how many there were.
func (c *cursor) number(most int) (value, digits int) {
	for !c.done() && isDigit(c.s[c.pos]) && digits < most {
		value = value*10 + int(c.s[c.pos]-'0')
		c.pos++
		digits++
	}
	return value, digits
}

// run returns how many digits stand at the cursor.
func (c *cursor) run() int {
	n := 0
	for c.pos+n < len(c.s) && isDigit(c.s[c.pos+n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isoTime reads ISO 8601 and its kin, "2004-01-02 03:04:05 GMT" and Unix times among
// them: whatever is a number from the start.
func isoTime(s string) (time.Time, bool) {
	c := cursor{s: s}
	if t, ok := unixTime(s); ok {
		return t, true
	}
	m, ok := isoDate(&c)
	if !ok {
		return time.Time{}, false
	}
	if c.done() {
		return m.time()
	}
	c.eat(',')
	spaced := c.eat(' ')
	if c.eat('t') || c.eat('_') {
		c.eat(' ')
		spaced = true
	}
	if !spaced && !c.eat(':') && !c.eat('-') && c.peek() != '+' && c.peek() != 'z' {
		return time.Time{}, false
	}
	w := wordy{cursor: c, moment: m, year: true, day: true}
	if isDigit(c.peek()) {
		if !w.readClock(true) {
			return time.Time{}, false
		}
	}
	return w.finish()
}

// unixTime reads seconds (10 digits) and milliseconds (13 digits) since 1970.
func unixTime(s string) (time.Time, bool) {
	whole, _, _ := strings.Cut(s, ".")
	if len(whole) != 10 && len(whole) != 13 {
		return time.Time{}, false
	}
	var n int64
	for i := range len(whole) {
		if !isDigit(whole[i]) {
			return time.Time{}, false
		}
		n = n*10 + int64(whole[i]-'0')
	}
	if len(whole) == 13 {
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}

// isoDate reads the date part: YYYY, YYYY-MM, YYYY-MM-DD, YYYYMMDD, YYYY-DDD, YYYYDDD,
// YYYY-Www-D, YYYY/MM/DD, YYYY.MM.DD, YY-MM-DD, YYMMDD, YYDDD and -YYMM.
func isoDate(c *cursor) (m moment, ok bool) {
	if c.peek() == '-' {
		return isoShort(c)
	}
	switch run := c.run(); {
	case run == 14 || run == 12: // YYYYMMDDhhmm[ss]
		m.year, _ = c.number(4)
		m.month, _ = c.number(2)
		m.day, _ = c.number(2)
		h, _ := c.number(2)
		min, _ := c.number(2)
		sec, _ := c.number(2)
		if m.month == 0 || m.day == 0 {
			return m, false
		}
		m.clock, ok = clockOf(h, min, sec)
		if ok && c.done() {
			return m, true
		}
		return m, false
	case run == 8:
		m.year, _ = c.number(4)
		m.month, _ = c.number(2)
		m.day, _ = c.number(2)
		return m, m.month > 0 && m.day > 0
	case run == 7:
		m.year, _ = c.number(4)
		n, _ := c.number(3)
		return m.ordinal(n)
	case run == 5:
		y, _ := c.number(2)
		m.year = fullYear(y, 2)
		n, _ := c.number(3)
		return m.ordinal(n)
	case run == 6:
		y, _ := c.number(2)
		m.year = fullYear(y, 2)
		m.month, _ = c.number(2)
		m.day, _ = c.number(2)
		return m, m.month > 0 && m.day > 0
	case run == 4 || run == 2 && strings.HasPrefix(c.s[c.pos+2:], "-"):
		n, digits := c.number(4)
		m.year = fullYear(n, digits)
		return isoTail(c, m)
	}
	return m, false
}

// isoShort reads the forms of ISO 8601:1988 without a century: -YYMM and -YY-MM.
func isoShort(c *cursor) (m moment, ok bool) {
	c.pos++
	if run := c.run(); run != 4 && run != 2 {
		return m, false
	}
	y, _ := c.number(2)
	c.eat('-')
	var digits int
	m.year = fullYear(y, 2)
	m.month, digits = c.number(2)
	return m, digits == 2 && m.month > 0 && c.done()
}

// isoTail reads what follows the year.
func isoTail(c *cursor, m moment) (moment, bool) {
	sep := c.peek()
	short := c.pos == 2 // a year of two digits
	if c.done() || sep == ' ' || sep == 't' || sep == 'z' {
		return m, !short
	}
	if c.eat('w') {
		return m.week(c)
	}
	if sep != '-' && sep != '/' && sep != '.' {
		return m, false
	}
	c.pos++
	if c.eat('w') {
		return m.week(c)
	}
	switch c.run() {
	case 3:
		n, _ := c.number(3)
		return m.ordinal(n)
	case 4:
		m.month, _ = c.number(2)
		m.day, _ = c.number(2)
		return m, m.month > 0 && m.day > 0
	case 1, 2:
	default:
		return m, false
	}
	m.month, _ = c.number(2)
	if m.month == 0 {
		return m, false
	}
	if !c.eat(sep) {
		return m, !short
	}
	var digits int
	if m.day, digits = c.number(2); digits == 0 || m.day == 0 || isDigit(c.peek()) {
		return m, false
	}
	return m, true
}

// ordinal sets the day of the year, 1 to 366.
func (m moment) ordinal(n int) (moment, bool) {
	if n < 1 || n > 366 || n == 366 && daysIn(m.year, 2) != 29 {
		return m, false
	}
	t := time.Date(m.year, 1, n, 0, 0, 0, 0, time.UTC)
	m.month, m.day = int(t.Month()), t.Day()
	return m, true
}

// week reads an ISO week and perhaps its day: 04, 04-7, 047.
func (m moment) week(c *cursor) (moment, bool) {
	week, digits := c.number(2)
	if digits != 2 || week < 1 || week > 53 {
		return m, false
	}
	day := 1
	if c.eat('-') || isDigit(c.peek()) {
		if day, digits = c.number(1); digits == 0 || day < 1 || day > 7 {
			return m, false
		}
	}
	fourth := time.Date(m.year, 1, 4, 0, 0, 0, 0, time.UTC) // always in week 1
	monday := 1 + 4 - 1 - (int(fourth.Weekday())+6)%7
	t := time.Date(m.year, 1, monday+(week-1)*7+day-1, 0, 0, 0, 0, time.UTC)
	if y, w := t.ISOWeek(); y != m.year || w != week {
		return m, false
	}
	m.year, m.month, m.day = t.Year(), int(t.Month()), t.Day()
	return m, true
}

// clock reads a time of day: 19:48:21.5, 19:48, 19h48, 19.48; and where ISO 8601
// allows it 194821, 1948, 19.
func clock(c *cursor, iso bool) (time.Duration, bool) {
	var h, min, sec int
	switch run := c.run(); {
	case run == 6 && iso:
		h, _ = c.number(2)
		min, _ = c.number(2)
		sec, _ = c.number(2)
	case run == 4 && iso:
		h, _ = c.number(2)
		min, _ = c.number(2)
	case run == 1 || run == 2:
		h, _ = c.number(2)
		if sep := c.peek(); sep == ':' || sep == '.' || sep == 'h' {
			c.pos++
			c.eat(' ')
			var digits int
			if min, digits = c.number(2); digits == 0 && sep != 'h' {
				return 0, false
			}
			if (sep == ':' || sep == '.') && c.peek() == sep && c.pos+1 < len(c.s) && isDigit(c.s[c.pos+1]) {
				c.pos++
				sec, _ = c.number(2)
			}
		}
	default:
		return 0, false
	}
	d, ok := clockOf(h, min, sec)
	if c.peek() == '.' || c.peek() == ',' || c.peek() == ':' {
		d += fraction(c)
	}
	if !ok || isDigit(c.peek()) {
		return 0, false
	}
	return d, true
}

// fraction reads a decimal fraction of a second, if there is one.
func fraction(c *cursor) time.Duration {
	if c.pos+1 >= len(c.s) || !isDigit(c.s[c.pos+1]) {
		return 0
	}
	c.pos++
	var d time.Duration
	unit := time.Second
	for isDigit(c.peek()) {
		unit /= 10
		d += time.Duration(c.s[c.pos]-'0') * unit
		c.pos++
	}
	return d
}

// clockOf checks a time of day. 24:00:00 is the end of the day (ISO 8601), second 60 a
// leap second.
func clockOf(h, min, sec int) (time.Duration, bool) {
	if h > 24 || min > 59 || sec > 60 || h == 24 && (min > 0 || sec > 0) {
		return 0, false
	}
	return time.Duration(h)*time.Hour + time.Duration(min)*time.Minute + time.Duration(sec)*time.Second, true
}
