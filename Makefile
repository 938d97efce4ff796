# `make run` and `make test` do everything on a machine that has Python (3.11 or newer) and git.
# Paths are relative throughout, so the folder's own path may hold spaces.

PY := .venv/bin/python
#: Candidates for making .venv, best first; PYTHON=... names another.
PYTHON ?=
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
SOURCES := config consent tracking profiles personalization demo tests bench manage.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test check check-python check-js bundle shell pictures help

help:
	@echo "make run      start everything (first start loads the demo); Ctrl-C stops it"
	@echo "make test     the whole suite against real services, browser journeys included"
	@echo "make check    linter, types, migrations, deployment settings, browser code"
	@echo "make bundle   build the browser bundles (needs Node)"
	@echo "make pictures take the pictures of README and docs anew, while make run is running"
	@echo "make shell    a Django shell beside the services"

run: .venv/.installed-run
	@exec $(PY) manage.py up

# ARGS="-k consent" and the like go to pytest.
test: .venv/.installed-dev
	@exec $(PY) -m pytest $(ARGS)

shell: .venv/.installed-run
	@exec $(PY) -m config.embedded run $(PY) manage.py shell

# ARGS="--only admin" and the like go to the tour.
pictures: .venv/.installed-dev
	@$(PY) scripts/tour.py $(ARGS)

check: check-python check-js

check-python: .venv/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy $(wildcard $(SOURCES))
	$(PY) -m config.embedded run $(PY) manage.py makemigrations --check --dry-run
	@echo "manage.py check --deploy, with production settings"
	@ENV_FILE=/dev/null DEBUG=0 ALLOWED_HOSTS=example.org \
		SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(48))')" \
		$(PY) -m config.embedded run $(PY) manage.py check --deploy --fail-level WARNING

check-js: node_modules/.installed
	npm test
	npm run --silent check

bundle: node_modules/.installed
	npm run build

# --- Installing ------------------------------------------------------------------------------

.venv/bin/python:
	@for python in $(PYTHONS); do \
		command -v "$$python" >/dev/null 2>&1 || continue; \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -m venv .venv && exit 0; \
		rm -rf .venv; \
		echo "$$python cannot make a virtual environment: install its venv package (Debian, Ubuntu: apt-get install python3-venv)." >&2; \
		exit 1; \
	done; \
	echo "Attune needs Python 3.11 or newer, found: $$(python3 --version 2>&1 || true). Name one with: make PYTHON=/path/to/python3.11 ..." >&2; \
	exit 1

.venv/.installed-run: requirements.txt constraints.txt | .venv/bin/python
	@echo "Installing what Attune runs on ..."
	@$(PY) -m pip install --quiet -r requirements.txt -c constraints.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed-run
	@echo "Installing what the tests need ..."
	@$(PY) -m pip install --quiet -r requirements-dev.txt -c constraints.txt
	@touch $@

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "Node 20 or newer with npm is needed for the browser code." >&2; exit 1; }
	@npm ci --no-fund --no-audit --loglevel=error
	@touch $@
