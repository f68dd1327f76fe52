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
# Samples over which levels of channels are averaged.
SMOOTHING = 4096


class DownmixCorrection:
    r"""Correction of an upmix so that its downmix equals the mono or stereo input.

    Sample by sample, it adds

    .. math:: W G^T (G W G^T)^{-1} (s - G u)

    for the upmix :math:`u`, the input :math:`s` and the downmix matrix :math:`G`: of all
    corrections :math:`c` with an exact downmix the one with the least
    :math:`\sum_i c_i^2 / w_i`. The weight :math:`w_i` of a channel is the square of its level, so
    that channels change in proportion to their level, and silent ones stay silent unless no other
    channel can be corrected. The level is the mean magnitude over the last 4096 samples or so, with
    exponential decay; it does not depend on what follows, so that blocks give the same as the
    whole, to the bit.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmix. The W of Ambisonics is the mean of the input channels.
    matrix : ndarray, shape (1 or 2, channels)
        Downmix matrix from ``format`` to the input.
    weighted : bool
        If False, the weights are 1: the correction is the smallest one, linear and without memory.

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
    >>> exact = correction.apply(surround, stereo)
    >>> np.allclose(downmix_matrix("5.1", "stereo") @ exact, stereo), np.allclose(exact[2:], 0.0)
    (True, True)
    """

    def __init__(
        self,
        format: Layout | AmbisonicFormat,
        matrix: NDArray[np.float64],
        *,
        weighted: bool = True,
    ) -> None:
        self._mean = isinstance(format, AmbisonicFormat)
        self.is_exact = int(np.linalg.matrix_rank(matrix)) == len(matrix)
        self._channels = np.flatnonzero(matrix.any(axis=0))
        self._gains = np.zeros((2, len(self._channels)))
        self._gains[: len(matrix)] = matrix[:, self._channels]
        self._smoothing = 1.0 / SMOOTHING if weighted else 0.0
        self._levels = np.full(len(self._channels), 0.0 if weighted else 1.0)
        self._weights = np.empty_like(self._levels)  # scratch memory of the kernel

    @classmethod
    def find(
        cls, format: Layout | AmbisonicFormat, channels: int, *, weighted: bool = True
    ) -> DownmixCorrection | None:
        """Return the correction, or None where no rule exists for ``format`` and ``channels``."""
        matrix = _find_matrix(format, channels)
        return None if matrix is None else cls(format, matrix, weighted=weighted)

    def apply(self, upmix: NDArray[Any], original: NDArray[Any]) -> NDArray[Any]:
        """Correct the next samples of ``upmix`` in place and return them.

        It returns a copy if ``upmix`` is read-only, not contiguous, or part of ``original``.
        """
        from spatialkit.downmix.kernels import correct

        flags = upmix.flags
        if not (flags.writeable and flags.c_contiguous) or np.may_share_memory(upmix, original):
            upmix = upmix.copy()
        wanted = original.mean(axis=0, keepdims=True) if self._mean else original
        correct(
            *(upmix, np.ascontiguousarray(wanted), self._channels, self._gains),
            *(self._smoothing, self._levels, self._weights),
        )
        return upmix


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
        """Level of the smallest correction with an exact downmix relative to the upmix, in dB.

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
