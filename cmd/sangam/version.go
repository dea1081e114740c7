package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version and commit are set when a release is built: -ldflags="-X main.version=1.2.3
// -X main.commit=…". Without a commit, the one that the Go command noted is told.
var (
	version = "dev"
	commit  = ""
)

// build tells what this binary was made from.
type build struct {
	Version string            `json:"version"`
	Commit  string            `json:"commit,omitempty"`
	Go      string            `json:"go"`
	System  string            `json:"system"`
	Modules map[string]string `json:"modules"`
}

func about() build {
	b := build{Version: version, Commit: commit, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, Modules: map[string]string{}}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && b.Commit == "" {
			b.Commit = s.Value
		}
	}
	for _, m := range info.Deps {
		b.Modules[m.Path] = m.Version
	}
	return b
}

func versionCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version, the commit and the modules it was built with",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := about()
			return opt.print(b, func(w io.Writer) error {
				fmt.Fprintf(w, "sangam %s, %s, %s\n", b.Version, b.Go, b.System)
				if b.Commit != "" {
					fmt.Fprintf(w, "commit %s\n", b.Commit)
				}
				for _, m := range []string{"github.com/mmcdole/gofeed", "go.etcd.io/bbolt", "github.com/robfig/cron/v3"} {
					fmt.Fprintf(w, "%s %s\n", m, b.Modules[m])
				}
				return nil
			})
		},
	}
}
