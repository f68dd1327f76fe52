# spatialkit: `make demo`, `make test`, `make bench`. Needs make and Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What the models are run and tested with. On Linux PyPI's torch brings CUDA: name the build you
# want. `make demo TORCH=` does without.
TORCH ?= torch==2.13.0
# Peers of the benchmark.
PEERS ?= librosa spaudiopy fast-bss-eval
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test slow check bench test-wheel figures clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -q

slow: $(VENV)/.test
	$(BIN)/python -m pytest -q -m slow

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.bench
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m benchmarks

# Pictures of the documents, drawn by the code that they show.
figures: $(VENV)/.test
	$(BIN)/python docs/make_figures.py
	$(BIN)/python docs/make_ambisonizer_figure.py

# The wheel in an environment of its own, its tests away from the source tree.
test-wheel: $(VENV)/.test
	rm -rf dist $(VENV)-wheel
	$(BIN)/python -m build --wheel --no-isolation --outdir dist > /dev/null
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip install --quiet --disable-pip-version-check "$$(ls dist/*.whl)[test]"
	elsewhere="$$(mktemp -d)" && cp -r tests examples pyproject.toml "$$elsewhere" && \
		venv="$$(pwd)/$(VENV)-wheel" && cd "$$elsewhere" && \
		"$$venv/bin/python" -m pytest -q tests && rm -rf "$$elsewhere" "$$venv"

clean:
	rm -rf build dist demo-output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "spatialkit needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: setup.cfg | $(BIN)/python
	$(PIP) -e .
	touch $@

# What the learned upmixers need of the extra `models`; without it the demo shows the rest.
$(VENV)/.demo: setup.cfg $(VENV)/.core
	$(if $(TORCH),$(PIP) $(TORCH) safetensors && touch $@ || \
		echo "$(TORCH) could not be installed: the demo leaves out what needs it")

$(VENV)/.test: setup.cfg | $(BIN)/python
	$(PIP) $(TORCH)
	$(PIP) -e '.[test,models]'
	touch $@ $(VENV)/.core $(VENV)/.demo

$(VENV)/.bench: setup.cfg $(VENV)/.test
	$(if $(PEERS),$(PIP) $(PEERS))
	touch $@
