"""Overlap-add of the outputs of overlapping windows, for signals of any length."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing import UpmixStream, upmix_in_blocks

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer

__all__ = ["OverlapAdd", "WindowedStream", "fitted"]

# Seconds at both ends of a window whose output is discarded, as STFT frames are incomplete there.
MARGIN = 0.1


class OverlapAdd:
    """Processing of a signal in overlapping windows with raised-cosine cross-fades.

    The last window ends with the signal and has the full length if the signal is long enough. Where
    the outputs of two windows are equal, the cross-fade returns them exactly. A signal is processed
    block by block (`process`, then `flush`) or at once (`whole`).

    Parameters
    ----------
    function : callable
        Called with the samples of a window, float64 of shape (channels, samples), at least one
        sample, and the index of the first one in the signal. Returns (rows, samples).
    rows : int
        Number of rows of its output.
    sample_rate : int
        Sample rate in Hz.
    window, overlap : int
        Length of a window and of its overlap with the next, at most half of it, in samples.

    Attributes
    ----------
    latency : int
        Largest number of samples buffered after a call of `process`.
    """

    def __init__(
        self,
        function: Callable[[NDArray[np.float64], int], NDArray[Any]],
        rows: int,
        sample_rate: int,
        window: int,
        overlap: int,
    ) -> None:
        self._function, self._rows = function, rows
        self._window = max(window, 2)
        self._hop = self._window - min(overlap, self._window // 2)
        shared = self._window - self._hop
        self._margin = min(int(MARGIN * sample_rate), max(shared - 1, 0) // 2)
        fade = shared - 2 * self._margin
        self._fade = np.square(np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / max(fade, 1)))
        # Up to a hop of samples before the window, then the samples of the window so far.
        self._input = SampleQueue()
        self._before = self._start = 0
        # Output of the previous window after the samples that were returned.
        self._previous: NDArray[Any] | None = None
        self.latency = self._window - 1

    def whole(self, audio: NDArray[Any]) -> NDArray[Any]:
        """Process a whole signal, (channels, samples) to (rows, samples)."""
        return upmix_in_blocks(audio, self._rows, self.process, self.flush)

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Process the next samples, and return those that are ready in their data type."""
        self._input.append(block.astype(np.float64))
        ready = [np.zeros((self._rows, 0), block.dtype)]
        while len(self._input) >= self._before + self._window:
            ready.append(self._advance().astype(block.dtype))
        return np.concatenate(ready, axis=1)

    def flush(self) -> NDArray[Any]:
        """Return the output for the end of the signal; called after at least one block."""
        filled = len(self._input) - self._before
        if self._previous is not None and filled == self._window - self._hop:
            return self._previous  # the signal ends with a window
        if not filled:
            return np.zeros((self._rows, 0))
        if self._previous is None:
            return self._function(self._input.take(), 0)
        before = self._window - filled
        window = self._input.take()[:, -self._window :]
        output = self._function(window, self._start - before)
        return self._cross_fade(self._previous, output[:, before + self._margin :])

    def _advance(self) -> NDArray[Any]:
        """Process a full window and advance by a hop."""
        window = self._input.peek(self._before + self._window)[:, self._before :]
        output = self._function(window, self._start)
        ready = self._hop
        if self._previous is None:
            ready += self._margin
        else:
            output = self._cross_fade(self._previous, output[:, self._margin :])
        self._previous = output[:, ready:]
        self._input.skip(self._before)
        self._before = self._hop
        self._start += self._hop
        return output[:, :ready]

    def _cross_fade(self, previous: NDArray[Any], output: NDArray[Any]) -> NDArray[Any]:
        """Return ``output``, from the margin of its window on, faded in over ``previous``."""
        fade = len(self._fade)
        faded = output.copy()
        # This form is exact where both are equal.
        weight = self._fade.astype(output.dtype)
        faded[:, :fade] = previous[:, :fade] + weight * (output[:, :fade] - previous[:, :fade])
        return faded


class WindowedStream(UpmixStream):
    """Stream that upmixes in overlapping windows, see `OverlapAdd`.

    A subclass defines ``_upmix_window``.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    window, overlap : int
        Length of a window and of its overlap with the next, at most half of it, in samples.
    channels : int, optional
        Number of channels that are returned; by default those of the format.
    """

    def __init__(
        self,
        upmixer: Upmixer,
        sample_rate: int,
        window: int,
        overlap: int,
        channels: int | None = None,
    ) -> None:
        super().__init__(upmixer, sample_rate)
        if channels is not None:
            self.channels = channels
        self._windows = OverlapAdd(self._upmix_window, self.channels, sample_rate, window, overlap)
        self.latency = self._windows.latency

    def upmix(self, audio: NDArray[Any]) -> NDArray[Any]:
        """Upmix a whole signal."""
        return self._windows.whole(audio)

    @abstractmethod
    def _upmix_window(self, audio: NDArray[np.float64], start: int) -> NDArray[Any]:
        """Upmix one window to the upmixer's format.

        Parameters
        ----------
        audio : ndarray, shape (channels, samples)
            At least one sample.
        start : int
            Index of the first sample in the song.
        """

    def _process(self, block: NDArray[Any]) -> NDArray[Any]:
        return self._windows.process(block)

    def _flush(self) -> NDArray[Any]:
        return self._windows.flush().astype(self._nothing().dtype)


def fitted(audio: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return audio truncated to a number of samples, or padded with silence."""
    short = samples - audio.shape[1]
    return np.pad(audio, ((0, 0), (0, short))) if short > 0 else audio[:, :samples]
