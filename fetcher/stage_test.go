package fetcher

import (
	"strings"
	"testing"
	"time"

	"sangam/feed"
)

// The limits of the stages are too long for a test to wait for.
func TestSlowStageIsToldFromSlowVisit(t *testing.T) {
	for _, c := range []struct {
		reached             stage
		whole, spent, lasts time.Duration
		says                string
	}{
		{waiting, time.Minute, 0, headerTimeout, "took more than 20s;"},
		{dialling, time.Minute, 0, dialTimeout, "took more than 10s;"},
		{greeting, time.Minute, 10 * time.Second, tlsTimeout, "took more than 10s;"},
		{waiting, 15 * time.Second, 0, 15 * time.Second, "whole visit may last 15s"},
		{waiting, time.Minute, 45 * time.Second, 15 * time.Second, "whole visit may last 1m0s"},
		{reading, time.Minute, 0, time.Minute, "whole visit may last 1m0s"},
	} {
		e := &errand{src: feed.Source{Timeout: c.whole}, spent: c.spent, asked: time.Now().Add(-c.lasts)}
		if got := e.tooSlow("zoo.example", c.reached); !strings.Contains(got, c.says) {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}
