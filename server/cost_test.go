package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sangam/feed"
	"sangam/server"
)

// rival is one of those who serve the same document in the cost test.
type rival struct {
	name, address string
	pid           int // of the process whose CPU time counts
}

// TestCost compares what an answer costs with nginx serving the same bytes as a file,
// and with bare net/http that has them in memory: answers per CPU second, in turns,
// the median of three. It takes two minutes of a quiet machine and needs nginx and
// wrk, so it runs only when COST=1 is set. COST_BEFORE names a test binary of another version,
// which is measured in the same turns.
func TestCost(t *testing.T) {
	if os.Getenv("COST") == "" {
		t.Skip("COST=1 compares with nginx, which takes two minutes")
	}
	wrk := program(t, "wrk")
	ours := child(t, "sangam")
	body := fetch(t, ours.address+"feed.xml", "identity")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "feed.xml"), body, 0o644); err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	_, _ = zw.Write(body)
	_ = zw.Close()
	if err := os.WriteFile(filepath.Join(dir, "feed.xml.gz"), z.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	rivals := []rival{ours, child(t, "bare", "BARE="+dir), nginx(t, dir, "on"), nginx(t, dir, "off")}
	if os.Getenv("COST_BEFORE") != "" {
		rivals = append(rivals, child(t, "before"))
	}
	t.Logf("the document has %d bytes, %d as gzip", len(body), z.Len())
	for _, coding := range []string{"identity", "gzip", "unchanged"} {
		rates := map[string][]float64{}
		for range 3 {
			for _, v := range rivals {
				args := []string{"-t1", "-c16", "-d3s", "-H", "Accept-Encoding: " + strings.Replace(coding, "unchanged", "identity", 1)}
				if coding == "unchanged" {
					args = append(args, "-H", "If-None-Match: "+tagOf(t, v.address+"feed.xml"))
				}
				before := cpu(t, v.pid)
				out := run(t, nil, wrk, append(args, v.address+"feed.xml")...)
				spent := cpu(t, v.pid) - before
				var n float64
				for line := range strings.Lines(out) {
					if count, _, ok := strings.Cut(strings.TrimSpace(line), " requests in "); ok {
						n, _ = strconv.ParseFloat(count, 64)
					}
				}
				if n == 0 || spent == 0 || strings.Contains(out, "Non-2xx") {
					t.Fatalf("%s: %s", v.name, out)
				}
				rates[v.name] = append(rates[v.name], n/spent.Seconds())
			}
		}
		median := func(name string) float64 { slices.Sort(rates[name]); return rates[name][1] }
		for _, v := range rivals {
			t.Logf("%-9s %-18s %8.0f answers per CPU second, %.2f × nginx with sendfile, %.2f × without, %.2f × bare net/http", coding, v.name,
				median(v.name), median(v.name)/median("nginx sendfile on"), median(v.name)/median("nginx sendfile off"), median(v.name)/median("bare"))
		}
	}
}

// TestCostChild is the other process of TestCost: it serves until its input ends.
func TestCostChild(t *testing.T) {
	role := os.Getenv("COST_ROLE")
	if role == "" {
		t.Skip("it is run by TestCost")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\naddress http://%s/\n", l.Addr())
	ctx, cancel := context.WithCancel(t.Context())
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
	if role == "bare" {
		bare(t, ctx, l)
		return
	}
	o := townOptions
	o.Base = "http://" + l.Addr().String() + "/"
	if err := server.Serve(ctx, l, server.New(o, chatter(70)), nil); err != nil {
		t.Fatal(err)
	}
}

// bare is the least that net/http can do: the bytes, their length, their tag.
func bare(t *testing.T, ctx context.Context, l net.Listener) {
	plain, err1 := os.ReadFile(filepath.Join(os.Getenv("BARE"), "feed.xml"))
	small, err2 := os.ReadFile(filepath.Join(os.Getenv("BARE"), "feed.xml.gz"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("ETag", `"bare"`)
		if r.Header.Get("If-None-Match") == `"bare"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		body := plain
		if r.Header.Get("Accept-Encoding") == "gzip" {
			body = small
			h.Set("Content-Encoding", "gzip")
		}
		h.Set("Content-Type", "application/rss+xml")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	})}
	go func() { <-ctx.Done(); _ = srv.Close() }()
	_ = srv.Serve(l)
}

func child(t *testing.T, role string, env ...string) rival {
	t.Helper()
	program := os.Args[0]
	if role == "before" {
		program = os.Getenv("COST_BEFORE")
	}
	cmd := exec.Command(program, "-test.run=^TestCostChild$", "-test.timeout=10m")
	if p := os.Getenv("COST_PROFILE"); p != "" {
		cmd.Args = append(cmd.Args, "-test.cpuprofile="+p+"-"+role)
	}
	cmd.Env = append(append(os.Environ(), "COST_ROLE="+role), env...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	var text []byte
	for buf := make([]byte, 256); ; {
		n, err := out.Read(buf)
		text = append(text, buf[:n]...)
		if _, rest, ok := bytes.Cut(text, []byte("address ")); ok {
			if address, _, ok := bytes.Cut(rest, []byte("\n")); ok {
				go func() { _, _ = io.Copy(io.Discard, out) }()
				return rival{role, string(address), cmd.Process.Pid}
			}
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", role, err, text)
		}
	}
}

// nginx serves the directory with one worker, whose CPU time counts.
func nginx(t *testing.T, dir, sendfile string) rival {
	t.Helper()
	path := program(t, "nginx")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	home := t.TempDir()
	conf := filepath.Join(home, "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 512; }
http {
  access_log off; sendfile %[2]s; tcp_nopush on; keepalive_requests 100000000; gzip_static on; open_file_cache max=10;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  types { application/rss+xml xml; }
  server { listen %[3]s; root %[4]s; }
}`, home, sendfile, address, dir)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-p", home, "-c", conf, "-e", filepath.Join(home, "error.log"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return rival{"nginx sendfile " + sendfile, "http://" + address + "/", cmd.Process.Pid}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("nginx does not start")
	return rival{}
}

// cpu is what the process has used, user and system.
func cpu(t *testing.T, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ is 100 everywhere
}

func fetch(t *testing.T, address, coding string) []byte {
	t.Helper()
	body, _ := got(t, address, coding)
	return body
}

func tagOf(t *testing.T, address string) string {
	t.Helper()
	_, h := got(t, address, "identity")
	return h.Get("ETag")
}

func got(t *testing.T, address, coding string) ([]byte, http.Header) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", coding)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.StatusCode, err)
	}
	return body, resp.Header
}

// chatter is a town with n more stories whose text packs about as well as news does.
func chatter(n int) *shelf {
	s := town()
	words := strings.Fields("harbour board ferry crane rope price council road tree budget river bridge engineer minister school teacher winter storm field market train signal orchard museum painter copper library senate")
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var text strings.Builder
		for range 150 {
			text.WriteString(words[dice.IntN(len(words))] + strconv.Itoa(dice.IntN(20)) + " ")
		}
		id := fmt.Sprintf("c%04d", i)
		s.put(story(id, noon.Add(-time.Duration(i)*time.Second), item("herald", id, "Minutes "+id, text.String(), "en", feed.LeftToRight, 0)))
	}
	return s
}
