package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"sangam/cluster"
	"sangam/config"
)

func clusterCommand(opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Look after a cluster of daemons",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "status",
			Short: "Tell how the cluster fares: nodes, log, visits, snapshots",
			Long: `Status asks the running daemon how its cluster fares: which nodes there are and how
far each has read the log, by what rules and configuration they decide, how many
visits wait, and how old the newest snapshot is.

Exit status: 0 when this node is well, 1 otherwise.`,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := opt.clustered()
				if err != nil {
					return err
				}
				var st cluster.Status
				if err := askDaemon(cmd.Context(), cfg, "api/cluster", &st); err != nil {
					return err
				}
				if err := opt.print(st, func(w io.Writer) error { return clusterTable(w, st, time.Now()) }); err != nil {
					return err
				}
				if st.Here.Phase != cluster.Joined || st.Stale != "" {
					return said(errors.New("this node is not well"))
				}
				return nil
			},
		},
		&cobra.Command{
			Use:   "seed",
			Short: "Fill an empty cluster from this machine's store",
			Long: `Seed makes the store of a single machine the first snapshot of an empty cluster. Stop
the daemon first, add the key "cluster" to its configuration, seed, and start it again;
then start the other nodes with empty data directories: they begin with the snapshot.
Interrupted, it can be called again.`,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				cfg, err := opt.clustered()
				if err != nil {
					return err
				}
				if err := seedCluster(cmd.Context(), cfg, logger(opt.err, cfg.Log)); err != nil {
					return err
				}
				return opt.print(map[string]string{"seeded": cfg.Cluster.Name}, func(w io.Writer) error {
					_, err := fmt.Fprintf(w, "the cluster %q holds what this machine held; start the daemon again, then the others\n", cfg.Cluster.Name)
					return err
				})
			},
		},
		&cobra.Command{
			Use:   "leave",
			Short: "End this daemon's part in the cluster",
			Long: `Leave has the running daemon give back its visits and follow the cluster's log no
longer. It goes on serving what it holds until it is stopped. To have it work alone
afterwards, take the key "cluster" out of its configuration and start it again; to have
it join again, move its store away.`,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return opt.clusterOrder(cmd.Context(), "cluster-leave") },
		},
		&cobra.Command{
			Use:   "adopt",
			Short: "Make this node's configuration, and its rules, the cluster's",
			Long: `Adopt writes into the cluster's log that from here on this node's configuration is the
cluster's. Nodes that have another one serve, but visit nobody, until they have the
same. A configuration that changes under a running node is adopted by itself. After an
upgrade to a version that decides otherwise what is one story: stop all nodes, start one
with the new version, adopt, and start the others with it.`,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return opt.clusterOrder(cmd.Context(), "cluster-adopt") },
		},
	)
	return cmd
}

// clustered reads a configuration that has a cluster.
func (o *options) clustered() (*config.Config, error) {
	cfg, err := o.load()
	if err != nil {
		return nil, o.problems(err)
	}
	if cfg.Cluster == nil {
		return nil, fmt.Errorf("%s has no key \"cluster\"", cfg.Path)
	}
	return cfg, nil
}

func (o *options) clusterOrder(ctx context.Context, name string) error {
	cfg, err := o.clustered()
	if err != nil {
		return err
	}
	var done string
	if err := tellDaemon(ctx, cfg, name, nil, &done); err != nil {
		return err
	}
	return o.print(map[string]string{"done": done}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, done)
		return err
	})
}

// silentAfter is how long a node may say nothing before it is shown as lost.
const silentAfter = 20 * time.Second

func clusterTable(w io.Writer, st cluster.Status, now time.Time) error {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	t.AppendHeader(table.Row{"NODE", "PHASE", "LAG", "HEARD", "VERSION", "CONFIG", "RULES"})
	for _, n := range st.Nodes {
		phase := string(n.Phase)
		switch {
		case n.Leaving:
			phase = "stopped"
		case now.Sub(n.At) > silentAfter:
			phase = "silent"
		}
		t.AppendRow(table.Row{n.Node, phase, int64(st.Log.Last) - int64(n.Applied), ago(n.At, now), n.Version, n.Config, n.Rules})
	}
	fmt.Fprintln(w, t.Render())
	if st.Stale != "" {
		fmt.Fprintf(w, "! cut off from the majority of the servers for %s\n", st.Stale)
	}
	if st.Here.Problem != "" {
		fmt.Fprintf(w, "! this node: %s: %s\n", st.Here.Phase, st.Here.Problem)
	}
	for _, p := range append(st.Problems, st.Here.Warnings...) {
		fmt.Fprintf(w, "! %s\n", p)
	}
	fmt.Fprintf(w, "log        %s, entries %d to %d, %d bytes, leader %s, others %v\n", st.Here.Log, st.Log.First, st.Log.Last, st.Log.Bytes, st.Log.Leader, st.Log.Replicas)
	fmt.Fprintf(w, "visits     %d waiting, %d being made\n", st.Visits.Waiting, st.Visits.Making)
	if st.Charter != nil {
		fmt.Fprintf(w, "charter    config %s, rules %s\n", st.Charter.Config, st.Charter.Rules)
	}
	if len(st.Snapshots) == 0 {
		_, err := fmt.Fprintln(w, "snapshot   none yet")
		return err
	}
	s := st.Snapshots[0]
	_, err := fmt.Fprintf(w, "snapshot   %s, up to entry %d, %d bytes, by %s\n", ago(s.At, now), s.Seq, s.Bytes, s.Node)
	return err
}
