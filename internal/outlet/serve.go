package outlet

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"
)

// serve answers a request and takes note of it.
func (o *Outlet) serve(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.running++
	o.most = max(o.most, o.running)
	behave := o.behave
	o.mu.Unlock()
	noted := &noting{ResponseWriter: w}
	at := time.Now()
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.running--
		if len(o.requests) == keptRequests {
			o.requests = o.requests[1:]
		}
		o.requests = append(o.requests, Request{At: at, Method: r.Method, Path: r.URL.RequestURI(), Header: r.Header, Status: noted.status})
	}()
	if o.opts.Latency > 0 {
		select {
		case <-time.After(o.opts.Latency):
		case <-r.Context().Done():
			return
		}
	}
	switch {
	case behave != nil:
		behave.ServeHTTP(noted, r)
	case r.URL.Path == o.opts.Path:
		o.feed(noted, r)
	default:
		o.page(noted, r)
	}
}

// noting remembers the status.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	if n.status == 0 {
		n.status = status
	}
	n.ResponseWriter.WriteHeader(status)
}

func (n *noting) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.status = http.StatusOK
	}
	return n.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// feed answers with the feed, or with 304.
func (o *Outlet) feed(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	body := o.render()
	changed := o.changed
	o.mu.Unlock()
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`

	h := w.Header()
	for name, values := range o.opts.Header {
		h[name] = values
	}
	if !o.opts.NoETag {
		h.Set("ETag", etag)
	}
	if !o.opts.NoLastModified {
		h.Set("Last-Modified", changed.UTC().Format(http.TimeFormat))
	}
	if o.fresh(r, etag, changed) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", contentTypes[o.opts.Format])
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // who hung up does not want it
	}
}

var contentTypes = map[Format]string{
	RSS2: "application/rss+xml; charset=utf-8",
	RSS1: "text/xml; charset=UTF-8",
	Atom: "application/atom+xml",
	JSON: "application/feed+json",
}

// fresh tells whether the asker has what we have (RFC 9110, 13.2.2).
func (o *Outlet) fresh(r *http.Request, etag string, changed time.Time) bool {
	if match := r.Header.Get("If-None-Match"); match != "" && !o.opts.NoETag {
		for tag := range strings.SplitSeq(match, ",") {
			if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == etag {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !o.opts.NoLastModified && !changed.After(since)
}

// page answers with the article at that address, or with the outlet's own page,
// which names its feed as web pages do.
func (o *Outlet) page(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var body strings.Builder
	title := o.opts.Title
	status := http.StatusNotFound
	if r.URL.Path == "/" {
		status = http.StatusOK
		for _, it := range o.items {
			fmt.Fprintf(&body, "<p><a href=\"%s\">%s</a></p>\n", html.EscapeString(it.Link), html.EscapeString(it.Title))
		}
	}
	for _, it := range o.items {
		if strings.TrimPrefix(it.Link, o.base) == r.URL.Path {
			status, title = http.StatusOK, it.Title
			fmt.Fprintf(&body, "<article><h1>%s</h1>\n<p><small>%s · %s · %s</small></p>\n%s\n</article>\n", html.EscapeString(it.Title),
				html.EscapeString(o.opts.Title), html.EscapeString(it.Author), it.Published.UTC().Format(time.RFC1123), longest(it.Content, it.Summary))
		}
	}
	if status == http.StatusNotFound {
		body.WriteString("<p>404</p>")
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!doctype html>\n<html lang=\"%s\" dir=\"auto\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"+
		"<title>%s</title>\n<link rel=\"alternate\" type=\"%s\" title=\"%s\" href=\"%s\">\n"+
		"<style>body{max-width:42rem;margin:2rem auto;padding:0 1rem;font:1.1rem/1.6 serif}:lang(ur){line-height:2.2}</style>\n<body dir=\"auto\">\n%s",
		html.EscapeString(o.opts.Language), html.EscapeString(title), strings.Split(contentTypes[o.opts.Format], ";")[0],
		html.EscapeString(o.opts.Title), html.EscapeString(o.Feed()), body.String())
}

func longest(a, b string) string {
	if len(a) > len(b) {
		return a
	}
	return b
}
