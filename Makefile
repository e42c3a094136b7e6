# The habits of the house. Everything happens in .venv; `make help` lists the targets.
# Another interpreter: make demo PYTHON=python3.12     Workers of the test run: make test JOBS=4
# A quicker or Chinese demo: make demo DEMO_PEOPLE=5000 DEMO_REPLICATES=2 DEMO_LANG=zh

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where bytecode is not kept, every process of the tests compiles the sources anew: a second each.
unexport PYTHONDONTWRITEBYTECODE

# The pinned versions were tried with 3.11, so it is taken where it exists.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
JOBS ?= 2
BIN := .venv/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

DEMO_ARMS := china-county-fee-for-service china-county-drg china-county-capitation \
             china-county-global-budget china-county-value-based
DEMO_PEOPLE ?= 50000
DEMO_REPLICATES ?= 5
DEMO_LANG ?= en

.PHONY: help demo test check fast studies baseline books emergence ensemble evidence joint predictions bench endurance screenshots docs constraints browser clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

# Debian ships venv apart from python3; where that is the obstacle, it is removed once.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Payshift needs Python 3.11 or later; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { \
		rm -rf .venv; \
		command -v apt-get >/dev/null || { echo "this Python cannot make virtual environments" >&2; exit 1; }; \
		$(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq python3-venv && $(PYTHON) -m venv .venv; }

.venv/payshift: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/payshift-dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev,sweep,dashboard]"
	@touch $@ .venv/payshift

demo: .venv/payshift ## compare the status quo with five payment models in a Chinese county; report in ./demo
	$(BIN)/payshift compare $(DEMO_ARMS) --population $(DEMO_PEOPLE) --replicates $(DEMO_REPLICATES) \
		--lang $(DEMO_LANG) --out demo
	@echo "The report: demo/report.html (open it in a browser; it needs no network)."

# Debian's chromium and a Chinese font are for the tests that look at the pages.
browser:
	@if command -v apt-get >/dev/null && \
		{ ! command -v chromium >/dev/null || [ -z "$$(fc-list :lang=zh 2>/dev/null | head -n 1)" ]; }; then \
		{ $(SUDO) apt-get update -qq && $(SUDO) apt-get install -y -qq chromium fonts-noto-cjk; } || \
		echo "chromium could not be installed: tests marked browser will say so" >&2; \
	fi

check: .venv/payshift-dev ## style and types
	$(BIN)/ruff check .
	$(BIN)/mypy

test: .venv/payshift-dev browser check ## everything that must hold: style, types, all tests
	$(BIN)/pytest -n $(JOBS)

fast: .venv/payshift-dev ## under a minute with compiled rules at hand: style and the quick tests
	$(BIN)/ruff check .
	$(BIN)/pytest -q -n $(JOBS) -m "not slow and not browser" --hypothesis-profile=dev

EMERGENCE_PEOPLE ?= 5000
# where effects are faint
EMERGENCE_CROWD ?= 16000

# An hour and more on two cores; fewer people or draws are quicker and noisier. ONLY="points audit"
# lives the claims whose names start so and leaves the other rows of the record. Cut short, it goes on
# where it stopped.
emergence: .venv/payshift-dev ## what must emerge, and what must not: the full record in experiments/records
	$(BIN)/python -m experiments.emergence --people $(EMERGENCE_PEOPLE) --crowd $(EMERGENCE_CROWD) --processes $(JOBS) --journal build/emergence.jsonl $(if $(ONLY),--only $(ONLY))

EVIDENCE_SEEDS ?= 10

# What was lived already is not lived again: cut short, it goes on where it stopped.
evidence: .venv/payshift-dev ## published findings beside the model: experiments/records/evidence, docs/validation.md
	$(BIN)/payshift evidence --replicates $(EVIDENCE_SEEDS) --workers $(JOBS) --out experiments/records/evidence
	$(BIN)/python docs/validation.py

joint: .venv/payshift-dev ## one parameter set a region for all studies, and each study unseen: experiments/records/evidence/joint.json
	$(BIN)/payshift evidence joint --replicates $(EVIDENCE_SEEDS) --workers $(JOBS) --out experiments/records/evidence
	$(BIN)/python docs/validation.py

ensemble: .venv/payshift-dev ## parameter sets that the county's moments do not tell apart: experiments/records/ensemble
	$(BIN)/python -m experiments.ensemble --workers $(JOBS)

predictions: .venv/payshift-dev ## do margins foretell behavior, over the library: experiments/records/predictions
	$(BIN)/python -m experiments.predictions --workers $(JOBS)

STUDY_MINUTES ?= 600

# An hour at full size; three of the studies read one sweep. STUDY_MINUTES=10 stops each study after
# ten minutes; its answer says on how many draws it rests, and the next call goes on. Pages stay in
# build/, tables become the record.
studies: .venv/payshift-dev ## eight questions answered over what is not known: experiments/records/studies
	@for file in experiments/studies/[a-z]*.py; do \
		name=$$(basename $$file .py | tr _ -); \
		mkdir -p build/studies/$$name; \
		case $$name in which-parameters-decide|who-is-served-by-which-model) \
			cp -n build/studies/ranking-under-uncertainty/runs.sqlite build/studies/$$name/ || true;; esac; \
		$(BIN)/payshift study $$name --minutes $(STUDY_MINUTES) --out build/studies/$$name; \
		mkdir -p experiments/records/studies/$$name; \
		cp build/studies/$$name/*.csv build/studies/$$name/answer.json experiments/records/studies/$$name/; \
	done

baseline: .venv/payshift-dev ## the regions beside their published moments: experiments/records/baseline
	$(BIN)/python -m experiments.baseline --replicates 8
	$(BIN)/python -m experiments.baseline --region us-metro --people 20000 --replicates 8
	$(BIN)/python -m experiments.baseline --region china-city --people 20000 --replicates 8

# A quarter of an hour on two cores. Fifteen hundred runs hold more than five thousand trees.
books: .venv/payshift-dev ## five thousand random contract trees, their laws and their books: experiments/records/books and laws
	$(BIN)/python -m experiments.laws --trees 5000 --workers $(JOBS) --record
	$(BIN)/python -m experiments.books --runs 1500 --every 10 --workers $(JOBS) --record

# Some twelve minutes on two quiet cores. SECTION="sweep start" measures those alone; the others keep
# their figures in tests/bench/results.json, each with when and where it was taken.
bench: .venv/payshift-dev ## what was promised of speed and memory, beside what is reached on this machine
	$(BIN)/python -m tests.bench $(SECTION)
	$(BIN)/python docs/scaling.py

endurance: .venv/payshift-dev ## dispatch of a long sweep, its memory, real kills, counted work, the pages' speed
	$(BIN)/python -m tests.bench.dispatch
	$(BIN)/python -m tests.bench.work
	$(BIN)/python -m tests.bench.coordinator
	$(BIN)/python -m tests.bench.kills
	$(BIN)/python -m tests.bench.dashboard

# SCREENSHOT_PEOPLE=20000 is closer to what a reader sees; ten minutes and more on two cores.
screenshots: .venv/payshift-dev browser ## every page in both languages, light and dark, wide and narrow: build/screenshots
	$(BIN)/python docs/screenshots.py

docs: .venv/payshift ## write the reference of models, outcomes and parameters from the code
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/validation.py

constraints: .venv/bin/python ## pin the newest versions that pyproject.toml allows
	rm -rf build/constraints
	$(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet ".[dev,sweep,dashboard]"
	{ head -n 1 constraints.txt; build/constraints/bin/python -m pip freeze --exclude payshift --exclude setuptools; } \
		> build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build/constraints

clean: ## remove the environment, caches and everything that was produced
	rm -rf .venv demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis docs/_build
	find sim experiments dashboards tests -name __pycache__ -type d -prune -exec rm -rf {} +
