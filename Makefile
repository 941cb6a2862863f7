# kafkalite: `make run` runs the broker, `make test` passes the tests. `make help` lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 9092
DATA   ?= ./kafkalite-data

.DEFAULT_GOAL := help
.PHONY: help docs run test test-slow java go compat compat-smoke compat-differential compat-mutations compat-mutations-known bench bench-codec fmt lint types layers generate generate-check check clean

help:            ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 18

# What the generated modules are made of: a change there installs (and so generates) again.
SOURCES := pyproject.toml protocol/generate.py protocol/hatch_build.py $(wildcard protocol/generator/*.py protocol/definitions/*.json)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kafkalite needs Python 3.11 or newer, and $(PYTHON) is older or not there; try: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments (no ensurepip); on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@$(BIN)/python -m compileall -q kafkalite protocol/kafkalite_protocol
	@touch $@

$(VENV)/.dev: $(VENV)/.installed requirements-dev.txt compat/pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt --editable ./compat
	@touch $@

run: $(VENV)/.installed  ## install if needed, start the broker on 127.0.0.1:9092 with its data in ./kafkalite-data
	@$(BIN)/kafkalite serve --port $(PORT) --data $(DATA)

test: $(VENV)/.dev      ## every test that needs no JVM and no Go, stock Python clients included (under 10 minutes)
	$(BIN)/python -m pytest -m "not slow and not java and not go"

test-slow: $(VENV)/.dev ## the long ones: kills, fuzzing at length, slow connections
	$(BIN)/python -m pytest -m "slow and not java and not go"

java: $(VENV)/.dev      ## tests against Apache Kafka's own classes and tools (needs java and mvn)
	$(BIN)/python -m pytest -m java

go: $(VENV)/.dev        ## tests with clients written in Go (needs go)
	$(BIN)/python -m pytest -m go

COMPAT := $(BIN)/kafkalite-compat
REPORT := .cache/compat-report
DRIVERS := compat/kafkalite_compat/drivers

compat: $(VENV)/.dev    ## every client in every version, on kafkalite and Apache Kafka; the report is in .cache/compat-report
	@mkdir -p $(REPORT)
	$(COMPAT) run --kafkalite --apache-kafka --strict --jobs 8 --tries 3 --cache .cache/compat --json $(REPORT)/results.json \
	  --markdown $(REPORT)/report.md --html $(REPORT)/report.html --junit $(REPORT)/junit.xml

compat-differential: $(VENV)/.dev  ## the same bytes to kafkalite and Apache Kafka, answers compared field by field
	$(COMPAT) differential --kafkalite --apache-kafka --cache .cache/compat

compat-smoke: $(VENV)/.dev  ## a few clients and scenarios on kafkalite (under 3 minutes)
	$(COMPAT) run --kafkalite --smoke --cache .cache/compat

compat-mutations: $(VENV)/.dev  ## faults put into kafkalite one by one: does the suite notice? (half an hour)
	$(BIN)/python -m compat.mutations

compat-mutations-known: $(VENV)/.dev  ## the same, each only with the scenario that caught it before (minutes)
	$(BIN)/python -m compat.mutations --known

bench: $(VENV)/.dev     ## kafkalite beside Apache Kafka on this machine; rewrites bench/RESULTS.md
	$(BIN)/python -m bench

bench-codec: $(VENV)/.dev  ## codec speed beside kio and kafka-python
	$(BIN)/python -m bench.codec

fmt: $(VENV)/.dev       ## format and fix
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: $(VENV)/.dev      ## format and lint, changing nothing; drivers of the suite by their languages' tools, where they are there
	$(BIN)/ruff format --check . && $(BIN)/ruff check .
	@! command -v gofmt >/dev/null || test -z "$$(gofmt -l $(DRIVERS)/go tests | tee /dev/stderr)"
	@! command -v rustfmt >/dev/null || rustfmt --check --edition 2021 $(wildcard $(DRIVERS)/rust/*/*.rs $(DRIVERS)/rust/*/*/*.rs)
	@! command -v node >/dev/null || for one in $(wildcard $(DRIVERS)/node/*.mjs); do node --check $$one || exit 1; done

types: $(VENV)/.dev     ## mypy, strict
	$(BIN)/mypy

layers: $(VENV)/.dev    ## imports go one way
	$(BIN)/lint-imports

generate: $(VENV)/.dev  ## definitions -> kafkalite_protocol/messages
	$(BIN)/python protocol/generate.py

generate-check: $(VENV)/.dev  ## fail if the generated modules are not what the definitions give
	$(BIN)/python protocol/generate.py --check

docs: $(VENV)/.dev      ## bring the generated tables of the documents up to date
	$(BIN)/python docs/support_table.py && $(BIN)/python docs/config_table.py && $(BIN)/python docs/compat_table.py

check: lint types layers generate-check test test-slow java  ## everything CI runs

clean:           ## remove the environment and caches (not your data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
