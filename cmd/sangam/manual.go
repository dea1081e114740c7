package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand prints the manual page; packagers and "make dist" call it.
func manCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page of all commands, as roff",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return manual(opt.out, cmd.Root()) },
	}
}

// manual writes sangam(1): every command that help shows, with its flags.
func manual(w io.Writer, root *cobra.Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH SANGAM 1 \"\" %q \"Sangam\"\n.SH NAME\nsangam \\- %s\n", "sangam "+version, roff(root.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B sangam\n.I command\n[\\fIargument\\fR ...]\n.SH DESCRIPTION\n%s\n", roff(root.Long))
	b.WriteString(".SH COMMANDS\n")
	for _, cmd := range visible(root) {
		fmt.Fprintf(&b, ".SS %s\n%s\n", roff(cmd.UseLine()), roff(explained(cmd)))
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { writeFlag(&b, f) })
	}
	b.WriteString(".SH OPTIONS\nEvery command takes these.\n")
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { writeFlag(&b, f) })
	b.WriteString(".SH EXIT STATUS\n")
	for _, s := range exitStatuses {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", s.status, roff(s.means))
	}
	b.WriteString(".SH FILES\n.TP\n.I ./config.yaml\n.TQ\n.I /etc/sangam/config.yaml\nThe configuration, looked for in this order.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// exitStatuses are all that the program ends with.
var exitStatuses = []struct {
	status int
	means  string
}{
	{exitOK, "All went well."},
	{exitFailure, "It did not work; the reason is on standard error."},
	{exitUsage, "A mistake in the command line."},
	{exitTemporary, "Another process has the store open: try again later."},
	{exitConfig, "The configuration has mistakes; each is told with its line and column."},
}

// visible lists the commands that do something and are shown in help, depth first.
func visible(cmd *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range cmd.Commands() {
		if sub.Hidden || sub.Name() == "help" {
			continue
		}
		if sub.HasSubCommands() && sub.Name() != "completion" {
			list = append(list, visible(sub)...)
			continue
		}
		list = append(list, sub)
	}
	return list
}

// explained is the long help of a command, or the short one.
func explained(cmd *cobra.Command) string {
	switch {
	case cmd.Name() == "completion":
		return "Prints a script that completes sangam's commands and source ids in a shell: bash, fish, powershell or zsh.\nsangam completion SHELL --help tells how to load it."
	case cmd.Long != "":
		return cmd.Long
	}
	return cmd.Short + "."
}

func writeFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Name == "help" {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	name := "\\-\\-" + roff(f.Name)
	if f.Shorthand != "" {
		name = "\\-" + f.Shorthand + ", " + name
	}
	if value != "" {
		name += " \\fI" + roff(value) + "\\fR"
	}
	fmt.Fprintf(b, ".TP\n%s\n%s\n", name, roff(usage))
}

// roff makes plain text safe in a manual page: paragraphs stay, dots and quotes at the
// beginning of a line are not commands.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch {
		case line == "":
			lines[i] = ".PP"
		case strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'"):
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

// reference is the same for docs/operate.md: each command with its help.
func reference(root *cobra.Command) string {
	var b strings.Builder
	for _, cmd := range visible(root) {
		fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", strings.TrimSuffix(cmd.UseLine(), " [flags]"), explained(cmd))
		if flags := cmd.LocalNonPersistentFlags().FlagUsages(); strings.Contains(strings.ReplaceAll(flags, "--help", ""), "--") {
			fmt.Fprintf(&b, "```\n%s```\n\n", flags)
		}
	}
	return b.String()
}

// completeIDs offers the ids of the configured sources to the shell.
func completeIDs(opt *options) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		cfg, err := opt.load()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var ids []string
		for _, src := range cfg.Sources {
			ids = append(ids, src.ID+"\t"+src.Name)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	}
}
