# Targets are one line each; the logic lives in scripts beside what they serve. `make` prints this help.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.PHONY: help demo demo-down test setup setup-test build generate check format unit integration e2e golden bench bench-operator bench-memory clean

help: ## Print this help
	@grep -hE '^[a-z0-9 -]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## From nothing to a running cluster of four real engines (root on Debian or Ubuntu)
	@cmd/demo/demo.sh up

demo-down: ## Stop the demo and remove every process, namespace, bridge and file it made
	@cmd/demo/demo.sh down

test: setup-test check ## Set up, check and run every test; the last line is "N passed, N failed"
	@node dist/test/run-tests.js

setup: ## Install missing Debian packages and node_modules
	@cmd/setup/setup.sh

setup-test: ## The same, plus what only tests need, and a build
	@cmd/setup/setup.sh --test && $(MAKE) -s build && node dist/cmd/build/build-image.js --output dist/images

build: ## Compile swarm and swarmctl into dist/
	@cmd/build/build.sh

generate: ## Write the files that are generated from schemas/
	@node --import ./cmd/register-ts-node.mjs schemas/generate-types.ts
	@node --import ./cmd/register-ts-node.mjs schemas/generate-docs.ts

check: ## Types, lint, format, import direction, generated files
	@cmd/build/check.sh

format: ## Format every source file
	@npx prettier --write --log-level warn .

unit integration e2e: build ## Run one tier of tests; make unit FILTER=queue runs matching files
	@node dist/cmd/build/build-image.js --output dist/images >/dev/null && node dist/test/run-tests.js $@ $(FILTER)

golden: build ## Rewrite the golden files from what the code prints now
	@UPDATE_GOLDEN=1 node dist/test/run-tests.js unit integration swarmctl

bench: build ## Measure the manager and print a table: ENGINES=1000 CONTAINERS=30 ROWS=list,run MODES=plain,tls,real
	@ENGINES=$(ENGINES) CONTAINERS=$(CONTAINERS) ROWS=$(ROWS) MODES=$(MODES) PROFILE=$(PROFILE) node dist/bench/main.js

bench-operator: build ## Measure the operator with many Node manifests: NODES=1000 MODE=plain,tls PROFILE=1
	@NODES=$(NODES) MODE=$(MODE) PROFILE=$(PROFILE) node dist/bench/operator.js

bench-memory: build ## Memory of our containers at rest, on real engines
	@node dist/cmd/build/build-image.js --output dist/images && node dist/bench/agent-memory.js

clean: ## Remove what a build made
	@rm -rf dist .tap
