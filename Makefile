# Every target does its own set-up. Start with `make rehearse`.
SHELL := /bin/bash
PY := .venv/bin/python
ARGS ?=
ALONE := tests/journey/test_rehearsals.py tests/journey/test_every_deed_survives_kill.py tests/process/test_assess_latency_servers.py
# Measures a what-if against the real thing on a machine that must be quiet; not yet steady enough to stop anybody's change.
PLANTED := tests/journey/test_assess_finds_planted_flaws.py tests/journey/test_assess_finds_planted_database_flaws.py
LINTED := $(wildcard src tests examples bench scripts)

.PHONY: help setup rehearse test check unit lint types imports bench bench-pump soak soak-switch planted switches lock clean

help:  ## what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.ready: requirements.lock pyproject.toml scripts/setup
	@scripts/setup

setup: .venv/.ready  ## the virtual environment, the wheels, the Debian packages without a wheel

rehearse: .venv/.ready  ## the whole move on this machine; options in ARGS="--rate 50 --with-rollback"
	@.venv/bin/offramp rehearse $(ARGS)

# Without the right to install it, the page's tests are skipped and say so.
.venv/.browser: .venv/.ready
	@scripts/setup --browser || true

test: .venv/.ready .venv/.browser  ## everything: lint, types, imports, every test; ARGS="-k word" runs some of them
ifeq ($(ARGS),)
	@$(MAKE) --no-print-directory lint types unit
	@# Two at a time, each file in one process, since most of the time goes by waiting for servers to start; in this order, the longest first.
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/journey tests/contract tests/process $(addprefix --ignore=,$(ALONE) $(PLANTED))
	@# One at a time: a rehearsal measures what its users feel.
	@$(PY) -m pytest $(ALONE)
else
	@$(PY) -m pytest $(ARGS)
endif

check: .venv/.ready  ## the quick part, under a minute: lint, types, imports, unit tests
	@$(MAKE) --no-print-directory lint types imports unit

lint:
	@.venv/bin/ruff check $(LINTED)
	@.venv/bin/ruff format --check $(LINTED)

types:
	@.venv/bin/mypy

imports:
	@.venv/bin/lint-imports --no-cache

unit:
	@$(PY) -m pytest -n 2 --dist loadfile tests/unit src --doctest-modules

bench: .venv/.ready  ## the benchmarks, side by side with the peer or the physical limit
	@$(PY) -m bench $(ARGS)

bench-pump: .venv/.ready  ## the pump beside its peers (bench/setup installs them); ARGS="copy drain --repeats 5", or --smoke
	@$(PY) -m bench.pump $(ARGS)

soak: .venv/.ready  ## random disorder for as long as one likes; ARGS="--minutes 60 --seed 1 --databases 3"
	@PYTHONPATH=tests/process:tests/journey $(PY) -m disorder $(ARGS)

soak-switch: .venv/.ready  ## every harm at every move of a switch, hours of it; ARGS="--seed 1 --sample 50"
	@PYTHONPATH=tests/process:tests/journey $(PY) -m wreckage $(ARGS)

planted: .venv/.ready  ## the estate's planted flaws, found by `offramp assess`, and its advice followed for real
	@$(PY) -m pytest -rP $(PLANTED)

switches: .venv/.ready  ## fifty switches and twenty rollbacks under writes, with the distribution of the hold
	@PYTHONPATH=tests/process:tests/journey $(PY) -m many_switches $(ARGS)

lock:  ## pin the newest versions that pyproject.toml allows
	@uv pip compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache
