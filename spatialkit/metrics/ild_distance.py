"""Distances between the interchannel level differences (ILDs) of two signals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import combinations, zip_longest
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError, SignalError
from spatialkit.metrics.difference_distributions import DifferenceDistributions
from spatialkit.metrics.inputs import as_pair, require_channel_pairs, unpack_pair
from spatialkit.metrics.kernels import add_difference_errors
from spatialkit.stft import StreamingSTFT
from spatialkit.validation import as_choice, as_count, as_number, as_numbers, require_finite

__all__ = ["WildMethod", "ild_error", "wasserstein_distance", "wild"]

# Ways to compute `wild`.
WildMethod = Literal["exact", "histogram"]

FRAMES_PER_BLOCK = 64
# Magnitudes of a reference that are kept until its loudest bin is known, instead of a second
# transform (4 bytes each): 29 s with six channels at 48 kHz.
MAX_KEPT_VALUES = 1 << 24
SMALLEST = np.finfo(np.float32).smallest_subnormal
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
    options: dict[str, Any] = {"n_fft": n_fft, "hop": hop, "floor_db": floor_db, "clip_db": clip_db}
    if method == "exact":
        return level_differences(reference, estimate, ("wild",), **options)["wild"]
    first, second, differences = _prepare(reference, estimate, same_length=False, **options)
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        result[item] = differences.histogram_wild(first[item], second[item], bin_db)
    return result[()]


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
    options = {"n_fft": n_fft, "hop": hop, "floor_db": floor_db, "clip_db": clip_db}
    return level_differences(reference, estimate, ("ild_error",), **options)["ild_error"]


def level_differences(
    reference: AudioLike[Any], estimate: AudioLike[Any], names: Collection[str], **options: Any
) -> dict[str, NDArray[np.float64]]:
    """Calculate `wild` by its exact method, `ild_error`, or both from the same spectra.

    Parameters
    ----------
    reference, estimate
        As for `wild`; signals of equal length for "ild_error".
    names : collection of {"wild", "ild_error"}
    **options
        Those of `ild_error`.

    Returns
    -------
    dict of str to ndarray of float64, shape (...)
        Value in dB by name.
    """
    first, second, differences = _prepare(
        reference, estimate, same_length="ild_error" in names, **options
    )
    result = {name: np.full(first.shape[:-2], np.nan) for name in names}
    for item in np.ndindex(first.shape[:-2]):
        for name, value in differences.compare(first[item], second[item], names).items():
            result[name][item] = value
    return {name: values[()] for name, values in result.items()}


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


def _prepare(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    same_length: bool,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
) -> tuple[NDArray[Any], NDArray[Any], _LevelDifferences]:
    """Return both signals and their comparison after checking all arguments."""
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second = as_pair(samples, others, same_length=same_length)
    require_channel_pairs(first)
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    clip_db = as_number(clip_db, "clip_db", minimum=1e-3, unit="dB")
    return first, second, _LevelDifferences(n_fft, hop, floor_db, clip_db)


class _LevelDifferences:
    """Level differences of whole items (channels, samples), as `wild` defines them.

    They are float32 in nepers, which are sorted twice as fast and computed four times as fast as
    float64 decibels. The rounding error of a bin, about 1e-6 dB, averages out over all bins.
    """

    def __init__(self, n_fft: int, hop: int, floor_db: float, clip_db: float) -> None:
        self.n_fft, self.hop = as_count(n_fft, "n_fft"), as_count(hop, "hop")
        self.floor = 10.0 ** (floor_db / 20.0)
        self.clip = clip_db / DECIBELS_PER_NEPER

    def compare(
        self, reference: NDArray[Any], estimate: NDArray[Any], names: Collection[str]
    ) -> dict[str, float]:
        """Calculate `wild` and `ild_error` of one item from all level differences."""
        channels, bins = len(reference), self.n_fft // 2 + 1
        values = bins * (max(reference.shape[1], estimate.shape[1]) // self.hop + 1)
        first: Iterable[NDArray[np.float32]] = self._magnitudes(reference)
        if channels * values <= MAX_KEPT_VALUES:
            first = list(first)
        loudest = _loudest(first)
        if loudest == 0.0:
            return {}
        if not isinstance(first, list):
            first = self._magnitudes(reference)
        distributions = DifferenceDistributions(channels, values, self.clip)
        totals = np.zeros(2)
        for pair in zip_longest(first, self._magnitudes(estimate)):
            levels = [
                None if each is None else self._to_level(each, loudest).reshape(channels, -1)
                for each in pair
            ]
            if "ild_error" in names:
                add_difference_errors(*levels, float(self.clip), totals)
            if "wild" in names:
                for signal, level in enumerate(levels):
                    if level is not None:
                        distributions.add(signal, level)
        found = {}
        if "wild" in names:
            found["wild"] = DECIBELS_PER_NEPER * float(distributions.distances().sum())
        if "ild_error" in names and totals[1]:
            found["ild_error"] = DECIBELS_PER_NEPER * totals[0] / totals[1]
        return found

    def histogram_wild(
        self, reference: NDArray[Any], estimate: NDArray[Any], bin_db: float
    ) -> float:
        """Calculate `wild` of one item from histograms of level differences."""
        loudest = _loudest(self._magnitudes(reference))
        if loudest == 0.0:
            return np.nan
        pairs = list(combinations(range(len(reference)), 2))
        width = bin_db / DECIBELS_PER_NEPER
        half = int(np.ceil(self.clip / width))
        histograms = np.zeros((2, len(pairs), 2 * half + 1))
        for histogram, audio in zip(histograms, (reference, estimate), strict=True):
            for magnitude in self._magnitudes(audio):
                level = self._to_level(magnitude, loudest)
                for counts, (i, j) in zip(histogram, pairs, strict=True):
                    nearest = np.rint(self._difference(level, i, j) / np.float32(width))
                    counts += np.bincount(nearest.astype(np.intp) + half, minlength=counts.size)
            histogram /= histogram[0].sum()
        return float(bin_db * np.abs(np.cumsum(histograms[0] - histograms[1], axis=-1)).sum())

    def _magnitudes(self, audio: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        """Yield blocks (channels, frames, bins) of the magnitudes of the spectrum."""
        transform = StreamingSTFT(n_fft=self.n_fft, hop=self.hop)
        step = FRAMES_PER_BLOCK * self.hop
        for start in range(0, audio.shape[-1], step):
            yield _magnitude(transform.process(audio[:, start : start + step]))
        transform.process(audio[:, :0])  # sets the shape if there were no samples
        yield _magnitude(transform.flush())

    def _to_level(self, magnitude: NDArray[np.float32], loudest: np.float32) -> NDArray[np.float32]:
        """Replace magnitudes by levels above the floor in nepers.

        The floor itself is exactly 0: a rounding error would be equal in all bins that it limits,
        and would not average out.
        """
        with np.errstate(over="ignore"):  # 770 dB above the floor are enough
            np.divide(magnitude, max(self.floor * loudest, SMALLEST), out=magnitude)
        np.clip(magnitude, 1.0, np.finfo(np.float32).max, out=magnitude)
        return np.log(magnitude, out=magnitude)

    def _difference(self, level: NDArray[np.float32], i: int, j: int) -> NDArray[np.float32]:
        difference = np.subtract(level[i], level[j]).ravel()
        return np.clip(difference, -self.clip, self.clip, out=difference)


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


def _loudest(magnitudes: Iterable[NDArray[np.float32]]) -> np.float32:
    return max(magnitude.max(initial=0.0) for magnitude in magnitudes)


def _magnitude(spectrum: NDArray[Any]) -> NDArray[np.float32]:
    return np.abs(spectrum.swapaxes(-1, -2)).astype(np.float32, copy=False)
