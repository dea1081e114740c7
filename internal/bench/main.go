// Command bench measures what the daemon costs beside a crowd of outlets: CPU
// seconds, wall clock and memory of a cold round, a round in which nothing
// changed, and one in which every tenth feed has news. Linux only.
//
//	go run ./internal/bench -n 1000
//	go run ./internal/bench -n 1000 -readers
//
// With -readers, documents are asked for meanwhile, and once more when all is quiet: how
// long do answers take.
//
// The outlets are a process of their own, so that they are not counted; a bare
// http.Client asks them the same in between, for comparison. Both cores busy make
// the same work cost more, so quote medians, and ratios to the bare client.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sangam/internal/outlet"
)

func main() {
	n := flag.Int("n", 1000, "number of sources")
	latency := flag.Duration("latency", 0, "before every answer of an outlet")
	concurrency := flag.Int("concurrency", 256, "visits at once")
	near := flag.Bool("near", true, "near duplicates")
	readers := flag.Bool("readers", false, "ask for documents during the cold round")
	reading := flag.String("reader", "", "ask for documents at this address (used by the command itself)")
	crowd := flag.Bool("crowd", false, "be the outlets (used by the command itself)")
	bare := flag.Bool("bare", false, "be the bare client (used by the command itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *crowd:
		err = beCrowd(ctx, *n, *latency, os.Stdin, os.Stdout)
	case *reading != "":
		err = beReader(ctx, *reading, os.Stdin, os.Stdout)
	case *bare:
		err = beBare(ctx, *concurrency, os.Stdin)
	default:
		err = bench(ctx, os.Stdout, *n, *latency, *concurrency, *near, *readers)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// beCrowd serves outlets and takes orders, a line each: "feeds", "stats" (and
// reset), "advance".
func beCrowd(ctx context.Context, n int, latency time.Duration, in io.Reader, out io.Writer) error {
	c, err := outlet.NewCrowd(outlet.CrowdOptions{Feeds: n, Latency: latency, Seed: 1})
	if err != nil {
		return err
	}
	defer c.Close()
	for orders := bufio.NewScanner(in); orders.Scan() && ctx.Err() == nil; {
		switch orders.Text() {
		case "feeds":
			for i := range n {
				fmt.Fprintln(out, c.Feed(i))
			}
		case "advance":
			c.Advance()
		case "stats":
			s := c.Stats()
			c.Reset()
			fmt.Fprintln(out, s.Full, s.Unchanged, s.Other, s.Overlaps)
		case "count":
			s := c.Stats()
			fmt.Fprintln(out, s.Full, s.Unchanged, s.Other, s.Overlaps)
		}
	}
	return nil
}

// beBare asks every address on in, twice: whole, and for changes.
func beBare(ctx context.Context, concurrency int, in io.Reader) error {
	var feeds []string
	for lines := bufio.NewScanner(in); lines.Scan(); {
		feeds = append(feeds, lines.Text())
	}
	etags := make([]string, len(feeds))
	for _, round := range []string{"cold", "same"} {
		began, used := time.Now(), ownCPU()
		var g sync.WaitGroup
		places := make(chan struct{}, concurrency)
		for i := range feeds {
			places <- struct{}{}
			g.Go(func() {
				defer func() { <-places }()
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, feeds[i], nil)
				if err != nil {
					return
				}
				req.Header.Set("If-None-Match", etags[i])
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					return
				}
				defer resp.Body.Close()
				_, _ = io.Copy(io.Discard, resp.Body)
				etags[i] = resp.Header.Get("ETag")
			})
		}
		g.Wait()
		row(os.Stdout, "bare "+round, len(feeds), ownCPU()-used, time.Since(began), "")
		http.DefaultClient.CloseIdleConnections()
	}
	return ctx.Err()
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // only fails for a wrong argument
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func row(w io.Writer, name string, n int, cpu, wall time.Duration, more string) {
	fmt.Fprintf(w, "%-12s %8.3f ms CPU a source  %7.2f s CPU  %7.2f s wall  %s\n", name, cpu.Seconds()*1000/float64(n), cpu.Seconds(), wall.Seconds(), more)
}

// outlets is the crowd in its own process.
type outlets struct {
	orders  io.Writer
	answers *bufio.Scanner
}

func (o *outlets) ask(order string) string {
	fmt.Fprintln(o.orders, order)
	o.answers.Scan()
	return o.answers.Text()
}

// answered is how many requests the outlets have answered since the last reset.
func (o *outlets) answered() (n int) {
	var full, unchanged int
	_, _ = fmt.Sscan(o.ask("count"), &full, &unchanged)
	return full + unchanged
}

func bench(ctx context.Context, w io.Writer, n int, latency time.Duration, concurrency int, near, readers bool) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "sangam")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/sangam")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the daemon: %w", err)
	}

	self, err := os.Executable()
	if err != nil {
		return err
	}
	crowd := exec.CommandContext(ctx, self, "-crowd", "-n", strconv.Itoa(n), "-latency", latency.String())
	crowd.Stderr = os.Stderr
	orders, err := crowd.StdinPipe()
	if err != nil {
		return err
	}
	answers, err := crowd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := crowd.Start(); err != nil {
		return err
	}
	defer func() { _ = orders.Close(); _ = crowd.Wait() }()
	o := &outlets{orders, bufio.NewScanner(answers)}
	feeds := []string{o.ask("feeds")}
	for len(feeds) < n && o.answers.Scan() {
		feeds = append(feeds, o.answers.Text())
	}

	for range 2 { // the first lets the outlets write their documents
		var out bytes.Buffer
		bare := exec.CommandContext(ctx, self, "-bare", "-concurrency", strconv.Itoa(concurrency))
		bare.Stdin, bare.Stdout, bare.Stderr = strings.NewReader(strings.Join(feeds, "\n")), &out, os.Stderr
		if err := bare.Run(); err != nil {
			return fmt.Errorf("bare client: %w", err)
		}
		_, _ = w.Write(out.Bytes())
	}
	o.ask("stats")
	return rounds(ctx, w, o, self, program, dir, feeds, concurrency, near, readers)
}

// rounds starts the daemon as an operator would and measures it.
func rounds(ctx context.Context, w io.Writer, o *outlets, self, program, dir string, feeds []string, concurrency int, near, readers bool) error {
	listen := freePort()
	base := fmt.Sprintf("http://127.0.0.1:%d", listen)
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, configuration(feeds, listen, concurrency, near), 0o600); err != nil {
		return err
	}
	began := time.Now()
	daemon := exec.Command(program, "run", "--config", config)
	var log bytes.Buffer
	daemon.Stdout, daemon.Stderr = &log, &log
	if err := daemon.Start(); err != nil {
		return err
	}
	stop := func() error {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		return daemon.Wait()
	}
	idle := 10 * time.Millisecond // a tick of the kernel's clock is no work
	measure := func(name string, used time.Duration, began time.Time) (err error) {
		quiet, err := settle(ctx, o, daemon.Process.Pid, len(feeds), idle)
		if err != nil {
			return fmt.Errorf("%s round: %w\n%s", name, err, tail(log.String()))
		}
		row(w, name, len(feeds), cpuOf(daemon.Process.Pid)-used, quiet.Sub(began), memory(daemon.Process.Pid)+"  outlets: "+o.ask("stats"))
		return nil
	}
	var err error
	if readers {
		idle = 350 * time.Millisecond
		err = read(ctx, w, self, base, "cold", func() error { return measure("cold", 0, began) })
		if err == nil {
			err = read(ctx, w, self, base, "idle", func() error { time.Sleep(idleFor); return ctx.Err() })
		}
		idle = 10 * time.Millisecond
	} else {
		err = measure("cold", 0, began)
	}
	for _, name := range []string{"same", "same", "same", "news"} {
		if err != nil {
			break
		}
		if name == "news" {
			fmt.Fprintln(o.orders, "advance")
		}
		used, began := cpuOf(daemon.Process.Pid), time.Now()
		ask := exec.CommandContext(ctx, program, "fetch", "--all", "--config", config)
		var said bytes.Buffer
		ask.Stdout, ask.Stderr = &said, os.Stderr
		if err = ask.Run(); err != nil {
			err = fmt.Errorf("fetch --all: %w\n%s", err, complaints(said.String()))
		} else {
			err = measure(name, used, began)
		}
	}
	return errors.Join(err, stop())
}

// idleFor is how long documents are asked for when nothing else happens.
const idleFor = 15 * time.Second

// read asks for documents while something happens, from when they can be had.
func read(ctx context.Context, w io.Writer, self, base, when string, happens func() error) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := ask(ctx, base+"/healthz", ""); err == nil {
			break
		} else if time.Now().After(deadline) {
			return err
		}
	}
	r, err := startReader(ctx, self, base)
	if err != nil {
		return err
	}
	return errors.Join(happens(), r.stop(w, when))
}

func configuration(feeds []string, listen, concurrency int, near bool) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "listen: 127.0.0.1:%d\nadmin: 127.0.0.1:%d\nfetch:\n  schedule: \"@daily\"\n  concurrency: %d\n  allow_networks: [127.0.0.0/8]\n",
		listen, freePort(), concurrency)
	fmt.Fprintf(&b, "stories: {near_duplicates: %v}\nlog: {level: error}\nsources:\n", near)
	for i, feed := range feeds {
		fmt.Fprintf(&b, "  - {id: desk-%d, url: %q}\n", i, feed)
	}
	return b.Bytes()
}

// freePort is a port that nobody had a moment ago.
func freePort() int {
	c, err := outlet.New(outlet.Options{})
	if err != nil {
		return 8081
	}
	defer c.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(c.Base(), "http://"), ":")
	n, _ := strconv.Atoi(port) // it is one
	return n
}

// settle waits until every feed has been asked and the daemon is quiet, and
// returns when it became so. It is quiet when it uses no more CPU time than idle.
func settle(ctx context.Context, o *outlets, pid, want int, idle time.Duration) (time.Time, error) {
	const quiet = 700 * time.Millisecond
	last, since := cpuOf(pid), time.Now()
	for deadline := time.Now().Add(5 * time.Minute); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		now := cpuOf(pid)
		if memory(pid) == "" { // a process that has ended has none
			return since, errors.New("the daemon has ended")
		}
		if now-last > idle {
			last, since = now, time.Now()
		}
		if time.Since(since) > quiet && o.answered() >= want {
			return since, nil
		}
	}
	return since, fmt.Errorf("not done in time: %d of %d feeds were asked for", o.answered(), want)
}

// cpuOf is the CPU time a process has used: fields 14 and 15 of /proc/PID/stat.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const ticks = 100 // a second, on every Linux
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * time.Second / ticks
}

// memory is what a process holds of its own now, and held at most.
func memory(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return ""
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "RssAnon") || strings.HasPrefix(line, "VmHWM") {
			found = append(found, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(found, "  ")
}

// complaints are the first lines that tell of visits that did not succeed.
func complaints(text string) string {
	var bad []string
	for line := range strings.Lines(text) {
		if len(bad) < 5 && !strings.Contains(line, "(304)") && !strings.Contains(line, " fresh, ") {
			bad = append(bad, line)
		}
	}
	return strings.Join(bad, "")
}

func tail(text string) string { return text[max(0, len(text)-2000):] }
