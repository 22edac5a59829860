# Two commands for a newcomer: `make lab` and `make test`. `make help` lists the rest.

VENV   := .venv
PY     := $(VENV)/bin/python
LOCKED := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
LOCK   := @$(VENV)/bin/uv pip compile --quiet $(LOCKED)

export PYTHON
# They are meant for another Python than the one that is found or made here.
unexport PYTHONHOME PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help lab test execute docs lint lock soak bench workshop workshop-bundle clean
.PHONY: ready ready-lessons

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

lab: ready-lessons ## Open JupyterLab where you were (ARGS="--port 9000")
	@$(PY) -m resonance_helpers lab $(ARGS)

test: ready ## Run every test (PARTS="lint units lessons browser" to choose)
	@$(PY) -m tests $(PARTS)

execute: ready ## Run the lessons and save what they print (LESSONS="3" to choose)
	@$(PY) -m authoring execute $(LESSONS)

docs: ready ## Build the site, to read without a network (build/site)
	@$(PY) -m docs

lint: ready ## Check style, types and imports
	@$(PY) -m tests lint

soak: ready ## Run the long tests, left out of `make test`
	@$(PY) -m tests soak

bench: ready ## Measure against named peers (ARGS="per_call" to choose)
	@$(PY) -m pip install --quiet --require-hashes --requirement requirements-bench.lock
	@$(PY) -m benchmarks $(ARGS)

workshop: ready ## Start a JupyterHub for a room (ATTENDEES=list.csv ARGS="--help" for more)
	@$(PY) -m workshop hub $(if $(ATTENDEES),"$(ATTENDEES)") $(ARGS)

workshop-bundle: ready ## Put all that a room without a network needs into a folder (BUNDLE=folder)
	@$(PY) -m workshop bundle "$(or $(BUNDLE),resonance-bundle)" $(ARGS)

lock: ready ## Pin every package anew, after a change of pyproject.toml
	@$(PY) -m pip install --quiet --require-hashes --requirement requirements-uv.lock
	$(LOCK) pyproject.toml --extra test --group clone --output-file requirements.lock
	$(LOCK) pyproject.toml --extra lessons --group clone --constraint requirements.lock \
	    --output-file requirements-lessons.lock
	$(LOCK) pyproject.toml --extra bench --constraint requirements.lock \
	    --output-file requirements-bench.lock
	$(LOCK) --group uv --output-file requirements-uv.lock

clean: ## Remove .venv and everything that can be made again
	@rm -rf $(VENV) $(VENV).lock build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first Python that can run bootstrap.py; bootstrap.py looks for the one to use.
ready: ALL := --all
ready ready-lessons:
	@for name in "$$PYTHON" python3 python3.15 python3.14 python3.13 python3.12 python3.11 python; do \
	    if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 6))' 2>/dev/null; then \
	        exec "$$name" bootstrap.py $(ALL); \
	    fi; \
	done; \
	echo "Set-up: Python 3.11 or newer is needed (no Python was found)." >&2; \
	echo "Fix: install one (Debian 12, Ubuntu 24.04 and newer: sudo apt install python3-venv;" >&2; \
	echo "macOS: brew install python), or name one with PYTHON=path." >&2; \
	exit 1
