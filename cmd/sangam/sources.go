package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/feed"
	"sangam/schedule"
	"sangam/storage"
)

// sourcesCommand looks after the list of sources in the configuration.
func sourcesCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sources",
		Short: "List, try out, add, pause and remove sources",
		Long: `Sources looks after the list of sources in the configuration file. What it changes
there leaves every other byte of the file alone, comments and order included, and a
running daemon takes it over at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	one := func(use, short, long string, do func(context.Context, *options, string) error) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Short: short, Long: long, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), opt, args[0]) },
		})
	}
	cmd.AddCommand(&cobra.Command{
		Use: "list", Short: "List the sources", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return listSources(opt) },
	})
	one("test URL|ID", "Visit an address and print what would be stored, changing nothing", `Test visits an address, or a configured source, and prints what would be stored, what
was repaired, and the manners of the server: validators, caching, size, speed. Of an
HTML page it lists the feeds that the page announces. Nothing is stored.

Exit status: 0 when the address is a feed, 1 otherwise.`, testSource)
	cmd.AddCommand(addCommand(opt))
	one("pause ID", "Stop visiting a source; what is stored stays", "", func(ctx context.Context, opt *options, id string) error {
		return opt.edit(ctx, id+": paused", func(f *config.File) error { return f.SetPaused(id, true) })
	})
	one("resume ID", "Visit a paused source again", "", func(ctx context.Context, opt *options, id string) error {
		return opt.edit(ctx, id+": visited again", func(f *config.File) error { return f.SetPaused(id, false) })
	})
	one("remove ID", "Take a source out of the configuration; what is stored stays hidden", `Remove takes a source out of the configuration file, with its own comments. Its items
leave the merged feed but stay stored: if the source comes back under its id, so do
they. "sangam sources purge ID" deletes them.`, func(ctx context.Context, opt *options, id string) error {
		return opt.edit(ctx, id+": removed; its items stay stored until sangam sources purge "+id,
			func(f *config.File) error { return f.RemoveSource(id) })
	})
	one("purge ID", "Delete everything stored of a source", `Purge deletes the items of a source and all that is known of it from the store. It
does not change the configuration: a source that is still there begins anew with its
next visit.`, purgeSource)
	return cmd
}

// sourceLine is a source as it is listed.
type sourceLine struct {
	feed.Outlet
	Schedule string `json:"schedule"`
	Paused   bool   `json:"paused"`
}

func listSources(opt *options) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	lines := make([]sourceLine, len(cfg.Sources))
	for i, src := range cfg.Sources {
		lines[i] = sourceLine{src.Outlet, src.Schedule, src.Paused}
	}
	return opt.print(lines, func(w io.Writer) error {
		t := table.NewWriter()
		t.SetStyle(table.StyleLight)
		t.Style().Options.DrawBorder = false
		t.Style().Options.SeparateColumns = false
		t.AppendHeader(table.Row{"SOURCE", "NAME", "SCHEDULE", "CATEGORIES", "ADDRESS"})
		for _, l := range lines {
			when := l.Schedule
			if l.Paused {
				when = "paused"
			}
			t.AppendRow(table.Row{l.ID, l.Name, when, strings.Join(l.Categories, ", "), l.URL})
		}
		_, err := fmt.Fprintln(w, t.Render())
		return err
	})
}

func testSource(ctx context.Context, opt *options, name string) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	src, known := cfg.Source(name)
	if !known {
		if !strings.ContainsAny(name, ".:/") { // an id with a slip in it, no host
			return cfg.NoSource(name)
		}
		if src, _, err = cfg.Probe(withScheme(name)); err != nil {
			return usageError{err}
		}
	}
	client := visitor(home(cfg))
	defer client.Close()
	t, err := tryOut(ctx, client, src, time.Now())
	if err != nil {
		return err
	}
	if err := opt.print(t, t.print); err != nil {
		return err
	}
	if t.Problem != "" {
		return said(errors.New(t.Problem))
	}
	return nil
}

// withScheme lets people leave out what browsers let them leave out.
func withScheme(address string) string {
	if strings.Contains(address, "://") {
		return address
	}
	return "https://" + address
}

func addCommand(opt *options) *cobra.Command {
	var add config.NewSource
	var blind bool
	cmd := &cobra.Command{
		Use:   "add URL",
		Short: "Find the feed of an address and add it to the configuration",
		Long: `Add visits an address, finds the feed there (of an HTML page, the one it announces),
and writes it at the end of "sources" in the configuration file: named by its title,
with its language, and a schedule that suits how often it publishes. What you give by
flags goes before what the feed says.

Exit status: 0 when the source was added or is there already, 1 when there is no feed
or the page announces several.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			add.URL = withScheme(args[0])
			return addSource(cmd.Context(), opt, add, blind)
		},
	}
	cmd.Flags().StringVar(&add.ID, "id", "", "`id` of the source (default made of its address)")
	cmd.Flags().StringVar(&add.Name, "name", "", "what readers see as its `name`")
	cmd.Flags().StringVar(&add.Language, "language", "", "language `tag`, as in ur")
	cmd.Flags().StringVar(&add.Schedule, "schedule", "", "`cron` line of its visits")
	cmd.Flags().StringArrayVar(&add.Categories, "category", nil, "`category` it belongs to; may be repeated")
	cmd.Flags().BoolVar(&add.Paused, "paused", false, "add it paused")
	cmd.Flags().BoolVar(&blind, "unseen", false, "add the address as it is, without visiting it")
	return cmd
}

func addSource(ctx context.Context, opt *options, add config.NewSource, blind bool) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	src, known, err := cfg.Probe(add.URL)
	if err != nil {
		return usageError{err}
	}
	if !known && !blind {
		if add, err = describe(ctx, cfg, src, add); err != nil {
			return err
		}
		if src, known, err = cfg.Probe(add.URL); err != nil {
			return err
		}
	}
	if known {
		return opt.print(changedSource{src.ID, "there already"}, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "%s: there already\n", src.ID)
			return err
		})
	}
	id := cmp.Or(add.ID, src.ID)
	return opt.edit(ctx, fmt.Sprintf("%s: added as %q, visited %s", id, cmp.Or(add.Name, src.Name), cmp.Or(add.Schedule, src.Schedule)),
		func(f *config.File) error {
			_, err := f.AddSources(add)
			return err
		})
}

// describe visits a source to be added and completes it by what its feed says.
func describe(ctx context.Context, cfg *config.Config, src feed.Source, add config.NewSource) (config.NewSource, error) {
	client := visitor(home(cfg))
	defer client.Close()
	t, err := tryOut(ctx, client, src, time.Now())
	if err != nil {
		return add, err
	}
	if o, ok := mainOffer(t.Feeds); ok { // a page: go on with the feed it announces
		if src, _, err = cfg.Probe(o.URL); err != nil {
			return add, fmt.Errorf("the feed that the page announces: %w", err)
		}
		if t, err = tryOut(ctx, client, src, time.Now()); err != nil {
			return add, err
		}
		add.URL = o.URL
	}
	if len(t.Feeds) > 1 {
		lines := []string{"the page announces several feeds; add the one you want:"}
		for _, o := range t.Feeds {
			lines = append(lines, strings.TrimSpace("  sangam sources add '"+o.URL+"'   "+o.Title))
		}
		return add, errors.New(strings.Join(lines, "\n"))
	}
	if t.Problem != "" {
		return add, fmt.Errorf("%s: %s (--unseen adds it all the same)", t.Address, t.Problem)
	}
	add.URL = cmp.Or(t.MovedTo, add.URL)
	add.Name = cmp.Or(add.Name, t.Feed.Title)
	add.Site = t.Feed.Link
	add.Language = cmp.Or(add.Language, t.Language)
	if t.Schedule != src.Schedule {
		add.Schedule = cmp.Or(add.Schedule, t.Schedule)
	}
	if _, err := schedule.Parse(add.Schedule); add.Schedule != "" && err != nil {
		return add, usageError{fmt.Errorf("--schedule: %w", err)}
	}
	return add, nil
}

// changedSource is what a change of the list did.
type changedSource struct {
	Source string `json:"source,omitempty"`
	Done   string `json:"done"`
}

// edit changes the configuration file and lets the running daemon know; done is what
// is said when that has worked.
func (o *options) edit(ctx context.Context, done string, change func(*config.File) error) error {
	path, err := config.Find(o.config)
	if err != nil {
		return err
	}
	if err := config.Edit(path, os.LookupEnv, change); err != nil {
		return o.problems(err)
	}
	took, err := o.inform(ctx)
	if err != nil {
		return fmt.Errorf("%s is changed (%s), but the daemon did not take it over: %w", path, done, err)
	}
	return o.print(changedSource{Done: done}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s%s\n", done, took)
		return err
	})
}

// inform has the running daemon take the file over, if one runs.
func (o *options) inform(ctx context.Context) (string, error) {
	cfg, err := o.load()
	if err != nil {
		return "", err
	}
	var r reloaded
	switch err := tellDaemon(ctx, cfg, "reload", nil, &r); {
	case errors.Is(err, errNoDaemon):
		return " (no daemon is running)", nil
	case err != nil:
		return "", err
	}
	return "", nil
}

func purgeSource(ctx context.Context, opt *options, id string) error {
	var kept storage.Kept
	return opt.order(ctx, "purge", url.Values{"source": {id}}, &kept, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %s in %s deleted\n", id, count(int(kept.Items), "item"), inStories(int(kept.Stories)))
		return err
	})
}

func inStories(n int) string {
	if n == 1 {
		return "1 story"
	}
	return fmt.Sprintf("%d stories", n)
}

// sortedByName is for listings that people read.
func sortedByName(outlets []feed.Outlet) []feed.Outlet {
	slices.SortStableFunc(outlets, func(a, b feed.Outlet) int { return cmp.Compare(a.Name, b.Name) })
	return outlets
}
