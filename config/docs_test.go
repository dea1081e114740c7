package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// row is a line of a table of docs/config.md.
type row struct{ key, fallback, example string }

func documented(t *testing.T) []row {
	t.Helper()
	data, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("^`(.*)`$")
	var rows []row
	for _, line := range strings.Split(string(data), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 5 || strings.TrimSpace(cells[0]) == "key" {
			continue
		}
		var r row
		for i, into := range map[int]*string{0: &r.key, 2: &r.fallback, 3: &r.example} {
			if m := code.FindStringSubmatch(strings.TrimSpace(cells[i])); m != nil {
				*into = m[1]
			}
		}
		if r.key == "" || r.example == "" {
			t.Errorf("no key or no example in: %s", line)
		}
		rows = append(rows, r)
	}
	return rows
}

func TestDocumentedKeysAreTheAcceptedOnes(t *testing.T) {
	var keys []string
	for _, r := range documented(t) {
		keys = append(keys, r.key)
	}
	accepted := Keys()
	slices.Sort(keys)
	slices.Sort(accepted)
	if diff := cmp.Diff(accepted, keys); diff != "" {
		t.Errorf("keys (-accepted +documented):\n%s", diff)
	}
}

// with is a file in which the key has the value, and everything else that a file
// needs; with no value, the file without the key.
func with(key, value string) string {
	section, inside, isList := strings.Cut(key, "[].")
	if !isList {
		section, inside = "", key
	}
	setting := ""
	if value != "" {
		parts := strings.Split(inside, ".")
		setting = strings.Join(parts, ": {") + ": " + value + strings.Repeat("}", len(parts)-1)
	}
	entry := func(needed ...string) string { // of a list, without what the setting says itself
		needed = slices.DeleteFunc(needed, func(s string) bool {
			name, _, _ := strings.Cut(s, ":")
			return name == inside || name+"_file" == inside
		})
		if setting != "" {
			needed = append(needed, setting)
		}
		return "[{" + strings.Join(needed, ", ") + "}]\n"
	}
	sources := "sources: [{id: dw-urdu, url: https://rss.dw.com/rdf/rss-urd-all, categories: [world]}]\n"
	switch {
	case section == "sources":
		return "sources: " + entry("id: other", "url: https://other.example/")
	case section == "webhooks":
		return sources + "webhooks: " + entry("url: https://other.example/")
	case section == "feeds":
		return sources + "feeds: " + entry("id: f")
	case strings.HasPrefix(inside, "cluster"):
		return sources + "public_url: https://news.example/\ncluster: {" + strings.Join(clustered(inside, value), ", ") + "}\n"
	case inside == "sources":
		return setting + "\n"
	}
	return sources + setting + "\n"
}

// clustered is what a cluster needs besides the key, and the key.
func clustered(key, value string) []string {
	urls := "urls: ['nats://127.0.0.1:4222']"
	_, name, _ := strings.Cut(key, ".")
	_, part, inTLS := strings.Cut(name, ".")
	switch {
	case value == "":
		return []string{urls}
	case name == "":
		return []string{strings.Trim(value, "{}")}
	case strings.HasPrefix(part, "cert"):
		return []string{urls, "tls: {key_file: secrets/key.pem, " + part + ": " + value + "}"}
	case strings.HasPrefix(part, "key"):
		return []string{urls, "tls: {cert_file: secrets/cert.pem, " + part + ": " + value + "}"}
	case inTLS:
		return []string{urls, "tls: {" + part + ": " + value + "}"}
	case name == "urls":
		return []string{"urls: " + value}
	}
	return []string{urls, name + ": " + value}
}

// certificate makes one and its key, in PEM form.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}))
}

const creds = "-----BEGIN NATS USER JWT-----\ne30\n------END NATS USER JWT------\n"

func TestDocumentedFilesAreGood(t *testing.T) {
	data, err := os.ReadFile("../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) == 0 {
		t.Error("docs/config.md shows no file")
	}
	for _, block := range blocks {
		load(t, block[1])
	}
}

func TestDocumentedExamplesWorkAndDefaultsAreTrue(t *testing.T) {
	cert, private := certificate(t)
	dir := write(t, map[string]string{
		"secrets/proxy": "http://proxy.example:3128\n", "secrets/url": "https://a.example/feed\n", "secrets/token": "t\n", "secrets/admin": "0123456789abcdef\n",
		"secrets/user": "reader\n", "secrets/password": "p\n", "secrets/sangam.creds": creds,
		"secrets/ca.pem": cert, "secrets/cert.pem": cert, "secrets/key.pem": private,
	})
	read := func(key, value string) (*Config, error) {
		text := with(key, value)
		path := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Load(path, env("FEED_KEY", "k", "NATS_CREDS", creds, "NATS_CA", cert, "NATS_CERT", cert, "NATS_KEY", private))
		if err != nil {
			err = fmt.Errorf("%w\nin\n%s", err, text)
		}
		return cfg, err
	}
	same := cmp.Options{sameZone, cmp.Comparer(func(a, b *regexp.Regexp) bool { return a.String() == b.String() }), cmpopts.EquateComparable(), cmpopts.EquateEmpty()}
	for _, r := range documented(t) {
		example, err := read(r.key, r.example)
		if err != nil {
			t.Errorf("%s: the example %s is refused: %v", r.key, r.example, err)
			continue
		}
		if strings.HasSuffix(r.key, "id") || strings.Contains(r.key, "].url") || r.key == "sources" {
			continue // needed: there is nothing to compare with
		}
		without, err := read(r.key, "")
		if err != nil {
			t.Errorf("%s: %v", r.key, err)
			continue
		}
		if cmp.Equal(without, example, same) {
			t.Errorf("%s: the example %s changes nothing", r.key, r.example)
		}
		if Diff(without, example).Empty() {
			t.Errorf("%s: to Diff, the example %s is no change", r.key, r.example)
		}
		if r.fallback == "" {
			continue
		}
		explicit, err := read(r.key, r.fallback)
		if err != nil {
			t.Errorf("%s: the default %s is refused: %v", r.key, r.fallback, err)
		} else if diff := cmp.Diff(without, explicit, same); diff != "" {
			t.Errorf("%s: %s is not the default (-left out +given):\n%s", r.key, r.fallback, diff)
		}
	}
}
