# Each target is a thin line to a script or to cargo; `make help` lists them.
.PHONY: help demo kiosk test bench fuzz fmt lint web
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

demo: ## build, start simulator and server, perform one top-up, stay up (ONCE=1: stop after it)
	@ONCE=$(ONCE) scripts/demo

kiosk: ## open the kiosk against a demo of its own (ONCE=1 or no display: a script goes through it)
	@ONCE=$(ONCE) scripts/kiosk demo

test: ## install what is missing and run everything
	@scripts/test

bench: ## measure the goals of docs/performance.md; prints ratios and audits the ledger
	@scripts/bench $(ONLY)

fuzz: ## fuzz the wire and bill parsers for MINUTES (default 10)
	@scripts/fuzz $(MINUTES)

fmt: ## format the tree
	cargo fmt --all

web: ## build the tenant's pages for browsers into web/apps/tenant/dist/build/h5
	@scripts/web build

lint: ## clippy without mercy
	cargo clippy --workspace --all-targets -- -D warnings
