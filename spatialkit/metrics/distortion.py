"""Energy ratios between a reference and its error: SNR, SD-SDR, SI-SDR and downmix SNR.

Each is a ratio in dB of a target to an error, for the reference :math:`s` and the estimate
:math:`e` [1]_:

- SNR: :math:`|s|^2 / |s - e|^2`, sensitive to level and polarity;
- SD-SDR: :math:`|a s|^2 / |s - e|^2` with :math:`a = <e, s> / |s|^2`, more sensitive to level;
- SI-SDR: :math:`|a s|^2 / |a s - e|^2`, insensitive to level *and to polarity*.

No mean is removed. By default the sums run over samples and channels, with one a for all channels,
so that level errors between channels count; with ``per_channel`` each channel has its own ratio
and a. A silent reference gives NaN; a silent estimate gives an SNR of 0 dB and -inf for the other
ratios; equal signals give +inf.

References
----------
.. [1] J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?",
   ICASSP 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, require_equal_rates
from spatialkit.downmix import DownmixMethod, downmix
from spatialkit.errors import LayoutError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.metrics.inputs import (
    as_products,
    as_signal,
    products,
    unpack_pair,
    unpack_signal,
)

__all__ = ["downmix_error", "sd_sdr", "si_sdr", "snr"]

# Residual energy of `si_sdr` relative to that of the estimate (60 dB) below which a difference of
# energies is not exact to 1e-8 dB.
SMALLEST_RESIDUAL = 1e-6


def snr(
    reference: AudioLike[Any], estimate: AudioLike[Any], *, per_channel: bool = False
) -> NDArray[np.float64]:
    r"""Calculate the signal-to-noise ratio (SNR); the noise is the difference of both signals.

    .. math:: 10 \log_{10} \frac{|s|^2}{|s - e|^2}

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        Signals :math:`s` and :math:`e` of equal shape; two `Audio` of equal rate and format.
    per_channel : bool
        Whether to return one value per channel instead of one per item.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent (also if both are), 0 where only the estimate is, +inf
        where both are equal.

    Raises
    ------
    ShapeError
        If the shapes differ.
    SignalError
        If a sample is NaN or infinite, or the samples are not float32 or float64.
    LayoutError, OptionError
        If both signals are `Audio` with different formats or sample rates.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(1000.0))
    >>> float(snr(tone, 0.5 * tone).round(3))
    6.021
    """
    return snr_of_sums(_products(reference, estimate, per_channel)[2])


def sd_sdr(
    reference: AudioLike[Any], estimate: AudioLike[Any], *, per_channel: bool = False
) -> NDArray[np.float64]:
    r"""Calculate the scale-dependent signal-to-distortion ratio (SD-SDR).

    .. math:: 10 \log_{10} \frac{|a s|^2}{|s - e|^2}, \quad a = \frac{<e, s>}{|s|^2}

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or orthogonal to
        the reference, +inf where both are equal.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(1000.0))
    >>> float(sd_sdr(tone, 0.5 * tone).round(3) + 0.0)
    0.0
    """
    return sd_sdr_of_sums(_products(reference, estimate, per_channel)[2])


def si_sdr(
    reference: AudioLike[Any], estimate: AudioLike[Any], *, per_channel: bool = False
) -> NDArray[np.float64]:
    r"""Calculate the scale-invariant signal-to-distortion ratio (SI-SDR).

    .. math:: 10 \log_{10} \frac{|a s|^2}{|a s - e|^2}, \quad a = \frac{<e, s>}{|s|^2}

    An inverted signal has the same ratio as the signal itself: consider `snr` as well.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or orthogonal to
        the reference, +inf where both are equal. Scaled copies of the reference have about 300 dB,
        the rounding error of float64.

    References
    ----------
    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.

    Examples
    --------
    >>> import numpy as np
    >>> tone, other = np.sin(np.arange(1000.0)), np.cos(np.arange(1000.0))
    >>> float(si_sdr(tone, 0.5 * tone + 0.05 * other).round(1))
    20.0
    """
    return si_sdr_of_sums(*_products(reference, estimate, per_channel))


def downmix_error(
    upmix: AudioLike[Any],
    original: AudioLike[Any],
    layout: str | Layout | AmbisonicFormat | None = None,
    method: DownmixMethod = "itu",
) -> NDArray[np.float64]:
    r"""Calculate the downmix SNR of an upmix relative to the signal that was upmixed.

    .. math:: 10 \log_{10} \frac{|s|^2}{|s - G u|^2}

    with the original :math:`s`, the upmix :math:`u` and the downmix matrix :math:`G`: the `snr` of
    the downmix. The sums run over samples and channels.

    Parameters
    ----------
    upmix : array_like of float or Audio, shape (..., channels, samples)
        An `Audio` also specifies ``layout``.
    original : array_like of float or Audio, shape (..., 1 or 2, samples)
        Mono or stereo signal; the upmix is downmixed to the same number of channels.
    layout : str, Layout or AmbisonicFormat, optional
        Format of the upmix; required for arrays. The downmix of Ambisonics is W, which is compared
        with (L + R) / 2 of a stereo original.
    method : {"itu", "sum", "dplii", "iamf"}
        Downmix rule of loudspeaker layouts, see `spatialkit.downmix.downmix_matrix`.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; +inf for an exact downmix, 0 for a silent upmix, NaN for a silent original.

    Raises
    ------
    ShapeError, SignalError
        If the signals differ in length or batch axes, ``upmix`` does not have the channels of
        ``layout``, ``original`` is neither mono nor stereo, or a sample is NaN or infinite.
    LayoutError, OptionError
        As for `spatialkit.downmix.downmix_matrix`.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 100))
    >>> front_only = np.concatenate([stereo, np.zeros((3, 100))])
    >>> float(downmix_error(front_only, stereo, "5.0"))
    inf
    """
    require_equal_rates(upmix, original, "upmix and original")
    samples, layout, _ = unpack_signal(upmix, layout, name="upmix")
    if layout is None:
        raise LayoutError("layout is missing; specify it, or pass an Audio with a format")
    where = get_format(layout)
    spread = as_signal(samples, "upmix", layout=where)
    source = as_signal(unpack_signal(original, None)[0], "original")
    if source.shape[-2] not in (1, 2):
        raise ShapeError(
            f"original must be mono or stereo, (..., 1 or 2, samples), got {source.shape}"
        )
    target = "mono" if source.shape[-2] == 1 else "stereo"
    if isinstance(where, AmbisonicFormat):
        source, target = source.mean(axis=-2, keepdims=True, dtype=np.float64), "mono"
    mixed = downmix(spread.astype(np.float64), where, target, method=method)
    return snr(source.astype(np.float64), mixed)


def _products(
    reference: AudioLike[Any], estimate: AudioLike[Any], per_channel: bool
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Return both signals, and the sums of `as_products` over samples, or also over channels."""
    samples, others, *_ = unpack_pair(reference, estimate)
    first, second, sums = as_products(samples, others)
    return first, second, sums if per_channel or first.ndim == 1 else sums.sum(axis=-1)


def snr_of_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `snr` (...) from the sums (4, ...) of `as_products`."""
    signal, _, _, noise = sums
    return decibels(signal, noise, signal)


def sd_sdr_of_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `sd_sdr` (...) from the sums (4, ...) of `as_products`."""
    signal, cross, _, noise = sums
    return decibels(_scale(cross, signal) ** 2 * signal, noise, signal)


def si_sdr_of_sums(
    first: NDArray[Any], second: NDArray[Any], sums: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return `si_sdr` (...) of two signals with the sums (4, ...) of `as_products`."""
    signal, cross, energy, _ = sums
    scale = _scale(cross, signal)
    residual = energy - scale * cross
    if np.any(residual < SMALLEST_RESIDUAL * energy):
        # A second pass for |a s - e|^2: |e|^2 - |a s|^2 loses digits where both are close.
        joint = scale.ndim < first.ndim - 1
        gains = np.repeat(scale[..., None], first.shape[-2], axis=-1) if joint else scale
        residuals = products(first, second, gains)[3]
        residual = residuals.sum(axis=-1) if joint else residuals
    return decibels(scale**2 * signal, residual, signal)


def _scale(cross: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factor a, 0 where the reference is silent."""
    return np.divide(cross, signal, out=np.zeros_like(signal), where=signal > 0.0)


def decibels(
    target: NDArray[np.float64], error: NDArray[np.float64], signal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the ratio of the energies of a target and an error, for a reference, in dB."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10.0 * (np.log10(target) - np.log10(error))
    # In SI-SDR, 0 / 0 with a reference that is not silent means a silent estimate: -inf.
    ratio = np.where(target == 0.0, -np.inf, ratio)
    return np.where(signal == 0.0, np.nan, ratio)[()]
