package fetcher

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/gzip"

	"sangam/feed"
)

// unzippers are used again: a fresh one costs more memory than most feeds.
var unzippers sync.Pool // *gzip.Reader

// receive reads and decodes the body, up to the limit of the source.
func (e *errand) receive(r *reply) {
	limit := e.maxBody
	fail := func(trouble feed.Trouble, problem string) { r.trouble, r.problem = trouble, problem }
	tooLarge := fmt.Sprintf("more than %s: if the feed is really that long, raise max_body", size(limit))

	encoding := strings.Join(r.Header.Values("Content-Encoding"), ", ")
	zips, foreign, odd := codings(encoding)
	if foreign || zips > 1 {
		fail(feed.Encoding, fmt.Sprintf("it sends its feed in the encoding %q, though only gzip was offered: the server is misconfigured, tell the outlet", clip(encoding, 40)))
		return
	}
	zipped := zips == 1
	if odd != "" {
		e.warnings = append(e.warnings, fmt.Sprintf("it calls its encoding %q, which is none", clip(odd, 40)))
	}
	if r.ContentLength > limit {
		fail(feed.TooLarge, tooLarge)
		return
	}
	// Nothing that is worth reading gets longer by being zipped.
	raw := &io.LimitedReader{R: r.Body, N: limit + 1<<16}
	v := newVessel(func() (func(), error) { return e.client.heavy.enter(r.Request.Context(), limit) })
	defer v.empty()
	if !zipped {
		v.expect(r.ContentLength)
	}
	warning, err := decode(v, raw, zipped, limit)
	if warning != "" {
		e.warnings = append(e.warnings, warning)
	}
	switch {
	case errors.Is(err, errCrowded):
		fail(feed.Timeout, "too many long feeds were being received at once for this one to have its turn; if this goes on, lower fetch.concurrency or max_body")
	case err == nil && v.size <= limit:
		r.body = v.bytes()
	case err == nil || raw.N <= 0:
		fail(feed.TooLarge, tooLarge)
	case errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || corrupt(err):
		fail(feed.Encoding, "its gzip encoding is damaged: the server, or something on the way, is broken")
	default:
		doc := e.broken(err, r.Request.URL, reading)
		fail(doc.Trouble, doc.Problem)
	}
}

// compressions are the encodings, gzip aside, in which nobody can read a body as it is.
var compressions = []string{"br", "bzip2", "compress", "dcb", "dcz", "deflate", "exi", "lzma", "pack200-gzip", "x-compress", "xz", "zstd"}

// codings reads a Content-Encoding: how often the body is zipped, and whether it is encoded
// in a way that nobody offered. Some servers write there what is no encoding of bytes
// ("utf-8", "none", "aws-chunked"); then that is odd, and the body is what it would be without.
func codings(header string) (zips int, foreign bool, odd string) {
	for part := range strings.SplitSeq(header, ",") {
		switch name := strings.ToLower(strings.TrimSpace(part)); {
		case name == "" || name == "identity":
		case name == "gzip" || name == "x-gzip":
			zips++
		case slices.Contains(compressions, name):
			foreign = true
		default:
			odd = name
		}
	}
	return zips, foreign, odd
}

// decode reads raw into v, at most one byte more than limit. Feeds that are
// zipped without saying so, or say so without being it, are read all the same.
func decode(v *vessel, raw io.Reader, announced bool, limit int64) (warning string, err error) {
	head := make([]byte, 2)
	n, err := io.ReadFull(raw, head)
	if err == io.EOF || (err == io.ErrUnexpectedEOF && n == 1 && !announced) {
		return "", v.fill(bytes.NewReader(head[:n]))
	} else if err != nil {
		return "", err
	}
	raw = io.MultiReader(bytes.NewReader(head), raw)
	zipped := head[0] == 0x1f && head[1] == 0x8b
	switch {
	case announced && !zipped:
		warning = "it says that its feed is zipped, but it is not"
	case zipped && !announced:
		warning = "it sends its feed zipped without saying so"
	}
	if !zipped {
		err = v.fill(io.LimitReader(raw, limit+1))
	} else {
		err = unzip(v, raw, limit)
		if errors.Is(err, gzip.ErrHeader) && v.size > 0 { // something else follows the feed
			warning, err = "something follows the zipped feed", nil
		}
	}
	return warning, err
}

func unzip(v *vessel, raw io.Reader, limit int64) error {
	z, _ := unzippers.Get().(*gzip.Reader)
	if z == nil {
		z = new(gzip.Reader)
	}
	defer unzippers.Put(z)
	if err := z.Reset(raw); err != nil {
		return err
	}
	return v.fill(io.LimitReader(z, limit+1))
}

// fingerprint recognises the same bytes. It need not withstand an outlet that
// wants to hide its own news.
func fingerprint(body []byte) []byte {
	sum := binary.BigEndian.AppendUint64(nil, xxhash.Sum64(body))
	return binary.BigEndian.AppendUint32(sum, uint32(len(body)))
}
