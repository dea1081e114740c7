package main

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// engineName is how this very binary is called to be a server of the cluster's engine: a process
// of its own, which can be killed.
const engineName = "engine"

// runEngine is the program: number, client port, store, ports of all routes.
func runEngine() {
	args := os.Args[1:]
	number, _ := strconv.Atoi(args[0])
	port, _ := strconv.Atoi(args[1])
	o := &server.Options{
		ServerName: fmt.Sprint("nats-", number), Host: "127.0.0.1", Port: port, NoSigs: true,
		JetStream: true, StoreDir: args[2], SyncAlways: true, JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30,
	}
	for i, p := range args[3:] {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + p})
		if i == number {
			route, _ := strconv.Atoi(p)
			o.Cluster = server.ClusterOpts{Name: filepath.Base(filepath.Dir(args[2])) + args[3], Host: "127.0.0.1", Port: route, NoAdvertise: true} // nodes know the ways they may go
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s.Start()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	s.Shutdown()
}

// An engine is three servers, each a process.
type engine struct {
	t     *testing.T
	bin   string
	dir   string
	ports []string
	route []string
	cmds  []*exec.Cmd
}

// startEngine starts three servers that have found each other. Their addresses must be known
// before they listen, and meanwhile somebody else may take one: then others are tried.
func startEngine(t *testing.T) *engine {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, cmds: make([]*exec.Cmd, 3), bin: filepath.Join(t.TempDir(), engineName)}
	if err := os.Symlink(exe, e.bin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.killAll)
	for range 3 {
		e.dir, e.ports, e.route = t.TempDir(), nil, nil
		for range e.cmds {
			for _, list := range []*[]string{&e.ports, &e.route} {
				_, port, _ := net.SplitHostPort(freePort(t))
				*list = append(*list, port)
			}
		}
		for i := range e.cmds {
			e.start(i)
		}
		if err = e.led(30 * time.Second); err == nil {
			return e
		}
		t.Logf("the engine's servers do not find each other, trying others: %v", err)
		e.killAll()
	}
	t.Fatalf("the engine does not start: %v", err)
	return nil
}

// led waits until the servers have a leader.
func (e *engine) led(limit time.Duration) error {
	var urls []string
	for _, p := range e.ports {
		urls = append(urls, "nats://127.0.0.1:"+p)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(time.Second))
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if _, err = js.AccountInfo(e.t.Context()); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (e *engine) killAll() {
	for i := range e.cmds {
		e.kill(i)
	}
}

func (e *engine) start(i int) {
	e.t.Helper()
	cmd := exec.Command(e.bin, append([]string{strconv.Itoa(i), e.ports[i], filepath.Join(e.dir, strconv.Itoa(i))}, e.route...)...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.cmds[i] = cmd
}

// kill ends a server as a power failure would.
func (e *engine) kill(i int) {
	if cmd := e.cmds[i]; cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		e.cmds[i] = nil
	}
}

// section is the configuration of a node in this engine's cluster.
func (e *engine) section(node string) string {
	var urls []string
	for _, p := range e.ports {
		urls = append(urls, "'nats://127.0.0.1:"+p+"'")
	}
	return fmt.Sprintf("public_url: https://news.example/\ncluster: {urls: [%s], node: %s}\n", strings.Join(urls, ", "), node)
}

// until waits until something holds, for a minute and a half.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	within(t, 90*time.Second, what, holds)
}

func within(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
