# One vocabulary for people and for CI. `make` alone explains it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 3000
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run dev test lint format bench clean constraints

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# A stamp per set of extras: an install happens again only when what is asked for has changed.
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing cloud_optimizer and its pinned dependencies into $(VENV): a few minutes, once."
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "Installing cloud_optimizer with its test and benchmark tools into $(VENV): a few minutes, once."
	$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@ $(VENV)/.installed

run: $(VENV)/.installed ## Run everything and open the UI on port 3000 (TRACE=file for your own data, ARGS=--no-ui)
	$(BIN)/cloud-optimizer run --port $(PORT) $(if $(TRACE),--trace "$(TRACE)") $(ARGS)

dev: $(VENV)/.installed ## Dagster UI with live reload on the same state
	$(BIN)/cloud-optimizer dev --port $(PORT) $(ARGS)

test: $(VENV)/.installed-dev ## The whole test suite
	$(BIN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-dev ## Style, types and import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## Rewrite files the way lint wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed-dev ## Benchmarks, each beside a peer or a limit; writes docs/results.md
	$(BIN)/python -m benchmarks $(ARGS)

constraints: $(VENV)/bin/python ## Resolve constraints.txt again for Python 3.11 to 3.13
	$(PIP) install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --all-extras --no-annotate --no-header \
		--constraint pins.txt --quiet --output-file constraints.txt pyproject.toml
	@sed -i '1i # Every dependency, pinned for Python 3.11 to 3.13. Made by `make constraints`; do not edit by hand.' constraints.txt

clean: ## Remove local state, environments and caches
	@if [ -x $(BIN)/cloud-optimizer ]; then $(BIN)/cloud-optimizer stop; fi
	rm -rf $(VENV) .cloud_optimizer .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
