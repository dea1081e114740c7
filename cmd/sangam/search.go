package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sangam/feed"
)

func searchCommand(opt *options) *cobra.Command {
	return &cobra.Command{
		Use:   "search QUERY",
		Short: "Find stories by their words",
		Long: `Search finds the newest stories that hold every word of the query. Letters that are
written in several ways find each other. "two words" in quotes stand together; a word
after a minus must not be there, and alone finds all stories without it.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found := []hit{}
			return opt.order(cmd.Context(), "search", url.Values{"q": {strings.Join(args, " ")}}, &found, func(w io.Writer) error {
				if len(found) == 0 {
					_, err := fmt.Fprintln(w, "nothing is found")
					return err
				}
				for _, h := range found {
					if _, err := fmt.Fprintf(w, "%s  %s  %s\n    %s\n", h.Key, h.Published.Format(time.DateOnly), h.Title, h.Link); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// hit is a story that a search found.
type hit struct {
	Key       string    `json:"key"`
	Title     string    `json:"title"`
	Link      string    `json:"link"`
	Published time.Time `json:"published"`
	Sources   []string  `json:"sources"`
}

// maxHits is how many stories a search from the command line shows.
const maxHits = 50

func search(ctx context.Context, b bench, v url.Values) (any, error) {
	found := []hit{}
	for story, err := range b.db.Stories(ctx, feed.Query{Text: v.Get("q")}) {
		if err != nil {
			return nil, err
		}
		lead := story.Lead()
		h := hit{Key: story.Key, Title: lead.Title, Link: lead.Link, Published: lead.Time()}
		for _, it := range story.Members {
			h.Sources = append(h.Sources, it.Source)
		}
		if found = append(found, h); len(found) == maxHits {
			break
		}
	}
	return found, nil
}
