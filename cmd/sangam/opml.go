package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/render"
)

func opmlCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "opml",
		Short: "Take over, or give away, a list of subscriptions as OPML",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "import FILE|-",
		Short: "Add the subscriptions of an OPML file to the configuration",
		Long: `Import adds the subscriptions that another feed reader has exported to "sources" in
the configuration file. Folders become categories. Only http and https addresses are
taken, each once; those that are there already stay as they are. What is left out is
named, with the reason.

Exit status: 0 when the whole file was read, 1 otherwise; then nothing is changed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return importOPML(cmd.Context(), opt, args[0]) },
	}, &cobra.Command{
		Use:   "export",
		Short: "Print the sources as OPML, without their secrets",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := opt.load()
			if err != nil {
				return opt.problems(err)
			}
			outlets := sortedByName(cfg.Outlets())
			return opt.print(outlets, func(w io.Writer) error { return render.OPML(w, cfg.Title, outlets, time.Now()) })
		},
	})
	return cmd
}

// imported is what an import did.
type imported struct {
	Added   int      `json:"added"`
	There   int      `json:"there"` // already
	Skipped []string `json:"skipped"`
}

func importOPML(ctx context.Context, opt *options, name string) error {
	in, err := opt.input(name)
	if err != nil {
		return err
	}
	defer in.Close()
	found, skipped, err := config.ReadOPML(in)
	if err != nil {
		if name == "-" {
			name = "standard input"
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	path, err := config.Find(opt.config)
	if err != nil {
		return err
	}
	done := imported{Skipped: append([]string{}, skipped...)}
	found = slices.DeleteFunc(found, func(src config.NewSource) bool {
		hidden := strings.Contains(src.URL, "***")
		if hidden {
			done.Skipped = append(done.Skipped, fmt.Sprintf("%q: its address was exported without its secret", src.Name))
		}
		return hidden
	})
	err = config.Edit(path, os.LookupEnv, func(f *config.File) (err error) {
		done.Added, err = f.AddSources(found...)
		return err
	})
	if err != nil {
		return opt.problems(err)
	}
	done.There = len(found) - done.Added
	took := ""
	if done.Added > 0 {
		if took, err = opt.inform(ctx); err != nil {
			return fmt.Errorf("%s is changed, but the daemon did not take it over: %w", path, err)
		}
	}
	return opt.print(done, func(w io.Writer) error {
		for _, why := range done.Skipped {
			fmt.Fprintf(w, "left out: %s\n", why)
		}
		_, err := fmt.Fprintf(w, "%s added, %d there already%s\n", count(done.Added, "source"), done.There, took)
		return err
	})
}
