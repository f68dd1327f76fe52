"""What an engineer would want to know of a stereo source before it is upmixed.

Upmixers read directions from level, phase and likeness of the two sides. A side that is too loud,
late or reversed turns them all: it is told, not mended.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.validation import as_audio, as_count, require_finite

__all__ = ["SourceCheck", "SourceReport"]

# What is told. Balanced mixes differ by tenths of a decibel.
BALANCE_DB = 1.0
# Summed to mono, sides so far apart cancel at 10 kHz.
DELAY_MS = 0.05
MONO_CORRELATION = 1.0 - 1e-6  # the difference of the sides is 63 dB below their sum
NEAR_MONO_CORRELATION = 0.98  # 20 dB
REVERSED_CORRELATION = -0.3
DC = 0.003  # -50 dBFS
DC_SECONDS = 1.0  # in less, bass has a mean of its own
SILENCE = 1e-5  # root mean square, -100 dBFS
# Three samples in a row at full scale are no peak of a waveform.
CLIPPED = 0.9999
CLIPPED_RUN = 3

# How the delay is found.
LARGEST_DELAY_MS = 5.0
FRAME_SECONDS = 0.08  # at least: long against the largest delay
FRAME_PERIOD = 2  # every other frame is heard: a delay of the source stays
LOWEST_HZ, HIGHEST_HZ = 100.0, 8000.0  # above, codecs write one signal for both sides
# Mean of the phasors, turned back by the delay: 1 for one delayed sound. Unrelated sides reach
# three to four standard deviations somewhere among some hundred lags.
LEAST_LIKENESS = 0.15
CHANCE = 5.0
NEGLIGIBLE = 1e-12  # in power
STEPS_PER_SAMPLE = 8


@dataclass(frozen=True)
class SourceReport:
    """What `SourceCheck` found."""

    channels: int
    """1 or 2; 0 if nothing was heard."""
    seconds: float
    """How much was heard."""
    balance_db: float
    """Level of the left side less that of the right, dB; infinite if one is silent, NaN if both."""
    delay_ms: float
    """By how much the right side is later than the left; NaN if they have no delay in common."""
    correlation: float
    """Of the sides, -1 to 1; NaN if one is silent."""
    is_reversed: bool
    """Whether one side seems to be the other's opposite."""
    peak: float
    """Largest magnitude."""
    clipped_runs: int
    """How often three samples or more in a row are at full scale."""
    dc: float
    """Mean of the side whose mean is farther from 0."""

    @property
    def is_mono(self) -> bool:
        """Whether both sides carry one signal, maybe at different levels."""
        return self.correlation >= MONO_CORRELATION

    @property
    def is_near_mono(self) -> bool:
        """Whether what differs between the sides is 20 dB below what they share, or more."""
        return self.correlation >= NEAR_MONO_CORRELATION

    def sentences(self) -> list[str]:
        """What to tell before upmixing; nothing if all is well.

        Examples
        --------
        >>> check = SourceCheck(48000)
        >>> left, right = np.random.default_rng(0).standard_normal((2, 48000)) / 10
        >>> check.update(np.stack([1.5 * left, left + right / 2]))
        >>> for sentence in check.report().sentences():
        ...     print(sentence)
        The left side is 2.6 dB louder than the right: centred sounds will lean left.
        """
        return [*self._about_level(), *self._about_sides(), *self._about_faults()]

    def _about_level(self) -> list[str]:
        if math.isnan(self.balance_db):
            if not self.channels:
                return []
            if self.peak > SILENCE:  # one sample, for instance
                return ["The source is the same value throughout: nothing of it can be heard."]
            return ["The source is silent."]
        if math.isinf(self.balance_db):
            silent, heard = ("right", "left") if self.balance_db > 0 else ("left", "right")
            return [f"The {silent} side is silent: all sounds are on the {heard}."]
        if abs(self.balance_db) < BALANCE_DB:
            return []
        loud, soft = ("left", "right") if self.balance_db > 0 else ("right", "left")
        return [
            f"The {loud} side is {abs(self.balance_db):.1f} dB louder than the {soft}: "
            f"centred sounds will lean {loud}."
        ]

    def _about_sides(self) -> list[str]:
        if self.channels != 2:
            return []
        told = []
        if self.is_mono:
            told.append("Both sides are the same: nothing but the centre can be told apart.")
        elif self.is_near_mono:
            told.append(
                f"The sides are nearly the same (correlation {self.correlation:.3f}): "
                "little but the centre can be told apart."
            )
        if self.is_reversed:
            told.append(
                "The sides seem to be of opposite polarity: centred sounds will be heard around, "
                "and cancel in mono."
            )
        if abs(self.delay_ms) >= DELAY_MS:
            late, early = ("right", "left") if self.delay_ms > 0 else ("left", "right")
            told.append(
                f"The {late} side is {abs(self.delay_ms):.2f} ms later than the {early}: "
                f"centred sounds will lean {early} and blur."
            )
        return told

    def _about_faults(self) -> list[str]:
        told = []
        if self.clipped_runs:
            times = "once" if self.clipped_runs == 1 else f"{self.clipped_runs} times"
            told.append(f"The source clips {times}.")
        if abs(self.dc) >= DC and self.seconds >= DC_SECONDS:
            told.append(f"The source has a constant offset of {self.dc:.3f}.")
        return told


class SourceCheck:
    """Balance, delay and likeness of the sides of a source, from blocks as they come.

    The delay is the highest peak, of either sign, of the generalized cross-correlation with phase
    transform (GCC-PHAT) [1]_ between 100 Hz and 8 kHz, averaged over frames of about 0.1 s and
    searched within 5 ms. Sounds panned by level alone have none. The size of the blocks changes
    nothing.

    Parameters
    ----------
    sample_rate : int
        In hertz.

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

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = as_count(sample_rate, "sample_rate")
        self._size = 1 << math.ceil(math.log2(max(FRAME_SECONDS * self.sample_rate, 2.0)))
        frequencies = np.fft.rfftfreq(self._size, 1.0 / self.sample_rate)
        first, last = np.searchsorted(frequencies, [LOWEST_HZ, HIGHEST_HZ]).tolist()
        self._band = slice(first, last)
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._channels = self._samples = self._frames = self._clipped_runs = 0
        self._peak = 0.0
        self._sum = np.zeros(2)
        self._products = np.zeros(3)  # left * left, right * right, left * right
        self._phasors = np.zeros(last - first, dtype=np.complex128)
        self._waiting = np.zeros((2, 0))  # the begin of the next frame
        self._at_full_scale = np.zeros((2, CLIPPED_RUN), dtype=bool)  # the last samples

    def update(self, block: ArrayLike) -> None:
        """Hear the next samples.

        Parameters
        ----------
        block : array_like of float, shape (1 or 2, samples)
            Any number of samples; mono may be (samples,).

        Raises
        ------
        ShapeError, SignalError
            If it is no such audio, not finite, or of another channel count than the block before.
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
        left, right = sides = array[[0, -1]]
        self._samples += len(left)
        self._sum += sides.sum(axis=1, dtype=np.float64)
        pairs = ((left, left), (right, right), (left, right))
        self._products += [np.einsum("i,i", *pair, dtype=np.float64) for pair in pairs]
        self._hear_peaks(np.abs(array))
        self._hear_phases(sides)

    def report(self) -> SourceReport:
        """What was heard until now; more blocks may follow."""
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

    def _hear_peaks(self, magnitudes: NDArray[Any]) -> None:
        """Peak and runs at full scale, those over the seams of blocks among them."""
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

    def _hear_phases(self, sides: NDArray[Any]) -> None:
        """Phasors of the frames that are complete."""
        known = np.concatenate([self._waiting.astype(sides.dtype, copy=False), sides], axis=1)
        period = FRAME_PERIOD * self._size
        whole = known.shape[1] - known.shape[1] % period
        for start in range(0, whole, period):
            phasors = self._phasors_of(known[:, start : start + self._size])
            if phasors is not None:
                self._phasors += phasors
                self._frames += 1
        self._waiting = known[:, whole:].copy()

    def _phasors_of(self, frame: NDArray[Any]) -> NDArray[Any] | None:
        """Phase of right against left in each bin of a frame, or None where nothing sounds."""
        loudest = np.abs(frame).max(axis=1, keepdims=True)
        if not loudest.all():
            return None
        # At one level, as products of what is very loud would pass the largest number.
        spectrum = np.fft.rfft(frame / loudest * self._window)[:, self._band]
        cross = spectrum[1] * spectrum[0].conj()
        magnitude = np.abs(cross)
        # What is far below the loudest bin is rounding, and has no phase.
        least = max(NEGLIGIBLE * float(magnitude.max(initial=0.0)), np.finfo(magnitude.dtype).tiny)
        return cross / np.maximum(magnitude, least)

    def _find_delay(self) -> tuple[float, int]:
        """Delay of the right side in milliseconds and sign of the peak; NaN and 0 if none."""
        count = self._frames * len(self._phasors)
        if not count:
            return math.nan, 0
        spectrum = np.zeros(self._size * STEPS_PER_SAMPLE // 2 + 1, dtype=np.complex128)
        spectrum[self._band] = self._phasors / (2 * count)
        likeness = np.fft.irfft(spectrum, norm="forward")  # at lags 0, 1, ... -1
        steps = int(LARGEST_DELAY_MS / 1000.0 * self.sample_rate * STEPS_PER_SAMPLE)
        near = likeness[np.arange(-steps - 1, steps + 2)]  # one more on either side
        peak = 1 + int(np.abs(near[1:-1]).argmax())
        if abs(near[peak]) < max(LEAST_LIKENESS, CHANCE / math.sqrt(count)):
            return math.nan, 0
        before, at, after = near[peak - 1 : peak + 2]
        curvature = before - 2.0 * at + after  # a parabola through the peak
        offset = 0.5 * (before - after) / curvature if curvature else 0.0
        lag = (peak - 1 - steps + min(1.0, max(-1.0, float(offset)))) / STEPS_PER_SAMPLE
        return 1000.0 * lag / self.sample_rate, int(np.sign(at))
