package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"sangam/config"
)

// errNoDaemon says that nobody listens on the operators' side.
var errNoDaemon = errors.New("no daemon is running")

// errToken says that a daemon runs, which does not want to hear us.
var errToken = errors.New("it wants an admin_token that this configuration does not have: use the daemon's own, with its environment")

// The daemon answers a question at once; what it is told to do may take a visit to
// every source.
const (
	answerTimeout = 10 * time.Second
	orderTimeout  = 10 * time.Minute
)

// askDaemon asks the running daemon a question and reads the answer into into.
func askDaemon(ctx context.Context, cfg *config.Config, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return callDaemon(ctx, cfg, http.MethodGet, path, into)
}

// tellDaemon has the running daemon do something and reads its answer into into.
func tellDaemon(ctx context.Context, cfg *config.Config, name string, values url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	return callDaemon(ctx, cfg, http.MethodPost, "api/"+name+"?"+values.Encode(), into)
}

func callDaemon(ctx context.Context, cfg *config.Config, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+reachable(cfg.Admin)+"/"+path, nil)
	if err != nil {
		return err
	}
	if cfg.AdminToken != "" {
		req.Header.Set("Authorization", "Bearer "+cfg.AdminToken.Reveal())
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("%w on %s", errNoDaemon, cfg.Admin)
	}
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("the daemon on %s: %w", cfg.Admin, errToken)
	}
	if resp.StatusCode != http.StatusOK {
		var refusal struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(body, &refusal) == nil && refusal.Error != "" {
			if resp.StatusCode == http.StatusUnprocessableEntity {
				return badConfig{errors.New(refusal.Error)}
			}
			return errors.New(refusal.Error)
		}
		return fmt.Errorf("the daemon on %s answers %s", cfg.Admin, resp.Status)
	}
	return json.Unmarshal(body, into)
}
