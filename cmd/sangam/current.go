package main

import (
	"context"
	"sync"
	"sync/atomic"

	"sangam/config"
	"sangam/storage"
)

// current holds the configuration that is in force. It is only ever replaced whole,
// and what get returned stays as it was.
type current struct {
	telling sync.Mutex // held while the store is told of the sources: an older list must not come last
	cfg     atomic.Pointer[config.Config]
}

func holding(cfg *config.Config) *current {
	c := &current{}
	c.cfg.Store(cfg)
	return c
}

func (c *current) get() *config.Config { return c.cfg.Load() }

// introduce tells the store anew of the sources, and of how their feeds call themselves.
func (c *current) introduce(ctx context.Context, db *storage.DB) error {
	c.telling.Lock()
	defer c.telling.Unlock()
	return introduce(ctx, c.get(), db)
}

// replace tells the store of another configuration's sources and then puts that
// configuration in force. If the store cannot be told, all stays as it was.
func (c *current) replace(ctx context.Context, next *config.Config, db *storage.DB) error {
	c.telling.Lock()
	defer c.telling.Unlock()
	if err := introduce(ctx, next, db); err != nil {
		return err
	}
	c.cfg.Store(next)
	return nil
}
