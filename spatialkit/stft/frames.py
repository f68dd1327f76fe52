"""Frames of the short-time Fourier transform: how they are cut, transformed and added up again.

Positions count from the first sample of the first frame, which is centred on the first sample of
the signal: that stands at position ``centre``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.validation import as_count

# The inverse divides by the overlap sum of the squared window: where that falls below this share
# of its largest value, rounding and whatever was done to the spectrum would be blown up.
LEAST_OVERLAP = 1e-3
# Frames transformed at a time: their buffer stays within the processor's cache.
FRAMES_AT_ONCE = 64


class Frames:
    """Frames of one size, hop and window: their transform and its least-squares inverse."""

    def __init__(self, n_fft: int, hop: int, window: str | ArrayLike) -> None:
        self.n_fft = as_count(n_fft, "n_fft", minimum=2)
        self.hop = as_count(hop, "hop", maximum=self.n_fft)
        self.centre = self.n_fft // 2
        self.bins = self.n_fft // 2 + 1
        self.window = as_window(window, self.n_fft)
        # Row j, column r: the squared windows of the first j of the frames over a sample, newest
        # first, that lies r samples behind the start of a hop.
        self.turns = -(-self.n_fft // self.hop)
        squared = np.zeros(self.turns * self.hop)
        squared[: self.n_fft] = self.window**2
        self.overlaps = np.zeros((self.turns + 1, self.hop))
        np.cumsum(squared.reshape(self.turns, self.hop), axis=0, out=self.overlaps[1:])
        most = self.overlaps[-1].max()
        self.least = LEAST_OVERLAP * most
        # Where a signal begins, the frames that would have begun before the first one are missing.
        first = self._overlap(np.arange(self.centre, self.n_fft), self.turns)
        seen = min(self.overlaps[-1].min(), first.min())
        if not seen >= self.least > 0.0:
            share = seen / most if most > 0.0 else 0.0
            raise OptionError(
                f"n_fft={n_fft} with hop={hop} and this window leaves samples nearly unseen: the "
                f"overlap sum of the squared window falls to {share:.1e} of its largest value, "
                f"{LEAST_OVERLAP:g} is needed to invert it; take a smaller hop"
            )

    def span(self, count: int) -> int:
        """Return how many samples ``count`` frames cover."""
        return (count - 1) * self.hop + self.n_fft if count else 0

    def analyse(self, padded: NDArray[Any], count: int) -> NDArray[Any]:
        """Return the first ``count`` frames of ``padded`` (..., samples)."""
        import scipy.fft

        lead, window = padded.shape[:-1], self.window.astype(padded.dtype)
        rows = padded.reshape(math.prod(lead), padded.shape[-1])
        spectrum = np.empty((len(rows), count, self.bins), np.result_type(padded, np.complex64))
        for row, target in zip(rows, spectrum, strict=True):
            if count:
                framed = np.lib.stride_tricks.sliding_window_view(row, self.n_fft)[:: self.hop]
            for k in range(0, count, FRAMES_AT_ONCE):
                end = min(k + FRAMES_AT_ONCE, count)
                target[k:end] = scipy.fft.rfft(framed[k:end] * window)
        return spectrum.reshape(*lead, count, self.bins).swapaxes(-1, -2)

    def overlap_add(self, spectrum: NDArray[Any], summed: NDArray[Any]) -> None:
        """Add the frames (..., bins, frames) into ``summed`` (..., samples), in their order."""
        import scipy.fft

        # Divided by the overlap sum where all frames are there, which repeats with every hop.
        dual = self.window / np.resize(self.overlaps[-1], self.n_fft)
        dual = dual.astype(summed.dtype)
        for row in np.ndindex(spectrum.shape[:-2]):
            framed, target = spectrum[row].T, summed[row]
            for k in range(0, len(framed), FRAMES_AT_ONCE):
                pieces = scipy.fft.irfft(framed[k : k + FRAMES_AT_ONCE], self.n_fft)
                pieces *= dual
                for start, piece in enumerate(pieces, k):
                    target[start * self.hop : start * self.hop + self.n_fft] += piece

    def complete(self, samples: NDArray[Any], first: int, count: int) -> None:
        """Divide ``samples``, which begin at position ``first``, at the edges by what is there."""
        end = first + samples.shape[-1]
        head = min(max((self.turns - 1) * self.hop, first), end)
        tail = min(max(count * self.hop, head), end)
        for begin, stop in ((first, head), (tail, end)):
            positions = np.arange(begin, stop)
            gains = self.overlaps[-1, positions % self.hop] / self._overlap(positions, count)
            samples[..., begin - first : stop - first] *= gains.astype(samples.dtype)

    def _overlap(self, positions: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Overlap sum at ``positions`` if there are ``count`` frames only."""
        hops, rest = np.divmod(positions, self.hop)
        newest = np.clip(hops - count + 1, 0, self.turns)
        oldest = np.minimum(hops + 1, self.turns)
        return self.overlaps[oldest, rest] - self.overlaps[newest, rest]

    def as_length(self, length: int | None, count: int) -> int:
        """Return ``length``, or the reason why ``count`` frames do not hold so many samples."""
        whole = max(count - 1, 0) * self.hop
        length = whole if length is None else as_count(length, "length", minimum=0)
        end = min(self.centre + length, max(self.span(count), self.centre) + 1)
        positions = np.arange(max(count * self.hop, self.centre), end)
        unseen = positions[self._overlap(positions, count) < self.least]
        if unseen.size:
            raise OptionError(
                f"length={length} reaches beyond what {count} frames of n_fft={self.n_fft}, "
                f"hop={self.hop} hold: from sample {unseen[0] - self.centre} on their overlap sum "
                f"is below {LEAST_OVERLAP:g} of its largest value; take a smaller hop, or pad the "
                "audio to a multiple of the hop"
            )
        return length

    def as_spectrum(self, spectrum: ArrayLike) -> NDArray[Any]:
        """Return ``spectrum`` as an array, or the reason why it is none of these frames."""
        array = np.asarray(spectrum)
        if array.dtype not in (np.complex64, np.complex128):
            raise SignalError(f"spectrum must be complex64 or complex128, got {array.dtype}")
        if array.ndim < 2 or array.shape[-2] != self.bins:
            raise ShapeError(
                f"spectrum must have shape (..., {self.bins}, frames) for n_fft={self.n_fft}, "
                f"got {array.shape}"
            )
        return array


def as_window(window: str | ArrayLike, n_fft: int) -> NDArray[np.float64]:
    if isinstance(window, str) and window == "hann":
        return 0.5 - 0.5 * np.cos(np.arange(n_fft) * (2.0 * np.pi / n_fft))
    if isinstance(window, str):
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(window, n_fft), dtype=np.float64)
        except ValueError as error:
            raise OptionError(
                f"window must be a name that scipy.signal.get_window knows or an array, got "
                f"{window!r} ({error})"
            ) from error
    array = np.asarray(window)
    if array.shape != (n_fft,):
        raise ShapeError(f"window must have shape ({n_fft},), as many as n_fft, got {array.shape}")
    if not (np.isrealobj(array) and np.all(np.isfinite(array))):
        raise OptionError("window must hold finite real numbers")
    return array.astype(np.float64)
