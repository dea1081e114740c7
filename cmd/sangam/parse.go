package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sangam/feed"
	"sangam/normalize"
	"sangam/parser"
)

// maxParse is how much of a file parse reads: the daemon's default limit for a body.
const maxParse = 16 << 20

func parseCommand(opt *options) *cobra.Command {
	var url, contentType string
	cmd := &cobra.Command{
		Use:   "parse [--url URL] [--content-type TYPE] FILE|-",
		Short: "Print as JSON what Sangam understands of a feed document",
		Long: `Parse reads a feed document from a file, or from standard input, and prints as
JSON what the parser and the normalizer make of it: the way to see why a feed
looks odd. Dates are RFC 3339 in UTC; text is as readers would get it.

Exit status: 0 when the document is a feed, 1 when it is none or cannot be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return parse(opt, args[0], feed.Document{URL: url, ContentType: contentType})
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "`address` the document came from; relative links are resolved against it")
	cmd.Flags().StringVar(&contentType, "content-type", "", "Content-Type `header` it came with")
	return cmd
}

func parse(opt *options, name string, doc feed.Document) error {
	in, err := opt.input(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if doc.Body, err = io.ReadAll(io.LimitReader(in, maxParse+1)); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(doc.Body) > maxParse {
		return fmt.Errorf("%s: more than %d MiB", name, maxParse>>20)
	}
	doc.Outcome = feed.Changed
	found, err := understand(doc, time.Now())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	enc := json.NewEncoder(opt.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(found)
}

// understood is what we make of a document.
type understood struct {
	Feed     feed.Channel `json:"feed"`
	Items    []parsedItem `json:"items"`
	Partial  bool         `json:"partial"`
	Warnings []string     `json:"warnings"`
}

// parsedItem is an item without what only the store gives it.
type parsedItem struct {
	feed.Item
	Seen    struct{} `json:"seen,omitzero"`
	Revised struct{} `json:"revised,omitzero"`
}

func understand(doc feed.Document, at time.Time) (understood, error) {
	channel, err := parser.Parse(doc)
	if err != nil {
		return understood{}, err
	}
	found := understood{
		Feed:     normalize.Channel(channel),
		Items:    make([]parsedItem, 0, len(channel.Entries)),
		Partial:  channel.Partial,
		Warnings: append([]string{}, channel.Warnings...),
	}
	var reader normalize.Reader
	for _, e := range channel.Entries {
		it, warnings := reader.Item(e, channel, feed.Outlet{}, at)
		found.Items = append(found.Items, parsedItem{Item: it})
		found.Warnings = append(found.Warnings, warnings...)
	}
	return found, nil
}
