package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestServiceUnitIsHardened asks systemd itself: an exposure of at most 1.5 of 10 is
// what it calls "OK", and nothing but the network is open.
func TestServiceUnitIsHardened(t *testing.T) {
	out, err := exec.Command(need(t, "systemd-analyze"), "security", "--offline=true", "--threshold=15", "../../deploy/sangam.service").CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestServiceUnitHasNoMistake lets systemd read the unit. Before version 253 it does not
// know notify-reload and says that it stays with notify.
func TestServiceUnitHasNoMistake(t *testing.T) {
	out, _ := exec.Command(need(t, "systemd-analyze"), "verify", "--man=no", "../../deploy/sangam.service").CombinedOutput()
	expected := regexp.MustCompile(`ignoring: notify-reload|/usr/local/bin/sangam is not executable`)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sangam.service") && !expected.MatchString(line) {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}
