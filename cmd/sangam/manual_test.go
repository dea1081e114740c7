package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"sangam/internal/outlet"
)

var update = flag.Bool("update", false, "write the command reference in docs/operate.md anew")

const (
	operate     = "../../docs/operate.md"
	referenceIn = "<!-- commands: go test ./cmd/sangam -run OperateDoc -update -->\n"
)

func TestOperateDocIsTrue(t *testing.T) {
	data, err := os.ReadFile(operate)
	if err != nil {
		t.Fatal(err)
	}
	head, old, ok := strings.Cut(string(data), referenceIn)
	if !ok {
		t.Fatalf("%s has no line %q", operate, referenceIn)
	}
	want := "\n" + strings.TrimRight(reference(commands(streams{})), "\n") + "\n"
	if *update {
		if err := os.WriteFile(operate, []byte(head+referenceIn+want), 0o644); err != nil {
			t.Fatal(err)
		}
		old = want
	}
	if old != want {
		t.Error("the command reference in docs/operate.md is not what the commands say; run this test with -update")
	}
	for _, s := range exitStatuses {
		if row := fmt.Sprintf("| %d | %s |", s.status, s.means); !strings.Contains(head, row) {
			t.Errorf("docs/operate.md does not have the exit status %s", row)
		}
	}
	m := newMetrics()
	m.watchStore(nil, nil, nil)
	descs := make(chan *prometheus.Desc, 200)
	m.registry.Describe(descs)
	close(descs)
	n := 0
	for d := range descs {
		name, _, _ := strings.Cut(strings.TrimPrefix(d.String(), `Desc{fqName: "`), `"`)
		if !strings.HasPrefix(name, "sangam_") {
			continue
		}
		n++
		if !strings.Contains(head, "`"+name+"`") {
			t.Errorf("docs/operate.md does not tell of the metric %s", name)
		}
	}
	if n < 20 {
		t.Errorf("only %d metrics were looked at", n)
	}
}

func TestManualPageIsCleanRoff(t *testing.T) {
	var page bytes.Buffer
	if err := manual(&page, commands(streams{})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH SANGAM 1", ".SS sangam run", ".SS sangam sources add URL", ".B 78", `\-\-category \fIcategory\fR`} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the manual page does not have %q", want)
		}
	}
	if _, err := exec.LookPath("man"); err != nil {
		return // nothing more to ask
	}
	cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-")
	cmd.Stdin = &page
	cmd.Env = append(os.Environ(), "MANROFFOPT=-ww", "MANPAGER=cat")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if out, err := cmd.Output(); err != nil || errs.Len() > 0 || !strings.Contains(string(out), "All went well.") {
		t.Errorf("man says %v, %s", err, &errs)
	}
}

// TestDocumentsThatAreNamedExist follows what documents, deploy/ and comments say of docs/
// and deploy/.
func TestDocumentsThatAreNamedExist(t *testing.T) {
	named := regexp.MustCompile(`\b(?:docs|deploy)/[a-z0-9/_-]+(?:\.[a-z]+)+`)
	seen := 0
	for _, pattern := range []string{"*.md", "config.yaml", "Dockerfile", "docs/*.md", "docs/decisions/*.md", "deploy/*", "deploy/*/*"} {
		files, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				continue // a directory
			}
			for _, name := range named.FindAllString(string(text), -1) {
				if strings.HasPrefix(name, "deploy/etc/") {
					continue // the operator makes it
				}
				seen++
				if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
					t.Errorf("%s names %s, which is not there", file, name)
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d names were looked at", seen)
	}
}

// TestAddressesInTheReadersDocAnswer asks a daemon for every address that docs/read.md
// names.
func TestAddressesInTheReadersDocAnswer(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.RSS2)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald})
	d.configure(nil, "  - {id: herald, url: '"+herald.Feed()+"', categories: [boats]}\nfeeds: [{id: herald, sources: [herald]}]\n")
	d.start()
	d.fetch()
	named := regexp.MustCompile("`(/[^` ]*)`").FindAllStringSubmatch(read(t, "../../docs/read.md"), -1)
	if len(named) < 12 {
		t.Errorf("only %d addresses are named", len(named))
	}
	for _, m := range named {
		if d.get(strings.NewReplacer("ID", "herald", "NAME", "boats").Replace(m[1])) == "" {
			t.Errorf("%s: nothing", m[1])
		}
	}
	d.stop()
}
