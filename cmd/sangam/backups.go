package main

import (
	"context"
	"fmt"
	"log/slog"
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
func keepBackups(ctx context.Context, conf *current, db *storage.DB, log *slog.Logger) error {
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
			next = backupRetry
		case file != "":
			log.Info("backup", "file", file)
		}
		timer.Reset(next)
	}
}

// backUpIfDue makes a backup if the newest one is older than every, and returns its name.
func backUpIfDue(ctx context.Context, db *storage.DB, dir string, every time.Duration, keep int, now time.Time) (string, error) {
	if dir == "" {
		return "", nil
	}
	last, err := storage.LastRotated(dir)
	if err != nil {
		return "", err
	}
	// A backup from the future was made before the clock was set right.
	if now.Sub(last) < every && !last.After(now) {
		return "", nil
	}
	file, err := db.Rotate(ctx, dir, keep, now, nil)
	if err != nil {
		return "", fmt.Errorf("rotate in %s: %w", dir, err)
	}
	return file, nil
}
