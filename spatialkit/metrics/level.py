"""What lies between two channels: level and phase differences, coherence, and their statistics.

ILD is the level difference of two channels in dB, IPD their phase difference in degrees, ICC
their coherence; each per bin of a spectrum and pair of channels. Pairs come in the order of
``itertools.combinations(range(channels), 2)``. WILD is the 1-Wasserstein distance between the
ILDs of two signals, summed over the pairs [1]_.

References
----------
.. [1] Y. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
   spatial images and musical content", ICASSP 2022.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.metrics.inputs import as_pair, as_spectrum
from spatialkit.stft import StreamingSTFT, moving_sum
from spatialkit.validation import as_choice, as_number, require_finite

__all__ = ["icc", "ild", "ild_error", "ipd", "wasserstein_distance", "wild"]

FRAMES_AT_ONCE = 64
# One neper.
DECIBELS = 20.0 / np.log(10.0)


def ild(spectrum: ArrayLike, *, floor_db: float = -60.0) -> NDArray[np.float64]:
    """Interchannel level differences, ``20 log10 |i|/|j|`` of channels i before j.

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., channels, bins, frames)
        As `spatialkit.stft` returns it, of two channels or more.
    floor_db : float
        dB relative to the loudest bin of the item (over its channels, bins and frames), 0 or
        less. Below it a magnitude counts as silence.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        dB; NaN where both channels are below the floor, infinite where one of them is zero.

    Examples
    --------
    >>> import numpy as np
    >>> left, right = np.full((2, 1, 1), 1.0 + 0.0j)
    >>> ild(np.stack([left, 0.1 * right])).ravel()
    array([20.])
    """
    power = _power(as_spectrum(spectrum, least_channels=2))
    quiet = _is_quiet(power, power, floor_db)
    i, j = np.triu_indices(power.shape[-3], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10.0 * np.log10(power)
        difference = level[..., i, :, :] - level[..., j, :, :]
    difference[quiet[..., i, :, :] & quiet[..., j, :, :]] = np.nan
    return difference


def ipd(spectrum: ArrayLike, *, floor_db: float = -60.0) -> NDArray[np.float64]:
    """Interchannel phase differences, the phase of i less that of j, of channels i before j.

    Parameters
    ----------
    spectrum, floor_db
        As for `ild`.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        Degrees in (-180, 180]; NaN where either channel is below the floor.

    Examples
    --------
    >>> import numpy as np
    >>> ipd(np.array([1.0j, 1.0])[:, None, None]).ravel()
    array([90.])
    """
    array = as_spectrum(spectrum, least_channels=2).astype(np.complex128, copy=False)
    power = _power(array)
    quiet = _is_quiet(power, power, floor_db)
    i, j = np.triu_indices(array.shape[-3], 1)
    difference = np.angle(array[..., i, :, :] * array[..., j, :, :].conj(), deg=True)
    difference[difference == -180.0] = 180.0
    difference[quiet[..., i, :, :] | quiet[..., j, :, :]] = np.nan
    return difference


def icc(
    spectrum: ArrayLike,
    *,
    frames: int | None = 9,
    bins: int | None = 1,
    floor_db: float = -60.0,
) -> NDArray[np.float64]:
    """Interchannel coherence: magnitude of the normalized cross-spectrum, averaged over a span.

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., channels, bins, frames)
        Of two channels or more.
    frames, bins : int or None
        Span of the average, centred on each bin; at the edges the part that exists. None
        averages over all of them. Without an average (both 1) any two channels are coherent.
    floor_db : float
        As for `ild`, of the mean magnitude (root mean square) over the span.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        0 to 1; NaN where either channel is below the floor. An axis averaged as a whole has
        length 1.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 1, 500)) + 0j
    >>> mixed = np.stack([noise[0], noise[0] + noise[1]])
    >>> icc(mixed, frames=None).round(1).ravel()
    array([0.7])
    """
    array = as_spectrum(spectrum, least_channels=2).astype(np.complex128, copy=False)
    power = _power(array)
    terms = moving_sum(np.ones((1, *power.shape[-2:])), frames=frames, bins=bins)
    smooth = moving_sum(power, frames=frames, bins=bins)
    quiet = _is_quiet(smooth / terms, power, floor_db)
    i, j = np.triu_indices(array.shape[-3], 1)
    product = array[..., i, :, :] * array[..., j, :, :].conj()
    cross = moving_sum(product, frames=frames, bins=bins)
    whole = np.sqrt(smooth[..., i, :, :]) * np.sqrt(smooth[..., j, :, :])
    heard = ~(quiet[..., i, :, :] | quiet[..., j, :, :])
    coherence = np.full(cross.shape, np.nan)
    np.divide(np.abs(cross), whole, out=coherence, where=heard)
    return np.minimum(coherence, 1.0)


def wild(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
    method: str = "exact",
    bin_db: float = 0.1,
) -> NDArray[np.float64]:
    """Wasserstein distance of the interchannel level differences, summed over pairs of channels.

    Magnitudes of both signals are limited from below to ``floor_db`` under the loudest bin of
    the reference item, their ILDs to +-``clip_db``; no bin is dropped, none is weighted. The
    floor moves the number more than anything else: compare only what was measured with one
    floor.

    Parameters
    ----------
    reference, estimate : array_like of float, shape (..., channels, samples)
        Of two channels or more; their lengths may differ.
    n_fft, hop : int
        Of the Hann-windowed transform, see `spatialkit.stft`.
    floor_db : float
        dB relative to the loudest bin of the reference item, 0 or less.
    clip_db : float
        Largest ILD, dB, more than 0.
    method : {"exact", "histogram"}
        "exact" sorts all ILDs and holds 8 bytes per bin of both spectra; "histogram" counts them
        and needs little memory however long the signals are.
    bin_db : float
        Width of the histogram's bins, dB, at least 0.001; about the largest error per pair.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; 0 for equal distributions, NaN where the reference is silent.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 4000))
    >>> float(wild(stereo, stereo))
    0.0
    >>> float(wild(stereo, stereo * [[1.0], [2.0]]).round(2))
    6.02
    """
    first, second = as_pair(reference, estimate, same_length=False)
    _require_pairs(first)
    method = as_choice(method, "method", ("exact", "histogram"))
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    clip_db = as_number(clip_db, "clip_db", minimum=1e-3, unit="dB")
    bin_db = as_number(bin_db, "bin_db", minimum=1e-3, unit="dB")
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        bins = _Bins(n_fft, hop, floor_db, clip_db)
        if method == "exact":
            result[item] = bins.exact_wild(first[item], second[item])
        else:
            result[item] = bins.histogram_wild(first[item], second[item], bin_db)
    return result[()]


def ild_error(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
) -> NDArray[np.float64]:
    """Mean absolute difference of both signals' level differences, bin by bin.

    Magnitudes and ILDs are limited as in `wild`. The mean runs over all pairs of channels and
    those bins in which the reference has one of the two channels above the floor.

    Parameters
    ----------
    reference, estimate : array_like of float, shape (..., channels, samples)
        Of one shape, with two channels or more.
    n_fft, hop, floor_db, clip_db
        As for `wild`.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; NaN where the reference is silent.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 4000))
    >>> float(ild_error(stereo, stereo * [[1.0], [2.0]]).round(1))
    6.0
    """
    first, second = as_pair(reference, estimate)
    _require_pairs(first)
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    clip_db = as_number(clip_db, "clip_db", minimum=1e-3, unit="dB")
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        result[item] = _Bins(n_fft, hop, floor_db, clip_db).mean_error(first[item], second[item])
    return result[()]


def wasserstein_distance(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """1-Wasserstein (earth mover's) distance between two sets of samples, exact.

    Parameters
    ----------
    a, b : array_like of float, shapes (..., n) and (..., m)
        Samples along the last axis, in any order, at least one each, finite.

    Returns
    -------
    ndarray of float64, shape (...)
        In the samples' unit.

    Examples
    --------
    >>> float(wasserstein_distance([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]))
    5.0
    >>> float(wasserstein_distance([0.0, 1.0], [0.0]))
    0.5
    """
    first, second = (
        require_finite(np.atleast_1d(np.asarray(samples, dtype=np.float64)), name)
        for samples, name in ((a, "a"), (b, "b"))
    )
    if first.shape[:-1] != second.shape[:-1] or 0 in (first.shape[-1], second.shape[-1]):
        raise ShapeError(
            "a and b must hold at least one sample and have the same axes but the last, got "
            f"{first.shape} and {second.shape}"
        )
    return _sorted_distance(np.sort(first, axis=-1), np.sort(second, axis=-1))


class _Bins:
    """Level differences of whole items (channels, samples), as `wild` defines them.

    They are float32 and in nepers: twice as fast to sort and four times as fast to compute as
    float64 decibels. What rounding does to a bin, some 1e-6 dB, the mean over all bins undoes.
    """

    def __init__(self, n_fft: int, hop: int, floor_db: float, clip_db: float) -> None:
        self.n_fft, self.hop = n_fft, hop
        self.floor = 10.0 ** (floor_db / 20.0)
        self.clip = clip_db / DECIBELS

    def exact_wild(self, reference: NDArray[Any], estimate: NDArray[Any]) -> float:
        first, second = (
            np.concatenate(list(self._magnitudes(audio)), axis=1) for audio in (reference, estimate)
        )
        loudest = first.max(initial=0.0)
        if loudest == 0.0:
            return np.nan
        first, second = (self._to_level(magnitude, loudest) for magnitude in (first, second))
        total = 0.0
        for i, j in combinations(range(len(first)), 2):
            a, b = self._difference(first, i, j), self._difference(second, i, j)
            a.sort()
            b.sort()
            total += float(_sorted_distance(a, b))
        return DECIBELS * total

    def histogram_wild(
        self, reference: NDArray[Any], estimate: NDArray[Any], bin_db: float
    ) -> float:
        loudest = self._loudest(reference)
        if loudest == 0.0:
            return np.nan
        pairs = list(combinations(range(len(reference)), 2))
        width = bin_db / DECIBELS
        half = int(np.ceil(self.clip / width))
        shares = np.zeros((2, len(pairs), 2 * half + 1))
        for share, audio in zip(shares, (reference, estimate), strict=True):
            for magnitude in self._magnitudes(audio):
                level = self._to_level(magnitude, loudest)
                for counts, (i, j) in zip(share, pairs, strict=True):
                    nearest = np.rint(self._difference(level, i, j) / np.float32(width))
                    counts += np.bincount(nearest.astype(np.intp) + half, minlength=counts.size)
            share /= share[0].sum()
        return float(bin_db * np.abs(np.cumsum(shares[0] - shares[1], axis=-1)).sum())

    def mean_error(self, reference: NDArray[Any], estimate: NDArray[Any]) -> float:
        loudest = self._loudest(reference)
        if loudest == 0.0:
            return np.nan
        total, count = 0.0, 0
        for a, b in zip(self._magnitudes(reference), self._magnitudes(estimate), strict=True):
            a, b = self._to_level(a, loudest), self._to_level(b, loudest)
            for i, j in combinations(range(len(a)), 2):
                either = np.maximum(a[i], a[j]).ravel() > 0.0
                error = np.abs(self._difference(a, i, j) - self._difference(b, i, j))
                total += float(np.sum(error, where=either, dtype=np.float64))
                count += int(np.count_nonzero(either))
        return DECIBELS * total / count

    def _magnitudes(self, audio: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
        """Blocks (channels, frames, bins) of the spectrum's magnitudes."""
        transform = StreamingSTFT(n_fft=self.n_fft, hop=self.hop)
        step = FRAMES_AT_ONCE * self.hop
        for start in range(0, audio.shape[-1], step):
            yield _magnitude(transform.process(audio[:, start : start + step]))
        transform.process(audio[:, :0])  # says the shape if there was no sample
        yield _magnitude(transform.flush())

    def _loudest(self, audio: NDArray[Any]) -> np.float32:
        return max(magnitude.max(initial=0.0) for magnitude in self._magnitudes(audio))

    def _to_level(self, magnitude: NDArray[np.float32], loudest: np.float32) -> NDArray[np.float32]:
        """Levels over the floor in place of the magnitudes.

        The floor is 0 exactly: any rounding of it would be the same in all the bins that it limits.
        """
        np.divide(magnitude, self.floor * loudest, out=magnitude)
        np.maximum(magnitude, 1.0, out=magnitude)
        return np.log(magnitude, out=magnitude)

    def _difference(self, level: NDArray[np.float32], i: int, j: int) -> NDArray[np.float32]:
        difference = np.subtract(level[i], level[j]).ravel()
        return np.clip(difference, -self.clip, self.clip, out=difference)


def _sorted_distance(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    n, m = a.shape[-1], b.shape[-1]
    if n == m:
        return np.mean(np.abs(a - b), axis=-1, dtype=np.float64)
    # Between two neighbouring multiples of 1/n and 1/m both quantile functions are constant;
    # in units of 1/(n m) these edges are whole numbers.
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    start = edges[:-1]
    apart = np.abs(a[..., start // m].astype(np.float64) - b[..., start // n])
    return apart @ (np.diff(edges) / (n * m))


def _magnitude(spectrum: NDArray[Any]) -> NDArray[np.float32]:
    return np.abs(spectrum.swapaxes(-1, -2)).astype(np.float32, copy=False)


def _power(spectrum: NDArray[Any]) -> NDArray[np.float64]:
    return spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2


def _is_quiet(
    power: NDArray[np.float64], whole: NDArray[np.float64], floor_db: float
) -> NDArray[np.bool_]:
    """Where ``power`` is zero or below the floor under the loudest bin of ``whole``."""
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    loudest = whole.max(axis=(-3, -2, -1), keepdims=True, initial=0.0)
    return (power < floor * loudest) | (power == 0.0)


def _require_pairs(audio: NDArray[Any]) -> None:
    if audio.shape[-2] < 2:
        raise ShapeError(
            f"level differences need two channels or more, (..., channels, samples), "
            f"got {audio.shape}"
        )
