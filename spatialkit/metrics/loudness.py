"""Loudness according to ITU-R BS.1770-5 and EBU R 128, for any layout and sample rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.layouts import Format, get_format
from spatialkit.metrics.inputs import as_rate, as_signal, unpack_signal
from spatialkit.metrics.k_weighting import MIN_RATE
from spatialkit.metrics.loudness_meter import LoudnessMeter

__all__ = [
    "loudness",
    "loudness_range",
    "momentary_loudness",
    "short_term_loudness",
]

CHUNK_SIZE = 1 << 16


def loudness(
    audio: AudioLike[Any],
    layout: str | Format | None = None,
    sample_rate: float | None = None,
    *,
    per_channel: bool = False,
) -> NDArray[np.float64]:
    r"""Calculate the integrated loudness of BS.1770-5, K-weighted and gated.

    .. math:: -0.691 + 10 \log_{10} \frac{1}{|J|} \sum_{j \in J} \sum_i G_i z_{ij}

    with the mean square :math:`z_{ij}` of the K-weighted channel i in gating block j (400 ms,
    overlapping by 75 %), the channel weights :math:`G_i` (0 for LFE, 1.41 for loudspeakers beside
    the listener, else 1), and the blocks :math:`J` above the absolute gate of -70 LUFS and the
    relative gate of 10 LU below the mean of those blocks.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        An `Audio` also specifies ``layout`` and ``sample_rate``.
    layout : str, Layout, AmbisonicFormat or None
        Layout that determines the channel weights: LFE channels are ignored, and loudspeakers at 60
        to 120 degrees of azimuth have 1.5 dB more. None weights all channels equally, which is
        correct for mono and stereo. Ambisonics is measured by its channel W, as a mono signal; to
        measure how loud it is on loudspeakers, render it first.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays. The weighting filter has the
        magnitude of the 48 kHz filter at every rate, within 0.01 dB below 20 kHz.
    per_channel : bool
        Whether each channel is measured and gated alone, without weight; LFE channels too.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        LUFS; -inf for silence and for signals below -70 LUFS. NaN if the signal is shorter than one
        gating block of 400 ms.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` does not have the channels of ``layout``, or a sample is NaN or infinite.
    OptionError
        If ``sample_rate`` is not accepted.

    References
    ----------
    ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and true-peak audio level",
    Annexes 1 and 3.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000))
    >>> float(loudness(tone, "mono", 48000).round(2))
    -3.01
    """
    return measured(audio, layout, sample_rate, per_channel).finish()


def momentary_loudness(
    audio: AudioLike[Any],
    layout: str | Format | None = None,
    sample_rate: float | None = None,
    *,
    per_channel: bool = False,
) -> NDArray[np.float64]:
    """Calculate the momentary loudness of EBU R 128: windows of 400 ms every 10 ms, not gated.

    Parameters
    ----------
    audio, layout, sample_rate, per_channel
        As for `loudness`.

    Returns
    -------
    ndarray of float64, shape (..., windows) or (..., channels, windows)
        LUFS; -inf for silence. Window k is from 10 k to 10 k + 400 ms; there are none in a signal
        shorter than 400 ms. The maximum over the windows is the maximum momentary loudness.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `loudness`.

    References
    ----------
    EBU Tech 3341, "Loudness metering: 'EBU mode' metering to supplement EBU R 128 loudness
    normalization", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000))
    >>> float(momentary_loudness(tone, "mono", 48000).max().round(2))
    -3.01
    """
    return measured(audio, layout, sample_rate, per_channel).momentary()


def short_term_loudness(
    audio: AudioLike[Any],
    layout: str | Format | None = None,
    sample_rate: float | None = None,
    *,
    per_channel: bool = False,
) -> NDArray[np.float64]:
    """Calculate the short-term loudness of EBU R 128: windows of 3 s every 100 ms, not gated.

    Parameters
    ----------
    audio, layout, sample_rate, per_channel
        As for `loudness`.

    Returns
    -------
    ndarray of float64, shape (..., windows) or (..., channels, windows)
        LUFS; -inf for silence. Window k is from 0.1 k to 0.1 k + 3 s; there are none in a signal
        shorter than 3 s. The maximum over the windows is the maximum short-term loudness.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `loudness`.

    References
    ----------
    EBU Tech 3341, "Loudness metering: 'EBU mode' metering to supplement EBU R 128 loudness
    normalization", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 48000 * np.arange(4 * 48000))
    >>> short_term_loudness(tone, "mono", 48000).shape
    (11,)
    """
    return measured(audio, layout, sample_rate, per_channel).short_term()


def loudness_range(
    audio: AudioLike[Any],
    layout: str | Format | None = None,
    sample_rate: float | None = None,
    *,
    per_channel: bool = False,
) -> NDArray[np.float64]:
    """Calculate the loudness range (LRA) of EBU Tech 3342.

    The difference of the 95th and the 10th percentile of the short-term loudness, over the windows
    above -70 LUFS and above 20 LU below the mean of those.

    Parameters
    ----------
    audio, layout, sample_rate, per_channel
        As for `loudness`.

    Returns
    -------
    ndarray of float64, shape (...) or (..., channels)
        LU; NaN for silence, and for signals shorter than 3 s.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `loudness`.

    References
    ----------
    EBU Tech 3342, "Loudness range: a measure to supplement EBU R 128 loudness normalization", 2023.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 8000 * np.arange(20 * 8000))
    >>> steps = np.concatenate([0.1 * tone, 0.0316 * tone])
    >>> float(loudness_range(steps, "mono", 8000).round(0))
    10.0
    """
    return measured(audio, layout, sample_rate, per_channel).loudness_range()


def measured(
    audio: AudioLike[Any],
    layout: str | Format | None,
    sample_rate: float | None,
    per_channel: bool = False,
) -> LoudnessMeter:
    """Return a meter after all samples of a signal, with the arguments of `loudness`."""
    samples, given, sample_rate = unpack_signal(audio, layout, sample_rate)
    rate = as_rate(sample_rate, MIN_RATE)
    where = None if given is None else get_format(given)
    signals = as_signal(samples, layout=where, allow_mono=True)
    signals = signals[None] if signals.ndim == 1 else signals
    meter = LoudnessMeter(where, rate, per_channel=per_channel)
    for start in range(0, max(signals.shape[-1], 1), CHUNK_SIZE):
        meter.add(signals[..., start : start + CHUNK_SIZE])
    return meter
