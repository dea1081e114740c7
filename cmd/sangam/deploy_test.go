package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"sangam/config"
	"sangam/internal/outlet"
)

// TestServiceUnitIsHardened asks systemd itself: an exposure of at most 1.5 of 10 is
// what it calls "OK", and nothing but the network is open.
func TestServiceUnitIsHardened(t *testing.T) {
	out, err := exec.Command(need(t, "systemd-analyze"), "security", "--offline=true", "--threshold=15", "../../deploy/sangam.service").CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestServiceUnitHasNoMistake lets systemd read the unit. Before version 253 it does not
// know notify-reload and says that it stays with notify.
func TestServiceUnitHasNoMistake(t *testing.T) {
	out, _ := exec.Command(need(t, "systemd-analyze"), "verify", "--man=no", "../../deploy/sangam.service").CombinedOutput()
	expected := regexp.MustCompile(`ignoring: notify-reload|/usr/local/bin/sangam is not executable`)
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "sangam.service") && !expected.MatchString(line) {
			t.Errorf("systemd-analyze verify: %s", line)
		}
	}
}

// shipped is a file of deploy/, with each first string replaced by the second.
func shipped(t *testing.T, name string, replace ...string) string {
	t.Helper()
	text := read(t, filepath.Join("../../deploy", name))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("deploy/%s has no %q any more", name, replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return text
}

// TestProxiesPassOnWhatReadersNeed puts the shipped configurations of nginx and Caddy
// before a daemon, and asks both ways.
func TestProxiesPassOnWhatReadersNeed(t *testing.T) {
	herald := openOutlet(t, "herald", outlet.Atom)
	herald.Publish(outlet.Line("1 | /1 | Ferry sinks off the northern coast | Twelve rescued."))
	d := newDaemon(t, map[string]*outlet.Outlet{"herald": herald})
	d.configure(map[string]*outlet.Outlet{"herald": herald}, "public_url: https://news.example.org/\nhub: true\n")
	d.start()
	d.fetch()
	old := ask(t, "http://"+d.listen, "/atom.xml", nil).Header.Get("ETag")
	herald.Publish(outlet.Line("2 | /2 | Mayor opens the long awaited tunnel | Traffic moves."))
	d.fetch()
	t.Run("nginx", func(t *testing.T) { passesOn(t, startNginx(t, d.listen), d.listen, old) })
	t.Run("Caddy", func(t *testing.T) { passesOn(t, startCaddy(t, d.listen), d.listen, old) })
	d.stop()
}

// passesOn compares what a reader gets through a proxy with what he would get without.
func passesOn(t *testing.T, proxy, direct, old string) {
	t.Helper()
	tag := ask(t, "http://"+direct, "/atom.xml", nil).Header.Get("ETag")
	for _, c := range []struct {
		path, header, value string
		status              int
	}{
		{"/atom.xml", "", "", 200},
		{"/atom.xml", "Accept-Encoding", "gzip", 200},
		{"/atom.xml", "Accept-Encoding", "zstd", 200},
		{"/atom.xml", "If-None-Match", tag, 304},
		{"/atom.xml", "A-IM", "feed", 226},
		{"/", "Accept-Encoding", "gzip", 200},
		{"/sources/herald/", "", "", 200},
		{"/hub", "", "", 0}, // whatever it says to a GET
		{"/nothing-here", "", "", 404},
	} {
		headers := http.Header{"Accept-Encoding": {"identity"}}
		if c.header != "" {
			headers.Set(c.header, c.value)
		}
		if c.status == http.StatusIMUsed {
			headers.Set("If-None-Match", old)
		}
		want, got := ask(t, "http://"+direct, c.path, headers), ask(t, proxy, c.path, headers)
		if c.status != 0 && want.StatusCode != c.status {
			t.Errorf("%s %s: the daemon says %d, not %d", c.path, c.header, want.StatusCode, c.status)
		}
		if got.StatusCode != want.StatusCode || !bytes.Equal(got.body, want.body) {
			t.Errorf("%s %s: got %d and %d bytes, want %d and %d", c.path, c.header, got.StatusCode, len(got.body), want.StatusCode, len(want.body))
		}
		for _, name := range []string{"ETag", "Last-Modified", "Content-Type", "Content-Encoding", "Vary", "Cache-Control", "IM", "Content-Security-Policy"} {
			if g, w := got.Header.Get(name), want.Header.Get(name); g != w {
				t.Errorf("%s %s: %s is %q, want %q", c.path, c.header, name, g, w)
			}
		}
	}
}

// answer is an answer that has been read.
type answer struct {
	*http.Response
	body []byte
}

func ask(t *testing.T, base, path string, headers http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, headers)
	client := http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableCompression: true, ForceAttemptHTTP2: true}
	defer client.CloseIdleConnections()
	resp, err := client.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, body}
}

func startNginx(t *testing.T, upstream string) (address string) {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin") // where Debian has it
	}
	nginx := need(t, "nginx")
	dir, plain, secure := t.TempDir(), freePort(t), freePort(t)
	cert, key := certificate(t, dir)
	site := shipped(t, "nginx.conf", "127.0.0.1:8080", upstream,
		"    listen [::]:80;\n", "", "    listen [::]:443 ssl http2;\n", "", "listen 80;", "listen "+plain+";", "listen 443 ssl", "listen "+secure+" ssl",
		"/etc/letsencrypt/live/news.example.org/fullchain.pem", cert, "/etc/letsencrypt/live/news.example.org/privkey.pem", key)
	conf := "daemon off; pid nginx.pid; error_log stderr; events {}\nhttp { access_log off; gzip on; gzip_types *;\n"
	for _, name := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += name + "_temp_path " + name + ";\n"
	}
	file := filepath.Join(dir, "nginx.conf")
	write(t, file, conf+site+"}\n")
	if out, err := exec.Command(nginx, "-t", "-p", dir, "-c", file).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	running(t, exec.Command(nginx, "-p", dir, "-c", file), secure)
	if got := ask(t, "http://"+plain, "/atom.xml?q=ferry", nil); got.StatusCode != 301 || !strings.HasSuffix(got.Header.Get("Location"), "/atom.xml?q=ferry") {
		t.Errorf("without TLS it says %d, %s", got.StatusCode, got.Header.Get("Location"))
	}
	return "https://" + secure
}

func startCaddy(t *testing.T, upstream string) (address string) {
	t.Helper()
	caddy := need(t, "caddy")
	dir, listen := t.TempDir(), freePort(t)
	site := shipped(t, "Caddyfile", "news.example.org {", "http://"+listen+" {", "127.0.0.1:8080", upstream)
	file := filepath.Join(dir, "Caddyfile")
	write(t, file, "{\n\tadmin off\n}\n"+site)
	cmd := exec.Command(caddy, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	running(t, cmd, listen)
	return "http://" + listen
}

// running starts a program that is to listen, and ends it with the test.
func running(t *testing.T, cmd *exec.Cmd, listens string) {
	t.Helper()
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", listens)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v\n%s", cmd.Path, err, &said)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen", cmd.Path)
		}
	}
}

// certificate writes a key and its own certificate.
func certificate(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"news.example.org"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return certFile, keyFile
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKubernetesManifestAgreesWithItsConfiguration loads the configuration out of the
// manifest, and follows its ports and directories through the pod.
func TestKubernetesManifestAgreesWithItsConfiguration(t *testing.T) {
	type object struct {
		Kind string
		Data map[string]string
		Spec struct {
			Replicas int
			Strategy struct{ Type string }
			Template struct {
				Spec struct {
					Containers []struct {
						Ports []struct {
							Name          string
							ContainerPort int `yaml:"containerPort"`
						}
						StartupProbe, ReadinessProbe, LivenessProbe struct {
							HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
						}
						VolumeMounts []struct {
							MountPath string `yaml:"mountPath"`
							SubPath   string `yaml:"subPath"`
						} `yaml:"volumeMounts"`
					}
				}
			}
		}
	}
	objects := map[string]object{}
	for _, part := range strings.Split(shipped(t, "kubernetes.yaml"), "\n---\n") {
		var o object
		if err := yaml.Unmarshal([]byte(part), &o); err != nil {
			t.Fatal(err)
		}
		objects[o.Kind] = o
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "0123456789abcdef\n")
	text := objects["ConfigMap"].Data["config.yaml"]
	write(t, filepath.Join(dir, "config.yaml"), strings.ReplaceAll(text, "/etc/sangam-secrets/admin_token", filepath.Join(dir, "token")))
	cfg, err := config.Load(filepath.Join(dir, "config.yaml"), nil)
	if err != nil || len(cfg.Warnings) > 0 {
		t.Fatalf("the ConfigMap's configuration: %v %v", err, cfg.Warnings)
	}
	deployment := objects["Deployment"].Spec
	if deployment.Replicas != 1 || deployment.Strategy.Type != "Recreate" {
		t.Errorf("%d replicas, %s: two daemons would want one store", deployment.Replicas, deployment.Strategy.Type)
	}
	pod := deployment.Template.Spec.Containers[0]
	ports := map[string]string{}
	for _, p := range pod.Ports {
		ports[p.Name] = fmt.Sprintf("0.0.0.0:%d", p.ContainerPort)
	}
	if ports["readers"] != cfg.Listen || ports["operators"] != cfg.Admin {
		t.Errorf("ports %v, but the daemon listens on %s and %s", ports, cfg.Listen, cfg.Admin)
	}
	mounts := map[string]bool{}
	for _, m := range pod.VolumeMounts {
		mounts[m.MountPath] = m.SubPath == ""
	}
	if !mounts[cfg.Data] || !mounts["/etc/sangam"] || !mounts["/etc/sangam-secrets"] {
		t.Errorf("mounted are %v: want the store, the configuration and its secrets, as whole directories", mounts)
	}
}

// TestComposeFileMountsWhatTheImageReads holds the compose file to the Dockerfile.
func TestComposeFileMountsWhatTheImageReads(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Build   struct{ Context string }
			Volumes []string
			Ports   []string
		}
	}
	if err := yaml.Unmarshal([]byte(shipped(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	image := read(t, "../../Dockerfile")
	service := file.Services["sangam"]
	for _, v := range service.Volumes {
		inside := strings.Split(v, ":")[1]
		if !strings.Contains(image, inside) {
			t.Errorf("the volume %s is nothing to the image", v)
		}
	}
	if len(service.Volumes) != 2 || len(service.Ports) != 1 || !strings.HasSuffix(service.Ports[0], ":8080") {
		t.Errorf("volumes %v, ports %v", service.Volumes, service.Ports)
	}
}
