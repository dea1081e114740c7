package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts files into a fresh directory and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestReadersSeeNoSecretsOfAnAddress(t *testing.T) {
	for _, test := range []struct{ url, public string }{
		{"https://a.example/feed?x=1", "https://a.example/feed?x=1"},
		{"https://user:geheim@a.example/feed", "https://a.example/feed"},
		{"https://a.example/feed?token=geheim&page=2", "https://a.example/feed?token=***&page=2"},
		{"https://a.example/feed?apiKey=geheim;X-Amz-Signature=geheim&auth=geheim", "https://a.example/feed?apiKey=***;X-Amz-Signature=***&auth=***"},
		{"https://a.example/feed?api%5Fkey=geheim&pass%77ord=geheim", "https://a.example/feed?api%5Fkey=***&pass%77ord=***"},
		{"https://a.example/feed?author=me&keyword=x&monkey=y&keys", "https://a.example/feed?author=me&keyword=x&monkey=y&keys"},
		{"https://a.example/${TOKEN}/feed?u=${TOKEN}", "https://a.example/***/feed?u=***"},
		{"https://${HOST}/feed", "https://b.example/feed"},
		{"https://a.example/فید?q=اردو#x", "https://a.example/%D9%81%DB%8C%D8%AF?q=اردو"},
		{"file:///srv/feeds/geheim.xml", ""},
	} {
		cfg := load(t, fmt.Sprintf("sources:\n- url: %q\n", test.url), "TOKEN", "geheim", "HOST", "b.example")
		src := cfg.Sources[0]
		if src.URL != test.public {
			t.Errorf("%s: readers see %q, want %q", test.url, src.URL, test.public)
		}
		if strings.Contains(src.ID+src.Name, "geheim") && src.URL != "" {
			t.Errorf("%s: readers see the secret in id %q or name %q", test.url, src.ID, src.Name)
		}
		if strings.Contains(src.FeedURL, "@") || strings.Contains(src.FeedURL, "#") {
			t.Errorf("%s: to be fetched is %q, want it without user and fragment", test.url, src.FeedURL)
		}
	}
	src := load(t, "sources: [{url: 'https://user:ge%3Aheim@a.example/feed?token=geheim'}]").Sources[0]
	if src.Username != "user" || src.Password.Reveal() != "ge:heim" || src.FeedURL != "https://a.example/feed?token=geheim" {
		t.Errorf("got user %q, password %q, address %q; want those of the URL", src.Username, src.Password.Reveal(), src.FeedURL)
	}
}

func TestValuesComeFromTheEnvironment(t *testing.T) {
	cfg := load(t, `
title: "${A} and $${A} and $A"
fetch: {concurrency: "${N}", timeout: "${N}s", max_body: "${N}MiB"}
sources: [{url: "https://${HOST}/", paused: "${P}", include: ['x$', '\$\{']}]
`, "A", "a ${A}", "N", "7", "HOST", "a.example", "P", "true")
	if cfg.Title != "a ${A} and ${A} and $A" {
		t.Errorf("title is %q, want values put in once and $$ for a dollar", cfg.Title)
	}
	if cfg.Concurrency != 7 || cfg.Sources[0].Timeout.Seconds() != 7 || cfg.Sources[0].MaxBody != 7<<20 || !cfg.Sources[0].Paused {
		t.Errorf("got %+v, want numbers, durations, sizes and booleans from the environment", cfg)
	}
}

func TestMessagesHoldNoSecrets(t *testing.T) {
	const secret = "correct-horse-battery-staple-correct-horse-battery-staple-correct-horse"
	dir := write(t, map[string]string{"secret": secret + "\n"})
	text := `
title: "${S}${S}"
language: ${S}
listen: ${S}
log: {level: "${S}"}
fetch: {schedule: "${S}", timeout: "${S}", max_body: "${S}", concurrency: "${S}", allow_networks: ["${S}"], proxy: "${S}"}
sources:
- {id: "x ${S}", url: "htp://u:${S}@h/"}
- {url: "https://u:` + secret + `@h:99999/?token=` + secret + `"}
- {url_file: secret, include: ["(${S}"], categories: ["/${S}"], headers: {"X": "\x01${S}"}, direction: "${S}"}
feeds: [{id: a, sources: ["${S}"], languages: ["${S}"]}]
`
	_, _, problems := parse(filepath.Join(dir, "config.yaml"), []byte(text), env("S", secret))
	if len(problems) < 15 {
		t.Errorf("got %d problems, want all of them:\n%v", len(problems), problems)
	}
	if strings.Contains(problems.Error(), "horse") {
		t.Errorf("the secret is in the messages:\n%v", problems)
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	outside := filepath.Join(write(t, map[string]string{"token": "outside"}), "token")
	dir := write(t, map[string]string{
		"pw": "p${A}w\r\n", "..data/key": "k1\n", "url": "https://u:p@a.example/private/path?x=1\n", "big": strings.Repeat("x", largestSecret+1), "bad": "\xff",
	})
	for link, target := range map[string]string{"key": "..data/key", "leak": outside, "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(text string) (*Config, error) {
		path := filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path, env("CREDENTIALS", filepath.Dir(outside)))
	}
	cfg, err := read(`sources: [{url_file: url, headers: {X-Key_file: key, Y_file: "${CREDENTIALS}/token"}}, {url: https://b.example, auth: {username: u, password_file: ./pw}}]`)
	if err != nil {
		t.Fatal(err)
	}
	a, b := cfg.Sources[0], cfg.Sources[1]
	if a.FeedURL != "https://a.example/private/path?x=1" || a.Password.Reveal() != "p" || a.URL != "https://a.example/***" {
		t.Errorf("url_file: got %q, password %q, shown as %q", a.FeedURL, a.Password.Reveal(), a.URL)
	}
	if a.Headers["X-Key"].Reveal() != "k1" || a.Headers["Y"].Reveal() != "outside" || b.Password.Reveal() != "p${A}w" {
		t.Errorf("got headers %q and %q, password %q", a.Headers["X-Key"].Reveal(), a.Headers["Y"].Reveal(), b.Password.Reveal())
	}
	const beyond = "lies outside the directory of the configuration; give its absolute name if that is meant"
	for name, want := range map[string]string{
		"none": "no such file or directory", "..": beyond, "../token": beyond, "leak": beyond, "loop": "too many", "..data": "is a directory, not a file",
		"big": "is larger than 64KiB", "bad": "is not UTF-8 text", "/dev/zero": "is not a regular file",
	} {
		_, err := read("sources:\n- url_file: " + name + "\n")
		if err == nil || !strings.Contains(err.Error(), `:2:13: url_file: file "`+name+`": `) || !strings.Contains(err.Error(), want) {
			t.Errorf("url_file: %s: got %v, want %q", name, err, want)
		}
	}
	_, err = read("sources: [{url: https://a.example, url_file: url}]")
	if err == nil || !strings.Contains(err.Error(), `both "url" (line 1) and "url_file" are given; one is enough`) {
		t.Errorf("url and url_file: got %v, want a problem", err)
	}
}

func TestAdminTokenIsNeededElsewhereAndNeverShown(t *testing.T) {
	cfg := load(t, "admin: 0.0.0.0:9000\nadmin_token: 0123456789abcdef\n"+one)
	if cfg.AdminToken.Reveal() != "0123456789abcdef" || strings.Contains(fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), "0123456789abcdef") {
		t.Errorf("got %q in %v, want it hidden", cfg.AdminToken.Reveal(), cfg)
	}
	dir := write(t, map[string]string{"config.yaml": "admin: 127.0.0.1:9\nadmin_token: 0123456789abcdef\nsauces: []\n"})
	admin, token, ok := Desk(filepath.Join(dir, "config.yaml"), env())
	if !ok || admin != "127.0.0.1:9" || token.Reveal() != "0123456789abcdef" {
		t.Errorf("of a file with mistakes: got %q, %q, %v; want where its daemon is", admin, token.Reveal(), ok)
	}
	dir = write(t, map[string]string{"config.yaml": "title: [a\nadmin: 127.0.0.1:9 # here\nadmin_token: 0123456789abcdef\nsources: {\n", "other.yaml": "\t{[\n"})
	admin, token, ok = Desk(filepath.Join(dir, "config.yaml"), env())
	if !ok || admin != "127.0.0.1:9" || token.Reveal() != "0123456789abcdef" {
		t.Errorf("of a file that is no YAML: got %q, %q, %v; want where its daemon is", admin, token.Reveal(), ok)
	}
	if admin, _, ok = Desk(filepath.Join(dir, "other.yaml"), env()); !ok || admin != defaultAdmin {
		t.Errorf("of a file that says nothing: got %q, %v; want where a daemon usually is", admin, ok)
	}
	if _, _, ok = Desk(filepath.Join(dir, "none.yaml"), env()); ok {
		t.Error("of no file it is told where its daemon is")
	}
}
