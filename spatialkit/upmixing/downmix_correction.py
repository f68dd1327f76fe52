"""The correction of `spatialkit.match_downmix`, in place and block by block."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.downmix import downmix_matrix
from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout

__all__ = ["DownmixCorrection", "matrix_to_input"]

# Samples corrected at a time: they stay within the processor's cache.
SAMPLES_AT_ONCE = 4096


def matrix_to_input(format: Layout | AmbisonicFormat, channels: int) -> NDArray[np.float64] | None:
    """Return the downmix matrix from an upmix to its input; None where there is no rule."""
    mono = channels == 1 or isinstance(format, AmbisonicFormat)  # W is (L + R) / 2
    if channels <= 2:
        with suppress(LayoutError):
            return downmix_matrix(format, "mono" if mono else "stereo")
    return None


class DownmixCorrection:
    """Correction of an upmix so that its downmix equals the mono or stereo input.

    It adds ``pinv(G) @ (original - G @ upmix)``, with the downmix matrix G, as
    ``G.T @ pinv(G @ G.T) @ ...``: most gains of G are 0, those of pinv(G) are not. Sample by
    sample in the dtype of the upmix, so that blocks give the same as the whole, to the bit.

    Parameters
    ----------
    format : Layout or AmbisonicFormat
        Format of the upmix.
    matrix : ndarray, shape (1 or 2, channels)
        Result of `matrix_to_input`.

    Attributes
    ----------
    is_exact : bool
        False where the layout lacks loudspeakers on the left or on the right.
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
        matrix = matrix_to_input(format, channels)
        return None if matrix is None else cls(format, matrix)

    def apply(self, upmix: NDArray[Any], original: NDArray[Any]) -> NDArray[Any]:
        """Correct ``upmix`` in place and return it; a copy if it is read-only."""
        if not upmix.flags.writeable or np.may_share_memory(upmix, original):
            upmix = upmix.copy()
        for start in range(0, upmix.shape[1], SAMPLES_AT_ONCE):
            moment = slice(start, start + SAMPLES_AT_ONCE)
            self._apply(upmix[:, moment], original[:, moment])
        return upmix

    def _apply(self, upmix: NDArray[Any], original: NDArray[Any]) -> None:
        missing = original.mean(axis=0, keepdims=True) if self._mean else original.copy()
        product = np.empty_like(missing[0])
        for row, channel, gain in self._gains:
            missing[row] -= np.multiply(upmix[channel], gain, out=product)
        # Not @: the rounding of BLAS depends on how long a block is.
        shares = [
            sum(factor * signal for factor, signal in zip(factors, missing, strict=True))
            for factors in self._inverse
        ]
        for row, channel, gain in self._gains:
            upmix[channel] += np.multiply(shares[row], gain, out=product)
