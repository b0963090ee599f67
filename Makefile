# The first recipe that needs the environment builds it from the lock file; nothing else is asked of the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint bench evaluate lock clean

demo: $(VENV)/.run
	@$(BIN)/koban demo

test: $(VENV)/.dev
	@$(BIN)/python -m tests.environment
	$(BIN)/pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m bot.i18n check
	$(BIN)/python -m intents check

evaluate: $(VENV)/.dev
	$(BIN)/python -m intents evaluate --against tests/utterances/figures.csv

bench: $(VENV)/.dev
	$(BIN)/python -m tests.bench

$(VENV)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Koban needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Koban needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) var/demo  # var/ may hold a real database and its ledger
