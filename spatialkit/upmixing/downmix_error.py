"""Downmix SNR of an upmix, measured block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing.downmix_correction import matrix_to_input

__all__ = ["DownmixMeter"]

# Samples measured at a time: in float64 they stay within the processor's cache.
SAMPLES_AT_ONCE = 4096


class DownmixMeter:
    """Downmix SNR and correction of an upmix, accumulated block by block.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmix.
    channels : int
        Channel count of the input. With more than 2, the results are NaN.

    Attributes
    ----------
    peak : float
        Largest magnitude of the upmix so far.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> stereo = np.random.default_rng(0).standard_normal((2, 100))
    >>> measured = DownmixMeter(get_layout("stereo"), 2)
    >>> measured.add(0.9 * stereo[:, :60], stereo[:, :60])
    >>> measured.add(0.9 * stereo[:, 60:], stereo[:, 60:])
    >>> round(measured.error_db, 9), round(measured.correction_db, 2)
    (20.0, -19.08)
    """

    def __init__(self, format: Layout | AmbisonicFormat, channels: int) -> None:
        self._mean = isinstance(format, AmbisonicFormat)
        self._matrix = matrix_to_input(format, channels)
        self._original = self._upmix = 0.0
        self._missing: Any = 0.0
        self.peak = 0.0

    def add(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Add the next samples of both, (channels, samples), of equal length."""
        for start in range(0, upmix.shape[1], SAMPLES_AT_ONCE):
            moment = slice(start, start + SAMPLES_AT_ONCE)
            self._add(upmix[:, moment].astype(np.float64, order="C"), original[:, moment])

    def _add(self, upmix: NDArray[np.float64], original: NDArray[Any]) -> None:
        self.peak = max(self.peak, float(upmix.max()), -float(upmix.min()))
        if self._matrix is None:
            return
        wanted = original.mean(axis=0, keepdims=True, dtype=np.float64) if self._mean else original
        missing = wanted - self._matrix @ upmix
        wanted = wanted.astype(np.float64, order="C", copy=False)
        # Not vdot: starting the threads of BLAS costs more than the sum.
        self._original += float(np.einsum("ij,ij", wanted, wanted))
        self._upmix += float(np.einsum("ij,ij", upmix, upmix))
        self._missing = self._missing + missing @ missing.T

    @property
    def error_db(self) -> float:
        """Downmix SNR in dB, as `spatialkit.metrics.downmix_error`.

        NaN if the input is silent, or if no downmix rule exists.
        """
        if self._matrix is None or not self._original:
            return math.nan
        return -_decibels(float(np.trace(self._missing)), self._original)

    @property
    def correction_db(self) -> float:
        """Level of the correction by `spatialkit.match_downmix` relative to the upmix, in dB.

        -inf if the downmix is exact; NaN if no downmix rule exists.
        """
        if self._matrix is None:
            return math.nan
        inverse = np.linalg.pinv(self._matrix)
        return _decibels(float(np.sum((inverse.T @ inverse) * self._missing)), self._upmix)


def _decibels(energy: float, reference: float) -> float:
    """Return 10 log10 of the ratio; -inf for no energy, +inf if only the reference is 0."""
    if not energy > 0.0:
        return -math.inf
    return 10.0 * math.log10(energy / reference) if reference else math.inf
