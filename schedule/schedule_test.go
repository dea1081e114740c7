package schedule_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"sangam/schedule"
)

func utc(text string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	panic("not a time: " + text)
}

func TestSlots(t *testing.T) {
	for _, c := range []struct{ line, after, want string }{
		{"*/15 * * * *", "2025-03-01 10:00", "2025-03-01 10:15"},
		{"  */15 * * * * ", "2025-03-01 10:14:59", "2025-03-01 10:15"},
		{"@hourly", "2025-03-01 10:00", "2025-03-01 11:00"},
		{"@every 90m", "2025-03-01 00:00", "2025-03-01 01:30"},
		{"@every 90m", "2025-03-01 00:10", "2025-03-01 01:30"},
		{"0 6 * * 7", "2025-03-01 10:00", "2025-03-02 06:00"}, // Sunday
		{"0 6 * * 0", "2025-03-01 10:00", "2025-03-02 06:00"},
		{"0 6 * * 5-7", "2025-03-02 10:00", "2025-03-07 06:00"}, // Friday
		{"0 6 * * fri-sun", "2025-03-01 10:00", "2025-03-02 06:00"},
		{"0 6 * * 1-7/2", "2025-03-01 10:00", "2025-03-02 06:00"}, // 1, 3, 5, 7
		{"0 6 * * Mon,7", "2025-03-02 10:00", "2025-03-03 06:00"},
		{"CRON_TZ=Asia/Karachi 0 6 * * *", "2025-03-01 00:00", "2025-03-01 01:00"},
		{"TZ=Asia/Karachi   0 6 * * *", "2025-03-01 00:00", "2025-03-01 01:00"},
		{"CRON_TZ=Asia/Kathmandu 0 6 * * *", "2025-03-01 01:00", "2025-03-02 00:15"},
		{"0 0 29 2 *", "2025-03-01 00:00", "2028-02-29 00:00"},
		{"0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"}, // 2100 is no leap year
		// The clock is put forward from 2:00 to 3:00 on 30 March, at 01:00 UTC.
		{"CRON_TZ=Europe/Berlin 30 2 * * *", "2025-03-29 12:00", "2025-03-30 01:00"},
		{"CRON_TZ=Europe/Berlin */5 2 * * *", "2025-03-29 12:00", "2025-03-30 01:00"},
		{"CRON_TZ=Europe/Berlin */5 2 * * *", "2025-03-30 01:00", "2025-03-31 00:00"},
		{"CRON_TZ=Europe/Berlin 30 * * * *", "2025-03-30 00:30", "2025-03-30 01:30"},
		// It is put back from 3:00 to 2:00 on 26 October, at 01:00 UTC.
		{"CRON_TZ=Europe/Berlin 30 2 * * *", "2025-10-25 12:00", "2025-10-26 00:30"},
		{"CRON_TZ=Europe/Berlin 30 2 * * *", "2025-10-26 00:30", "2025-10-27 01:30"},
		{"CRON_TZ=Europe/Berlin 30 * * * *", "2025-10-26 00:30", "2025-10-26 01:30"},
		// Midnight does not exist on that day.
		{"CRON_TZ=America/Santiago 0 0 * * *", "2025-09-06 12:00", "2025-09-07 04:00"},
		// Half an hour, and a whole day, that were skipped.
		{"CRON_TZ=Australia/Lord_Howe 15 2 * * *", "2025-10-04 00:00", "2025-10-04 15:30"},
		{"CRON_TZ=Pacific/Apia 0 12 * * *", "2011-12-30 00:00", "2011-12-30 10:00"},
	} {
		s, err := schedule.Parse(c.line)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		if got := s.Next(utc(c.after)); !got.Equal(utc(c.want)) {
			t.Errorf("%s after %s: got %s, want %s", c.line, c.after, got.Format(time.RFC3339), c.want)
		}
	}
}

func TestLinesThatWouldHurtAreRefused(t *testing.T) {
	for line, hint := range map[string]string{
		"":                              "empty",
		"   ":                           "empty",
		"TZ=UTC":                        "schedule must follow",
		"CRON_TZ=":                      "schedule must follow",
		"CRON_TZ=Europe/Berlin":         "schedule must follow",
		"CRON_TZ= * * * * *":            "depends on the machine",
		"TZ=Local * * * * *":            "depends on the machine",
		"TZ=Mars/Olympus * * * * *":     "unknown time zone",
		"TZ=../../etc/passwd * * * * *": "unknown time zone",
		"@every 1ns":                    "too often",
		"@every 0s":                     "too often",
		"@every -1h":                    "too often",
		"@every 59s":                    "too often",
		"@every 5s":                     "too often",
		"@every 90000h":                 "less than once a year",
		"@every":                        "wants a duration",
		"@every5m":                      "wants a duration",
		"@every 99999999h":              "less than once a year",
		"@every 99999999999999999999s1": "wants a duration",
		"@every soon":                   "wants a duration",
		"@sometimes":                    "unrecognized",
		"0 0 30 2 *":                    "never fires",
		"0 0 31 2,4,6,9,11 *":           "never fires",
		"* * * *":                       "expected exactly 5",
		"* * * * * *":                   "expected exactly 5",
		", * * * *":                     "comma",
		"1,,2 * * * *":                  "comma",
		"*-5 * * * *":                   "star stands alone",
		"*/90 * * * *":                  "@every 90m",
		"*/0 * * * *":                   "positive",
		"60 * * * *":                    "above maximum",
		"0 0 * * 8":                     "above maximum",
		"0 0 * * 7/x":                   "positive",
		"0 0 * * 6-2":                   "beyond end",
		"hello world how are you":       "not a cron line",
		"99999999999999999999 * * * *":  "not a cron line",
		"\x00 * * * *":                  "not a cron line",
	} {
		s, err := schedule.Parse(line)
		if err == nil {
			t.Errorf("%q: accepted as %v, want an error with %q", line, s, hint)
		} else if !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: got %q, want an error with %q", line, err, hint)
		}
	}
}

func TestSecondsOnlyIfAllowed(t *testing.T) {
	schedule.AllowSeconds.Store(true)
	defer schedule.AllowSeconds.Store(false)
	at := utc("2025-03-01 10:00")
	for line, want := range map[string]string{"@every 5s": "2025-03-01 10:00:05", "*/7 * * * * *": "2025-03-01 10:00:07", "0 * * * *": "2025-03-01 11:00"} {
		s, err := schedule.Parse(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if got := s.Next(at); !got.Equal(utc(want)) {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
	if _, err := schedule.Parse("@every 500ms"); err == nil {
		t.Error("half a second is accepted")
	}
}

// FuzzParse: whatever is accepted fires again and again, never backwards, and at
// most once a minute.
func FuzzParse(f *testing.F) {
	for _, line := range []string{"*/15 * * * *", "CRON_TZ=Europe/Berlin 30 2 * * *", "@every 61s", "TZ=UTC", "0 0 29 2 *", "0 6 * * 5-7"} {
		f.Add(line, int64(1761440000))
	}
	f.Fuzz(func(t *testing.T, line string, unix int64) {
		s, err := schedule.Parse(line)
		if err != nil {
			return
		}
		at := time.Unix(int64(math.Abs(float64(unix%4102444800))), 0)
		last := at
		for i := range 5 {
			next := s.Next(last)
			if !next.After(last) || (i > 0 && next.Sub(last) < time.Minute) {
				t.Fatalf("%q: after %s comes %s", line, last, next)
			}
			last = next
		}
	})
}

func ExampleParse() {
	s, _ := schedule.Parse("CRON_TZ=Asia/Karachi 0 6 * * *")
	fmt.Println(s.Next(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)))
	_, err := schedule.Parse("*/90 * * * *")
	fmt.Println(err)
	// Output:
	// 2025-03-01 01:00:00 +0000 UTC
	// minute "*/90": a step of 90 is longer than the field, it would fire once; for every 90 minutes write "@every 90m"
}
