# make run   makes .venv, installs flowmib, starts the agent
# make test  makes .venv, installs what tests need, runs every test
# make lint  ruff, mypy --strict, import-linter
# make mibs  compiles mibs/asn1 to mibs/compiled
# make bench measures flowmib beside agents in C
# make fuzz  looks for datagrams that the engine does not bear, for five minutes

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin

.PHONY: run test lint mibs coverage bench fuzz clean debian-packages debian-bench-packages

run: $(VENV)/.installed
	$(RUN)/flowmib run $(ARGS)

test: $(VENV)/.installed-test debian-packages
	$(RUN)/python -m pytest $(ARGS)

lint: $(VENV)/.installed-lint
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

mibs: $(VENV)/.installed-test
	$(RUN)/python -m mibs.compile

coverage: $(VENV)/.installed
	$(RUN)/python -m mibs.coverage docs/mib-coverage.md

bench: $(VENV)/.installed debian-bench-packages
	$(RUN)/python -m benchmarks.compare $(ARGS)

fuzz: $(VENV)/.installed-test
	$(RUN)/python -m pip install --quiet atheris
	$(RUN)/python -m tests.fuzz.engine $(ARGS)

# The programs that flowmib is tested against. Without root, what is missing skips its tests.
debian-packages:
	@packaging/install-test-programs

# What the programs in C are made of, that flowmib is measured beside.
debian-bench-packages:
	@packaging/install-bench-programs

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV) || { \
	  echo "On Debian and Ubuntu, the package python3-venv makes this work." >&2; exit 1; }
	$(RUN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(RUN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(RUN)/python -m pip install --quiet --group $*
	touch $@

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
