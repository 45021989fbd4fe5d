# `make` lists the targets. Needs make and Python 3.11 or newer, nothing else.

PYTHON ?= python3
UV ?= uv
LOCK_FLAGS ?=
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

UP_STAMP := .venv/.stamp-up
DEV_STAMP := .venv/.stamp-dev

.DEFAULT_GOAL := help
.PHONY: help setup up test check format lock plans bench audit

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(UP_STAMP) ## build .venv from the lock files, if they changed

up: $(UP_STAMP) ## run everything on this machine; Ctrl-C stops it, data stay in .sentinel
	@exec $(BIN)/sentinel up

test: $(DEV_STAMP) ## run all tests, against a PostgreSQL and a Valkey of their own
	$(BIN)/pytest -n 3 --dist loadgroup

check: $(DEV_STAMP) ## everything CI runs: format, lint, types, imports, vulnerabilities, tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) audit
	$(MAKE) test

format: $(DEV_STAMP) ## format the code and mend what ruff can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## compile the lock files from pyproject.toml with uv; newest versions: LOCK_FLAGS=--upgrade
	@command -v $(UV) >/dev/null || { echo "make lock needs uv; install it, or say where it is: make lock UV=/path/to/uv" >&2; exit 1; }
	$(call compile,requirements.txt,)
	$(call compile,requirements-server.txt,--extra apprise --extra kafka --extra otel --constraint requirements.txt)
	$(call compile,requirements-embedded.txt,--extra embedded --constraint requirements.txt)
	$(call compile,requirements-dev.txt,--all-extras --group dev --constraint requirements-embedded.txt --constraint requirements-server.txt)

plans: $(DEV_STAMP) ## look at what every statement reads among a million notifications
	PLANS_ROWS=1000000 $(BIN)/pytest -n 0 tests/integration/test_query_plans.py

bench: $(DEV_STAMP) ## measure every goal on this machine, beside its peers; about 15 minutes
	$(BIN)/python -m bench

audit: $(DEV_STAMP) ## look for known vulnerabilities in the locked packages (without a network: skipped, and says so)
	@$(BIN)/python -m tests.vulnerabilities

# setuptools comes from the lock as well, so that installing Sentinel itself needs no network.
define compile
echo 'setuptools>=80' | $(UV) pip compile --quiet $(LOCK_FLAGS) --universal --no-strip-extras --python-version 3.11 --generate-hashes --no-annotate \
	--custom-compile-command "make lock" $(2) --output-file $(1) pyproject.toml -
endef

# The development lock file holds all of the one before it, so one installation is enough.
$(UP_STAMP): requirements-embedded.txt pyproject.toml | $(BIN)/python
	@echo "Installing packages into .venv (once, about a minute)"
	@$(PIP_INSTALL) --require-hashes -r requirements-embedded.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV_STAMP): requirements-dev.txt $(UP_STAMP)
	@echo "Installing test tools into .venv"
	@$(PIP_INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Sentinel needs Python 3.11 or newer, and '$(PYTHON)' is not that; name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' lacks the venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv
