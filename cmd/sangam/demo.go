package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"sangam/config"
	"sangam/internal/outlet"
	"sangam/schedule"
)

func demoCommand(opt *options) *cobra.Command {
	var lasting time.Duration
	var listen, admin string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the daemon over invented outlets on this machine, with no network",
		Long: `Demo starts six outlets that are built into the program, on loopback, and the very
same daemon as "sangam run" over them, with schedules of seconds. The outlets
publish new items for a minute. The store is made anew in a temporary directory and
removed at the end. It needs no configuration and no network. Ctrl-C ends it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if lasting > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, lasting)
				defer cancel()
			}
			return demo(ctx, opt, listen, admin)
		},
	}
	cmd.Flags().DurationVar(&lasting, "for", 0, "end by itself after this `time`, as in 90s (default: run until Ctrl-C)")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "`address` of the readers' side; a free port if it is taken")
	cmd.Flags().StringVar(&admin, "admin", "127.0.0.1:8081", "`address` of the operators' side; a free port if it is taken")
	return cmd
}

// demo runs the outlets and the daemon until ctx ends.
func demo(ctx context.Context, opt *options, listen, admin string) error {
	schedule.AllowSeconds.Store(true)
	dir, err := os.MkdirTemp("", "sangam-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	pics, err := openPictures()
	if err != nil {
		return err
	}
	defer pics.listener.Close()
	desks, err := openDesks(pics)
	if err != nil {
		return err
	}
	defer desks.close()
	cfg, err := demoConfig(dir, desks, freeAddress(listen), freeAddress(admin))
	if err != nil {
		return err
	}

	g, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	desks.publishUntil(began, began)
	g.Go(func() error { return pics.serve(ctx) })
	g.Go(func() error { return desks.run(ctx, began) })
	g.Go(func() error {
		log, level := adjustable(opt.err, cfg.Log)
		return runDaemon(ctx, cfg, log, level, func() { greet(opt.out, cfg, desks) })
	})
	return g.Wait()
}

// A desk is one of the demo's outlets.
type desk struct {
	ID, Name, About, Lang, Credit, Category string
	Priority                                int

	format    outlet.Format
	tail      string // what the desk adds to every link
	lastLines string // what it writes below every article
	server    *outlet.Outlet
	pictures  *pictures
}

// Schedule is how often the demo visits the desk: every few seconds, not all alike.
func (d *desk) Schedule() string { return fmt.Sprintf("@every %ds", 2+len(d.ID)%3) }

// Feed is the address of its feed.
func (d *desk) Feed() string { return d.server.Feed() }

type desks []*desk

// openDesks starts the outlets, each at an address of its own. Without a server of
// pictures their stories have none.
func openDesks(pics *pictures) (desks, error) {
	all := desks{
		{ID: "rheinfunk", Name: "رائن فنک اردو", About: "دریا کے اُس پار سے: دنیا بھر کی خبریں، مختصر اور سادہ", Lang: "ur", Credit: "Rheinfunk", format: outlet.RSS1, Category: "world", Priority: 10, tail: "?maca=urd-rss-urd-all"},
		{
			ID: "sahil", Name: "صدائے ساحل", About: "ساحلی شہروں کا روزنامہ، صبح چھ بجے سے", Lang: "ur", Credit: "صدائے ساحل", format: outlet.RSS2, Category: "world",
			lastLines: "<p>Follow us: Facebook, Twitter, Google News</p><p>صدائے ساحل اب ٹیلی گرام پر بھی دستیاب ہے۔ ہمارے چینل کو جوائن کرنے کے لیے یہاں کلک کریں۔</p>",
		},
		{ID: "gazette", Name: "The Harbour Gazette", About: "News of the harbour and the islands since 1891", Lang: "en", Credit: "Harbour Gazette", format: outlet.Atom, Category: "islands"},
		{ID: "coastline", Name: "Coastline", About: "Everything between two tides", Lang: "en", Credit: "Coastline", format: outlet.RSS2, Category: "islands"},
		{ID: "nordlicht", Name: "Nordlicht Kurier", About: "Nachrichten von den Inseln und vom Meer", Lang: "de", Credit: "Nordlicht Kurier", format: outlet.JSON, Category: "islands", Priority: 5},
		{ID: "inselbote", Name: "Inselbote", About: "Das Blatt der elf Inseln", Lang: "de", Credit: "Inselbote", format: outlet.RSS2, Category: "islands"},
	}
	for i, d := range all {
		server, err := outlet.New(outlet.Options{
			Format: d.format, Title: d.Name, Language: d.Lang, Description: d.About, Tail: d.tail,
			Address: fmt.Sprintf("127.20.0.%d:0", i+1),
		})
		if err != nil {
			all.close()
			return nil, fmt.Errorf("start the demo's outlets: %w", err)
		}
		d.server, d.pictures = server, pics
	}
	return all, nil
}

func (ds desks) close() {
	for _, d := range ds {
		if d.server != nil {
			d.server.Close()
		}
	}
}

// run publishes every telling when its time has come, until ctx ends.
func (ds desks) run(ctx context.Context, began time.Time) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	last := began
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			ds.publishBetween(began, last, now)
			last = now
		}
	}
}

// publishUntil publishes what was told before the demo began, oldest first.
func (ds desks) publishUntil(began, until time.Time) { ds.publishBetween(began, time.Time{}, until) }

func (ds desks) publishBetween(began, after, until time.Time) {
	type told struct {
		telling
		at time.Time
	}
	var due []told
	for _, t := range demoStories {
		if at := began.Add(t.after - t.ago); at.After(after) && !at.After(until) {
			due = append(due, told{t, at})
		}
	}
	slices.SortFunc(due, func(a, b told) int { return a.at.Compare(b.at) })
	for _, t := range due {
		i := slices.IndexFunc(ds, func(d *desk) bool { return d.ID == t.outlet })
		ds[i].publish(t.telling, t.at)
	}
}

// publish puts one telling into the desk's feed, as the desk would write it.
func (d *desk) publish(t telling, at time.Time) {
	it := outlet.Item{
		ID: t.id, Link: "/" + t.slug, Title: t.title, Author: t.byline,
		Summary: t.summary, Published: at, Language: d.Lang,
	}
	if t.picture != "" && d.pictures != nil {
		it.Image = d.pictures.address(t.picture)
	}
	if len(t.text) > 0 && d.format != outlet.RSS1 {
		var body strings.Builder
		if it.Image != "" && d.format == outlet.Atom { // which has no place for pictures but the text
			fmt.Fprintf(&body, "<p><img src=%q alt=\"\" width=\"720\" height=\"480\"></p>\n", it.Image)
		}
		if t.byline != "" {
			fmt.Fprintf(&body, "<p>%s</p>\n", html.EscapeString(t.byline))
		}
		for _, paragraph := range t.text {
			fmt.Fprintf(&body, "<p>%s</p>\n", html.EscapeString(paragraph))
		}
		body.WriteString(d.lastLines)
		it.Content = body.String()
	}
	d.server.Publish(it)
}

//go:embed demo.yaml.tmpl
var demoYAML string

// demoConfig writes the demo's config.yaml and reads it as the daemon reads any.
func demoConfig(dir string, desks desks, listen, admin string) (*config.Config, error) {
	var text bytes.Buffer
	err := template.Must(template.New("config.yaml").Parse(demoYAML)).Execute(&text, map[string]any{
		"Listen": listen, "Admin": admin, "Desks": desks,
	})
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return nil, err
	}
	return config.Load(path, os.LookupEnv)
}

// freeAddress is the address wanted or, if that is taken, one with a free port.
func freeAddress(wanted string) string {
	for _, address := range []string{wanted, "127.0.0.1:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		free := l.Addr().String()
		if l.Close() == nil {
			return free
		}
	}
	return wanted
}

// greet tells the newcomer what to open.
func greet(w io.Writer, cfg *config.Config, desks desks) {
	site := "http://" + reachable(cfg.Listen)
	fmt.Fprintf(w, `
  Sangam is running over %d invented outlets on this machine.

    the river         %[2]s/
    the merged feed   %[2]s/feed.xml   %[2]s/atom.xml   %[2]s/feed.json
    a feed in Urdu    %[2]s/feeds/urdu/feed.xml
    operators' side   http://%[3]s/
    its config.yaml   %[4]s

  The outlets' own feeds:
`, len(desks), site, reachable(cfg.Admin), cfg.Path)
	for _, d := range desks {
		fmt.Fprintf(w, "    %-10s %s\n", d.ID, d.Feed())
	}
	fmt.Fprintf(w, `
  Ask it, from another terminal:
    sangam status --config %[1]s
    sangam search --config %[1]s ferry

  New items arrive for the next minute. Watch the bridge, the ferry and the
  lighthouse: each reaches the river by two outlets, and shows once.
  Ctrl-C ends it.

`, cfg.Path)
}

// logger writes what the configuration asks for.
func logger(w io.Writer, c config.Log) *slog.Logger {
	log, _ := adjustable(w, c)
	return log
}

// adjustable makes the log too, and lets its level be changed.
func adjustable(w io.Writer, c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	level.Set(c.Level)
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		// As in the other format, "3ms"; else it would be 3000000.
		o.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
			if a.Value.Kind() == slog.KindDuration {
				a.Value = slog.StringValue(a.Value.Duration().String())
			}
			return a
		}
		return slog.New(slog.NewJSONHandler(w, o)), level
	}
	return slog.New(slog.NewTextHandler(w, o)), level
}
