package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// headerTimeout is how long a request's header may take; who sends half a header
	// is let go after it.
	headerTimeout = 5 * time.Second
	// readTimeout and writeTimeout bound a whole request and its answer. Large
	// documents get more time as long as the reader takes them, see pour.
	readTimeout, writeTimeout = 15 * time.Second, 60 * time.Second
	// idleTimeout is how long a connection is kept for a next request.
	idleTimeout = 60 * time.Second
	// maxHeader is four times what browsers send.
	maxHeader = 16 << 10
	// maxConnections bounds memory; further readers wait to be accepted.
	maxConnections = 4096
	// farewell is how long requests may take to end when the program stops.
	farewell = 5 * time.Second
)

// Listen serves a handler on an address until the context ends, then lets the
// requests under way finish for a few seconds and returns nil. It returns an error
// if it cannot listen or stops for any other reason.
func Listen(ctx context.Context, addr string, h http.Handler, log *slog.Logger) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	return Serve(ctx, l, h, log)
}

// Serve is Listen for a listener that is open already, and closes it.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ConnContext: withLine,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong is theirs
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(newExchange(l, maxConnections)) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	err := srv.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // whoever still reads is cut off
	}
	<-failed
	return err
}
