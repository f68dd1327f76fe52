"""Level of an estimate in channels that are silent in the reference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.metrics.inputs import as_pair, require_channel_pairs, unpack_pair
from spatialkit.metrics.kernels import add_leakage
from spatialkit.metrics.paired_spectra import PairedSpectra
from spatialkit.validation import as_count, as_number

__all__ = ["leakage"]


def leakage(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
) -> NDArray[np.float64]:
    r"""Calculate the level of the estimate in channels that are silent in the reference.

    .. math:: 10 \log_{10} \frac{\sum_{(c, b, k) \in Q} |E_{cbk}|^2}{\sum |E_{cbk}|^2}, \quad
        Q = \{(c, b, k): |S_{cbk}| < f \max_d |S_{dbk}|\}

    with the spectra of the reference, :math:`S`, and of the estimate, :math:`E`. A channel c is
    silent in bin b of frame k where its magnitude is below the floor :math:`f` (``floor_db``)
    relative to the loudest channel of the same bin. Bins in which all channels of the reference
    are zero do not count. Unlike `wild`, which compares distributions, the value is an energy: it
    is dominated by loud leakage, and independent of what the other channels contain.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples)
        Signals of equal shape with at least two channels.
    n_fft, hop : int
        Size and hop of the Hann-windowed transform in samples, see `spatialkit.stft`.
    floor_db : float
        Floor in dB relative to the loudest channel of each bin, at most 0.

    Returns
    -------
    ndarray of float64, shape (...)
        dB, 0 or less; -inf without leakage. NaN where the reference or the estimate is silent.

    Raises
    ------
    ShapeError
        If the shapes differ, or there are fewer than two channels.
    SignalError, OptionError
        If a sample is NaN or infinite, or an option is not accepted.

    References
    ----------
    Definition of this package; the spectra are those of `wild`.

    Examples
    --------
    >>> import numpy as np
    >>> voice = np.random.default_rng(0).standard_normal(8000)
    >>> left = np.stack([voice, 0.0 * voice])
    >>> float(leakage(left, np.stack([voice, 0.01 * voice])).round(1))
    -40.0
    """
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second = as_pair(samples, others)
    require_channel_pairs(first)
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    sizes = as_count(n_fft, "n_fft"), as_count(hop, "hop")
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        spectra = PairedSpectra(first[item], second[item], *sizes)
        result[item] = spectra.measure(Leakage(spectra, floor_db))["leakage"]
    return result[()]


class Leakage:
    """`leakage` of one item.

    Parameters
    ----------
    spectra : PairedSpectra
        Spectra of at least two channels, and of equal length.
    floor_db : float
        As for `leakage`.
    """

    double = False

    def __init__(self, spectra: PairedSpectra, floor_db: float = -60.0) -> None:
        self._floor = 10.0 ** (floor_db / 10.0)
        self._loudest, self._sums = np.empty(spectra.bins), np.zeros(2)

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks (channels, frames, bins)."""
        add_leakage(reference, estimate, self._floor, self._loudest, self._sums)

    def results(self) -> dict[str, float]:
        """Return the value in dB, NaN where a signal is silent."""
        leaked, total = self._sums.tolist()
        if not total:
            return {"leakage": math.nan}
        ratio = leaked / total
        return {"leakage": 10.0 * math.log10(ratio) if ratio else -math.inf}
