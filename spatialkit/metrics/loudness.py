"""Loudness and true peak according to ITU-R BS.1770-5, for any layout and sample rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics.inputs import as_loudspeaker_layout, as_rate, as_signal, unpack_signal
from spatialkit.validation import as_audio, as_count, as_number

__all__ = ["LoudnessMeter", "TruePeakMeter", "loudness", "true_peak"]

# The two stages of K-weighting as printed in BS.1770, numerator and denominator at 48 kHz: a shelf
# (effect of the head), then a high-pass filter (Annex 1, Tables 1 and 2).
STANDARD_RATE = 48000.0
HEAD_SHELF = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
MIN_RATE = 8000
# Weight of loudspeakers at 60 to 120 degrees of azimuth on either side and less than 30 degrees of
# elevation (Annex 3).
SIDE_WEIGHT = 1.41
OFFSET_LU = -0.691
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
# A gating block lasts four steps of 100 ms.
STEPS_PER_SECOND = 10
STEPS_PER_BLOCK = 4
# Upper limit of the sample rate in Hz and factor (Annex 2: 4 at 48 kHz, less at higher rates). The
# factors are powers of two, so that peaks midway between samples are found.
OVERSAMPLING = ((96000.0, 4), (192000.0, 2))
CHUNK_SIZE = 1 << 16


def loudness(
    audio: AudioLike[Any],
    layout: str | Layout | None = None,
    sample_rate: float | None = None,
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
    layout : str, Layout or None
        Layout that determines the channel weights: LFE channels are ignored, and loudspeakers at 60
        to 120 degrees of azimuth have 1.5 dB more. None weights all channels equally, which is
        correct for mono and stereo. Ambisonics must be rendered to a layout first.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays. The weighting filter has the analogue
        response of the 48 kHz filter at every rate, within the limits of the bilinear transform: at
        1 kHz within 0.03 dB for rates of 22050 Hz and more.

    Returns
    -------
    ndarray of float64, shape (...)
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
    samples, given, sample_rate = unpack_signal(audio, layout, sample_rate)
    rate = as_rate(sample_rate, MIN_RATE)
    where = None if given is None else as_loudspeaker_layout(given)
    signals = np.atleast_2d(as_signal(samples, layout=where, allow_mono=True))
    meter = LoudnessMeter(where, rate)
    for start in range(0, max(signals.shape[-1], 1), CHUNK_SIZE):
        meter.add(signals[..., start : start + CHUNK_SIZE])
    return meter.finish()


class LoudnessMeter:
    """Measure the loudness of a signal block by block, as `loudness` defines it.

    Parameters
    ----------
    layout : Layout, optional
        Layout that determines the channel weights; None weights all channels equally.
    sample_rate : float
        Sample rate in Hz.

    Examples
    --------
    >>> import numpy as np
    >>> tone = np.sin(2 * np.pi * 997 / 48000 * np.arange(48000))
    >>> meter = LoudnessMeter(None, 48000)
    >>> for block in np.array_split(tone[None], 7, axis=1):
    ...     meter.add(block)
    >>> float(meter.finish().round(2))
    -3.01
    """

    def __init__(self, layout: Layout | None, sample_rate: float) -> None:
        self._layout = None if layout is None else get_layout(layout)
        self._rate = sample_rate = as_rate(sample_rate, MIN_RATE)
        self._sections = np.array(
            [_section_at_rate(stage, sample_rate) for stage in (HEAD_SHELF, HIGH_PASS)]
        )
        self._state: NDArray[np.float64] | None = None
        self._energies: list[NDArray[np.float64]] = []  # of complete steps, (..., steps)
        self._open: NDArray[np.float64] = np.zeros(())  # energy of the incomplete one
        self._samples = 0

    def add(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (..., channels, n)."""
        from scipy.signal import sosfilt

        channels = self._layout.n_channels if self._layout else None
        if channels is None and np.ndim(block) > 1:
            channels = np.shape(block)[-2]  # a block may have fewer samples than channels
        block = as_audio(block, "block", channels=channels)
        weights = _channel_weights(self._layout, block.shape[-2])
        if self._state is None:
            self._state = np.zeros((len(weights), len(self._sections), *block.shape[:-2], 2))
            self._open = np.zeros(block.shape[:-2])
        start, self._samples = self._samples, self._samples + block.shape[-1]
        edges = self._edges(self._samples)
        inside = edges[edges > start] - start  # ends of the steps that the block completes
        splits = np.append(0, inside[inside < block.shape[-1]])
        energies = np.zeros((*block.shape[:-2], len(splits)))
        for channel in np.flatnonzero(weights) if block.shape[-1] else ():
            signal = block[..., channel, :].astype(np.float64)
            weighted, self._state[channel] = sosfilt(
                self._sections, signal, axis=-1, zi=self._state[channel]
            )
            energies += weights[channel] * np.add.reduceat(weighted**2, splits, axis=-1)
        energies[..., 0] += self._open
        complete = len(inside)
        self._energies.append(energies[..., :complete])
        self._open = energies[..., complete] if complete < len(splits) else 0.0 * self._open

    def finish(self) -> NDArray[np.float64]:
        """Return the loudness (...) in LUFS of all samples; NaN below 400 ms."""
        if not self._energies:
            return np.array(np.nan)[()]
        energies = np.concatenate(self._energies, axis=-1)
        if energies.shape[-1] < STEPS_PER_BLOCK:
            return np.full(energies.shape[:-1], np.nan)[()]
        edges = np.append(0, self._edges(self._samples))
        windows = np.lib.stride_tricks.sliding_window_view(energies, STEPS_PER_BLOCK, axis=-1)
        power = windows.sum(axis=-1) / (edges[STEPS_PER_BLOCK:] - edges[:-STEPS_PER_BLOCK])
        gate = power > _power_of(ABSOLUTE_GATE_LUFS)
        relative = 10.0 ** (RELATIVE_GATE_LU / 10.0) * _mean(power, gate)
        gate &= power > relative[..., None]
        with np.errstate(divide="ignore"):
            return (OFFSET_LU + 10.0 * np.log10(_mean(power, gate)))[()]

    def _edges(self, samples: int) -> NDArray[np.intp]:
        """Return the ends of the complete steps of 100 ms in the first samples."""
        steps = int((samples + 1) * STEPS_PER_SECOND / self._rate)
        edges = np.rint(np.arange(1, steps + 1) * self._rate / STEPS_PER_SECOND).astype(np.intp)
        return edges[edges <= samples]


def true_peak(audio: AudioLike[Any], sample_rate: float | None = None) -> NDArray[np.float64]:
    r"""Calculate the maximum magnitude of the interpolated waveform over all channels.

    .. math:: 20 \log_{10} \max_{i, t} |x_i(t)|

    LFE channels are included. The samples are oversampled by a factor of 4 below 96 kHz and of 2
    below 192 kHz. The result is never below the maximum magnitude of the samples.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples) or (samples,)
        An `Audio` also specifies ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays.

    Returns
    -------
    ndarray of float64, shape (...)
        dBTP, that is dB relative to full scale (1.0); -inf for silence and for zero samples.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not a float array of a valid shape, or a sample is NaN or infinite.
    OptionError
        If ``sample_rate`` is not accepted.

    References
    ----------
    ITU-R BS.1770-5, "Algorithms to measure audio programme loudness and true-peak audio level",
    Annex 2. The interpolation filter is soxr's instead of the 48-tap example of the annex.

    Examples
    --------
    >>> import numpy as np
    >>> quarter = np.sin(2 * np.pi * (np.arange(4800) / 4 + 1 / 8)) * np.hanning(4800)
    >>> bool(abs(true_peak(quarter, 48000)) < 0.1), float(abs(quarter).max().round(2))
    (True, 0.71)
    """
    samples, _, sample_rate = unpack_signal(audio, None, sample_rate)
    rate = as_rate(sample_rate, MIN_RATE)
    signals = np.atleast_2d(as_signal(samples, allow_mono=True))
    peaks = np.empty(signals.shape[:-2])
    for item in np.ndindex(peaks.shape):
        meter = TruePeakMeter(signals.shape[-2], rate)
        for start in range(0, signals.shape[-1], CHUNK_SIZE):
            meter.add(signals[item][:, start : start + CHUNK_SIZE])
        peaks[item] = meter.finish()
    return peaks[()]


class TruePeakMeter:
    """Measure the true peak of a signal block by block, as `true_peak` defines it.

    Parameters
    ----------
    channels : int
        Number of channels.
    sample_rate : float
        Sample rate in Hz.

    Examples
    --------
    >>> import numpy as np
    >>> meter = TruePeakMeter(2, 48000)
    >>> for block in np.array_split(0.5 * np.eye(2, 480), 4, axis=1):
    ...     meter.add(block)
    >>> round(meter.finish(), 1)
    -6.0
    """

    def __init__(self, channels: int, sample_rate: float) -> None:
        self._channels = as_count(channels, "channels")
        sample_rate = as_number(sample_rate, "sample_rate", minimum=1.0, unit="Hz")
        self._factor = next((factor for limit, factor in OVERSAMPLING if sample_rate < limit), 1)
        self._streams: list[Any] = []
        self._dtype = np.dtype(np.float32)
        self._peak = 0.0

    def add(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (channels, n); the first block sets the precision."""
        block = as_audio(block, "block", channels=self._channels)
        if block.ndim != 2:
            raise ShapeError(f"block must have shape (channels, samples), got {block.shape}")
        if self._factor > 1 and not self._streams:
            import soxr

            self._dtype = block.dtype
            self._streams = [
                soxr.ResampleStream(1.0, float(self._factor), 1, block.dtype, "VHQ")
                for _ in range(self._channels)
            ]
        self._measure(block)
        for stream, signal in zip(self._streams, block, strict=False):
            self._measure(stream.resample_chunk(np.ascontiguousarray(signal, self._dtype)))

    def finish(self) -> float:
        """End the signal and return its true peak in dBTP; -inf for silence."""
        for stream in self._streams:
            self._measure(stream.resample_chunk(np.zeros(0, self._dtype), last=True))
        self._streams = []
        return 20.0 * math.log10(self._peak) if self._peak > 0.0 else -math.inf

    def _measure(self, samples: NDArray[np.floating]) -> None:
        self._peak = max(self._peak, float(np.abs(samples).max(initial=0.0)))


def _channel_weights(layout: Layout | None, channels: int) -> NDArray[np.float64]:
    if layout is None:
        return np.ones(channels)
    # Both angles of an LFE are NaN, for which all comparisons are false.
    azimuth, elevation = layout.nominal
    magnitude = np.abs(np.remainder(azimuth + 180.0, 360.0) - 180.0)
    lateral = (magnitude >= 60.0) & (magnitude <= 120.0) & (np.abs(elevation) < 30.0)
    return np.where(layout.is_lfe, 0.0, np.where(lateral, SIDE_WEIGHT, 1.0))


def _section_at_rate(
    stage: tuple[tuple[float, ...], tuple[float, ...]], rate: float
) -> NDArray[np.float64]:
    """Return the second-order section at ``rate`` with the same analogue prototype as ``stage``.

    The bilinear transform maps p0 + p1 s + p2 s^2 to a polynomial in 1/z with the sum of
    coefficients 4 p0 k^2, the difference of the first and last coefficient 2 p1 k and the
    alternating sum 4 p2, where k = tan(pi f / rate) for the frequency f that the transform
    preserves: here that of the poles.
    """
    polynomials = np.array(stage)
    sums, differences = polynomials.sum(axis=1), polynomials[:, 0] - polynomials[:, 2]
    alternating = polynomials @ [1.0, -1.0, 1.0]
    k = np.sqrt(sums[1] / alternating[1])
    ratio = np.tan(np.arctan(k) * STANDARD_RATE / rate) / k
    low, middle, high = sums * ratio**2, 2.0 * differences * ratio, alternating
    section = np.stack([low + middle + high, 2.0 * (low - high), low - middle + high], axis=1)
    return section.ravel() / section[1, 0]


def _power_of(level: float) -> float:
    return float(10.0 ** ((level - OFFSET_LU) / 10.0))


def _mean(power: NDArray[np.float64], gate: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean of the gated blocks, 0 if there are none."""
    return np.sum(power, axis=-1, where=gate) / np.maximum(np.count_nonzero(gate, axis=-1), 1)
