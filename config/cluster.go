package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"sangam/feed"
)

// Cluster says with whom the daemon shares its work. The engine between the daemons is
// NATS JetStream.
type Cluster struct {
	URLs     []feed.Secret // of the engine's servers; user and password may be in them
	Monitors []string      // the servers' monitoring addresses, to see how they are set up
	Name     string        // what the cluster's streams and buckets are called, so that clusters can share servers
	Node     string        // this daemon's name among the others; "" = the machine's
	Replicas int           // on how many servers everything is kept

	Credentials feed.Secret // the text of a .creds file; "" = none
	CA          string      // PEM; "" = those the machine trusts
	Certificate string      // PEM, with Key; "" = none
	Key         feed.Secret

	Keep     time.Duration // how long the log is kept: a node that was away longer starts from a snapshot
	Snapshot time.Duration // from one snapshot to the next
}

// The defaults of a cluster.
const (
	defaultClusterName     = "sangam"
	defaultClusterReplicas = 3
	defaultLogKept         = 14 * 24 * time.Hour
	defaultSnapshot        = time.Hour
)

// clusterName is what may be part of a stream's name and of a subject.
var clusterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$`)

var clusterKeys = []key[draft]{
	{name: "urls", read: func(r *reader, n *yaml.Node, d *draft) {
		schemes := []string{"nats", "tls", "ws", "wss"}
		r.lines(n, func(text string) string { _, problem := parseURL(text, text, schemes); return problem },
			func(n *yaml.Node, text string) {
				if u, _ := url.Parse(text); strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
					r.problem(n, "a server is a host and a port, as in nats://nats-1.example:4222")
					return
				}
				d.Cluster.URLs = append(d.Cluster.URLs, feed.Secret(text))
			})
	}},
	{name: "monitors", read: func(r *reader, n *yaml.Node, d *draft) {
		r.lines(n, func(text string) string {
			_, problem := parseURL(text, text, []string{"http", "https"})
			return problem
		},
			func(_ *yaml.Node, text string) {
				d.Cluster.Monitors = append(d.Cluster.Monitors, strings.TrimRight(text, "/"))
			})
	}},
	{name: "name", read: func(r *reader, n *yaml.Node, d *draft) { r.clusterName(n, &d.Cluster.Name) }},
	{name: "node", read: func(r *reader, n *yaml.Node, d *draft) { r.clusterName(n, &d.Cluster.Node) }},
	{name: "replicas", read: func(r *reader, n *yaml.Node, d *draft) {
		r.number(n, &d.Cluster.Replicas, 1, 5)
		if d.Cluster.Replicas%2 == 0 {
			r.problem(n, "wants 1, 3 or 5: an even number outlives no more failures than the next smaller one")
		}
	}},
	{name: "credentials", file: true, read: func(r *reader, n *yaml.Node, d *draft) {
		if s, ok := r.text(n); ok && !strings.Contains(s.text, "-----BEGIN NATS USER JWT-----") {
			r.problem(n, "is not what a NATS .creds file holds")
		} else if ok {
			d.Cluster.Credentials = feed.Secret(s.text)
		}
	}},
	{name: "tls", sub: keyNames(clusterTLSKeys), read: func(r *reader, n *yaml.Node, d *draft) {
		section(r, n, "tls", clusterTLSKeys, d.Cluster)
		_, err := tls.X509KeyPair([]byte(d.Cluster.Certificate), []byte(d.Cluster.Key.Reveal()))
		switch given := d.Cluster.Certificate != ""; {
		case given != (d.Cluster.Key != ""):
			r.problem(n, "wants cert and key together, or neither")
		case given && err != nil:
			r.problem(n, "cert and key do not belong together")
		}
	}},
	{name: "keep", read: func(r *reader, n *yaml.Node, d *draft) {
		r.duration(n, &d.Cluster.Keep, time.Hour, 365*24*time.Hour)
	}},
	{name: "snapshot", read: func(r *reader, n *yaml.Node, d *draft) {
		r.duration(n, &d.Cluster.Snapshot, time.Minute, 7*24*time.Hour)
	}},
}

var clusterTLSKeys = []key[Cluster]{
	{name: "ca", file: true, read: func(r *reader, n *yaml.Node, c *Cluster) {
		if s, ok := r.text(n); ok && !x509.NewCertPool().AppendCertsFromPEM([]byte(s.text)) {
			r.problem(n, "holds no certificate in PEM form")
		} else if ok {
			c.CA = s.text
		}
	}},
	{name: "cert", file: true, read: func(r *reader, n *yaml.Node, c *Cluster) { r.pem(n, "CERTIFICATE", &c.Certificate) }},
	{name: "key", file: true, read: func(r *reader, n *yaml.Node, c *Cluster) {
		var text string
		r.pem(n, "PRIVATE KEY", &text)
		c.Key = feed.Secret(text)
	}},
}

// pem reads a text in PEM form that has a block of the given type.
func (r *reader) pem(n *yaml.Node, kind string, into *string) {
	s, ok := r.text(n)
	if !ok {
		return
	}
	for rest := []byte(s.text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			r.problem(n, "holds no %s in PEM form", strings.ToLower(kind))
			return
		}
		if strings.HasSuffix(block.Type, kind) {
			*into = s.text
			return
		}
	}
}

func (r *reader) clusterName(n *yaml.Node, into *string) {
	var name string
	if r.line(n, &name); name == "" {
		return
	}
	if !clusterName.MatchString(name) {
		r.problem(n, "%s is no name for it: letters a–z, digits, _ and -, at most 32", quote(name))
		return
	}
	*into = name
}

// cluster reads the section of the same name.
func (r *reader) cluster(n *yaml.Node, d *draft) {
	d.clusterAt = n
	d.Cluster = &Cluster{
		Name: defaultClusterName, Replicas: defaultClusterReplicas, Keep: defaultLogKept, Snapshot: defaultSnapshot,
	}
	section(r, n, "cluster", clusterKeys, d)
}

// settleCluster checks what the keys of a cluster must agree on.
func (r *reader) settleCluster(d *draft) {
	c := d.Cluster
	if c == nil {
		return
	}
	if len(c.URLs) == 0 && d.clusterAt.Kind == yaml.MappingNode && !mentions(d.clusterAt, "urls") {
		r.problem(d.clusterAt, `a cluster without the key "urls", as in urls: [nats://nats-1.example:4222]`)
	}
	if d.PublicURL == "" && !mentions(d.root, "public_url") {
		r.problem(d.clusterAt, "a cluster needs a public_url, the same on all nodes: what readers see must not depend on who serves it")
	}
	if c.Keep < 2*c.Snapshot {
		r.problem(d.clusterAt, "cluster.keep (%s) is shorter than two times cluster.snapshot (%s): between two snapshots nobody new could join",
			writeDuration(c.Keep), writeDuration(c.Snapshot))
	}
	plain := func(u feed.Secret) bool {
		parsed, err := url.Parse(u.Reveal())
		return err == nil && (parsed.Scheme == "nats" || parsed.Scheme == "ws") && !loopback(parsed.Hostname())
	}
	if slices.ContainsFunc(c.URLs, plain) && c.CA == "" && c.Certificate == "" {
		r.warn(d.clusterAt, "the cluster's servers are reached without TLS: keep them on a private network")
	}
	if c.Replicas == 1 {
		r.warn(d.clusterAt, "cluster.replicas is 1: when that server is lost, so is what other nodes have not read yet")
	}
}
