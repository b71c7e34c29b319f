# One command each, from a fresh clone, on a machine with Python 3.11 or later, make and git.
# Every target makes the virtual environment first, if it is missing or older than its requirements.

SHELL := /bin/sh
ARGS ?=
EXAMPLES ?= 100
JOBS ?= auto
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REFERENCE := .venv-reference/.installed
SDK4 := .venv-sdk4/.installed
NODE_SDKS := tests/sdk/node/node_modules/.installed
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
PYTEST := $(BIN)/python -m pytest -p tests.skip_policy

.DEFAULT_GOAL := help
.PHONY: help setup setup-sdks setup-browser browser-if-possible run worker demo test test-sqlite test-postgresql \
	check check-schema schema fuzz format bench bench-search lock

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 18

setup: $(STAMP) ## make the virtual environment and the database
	$(BIN)/python manage.py migrate --verbosity 0

$(STAMP): requirements-dev.txt .ci/install.py
	@test -n "$(PYTHON)" || { echo "MediaHub needs Python 3.11 or later; none of python3.13, python3.12, python3.11 and python3 is." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install python3-venv." >&2; rm -rf $(VENV); exit 1; }
	$(BIN)/python .ci/install.py requirements-dev.txt
	@touch $@

setup-sdks: $(SDK4) $(NODE_SDKS) ## ImageKit's SDKs that the tests need beside imagekitio 5 (the test targets do it)

# imagekitio 4 and 5 are one package, so the old one has an environment of its own.
$(SDK4): tests/sdk/python4/requirements.txt $(STAMP)
	$(PYTHON) -m venv .venv-sdk4
	.venv-sdk4/bin/python .ci/install.py tests/sdk/python4/requirements.txt
	@touch $@

$(NODE_SDKS): tests/sdk/node/package-lock.json $(STAMP)
	$(BIN)/python -m tests.sdk.toolbox node
	@touch $@

setup-browser: $(STAMP) ## a Chromium for the test of the browser's SDK, unless there is one
	$(BIN)/python -m tests.sdk.toolbox browser

# Without a browser one test fails, and says so; the others are worth running.
browser-if-possible: $(STAMP)
	@$(BIN)/python -m tests.sdk.toolbox browser || true

run: $(STAMP) ## everything on one machine: broker, workers, sweep, web (ARGS="--port 9000")
	$(BIN)/python manage.py up $(ARGS)

worker: $(STAMP) ## one worker (ARGS="tagging"); for installations in several parts
	$(BIN)/python manage.py worker $(if $(ARGS),$(ARGS),tagging)

demo: $(STAMP) ## upload six photos with both extensions and show what happens (ARGS=--once ends after it)
	$(BIN)/python manage.py demo $(ARGS)

test: test-sqlite test-postgresql ## the whole suite, on SQLite and then on PostgreSQL (ARGS for pytest)

test-sqlite: $(STAMP) setup-sdks browser-if-possible
	MEDIAHUB_TEST_DB=sqlite $(PYTEST) -n $(JOBS) -m "not live and not process" $(ARGS)
	MEDIAHUB_TEST_DB=sqlite $(PYTEST) -m "process and not live" $(ARGS)

test-postgresql: $(STAMP) setup-sdks browser-if-possible
	MEDIAHUB_TEST_DB=postgresql $(PYTEST) -n $(JOBS) -m "not live and not process" $(ARGS)
	MEDIAHUB_TEST_DB=postgresql $(PYTEST) -m "process and not live" $(ARGS)

check: $(STAMP) ## everything that needs no test run: style, types, layers, settings, migrations, rules without a test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy mediahub library extensions manage.py
	$(BIN)/lint-imports
	$(BIN)/python manage.py check
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.rel_coverage
	@$(MAKE) --no-print-directory check-schema

check-schema: $(STAMP)
	@made=$$(mktemp) && trap 'rm -f "$$made"' EXIT && \
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file "$$made" && \
	if diff -u docs/openapi.yaml "$$made" | head -n 40 | grep .; then \
		echo "docs/openapi.yaml is not what the code says any more: run 'make schema' and commit the file." >&2; exit 1; \
	fi && echo "API schema unchanged"

schema: $(STAMP) ## write docs/openapi.yaml anew, after a change of the API
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml

fuzz: $(STAMP) ## schemathesis for longer and with other requests each time (EXAMPLES=200, ARGS for pytest)
	MEDIAHUB_TEST_DB=sqlite MEDIAHUB_TEST_EXAMPLES=$(EXAMPLES) $(PYTEST) -n $(JOBS) --timeout=3600 $(ARGS) tests/extensions/api/test_schemathesis.py

format: $(STAMP) ## bring the code into its form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP) $(REFERENCE) ## every benchmark, into benchmarks/results.json (ARGS="uploads load": only these, without it)
	$(BIN)/python -m benchmarks $(ARGS)

bench-search: $(STAMP) ## lists and searches over 10 000 to 1 000 000 assets, into benchmarks/results-search.json (ARGS="10000": one size, without it)
	$(BIN)/python -m benchmarks.search $(ARGS)

# rembg's own server is what remove-bg is measured against; it cannot share our environment, because it needs an older Pillow.
$(REFERENCE): benchmarks/requirements-reference.txt $(STAMP)
	$(PYTHON) -m venv .venv-reference
	.venv-reference/bin/python .ci/install.py benchmarks/requirements-reference.txt
	@touch $@

lock: $(STAMP) ## compile requirements.txt and requirements-dev.txt anew from their .in files
	$(BIN)/python .ci/install.py --lock
