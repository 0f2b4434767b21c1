# Two commands do all of their own set-up: `make demo` and `make test`.
# ARGS are handed on: make demo ARGS='--check --json'

.PHONY: demo test check page fuzz advisories bench setup web tools queries clean

export SQLX_OFFLINE := true
# Tests mostly wait for their servers; more of them than cores can wait at once.
export RUST_TEST_THREADS ?= 6
CARGO ?= cargo
ARGS ?=

demo: setup
	@$(CARGO) build --quiet --workspace --bins
	@target/debug/leads demo $(ARGS)

test: setup web
	cd web && npm test --silent
	$(CARGO) test --workspace $(ARGS)

# What CI checks beside the tests: formatting, lints, the tree of dependencies, documentation.
check: tools page
	@git diff --exit-code --stat chat/src/page || { echo 'The page is not what web/ makes of it: commit what make page wrote.'; exit 1; }
	cd web && npm run --silent check
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@cd migrations && sha256sum *.sql | diff landed.sha256 - || \
	  { echo 'A migration that has landed is never changed: write a new one, and add its line to migrations/landed.sha256.'; exit 1; }
	.data/tools/bin/cargo-deny --log-level error check bans licenses sources
	.data/tools/bin/cargo-machete
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items

# After a change in web/: what the server serves, written anew.
page: web
	cd web && npm run --silent build -- --logLevel warn

# Looks for bytes that a decoder of outside bytes cannot take: FUZZ_SECONDS of each. Needs a nightly compiler.
fuzz:
	@deploy/fuzz

bench: setup
	$(CARGO) build --release --workspace --bins
	@target/release/bench $(ARGS) 2>target/bench.log || { tail -n 20 target/bench.log >&2; exit 1; }

# Known weaknesses of what we depend on; needs the advisory database, which is fetched from the internet.
advisories: tools
	.data/tools/bin/cargo-deny check advisories

# The servers that tests and the demo start for themselves.
setup:
	@deploy/setup

# Node and a browser, for the page and its journeys; the server itself needs neither.
web:
	@deploy/web

tools:
	@deploy/tools

# After a change of SQL: a database with the migrations, and .sqlx written anew from it.
queries: setup
	@deploy/queries

clean:
	rm -rf .data target
