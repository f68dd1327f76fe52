"""Correction of an upmix for an exact downmix, and its measurement, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix.downmixing import downmix_matrix
from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout

__all__ = ["DownmixCorrection", "DownmixMeter"]

# In samples, small enough for the processor's cache.
BLOCK_SIZE = 4096


class DownmixCorrection:
    """Correction of an upmix so that its downmix equals the mono or stereo input.

    It adds ``pinv(G) @ (original - G @ upmix)``, with the downmix matrix G, as
    ``G.T @ pinv(G @ G.T) @ ...``: most gains of G are 0, those of pinv(G) are not. Sample by
    sample in the dtype of the original, so that blocks give the same as the whole, to the bit.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmix. The W of Ambisonics is the mean of the input channels.
    matrix : ndarray, shape (1 or 2, channels)
        Downmix matrix from ``format`` to the input.

    Attributes
    ----------
    is_exact : bool
        False where the layout lacks loudspeakers on the left or on the right.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> correction = DownmixCorrection.find(get_layout("5.1"), 2)
    >>> stereo = np.array([[0.5, -0.25], [0.25, 0.75]])
    >>> surround = np.concatenate([0.5 * stereo, np.zeros((4, 2))])
    >>> np.allclose(downmix_matrix("5.1", "stereo") @ correction.apply(surround, stereo), stereo)
    True
    """

    def __init__(self, format: Layout | AmbisonicFormat, matrix: NDArray[np.float64]) -> None:
        self._mean = isinstance(format, AmbisonicFormat)
        self.is_exact = int(np.linalg.matrix_rank(matrix)) == len(matrix)
        self._inverse = np.linalg.pinv(matrix @ matrix.T).tolist()
        self._gains = [
            (row, column, float(matrix[row, column])) for row, column in np.argwhere(matrix)
        ]

    @classmethod
    def find(cls, format: Layout | AmbisonicFormat, channels: int) -> DownmixCorrection | None:
        """Return the correction, or None where no rule exists for ``format`` and ``channels``."""
        matrix = _find_matrix(format, channels)
        return None if matrix is None else cls(format, matrix)

    def apply(self, upmix: NDArray[Any], original: NDArray[Any]) -> NDArray[Any]:
        """Correct ``upmix`` in place and return it; a copy if it is read-only."""
        if not upmix.flags.writeable or np.may_share_memory(upmix, original):
            upmix = upmix.copy()
        for block in _blocks(upmix.shape[1]):
            self._apply(upmix[:, block], original[:, block])
        return upmix

    def _apply(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        missing = original.mean(axis=0, keepdims=True) if self._mean else original.copy()
        product = np.empty_like(missing[0])
        for row, channel, gain in self._gains:
            missing[row] -= np.multiply(upmix[channel], gain, out=product, dtype=product.dtype)
        # Not @: the rounding of BLAS depends on how long a block is.
        parts = [
            sum(factor * signal for factor, signal in zip(factors, missing, strict=True))
            for factors in self._inverse
        ]
        for row, channel, gain in self._gains:
            upmix[channel] += np.multiply(parts[row], gain, out=product)


class DownmixMeter:
    """Downmix SNR and size of the correction of an upmix, accumulated block by block.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmix. The W of Ambisonics is the mean of the input channels.
    matrix : ndarray, shape (1 or 2, channels), or None
        Downmix matrix from ``format`` to the input. With None, the results are NaN.

    Attributes
    ----------
    peak : float
        Largest magnitude of the upmix so far.

    Examples
    --------
    >>> from spatialkit.layouts import get_layout
    >>> stereo = np.random.default_rng(0).standard_normal((2, 100))
    >>> measured = DownmixMeter.find(get_layout("stereo"), 2)
    >>> measured.add(0.9 * stereo[:, :60], stereo[:, :60])
    >>> measured.add(0.9 * stereo[:, 60:], stereo[:, 60:])
    >>> round(measured.error_db, 9), round(measured.correction_db, 2)
    (20.0, -19.08)
    """

    def __init__(
        self, format: Layout | AmbisonicFormat, matrix: NDArray[np.float64] | None
    ) -> None:
        self._mean = isinstance(format, AmbisonicFormat)
        self._matrix = matrix
        self._original = self._upmix = 0.0
        self._missing: Any = 0.0
        self.peak = 0.0

    @classmethod
    def find(cls, format: Layout | AmbisonicFormat, channels: int) -> DownmixMeter:
        """Return the meter for an input of ``channels``; its results are NaN without a rule."""
        return cls(format, _find_matrix(format, channels))

    def add(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        """Add the next samples of both, (channels, samples), of equal length."""
        for block in _blocks(upmix.shape[1]):
            self._add(upmix[:, block].astype(np.float64, order="C"), original[:, block])

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


def _find_matrix(format: Layout | AmbisonicFormat, channels: int) -> NDArray[np.float64] | None:
    """Return the downmix matrix from an upmix to its input; None where there is no rule."""
    mono = channels == 1 or isinstance(format, AmbisonicFormat)  # W is (L + R) / 2
    if channels <= 2:
        with suppress(LayoutError):
            return downmix_matrix(format, "mono" if mono else "stereo")
    return None


def _blocks(samples: int) -> Iterator[slice]:
    return (slice(start, start + BLOCK_SIZE) for start in range(0, samples, BLOCK_SIZE))
