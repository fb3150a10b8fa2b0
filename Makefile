# Two commands: `make run` shows the main job with everything embedded, `make test` runs all tests.
# Needed beforehand: Python 3.11 or newer, make, and the package registries. No server, no Docker, no root.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
ARGS ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
HELPDESK := .venv-helpdesk
PROMETHEUS := .cache/prometheus
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

# The first of these that is a Python of 3.11 or newer. A name on PATH may be a shim that runs nothing.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

.PHONY: help run test check lint types bench soak nights monitoring helpdesk lock clean

help: ## What can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(VENV)/.run $(if $(findstring --helpdesk=django,$(ARGS)),$(HELPDESK)/.ready) ## The demo; ARGS=--once ends by itself, ARGS=--helpdesk=django has a real helpdesk
	@$(BIN)/python -m bridge demo $(ARGS)

test: $(VENV)/.test $(HELPDESK)/.ready ## All tests
	@echo "lint, types, then tests (a few minutes; a real Valkey and a real django-helpdesk are started)"
	@$(MAKE) --no-print-directory lint types
	BRIDGE_REQUIRE_HELPDESK=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint types ## Lint and types only

lint: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test ## Latency and drain, beside a textbook arq worker; ARGS=pace is the bridge at its defaults
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.test ## Minutes of faults, and a table of what held; SEED=7 repeats, MINUTES=3, TICKETS=5000
	@$(BIN)/python -m tests.soak $(if $(SEED),--seed=$(SEED)) $(if $(MINUTES),--minutes=$(MINUTES)) \
		$(if $(TICKETS),--tickets=$(TICKETS))

nights: $(VENV)/.test ## The thirteen nights beside five healthy minutes: does each name its cause; ARGS=--healthy=10
	@$(BIN)/python -m tests.nights $(ARGS)

monitoring: $(PROMETHEUS)/.ready $(VENV)/.test ## Test the alerts of deploy/monitoring with Debian's promtool
	$(BIN)/python -m pytest -q tests/unit/test_monitoring.py

helpdesk: $(HELPDESK)/.ready ## Install a real django-helpdesk into a virtual environment of its own

lock: $(VENV)/.uv ## Make the lock files again from pyproject.toml
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--extra dev pyproject.toml -c requirements.txt -o requirements-dev.txt

clean: ## Remove what was installed and made here
	rm -rf $(VENV) $(HELPDESK) .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(VENV)/.uv: requirements-uv.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: none was found as python3 or python3.11 ... python3.14"; exit 1; }
	@echo "[1/3] making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "this Python cannot make virtual environments (on Debian: apt-get install python3-venv)"; exit 1; }
	@echo "[2/3] installing the installer"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@touch $@

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/.uv
	@echo "[3/3] installing the bridge and what it needs (about 45 packages, hash-checked)"
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	@$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

$(VENV)/.test: requirements-dev.txt $(VENV)/.run
	@echo "installing what the tests need"
	@$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@

$(HELPDESK)/.ready: requirements-helpdesk.txt | $(VENV)/.uv
	@echo "installing a real django-helpdesk into $(HELPDESK)"
	@$(BIN)/uv venv -q --allow-existing --python $(BIN)/python $(HELPDESK)
	@$(BIN)/uv pip install -q --compile-bytecode --python $(HELPDESK)/bin/python --require-hashes -r requirements-helpdesk.txt
	@touch $@

# Unpacked, not installed: no service is started, and nothing of the system changes.
$(PROMETHEUS)/.ready:
	@mkdir -p $(PROMETHEUS)
	@command -v promtool >/dev/null || { cd $(PROMETHEUS) && apt-get download -qq prometheus && dpkg -x prometheus_*.deb . && rm prometheus_*.deb; } \
		|| { echo "promtool is needed (part of Prometheus), and Debian's package could not be had"; exit 1; }
	@touch $@
