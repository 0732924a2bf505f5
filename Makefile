# Two commands: `make run` sets up and does the main job, `make test` runs every test.
# Needs git, make and Python 3.11 or later; everything else is installed into .venv from requirements.lock.

PYTHON ?= python3
BIN    := .venv/bin
READY  := .venv/.ready
# uv reads its own settings; who has told only pip where packages come from has told both
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
ifeq ($(strip $(UV_DEFAULT_INDEX)),)
unexport UV_DEFAULT_INDEX
endif

.DEFAULT_GOAL := help
.PHONY: help setup run test lint bench browser lock clean

help:  ## what there is
	@sed -n 's/^\([a-z]*\):.*  ## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY)  ## .venv with exactly the versions of requirements.lock

# uv comes from its own hashed entry in the lock, so nothing is installed unchecked; where it cannot
# reach the packages (an index that only pip's own files name), pip installs the same lock.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "sopkit needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)."; \
	  echo "  remedy:   make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Setting up .venv from requirements.lock (once) ..."
	@$(PYTHON) -m venv .venv
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/python -m pip install -q --no-deps --require-hashes -r .venv/uv.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --require-hashes --compile-bytecode \
	    --build-constraints requirements.lock -r requirements.lock \
	  || $(BIN)/python -m pip install -q --no-deps --require-hashes -r requirements.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

run: setup  ## the main job: a first champion, then a retraining on drift, signed, promoted and verified, in demo/
	@$(BIN)/python -m sopkit.cli.demo demo

# Rules are tested side by side; runs, kernels and browsers one after the other, for they use every core themselves.
RULES := $(addprefix tests/,archive definitions evidence modelling registry views)

test: setup browser lint  ## every test, with lint and types
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile $(RULES)
	@$(BIN)/python -m pytest $(addprefix --ignore=,$(RULES))

lint: setup  ## ruff and mypy
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: setup  ## what takes minutes and is measured (ONLY=calibration chooses, QUICK=1 takes a sample): docs/measured/
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 QUICK=$(QUICK) $(BIN)/python -m tests.benchmarks $(ONLY)

browser:  ## Debian's chromium for the browser tests (as root; without it they are skipped)
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core >/dev/null \
	  || echo "chromium could not be installed: browser tests are skipped"; fi

lock: setup  ## requirements.lock anew from pyproject.toml: hashes, no addresses
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
	    --upgrade --extra dev pyproject.toml -o requirements.lock

clean:  ## removes .venv, caches and the demo workspace; never runs/
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
