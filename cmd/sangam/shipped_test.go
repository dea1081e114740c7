package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sangam/config"
)

// TestShippedConfigurationsHaveNoMistake reads what newcomers start from.
func TestShippedConfigurationsHaveNoMistake(t *testing.T) {
	for _, path := range []string{"../../config.yaml", "../../deploy/container.yaml"} {
		cfg, err := config.Load(path, nil)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if len(cfg.Warnings) > 0 {
			t.Errorf("%s: %v", path, cfg.Warnings)
		}
		for _, id := range []string{"dw-urdu", "qaumi-awaz"} {
			if _, ok := cfg.Source(id); !ok {
				t.Errorf("%s does not list %s", path, id)
			}
		}
	}
}

// TestREADMEExampleIsAConfiguration loads the README's first configuration.
func TestREADMEExampleIsAConfiguration(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(readme)
	if example == nil {
		t.Fatal("the README shows no configuration")
	}
	path := t.TempDir() + "/config.yaml"
	if err := os.WriteFile(path, example[1], 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(path, nil)
	if err != nil || len(cfg.Sources) == 0 {
		t.Errorf("the README's example: %v, %v", cfg, err)
	}
}

// TestREADMENamesCommandsThatExist holds the README to the program.
func TestREADMENamesCommandsThatExist(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{"help": true}
	for _, c := range commands(streams{}).Commands() {
		known[c.Name()] = true
	}
	named := regexp.MustCompile(`(?m)(?:^    sangam|\./cmd/sangam) ([a-z]+)`).FindAllStringSubmatch(string(readme), -1)
	if len(named) < 4 {
		t.Errorf("the README names only %d commands", len(named))
	}
	for _, m := range named {
		if !known[m[1]] {
			t.Errorf("the README names %q, which is no command (%s)", m[1], strings.TrimSpace(m[0]))
		}
	}
}
