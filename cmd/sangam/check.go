package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func checkCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Report every mistake of the configuration file at once",
		Long: `Check reads the configuration file and reports every mistake in it, each as
file:line:column: message. It changes nothing and asks no outlet.

Exit status: 0 when there is no mistake, 78 otherwise.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return check(opt) },
	}
}

func check(opt *options) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	summary := struct {
		File    string `json:"file"`
		Sources int    `json:"sources"`
		Feeds   int    `json:"feeds"`
	}{cfg.Path, len(cfg.Sources), len(cfg.Views)}
	return opt.print(summary, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: no mistakes; %s, %s beside the one of everything\n", cfg.Path,
			count(summary.Sources, "source"), count(summary.Feeds, "merged feed"))
		return err
	})
}

// count writes a number with its noun: "1 source", "2 sources".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
