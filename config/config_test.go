package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sangam/feed"
)

// env makes an environment of pairs.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// load reads text as if it were the file config.yaml.
func load(t *testing.T, text string, pairs ...string) *Config {
	t.Helper()
	cfg, _, problems := parse("config.yaml", []byte(text), env(pairs...))
	if len(problems) > 0 {
		t.Fatalf("got problems, want none:\n%v\nin\n%s", problems, text)
	}
	return cfg
}

const one = "sources:\n- url: https://herald.example/feed.xml\n"

func TestMinimalFileIsComplete(t *testing.T) {
	cfg := load(t, one)
	want := &Config{
		Path: "config.yaml", Title: "Sangam", Description: defaultDescription,
		Timezone: time.UTC, Page: Page{Pictures: true, Script: true}, CreditsLine: true,
		PublicURL: "http://127.0.0.1:8080/", Listen: "127.0.0.1:8080", Admin: "127.0.0.1:8081", Data: "data",
		Fetch: Fetch{Timeout: 30 * time.Second, MaxBody: 16 << 20, PerHost: feed.PerHost{Concurrency: 1, Interval: time.Second}, Schedule: "*/15 * * * *"},
		Log:   Log{Format: "text"}, Concurrency: 32, Window: 72 * time.Hour, NearDuplicates: true,
		Keep: Keep{Age: 90 * 24 * time.Hour, PerSource: 10000}, Backup: Backup{Every: 24 * time.Hour, Keep: 7},
		Sources: []feed.Source{{
			Outlet:  feed.Outlet{ID: "herald.example", Name: "herald.example", URL: "https://herald.example/feed.xml"},
			Unnamed: true,
			FeedURL: "https://herald.example/feed.xml", Schedule: "*/15 * * * *",
			Timeout: 30 * time.Second, MaxBody: 16 << 20, PerHost: feed.PerHost{Concurrency: 1, Interval: time.Second},
		}},
	}
	if diff := cmp.Diff(want, cfg, sameZone); diff != "" {
		t.Errorf("minimal file (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(feed.View{Title: "Sangam", Description: defaultDescription, Items: 100}, cfg.Everything()); diff != "" {
		t.Errorf("the feed of everything (-want +got):\n%s", diff)
	}
}

// sameZone compares time zones by their names.
var sameZone = cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })

// sameNetwork compares networks.
var sameNetwork = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestEveryKeyArrives(t *testing.T) {
	cfg := load(t, `
title: خبریں
description: >
  Two
  lines
language: ur
timezone: Asia/Karachi
page: {pictures: false, script: false}
credits_line: false
public_url: https://news.example.org/river
hub: true
hub_networks: [192.168.0.0/16]
hubs: [https://hub.example/, "http://hub.example/publish?x=1"]
listen: ":80"
admin: "[::1]:9000"
data: /var/lib/sangam
log: {level: warn, format: json}
fetch:
  schedule: "@hourly"
  timeout: 1m30s
  max_body: 2MiB
  concurrency: 8
  per_host: {concurrency: 2, interval: 500ms}
  allow_networks: [10.0.0.0/8, "fd00::/8"]
  proxy: http://u:p@proxy.example:3128
stories: {window: 2d, near_duplicates: false}
keep: {age: 2w, per_source: 0}
backup: {dir: /var/backups/sangam, every: 6h, keep: 3}
feeds:
- {id: urdu, title: اردو, description: d, language: ur-pk, sources: [dw], categories: [world], languages: [ur, ur_PK], include: [a], exclude: [b, c], items: 7}
sources:
- id: dw
  name: DW
  url: https://rss.dw.example/rdf
  site: https://dw.example/ur
  language: ur
  direction: rtl
  categories: [world]
  schedule: "*/10 * * * *"
  credits: [DW, Dw]
  priority: -3
  include: [x]
  exclude: [y]
  dedupe: false
  paused: true
  headers: {x-key: "${KEY}"}
  auth: {username: u, password: "${PW}"}
  user_agent: Mine/1
  proxy: ""
  insecure_tls: true
`, "KEY", "k1", "PW", "p$${x}")
	src := cfg.Sources[0]
	if len(src.AllowNetworks) != 2 {
		t.Errorf("allow_networks: got %v, want two", src.AllowNetworks)
	}
	src.AllowNetworks = nil
	wantSource := feed.Source{
		Outlet: feed.Outlet{
			ID: "dw", Name: "DW", Site: "https://dw.example/ur", URL: "https://rss.dw.example/rdf", Language: "ur",
			Direction: feed.RightToLeft, Categories: []string{"world"}, Credits: []string{"DW", "Dw"}, Priority: -3, Apart: true,
		},
		FeedURL: "https://rss.dw.example/rdf", Schedule: "*/10 * * * *", Paused: true,
		Include: []*regexp.Regexp{regexp.MustCompile("x")}, Exclude: []*regexp.Regexp{regexp.MustCompile("y")},
		Timeout: 90 * time.Second, MaxBody: 2 << 20, Headers: map[string]feed.Secret{"X-Key": "k1"},
		Username: "u", Password: "p$${x}", UserAgent: "Mine/1", InsecureTLS: true,
		PerHost: feed.PerHost{Concurrency: 2, Interval: 500 * time.Millisecond},
	}
	patterns := cmp.Comparer(func(a, b *regexp.Regexp) bool { return a.String() == b.String() })
	if diff := cmp.Diff(wantSource, src, patterns); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	wantView := feed.View{ID: "urdu", Title: "اردو", Description: "d", Language: "ur-PK", Items: 7, Query: feed.Query{
		Sources: []string{"dw"}, Categories: []string{"world"}, Languages: []string{"ur", "ur-PK"},
		Include: []*regexp.Regexp{regexp.MustCompile("a")}, Exclude: []*regexp.Regexp{regexp.MustCompile("b"), regexp.MustCompile("c")},
	}}
	if diff := cmp.Diff([]feed.View{wantView}, cfg.Views, patterns); diff != "" {
		t.Errorf("feed (-want +got):\n%s", diff)
	}
	karachi, err := time.LoadLocation("Asia/Karachi")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sources, cfg.Views, cfg.Warnings, cfg.Fetch = nil, nil, nil, Fetch{}
	want := &Config{
		Path: "config.yaml", Title: "خبریں", Description: "Two lines", Language: "ur", PublicURL: "https://news.example.org/river/",
		Timezone: karachi, Hub: true, HubNetworks: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}, Hubs: []string{"https://hub.example/", "http://hub.example/publish?x=1"}, Listen: ":80", Admin: "[::1]:9000", Data: "/var/lib/sangam", Log: Log{Level: 4, Format: "json"},
		Concurrency: 8, Window: 48 * time.Hour, Keep: Keep{Age: 14 * 24 * time.Hour},
		Backup: Backup{Dir: "/var/backups/sangam", Every: 6 * time.Hour, Keep: 3},
	}
	if diff := cmp.Diff(want, cfg, sameZone, sameNetwork); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
}

// TestMistakes holds a file per row, below "one", and what is said of it. Every
// row's messages are all that is said.
func TestMistakes(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"misspelt key", "sources:\n- url: https://a.example/\n  shedule: '@daily'\n", `3:3: unknown key "shedule" (did you mean "schedule"?)`},
		{"key of another section", one + "timeout: 3s\n", `3:1: unknown key "timeout" ("timeout" belongs under "fetch")`},
		{"key of the top", "sources:\n- url: https://a.example/\n  public_url: https://b.example/\n", `3:3: unknown key "public_url" ("public_url" stands at the top of the file, not indented)`},
		{
			"hubs", one + "hubs: [ftp://hub.example/, 'https://u:p@hub.example/', https://hub.example/, https://hub.example/]\n",
			"3:8: hubs: \"ftp://hub.example/\": only https, http addresses are used here, not \"ftp\"\n" +
				"3:28: hubs: a hub is an address that everybody may know, without a password or a fragment\n" +
				"3:78: hubs: \"https://hub.example/\" is given twice",
		},
		{
			"webhooks", one + "webhooks:\n- url: ftp://a.example/\n- {events: [failed], template: slak}\n- {url: https://a.example/, template: '{{.Nonsense}}', after: -1s}\n",
			"4:8: url: \"ftp://a.example/\": only https, http addresses are used here, not \"ftp\"\n" +
				"5:3: a webhook without the key \"url\"\n" +
				"5:13: events: \"failed\" is none of failing, recovered, silent, gone, moved\n" +
				"5:32: template: is none of json, slack, ntfy, and no template: that has {{ }} in it\n" +
				"6:39: template: 1:2: executing \"webhook\" at <.Nonsense>: can't evaluate field Nonsense in type alarm.Notice\n" +
				"6:63: after: wants a duration as in 30s, 15m, 72h or 90d, got \"-1s\"",
		},
		{"a cluster without servers", one + "public_url: https://a.example/\ncluster: {}\n", `4:10: a cluster without the key "urls", as in urls: [nats://nats-1.example:4222]`},
		{
			"a cluster's mistakes", one + "cluster: {urls: [http://a, 'nats://a/b'], name: a.b, replicas: 2, credentials: x, tls: {ca: x, key: y}}\n",
			"3:10: a cluster needs a public_url, the same on all nodes: what readers see must not depend on who serves it\n" +
				"3:18: urls: \"http://a\": only nats, tls, ws, wss addresses are used here, not \"http\"\n" +
				"3:28: urls: a server is a host and a port, as in nats://nats-1.example:4222\n" +
				"3:49: name: \"a.b\" is no name for it: letters a–z, digits, _ and -, at most 32\n" +
				"3:64: replicas: wants 1, 3 or 5: an even number outlives no more failures than the next smaller one\n" +
				"3:80: credentials: is not what a NATS .creds file holds\n" +
				"3:93: ca: holds no certificate in PEM form\n3:101: key: holds no private key in PEM form",
		},
		{
			"several at once", "titel: x\nsources:\n- url: ftp://a.example/\n  priority: high\nlisten: 8080\n",
			"1:1: unknown key \"titel\" (did you mean \"title\"?)\n" +
				"3:8: url: \"ftp://a.example/\": only https, http, file addresses are used here, not \"ftp\"\n" +
				"4:13: priority: wants a whole number from -1000 to 1000, got \"high\"\n" +
				"5:9: listen: wants text, got the number 8080 (put it in quotes)",
		},
		{"doubled key", "title: a\n" + one + "title: b\n", `4:1: key "title" is given twice (first in line 1)`},
		{"no value", one + "title:\n", `3:7: key "title" has no value; give it one or leave the key out`},
		{"no sources", "sources:\n#- url: https://a.example/\n", `1:9: key "sources" has no value; give it one or write "sources: []" for none`},
		{"list for text", one + "title: [a]\n", `3:8: title: wants text, got a list`},
		{"text for list", "sources:\n- url: https://a.example/\n  categories: world\n", `3:15: categories: wants a list, got "world" (write [world])`},
		{"text for section", one + "log: debug\n", `3:6: log: wants keys and values, got "debug"`},
		{"yes", "sources:\n- url: https://a.example/\n  paused: yes\n", `3:11: paused: wants true or false, got "yes" (write true)`},
		{"misspelt value", one + "log: {level: wran}\n", `3:14: level: wants debug, info, warn, error, got "wran" (did you mean "warn"?)`},
		{"cron", one + "fetch: {schedule: '61 * * * *'}\n", `3:19: schedule: `},
		{"regexp", "sources:\n- url: https://a.example/\n  include: ['a(b']\n", "3:13: include: not a regular expression: missing closing ): `a(b`"},
		{"timezone", one + "timezone: Karachi\n", `3:11: timezone: no time zone is called "Karachi"; they are written like Asia/Karachi or Europe/Berlin`},
		{"timezone of the machine", one + "timezone: Local\n", `3:11: timezone: no time zone is called "Local"; they are written like Asia/Karachi or Europe/Berlin`},
		{"language", one + "language: Urdu\n", `3:11: language: "Urdu" is not a language tag as in ur, de or pt-BR (did you mean "ur"?)`},
		{"direction", "sources:\n- url: https://a.example/\n  direction: rlt\n", `3:14: direction: wants ltr, rtl, got "rlt" (did you mean "rtl"?)`},
		{"duration without unit", one + "fetch: {timeout: 30}\n", `3:18: timeout: 30 has no unit (write 30s, 30m, 30h or 30d)`},
		{"duration too long", one + "fetch: {timeout: 2d}\n", `3:18: timeout: 2d is too long; at most 10m`},
		{"duration", one + "fetch: {timeout: soon}\n", `3:18: timeout: wants a duration as in 30s, 15m, 72h or 90d, got "soon"`},
		{"size", one + "fetch: {max_body: 16Mib}\n", `3:19: max_body: unknown unit "Mib" (did you mean "MiB"?) in "16Mib"; use KiB, MiB, GiB, kB, MB or GB`},
		{"size without unit", one + "fetch: {max_body: 16}\n", `3:19: max_body: 16 has no unit (write 16KiB or 16MiB)`},
		{"network", one + "fetch: {allow_networks: [10.1.0.0/8]}\n", `3:26: allow_networks: "10.1.0.0/8" has bits behind its prefix (did you mean "10.0.0.0/8"?)`},
		{"address for network", one + "fetch: {allow_networks: [127.0.0.1]}\n", `3:26: allow_networks: "127.0.0.1" is one address, not a network (write 127.0.0.1/32)`},
		{"admin open to all", "admin: ':9000'\n" + one, `1:8: admin: :9000 can be reached from other machines and so needs an admin_token`},
		{"short token", "admin_token: short\n" + one, `1:14: admin_token: a token needs at least 16 characters (openssl rand -hex 32 makes one)`},
		{"same listeners", one + "listen: 127.0.0.1:8081\n", `3:9: listen and admin are the same address, 127.0.0.1:8081`},
		{"public_url", one + "public_url: https://a.example/?x=1\n", `3:13: public_url: is scheme, host and perhaps a path, nothing else, as in https://news.example.org/`},
		{"proxy", one + "fetch: {proxy: ftp://p.example}\n", `3:16: proxy: "ftp://p.example": only http, https, socks5, socks5h addresses are used here, not "ftp"`},
		{"url without scheme", "sources:\n- url: a.example/feed\n", `2:8: url: "a.example/feed" is not a URL: it has no https:// in front`},
		{"url with password", "sources:\n- url: https://u:geheim@a example/?token=geheim\n", `2:8: url: "https://***@a example/?token=***" is not a URL: it has spaces in it`},
		{"source without url", "sources:\n- name: x\n", `2:3: a source without the key "url"`},
		{"no sources", "title: x\n", `no sources; the least that works is "sources: [{url: https://…}]"`},
		{"doubled id", "sources:\n- {id: a, url: https://a.example/}\n- {id: a, url: https://b.example/}\n", `3:8: id "a" is taken by the source in line 2`},
		{"doubled url", "sources:\n- {id: a, url: https://a.example}\n- {id: b, url: 'https://A.example:443/#x'}\n", `3:16: url is the same as that of the source in line 2`},
		{"bad id", "sources:\n- {id: ../etc, url: https://a.example/}\n", `2:8: id: "../etc" is not an id: small letters a–z, digits, and . _ - after the first (as in "etc")`},
		{
			"feed of nothing", one + "feeds:\n- {id: a, sources: [herald.exampel], categories: [world]}\n",
			"4:21: no source has the id \"herald.exampel\" (did you mean \"herald.example\"?)\n4:51: no source has the category \"world\"",
		},
		{"doubled feed", one + "feeds: [{id: a}, {id: a}]\n", `3:23: id "a" is taken by the feed in line 3`},
		{"feed without id", one + "feeds: [{title: a}]\n", `3:9: a feed without the key "id"`},
		{"unset environment", one + "title: ${NOBODY}\n", `3:8: title: environment variable NOBODY is not set`},
		{"broken variable", one + "title: ${no body}\n", `3:8: title: "${no body}" is not the name of an environment variable as in ${NAME} (write $${ for a literal ${)`},
		{
			"header", "sources:\n- url: https://a.example/\n  headers: {'a b': x, Host: y, User-Agent: z, X: \"a\\nb\"}\n",
			"3:13: headers: \"a b\" is not the name of a header\n3:23: headers: Host is sent by Sangam itself\n" +
				"3:32: headers: User-Agent is sent by Sangam itself; use user_agent\n3:50: headers: the value of \"X\" cannot be sent: it has control characters in it",
		},
		{"two logins", "sources:\n- url: https://u:p@a.example/\n  auth: {username: x}\n", `3:9: user and password are given twice: in url and in auth`},
		{"category", "sources:\n- url: https://a.example/\n  categories: [a/b, .., a, a]\n", "3:16: categories: \"a/b\" has a slash in it\n3:21: categories: \"..\" is not a name\n3:28: categories: \"a\" is given twice"},
		{"keep shorter than window", one + "keep: {age: 1d}\n", `3:13: keep.age (24h) is shorter than stories.window (3d): originals would be gone before their copies come`},
		{"merge key", one + "log: {<<: {level: info}}\n", `3:7: merge keys ("<<") are not read; write the keys out`},
		{"tag", one + "title: !!binary aGk=\n", `3:8: title: wants text, got a value with the tag !!binary`},
		{"tabs", "sources:\n\t- url: x\n\t  name: y\n", "2:1: a tab in the indentation; YAML wants spaces\n3:1: a tab in the indentation; YAML wants spaces"},
		{"not UTF-8", one + "title: a\xffb\n", `3:9: byte 0xff is not UTF-8; save the file as UTF-8`},
		{"UTF-16", "\xff\xfet\x00", `is UTF-16; save it as UTF-8`},
		{"control character", one + "title: a\x01b\n", `3:9: control character U+0001; in quotes it can be written as an escape`},
		{"two documents", one + "---\n" + one, `3:1: a second document begins here; one file holds one configuration`},
		{"list", "- a\n", `1:1: wants keys and values (as in "sources:"), got a list`},
		{"empty", "", `is empty; the least that works is "sources: [{url: https://…}]"`},
		{"comments only", "# title: x\n", `holds only comments; the least that works is "sources: [{url: https://…}]"`},
		{"broken YAML", "sources: [\n", `2:1: not YAML: `},
		{"colon in value", "title: a: b\n", `1:9: not YAML: mapping values are not allowed in this context: a second ": " in one line (put the value in quotes)`},
		{"unknown anchor", "title: *a\n", `1:8: not YAML: unknown anchor 'a' referenced`},
		{"deep", "title: " + strings.Repeat("[", 100), `1:40: not YAML: nested deeper than 32 levels`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, _, problems := parse("config.yaml", []byte(test.file), env())
			got := strings.ReplaceAll(strings.ReplaceAll(problems.Error(), "config.yaml:", ""), "\n ", "\n")
			got = strings.TrimPrefix(got, " ")
			if strings.HasSuffix(test.want, ": ") {
				if !strings.HasPrefix(got, test.want) || strings.Contains(got, "\n") {
					t.Errorf("got\n%s\nwant one line that begins with\n%s", got, test.want)
				}
			} else if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestLoadReportsAFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "none.yaml"): "no such file or directory",
		dir:                             "is a directory, not a file",
		"/dev/zero":                     "is not a regular file",
	} {
		_, err := Load(path, nil)
		var problems Problems
		if !errors.As(err, &problems) || err.Error() != path+": "+want {
			t.Errorf("Load(%s): got %v, want Problems saying %q", path, err, want)
		}
	}
}

func TestTheShippedFileIsGood(t *testing.T) {
	cfg, err := Load("../config.yaml", os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Warnings) > 0 {
		t.Errorf("got warnings %v, want none", cfg.Warnings)
	}
	for id, url := range map[string]string{
		"dw-urdu": "https://rss.dw.com/rdf/rss-urd-all", "qaumi-awaz": "https://www.qaumiawaz.com/stories.rss",
	} {
		if src, ok := cfg.Source(id); !ok || src.FeedURL != url {
			t.Errorf("source %s: got %q, want %q", id, src.FeedURL, url)
		}
	}
	languages := map[string]bool{}
	for _, src := range cfg.Sources {
		languages[src.Language] = true
		if !strings.HasPrefix(src.FeedURL, "https://") {
			t.Errorf("source %s is read over %s, want https", src.ID, src.FeedURL)
		}
	}
	for _, tag := range []string{"ur", "de", "en", "hi", "ar"} {
		if !languages[tag] {
			t.Errorf("no source in %q", tag)
		}
	}
}
