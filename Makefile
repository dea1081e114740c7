# The chores. "make check" is what must pass before a change lands.
.PHONY: check test race fuzz bench cost soak dist

SHELL       := bash
.SHELLFLAGS := -o pipefail -c
FUZZTIME ?= 30s
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
TARGETS  ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 freebsd/amd64

check:
	bash .ci/run

test:
	go test ./...

race:
	go test -race ./...

# Serving beside nginx and bare net/http; needs wrk and nginx.
cost:
	COST=1 go test -v -run 'TestCost$$' ./server

# Every fuzz target of every package, one after the other. Now and then go ends one with "context
# deadline exceeded" when its time is over, which is no failing input: then it is run again.
fuzz:
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "fuzz $$pkg $$target for $(FUZZTIME)"; \
	    for try in 1 2 3; do \
	      out=$$(go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg 2>&1) && break; \
	      if [ $$try = 3 ] || ! grep -q '^ *context deadline exceeded$$' <<<"$$out" || grep -q 'Failing input' <<<"$$out"; then \
	        echo "$$out"; exit 1; \
	      fi; \
	    done; \
	    tail -n 1 <<<"$$out"; \
	  done; \
	done

# The tests of faults, long: power cuts, kills and flipped bits; an hour of a thousand
# sources, a fifth of them with the worst of manners; a year of two hundred in one file;
# a cluster whose servers and nodes are killed, stopped, cut off and filled up.
soak:
	SANGAM_HOUR=full go test -count=1 -v -run TwoHundredAnimals ./cmd/sangam
	SANGAM_POWER_CUTS=200 SANGAM_KILLS=200 SANGAM_BIT_FLIPS=1500 go test -count=1 -timeout 60m \
	  -run 'PowerCut|Kill|Flip|Damage|Bit|Interrupted' ./storage/... ./cmd/sangam
	SANGAM_YEAR_SOURCES=200 go test -count=1 -timeout 30m -v -run 'AYearStaysSmall' ./storage
	SANGAM_CLUSTER_SOAK=30 go test -count=1 -timeout 60m -v -run 'AHurtClusterLosesNothing' ./cmd/sangam

# Benchmarks of the packages, each with the ratio to its baseline, and rounds of the
# daemon beside a bare client over a thousand outlets (Linux).
bench:
	go test -run '^$$' -bench . -benchmem ./...
	go run ./internal/bench -n 1000

# Static binaries, the manual, shell completions and their checksums, in dist/. The
# same commit and the same Go make the same bytes, wherever they are built.
RELEASE = -trimpath -buildvcs=false -ldflags="-s -w -buildid= -X main.version=$(VERSION) -X main.commit=$(COMMIT)"

dist:
	rm -rf dist && mkdir -p dist
	for target in $(TARGETS); do \
	  CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/} go build $(RELEASE) \
	    -o dist/sangam-$${target%/*}-$${target#*/} ./cmd/sangam || exit 1; \
	done
	CGO_ENABLED=0 go build $(RELEASE) -o dist/.sangam ./cmd/sangam
	dist/.sangam man > dist/sangam.1
	for shell in bash fish zsh powershell; do dist/.sangam completion $$shell > dist/sangam.$$shell || exit 1; done
	rm dist/.sangam
	cd dist && sha256sum sangam-* sangam.* > SHA256SUMS
