package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// Topic is a feed document as readers get it now.
type Topic struct {
	Body []byte
	Kind string // media type
	Tag  string // strong entity tag
}

// Topic returns the feed document at one of our public addresses, made as for a
// reader. The error wraps fs.ErrNotExist when the address is no feed that can be
// followed: another site, a page, an archive.
func (s *Server) Topic(ctx context.Context, address string) (Topic, error) {
	nowhere := fmt.Errorf("%s: %w", address, fs.ErrNotExist)
	st := s.site.Load()
	rest, ours := strings.CutPrefix(address, st.Base)
	ctx = context.WithValue(withoutLine(ctx), newestKey{}, true)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/"+rest, nil)
	if !ours || err != nil || formats[path.Base(r.URL.Path)] == "" || strings.Contains(rest, "archive/") || strings.Contains(rest, "#") {
		return Topic{}, nowhere
	}
	c := &capture{header: http.Header{}, status: http.StatusOK}
	if err := s.answer(c, r, st); err != nil {
		if f, known := errors.AsType[failure](err); known && f.status < http.StatusInternalServerError {
			return Topic{}, nowhere
		}
		return Topic{}, err
	}
	if c.status != http.StatusOK {
		return Topic{}, nowhere
	}
	return Topic{Body: c.body.Bytes(), Kind: c.header.Get("Content-Type"), Tag: c.header.Get("ETag")}, nil
}

// capture is an answer kept in memory.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header         { return c.header }
func (c *capture) WriteHeader(status int)      { c.status = status }
func (c *capture) Write(p []byte) (int, error) { return c.body.Write(p) }
