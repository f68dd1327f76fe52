"""Tests of the real FFT: it equals `scipy.fft` with and without its compiled module."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.fft

from spatialkit import _fourier as fourier


def missing():
    raise ImportError


@pytest.fixture(params=["compiled", "missing", "other functions", "other numbers"])
def transforms(request, monkeypatch):
    other = ModuleType("pypocketfft")
    if request.param == "other numbers":
        other.r2c = other.c2r = lambda values, *_: np.zeros(3)
    if request.param == "missing":
        monkeypatch.setattr(fourier, "_pocketfft", missing)
    elif request.param != "compiled":
        monkeypatch.setattr(fourier, "_pocketfft", lambda: other)
    fourier._transforms.cache_clear()
    yield fourier
    fourier._transforms.cache_clear()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(64, 2048), (3, 2, 15), (1, 1), (441,), (0, 8)])
def test_transforms_equal_scipy(transforms, shape, dtype):
    values = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    strided = np.lib.stride_tricks.sliding_window_view(np.resize(values, 999), 64)[::7]
    for each in (values, strided.astype(dtype, copy=False)):
        spectrum = transforms.rfft(each)
        np.testing.assert_array_equal(spectrum, scipy.fft.rfft(each), strict=True)
        memory = np.zeros_like(spectrum)
        assert transforms.rfft(each, out=memory) is memory
        np.testing.assert_array_equal(memory, spectrum)
        size = each.shape[-1]
        restored = transforms.irfft(spectrum, size)
        np.testing.assert_array_equal(restored, scipy.fft.irfft(spectrum, size), strict=True)
        longer = transforms.rfft(each, size + 5)
        np.testing.assert_array_equal(longer, scipy.fft.rfft(each, size + 5), strict=True)


def test_the_compiled_transforms_are_found_without_scipy_fft():
    code = (
        "import sys, numpy; from spatialkit._fourier import rfft; rfft(numpy.ones(8));"
        "assert 'scipy.fft' not in sys.modules; import scipy.fft; scipy.fft.rfft(numpy.ones(8))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
