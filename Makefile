# Commands for people and for CI. `make` alone lists them.

GO       ?= go
# The toolchain that go.mod names, where this machine's own is older and that one can be had: its standard library has fixes.
# A GOTOOLCHAIN in the environment wins.
ifndef GOTOOLCHAIN
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
export GOTOOLCHAIN := $(shell scripts/toolchain $(GO))
endif
endif
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 30s
# What make fuzz and make race look through
PACKAGES ?= ./...
# Extra flags for go test, say: make test TESTFLAGS='-race -run TestFold'
TESTFLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help build servers demo test race vulnerabilities lint bench fuzz soak torture picture clean FORCE

help: ## list these commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

build: bin/lifeboat ## build bin/lifeboat

# The go command knows best what is stale, so it is always asked.
bin/lifeboat: FORCE
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-X main.version=$(VERSION)' -o $@ ./cmd/lifeboat

servers: ## unpack throwaway MySQL and MariaDB servers into .servers
	scripts/servers

demo: build ## wipe a database and bring it back, in under two minutes
	scripts/demo

# -count=1: the results depend on server processes, which the test cache cannot see.
# A test whose server is missing fails; it never skips.
test: build servers ## run every test, against real servers
	$(GO) test -count=1 -timeout 60m $(TESTFLAGS) ./...

# The detector is in lifeboat itself where tests start it, and would have each of these thousands wait for a second at its end.
race: servers ## run the tests of PACKAGES (all) under the race detector (needs a C compiler)
	GORACE=atexit_sleep_ms=0 CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m $(TESTFLAGS) $(PACKAGES)

# It is run as it is published, and is no dependency of ours.
GOVULNCHECK ?= golang.org/x/vuln/cmd/govulncheck@v1.9.0
# The module proxy's copy of its database, of a fixed day: the same commit has the same answer. VULNDB=golang.org/x/vulndb@latest asks the newest.
VULNDB      ?= golang.org/x/vulndb@v0.0.0-20261105234957-e22db6528018
vulnerabilities: ## ask govulncheck; fails on a finding
	@scripts/vulnerabilities $(GO) $(GOVULNCHECK) $(VULNDB)

lint: ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then \
		echo "not gofmt-formatted (run gofmt -w on them):"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

bench: build ## measure lifeboat against the other ways; WORKLOADS=A-K by name
	scripts/bench

fuzz: ## run each fuzz target for FUZZTIME (30s)
	@set -e; packages=$$($(GO) list $(PACKAGES)); for pkg in $$packages; do \
		listed=$$($(GO) test -list '^Fuzz' $$pkg) || { echo "$$listed"; exit 1; }; \
		for name in $$(echo "$$listed" | grep '^Fuzz' || true); do \
			echo "$$name in $$pkg, $(FUZZTIME)"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

SECONDS ?= 600

soak: servers ## restore random workloads for SECONDS (600) on every kind of server, or on KIND; from SEED on
	$(GO) test -count=1 -timeout 0 -v ./internal/soak -run '^TestRandomWorkloads$$' -args -seconds $(SECONDS) $(if $(KIND),-kind $(KIND)) $(if $(SEED),-seed $(SEED)) $(SOAKFLAGS)

POINTS ?= 4
# Lifeboat or the target ends at so many: at 12, over 250 moments for each server
STOPS  ?= 12

# The tests that have rows in the table
TORTURES = Table|EveryMessage|EveryRead|EverySpill|KilledOutput|KilledSpill|AnotherClientIsNoticed|Network|PacketLoss

torture: servers ## try every fault at POINTS (4) moments for each route and server, stops at STOPS (12); write the table in docs/reliability.md
	$(GO) test -count=1 -timeout 0 -v ./internal/torture -run '^Test($(TORTURES))$$' -args -points $(POINTS) -stops $(STOPS) -write

picture: ## take the picture of the HTML report in docs anew
	scripts/servers chromium
	$(GO) test -count=1 ./internal/report -run '^TestPicture$$' -update

clean: ## remove what was built; the unpacked servers stay
	rm -rf bin .bench
