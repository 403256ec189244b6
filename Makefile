# `make` lists what there is to do. Everything that gets installed goes into .venv and .cache.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JARS_POM := stack/turnlog/stack/kafka/pom.xml
INSTALLED := $(VENV)/.installed
BENCH_VENV := .venv-bench
INSTALLED_BENCH := $(BENCH_VENV)/.installed
PEERS_VENV := .venv-peers
INSTALLED_PEERS := $(PEERS_VENV)/.installed
FETCHED := .cache/.fetched

export TURNLOG_CACHE := $(CURDIR)/.cache
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Some images set it, and then every process that a test starts would compile what it imports anew.
export PYTHONDONTWRITEBYTECODE :=

# Ends with one line when a tool is missing: $(call need,a test,what to do when it fails)
need = @$(1) >/dev/null 2>&1 || { echo "turnlog: $(2)" >&2; exit 2; }

.PHONY: help setup demo test lint format types bench bench-redaction test-compose clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-14s %s\n", $$1, $$2 }'

setup: $(INSTALLED) $(FETCHED)  ## Install everything into .venv and .cache (does nothing when that is up to date)

demo: setup  ## Run the demo: small chatbots, the whole pipeline, and what it knows about them
	@$(BIN)/turnlog demo $(DEMO_ARGS)

# In the order of their names: the files that take minutes come first, and what ends last is short.
test: setup  ## Run all tests but the compose file's, two files at a time (PYTEST_ARGS="-k word" chooses some)
	@$(BIN)/pytest -m "not compose" -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(INSTALLED) types  ## Check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(INSTALLED)  ## Put the code into the format that lint asks for
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: $(INSTALLED)  ## Check types
	@$(BIN)/mypy

bench: setup $(INSTALLED_BENCH)  ## Measure every stage beside its peers (BENCH="codec client" chooses some)
	@cd tests && ../$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)

bench-redaction: $(INSTALLED_PEERS)  ## Score redaction beside its peers (TURNLOG_PII_DATA names labelled texts and a scorer)
	@cd tests && ../$(PEERS_VENV)/bin/python -m benchmarks.redaction

test-compose: setup  ## Run docker-compose.yml for real (COMPOSE_SETUP names a command that prepares an engine)
	$(call need,docker info || test -n "$$COMPOSE_SETUP",there is no Docker engine$(comma) and COMPOSE_SETUP names no command that prepares another)
	@$(BIN)/pytest -m compose $(PYTEST_ARGS)

clean:  ## Remove what was installed, built or cached; the data of stacks (.turnlog) stay
	@rm -rf $(VENV) $(BENCH_VENV) $(PEERS_VENV) .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	$(call need,command -v $(PYTHON),$(PYTHON) is not on PATH: install Python 3.11 or later)
	$(call need,$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3$(comma) 11))',$(PYTHON) is older than Python 3.11: choose another by make PYTHON=...)
	$(call need,$(PYTHON) -c 'import ensurepip$(comma) venv',$(PYTHON) has no venv: install it (Debian calls it python3-venv))
	$(call need,test -x "$$JAVA_HOME/bin/java" || command -v java,Kafka needs Java: install a JDK 17 or later)
	$(call need,test -f $(FETCHED) || command -v mvn,Kafka's jars come by Maven and mvn is not on PATH: install Maven)
	@echo "installing Python packages into $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@

# An environment of its own: Quix Streams wants older versions of what turnlog is tested with.
$(INSTALLED_BENCH): $(INSTALLED) tests/benchmarks/constraints.txt
	@echo "installing what the benchmarks compare with"
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet -c tests/benchmarks/constraints.txt -e '.[bench]'
	@touch $@

# Another of their own: they bring half a natural language toolkit.
$(INSTALLED_PEERS): $(INSTALLED) tests/benchmarks/peers.txt
	@echo "installing what finds personal data too"
	@test -x $(PEERS_VENV)/bin/python || $(PYTHON) -m venv $(PEERS_VENV)
	@$(PEERS_VENV)/bin/python -m pip install --quiet -c tests/benchmarks/peers.txt -e '.[bench-redaction]'
	@touch $@

$(FETCHED): $(JARS_POM) | $(INSTALLED)
	@echo "fetching Kafka's jars into .cache"
	@$(BIN)/python -m turnlog.stack.kafka --fetch
	@touch $@

comma := ,
