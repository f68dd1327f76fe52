"""Settings of all tests: one seed, floating-point warnings as errors, deterministic Hypothesis."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

# Small tests: torch's threads cost more than they save. Read when it is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import settings

from spatialkit._compiling import CLOCK

settings.register_profile("spatialkit", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("spatialkit")
settings.register_profile("slow", deadline=None, max_examples=1200)  # `make slow`

# With an empty cache numba compiles in some test: no notice, as many tests check what is printed.
CLOCK.limit = 1e6  # seconds

DATA = Path(__file__).parent / "data"


@pytest.fixture
def rng():
    """Return a generator with the same seed in every run."""
    return np.random.default_rng(20261121)


def pytest_collection_modifyitems(items):
    """Skip the example in a docstring that needs an optional package, if it is not installed."""
    for item in items:
        if item.name.endswith(".simulate_room") and not find_spec("pyroomacoustics"):
            item.add_marker(pytest.mark.skip(reason="needs pyroomacoustics"))


@pytest.fixture(autouse=True)
def _floating_point_errors_raise():
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(scope="module")
def chromium():
    """Return a headless browser; skip the test without playwright or Chromium."""
    api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def fork_server():
    """Return a function that gives a context whose processes start with modules imported.

    Python has one fork server, which ignores the modules that are requested after its start: it
    ends with the tests of a module.
    """

    def start(*modules):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(modules))
        return context

    yield start
    multiprocessing.forkserver._forkserver._stop()
