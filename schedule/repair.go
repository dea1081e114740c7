package schedule

import (
	"fmt"
	"strconv"
	"strings"
)

// field is one of the five of a cron line, with what robfig lets through unseen.
type field struct {
	name     string
	low, top int
}

var fields = []field{{"minute", 0, 59}, {"hour", 0, 23}, {"day of month", 1, 31}, {"month", 1, 12}, {"day of week", 0, 7}}

var weekdays = map[string]int{"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6}

// repair refuses what robfig would misunderstand in silence (an empty part of a
// list, a step that is longer than its field, "*-5") and rewrites Sunday = 7 into
// what it understands. A descriptor ("@daily") passes untouched, and so does a
// line with a wrong number of fields, which robfig names well itself.
func repair(line string) (string, error) {
	if line == "" {
		return "", fmt.Errorf("an empty cron line: write five fields, as in \"*/15 * * * *\", or \"@every 15m\"")
	}
	parts := strings.Fields(line)
	named := fields
	if len(parts) == 6 {
		named = append([]field{{"second", 0, 59}}, fields...)
	}
	if strings.HasPrefix(line, "@") || len(parts) != len(named) {
		return line, nil
	}
	for i, f := range named {
		for _, part := range strings.Split(parts[i], ",") {
			if err := f.check(part); err != nil {
				return "", fmt.Errorf("%s %q: %w", f.name, parts[i], err)
			}
		}
	}
	last := len(parts) - 1
	days, err := weekday(parts[last])
	if err != nil {
		return "", fmt.Errorf("day of week %q: %w", parts[last], err)
	}
	parts[last] = days
	return strings.Join(parts, " "), nil
}

// check looks at one part of a list.
func (f field) check(part string) error {
	span, step, stepped := strings.Cut(part, "/")
	switch {
	case part == "":
		return fmt.Errorf("a comma with nothing beside it")
	case span == "":
		return fmt.Errorf("a step needs a range before it, as in \"*/5\"")
	case (span[0] == '*' || span[0] == '?') && len(span) > 1:
		return fmt.Errorf("%q: a star stands alone", span)
	}
	if n, err := strconv.Atoi(step); stepped && err == nil && n > f.top-f.low {
		hint := ""
		if f.name == "minute" {
			hint = fmt.Sprintf("; for every %d minutes write \"@every %dm\"", n, n)
		}
		return fmt.Errorf("a step of %d is longer than the field, it would fire once%s", n, hint)
	}
	return nil
}

// weekday rewrites the parts of a list that touch the Sunday at the week's end
// (7, "5-7", "fri-sun") as plain numbers from 0 to 6.
func weekday(list string) (string, error) {
	parts := strings.Split(list, ",")
	for i, part := range parts {
		span, step, stepped := strings.Cut(part, "/")
		from, to, ranged := strings.Cut(span, "-")
		low, lowOK := dayNumber(from)
		high, highOK := dayNumber(to)
		if !ranged {
			high, highOK = low, lowOK
		}
		if ranged && strings.EqualFold(to, "sun") && low > 0 {
			high = 7
		}
		if !lowOK || !highOK || high != 7 || low > high {
			continue // no Sunday at the end, or nothing we understand: robfig's to judge
		}
		by := 1
		if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
			return "", fmt.Errorf("step %q is not a positive number", step)
		} else if stepped {
			by = n
		}
		var days []string
		for day := low; day <= high; day += by {
			days = append(days, strconv.Itoa(day%7))
		}
		parts[i] = strings.Join(days, ",")
	}
	return strings.Join(parts, ","), nil
}

func dayNumber(name string) (int, bool) {
	if n, ok := weekdays[strings.ToLower(name)]; ok {
		return n, true
	}
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && n <= 7
}
