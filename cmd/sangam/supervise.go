package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"sangam/server"
	"sangam/storage"
)

// supervisor is who started the daemon and looks after it: systemd, or whoever else
// speaks its protocol (sd_notify(3)). Where nobody does, telling it is nothing.
type supervisor struct{ log *slog.Logger }

// tell sends lines of the form NAME=value. That it cannot is no reason to stop.
func (s supervisor) tell(state string) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		s.log.Debug("telling the service manager", "err", err)
	}
}

// ready tells that both sides can be asked, or that the configuration has been read.
func (s supervisor) ready() { s.tell(systemd.SdNotifyReady) }

// reloading tells that the configuration is being read. The time is what systemd asks
// for with Type=notify-reload: it tells this reload from an earlier one.
func (s supervisor) reloading() {
	s.tell(systemd.SdNotifyReloading + "\n" + systemd.SdNotifyMonotonicUsec())
}

// statusEvery is how often the one line that "systemctl status" shows is made anew
// where no watchdog sets the pace.
const statusEvery = 30 * time.Second

// attend tells the supervisor how the daemon fares, until ctx ends. Each round asks
// for a sign of life, and waits for it as long as it takes: the watchdog is fed only
// by one, so a daemon in which something hangs is started again, its log ending with
// what every goroutine was doing.
func (s supervisor) attend(ctx context.Context, life func(context.Context) (string, error)) error {
	if os.Getenv("NOTIFY_SOCKET") == "" { // nobody listens, and to look at every source has its price
		<-ctx.Done()
		return nil
	}
	defer s.tell(systemd.SdNotifyStopping)
	watchdog, err := systemd.SdWatchdogEnabled(false)
	if err != nil {
		s.log.Warn("the service manager's watchdog is not fed", "err", err)
	}
	every := statusEvery
	if watchdog > 0 {
		every = min(every, watchdog/2) // as sd_watchdog_enabled(3) advises
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		status, err := life(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.log.Error("no sign of life", "err", err)
			s.tell("STATUS=" + err.Error())
		default:
			s.tell("STATUS=" + status + "\n" + systemd.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// alive returns nil once scheduler and store have both shown that they do not hang.
func alive(ctx context.Context, db *storage.DB, v *visits) error {
	if err := v.agenda.Alive(ctx); err != nil {
		return fmt.Errorf("ask the scheduler: %w", err)
	}
	if err := db.Alive(ctx); err != nil {
		return fmt.Errorf("ask the store: %w", err)
	}
	return nil
}

// readyWithin is how long /readyz waits for a sign of life.
const readyWithin = 4 * time.Second

// signOfLife returns, in one line, how the daemon fares, once scheduler and store have
// both shown that they do not hang.
func signOfLife(db *storage.DB, v *visits, r *reloader) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := alive(ctx, db, v); err != nil {
			return "", err
		}
		st, err := server.StatusOf(ctx, db, time.Now())
		if err != nil {
			return "", fmt.Errorf("ask the store: %w", err)
		}
		failing := 0
		for _, src := range st.Sources {
			if src.Health == "failing" {
				failing++
			}
		}
		line := fmt.Sprintf("%d sources, %d failing; %d visits under way", len(st.Sources), failing, v.agenda.Visiting())
		if !r.state().Refused.IsZero() {
			line += "; the configuration file was refused, the old one is in force"
		}
		if _, err := db.Writable(); err != nil {
			line += "; nothing can be stored: " + err.Error()
		}
		return line, nil
	}
}
