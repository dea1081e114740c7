package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"

	"sangam/config"
	"sangam/fetcher"
	"sangam/server"
	"sangam/storage"
	"sangam/websub"
)

// newHub returns the WebSub hub of a configuration, nil if there is to be none. It
// tells subscribers what pages would tell readers, and keeps them beside the store.
func newHub(cfg *config.Config, db *storage.DB, f *fellow, pages func() *server.Server, log *slog.Logger) (*websub.Hub, error) {
	if !cfg.Hub {
		return nil, nil
	}
	o := websub.Options{
		Address: cfg.PublicURL + "hub", File: filepath.Join(cfg.Data, "subscriptions.json"), Agent: agent(cfg),
		// Strangers choose these addresses, so the networks of sources are not open to them.
		Transport: fetcher.Transport(cfg.HubNetworks...),
		Topic: func(ctx context.Context, topic string) (websub.Content, error) {
			return contentOf(ctx, pages(), topic)
		},
		Sequence: sequenceOf(db), Log: log,
	}
	if f == nil {
		return websub.New(o)
	}
	o.Share = f.node
	var err error
	f.hub, err = websub.New(o)
	return f.hub, err
}

// newPublisher returns what tells the configured hubs of others. The operator chooses
// their addresses, so they may live where sources may.
func newPublisher(conf *current, db *storage.DB, pages *server.Server, log *slog.Logger) *websub.Publisher {
	return websub.NewPublisher(websub.PublisherOptions{
		Agent: agent(conf.get()), Transport: fetcher.Transport(conf.get().Fetch.AllowNetworks...),
		Hubs:   func() []string { return conf.get().Hubs },
		Topics: pages.Feeds,
		Topic: func(ctx context.Context, topic string) (websub.Content, error) {
			return contentOf(ctx, pages, topic)
		},
		Sequence: sequenceOf(db), Log: log,
	})
}

// agent is how the daemon calls itself to hubs and subscribers.
func agent(cfg *config.Config) string { return "Sangam/" + version + " (+" + cfg.PublicURL + ")" }

func contentOf(ctx context.Context, pages *server.Server, topic string) (websub.Content, error) {
	t, err := pages.Topic(ctx, topic)
	if errors.Is(err, fs.ErrNotExist) {
		err = websub.ErrNoTopic
	}
	return websub.Content{Body: t.Body, Kind: t.Kind, Tag: t.Tag}, err
}

func sequenceOf(db *storage.DB) func(context.Context) (uint64, error) {
	return func(ctx context.Context) (uint64, error) {
		seq, _, err := db.Sequence(ctx)
		return seq, err
	}
}
