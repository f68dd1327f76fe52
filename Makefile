# spatialkit: `make demo`, `make test`, `make bench`. Needs make and Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Version that the models are run and tested with. On Linux, torch from PyPI includes CUDA; the CPU
# build is smaller: install it in .venv with the command that
# https://pytorch.org/get-started/locally/ shows (choose CPU), then run `make demo TORCH=torch`,
# which keeps it. `make demo TORCH=` installs no torch.
TORCH ?= torch==2.13.0
TORCH_SIZE := CPU build 0.2 GB to download and 0.7 GB on disk; with CUDA 2.8 GB to download
# Peers of the benchmark.
PEERS ?= librosa spaudiopy fast-bss-eval auraloss mir_eval museval
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Extras of `make test-lowest` and `make test-newest`: `test,train` includes the models.
EXTRAS ?= test
# Folder of spatialkit whose tests `make mutants` examines (default: seven of them), and the number
# of mutants per folder.
FOLDER ?=
COUNT ?= 25

.PHONY: demo test slow check docs hooks bench figures sdist test-wheel test-sdist test-lowest \
	test-newest mutants torture clean

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

test: $(VENV)/.test
	$(BIN)/python -m pytest -q

# Property tests with 20 times as many examples, and other slow tests.
slow: $(VENV)/.test
	$(BIN)/python -m pytest -q -m "slow or hypothesis" --hypothesis-profile=slow

check: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Run ruff before each commit.
hooks: $(VENV)/.test
	$(PIP) 'pre-commit>=4'
	$(BIN)/pre-commit install

bench: $(VENV)/.bench
	OMP_NUM_THREADS=1 $(BIN)/python -W ignore -m benchmarks

# The site in docs/_build/html, without network access; warnings are errors.
docs: $(VENV)/.docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -W --keep-going -n -q docs docs/_build/html

# Figures of the documentation, drawn by the code that they show.
figures: $(VENV)/.test
	$(BIN)/python docs/make_figures.py
	$(BIN)/python docs/make_ambisonizer_figure.py
	$(BIN)/python docs/make_style_vae_figure.py
	$(BIN)/python docs/make_real_mixes_figure.py
	$(BIN)/python docs/make_architecture_figure.py

# Mutation tests: changes to the code that the tests of a folder have to notice. Takes minutes.
mutants: $(VENV)/.test
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
		$(BIN)/python tests/mutants.py $(FOLDER) --count $(COUNT)

# Attacks in worker processes: damaged files, odd arguments, hostile JSON, random command lines.
# ONLY=calls CASE=7 repeats one case.
SEED ?= 0
MINUTES ?= 20
ONLY ?=
CASE ?=
torture: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python tests/torture --seed $(SEED) --minutes $(MINUTES) \
		$(if $(ONLY),--only $(ONLY)) $(if $(CASE),--case $(CASE))

sdist: $(VENV)/.test
	rm -rf dist
	$(BIN)/python -m build --sdist --no-isolation --outdir dist > /dev/null
	@ls dist/*.tar.gz

# Run the tests in a new environment: $(1) its name, $(2) its Python, $(3) arguments of pip,
# $(4) the folder to run them in, $(5) arguments of pytest.
define test-in
	rm -rf $(VENV)-$(1)
	$(2) -m venv $(VENV)-$(1)
	$(VENV)-$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(3)
	python="$$(pwd)/$(VENV)-$(1)/bin/python" && cd $(4) && "$$python" -m pytest -q $(5)
	rm -rf $(VENV)-$(1)
endef

# The wheel, tested outside the source tree and without torch, by the tests that depend on what is
# installed: files of the package, entry points, commands, kernels. `make test` runs the others.
WHEEL_TESTS ?= tests/commands tests/layouts tests/metrics tests/panning tests/test_*.py
# The build has its own copy: it changes metadata that `make test` reads, which CI runs beside it.
WHEEL_FILES = setup.cfg pyproject.toml MANIFEST.in README.md LICENSE
copy = tar -cf - --exclude=__pycache__ $(1) | tar -xf - -C $(2)
test-wheel: $(VENV)/.test
	rm -rf dist $(VENV)-elsewhere && mkdir -p $(VENV)-elsewhere/source
	$(call copy,spatialkit spatialkit_models $(WHEEL_FILES),$(VENV)-elsewhere/source)
	$(BIN)/python -m build --wheel --no-isolation --outdir dist $(VENV)-elsewhere/source > /dev/null
	rm -rf $(VENV)-elsewhere/source
	$(call copy,tests examples pyproject.toml,$(VENV)-elsewhere)
	$(call test-in,wheel,$(PYTHON),"$$(ls dist/*.whl)[test]",$(VENV)-elsewhere,$(WHEEL_TESTS))
	rm -rf $(VENV)-elsewhere

# The source distribution: it builds, and passes the tests that it contains.
test-sdist: sdist
	rm -rf $(VENV)-unpacked && mkdir $(VENV)-unpacked
	tar -xzf dist/*.tar.gz -C $(VENV)-unpacked --strip-components 1
	$(call test-in,sdist,$(PYTHON),-e './$(VENV)-unpacked[test]',$(VENV)-unpacked,)
	rm -rf $(VENV)-unpacked

# The lowest versions that setup.cfg accepts.
LOWEST = sed -n 's/^ *\([a-z-]*\)\(\[[a-z]*\]\)\{0,1\}>=\([0-9.]*\)$$/\1==\3/p' setup.cfg
test-lowest:
	mkdir -p build && $(LOWEST) | sort -u > build/lowest.txt
	$(call test-in,lowest,$(PYTHON),-c build/lowest.txt -e '.[$(EXTRAS)]',.,)

# The newest Python on this machine: on PATH, or installed by pyenv.
NEWEST ?= $(shell for minor in 16 15 14 13 12 11; do \
	for found in python3.$$minor $$HOME/.pyenv/versions/3.$$minor.*/bin/python3; do \
	"$$found" -c "" 2> /dev/null && echo "$$found" && exit; done; done)
test-newest:
	$(NEWEST) --version
	$(call test-in,newest,$(NEWEST),-e '.[$(EXTRAS)]',.,)

clean:
	rm -rf build dist demo-output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "spatialkit needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: setup.cfg | $(BIN)/python
	@echo "installing spatialkit in $(VENV) (470 MB with NumPy, SciPy and numba)"
	$(PIP) -e .
	touch $@

# Packages of the extra `models`; without them the demo shows the other upmixers.
$(VENV)/.demo: setup.cfg $(VENV)/.core
	$(if $(TORCH),@echo "installing $(TORCH) ($(TORCH_SIZE)); \`make demo TORCH=\` does without")
	$(if $(TORCH),$(PIP) $(TORCH) safetensors && touch $@ || \
		echo "$(TORCH) could not be installed: the demo leaves out what needs it")

$(VENV)/.test: setup.cfg | $(BIN)/python
	$(PIP) $(TORCH)
	$(PIP) -e '.[test,train]'
	touch $@ $(VENV)/.core $(VENV)/.demo

$(VENV)/.docs: setup.cfg $(VENV)/.test
	$(PIP) -e '.[docs]'
	touch $@

$(VENV)/.bench: setup.cfg $(VENV)/.test
	$(if $(PEERS),$(PIP) $(PEERS))
	touch $@
