# Two commands do everything, set-up included: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check
ROUNDS ?= 40
SEED ?=

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Pixelgate needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	@echo "Setting up $(VENV): a few minutes and 3.3 GB of disk, the first time only."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

.PHONY: setup
setup: $(READY)  ## Create the virtual environment.

.PHONY: demo
demo: $(READY)  ## Retrain on real handwritten digits, from files to a promoted model: about a minute
	@$(BIN)/pixelgate demo

.PHONY: run
run: $(READY)  ## Retrain on your folder: make run DATA=photos/
	@test -n "$(DATA)" || { echo "Name your folder of images: make run DATA=photos/"; exit 2; }
	@$(BIN)/pixelgate run --data "$(DATA)"

.PHONY: browser
browser:  ## Install Chromium for the tests of pages, where apt-get can; without it they are skipped.
	@command -v chromium chromium-browser google-chrome >/dev/null || \
	  { apt-get update -qq && apt-get install -qq --no-install-recommends chromium; } || \
	  echo "No Chromium, and apt-get can't install it: tests in a browser are skipped."

.PHONY: postgres
postgres:  ## Install PostgreSQL for the tests of its registry, where apt-get can; without it they are skipped.
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	  { apt-get update -qq && apt-get install -qq --no-install-recommends postgresql; } || \
	  echo "No PostgreSQL, and apt-get can't install it: tests of it are skipped."

# Three processes on two cores, as many tests wait for servers and other processes.
PYTEST := $(BIN)/python -m pytest -m "not real and not faults" --numprocesses 3 --dist worksteal

.PHONY: test
test: $(READY)  ## Run the tests, and list the slowest of them.
	@$(PYTEST) --durations=25

# Apart from `test`, whose time it would add two thirds to.
.PHONY: coverage
coverage: $(READY)  ## Run the tests, and fail if they cover less than before.
	@$(PYTEST) --cov --cov-report=term

.PHONY: test-real
test-real: $(READY)  ## Run the slow tests on MNIST and CIFAR-10: make test-real DATA=folder
	@test -n "$(DATA)" || { echo "Name the folder that contains mnist_png/ and cifar10/: make test-real DATA=..."; exit 2; }
	@PIXELGATE_REAL_DATA="$(DATA)" $(BIN)/python -m pytest -m real --timeout 5400

.PHONY: test-faults
test-faults: $(READY)  ## Kill retrainings at random moments for an hour: make test-faults ROUNDS=40 SEED=1
	@FAULT_ROUNDS="$(ROUNDS)" FAULT_SEED="$(SEED)" $(BIN)/python -m pytest -m faults -s

.PHONY: lint
lint: $(READY)  ## Check style, types, imports and known vulnerabilities.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@bash .ci/audit

.PHONY: constraints
constraints:  ## Resolve the pinned versions again.
	@rm -rf .constraints && $(PYTHON) -m venv .constraints
	@.constraints/bin/python -m pip install --quiet --editable '.[dev,bench]'
	@{ echo "# Pinned versions of everything Pixelgate runs and is tested with."; \
	   echo "# Written by: make constraints"; \
	   .constraints/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	@rm -rf .constraints

.PHONY: clean
clean:  ## Remove the virtual environment and caches; runs and models stay.
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
