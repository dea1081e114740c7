package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sangam/config"
	"sangam/internal/outlet"
)

// heard is a service manager's socket: what it is told comes out of the channel.
func heard(t *testing.T) (socket string, messages <-chan string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // a socket's name must be short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	said, ended := make(chan string, 10000), make(chan struct{})
	go func() {
		defer close(ended)
		for b := make([]byte, 4096); ; {
			n, err := conn.Read(b)
			if err != nil {
				return
			}
			said <- string(b[:n])
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-ended
		os.RemoveAll(dir)
	})
	return socket, said
}

// await returns the first message that holds all the words, and what came before it.
func await(t *testing.T, messages <-chan string, words ...string) (message string, before []string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case m := <-messages:
			missing := false
			for _, w := range words {
				missing = missing || !strings.Contains(m, w)
			}
			if !missing {
				return m, before
			}
			before = append(before, m)
		case <-deadline:
			t.Fatalf("the service manager is not told %q, only %q", words, before)
		}
	}
}

// TestServiceManagerIsToldHowTheDaemonFares is systemd's side of Type=notify-reload
// with a watchdog, over the real daemon.
func TestServiceManagerIsToldHowTheDaemonFares(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald})
	socket, messages := heard(t)
	d.env = []string{"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000"}
	d.start()
	if _, before := await(t, messages, "READY=1"); len(before) > 0 {
		t.Errorf("before it was ready it told %q", before)
	}
	await(t, messages, "STATUS=1 sources, 0 failing", "WATCHDOG=1")
	await(t, messages, "WATCHDOG=1")

	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m, _ := await(t, messages, "RELOADING=1")
	_, usec, _ := strings.Cut(strings.TrimSpace(m), "MONOTONIC_USEC=")
	if n, err := strconv.ParseInt(usec, 10, 64); err != nil || n <= 0 {
		t.Errorf("reloading, it told %q, want MONOTONIC_USEC with the time", m)
	}
	await(t, messages, "READY=1")

	d.configure(nil, "nonsense: 1\n")
	await(t, messages, "RELOADING=1")
	await(t, messages, "READY=1") // with the old configuration
	await(t, messages, "the configuration file was refused", "WATCHDOG=1")

	d.stop()
	await(t, messages, "STOPPING=1")
}

// TestWatchdogIsNotFedByADaemonThatHangs: the sign of life is waited for, not timed.
func TestWatchdogIsNotFedByADaemonThatHangs(t *testing.T) {
	socket, messages := heard(t)
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "2000")
	ctx, cancel := context.WithCancel(t.Context())
	rounds, hanging := 0, make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- supervisor{slog.New(slog.DiscardHandler)}.attend(ctx, func(ctx context.Context) (string, error) {
			switch rounds++; rounds {
			case 1:
				return "well", nil
			case 2:
				return "", errors.New("the store does not answer")
			}
			close(hanging)
			<-ctx.Done()
			return "", ctx.Err()
		})
	}()
	await(t, messages, "STATUS=well", "WATCHDOG=1")
	if m, _ := await(t, messages, "the store does not answer"); strings.Contains(m, "WATCHDOG") {
		t.Errorf("without a sign of life it told %q", m)
	}
	<-hanging
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, before := await(t, messages, "STOPPING=1"); len(before) > 0 {
		t.Errorf("hanging, it told %q", before)
	}
}

func TestLogTellsDurationsInWordsInBothFormats(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var said bytes.Buffer
		logger(&said, config.Log{Format: format}).Info("visit", "took", 3*time.Millisecond)
		if !strings.Contains(said.String(), "3ms") {
			t.Errorf("%s: got %s, want 3ms", format, &said)
		}
	}
}
