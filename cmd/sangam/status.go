package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/feed"
	"sangam/server"
)

func statusCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status [SOURCE]",
		Short: "Tell how every source fares: last visit, trouble, next visit and why",
		Long: `Status asks the running daemon how every source fares; where none runs it reads the
store. With the id of a source it tells everything about that one, and what can be
done about its trouble.

Exit status: 0, whether or not sources fail; 1 when there is no such source.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := opt.load()
			if err != nil {
				cfg = opt.desk() // the daemon that refused the file can still tell
			}
			if cfg == nil {
				return opt.problems(err)
			}
			var st server.Status
			if err == nil {
				st, err = currentStatus(cmd.Context(), cfg)
			} else if askDaemon(cmd.Context(), cfg, "status.json", &st) == nil {
				err = nil
			}
			if err != nil {
				return opt.problems(err)
			}
			if len(args) == 0 {
				return opt.print(st, func(w io.Writer) error { return statusTable(w, st) })
			}
			i := slices.IndexFunc(st.Sources, func(s server.SourceStatus) bool { return s.Outlet.ID == args[0] })
			if i < 0 {
				return cfg.NoSource(args[0])
			}
			return opt.print(st.Sources[i], func(w io.Writer) error { return statusOfSource(w, st.Sources[i], st.Now) })
		},
	}
}

// currentStatus asks the daemon, or the store if none runs.
func currentStatus(ctx context.Context, cfg *config.Config) (server.Status, error) {
	var st server.Status
	err := askDaemon(ctx, cfg, "status.json", &st)
	if err == nil || !errors.Is(err, errNoDaemon) {
		return st, err
	}
	db, err := openStore(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return st, err
	}
	defer db.Close()
	if err := introduce(ctx, cfg, db); err != nil {
		return st, err
	}
	st, err = server.StatusOf(ctx, db, time.Now())
	if err != nil {
		return st, err
	}
	st.Configured(cfg.Sources)
	st.Feeds, err = server.FiltersOf(ctx, db, cfg.Views)
	st.Notices = append(st.Notices, fmt.Sprintf("no daemon is running on %s: nobody is visited; this is what the store remembers", cfg.Admin))
	return st, err
}

func statusTable(w io.Writer, st server.Status) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	t.SetColumnConfigs([]table.ColumnConfig{
		{Name: "A DAY", Align: text.AlignRight},
		{Name: "COPIES", Align: text.AlignRight},
		{Name: "SAME", Align: text.AlignRight},
		{Name: "WHAT", WidthMax: 80, WidthMaxEnforcer: text.WrapSoft},
	})
	t.AppendHeader(table.Row{"SOURCE", "HEALTH", "LAST SUCCESS", "LAST NEWS", "A DAY", "COPIES", "SAME", "NEXT VISIT", "WHAT"})
	for _, s := range st.Sources {
		health, due := strings.TrimSpace(s.Health+" "+s.Lasts(st.Now)), next(s.State.Due, st.Now)
		if s.Paused {
			health, due = health+", paused", "never"
		}
		t.AppendRow(table.Row{
			s.Outlet.ID, health, ago(s.State.Succeeded, st.Now), ago(s.State.Tally.News, st.Now), s.PerDay(),
			percent(s.Usual.Copies), percent(s.Usual.Unchanged), due, s.What,
		})
	}
	for _, notice := range st.Notices {
		if _, err := fmt.Fprintf(w, "! %s\n", notice); err != nil {
			return err
		}
	}
	fmt.Fprintln(w, t.Render())
	facts, err := factsOf(st)
	for _, fact := range facts {
		fmt.Fprintf(w, "%-14s %s\n", fact[0], fact[1])
	}
	return err
}

// factsOf are what stands below the table: how many sources fare how, and how the daemon
// does, if one has answered.
func factsOf(st server.Status) ([][2]string, error) {
	facts := [][2]string{{"sources", st.Summary()}}
	for _, f := range st.Feeds {
		facts = append(facts, [2]string{"feed " + f.ID, f.String()})
	}
	if st.Program == nil {
		return facts, nil
	}
	var program programStatus // st.Program is what JSON makes of one
	text, err := json.Marshal(st.Program)
	if err == nil {
		err = json.Unmarshal(text, &program)
	}
	return append(facts, program.facts()...), err
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func statusOfSource(w io.Writer, s server.SourceStatus, now time.Time) error {
	st := s.State
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-14s %s\n", name, value)
		}
	}
	line("source", s.Outlet.ID)
	line("name", s.Outlet.Name)
	line("address", s.Outlet.URL)
	line("moved to", st.URL)
	line("health", s.Health)
	if s.Health != "ok" { // else it is a warning, told below
		line("problem", s.What)
		line("what to do", s.Advice)
	}
	if st.Failures > 0 {
		line("failing", fmt.Sprintf("since %s, %s", moment(st.FailingSince, now), count(st.Failures, "visit")))
	}
	line("last visit", moment(st.Visited, now))
	line("last success", moment(st.Succeeded, now))
	line("last change", moment(st.Changed, now))
	line("last news", moment(st.Tally.News, now))
	line("next visit", nextVisit(s, now))
	line("schedule", s.Schedule)
	if st.Status > 0 {
		line("answer", fmt.Sprintf("%d, %s, %d ms", st.Status, feed.Size(int64(st.Bytes)), st.Took))
	}
	line("items", fmt.Sprint(st.Items))
	if st.Visits > 0 {
		line("visits", fmt.Sprintf("%d, of which %d found nothing changed", st.Visits, st.NotModified))
	}
	if s.Usual.PerDay != nil {
		line("usually", fmt.Sprintf("%s items a day, %s of them copies; %s of the visits find nothing changed and %s fail; %d ms each, %s in two weeks",
			s.PerDay(), percent(s.Usual.Copies), percent(s.Usual.Unchanged), percent(s.Usual.Failed), s.Usual.Took, feed.Size(s.Usual.Bytes)))
	}
	if s.Usual.Patience > 0 {
		line("patience", "it counts as silent after "+feed.Span(time.Duration(s.Usual.Patience)*time.Second)+" without a new item")
	}
	if limit := s.Outlet.MaxPerDay; limit > 0 {
		line("limit", fmt.Sprintf("it brings %d stories a day into merged feeds; %s came today", limit, count(s.Usual.Days[len(s.Usual.Days)-1], "new item")))
	}
	if st.Judged > 0 {
		line("filters", fmt.Sprintf("include and exclude dropped %d of the last document, %d of %d ever", st.Dropped, st.Filtered, st.Judged))
	}
	for _, warning := range st.Warnings {
		line("warning", warning)
	}
	for _, e := range slices.Backward(st.Events) {
		line("happened", fmt.Sprintf("%s %s: %s", moment(e.At, now), e.Kind, e.Text()))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// moment writes a time with its distance, or "never".
func moment(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%s (%s)", t.Format("2006-01-02 15:04:05 MST"), ago(t, now))
}

// nextVisit says when a source is visited next, and why then.
func nextVisit(s server.SourceStatus, now time.Time) string {
	switch st := s.State; {
	case s.Paused:
		return "never: it is paused"
	case st.Due.IsZero():
		return st.DueWhy
	default:
		return fmt.Sprintf("%s (%s): %s", st.Due.Format("2006-01-02 15:04:05 MST"), next(st.Due, now), st.DueWhy)
	}
}

func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return feed.Span(now.Sub(t)) + " ago"
}

func next(due, now time.Time) string {
	switch {
	case due.IsZero():
		return "never"
	case !due.After(now):
		return "now"
	}
	return "in " + feed.Span(due.Sub(now))
}
