package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sangam/storage"
)

const (
	// backupLook is how often it is asked whether a backup is due: the configuration may have
	// changed meanwhile, and the machine may have slept.
	backupLook = 30 * time.Second
	// backupRetry is how long to wait after a backup that failed: a full disk stays
	// full for a while, and a backup of a big store is not for free.
	backupRetry = 15 * time.Minute
)

// keepBackups makes the backups that the configuration asks for, until ctx ends. When the
// next one is due it tells from the files that are there, so restarts do not shift it.
func keepBackups(ctx context.Context, conf *current, db *storage.DB, watch *backupWatch, log *slog.Logger) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		next := backupLook
		rule := conf.get().Backup
		file, err := backUpIfDue(ctx, db, rule.Dir, rule.Every, rule.Keep, time.Now())
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			log.Error("backup", "err", err)
			watch.note(err, time.Now())
			next = backupRetry
		case file != "":
			log.Info("backup", "file", file)
			watch.note(nil, time.Now())
		case rule.Dir == "":
			watch.note(nil, time.Now())
		}
		timer.Reset(next)
	}
}

// backUpIfDue makes a backup if the newest one is older than every, and returns its name.
func backUpIfDue(ctx context.Context, db *storage.DB, dir string, every time.Duration, keep int, now time.Time) (string, error) {
	if dir == "" {
		return "", nil
	}
	last, err := storage.LastRotated(dir, now)
	if err != nil || now.Sub(last) < every {
		return "", err
	}
	file, err := db.Rotate(ctx, dir, keep, now, nil)
	if err != nil {
		return "", fmt.Errorf("rotate in %s: %w", dir, err)
	}
	return file, nil
}

// A backupWatch remembers whether backups fail, for who has not looked into the log: a
// backup is missed when it is too late. The zero one is ready.
type backupWatch struct {
	mu    sync.Mutex
	since time.Time // the first of those that failed in a row
	err   error     // of the last
}

func (w *backupWatch) note(err error, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.since = now
	}
	w.err = err
}

// notices is what an operator should know first of the backups.
func (w *backupWatch) notices() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return []string{fmt.Sprintf("since %s no backup can be made: %v", w.since.UTC().Format(clock), w.err)}
}
