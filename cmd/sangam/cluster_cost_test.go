package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// slowOutlets are so many servers that answer in 200 ms, each with one new item at each visit.
func slowOutlets(t *testing.T, count int) (sources string) {
	t.Helper()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(200 * time.Millisecond)
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<rss version="2.0"><channel><title>At %s</title><link>http://%[1]s/</link><description/><item><guid>%[1]s-%d</guid>
<title>Report %[2]d of the desk at %[1]s</title><link>http://%[1]s/%[2]d</link><description>What happened there at %[2]d.</description></item></channel></rss>`,
			r.Host, time.Now().UnixNano())
	})}
	t.Cleanup(func() { srv.Close() })
	var b strings.Builder
	for i := range count {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go srv.Serve(l)
		fmt.Fprintf(&b, "  - {id: s%d, name: S%d, url: 'http://%s/feed'}\n", i, i, l.Addr())
	}
	return b.String()
}

func (d *daemon) over(sources, more string) {
	d.t.Helper()
	text := fmt.Sprintf("listen: %s\nadmin: %s\n%sfetch: {schedule: '@hourly', concurrency: 8, allow_networks: [127.0.0.0/8], per_host: {interval: 1ms}}\nsources:\n%s", d.listen, d.admin, more, sources)
	if err := os.WriteFile(filepath.Join(d.dir, "config.yaml"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// TestClusterCost measures what three nodes do in the time of one, and how soon all nodes serve
// what one of them fetched. It takes a minute of a quiet machine: SANGAM_CLUSTER_COST=1.
func TestClusterCost(t *testing.T) {
	if os.Getenv("SANGAM_CLUSTER_COST") == "" {
		t.Skip("SANGAM_CLUSTER_COST is not set")
	}
	const count = 240
	sources := slowOutlets(t, count)
	round := func(d *daemon) time.Duration {
		var took []time.Duration
		for range 3 {
			began := time.Now()
			for _, r := range d.fetch() {
				if r.Problem != "" {
					t.Fatal(r.Problem)
				}
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took[1]
	}
	alone := &daemon{t: t, dir: t.TempDir(), bin: sangam(t), listen: freePort(t), admin: freePort(t)}
	alone.over(sources, "")
	alone.start()
	one := round(alone)
	alone.stop()

	e := startEngine(t)
	var nodes []*daemon
	for i := range 3 {
		d := &daemon{t: t, dir: t.TempDir(), bin: sangam(t), listen: freePort(t), admin: freePort(t)}
		d.over(sources, e.section(fmt.Sprint("node-", i+1)))
		d.start()
		nodes = append(nodes, d)
	}
	for _, d := range nodes {
		d.ready()
	}
	three := round(nodes[0])
	t.Logf("%d sources that answer in 200 ms, 8 visits at once per node: one alone %s, three %s: %.2f times", count, one, three, one.Seconds()/three.Seconds())

	var worst []time.Duration
	for i := range 20 {
		id := fmt.Sprintf("s%d", i)
		began := time.Now()
		if _, _, status := nodes[i%3].command("fetch", id); status != 0 {
			t.Fatal("fetch failed")
		}
		for _, d := range nodes {
			want := nodes[i%3].get("/sources/" + id + "/feed.json")
			for d.get("/sources/"+id+"/feed.json") != want {
				time.Sleep(time.Millisecond)
			}
		}
		worst = append(worst, time.Since(began)-200*time.Millisecond) // the command itself is in it too
	}
	slices.Sort(worst)
	t.Logf("after a fetch all nodes served the same within %s, the median %s", worst[len(worst)-1], worst[len(worst)/2])
	for _, d := range nodes {
		d.stop()
	}
	if ratio := one.Seconds() / three.Seconds(); ratio < 2.4 {
		t.Errorf("three nodes do %.2f times what one does, want 2.4", ratio)
	}
}
