package main

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"sangam/config"
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
