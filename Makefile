# Everything runs from a checkout on a machine that has make and Python 3.11 or newer; the first target called installs.
.DEFAULT_GOAL := help
.PHONY: help demo lab test test-quick check bench prove lock environment docs clean

BIN := .venv/bin
RUN := $(BIN)/edfi-toolkit
UV_VERSION := 0.13.9
PROFILE ?= certification
# A process a core and one more, since the slowest tests wait for programs they start (MORE); the tests of a file stay in one of
# them, and so do all in the browser, so that what they share is started once.
MORE = 1
TESTS = $(BIN)/python -m pytest --numprocesses $(shell $(BIN)/python -c 'import os; print(os.cpu_count() + $(MORE))') \
  --dist loadfile --no-loadscope-reorder

# Without bytecode every import of the notebook stack takes twice as long, for ever.
unexport PYTHONDONTWRITEBYTECODE

help:  ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

.venv/.installed: requirements.lock pyproject.toml tools/install.sh
	@UV_VERSION=$(UV_VERSION) sh tools/install.sh

demo: .venv/.installed  ## the tour: a small invented district, published to a sandbox and changed once; PROFILE=... for a state
	@$(RUN) demo --profile $(PROFILE); code=$$?; \
	if [ $$code -eq 3 ]; then \
	  echo "Exit code 3 means: finished, and some records were held or refused. The sample has such rows on purpose."; \
	elif [ $$code -ne 0 ]; then exit $$code; fi

lab: .venv/.installed  ## JupyterLab on the sample, a sandbox ODS behind it; opens what is there; PROFILE=... for a state, NEW=1 for another
	@$(RUN) lab --profile $(PROFILE) $(if $(NEW),--new)

test: .venv/.installed  ## all tests; what this machine lacks is skipped with its reason
	@$(TESTS)

test-quick: MORE = 0
test-quick: .venv/.installed  ## the small tests that start no program: marks unit and sandbox
	@$(TESTS) -m "unit or sandbox"

check: .venv/.installed  ## format, lint, types, then the tests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(TESTS)

bench: .venv/.installed  ## what we claim about speed, measured here, as ratios
	@for script in bench/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

prove: .venv/.installed  ## the long proofs, of which `make test` runs a bounded sample
	@EDFI_PROVE=1 $(TESTS) -o faulthandler_timeout=3600

lock: .venv/.installed  ## resolve pyproject.toml again into requirements.lock and environment.yml
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra postgres --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate \
	  --quiet -o requirements.lock
	@$(BIN)/python tools/environment.py

environment: .venv/.installed  ## write environment.yml again
	@$(BIN)/python tools/environment.py

docs: .venv/.installed  ## write the generated pages of docs/ again
	@$(BIN)/python tools/docs.py

clean:  ## remove what make and the tests made; runs and ledgers in data/ stay
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .jupyter
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
