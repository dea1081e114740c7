package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/spf13/cobra"

	"sangam/storage"
)

// storeCommands look after the store's file.
func storeCommands(opt *options) []*cobra.Command {
	compactCmd := &cobra.Command{
		Use:   "compact",
		Short: "Give back the room that deleted items left in the store",
		Long: `Compact copies the store into a new file without its free pages and puts that in the
place of the old one. Interrupted, it leaves the old one as it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var c storage.Compacted
			return opt.order(cmd.Context(), "compact", nil, &c, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d bytes before, %d after\n", c.Before, c.After)
				return err
			})
		},
	}
	reindexCmd := &cobra.Command{
		Use:   "reindex",
		Short: "Make marks, stories and indexes anew from the items",
		Long: `Reindex makes everything but the items, the sources' states and your verdicts anew, by
the rules of this version and this configuration: who belongs together is decided again.
Entry ids stay.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var r storage.Reindexed
			return opt.order(cmd.Context(), "reindex", nil, &r, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d items in %d stories; %d records could not be read; %d stories changed\n", r.Items, r.Stories, r.Lost, r.Changed)
				return err
			})
		},
	}
	backupCmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a verified copy of the store, while the daemon runs",
		Long: `Backup writes a copy of the store, as it is now, into FILE, and reads and checks it
wholly before it gets that name. Visits and readers go on meanwhile. Where a daemon
runs, it is the daemon that writes: FILE must be where it may. An older backup of that
name is replaced; a file of any other kind is not.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			var b backedUp
			return opt.order(cmd.Context(), "backup", url.Values{"file": {file}}, &b, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "written and verified: %s\n", b.File)
				return err
			})
		},
	}
	restoreCmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in the place of the store",
		Long: `Restore verifies a backup and puts it in the place of the store, under a running
daemon too. The file that was there is kept aside and its new name is printed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return restoreStore(cmd.Context(), opt, args[0]) },
	}
	db := &cobra.Command{Use: "db", Short: "Look into the store's file", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	db.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Read the whole store and report whatever is damaged",
		Long: `Check reads every page and record of the store. Visits wait meanwhile, readers do not.

Exit status: 0 when nothing is wrong, 1 otherwise.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var h storage.Health
			err := opt.order(cmd.Context(), "check", nil, &h, func(w io.Writer) error { return printHealth(w, h) })
			if err == nil && !h.OK() {
				return said(errors.New("the store is damaged"))
			}
			return err
		},
	})
	return []*cobra.Command{compactCmd, reindexCmd, backupCmd, restoreCmd, db}
}

// order has an order carried out and prints what came of it.
func (o *options) order(ctx context.Context, name string, values url.Values, into any, text func(io.Writer) error) error {
	if err := carryOut(ctx, o, name, values, into); err != nil {
		return err
	}
	return o.print(into, text)
}

func printHealth(w io.Writer, h storage.Health) error {
	for _, p := range h.Problems {
		fmt.Fprintln(w, p)
	}
	if h.More > 0 {
		fmt.Fprintf(w, "and %d more\n", h.More)
	}
	verdict := "nothing is wrong"
	if !h.OK() {
		verdict = fmt.Sprintf("%d problems", int64(len(h.Problems))+h.More)
	}
	_, err := fmt.Fprintf(w, "%d items in %d stories: %s\n", h.Items, h.Stories, verdict)
	return err
}

func compact(ctx context.Context, b bench, _ url.Values) (any, error) {
	return b.db.Compact(ctx, b.progress)
}

func reindex(ctx context.Context, b bench, _ url.Values) (any, error) {
	return b.db.Reindex(ctx, b.progress)
}

func checkStore(ctx context.Context, b bench, _ url.Values) (any, error) {
	return b.db.Check(ctx, b.progress)
}

// backedUp is what a backup did.
type backedUp struct {
	File string `json:"file"`
}

func backup(ctx context.Context, b bench, v url.Values) (any, error) {
	return backedUp{v.Get("file")}, b.db.Backup(ctx, v.Get("file"), b.progress)
}

func restore(ctx context.Context, b bench, v url.Values) (any, error) {
	return b.db.Restore(ctx, v.Get("file"), b.progress)
}

func purge(ctx context.Context, b bench, v url.Values) (any, error) {
	kept, err := b.db.Purge(ctx, v.Get("source"), b.progress)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, unknown{fmt.Errorf("nothing is known of a source %q", v.Get("source"))}
	}
	return kept, err
}

// restoreStore restores through the daemon where one runs; else without opening the
// store that is there, for that may be just what is damaged.
func restoreStore(ctx context.Context, opt *options, name string) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return err
	}
	var aside string
	err = opt.watching(ctx, cfg, func() error { return tellDaemon(ctx, cfg, "restore", url.Values{"file": {file}}, &aside) })
	if errors.Is(err, errNoDaemon) {
		b := opt.bar()
		aside, err = storage.Restore(ctx, storeFile(cfg), file, storeOptions(cfg, nil), b.report)
		b.stop()
	}
	if err != nil {
		return err
	}
	return opt.print(map[string]string{"aside": aside}, func(w io.Writer) error {
		if aside == "" {
			_, err := fmt.Fprintln(w, "restored")
			return err
		}
		_, err := fmt.Fprintf(w, "restored; the file that was there is now %s\n", aside)
		return err
	})
}
