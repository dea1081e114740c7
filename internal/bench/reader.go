package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// askEvery is how often the reader asks: a hundred requests a second, of all kinds.
const askEvery = 10 * time.Millisecond

// kinds are what a reader asks for. "" as the tag is a request without a condition.
var kinds = []struct {
	name, path  string
	conditional bool
}{
	{"feed, gzip", "/feed.xml", false},
	{"feed, if changed", "/feed.xml", true},
	{"page", "/", false},
	{"sign of life", "/healthz", false},
}

// beReader asks for documents until its input ends, and then tells how long answers took. It
// asks by the clock, whether the last answer has come or not, so that what waits counts too.
func beReader(ctx context.Context, base string, in io.Reader, out io.Writer) error {
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, in); close(ended) }()
	type answer struct {
		kind int
		took time.Duration
	}
	answers, sent := make(chan answer, 1<<16), 0
	tag := ""
	ticks := time.NewTicker(askEvery)
	defer ticks.Stop()
	for done := false; !done; {
		select {
		case <-ended:
			done = true
		case <-ctx.Done():
			done = true
		case <-ticks.C:
			kind, asked := sent%len(kinds), time.Now()
			sent++
			conditional := ""
			if kinds[kind].conditional {
				conditional = tag
			}
			go func() {
				if _, err := ask(ctx, base+kinds[kind].path, conditional); err != nil {
					asked = asked.Add(-time.Hour) // a refusal is no answer
				}
				answers <- answer{kind, time.Since(asked)}
			}()
			if sent%50 == 1 {
				tag, _ = ask(ctx, base+"/feed.xml", "")
			}
		}
	}
	took := make([][]time.Duration, len(kinds))
	for range sent {
		a := <-answers
		took[a.kind] = append(took[a.kind], a.took)
	}
	for i, k := range kinds {
		if n := len(took[i]); n > 0 {
			slices.Sort(took[i])
			fmt.Fprintf(out, "%-16s %5d answers  p50 %6.1f ms  p99 %6.1f ms  longest %6.1f ms\n", k.name, n, millis(took[i][n/2]), millis(took[i][n*99/100]), millis(took[i][n-1]))
		}
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// ask makes one request and returns the tag of the answer.
func ask(ctx context.Context, address, tag string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Accept-Encoding", "gzip")
	if tag != "" {
		req.Header.Set("If-None-Match", tag)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNotModified {
		return "", fmt.Errorf("%s: %s", address, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.Header.Get("ETag"), err
}

// reader is another process that asks while something else goes on.
type reader struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *strings.Builder
}

func startReader(ctx context.Context, self, base string) (*reader, error) {
	r := &reader{cmd: exec.CommandContext(ctx, self, "-reader", base), out: &strings.Builder{}}
	r.cmd.Stdout, r.cmd.Stderr = r.out, os.Stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return r, r.cmd.Start()
}

// stop ends it and writes what it tells.
func (r *reader) stop(w io.Writer, when string) error {
	_ = r.in.Close()
	if err := r.cmd.Wait(); err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	for line := range strings.Lines(r.out.String()) {
		fmt.Fprintf(w, "%-12s %s", when, line)
	}
	return nil
}
