package normalize

import (
	"strings"
	"time"
	"unicode/utf8"
)

// wordy reads dates made of words and numbers in whatever order people write them:
// the month is the word that names one, the year has four digits or comes after the
// day, the time has a colon, and what says nothing (weekdays, "at", "Uhr") is passed
// over.
type wordy struct {
	cursor
	moment
	named     bool // a word named the month
	tentative bool // … which may have been the weekday "mar"
	day, year bool // have been read
	clocked   bool // a time of day has been read
	zoned     bool
	thai      bool   // the month is in Thai, and so the year counted from the Buddha's death
	half      string // "am" or "pm"
	home      time.Duration
}

// wordyTime reads a date of which one part at least is not a number, or whose parts
// come in another order than in ISO 8601.
func wordyTime(s string) (time.Time, bool) {
	if strings.HasPrefix(s, "-") { // a year before the first
		return time.Time{}, false
	}
	w := wordy{cursor: cursor{s: s}}
	return w.finish()
}

// finish reads to the end and returns the moment.
func (w *wordy) finish() (time.Time, bool) {
	for !w.done() {
		if !w.piece() {
			return time.Time{}, false
		}
	}
	if !w.year || w.month == 0 && !w.day {
		return time.Time{}, false
	}
	w.applyHalf()
	if w.thai && w.moment.year > 2400 {
		w.moment.year -= 543
	}
	if !w.zoned {
		w.offset = w.home
	}
	return w.time()
}

// piece reads one number, word, offset, comment or sign.
func (w *wordy) piece() bool {
	switch c := w.peek(); {
	case isDigit(c):
		return w.numeral()
	case (c == '+' || c == '-') && w.clocked:
		if !w.readOffset() {
			w.pos++
		}
	case c == '(':
		w.comment()
	case c == '\'': // '04
		w.pos++
	case c >= utf8.RuneSelf || isLetter(c):
		w.readWord()
	default:
		w.pos++
	}
	return true
}

// comment skips a comment in parentheses (RFC 5322, 3.2.2), unless it names the only zone.
func (w *wordy) comment() {
	inner, _, _ := strings.Cut(w.s[w.pos+1:], ")")
	if z, known := zones[strings.TrimSpace(inner)]; known && w.clocked && !w.zoned {
		w.offset, w.zoned = z, true
	}
	w.pos = min(w.pos+len(inner)+2, len(w.s))
}

// numeral reads a number and what belongs to it: a time, a date of three numbers, or
// one part of a date.
func (w *wordy) numeral() bool {
	run := w.run()
	after := w.s[w.pos+run:]
	if run <= 2 && !w.clocked && w.looksLikeClock(after) {
		return w.readClock(false)
	}
	if !w.year && run <= 4 && run != 3 {
		if ok, found := w.threeNumbers(); found {
			return ok
		}
	}
	value, digits := w.number(run)
	if unit, size := unitAt(w.s[w.pos:]); size > 0 {
		w.pos += size
		return w.setUnit(unit, value)
	}
	switch {
	case digits == 4 && !w.year, digits == 3 && !w.year && w.day:
		w.moment.year, w.year = fullYear(value, digits), true
	case digits <= 2 && !w.day && value >= 1 && value <= 31:
		w.moment.day, w.day = value, true
		w.ordinalSuffix()
	case digits <= 2 && w.day && !w.year && w.month > 0:
		w.moment.year, w.year = fullYear(value, 2), true
	case digits <= 2 && w.day && w.year && !w.clocked && value <= 24: // "19 Uhr"
		w.clock, w.clocked = time.Duration(value)*time.Hour, true
	default:
		return false
	}
	return true
}

// looksLikeClock reports whether a number of one or two digits, followed by after, is
// the hour.
func (w *wordy) looksLikeClock(after string) bool {
	if len(after) >= 2 && after[0] == ':' && (isDigit(after[1]) || after[1] == ' ') {
		return true
	}
	if strings.HasPrefix(after, "h") && (len(after) == 1 || !isLetter(after[1])) {
		return true
	}
	if w.year && w.day && len(after) >= 3 && after[0] == '.' && isDigit(after[1]) && isDigit(after[2]) {
		return true
	}
	word := strings.TrimPrefix(after, " ")
	return strings.HasPrefix(word, "am") || strings.HasPrefix(word, "pm") ||
		strings.HasPrefix(word, "a.m") || strings.HasPrefix(word, "p.m")
}

func (w *wordy) readClock(iso bool) bool {
	var ok bool
	w.clock, ok = clock(&w.cursor, iso)
	w.clocked = ok
	return ok
}

// threeNumbers reads a date such as 2006/09/15, 13.04.2004 or 4/13/2004 with found set,
// or leaves the cursor where it was.
func (w *wordy) threeNumbers() (ok, found bool) {
	c := w.cursor
	var n, digits [3]int
	var sep byte
	for i := range n {
		if i > 0 {
			if sep = c.peek(); sep != '/' && sep != '.' && sep != '-' || i == 2 && c.s[c.pos] != sep {
				return false, false
			}
			c.pos++
			c.eat(' ')
		}
		if n[i], digits[i] = c.number(4); digits[i] == 0 || digits[i] == 3 || isDigit(c.peek()) {
			return false, false
		}
	}
	w.cursor = c
	w.named, w.day, w.year = true, true, true
	first, second, third := n[0], n[1], n[2]
	if digits[0] == 4 {
		w.moment.year, w.month, w.moment.day = first, second, third
		return second >= 1 && third >= 1, true
	}
	w.moment.year = fullYear(third, digits[2])
	switch {
	case sep == '.', first > 12, first == second:
		w.moment.day, w.month = first, second
	case second > 12, w.american():
		w.month, w.moment.day = first, second
	default:
		return false, true // which is the month?
	}
	return first >= 1 && second >= 1, true
}

// american reports whether a time with AM or PM stands in the date.
func (w *wordy) american() bool {
	for _, word := range strings.FieldsFunc(w.s, func(r rune) bool { return r != '.' && (r < 'a' || r > 'z') }) {
		if word = strings.ReplaceAll(word, ".", ""); word == "am" || word == "pm" {
			return true
		}
	}
	return false
}

// ordinalSuffix skips what makes "1" the first.
func (w *wordy) ordinalSuffix() {
	for _, suffix := range [...]string{"st", "nd", "rd", "th", "er", "o", "a", "-го"} {
		after, found := strings.CutPrefix(w.s[w.pos:], suffix)
		if found && (after == "" || !isLetter(after[0])) {
			w.pos += len(suffix)
			return
		}
	}
}

// The units of the dates of East Asia, which follow their number.
const (
	unitYear = iota
	unitMonth
	unitDay
	unitHour
	unitMinute
	unitSecond
)

var units = map[rune]int{
	'年': unitYear, '년': unitYear, '月': unitMonth, '월': unitMonth, '日': unitDay, '号': unitDay, '號': unitDay, '일': unitDay,
	'时': unitHour, '時': unitHour, '点': unitHour, '點': unitHour, '시': unitHour,
	'分': unitMinute, '분': unitMinute, '秒': unitSecond, '초': unitSecond,
}

// unitAt returns the unit at the start of s and its length in bytes, 0 if there is none.
func unitAt(s string) (unit, size int) {
	spaced := strings.TrimPrefix(s, " ")
	r, n := utf8.DecodeRuneInString(spaced)
	unit, known := units[r]
	if !known {
		return 0, 0
	}
	return unit, n + len(s) - len(spaced)
}

func (w *wordy) setUnit(unit, value int) bool {
	switch unit {
	case unitYear:
		w.moment.year, w.year = value, true
	case unitMonth:
		w.month, w.named = value, true
	case unitDay:
		w.moment.day, w.day = value, true
	case unitHour:
		w.clock += time.Duration(value) * time.Hour
		w.clocked = true
		return value <= 24
	case unitMinute:
		w.clock += time.Duration(value) * time.Minute
		return value <= 59
	case unitSecond:
		w.clock += time.Duration(value) * time.Second
		return value <= 60
	}
	return value > 0
}

// readWord reads a word and takes from it what it says: a month, a half of the day, a zone.
func (w *wordy) readWord() {
	word := w.word()
	if month, known := months[word]; known {
		w.setMonth(word, month)
		return
	}
	if second, known := monthPairs[word]; known {
		save := w.pos
		w.eat(' ')
		next := w.word()
		if month, known := second[next]; known {
			w.setMonth(next, month)
			return
		}
		w.pos = save
	}
	if home, known := homes[word]; known {
		w.home = home
	}
	if half, known := halves[word]; known {
		w.half = half
		return
	}
	if word == "thang" { // Vietnamese: "month", then its number
		w.eat(' ')
		if n, digits := w.number(2); digits > 0 && n <= 12 {
			w.setMonth(word, n)
		}
		return
	}
	if zone, known := zones[word]; known && w.clocked && !w.zoned {
		w.offset, w.zoned = zone, true
	}
}

// setMonth takes the month that a word names; the first one, unless that was "mar",
// which is a Tuesday in four languages and March in more.
func (w *wordy) setMonth(word string, month int) {
	if !w.named || w.tentative {
		w.month, w.named = month, true
		w.tentative = word == "mar"
		w.thai = thai[word]
	}
}

// word reads letters, and the dots of "a.m.".
func (w *wordy) word() string {
	start := w.pos
	for !w.done() {
		c := w.s[w.pos]
		if c < utf8.RuneSelf {
			if !isLetter(c) {
				break
			}
			w.pos++
			continue
		}
		_, size := utf8.DecodeRuneInString(w.s[w.pos:])
		w.pos += size
	}
	if w.pos == start && !w.done() {
		_, size := utf8.DecodeRuneInString(w.s[w.pos:])
		w.pos += size
	}
	word := w.s[start:w.pos]
	if word == "a" || word == "p" || word == "π" || word == "μ" {
		m := "m"
		if word == "π" || word == "μ" {
			m = "μ"
		}
		for _, tail := range [...]string{"." + m, ". " + m, " " + m} {
			after, found := strings.CutPrefix(w.s[w.pos:], tail)
			if found && (after == "" || !isLetter(after[0])) {
				w.pos += len(tail)
				return word + m
			}
		}
	}
	return word
}

// applyHalf applies the word for the half of the day to the time of day. On "19:48 PM"
// it says nothing new.
func (w *wordy) applyHalf() {
	switch hours := w.clock / time.Hour; {
	case w.half == "am" && hours == 12:
		w.clock -= 12 * time.Hour
	case w.half == "pm" && hours < 12:
		w.clock += 12 * time.Hour
	}
}

// readOffset reads an offset from Greenwich: +5, +05, +0530, +05:30, -8:00.
func (w *wordy) readOffset() bool {
	c := w.cursor
	west := c.s[c.pos] == '-'
	c.pos++
	run := c.run()
	var h, min int
	switch run {
	case 1, 2:
		h, _ = c.number(2)
		if c.peek() == ':' && c.pos+2 < len(c.s) && isDigit(c.s[c.pos+1]) && isDigit(c.s[c.pos+2]) {
			c.pos++
			min, _ = c.number(2)
			if c.peek() == ':' { // seconds, which no zone has today
				c.pos++
				c.number(2)
			}
		}
	case 3:
		h, _ = c.number(1)
		min, _ = c.number(2)
	case 4:
		h, _ = c.number(2)
		min, _ = c.number(2)
	default:
		return false
	}
	if h > 15 || min > 59 || isDigit(c.peek()) {
		return false
	}
	w.cursor = c
	w.offset = time.Duration(h)*time.Hour + time.Duration(min)*time.Minute
	if west {
		w.offset = -w.offset
	}
	w.zoned = true
	return true
}
