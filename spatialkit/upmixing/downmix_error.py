"""How well an upmix folds down, measured while it is being made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import AmbisonicFormat, Layout
from spatialkit.upmixing.downmix_correction import fold_down_matrix

__all__ = ["FoldDown"]

# Samples measured at a time: in float64 they stay within the processor's cache.
SAMPLES_AT_ONCE = 4096


class FoldDown:
    """Sums over an upmix and the mono or stereo signal that it was made from.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        What the upmix is.
    channels : int
        Of the original. If they are more than 2 there is no figure.

    Attributes
    ----------
    peak : float
        Largest magnitude in the upmix so far.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> stereo = np.random.default_rng(0).standard_normal((2, 100))
    >>> measured = FoldDown(get_layout("stereo"), 2)
    >>> measured.add(0.9 * stereo[:, :60], stereo[:, :60])
    >>> measured.add(0.9 * stereo[:, 60:], stereo[:, 60:])
    >>> round(measured.error_db, 9), round(measured.correction_db, 2)
    (20.0, -19.08)
    """

    def __init__(self, format: Layout | AmbisonicFormat, channels: int) -> None:
        self._mean = isinstance(format, AmbisonicFormat)
        self._matrix = fold_down_matrix(format, channels)
        self._original = self._upmix = 0.0
        self._missing: Any = 0.0
        self.peak = 0.0

    def add(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Take the next samples of both, (channels, samples), as many of the one as the other."""
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
        # Not vdot: BLAS would wake its threads for so little, which cost more than they do.
        self._original += float(np.einsum("ij,ij", wanted, wanted))
        self._upmix += float(np.einsum("ij,ij", upmix, upmix))
        self._missing = self._missing + missing @ missing.T

    @property
    def error_db(self) -> float:
        """`spatialkit.metrics.downmix_error`: the ratio of the original to what is missing of it.

        NaN if the original is silent, or no rule folds the format down.
        """
        if self._matrix is None or not self._original:
            return math.nan
        return -_decibels(float(np.trace(self._missing)), self._original)

    @property
    def correction_db(self) -> float:
        """Size of what `spatialkit.match_downmix` would add, relative to the upmix.

        -inf if nothing is missing; NaN if no rule folds the format down.
        """
        if self._matrix is None:
            return math.nan
        inverse = np.linalg.pinv(self._matrix)
        return _decibels(float(np.sum((inverse.T @ inverse) * self._missing)), self._upmix)


def _decibels(energy: float, reference: float) -> float:
    """10 log10 of their ratio; -inf if there is no energy, +inf if only the reference has none."""
    if not energy > 0.0:
        return -math.inf
    return 10.0 * math.log10(energy / reference) if reference else math.inf
