package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// A strait is the way from one node to the servers of the engine. When it is closed nothing comes
// through, and nobody is told, as when a network is down; what waits comes through afterwards.
type strait struct {
	ports []string // of the servers, as this node reaches them

	mu     sync.Mutex
	opened chan struct{} // closed while the way is open
}

func newStrait(t *testing.T, servers []string) *strait {
	t.Helper()
	s := &strait{opened: make(chan struct{})}
	close(s.opened)
	for _, server := range servers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		_, port, _ := net.SplitHostPort(l.Addr().String())
		s.ports = append(s.ports, port)
		go func() { // ends with its listener
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go s.carry(c, server)
			}
		}()
	}
	return s
}

func (s *strait) carry(from net.Conn, server string) {
	defer from.Close()
	<-s.open()
	to, err := net.Dial("tcp", "127.0.0.1:"+server)
	if err != nil {
		return
	}
	defer to.Close()
	over := make(chan struct{}, 2)
	for _, way := range []struct{ from, to net.Conn }{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(passage{way.to, s}, way.from)
			over <- struct{}{}
		}()
	}
	<-over
}

type passage struct {
	net.Conn
	s *strait
}

func (p passage) Write(b []byte) (int, error) {
	<-p.s.open()
	return p.Conn.Write(b)
}

func (s *strait) open() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

func (s *strait) shut(t *testing.T) (openAgain func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	shut := make(chan struct{})
	s.opened = shut
	openAgain = sync.OnceFunc(func() { close(shut) })
	t.Cleanup(openAgain)
	return openAgain
}
