package fetcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"syscall"
	"time"

	"sangam/feed"
)

// file reads a feed that the operator keeps on this machine. Only the
// configuration can name one; no redirect leads here.
func (e *errand) file(ctx context.Context, at *url.URL) feed.Document {
	if at.Host != "" && at.Host != "localhost" || at.Path == "" {
		return failed(feed.NotFound, "a file address has three slashes and a whole path, as in file:///srv/feeds/own.xml")
	}
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	body, err := readFile(ctx, at.Path, e.maxBody)
	switch {
	case errors.Is(err, errNoFile):
		return failed(feed.NotFound, "the configured path is not a regular file")
	case err == nil && int64(len(body)) > e.maxBody:
		return failed(feed.TooLarge, fmt.Sprintf("more than %s: if the feed is really that long, raise max_body", size(e.maxBody)))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failed(feed.Timeout, "the file does not come to an end, as files do: is it one?")
	case errors.Is(err, fs.ErrNotExist):
		return failed(feed.NotFound, "there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return failed(feed.Unauthorized, "the file may not be read by the user the daemon runs as")
	case err != nil:
		return failed(feed.Broken, "the file cannot be read ("+clip(reason(err), 120)+")")
	}
	doc := feed.Document{Outcome: feed.Changed, URL: at.String(), Body: body, BodyHash: fingerprint(body)}
	if string(doc.BodyHash) == string(e.state.BodyHash) {
		doc.Outcome, doc.Body = feed.Unchanged, nil
	}
	return doc
}

var errNoFile = errors.New("not a regular file")

// readFile reads at most one byte more than limit, until ctx ends. It waits neither for
// a pipe's other end nor for what the kernel may say one day in a file of its own.
func readFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Now()) }) // most files have none, and need none
	defer stop()
	return io.ReadAll(io.LimitReader(f, limit+1))
}
