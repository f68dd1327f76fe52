"""True peak according to ITU-R BS.1770-5, for any sample rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.errors import ShapeError
from spatialkit.metrics.inputs import as_rate, as_signal, unpack_signal
from spatialkit.metrics.k_weighting import MIN_RATE
from spatialkit.metrics.level_kernels import interpolated_peak
from spatialkit.validation import as_audio, as_count, as_number

__all__ = ["TruePeakMeter", "true_peak"]

# Upper limit of the sample rate in Hz and factor (Annex 2: 4 at 48 kHz, less at higher rates). The
# factors are powers of two, so that peaks midway between samples are found.
OVERSAMPLING = ((96000.0, 4), (192000.0, 2))
# Taps of the interpolation filter for each place between two samples, and its Kaiser window: it
# passes up to 0.45 of the sample rate within 0.02 dB.
TAPS, KAISER_BETA = 48, 6.0
# Samples that are interpolated at a time.
PART_SIZE = 256
CHUNK_SIZE = 1 << 16


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
    Annex 2. The interpolation filter has 48 taps for each place between two samples, instead of 12.

    Examples
    --------
    >>> import numpy as np
    >>> quarter = np.sin(2 * np.pi * (np.arange(4800) / 4 + 1 / 8)) * np.hanning(4800)
    >>> bool(abs(true_peak(quarter, 48000)) < 0.1), float(abs(quarter).max().round(2))
    (True, 0.71)
    """
    samples, _, sample_rate = unpack_signal(audio, None, sample_rate)
    rate = as_rate(sample_rate, MIN_RATE)
    signals = as_signal(samples, allow_mono=True)
    signals = signals[None] if signals.ndim == 1 else signals
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
        self._before: NDArray[Any] | None = None  # the samples before the next block
        self._peak = np.zeros(1)

    def add(self, block: NDArray[np.floating]) -> None:
        """Measure the next samples, shape (channels, n); the first block sets the precision."""
        block = as_audio(block, "block", channels=self._channels)
        if block.ndim != 2:
            raise ShapeError(f"block must have shape (channels, samples), got {block.shape}")
        if self._before is None:
            self._open(block.dtype)
        self._measure(block)

    def finish(self) -> float:
        """End the signal and return its true peak in dBTP; -inf for silence."""
        if self._before is not None:
            self._measure(np.zeros_like(self._before))
            self._before = None
        peak = float(self._peak[0])
        return 20.0 * math.log10(peak) if peak > 0.0 else -math.inf

    def _open(self, dtype: np.dtype[Any]) -> None:
        self._before = np.zeros((self._channels, TAPS - 1), dtype)
        self._peak = self._peak.astype(dtype)
        self._filters = interpolation_filters(self._factor).astype(dtype)
        # The magnitude between samples is below the sum of those of the taps; rounding adds little.
        self._bound = 1.001 * float(np.abs(self._filters).sum(axis=1).max(initial=0.0))
        self._scratch = np.empty((2, TAPS - 1 + PART_SIZE), dtype)

    def _measure(self, block: NDArray[Any]) -> None:
        assert self._before is not None
        audio = np.concatenate([self._before, block.astype(self._before.dtype)], axis=1)
        interpolated_peak(audio, self._filters, self._bound, self._scratch, self._peak)
        self._before = audio[:, -(TAPS - 1) :]


def interpolation_filters(factor: int) -> NDArray[np.float64]:
    """Return the filters (factor - 1, taps) for the places between two samples.

    They are windowed sinc functions. A filter is applied to the samples in order; the two in its
    middle are those around the place.
    """
    places = np.arange(1, factor)[:, None] / factor
    distance = np.arange(TAPS) - (TAPS // 2 - 1) - places
    window = np.i0(KAISER_BETA * np.sqrt(1.0 - (distance / (TAPS // 2)) ** 2))
    filters = window * np.sinc(distance)
    return filters / filters.sum(axis=1, keepdims=True)
