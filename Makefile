# The commands people type. Each installs what is missing where it can (see tests/setup), and is quick when nothing changed.

.PHONY: run build test chaos bench ui plugins clean tools-build tools-test

# Everything in one target folder, with one set of features: packages are never built apart from the workspace.
CARGO_DEV := cargo build --workspace --all-targets --locked
export CARGO_TERM_PROGRESS_WHEN := never

## Build everything and serve the page with the demo at http://127.0.0.1:8080
run: build
	target/release/upto serve --demo

## Both binaries in target/release, the page embedded
build: tools-build ui
	cargo build --release --workspace --locked

## The page, in ui/dist
ui: tools-build ui/dist/index.html

ui/dist/index.html: $(shell find ui/src ui/index.html ui/vite.config.ts ui/tsconfig.json -type f) ui/node_modules/.package-lock.json
	cd ui && npm run --silent build

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --silent --no-audit --no-fund
	touch $@

## The example functions in Wasm, in plugins/built
plugins:
	$(MAKE) --no-print-directory -C plugins

## Check everything: format, lints, unit, stores, end to end, browser
test: tools-test ui plugins tests/browser/node_modules/.package-lock.json
	cargo fmt --all --check
	cd ui && npm run --silent check && npm test --silent
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	$(CARGO_DEV)
	target/debug/with-postgres cargo test --workspace --locked
	target/debug/upto function test scripts plugins/built
	cargo check --quiet --locked --manifest-path wire/fuzz/Cargo.toml --target-dir target
	cd tests/browser && npm run --silent check && npm test --silent

## The fault suite at its full size (minutes); `make test` has a short form of it. See docs/chaos.md
chaos: tools-test
	$(CARGO_DEV)
	UPTO_CHAOS=full target/debug/with-postgres \
		cargo test --workspace --locked --test chaos -- --nocapture --test-threads=1

## What upto must reach, measured (minutes; wants an idle machine)
bench: build
	$(MAKE) --no-print-directory -C plugins bench
	cargo bench --workspace --locked --bench functions
	target/release/bench

clean:
	rm -rf target ui/dist ui/node_modules tests/browser/node_modules plugins/built

tools-build:
	@tests/setup build
tools-test:
	@tests/setup test
