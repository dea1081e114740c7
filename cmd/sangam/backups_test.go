package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sangam/config"
	"sangam/internal/outlet"
	"sangam/storage"
)

// TestBackupsAreMadeWhenDueAndTheOldestGo walks through four days by hand.
func TestBackupsAreMadeWhenDueAndTheOldestGo(t *testing.T) {
	dir := t.TempDir()
	opts := storeOptions(&config.Config{Window: time.Hour}, nil)
	db, err := storage.Open(filepath.Join(dir, "sangam.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	backups := filepath.Join(dir, "backups")
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var made []string
	for range 4 * 8 { // every three hours, as if restarted each time
		file, err := backUpIfDue(t.Context(), db, backups, 24*time.Hour, 2, now)
		if err != nil {
			t.Fatal(err)
		}
		if file != "" {
			made = append(made, file)
		}
		now = now.Add(3 * time.Hour)
	}
	left, _ := filepath.Glob(backups + "/*")
	if len(made) != 4 || strings.Join(left, " ") != strings.Join(made[2:], " ") {
		t.Errorf("made %q, left %q; want four made and the last two left", made, left)
	}
	// The clock is set back by a week: what was made until then is from the future now, and no reason to make
	// one each time, nor to drop the one just made.
	now = now.Add(-7 * 24 * time.Hour)
	made = nil
	for keep := 3; keep > 0; keep-- {
		for range 4 { // every twenty minutes
			file, err := backUpIfDue(t.Context(), db, backups, time.Hour, keep, now)
			if err != nil {
				t.Fatal(err)
			}
			if file != "" {
				made = append(made, file)
			}
			now = now.Add(20 * time.Minute)
		}
		if left, _ := filepath.Glob(backups + "/*"); len(left) != keep || !slices.Contains(left, made[len(made)-1]) {
			t.Errorf("after the clock was set back: made %q, left %q; want %d left and the newest among them", made, left, keep)
		}
	}
	if len(made) != 4 {
		t.Errorf("after the clock was set back: made %q in four hours, want one an hour", made)
	}
	if file, err := backUpIfDue(t.Context(), db, "", time.Hour, 2, now); file != "" || err != nil {
		t.Errorf("without a directory: %q, %v", file, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "taken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backUpIfDue(t.Context(), db, filepath.Join(dir, "taken"), time.Hour, 2, now); err == nil {
		t.Error("a directory that is a file: no error")
	}
}

// TestBackupThatFailsIsToldUntilOneIsMade points a daemon at a directory that is a file.
func TestBackupThatFailsIsToldUntilOneIsMade(t *testing.T) {
	outlets := map[string]*outlet.Outlet{"herald": openOutlet(t, "herald", outlet.RSS2)}
	d := newDaemon(t, outlets)
	write(t, filepath.Join(d.dir, "taken"), "")
	d.configure(outlets, "backup: {dir: taken}\n")
	d.start()
	told := func() bool {
		out, _, _ := d.command("status")
		return strings.Contains(out, "no backup can be made: ") && strings.Contains(d.ask("/metrics"), "sangam_backup_successful 0\n")
	}
	d.soon("that the backup fails", told)
	d.stop()
	if err := os.Remove(filepath.Join(d.dir, "taken")); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.soon("the backup", func() bool {
		made, _ := filepath.Glob(filepath.Join(d.dir, "taken", "*.backup.db"))
		return len(made) == 1
	})
	d.soon("that all is well", func() bool { return !told() && strings.Contains(d.ask("/metrics"), "sangam_backup_successful 1\n") })
	d.stop()
}

// TestDamagedStoreIsNamedWithItsBackupAndKept cuts a store short.
func TestDamagedStoreIsNamedWithItsBackupAndKept(t *testing.T) {
	dir := t.TempDir()
	file, conf, backup := filepath.Join(dir, "data", "sangam.db"), filepath.Join(dir, "config.yaml"), filepath.Join(dir, "safe", "sangam-20260301T120000Z.backup.db")
	text := "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\nbackup: {dir: safe}\nsources: [{url: http://127.0.0.1:1/}]\n"
	broken := bytes.Repeat([]byte{7}, 20_000)
	for name, content := range map[string][]byte{file: broken, conf: []byte(text), backup: nil} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"run", "--config", conf}, streams{strings.NewReader(""), &out, &errs})
	if status != exitFailure || !strings.Contains(errs.String(), "sangam.db is damaged") || !strings.Contains(errs.String(), "sangam restore "+backup) {
		t.Errorf("status %d, said:\n%s", status, errs.String())
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, broken) {
		t.Errorf("the damaged file was changed: %v", err)
	}
}
