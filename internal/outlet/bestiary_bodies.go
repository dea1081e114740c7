package outlet

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// zip returns text zipped.
func zip(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// raw answers with these bytes as they are, and a Content-Encoding.
func raw(encoding string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if encoding != "" {
			w.Header().Set("Content-Encoding", encoding)
		}
		w.Header().Set("Content-Type", "application/rss+xml")
		_, _ = w.Write(body) // who hung up does not want it
	}
}

// BombSize is how large the zip bomb is when it has gone off.
const BombSize = 1 << 30

// bomb is a gigabyte of zeros in one gzip stream. Its block of a megabyte can stand
// behind itself, because zeros only ever refer to zeros.
var bomb = sync.OnceValues(func() (head, block []byte) {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.DefaultCompression) // the level is valid
	zeros := make([]byte, 1<<20)
	_, _ = z.Write(zeros)
	_ = z.Flush()
	once := b.Len()
	_, _ = z.Write(zeros)
	_ = z.Flush()
	header := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	return append(header, b.Bytes()[:once]...), b.Bytes()[once:]
})

func bodies() []Animal {
	good := zip(Sample)
	damaged := bytes.Clone(good)
	damaged[len(damaged)-20] ^= 0x55
	return []Animal{
		animal("gzip", "zipped, as offered", raw("gzip", good)),
		animal("x-gzip", "zipped, by its old name", raw("X-GZIP", good)),
		animal("gzip-twice-said", "zipped in two members", raw("gzip", append(zip(Sample[:60]), zip(Sample[60:])...))),
		animal("gzip-silent", "zipped without saying so", raw("", good)),
		animal("gzip-claimed", "not zipped though it says so", raw("gzip", []byte(Sample))),
		animal("gzip-tail", "zipped, and something behind it", raw("gzip", append(bytes.Clone(good), "\n<!-- served by zoo -->"...))),
		animal("gzip-cut", "zipped and cut off", raw("gzip", good[:len(good)/2])),
		animal("gzip-damaged", "zipped and damaged", raw("gzip", damaged)),
		animal("gzip-bomb", "a megabyte that unpacks to a gigabyte", func(w http.ResponseWriter, _ *http.Request) {
			head, block := bomb()
			w.Header().Set("Content-Encoding", "gzip")
			_, err := w.Write(head)
			for sent := 1 << 20; err == nil && sent < BombSize; sent += 1 << 20 {
				_, err = w.Write(block)
			}
		}),
		animal("br", "brotli, which nobody offered", raw("br", []byte{0x0b, 0x02, 0x80, 'h', 'i', 0x03})),
		animal("deflate", "deflate, which nobody offered", raw("deflate", []byte{0x78, 0x9c, 0x03, 0, 0, 0, 0, 1})),
		animal("zstd", "zstd, which nobody offered", raw("zstd", []byte{0x28, 0xb5, 0x2f, 0xfd})),
		animal("gzip-gzip", "zipped twice", raw("gzip, gzip", zip(string(good)))),
		animal("encoding-charset", "a charset where an encoding belongs", raw("UTF-8", []byte(Sample))),
		animal("encoding-gzip-chunked", "zipped, and by the way in chunks", raw("gzip, aws-chunked", good)),
		animal("empty", "nothing at all", raw("", nil)),
		animal("one-byte", "a single byte", raw("", []byte("<"))),
		animal("page", "a web page that names its feeds", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><title>Zoo</title><link rel="alternate" type="application/rss+xml" href="/home"><p>Hello`)
		}),
		animal("huge-announced", "a Content-Length of ten gigabytes", hijack(func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n<rss>")
			hold(c)
		})),
		animal("huge", "a body without end, as fast as it can", func(w http.ResponseWriter, _ *http.Request) {
			chunk := []byte(strings.Repeat("<item><title>more</title></item>", 1024))
			for {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}),
	}
}

// hijack takes the connection over once the request's header has been read.
func hijack(talk func(net.Conn)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer conn.Close()
		talk(conn)
	}
}

// patience bounds every animal that would go on for ever.
const patience = 2 * time.Minute

// hold waits until the other side hangs up.
func hold(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, c)
}

// drip sends text byte by byte, then on and on what more gives, until nobody takes it.
func drip(c net.Conn, text string, more func(i int) string) {
	end := time.Now().Add(patience)
	for i := 0; time.Now().Before(end); i++ {
		for _, b := range []byte(text) {
			if _, err := c.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		text = more(i)
	}
}

func slow() []Animal {
	return []Animal{
		animal("silent", "takes the request and says nothing", hijack(hold)),
		animal("drip-header", "a header that drips and never ends", hijack(func(c net.Conn) {
			drip(c, "HTTP/1.1 200 OK\r\n", func(i int) string { return "X-" + strconv.Itoa(i) + ": y\r\n" })
		})),
		animal("drip-body", "a body that drips and never ends", hijack(func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
			drip(c, "<rss>", func(int) string { return "<item/>" })
		})),
		animal("stuck-body", "half a body, then nothing", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(Sample), Sample[:80])
			hold(c)
		})),
		animal("stuck-error", "404, and a page that never comes", hijack(func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 5000\r\n\r\n<html>")
			hold(c)
		})),
		animal("endless-interim", "102 Processing, again and again", hijack(func(c net.Conn) {
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
				if _, err := fmt.Fprint(c, "HTTP/1.1 102 Processing\r\n\r\n"); err != nil {
					return
				}
			}
		})),
	}
}

func broken() []Animal {
	speaks := func(text string) http.HandlerFunc {
		return hijack(func(c net.Conn) { fmt.Fprint(c, text) })
	}
	return []Animal{
		animal("hangs-up", "hangs up without a word", speaks("")),
		animal("resets", "hangs up with a reset in the middle of the body", hijack(func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(Sample), Sample[:80])
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		})),
		animal("cut", "less body than Content-Length says", speaks("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"+Sample)),
		animal("cut-chunks", "chunks that stop in the middle", speaks("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n<rss><channel><t")),
		animal("ssh", "another protocol", speaks("SSH-2.0-OpenSSH_9.6\r\n")),
		animal("no-status", "a page without any header", speaks("<html>hello</html>")),
		animal("header-garbage", "a header line without a colon", speaks("HTTP/1.1 200 OK\r\nthis is no header\r\n\r\n"+Sample)),
		animal("header-nul", "a NUL in a header", speaks("HTTP/1.1 200 OK\r\nETag: \"a\x00b\"\r\n\r\n"+Sample)),
		animal("header-huge", "a megabyte of header", speaks("HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n"+Sample)),
		animal("header-split", "an ETag that smuggles a line", speaks("HTTP/1.1 200 OK\r\nETag: \"a\"\rX-Injected: yes\r\nConnection: close\r\n\r\n"+Sample)),
		animal("no-length", "a body that ends with the connection", speaks("HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n"+Sample)),
	}
}
