PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
FAMILIES ?= nano mini

# Stages are `python -m ...`: the environment's python comes first.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install repro plan experiments check format test smoke calibrate clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED) ## .venv with the pinned dependencies

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("error: $(PYTHON) is Python %d.%d; set PYTHON to 3.11 or later" % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@

repro: $(INSTALLED) ## the study: prompts to report
	python -m zimage_eval check
	dvc repro

plan: $(INSTALLED) ## what the study will cost and what it can see
	python -m zimage_eval plan

experiments: $(INSTALLED) ## the headline and parameters that differ between experiments, one line each
	dvc exp show --only-changed --drop '.*/|metrics|Created'

check: $(INSTALLED) ## ruff, mypy, the order of the rooms
	ruff format --check .
	ruff check .
	mypy
	lint-imports

format: $(INSTALLED) ## let ruff rewrite the code
	ruff format .
	ruff check --fix .

test: $(INSTALLED) ## the tests that take seconds
	pytest

smoke: $(INSTALLED) ## the same graph on a few prompts, in a temporary clone: all of it, and what edits rerun
	pytest -m slow tests/pipeline/test_smoke.py -k "report or second or comment or edit"

calibrate: $(INSTALLED) ## the study on FAMILIES, and the scorecard of what it found
	for family in $(FAMILIES); do python -m calibration.study.run_study --model $$family --out .calibrate/$$family --results calibration/families/$$family/results || exit 1; done
	python -m calibration.scorecard
	python -m calibration.study.summarize_runs
	python -m calibration.study.weigh_full

clean: ## forget what tools cached, keep results and environment
	rm -rf .pytest_cache .mypy_cache .ruff_cache
