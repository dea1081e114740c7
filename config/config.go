// Package config reads config.yaml, checks it to the last letter, and fills in
// every default, so that nobody after it checks a setting or has a default again.
//
// Load is the plot: bytes become a tree, the tables in keys.go say which key may
// stand where and read its value, and settle makes what was written complete.
// Whatever is wrong goes into one list with line and column, so that an operator
// sees every mistake at once. Edit changes the file and leaves every byte alone
// that it was not asked to change; Watch says when somebody else changed it; Diff
// says in one line what a change means; ReadOPML reads other readers' source lists.
//
// The package deliberately does not know what the settings are for: it opens no
// connection and no store. Only this package knows YAML.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"sangam/alarm"
	"sangam/feed"
)

// Config is a whole configuration: checked, with every default filled in.
type Config struct {
	Path        string // the file it was read from, as given
	Title       string // of the merged feed
	Description string
	Language    string         // BCP 47, of the page's frame; "" = not said
	Timezone    *time.Location // in which the pages tell the time; never nil
	Page        Page
	CreditsLine bool           // whether the text of a story in a feed ends with the line that names its outlets
	PublicURL   string         // absolute, ends in "/"; made from Listen when not given
	Listen      string         // host:port of the readers' side
	Hub         bool           // whether readers can subscribe at the WebSub hub
	HubNetworks []netip.Prefix // non-public networks in which subscribers may live
	Hubs        []string       // WebSub hubs of others that are told of changes
	Admin       string         // host:port of the operators' side
	AdminToken  feed.Secret    // callers there must send it; "" = only this machine is heard, which Admin then is
	Data        string         // directory of the store; not relative to config.yaml any more but usable as it is
	Log         Log

	Fetch          Fetch         // what all sources share; each source holds it too
	Concurrency    int           // visits at once
	Window         time.Duration // how far apart copies may be published
	NearDuplicates bool
	Keep           Keep
	Backup         Backup
	Webhooks       []alarm.Hook
	Cluster        *Cluster // nil = this machine works alone

	Views   []feed.View   // the configured merged feeds, in the file's order; the one of everything is Everything
	Sources []feed.Source // in the file's order, ids unique

	Warnings []Problem // legal, but probably not meant
}

// Log says how the daemon logs.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Page says what the pages for people have besides text.
type Page struct {
	Pictures bool // the outlets' pictures, loaded from the outlets
	Script   bool // the small script that tells of new stories, copies addresses and listens to j and k
}

// Fetch is what the sources share.
type Fetch struct {
	Timeout       time.Duration // for a whole visit
	MaxBody       int64         // decoded bytes
	PerHost       feed.PerHost
	AllowNetworks []netip.Prefix // non-public networks in which sources may live
	Schedule      string         // of sources that have none of their own
	Proxy         feed.Secret    // of sources that name none; "" = none
}

// Keep bounds what is stored.
type Keep struct {
	Age       time.Duration // items older than this go; 0 = never
	PerSource int           // more items of one source than this go, oldest first; 0 = no limit
}

// Backup says how the daemon copies its store while it runs.
type Backup struct {
	Dir   string        // where backups go; usable as it is; "" = none are made
	Every time.Duration // from one to the next
	Keep  int           // how many are kept, the newest
}

// Everything is the merged feed of all sources, which always exists. Its ID is "".
func (c *Config) Everything() feed.View {
	return feed.View{Title: c.Title, Description: c.Description, Language: c.Language, Items: defaultItems}
}

// NoSource is the complaint that no source has an id, with the one that was probably
// meant.
func (c *Config) NoSource(id string) error {
	ids := make([]string, len(c.Sources))
	for i, src := range c.Sources {
		ids[i] = src.ID
	}
	return fmt.Errorf("no source has the id %s%s", quote(id), meant(id, ids))
}

// Outlets is what readers may know of the sources, in the file's order.
func (c *Config) Outlets() []feed.Outlet {
	outlets := make([]feed.Outlet, len(c.Sources))
	for i, src := range c.Sources {
		outlets[i] = src.Outlet
	}
	return outlets
}

// Source returns the source with the given id.
func (c *Config) Source(id string) (feed.Source, bool) {
	i := slices.IndexFunc(c.Sources, func(src feed.Source) bool { return src.ID == id })
	if i < 0 {
		return feed.Source{}, false
	}
	return c.Sources[i], true
}

// Locations are the places where Find looks for the file, in that order.
func Locations() []string { return []string{"config.yaml", "/etc/sangam/config.yaml"} }

// Find returns given, if it is not empty, else the first of Locations where a file
// is. If there is none, the error wraps fs.ErrNotExist and names the places.
func Find(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	for _, path := range Locations() {
		if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", &fs.PathError{Op: "find", Path: "config.yaml or " + Locations()[1], Err: fs.ErrNotExist}
}

// Load reads the file at path, and the files it names, and takes ${NAME} from
// lookupEnv (os.LookupEnv, usually; nil is an empty environment). A *Config comes
// with a nil error and is complete. The error is always a Problems, and holds every
// mistake of the file, also when the file cannot be read. Work and memory are
// bounded whatever the file holds.
func Load(path string, lookupEnv func(string) (string, bool)) (*Config, error) {
	data, problem := readFile(path)
	if problem != nil {
		return nil, Problems{*problem}
	}
	cfg, _, problems := parse(path, data, lookupEnv)
	if len(problems) > 0 {
		return nil, problems
	}
	return cfg, nil
}

// Desk reads from the file at path only where the operators' side of its daemon is,
// and the token it wants, whatever mistakes the file has elsewhere: a daemon that
// refused the file still runs and can be asked. Of a file that is no YAML, the lines that
// say it are read alone. ok is false if the file cannot be read.
func Desk(path string, lookupEnv func(string) (string, bool)) (admin string, token feed.Secret, ok bool) {
	data, problem := readFile(path)
	if problem != nil {
		return "", "", false
	}
	_, d, _ := parse(path, data, lookupEnv)
	if d == nil {
		_, d, _ = parse(path, bytes.Join(deskLine.FindAll(data, -1), []byte("\n")), lookupEnv)
	}
	if d == nil {
		d = newDraft()
	}
	return d.Admin, d.AdminToken, true
}

// deskLine is a line at the top of a file that Desk reads.
var deskLine = regexp.MustCompile(`(?m)^admin(_token|_token_file)?:[ \t].*$`)

// parse is Load without the reading of the file itself. The draft tells which
// source stands where; it is nil if the file is no mapping.
func parse(path string, data []byte, lookupEnv func(string) (string, bool)) (*Config, *draft, Problems) {
	r := &reader{file: path, dir: filepath.Dir(path), lookup: lookupEnv}
	root := r.document(data)
	if root == nil {
		return nil, nil, r.sorted()
	}
	d := newDraft()
	d.root = root
	section(r, root, "", rootKeys, d)
	r.settle(d)
	if problems := r.sorted(); len(problems) > 0 {
		return nil, d, problems
	}
	cfg := d.Config
	cfg.Path = path
	cfg.Warnings = r.warnings
	return &cfg, d, nil
}
