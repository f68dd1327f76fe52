"""How far one signal lies from another: SNR, SD-SDR, SI-SDR, and the error of a fold-down.

All ratios are energy ratios in dB of a target s against an error, e being the estimate [1]_:

- SNR: |s|^2 / |s - e|^2, which hears level and polarity;
- SD-SDR: |a s|^2 / |s - e|^2 with a = <e, s> / |s|^2, which hears them more;
- SI-SDR: |a s|^2 / |a s - e|^2, deaf to level *and to polarity*: -s scores as s does.

No mean is removed. Jointly over channels there is one a for all of them, so that errors in the
levels between channels count; per channel each has its own. A silent reference gives NaN; a
silent estimate gives an SNR of 0 dB and -inf for the others; equal signals give +inf.

References
----------
.. [1] J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?",
   ICASSP 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.metrics.inputs import as_pair, as_signal, in_blocks

__all__ = ["downmix_error", "sd_sdr", "si_sdr", "snr"]


def snr(
    reference: ArrayLike, estimate: ArrayLike, *, per_channel: bool = False
) -> NDArray[np.float64]:
    """Signal-to-noise ratio, the noise being the difference of both signals.

    Parameters
    ----------
    reference, estimate : array_like of float, shape (..., channels, samples) or (samples,)
        Of one shape.
    per_channel : bool
        A value per channel rather than one per item.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent, +inf where both are equal.

    Raises
    ------
    ShapeError
        If the shapes differ.
    SignalError
        If a sample is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(1000.0))
    >>> float(snr(tone, 0.5 * tone).round(3))
    6.021
    """
    first, second, joint = _arguments(reference, estimate, per_channel)
    signal, _, noise = _energies(first, second, joint)
    return _decibels(signal, noise, signal)


def sd_sdr(
    reference: ArrayLike, estimate: ArrayLike, *, per_channel: bool = False
) -> NDArray[np.float64]:
    """Scale-dependent signal-to-distortion ratio.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or has nothing
        of the reference, +inf where both are equal.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(np.arange(1000.0))
    >>> float(sd_sdr(tone, 0.5 * tone).round(3) + 0.0)
    0.0
    """
    first, second, joint = _arguments(reference, estimate, per_channel)
    signal, cross, noise = _energies(first, second, joint)
    return _decibels(_scale(cross, signal) ** 2 * signal, noise, signal)


def si_sdr(
    reference: ArrayLike, estimate: ArrayLike, *, per_channel: bool = False
) -> NDArray[np.float64]:
    """Scale-invariant signal-to-distortion ratio.

    An inverted signal scores like the signal itself: look at `snr` too.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or has nothing
        of the reference, +inf where both are equal. Scaled copies of the reference come to
        about 300, the rounding of float64.

    Examples
    --------
    >>> import numpy as np
    >>> tone, other = np.sin(np.arange(1000.0)), np.cos(np.arange(1000.0))
    >>> float(si_sdr(tone, 0.5 * tone + 0.05 * other).round(1))
    20.0
    """
    first, second, joint = _arguments(reference, estimate, per_channel)
    signal, cross, _ = _energies(first, second, joint)
    scale = _scale(cross, signal)
    # A second pass: |e|^2 - |a s|^2 would lose all digits where the score is high.
    residual = np.zeros(first.shape[:-1])
    for s, e in in_blocks(first, second):
        s *= scale[..., None, None] if joint else scale[..., None]
        e -= s
        residual += _product(e, e)
    return _decibels(scale**2 * signal, residual.sum(axis=-1) if joint else residual, signal)


def downmix_error(
    upmix: ArrayLike,
    original: ArrayLike,
    layout: str | Layout | AmbisonicFormat,
    method: str = "itu",
) -> NDArray[np.float64]:
    """`snr` of an upmix's fold-down against the signal it was made from.

    Parameters
    ----------
    upmix : array_like of float, shape (..., channels, samples)
    original : array_like of float, shape (..., 1 or 2, samples)
        Mono or stereo; the fold-down is made to as many channels.
    layout : str, Layout or AmbisonicFormat
        Of the upmix. The fold-down of Ambisonics is W, compared to (L + R) / 2 of a stereo
        original.
    method : str
        How to fold down loudspeaker layouts, as for `spatialkit.downmix`.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; +inf for an exact fold-down.

    Examples
    --------
    >>> import numpy as np
    >>> stereo = np.random.default_rng(0).standard_normal((2, 100))
    >>> front_only = np.concatenate([stereo, np.zeros((3, 100))])
    >>> float(downmix_error(front_only, stereo, "5.0"))
    inf
    """
    where = get_format(layout)
    spread = as_signal(upmix, "upmix", layout=where)
    source = as_signal(original, "original")
    if source.shape[-2] not in (1, 2):
        raise ShapeError(
            f"original must be mono or stereo, (..., 1 or 2, samples), got {source.shape}"
        )
    from spatialkit.downmix import downmix

    target = "mono" if source.shape[-2] == 1 else "stereo"
    if isinstance(where, AmbisonicFormat):
        source, target = source.mean(axis=-2, keepdims=True, dtype=np.float64), "mono"
    folded = downmix(spread.astype(np.float64), where, target, method=method)
    return snr(source.astype(np.float64), folded)


def _arguments(
    reference: ArrayLike, estimate: ArrayLike, per_channel: bool
) -> tuple[NDArray[Any], NDArray[Any], bool]:
    """Both signals, and whether there are channels to take together."""
    first, second = as_pair(reference, estimate, allow_mono=True)
    return first, second, first.ndim > 1 and not per_channel


def _energies(reference: NDArray[Any], estimate: NDArray[Any], joint: bool) -> NDArray[np.float64]:
    """|s|^2, <e, s> and |s - e|^2."""
    sums = np.zeros((3, *reference.shape[:-1]))
    for s, e in in_blocks(reference, estimate):
        sums[0] += _product(s, s)
        sums[1] += _product(e, s)
        e -= s
        sums[2] += _product(e, e)
    return sums.sum(axis=-1) if joint else sums


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.einsum("...s,...s->...", a, b)


def _scale(cross: NDArray[np.float64], signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factor a, 0 where the reference is silent."""
    return np.divide(cross, signal, out=np.zeros_like(signal), where=signal > 0.0)


def _decibels(
    target: NDArray[np.float64], error: NDArray[np.float64], signal: NDArray[np.float64]
) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 10.0 * (np.log10(target) - np.log10(error))
    # 0 / 0 is a silent estimate under SI-SDR if the reference is heard, nothing at all if not.
    ratio = np.where(target == 0.0, -np.inf, ratio)
    return np.where(signal == 0.0, np.nan, ratio)[()]
