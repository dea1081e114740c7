package fetcher

import (
	"net/http/httptrace"
	"strings"
	"testing"
	"time"
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
		e := &errand{timeout: c.whole, spent: c.spent, asked: time.Now().Add(-c.lasts)}
		if got := e.tooSlow("zoo.example", c.reached); !strings.Contains(got, c.says) {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// A request may get the connection that another gives back while one is made for it; what
// becomes of that one is not its matter.
func TestALateConnectionDoesNotSetTheStageBack(t *testing.T) {
	var p progress
	trace := p.trace()
	for _, step := range []struct {
		does string
		do   func()
		want stage
	}{
		{"looks for a connection", func() { trace.GetConn("zoo.example:443") }, resolving},
		{"begins to make one", func() { trace.ConnectStart("tcp", "192.0.2.1:443") }, dialling},
		{"greets", func() { trace.TLSHandshakeStart() }, greeting},
		{"gets another's", func() { trace.GotConn(httptrace.GotConnInfo{Reused: true}) }, sending},
		{"hears of its own", func() { trace.TLSHandshakeStart() }, sending},
		{"has written", func() { trace.WroteRequest(httptrace.WroteRequestInfo{}) }, waiting},
		{"hears of its own again", func() { trace.ConnectStart("tcp", "192.0.2.2:443") }, waiting},
		{"was cut off and looks for a connection", func() { trace.GetConn("zoo.example:443") }, resolving},
		{"makes one", func() { trace.ConnectStart("tcp", "192.0.2.1:443") }, dialling},
	} {
		if step.do(); p.stage() != step.want {
			t.Errorf("who %s is at stage %d, want %d", step.does, p.stage(), step.want)
		}
	}
}
