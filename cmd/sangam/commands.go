package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"sangam/config"
	"sangam/schedule"
)

// options are the flags that every command takes.
type options struct {
	streams
	config string
	output string // text or json
}

func commands(std streams) *cobra.Command {
	opt := &options{streams: std}
	root := &cobra.Command{
		Use:     "sangam",
		Version: version,
		Short:   "Many feeds, each story once",
		Long: `Sangam visits the feeds in config.yaml by cron, recognises which items are one
story, and serves one merged feed to any feed reader.

Try it without any configuration or network:  sangam demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			// Only these visit outlets by schedule, or promise that the daemon would. The
			// others may be asked about a running demo, whose schedules are of seconds.
			if !slices.Contains([]string{"run", "check", "preview", "reload"}, cmd.Name()) {
				schedule.AllowSeconds.Store(true)
			}
			return opt.check()
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&opt.config, "config", "", "configuration `file` (default ./config.yaml, then /etc/sangam/config.yaml)")
	root.PersistentFlags().StringVarP(&opt.output, "output", "o", "text", "output format: text or json")
	root.AddCommand(
		runCommand(opt), demoCommand(opt), checkCommand(opt), parseCommand(opt),
		storiesCommand(opt), statusCommand(opt), fetchCommand(opt), versionCommand(opt), healthcheckCommand(opt),
		whyCommand(opt), verdictCommand(opt), searchCommand(opt), reloadCommand(opt),
		previewCommand(opt), sourcesCommand(opt), opmlCommand(opt),
	)
	root.AddCommand(storeCommands(opt)...)
	root.AddCommand(manCommand(opt), clusterCommand(opt))
	for _, path := range [][]string{{"status"}, {"fetch"}, {"sources", "test"}, {"sources", "pause"}, {"sources", "resume"}, {"sources", "remove"}, {"sources", "purge"}} {
		if cmd, _, err := root.Find(path); err == nil {
			cmd.ValidArgsFunction = completeIDs(opt)
		}
	}
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	answerable(root)
	strict(root)
	return root
}

// answerable has the commands that the library adds answer what they do not know as the
// others do, with an error.
func answerable(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "completion":
			cmd.Args, cmd.RunE = cobra.NoArgs, func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		case "help":
			cmd.Run = nil
			cmd.RunE = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err == nil && len(rest) > 0 {
					err = cobra.NoArgs(about, rest)
				}
				if err != nil {
					return mistaken(about, rest, err)
				}
				return about.Help()
			}
		}
	}
}

// strict makes every complaint about arguments, of any command, a usage error.
func strict(cmd *cobra.Command) {
	cmd.Args = usageArgs(cmd.Args)
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

// usageArgs makes a command's complaint about its arguments a usage error.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check == nil {
			return nil
		}
		if err := check(cmd, args); err != nil {
			return mistaken(cmd, args, err)
		}
		return nil
	}
}

// mistaken is a complaint about the arguments of a command, with what was probably
// meant, or how the command is used.
func mistaken(cmd *cobra.Command, args []string, err error) error {
	if !cmd.HasSubCommands() {
		return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
	}
	cmd.SuggestionsMinimumDistance = 2 // letters that are wrong
	if len(args) > 0 {
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return usageError{fmt.Errorf("%w (did you mean %q?)", err, near[0])}
		}
	}
	return usageError{err}
}

func (o *options) check() error {
	if o.output != "text" && o.output != "json" {
		return usageError{fmt.Errorf("-o %s: want text or json", o.output)}
	}
	return nil
}

// load reads the configuration that the flags name.
func (o *options) load() (*config.Config, error) {
	path, err := config.Find(o.config)
	if err != nil {
		return nil, config.Problems{{File: config.Locations()[0], Message: "no such file, nor " + config.Locations()[1] +
			"; name one with --config, or try \"sangam demo\""}}
	}
	return config.Load(path, os.LookupEnv)
}

// desk is enough of a configuration that has mistakes to ask its daemon; nil if the
// file does not tell where that is.
func (o *options) desk() *config.Config {
	path, err := config.Find(o.config)
	if err != nil {
		return nil
	}
	admin, token, ok := config.Desk(path, os.LookupEnv)
	if !ok {
		return nil
	}
	return &config.Config{Path: path, Admin: admin, AdminToken: token}
}

// problems reports the mistakes of a configuration: one a line, or as JSON.
func (o *options) problems(err error) error {
	problems, ok := errors.AsType[config.Problems](err)
	if !ok {
		return err
	}
	if o.output == "json" {
		return errors.Join(said(err), o.print(problems, nil))
	}
	fmt.Fprintln(o.err, problems.Error())
	return said(err)
}

// print writes a value as the flags ask: as JSON, or by the function given.
func (o *options) print(value any, text func(io.Writer) error) error {
	if o.output == "json" {
		enc := json.NewEncoder(o.out)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(value)
	}
	return text(o.out)
}

// input opens the file a command was given; "-" is standard input.
func (o *options) input(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(o.in), nil
	}
	return os.Open(name)
}
