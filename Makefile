PYTHON ?= python3
BIN := .venv/bin
# What the JupyterLab panel is built of, which an install copies to where JupyterLab finds it.
PANEL := labextension/yarn.lock $(shell find labextension/src labextension/style labextension/schema -type f)
LIBRARY := jupyter_edge/runtime/codecs/compiled_numbers.cpp
# In a container, one is often root; JupyterLab asks to be told that this is meant.
LAB_OPTIONS ?= $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: demo test lab notebooks lint lint-panel test-browser test-containers fuzz soak bench bench-peers bench-check bench-store flame clean

demo: .venv/installed  ## the main job, headless, on the samples that come with the package
	$(BIN)/jupyter-edge demo --folder .demo

test: .venv/installed-test lint  ## all that needs neither browser, root nor node
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not external and not browser"

lab: .venv/installed  ## JupyterLab on the first notebook
	PATH="$(CURDIR)/$(BIN):$$PATH" jupyter lab $(LAB_OPTIONS) notebooks/01_quickstart.ipynb

notebooks: .venv/installed-test  ## build notebooks/*.ipynb from the scripts beside them
	$(BIN)/python tools/build_notebooks.py

lint: .venv/installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	@if command -v node >/dev/null && [ -d labextension/node_modules ]; then $(MAKE) --no-print-directory lint-panel; fi

lint-panel:
	cd labextension && node node_modules/typescript/bin/tsc --noEmit
	cd labextension && node node_modules/eslint/bin/eslint.js --max-warnings 0 .
	cd labextension && node node_modules/prettier/bin/prettier.cjs --check .

test-containers: .venv/installed-test  ## needs docker-registry and helm, see docs/contributing.md
	$(BIN)/pytest -m external

test-browser: .venv/installed-test  ## the panels in JupyterLab, Voila and chromium; pictures in build/screenshots
	$(BIN)/pytest -m browser

fuzz: .venv/installed-fuzz  ## a million inputs, where `make test` tries ten thousand
	HYPOTHESIS_PROFILE=long JUPYTER_EDGE_FUZZ_INPUTS=1000000 nice $(BIN)/pytest -n auto -m fuzz -rP

soak: .venv/installed-test  ## ten minutes of mixed load
	JUPYTER_EDGE_SOAK_SECONDS=600 $(BIN)/pytest -n 2 -m soak -rP

bench: .venv/installed-test  ## measure, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

bench-peers: .venv/installed-test  ## install the servers of others that `make bench` compares with, 2 GB
	$(BIN)/python -m benchmarks.peers

bench-check: .venv/installed-test  ## fail if a request costs the server a quarter more CPU than it did
	$(BIN)/python -m benchmarks.check

bench-store: .venv/installed-test  ## keep what `make bench-check` compares with
	$(BIN)/python -m benchmarks.check --store

flame: .venv/installed-flame  ## draw where the server's time goes, in build/flame-*.svg
	$(BIN)/python -m benchmarks.flame

clean:
	rm -rf .venv .demo

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml hatch_build.py $(PANEL) $(LIBRARY)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/installed-test: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,browser]'
	touch $@

.venv/installed-flame: .venv/installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[flame]'
	touch $@

.venv/installed-fuzz: .venv/installed-test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	touch $@
