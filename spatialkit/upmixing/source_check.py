"""Checks of a stereo source before upmixing: balance, delay, polarity, clipping and offset.

Upmixers estimate directions from level, phase and correlation of the left and right channels. A
channel that is too loud, late or reversed shifts all directions. It is reported, not corrected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.validation import as_audio, as_sample_rate, require_finite

__all__ = ["SourceCheck", "SourceReport"]

# Thresholds of the sentences. Balanced mixes differ by tenths of a decibel.
BALANCE_DB = 1.0
# Channels with this delay cancel at 10 kHz in a mono sum.
DELAY_MS = 0.05
MONO_CORRELATION = 1.0 - 1e-6  # left - right is 63 dB below left + right
NEAR_MONO_CORRELATION = 0.98  # 20 dB
REVERSED_CORRELATION = -0.3
DC = 0.003  # -50 dBFS
DC_SECONDS = 1.0  # the mean of bass is not negligible in shorter signals
SILENCE = 1e-5  # root mean square, -100 dBFS
# Fewer consecutive samples at full scale may be the peak of a waveform.
CLIPPED = 0.9999
CLIPPED_RUN = 3

# Delay estimation.
MAX_DELAY_MS = 5.0
MIN_FRAME_SECONDS = 0.08  # long relative to the largest delay
FRAME_PERIOD = 2  # every second frame is analysed: the delay of a source is constant
MIN_HZ, MAX_HZ = 100.0, 8000.0  # codecs may store one signal for both channels above
# Mean phasor after compensation of the delay: 1 for one delayed sound. Uncorrelated channels reach
# three to four standard deviations at one of several hundred lags.
MIN_CORRELATION = 0.15
MIN_DEVIATIONS = 5.0
NEGLIGIBLE = 1e-12  # in power
STEPS_PER_SAMPLE = 8


@dataclass(frozen=True)
class SourceReport:
    """Result of `SourceCheck`."""

    channels: int
    """Number of channels, 1 or 2; 0 if no block was received."""
    seconds: float
    """Duration of the received blocks."""
    balance_db: float
    """Level of left minus level of right, dB; infinite if one is silent, NaN if both are."""
    delay_ms: float
    """Delay of the right channel relative to the left; NaN if no common delay is found."""
    correlation: float
    """Correlation of left and right, -1 to 1; NaN if one is silent."""
    is_reversed: bool
    """True if left and right appear to have opposite polarity."""
    peak: float
    """Largest magnitude."""
    clipped_runs: int
    """Number of runs of three or more consecutive samples at full scale."""
    dc: float
    """Mean of the channel with the larger absolute mean."""

    @property
    def is_mono(self) -> bool:
        """True if left and right contain one signal, possibly at different levels."""
        return self.correlation >= MONO_CORRELATION

    @property
    def is_near_mono(self) -> bool:
        """True if the difference of left and right is at least 20 dB below their sum."""
        return self.correlation >= NEAR_MONO_CORRELATION

    def sentences(self) -> list[str]:
        """Return the problems of the source as sentences; an empty list if there are none.

        Examples
        --------
        >>> check = SourceCheck(48000)
        >>> left, right = np.random.default_rng(0).standard_normal((2, 48000)) / 10
        >>> check.update(np.stack([1.5 * left, left + right / 2]))
        >>> for sentence in check.report().sentences():
        ...     print(sentence)
        The left channel is 2.6 dB louder than the right: centred sources will shift left.
        """
        return [*self._level_sentences(), *self._channel_sentences(), *self._fault_sentences()]

    def _level_sentences(self) -> list[str]:
        if math.isnan(self.balance_db):
            if not self.channels:
                return []
            if self.peak > SILENCE:  # one sample, for instance
                return ["The source is constant (DC only), which is inaudible."]
            return ["The source is silent."]
        if math.isinf(self.balance_db):
            silent, active = ("right", "left") if self.balance_db > 0 else ("left", "right")
            return [f"The {silent} channel is silent: all sources are on the {active}."]
        if abs(self.balance_db) < BALANCE_DB:
            return []
        loud, soft = ("left", "right") if self.balance_db > 0 else ("right", "left")
        return [
            f"The {loud} channel is {abs(self.balance_db):.1f} dB louder than the {soft}: "
            f"centred sources will shift {loud}."
        ]

    def _channel_sentences(self) -> list[str]:
        if self.channels != 2:
            return []
        sentences = []
        if self.is_mono:
            sentences.append("The left and right channels are identical: all sources are centred.")
        elif self.is_near_mono:
            sentences.append(
                f"The channels are nearly identical (correlation {self.correlation:.3f}): "
                "nearly all sources are centred."
            )
        if self.is_reversed:
            sentences.append(
                "The channels appear to have opposite polarity: centred sources will be upmixed to "
                "the surround channels and cancel in mono."
            )
        if abs(self.delay_ms) >= DELAY_MS:
            late, early = ("right", "left") if self.delay_ms > 0 else ("left", "right")
            sentences.append(
                f"The {late} channel is {abs(self.delay_ms):.2f} ms later than the {early}: "
                f"centred sources will shift {early} and blur."
            )
        return sentences

    def _fault_sentences(self) -> list[str]:
        sentences = []
        if self.clipped_runs:
            times = "once" if self.clipped_runs == 1 else f"{self.clipped_runs} times"
            sentences.append(f"The source clips {times}.")
        if abs(self.dc) >= DC and self.seconds >= DC_SECONDS:
            sentences.append(f"The source has a constant offset of {self.dc:.3f}.")
        return sentences


class SourceCheck:
    """Measure balance, delay and correlation of the channels of a source block by block.

    The delay is the highest peak, of either sign, of the generalized cross-correlation with phase
    transform (GCC-PHAT) [1]_ between 100 Hz and 8 kHz, averaged over frames of about 0.1 s and
    searched within 5 ms. It is 0 for sources panned by level only. The result does not depend on
    the block size.

    Parameters
    ----------
    sample_rate : int
        Sample rate in Hz.

    References
    ----------
    .. [1] C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of
       time delay", IEEE Transactions on Acoustics, Speech, and Signal Processing 24(4), 1976.

    Examples
    --------
    >>> check = SourceCheck(48000)
    >>> noise = np.random.default_rng(0).standard_normal(48000) / 10
    >>> check.update(np.stack([noise, np.roll(noise, 24)]))
    >>> report = check.report()
    >>> round(report.delay_ms, 3), abs(report.balance_db) < 1e-9
    (0.5, True)
    """

    def __init__(self, sample_rate: float) -> None:
        self.sample_rate = as_sample_rate(sample_rate)
        self._size = 1 << math.ceil(math.log2(max(MIN_FRAME_SECONDS * self.sample_rate, 2.0)))
        frequencies = np.fft.rfftfreq(self._size, 1.0 / self.sample_rate)
        first, last = np.searchsorted(frequencies, [MIN_HZ, MAX_HZ]).tolist()
        self._band = slice(first, last)
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._channels = self._samples = self._frames = self._clipped_runs = 0
        self._peak = 0.0
        self._sum = np.zeros(2)
        self._products = np.zeros(3)  # left * left, right * right, left * right
        self._phasors = np.zeros(last - first, dtype=np.complex128)
        self._buffer = np.zeros((2, 0))  # start of the next frame
        self._at_full_scale = np.zeros((2, CLIPPED_RUN), dtype=bool)  # last samples

    def update(self, block: ArrayLike) -> None:
        """Process the next samples.

        Parameters
        ----------
        block : array_like of float, shape (1 or 2, samples)
            Block of any length; mono may have shape (samples,).

        Raises
        ------
        ShapeError, SignalError
            If the block has another shape, is not finite, or has a different number of channels
            than the previous block.
        """
        array = np.atleast_2d(as_audio(block, "block", allow_mono=True))
        if array.ndim > 2 or len(array) not in (1, 2):
            raise ShapeError(f"block must have shape (1 or 2, samples), got {array.shape}")
        if self._channels not in (0, len(array)):
            raise ShapeError(
                f"block has {len(array)} channels, the blocks before it had {self._channels}"
            )
        require_finite(array, "block")
        self._channels = len(array)
        if not array.shape[1]:
            return
        left, right = stereo = array[[0, -1]]
        self._samples += len(left)
        self._sum += stereo.sum(axis=1, dtype=np.float64)
        pairs = ((left, left), (right, right), (left, right))
        self._products += [np.einsum("i,i", *pair, dtype=np.float64) for pair in pairs]
        self._update_peaks(np.abs(array))
        self._update_phasors(stereo)

    def report(self) -> SourceReport:
        """Return the result for all blocks received so far; more blocks may follow."""
        samples = max(1, self._samples)
        means = self._sum / samples
        products = self._products / samples - means[[0, 1, 0]] * means[[0, 1, 1]]
        left, right = (float(power) if power > SILENCE**2 else 0.0 for power in products[:2])
        balance = correlation = delay = math.nan
        sign = 0
        if left and right:
            balance = 10.0 * math.log10(left / right)
            correlation = min(1.0, max(-1.0, float(products[2]) / math.sqrt(left * right)))
            delay, sign = self._find_delay()
        elif left or right:
            balance = math.inf if left else -math.inf
        return SourceReport(
            channels=self._channels,
            seconds=self._samples / self.sample_rate,
            balance_db=balance,
            delay_ms=delay,
            correlation=correlation,
            is_reversed=correlation <= REVERSED_CORRELATION or sign < 0,
            peak=self._peak,
            clipped_runs=self._clipped_runs,
            dc=float(means[np.abs(means).argmax()]),
        )

    def _update_peaks(self, magnitudes: NDArray[Any]) -> None:
        """Update the peak and count runs at full scale, including runs across blocks."""
        peak = float(magnitudes.max())
        self._peak = max(self._peak, peak)
        before = self._at_full_scale[: len(magnitudes)]
        if peak < CLIPPED and not before.any():
            return
        flags = np.concatenate([before, magnitudes >= CLIPPED], axis=1)
        spans = np.lib.stride_tricks.sliding_window_view(flags, CLIPPED_RUN, axis=1)
        runs = np.asarray(spans.all(axis=-1))
        self._clipped_runs += int(np.count_nonzero(runs[:, 1:] & ~runs[:, :-1]))
        self._at_full_scale = flags[:, -CLIPPED_RUN:]

    def _update_phasors(self, stereo: NDArray[Any]) -> None:
        """Add the phasors of all complete frames."""
        samples = np.concatenate([self._buffer.astype(stereo.dtype, copy=False), stereo], axis=1)
        period = FRAME_PERIOD * self._size
        whole = samples.shape[1] - samples.shape[1] % period
        for start in range(0, whole, period):
            phasors = self._frame_phasors(samples[:, start : start + self._size])
            if phasors is not None:
                self._phasors += phasors
                self._frames += 1
        self._buffer = samples[:, whole:].copy()

    def _frame_phasors(self, frame: NDArray[Any]) -> NDArray[Any] | None:
        """Return the phase of right relative to left per bin; None if a channel is silent."""
        loudest = np.abs(frame).max(axis=1, keepdims=True)
        if not loudest.all():
            return None
        # Normalized, because products of very large samples would overflow.
        spectrum = np.fft.rfft(frame / loudest * self._window)[:, self._band]
        cross = spectrum[1] * spectrum[0].conj()
        magnitude = np.abs(cross)
        # Bins far below the loudest contain rounding errors; their phase is meaningless.
        floor = max(NEGLIGIBLE * float(magnitude.max(initial=0.0)), np.finfo(magnitude.dtype).tiny)
        return cross / np.maximum(magnitude, floor)

    def _find_delay(self) -> tuple[float, int]:
        """Return the delay of right in milliseconds and the sign of the peak; NaN and 0 if none."""
        count = self._frames * len(self._phasors)
        if not count:
            return math.nan, 0
        spectrum = np.zeros(self._size * STEPS_PER_SAMPLE // 2 + 1, dtype=np.complex128)
        spectrum[self._band] = self._phasors / (2 * count)
        correlation = np.fft.irfft(spectrum, norm="forward")  # at lags 0, 1, ... -1
        steps = int(MAX_DELAY_MS / 1000.0 * self.sample_rate * STEPS_PER_SAMPLE)
        near = correlation[np.arange(-steps - 1, steps + 2)]  # one more at both ends
        peak = 1 + int(np.abs(near[1:-1]).argmax())
        if abs(near[peak]) < max(MIN_CORRELATION, MIN_DEVIATIONS / math.sqrt(count)):
            return math.nan, 0
        before, at, after = near[peak - 1 : peak + 2]
        curvature = before - 2.0 * at + after  # parabolic interpolation
        offset = 0.5 * (before - after) / curvature if curvature else 0.0
        lag = (peak - 1 - steps + min(1.0, max(-1.0, float(offset)))) / STEPS_PER_SAMPLE
        return 1000.0 * lag / self.sample_rate, int(np.sign(at))
