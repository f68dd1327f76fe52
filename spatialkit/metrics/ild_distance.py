"""Distances between the interchannel level differences (ILDs) of two signals."""

from __future__ import annotations

from collections.abc import Collection
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError, SignalError
from spatialkit.metrics.difference_distributions import DifferenceDistributions
from spatialkit.metrics.inputs import as_pair, require_channel_pairs, unpack_pair
from spatialkit.metrics.kernels import add_difference_errors
from spatialkit.metrics.paired_spectra import PairedSpectra, SpectralMetric
from spatialkit.validation import as_choice, as_count, as_number, as_numbers, require_finite

__all__ = ["WildMethod", "ild_error", "wasserstein_distance", "wild"]

# Ways to compute `wild`.
WildMethod = Literal["exact", "histogram"]

DECIBELS_PER_NEPER = 20.0 / np.log(10.0)


def wild(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
    method: WildMethod = "exact",
    bin_db: float = 0.1,
) -> NDArray[np.float64]:
    r"""Calculate the Wasserstein distance of the ILDs of two signals (WILD), summed over pairs.

    .. math:: \sum_{i < j} W_1(L_{ij}, M_{ij}), \quad
        L_{ij} = 20 \log_{10} \frac{\max(|S_i|, f)}{\max(|S_j|, f)}

    where :math:`W_1` is the 1-Wasserstein distance between the distributions over all bins of the
    ILDs of the reference, :math:`L_{ij}`, and of the estimate, :math:`M_{ij}`. Magnitudes of both
    signals are limited from below to the floor :math:`f` (``floor_db`` relative to the loudest bin
    of the reference item), magnitudes of ILDs to ``clip_db``; no bin is omitted or weighted. The
    floor influences the value more than all other parameters: compare only values with equal
    floors.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples)
        Signals with at least two channels; their lengths may differ.
    n_fft, hop : int
        Size and hop of the Hann-windowed transform in samples, see `spatialkit.stft`.
    floor_db : float
        Floor in dB relative to the loudest bin of the reference item, at most 0. It determines from
        which level on sound counts: two channels below it have an ILD of 0, and a channel below it
        has the ILD of the other one relative to the floor. With -60, leakage into a silent channel
        that is 60 dB below the loudest bin does not count; with -90 it is an ILD of up to 30 dB.
    clip_db : float
        Limit of the magnitude of an ILD in dB, at least 0.001. No ILD exceeds ``-floor_db`` unless
        the estimate is louder than the reference, so that a larger limit has hardly an effect; a
        smaller one makes silent channels count less.
    method : {"exact", "histogram"}
        "exact" rounds ILDs to 1.4e-5 dB and loses up to 2e-5 dB per pair of channels where both
        distributions nearly coincide, with the default clip and up to six channels; "histogram"
        counts ILDs in bins of ``bin_db`` with less memory. The memory of neither depends on the
        length of the signals.
    bin_db : float
        Bin width of the histogram in dB, at least 0.001; about the maximum error per pair.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; 0 for equal distributions, NaN where the reference is silent (also if both are).

    Raises
    ------
    ShapeError
        If the shapes differ other than in length, or there are fewer than two channels.
    SignalError, OptionError
        If a sample is NaN or infinite, or an option is not accepted.

    References
    ----------
    H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
    spatial images and musical content", ICASSP 2022.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 4000))
    >>> float(wild(stereo, stereo))
    0.0
    >>> float(wild(stereo, stereo * [[1.0], [2.0]]).round(2))
    6.02
    """
    method = as_choice(method, "method", get_args(WildMethod))
    bin_db = as_number(bin_db, "bin_db", minimum=1e-3, unit="dB")
    return _measured(
        *(reference, estimate, "wild", n_fft, hop, floor_db, clip_db),
        None if method == "exact" else bin_db,
    )


def ild_error(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
) -> NDArray[np.float64]:
    r"""Calculate the mean absolute error of the interchannel level differences (ILDs).

    .. math:: \mathrm{mean} |L_{ij} - M_{ij}|

    with the ILDs of the reference, :math:`L_{ij}`, and of the estimate, :math:`M_{ij}`, limited as
    in `wild`. The mean runs over all pairs of channels and over those bins in which at least one
    channel of the pair is above the floor in the reference.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples)
        Signals of equal shape with at least two channels.
    n_fft, hop, floor_db, clip_db
        As for `wild`.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; 0 for equal ILDs, NaN where the reference is silent.

    Raises
    ------
    ShapeError
        If the shapes differ, or there are fewer than two channels.
    SignalError, OptionError
        If a sample is NaN or infinite, or an option is not accepted.

    References
    ----------
    H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
    spatial images and musical content", ICASSP 2022; the limits are those of `wild`.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 4000))
    >>> float(ild_error(stereo, stereo * [[1.0], [2.0]]).round(1))
    6.0
    """
    return _measured(reference, estimate, "ild_error", n_fft, hop, floor_db, clip_db)


def wasserstein_distance(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    r"""Calculate the exact 1-Wasserstein (earth mover's) distance between two sets of values.

    .. math:: W_1(a, b) = \int_0^1 |F_a^{-1}(q) - F_b^{-1}(q)| \, dq

    with the empirical quantile functions :math:`F^{-1}`.

    Parameters
    ----------
    a, b : array_like of float, shapes (..., n) and (..., m)
        Finite values along the last axis, in any order; at least one each.

    Returns
    -------
    ndarray of float64, shape (...)
        Distance in the unit of the values; 0 for equal sets.

    Raises
    ------
    ShapeError
        If a set is empty, or the shapes differ other than in the last axis.
    SignalError
        If a value is NaN or infinite.

    References
    ----------
    C. Villani, "Topics in Optimal Transportation", AMS, 2003, section 2.2 (one dimension).

    Examples
    --------
    >>> float(wasserstein_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]))
    5.0
    >>> float(wasserstein_distance([0.0, 1.0], [0.0]))
    0.5
    """
    first, second = (
        require_finite(np.atleast_1d(as_numbers(samples, name, SignalError)), name)
        for samples, name in ((a, "a"), (b, "b"))
    )
    if first.shape[:-1] != second.shape[:-1] or 0 in (first.shape[-1], second.shape[-1]):
        raise ShapeError(
            "a and b must have at least one value each and equal shapes except for the last axis, "
            f"got {first.shape} and {second.shape}"
        )
    return _sorted_distance(np.sort(first, axis=-1), np.sort(second, axis=-1))


def _measured(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    name: str,
    n_fft: int,
    hop: int,
    floor_db: float,
    clip_db: float,
    bin_db: float | None = None,
) -> NDArray[np.float64]:
    """Return "wild" or "ild_error" of each item, by histograms if ``bin_db`` is not None."""
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second = as_pair(samples, others, same_length=name != "wild")
    require_channel_pairs(first)
    limits = (
        as_number(floor_db, "floor_db", maximum=0.0),
        as_number(clip_db, "clip_db", minimum=1e-3, unit="dB"),
    )
    sizes = as_count(n_fft, "n_fft"), as_count(hop, "hop")
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        spectra = PairedSpectra(first[item], second[item], *sizes)
        metric: SpectralMetric = (
            LevelDifferences(spectra, (name,), *limits)
            if bin_db is None
            else _LevelHistograms(spectra, *limits, bin_db)
        )
        result[item] = spectra.measure(metric)[name]
    return result[()]


class LevelDifferences:
    """`wild` by its exact method, `ild_error`, or both, of one item.

    Level differences are float32 in nepers, which are computed four times as fast as float64
    decibels. The rounding error of a bin, about 1e-6 dB, averages out over all bins.

    Parameters
    ----------
    spectra : PairedSpectra
        Spectra of at least two channels, and of equal length for "ild_error".
    names : collection of {"wild", "ild_error"}
    floor_db, clip_db : float
        As for `wild`.
    """

    double = False

    def __init__(
        self,
        spectra: PairedSpectra,
        names: Collection[str],
        floor_db: float = -60.0,
        clip_db: float = 60.0,
    ) -> None:
        self._names, self._floor = names, _floor(spectra, floor_db)
        self._clip = clip_db / DECIBELS_PER_NEPER
        self._totals = np.zeros(2)
        if self._floor and "wild" in names:
            self._distributions = DifferenceDistributions(
                spectra.channels, spectra.values, self._clip
            )

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks (channels, frames, bins)."""
        if not self._floor:
            return
        levels = [_levels(each, self._floor) for each in (reference, estimate)]
        if "ild_error" in self._names:
            add_difference_errors(*levels, self._clip, self._totals)
        if "wild" in self._names:
            for signal, level in enumerate(levels):
                self._distributions.add(signal, level)

    def results(self) -> dict[str, float]:
        """Return the values in dB by name, NaN where the reference is silent."""
        found = dict.fromkeys(self._names, np.nan)
        if self._floor and "wild" in self._names:
            found["wild"] = DECIBELS_PER_NEPER * float(self._distributions.distances().sum())
        if self._totals[1]:
            found["ild_error"] = DECIBELS_PER_NEPER * self._totals[0] / self._totals[1]
        return found


class _LevelHistograms:
    """`wild` of one item from histograms of level differences with bins of ``bin_db``."""

    double = False

    def __init__(
        self, spectra: PairedSpectra, floor_db: float, clip_db: float, bin_db: float
    ) -> None:
        self._floor, self._clip = _floor(spectra, floor_db), clip_db / DECIBELS_PER_NEPER
        self._bin_db, self._width = bin_db, np.float32(bin_db / DECIBELS_PER_NEPER)
        self._half = int(np.ceil(self._clip / (bin_db / DECIBELS_PER_NEPER)))
        self._pairs = list(combinations(range(spectra.channels), 2))
        self._histograms = np.zeros((2, len(self._pairs), 2 * self._half + 1))

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks (channels, frames, bins)."""
        if not self._floor:
            return
        for histogram, spectrum in zip(self._histograms, (reference, estimate), strict=True):
            levels = _levels(spectrum, self._floor)
            for counts, (i, j) in zip(histogram, self._pairs, strict=True):
                differences = np.clip(levels[i] - levels[j], -self._clip, self._clip)
                nearest = np.rint(differences / self._width).astype(np.intp)
                counts += np.bincount(nearest + self._half, minlength=counts.size)

    def results(self) -> dict[str, float]:
        """Return the value in dB, NaN where the reference is silent."""
        if not self._floor:
            return {"wild": np.nan}
        first, second = (each / each[0].sum() for each in self._histograms)
        area = np.abs(np.cumsum(first - second, axis=-1)).sum()
        return {"wild": float(self._bin_db * area)}


def _floor(spectra: PairedSpectra, floor_db: float) -> np.floating[Any]:
    """Return the smallest magnitude that counts, 0 where the reference is silent."""
    loudest = spectra.loudest
    if not loudest:
        return loudest
    return max(10.0 ** (floor_db / 20.0) * loudest, np.finfo(loudest.dtype).smallest_subnormal)


def _levels(spectrum: NDArray[Any], floor: np.floating[Any]) -> NDArray[np.float32]:
    """Return the levels (channels, values) of bins above the floor in nepers.

    The floor itself is exactly 0: a rounding error would be equal in all bins that it limits, and
    would not average out.
    """
    magnitude = np.abs(spectrum)
    with np.errstate(over="ignore"):  # 770 dB above the floor are enough
        np.divide(magnitude, floor, out=magnitude)
    np.clip(magnitude, 1.0, np.finfo(np.float32).max, out=magnitude)
    levels = magnitude.astype(np.float32, copy=False).reshape(len(magnitude), -1)
    return np.log(levels, out=levels)


def _sorted_distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    n, m = a.shape[-1], b.shape[-1]
    if n == m:
        return np.mean(np.abs(a - b), axis=-1, dtype=np.float64)
    # Both quantile functions are constant between two neighbouring multiples of 1/n and 1/m. In
    # units of 1/(n m) these edges are whole numbers.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    start = edges[:-1]
    differences = np.abs(a[..., start // m].astype(np.float64) - b[..., start // n])
    return differences @ (np.diff(edges) / (n * m))
