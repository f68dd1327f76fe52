"""Frames of the short-time Fourier transform: framing, transform and overlap-add.

Positions are counted from the first sample of the first frame. The first frame is centred on the
first sample of the signal, which therefore has the position ``centre``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._fourier import irfft, rfft_frames
from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.validation import as_array, as_count, as_numbers, reason

# The inverse divides by the overlap sum of the squared window. Below this ratio to its maximum,
# rounding errors and changes of the spectrum would be amplified too much.
MIN_OVERLAP = 1e-3
MAX_N_FFT = 1 << 22
# Frames that are added at a time.
FRAMES_PER_BLOCK = 64


class Frames:
    """Transform of frames with given size, hop and window, and its least-squares inverse."""

    def __init__(self, n_fft: int, hop: int, window: str | ArrayLike) -> None:
        self.n_fft = as_count(n_fft, "n_fft", minimum=2, maximum=MAX_N_FFT)
        self.hop = as_count(hop, "hop", maximum=self.n_fft)
        self.centre = self.n_fft // 2
        self.bins = self.n_fft // 2 + 1
        self.window = as_window(window, self.n_fft)
        # Row j, column r: sum of the squared windows of the newest j frames that overlap at a
        # sample r samples after the start of a hop.
        self.hops_per_frame = -(-self.n_fft // self.hop)
        squared = np.zeros(self.hops_per_frame * self.hop)
        squared[: self.n_fft] = self.window**2
        self.overlaps = np.zeros((self.hops_per_frame + 1, self.hop))
        np.cumsum(squared.reshape(self.hops_per_frame, self.hop), axis=0, out=self.overlaps[1:])
        maximum = self.overlaps[-1].max()
        self.min_overlap = MIN_OVERLAP * maximum
        # At the start of the signal, frames before the first one are missing.
        first = self._overlap(np.arange(self.centre, self.n_fft), self.hops_per_frame)
        minimum = min(self.overlaps[-1].min(), first.min())
        if not minimum >= self.min_overlap > 0.0:
            ratio = minimum / maximum if maximum > 0.0 else 0.0
            raise OptionError(
                f"n_fft={n_fft}, hop={hop} and this window have no stable inverse: the overlap sum "
                f"of the squared window falls to {ratio:.1e} of its maximum, at least "
                f"{MIN_OVERLAP:g} is required; use a smaller hop"
            )

    def span(self, count: int) -> int:
        """Return the number of samples that ``count`` frames cover."""
        return (count - 1) * self.hop + self.n_fft if count else 0

    def analyse(self, padded: NDArray[Any], count: int) -> NDArray[Any]:
        """Return the first ``count`` frames of ``padded`` (..., samples)."""
        lead, window = padded.shape[:-1], self.window.astype(padded.dtype)
        rows = padded.reshape(math.prod(lead), padded.shape[-1])
        spectrum = np.empty((len(rows), count, self.bins), np.result_type(padded, np.complex64))
        rfft_frames(rows, self.hop, window, self.n_fft, spectrum)
        return spectrum.reshape(*lead, count, self.bins).swapaxes(-1, -2)

    def overlap_add(self, spectrum: NDArray[Any], summed: NDArray[Any]) -> None:
        """Add frames (..., bins, frames) to ``summed`` (..., samples), in order."""
        # Window divided by the overlap sum of all frames, which is periodic in the hop.
        dual = self.window / np.resize(self.overlaps[-1], self.n_fft)
        dual = dual.astype(summed.dtype)
        for row in np.ndindex(spectrum.shape[:-2]):
            framed, target = spectrum[row].T, summed[row]
            for k in range(0, len(framed), FRAMES_PER_BLOCK):
                segments = irfft(framed[k : k + FRAMES_PER_BLOCK], self.n_fft)
                segments *= dual
                for start, segment in enumerate(segments, k):
                    target[start * self.hop : start * self.hop + self.n_fft] += segment

    def complete(self, samples: NDArray[Any], first: int, count: int) -> None:
        """Correct ``samples`` from position ``first`` at the edges, where frames are missing."""
        end = first + samples.shape[-1]
        head = min(max((self.hops_per_frame - 1) * self.hop, first), end)
        tail = min(max(count * self.hop, head), end)
        for begin, stop in ((first, head), (tail, end)):
            positions = np.arange(begin, stop)
            gains = self.overlaps[-1, positions % self.hop] / self._overlap(positions, count)
            samples[..., begin - first : stop - first] *= gains.astype(samples.dtype)

    def _overlap(self, positions: NDArray[np.intp], count: int) -> NDArray[np.float64]:
        """Return the overlap sum at ``positions`` of the first ``count`` frames only."""
        hops, rest = np.divmod(positions, self.hop)
        newest = np.clip(hops - count + 1, 0, self.hops_per_frame)
        oldest = np.minimum(hops + 1, self.hops_per_frame)
        return self.overlaps[oldest, rest] - self.overlaps[newest, rest]

    def as_length(self, length: int | None, count: int) -> int:
        """Return the output length after checking that ``count`` frames determine it."""
        whole = max(count - 1, 0) * self.hop
        length = whole if length is None else as_count(length, "length", minimum=0)
        end = min(self.centre + length, max(self.span(count), self.centre) + 1)
        positions = np.arange(max(count * self.hop, self.centre), end)
        undetermined = positions[self._overlap(positions, count) < self.min_overlap]
        if undetermined.size:
            raise OptionError(
                f"length={length} exceeds what {count} frames of n_fft={self.n_fft}, "
                f"hop={self.hop} determine: from sample {undetermined[0] - self.centre} their "
                f"overlap sum is below {MIN_OVERLAP:g} of its maximum; use a smaller hop, or pad "
                "the audio to a multiple of the hop"
            )
        return length

    def as_spectrum(self, spectrum: ArrayLike) -> NDArray[Any]:
        """Return a spectrum as an array after checking its data type and number of bins."""
        array = as_array(spectrum, "spectrum", SignalError)
        if array.dtype not in (np.complex64, np.complex128):
            raise SignalError(f"spectrum must be complex64 or complex128, got {array.dtype}")
        if array.ndim < 2 or array.shape[-2] != self.bins:
            raise ShapeError(
                f"spectrum must have shape (..., {self.bins}, frames) for n_fft={self.n_fft}, "
                f"got {array.shape}"
            )
        return array


def as_window(window: str | ArrayLike, n_fft: int) -> NDArray[np.float64]:
    """Return the samples of a window, given by name or as an array."""
    if isinstance(window, str) and window == "hann":
        return 0.5 - 0.5 * np.cos(np.arange(n_fft) * (2.0 * np.pi / n_fft))
    if isinstance(window, str):
        from scipy.signal import get_window

        try:
            return np.asarray(get_window(window, n_fft), dtype=np.float64)
        except ValueError as error:
            raise OptionError(
                f"window must be a name of scipy.signal.get_window or an array, got "
                f"{window!r} ({reason(error)})"
            ) from error
    array = as_numbers(window, "window", OptionError)
    if array.shape != (n_fft,):
        raise ShapeError(f"window must have shape (n_fft,) = ({n_fft},), got {array.shape}")
    if not np.all(np.isfinite(array)):
        raise OptionError("window must contain finite real numbers only")
    return array.copy()
