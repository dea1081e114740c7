package main

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sangam/config"
	"sangam/dedupe"
)

func TestShippedClusterIsSetUpAsItShouldBe(t *testing.T) {
	t.Setenv("NATS_NAME", "nats-1")
	t.Setenv("NATS_PASSWORD", "a-password-0123456789")
	o, err := server.ProcessConfigFile("../../deploy/cluster/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !o.JetStream || !o.SyncAlways || len(o.Routes) != 3 || o.ServerName != "nats-1" || len(o.Users) != 1 || o.Users[0].Password != "a-password-0123456789" {
		t.Errorf("nats.conf: JetStream %v, sync always %v, routes %v, name %q, users %d", o.JetStream, o.SyncAlways, o.Routes, o.ServerName, len(o.Users))
	}
	env := map[string]string{"NATS_PASSWORD": "a-password-0123456789", "SANGAM_TOKEN": "0123456789abcdef"}
	cfg, err := config.Load("../../deploy/cluster/config.yaml", func(name string) (string, bool) { v, ok := env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	if c := cfg.Cluster; c == nil || len(c.URLs) != 3 || len(c.Monitors) != 3 || c.Replicas != 3 {
		t.Errorf("config.yaml: %+v", cfg.Cluster)
	}
	other := *cfg
	other.Listen, other.Data, other.Concurrency = "127.0.0.1:1", "/elsewhere", 7
	if configDigest(&other) != configDigest(cfg) {
		t.Error("what is a node's own changes the digest of the configuration")
	}
	other.Title = "Another"
	if configDigest(&other) == configDigest(cfg) {
		t.Error("another title does not change the digest of the configuration")
	}
}

// BenchmarkManners is what a node pays at its start to know by what rules it decides.
func BenchmarkManners(b *testing.B) {
	for b.Loop() {
		manners(dedupe.Rules{Near: 72 * time.Hour, NearDuplicates: true})
	}
}

func TestManyKindsOfChangeAreOtherRules(t *testing.T) {
	cfg, err := config.Load("../../config.yaml", func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	was := rulesDigest(cfg)
	if again := rulesDigest(cfg); again != was {
		t.Errorf("the same program has rules %s and %s", was, again)
	}
	far := *cfg
	far.Window *= 2
	exact := *cfg
	exact.NearDuplicates = false
	renamed := *cfg
	renamed.PublicURL = "https://elsewhere.example/"
	for what, c := range map[string]*config.Config{"window": &far, "near_duplicates": &exact, "public_url": &renamed} {
		if rulesDigest(c) == was {
			t.Errorf("another %s are the same rules", what)
		}
	}
	near, alone := rules(cfg), rules(cfg)
	alone.Near = time.Hour
	if digest(manners(near)) == digest(manners(alone)) {
		t.Error("rules that judge the demo's reports otherwise have the same manners")
	}
}
