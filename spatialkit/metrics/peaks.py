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
from spatialkit.validation import as_audio, as_count, as_number

__all__ = ["TruePeakMeter", "true_peak"]

# Upper limit of the sample rate in Hz and factor (Annex 2: 4 at 48 kHz, less at higher rates). The
# factors are powers of two, so that peaks midway between samples are found.
OVERSAMPLING = ((96000.0, 4), (192000.0, 2))
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
