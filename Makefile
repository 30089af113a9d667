# Everything here needs Go and make; what a target needs beyond them it installs or names itself.

GO            ?= go
GOLANGCI_LINT ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
FUZZTIME      ?= 10000x
# Built programs hold no path of this machine, and no symbols, which are a quarter of their size.
RELEASE       ?= -trimpath -ldflags='-s -w'

SOAK          ?=

.PHONY: help build cross demo test lint fuzz bench bench-smoke soak soak-short failover setup clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## Build bin/caddy, Caddy with the gate, and bin/darihook.
	$(GO) build $(RELEASE) -o bin/ ./cmd/caddy ./cmd/darihook

cross: ## Build both commands and vet every package for each platform that is supported.
	GO="$(GO)" scripts/cross $(RELEASE)

demo: build ## Run the gate between a mock platform and a receiver, and show what got through.
	bin/darihook demo

test: setup ## Run every test with the race detector.
	scripts/test

lint: ## Check formatting and run the static analysis.
	$(GO) vet ./...
	$(GO) run $(GOLANGCI_LINT) run ./...

fuzz: ## Fuzz every parser FUZZTIME each: a number of inputs, 10000x, or a time, 30s.
	scripts/fuzz $(FUZZTIME)

bench: build ## Measure the gate against reverse_proxy and nginx, and write docs/benchmarks.md.
	$(GO) run ./internal/bench -write docs

bench-smoke: build ## Run every benchmark once, to see that it works.
	$(GO) test -run '^$$' -bench . -benchtime 1x ./signature ./internal/... >/dev/null
	$(GO) run ./internal/bench -smoke

soak: build setup ## Kill, pause and cut gates over one Redis for 200,000 deliveries, and account for each; flags in SOAK.
	$(GO) run ./internal/soak $(SOAK)

soak-short: build setup ## The same for a minute.
	$(GO) run ./internal/soak -duration 1m $(SOAK)

failover: setup ## Kill, hand over and pause Redis servers of every kind under gates, and account for each delivery.
	$(GO) test ./internal/failover -run TestFailover -full -v -count=1 -timeout 40m

setup:
	@scripts/system-packages

clean: ## Remove what the targets above made.
	rm -rf bin
