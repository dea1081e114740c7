package fetcher

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"

	"sangam/feed"
)

// file reads a feed that the operator keeps on this machine. Only the
// configuration can name one; no redirect leads here.
func (e *errand) file(at *url.URL) feed.Document {
	if at.Host != "" && at.Host != "localhost" || at.Path == "" {
		return failed(feed.NotFound, "a file address has three slashes and a whole path, as in file:///srv/feeds/own.xml")
	}
	// A pipe or a device would never end: look before opening.
	info, err := os.Stat(at.Path)
	if err == nil && !info.Mode().IsRegular() {
		return failed(feed.NotFound, "the configured path is not a regular file")
	}
	if err == nil && info.Size() > e.src.MaxBody {
		return failed(feed.TooLarge, fmt.Sprintf("more than %s: if the feed is really that long, raise max_body", size(e.src.MaxBody)))
	}
	var body []byte
	if err == nil {
		body, err = readFile(at.Path, e.src.MaxBody)
	}
	switch {
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

func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
