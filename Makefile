# Everything a person or CI does here, each target setting up what it needs. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The first Python that is new enough; the message comes from scripts/environment.py when none is.
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; exit; fi; done; echo python3)
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
# make run ARGS="--port 8080", make test ARGS="-k registry"
ARGS ?=
# worksteal: who is done takes over from who is not; a long test would otherwise be waited for by all.
PYTEST := $(BIN)/python -m pytest -q -n 3 --dist worksteal --durations=5
# On PostgreSQL: the tests that use the database. `make test ON_POSTGRESQL=` runs all of them there too.
ON_POSTGRESQL ?= -p tests.database_only

.PHONY: help run rehearse test test-sqlite test-postgresql check shots faults calibrate bench-push lock messages clean environment \
	environment-dev packages

help:
	@echo "make rehearse    run a complete practice installation on this machine"
	@echo "make run         serve the installer for real use"
	@echo "make test        all tests, on SQLite and on PostgreSQL"
	@echo "make check       style, types, import rules, sizes, words, message catalogues"
	@echo "make shots       screenshots of every page into docs/shots"
	@echo "make faults      kill programs at random moments of many runs (FAULT_ROUNDS=10)"
	@echo "make calibrate   turn on each fault of the practice estate alone and record which check reports it"
	@echo "make bench-push  measure the image push"
	@echo "make messages    add new sentences to the catalogues, checks and error codes to the reference"
	@echo "make lock        pin the requirements again"
	@echo "make clean       remove what was created here, including .venv; the state folder stays"

environment:
	@$(PYTHON) scripts/environment.py requirements.txt
	@$(BIN)/python scripts/compile_messages.py

environment-dev:
	@$(PYTHON) scripts/environment.py requirements.txt requirements-dev.txt
	@$(BIN)/python scripts/compile_messages.py

packages:
	@$(PYTHON) scripts/debian_packages.py

run: environment
	@exec $(MANAGE) up $(ARGS)

rehearse: environment
	@exec $(MANAGE) rehearse $(ARGS)

test: packages environment-dev test-sqlite test-postgresql

test-sqlite:
	@echo "== The whole suite on SQLite"
	@env -u DATABASE_URL $(PYTEST) $(ARGS)

test-postgresql:
	@echo "== The tests that use the database, on PostgreSQL"
	@$(BIN)/python scripts/with_postgresql.py $(PYTEST) $(ON_POSTGRESQL) $(ARGS)

check: environment-dev
	@$(PYTHON) scripts/debian_packages.py gettext
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/check_sizes.py
	@$(BIN)/python scripts/check_messages.py
	@$(BIN)/python scripts/check_words.py
	@state=$$(mktemp -d); trap 'rm -rf "$$state"' EXIT; \
	$(MANAGE) check --fail-level WARNING --state "$$state"; \
	$(MANAGE) makemigrations --check --dry-run --state "$$state"

shots: packages environment-dev
	@$(BIN)/python -m pytest -q tests/browser/shots.py $(ARGS)

faults: packages environment-dev
	@env -u DATABASE_URL $(BIN)/python -m pytest -q tests/faults/at_random.py $(ARGS)

calibrate: environment-dev
	@$(BIN)/python -m tests.calibration $(ARGS)

bench-push: environment-dev
	@$(PYTHON) scripts/debian_packages.py docker-registry apache2-utils skopeo
	@$(BIN)/python -m tests.bench.push $(ARGS)

messages: environment-dev
	@$(PYTHON) scripts/debian_packages.py gettext
	@$(MANAGE) makemessages --locale zh_Hans --add-location file --no-wrap \
		--ignore .venv --ignore tests --ignore scripts --ignore build
	@sed -i '/^"POT-Creation-Date/d' wizard/locale/zh_Hans/LC_MESSAGES/django.po  # differs each time and says nothing
	@$(BIN)/python scripts/compile_messages.py
	@$(BIN)/python scripts/make_reference.py

# No download address, no index: what was resolved is named by version and hash alone.
LOCK := $(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --resolver=backtracking \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: environment-dev
	@$(LOCK) --output-file requirements.txt requirements.in $(ARGS)
	@$(LOCK) --constraint requirements.txt --output-file requirements-dev.txt requirements-dev.in $(ARGS)

clean:
	@rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@find wizard/locale -name '*.mo' -delete
