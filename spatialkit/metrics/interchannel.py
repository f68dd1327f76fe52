"""Interchannel level and phase differences and coherence per bin, and correlation of a signal.

Pairs of channels are in the order of ``itertools.combinations(range(channels), 2)``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError
from spatialkit.metrics.inputs import as_signal, as_spectrum, in_blocks, unpack_signal
from spatialkit.stft import moving_sum
from spatialkit.validation import as_number

__all__ = ["correlation", "icc", "ild", "ipd"]


def correlation(audio: AudioLike[Any]) -> NDArray[np.float64]:
    r"""Calculate the correlation of each pair of channels, as correlation meters show it.

    .. math:: \frac{\sum_n x_i[n] x_j[n]}{\sqrt{\sum_n x_i^2[n] \sum_n x_j^2[n]}}, \quad i < j

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        At least two channels.

    Returns
    -------
    ndarray of float64, shape (...) or (..., pairs)
        -1 to 1: 1 for equal channels, 0 for unrelated ones, -1 for channels with opposite signs;
        NaN if a channel is silent. One value per item for two channels, one per pair for more.

    Raises
    ------
    ShapeError, SignalError
        If there are fewer than two channels, or a sample is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> float(correlation(np.array([[1.0, 0.0, -1.0, 0.0], [1.0, 1.0, -1.0, -1.0]])).round(3))
    0.707
    """
    signals = as_signal(unpack_signal(audio, None)[0])
    if signals.shape[-2] < 2:
        raise ShapeError(f"audio must have at least two channels, got shape {signals.shape}")
    peaks = np.abs(signals).max(axis=-1, keepdims=True, initial=0.0).astype(np.float64)
    scale = np.divide(1.0, peaks, out=np.zeros_like(peaks), where=peaks > 0.0)
    products = np.zeros((*signals.shape[:-1], signals.shape[-2]))
    for (block,) in in_blocks(signals):
        scaled = block * scale
        products += scaled @ scaled.swapaxes(-1, -2)
    norms = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    i, j = np.triu_indices(signals.shape[-2], 1)
    total = norms[..., i] * norms[..., j]
    found = np.full(total.shape, np.nan)
    np.divide(products[..., i, j], total, out=found, where=total > 0.0)
    found = np.clip(found, -1.0, 1.0)
    return found[..., 0] if signals.shape[-2] == 2 else found


def ild(spectrum: ArrayLike, *, floor_db: float = -60.0) -> NDArray[np.float64]:
    r"""Calculate the interchannel level difference (ILD) of each pair of channels.

    .. math:: 20 \log_{10} \frac{|S_i|}{|S_j|}, \quad i < j

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., channels, bins, frames)
        Spectrum as `spatialkit.stft` returns it, with at least two channels.
    floor_db : float
        Level in dB relative to the loudest bin of the item (over channels, bins and frames), at
        most 0. Magnitudes below it count as silence.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        dB; NaN where both channels are below the floor (everywhere for silence), infinite where
        only one of them is zero.

    Raises
    ------
    ShapeError, SignalError
        If the spectrum has fewer than two channels, is not complex or not finite.
    OptionError
        If ``floor_db`` is not accepted.

    References
    ----------
    C. Faller and F. Baumgarte, "Binaural cue coding - Part II: schemes and applications", IEEE
    Trans. Speech and Audio Processing 11(6), 2003.

    Examples
    --------
    >>> import numpy as np
    >>> left, right = np.full((2, 1, 1), 1.0 + 0.0j)
    >>> ild(np.stack([left, 0.1 * right])).ravel()
    array([20.])
    """
    power = _power(as_spectrum(spectrum, min_channels=2))
    quiet = _is_quiet(power, power, floor_db)
    i, j = np.triu_indices(power.shape[-3], 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        level = 10.0 * np.log10(power)
        difference = level[..., i, :, :] - level[..., j, :, :]
    difference[quiet[..., i, :, :] & quiet[..., j, :, :]] = np.nan
    return difference


def ipd(spectrum: ArrayLike, *, floor_db: float = -60.0) -> NDArray[np.float64]:
    r"""Calculate the interchannel phase difference (IPD) of each pair of channels.

    .. math:: \angle(S_i S_j^*), \quad i < j

    Parameters
    ----------
    spectrum, floor_db
        As for `ild`.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        Degrees in (-180, 180]; NaN where either channel is below the floor.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `ild`.

    References
    ----------
    J. Breebaart, S. van de Par, A. Kohlrausch and E. Schuijers, "Parametric coding of stereo
    audio", EURASIP J. Applied Signal Processing 2005(9).

    Examples
    --------
    >>> import numpy as np
    >>> ipd(np.array([1.0j, 1.0])[:, None, None]).ravel()
    array([90.])
    """
    array = as_spectrum(spectrum, min_channels=2).astype(np.complex128, copy=False)
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
    r"""Calculate the interchannel coherence (ICC) of each pair of channels.

    .. math:: \frac{|\sum S_i S_j^*|}{\sqrt{\sum |S_i|^2 \sum |S_j|^2}}, \quad i < j

    with sums over the neighbourhood of each bin.

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., channels, bins, frames)
        Spectrum with at least two channels.
    frames, bins : int or None
        Size of the neighbourhood over which is averaged, see `spatialkit.stft.moving_sum`. None
        averages over the whole axis, which then has length 1. Without averaging (both 1) every pair
        of channels has coherence 1.
    floor_db : float
        As for `ild`, applied to the root mean square of the magnitudes in the neighbourhood.

    Returns
    -------
    ndarray of float64, shape (..., pairs, bins, frames)
        0 to 1, without unit; NaN where either channel is below the floor.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `ild`; OptionError also if ``frames`` or ``bins`` is not accepted.

    References
    ----------
    J. Breebaart, S. van de Par, A. Kohlrausch and E. Schuijers, "Parametric coding of stereo
    audio", EURASIP J. Applied Signal Processing 2005(9).

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((2, 1, 500)) + 0j
    >>> mixed = np.stack([noise[0], noise[0] + noise[1]])
    >>> icc(mixed, frames=None).round(1).ravel()
    array([0.7])
    """
    array = as_spectrum(spectrum, min_channels=2).astype(np.complex128, copy=False)
    power = _power(array)
    terms = moving_sum(np.ones((1, *power.shape[-2:])), frames=frames, bins=bins)
    smooth = moving_sum(power, frames=frames, bins=bins)
    quiet = _is_quiet(smooth / np.maximum(terms, 1.0), power, floor_db)  # without bins 0
    i, j = np.triu_indices(array.shape[-3], 1)
    product = array[..., i, :, :] * array[..., j, :, :].conj()
    cross = moving_sum(product, frames=frames, bins=bins)
    whole = np.sqrt(smooth[..., i, :, :]) * np.sqrt(smooth[..., j, :, :])
    audible = ~(quiet[..., i, :, :] | quiet[..., j, :, :])
    coherence = np.full(cross.shape, np.nan)
    np.divide(np.abs(cross), whole, out=coherence, where=audible)
    return np.minimum(coherence, 1.0)


def _power(spectrum: NDArray[Any]) -> NDArray[np.float64]:
    return spectrum.real.astype(np.float64) ** 2 + spectrum.imag.astype(np.float64) ** 2


def _is_quiet(
    power: NDArray[np.float64], whole: NDArray[np.float64], floor_db: float
) -> NDArray[np.bool_]:
    """Return where ``power`` is zero or below the floor relative to the maximum of ``whole``."""
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    loudest = whole.max(axis=(-3, -2, -1), keepdims=True, initial=0.0)
    return (power < floor * loudest) | (power == 0.0)
