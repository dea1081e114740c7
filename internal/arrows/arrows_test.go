package arrows_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// may says which of our own packages each package may import. A package that is
// not listed here fails the test: a new room gets its line on the plan first.
var may = map[string][]string{
	"feed":            {},
	"alarm":           {"feed"},
	"config":          {"alarm", "feed", "schedule"},
	"schedule":        {"feed"},
	"fetcher":         {"feed"},
	"parser":          {"feed", "internal/breath"},
	"normalize":       {"feed"},
	"dedupe":          {"feed", "internal/breath", "normalize"},
	"storage":         {"feed", "internal/breath"},
	"pipeline":        {"feed", "internal/breath", "parser", "normalize", "dedupe"},
	"render":          {"feed"},
	"server":          {"feed", "internal/breath", "render"},
	"websub":          {},
	"cluster":         {"feed", "storage"},
	"internal/outlet": {"feed"},
	"internal/arrows": {},
	"internal/breath": {},
	"internal/bench":  {"internal/outlet"},
	// cmd wires it all; storagetest is a contract for stores, used by tests alone.
	"cmd/sangam": {
		"cluster", "alarm", "config", "dedupe", "feed", "fetcher", "internal/outlet", "normalize", "parser",
		"pipeline", "render", "schedule", "server", "storage", "websub",
	},
	"storage/storagetest":          {"feed", "storage"},
	"storage/storagetest/powercut": {},
}

// alone names the one package that knows a library.
var alone = map[string]string{
	"github.com/mmcdole/gofeed":  "parser",
	"go.etcd.io/bbolt":           "storage", // and its laws' own tests, to break files on purpose
	"github.com/robfig/cron/v3":  "schedule",
	"go.yaml.in/yaml/v4":         "config",
	"github.com/nats-io/nats.go": "cluster",
}

type listed struct {
	ImportPath, Name string
	Imports          []string
}

func TestArrowsPointOneWay(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t) {
		name := strings.TrimPrefix(p.ImportPath, "sangam/")
		seen[name] = true
		allowed, known := may[name]
		if !known {
			t.Errorf("package %s has no line in the plan of the house", name)
		}
		for _, imp := range p.Imports {
			if own, ours := strings.CutPrefix(imp, "sangam/"); ours && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s, and may import only %v of ours", name, own, allowed)
			}
			for library, owner := range alone {
				if (imp == library || strings.HasPrefix(imp, library+"/")) && name != owner {
					t.Errorf("%s imports %s, which only %s knows", name, library, owner)
				}
			}
		}
	}
	for name := range may {
		if !seen[name] {
			t.Errorf("package %s stands in the plan and nowhere else", name)
		}
	}
}

func TestVocabularyNeedsOnlyTheStandardLibrary(t *testing.T) {
	for _, p := range list(t) {
		if p.ImportPath != "sangam/feed" {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(strings.Split(imp, "/")[0], ".") {
				t.Errorf("feed imports %s", imp)
			}
		}
		return
	}
	t.Error("there is no package feed")
}

func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports", "sangam/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}
