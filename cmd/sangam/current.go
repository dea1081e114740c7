package main

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sangam/config"
	"sangam/feed"
	"sangam/storage"
)

// current holds the configuration that is in force. It is only ever replaced whole,
// and what get returned stays as it was.
type current struct {
	telling sync.Mutex // held while the store is told of the sources: an older list must not come last
	cfg     atomic.Pointer[config.Config]
	// tell lets others know of the outlets than the store alone; nil = there are none.
	tell func(context.Context, []feed.Outlet) error
}

func holding(cfg *config.Config) *current {
	c := &current{}
	c.cfg.Store(cfg)
	return c
}

func (c *current) get() *config.Config { return c.cfg.Load() }

// rename tells the store how feeds call themselves, by source; the operator's word on
// the sources as they are now configured goes first.
func (c *current) rename(ctx context.Context, db *storage.DB, names map[string]feed.Channel) error {
	c.telling.Lock()
	defer c.telling.Unlock()
	known, err := db.Outlets(ctx)
	if err != nil {
		return err
	}
	for _, src := range c.get().Sources {
		if ch, met := names[src.ID]; met {
			known[src.ID] = src.Described(ch)
		}
	}
	outlets := slices.AppendSeq(make([]feed.Outlet, 0, len(known)), maps.Values(known))
	slices.SortFunc(outlets, func(a, b feed.Outlet) int { return cmp.Compare(a.ID, b.ID) })
	tell := db.SetOutlets
	if c.tell != nil {
		tell = c.tell
	}
	return tell(ctx, outlets)
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
