package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	"sangam/config"
	"sangam/dedupe"
	"sangam/server"
	"sangam/storage"
)

// bench is what an order works with.
type bench struct {
	db       *storage.DB
	rules    dedupe.Rules
	progress storage.Progress
	rule     func(context.Context, storage.Ruled) error // how a verdict is made known; nil = to db alone
}

// An order is work on the store. The running daemon carries it out when there is
// one, since it holds the file; else the command that was given does.
type order func(context.Context, bench, url.Values) (any, error)

// orders change something; questions do not.
var (
	orders = map[string]order{
		"verdict": setVerdict, "reindex": reindex, "compact": compact, "backup": backup, "restore": restore, "check": checkStore,
		"purge": purge,
	}
	// decides are the orders that change which stories there are.
	decides   = map[string]bool{"verdict": true, "reindex": true, "purge": true}
	questions = map[string]order{"why": why, "verdicts": listVerdicts, "search": search}
)

// carryOut has an order carried out, by the daemon or here, and reads what came of
// it into into. Long work shows how far it is when stderr is a terminal.
func carryOut(ctx context.Context, opt *options, name string, values url.Values, into any) error {
	cfg, err := opt.load()
	if err != nil {
		return opt.problems(err)
	}
	do, changes := orders[name]
	if changes {
		err = opt.watching(ctx, cfg, func() error { return tellDaemon(ctx, cfg, name, values, into) })
	} else {
		do = questions[name]
		err = askDaemon(ctx, cfg, "api/"+name+"?"+values.Encode(), into)
	}
	if !errors.Is(err, errNoDaemon) {
		return err
	}
	return carryOutHere(ctx, opt, cfg, do, decides[name], values, into)
}

func carryOutHere(ctx context.Context, opt *options, cfg *config.Config, do order, changes bool, values url.Values, into any) error {
	db, err := openStore(cfg, logger(opt.err, config.Log{Level: slog.LevelError}))
	if err != nil {
		return err
	}
	defer db.Close()
	if changes {
		if err := ownStore(ctx, db); err != nil {
			return err
		}
	}
	if err := introduce(ctx, cfg, db); err != nil {
		return err
	}
	bar := opt.bar()
	answer, err := do(ctx, bench{db: db, rules: rules(cfg), progress: bar.report}, values)
	bar.stop()
	if err != nil {
		return err
	}
	text, err := json.Marshal(answer) // as the daemon would answer
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// rules are the configuration's rules of what is one story.
func rules(cfg *config.Config) dedupe.Rules {
	return dedupe.Rules{Near: cfg.Window, NearDuplicates: cfg.NearDuplicates}
}

// How far the daemon is with the order it carries out; questioned by the command
// that waits for it.
type howFar struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// commandsOf makes the daemon's side of orders and questions.
func commandsOf(conf func() *config.Config, db *storage.DB) (changes, queries map[string]server.Command) {
	var far atomic.Pointer[howFar]
	far.Store(&howFar{})
	progress := func(done, total int64) { far.Store(&howFar{done, total}) }
	command := func(do order) server.Command {
		return func(ctx context.Context, r *http.Request) (any, error) {
			return do(ctx, bench{db: db, rules: rules(conf()), progress: progress}, r.URL.Query())
		}
	}
	changes, queries = map[string]server.Command{}, map[string]server.Command{
		"progress": func(context.Context, *http.Request) (any, error) { return far.Load(), nil },
	}
	for name, do := range orders {
		changes[name] = command(do)
	}
	for name, do := range questions {
		queries[name] = command(do)
	}
	return changes, queries
}
