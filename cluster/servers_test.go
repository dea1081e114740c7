package cluster_test

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// servers are servers of the engine in this process, as one cluster.
type servers struct {
	t    *testing.T
	opts []*server.Options
	run  []*server.Server
}

// startServers starts so many servers with JetStream on loopback.
func startServers(t *testing.T, count int) *servers {
	t.Helper()
	s := &servers{t: t}
	var routes []*url.URL
	var ports []int
	for range count {
		port := freePort(t)
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprint("127.0.0.1:", port)})
	}
	dir := t.TempDir()
	for i := range count {
		o := &server.Options{
			ServerName: fmt.Sprint("nats-", i+1), Host: "127.0.0.1", Port: freePort(t), NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)), SyncAlways: true,
			JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30, HTTPHost: "127.0.0.1", HTTPPort: freePort(t),
		}
		if count > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
		}
		s.opts = append(s.opts, o)
		s.run = append(s.run, nil)
		s.start(i)
	}
	t.Cleanup(func() {
		for i := range s.run {
			s.stop(i)
		}
	})
	for i := range s.run {
		if !s.run[i].ReadyForConnections(30 * time.Second) {
			t.Fatal("a server does not start")
		}
	}
	waitFor(t, "a leader among the servers", func() bool {
		for _, r := range s.run {
			if r.JetStreamIsLeader() || count == 1 {
				return true
			}
		}
		return false
	})
	return s
}

func (s *servers) start(i int) {
	s.t.Helper()
	o := *s.opts[i]
	r, err := server.NewServer(&o)
	if err != nil {
		s.t.Fatal(err)
	}
	s.run[i] = r
	r.Start()
}

func (s *servers) stop(i int) {
	if s.run[i] != nil {
		s.run[i].Shutdown()
		s.run[i].WaitForShutdown()
		s.run[i] = nil
	}
}

// urls are the servers' addresses.
func (s *servers) urls() []string {
	var urls []string
	for _, o := range s.opts {
		urls = append(urls, fmt.Sprint("nats://127.0.0.1:", o.Port))
	}
	return urls
}

func (s *servers) monitor(i int) string { return fmt.Sprint("http://127.0.0.1:", s.opts[i].HTTPPort) }

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// waitFor waits until something holds, for a minute.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
