"""Overlap-add of the outputs of networks with a fixed input window."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.sample_queue import SampleQueue
from spatialkit.upmixing import UpmixStream, upmix_in_blocks

if TYPE_CHECKING:
    from spatialkit.upmixing import Upmixer

__all__ = ["WindowedStream", "fitted"]

# Seconds at both ends of a window whose output is discarded, as STFT frames are incomplete there.
MARGIN = 0.1


class WindowedStream(UpmixStream):
    """Stream of overlapping windows with raised-cosine cross-fades.

    The last window ends with the song and has the full length if the song is long enough. A
    subclass defines ``_upmix_window``. Where its output is equal in two windows, the cross-fade
    returns it exactly.

    Parameters
    ----------
    upmixer : Upmixer
        Upmixer whose ``format`` the output has.
    sample_rate : int
        Sample rate in Hz.
    window, overlap : int
        Length of a window and of its overlap with the next, at most half of it, in samples.
    """

    def __init__(self, upmixer: Upmixer, sample_rate: int, window: int, overlap: int) -> None:
        super().__init__(upmixer, sample_rate)
        self._window = window
        self._hop = window - min(overlap, window // 2)
        self._margin = int(MARGIN * sample_rate)
        fade = self._window - self._hop - 2 * self._margin
        self._fade = np.square(np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade), dtype=np.float32)
        # Up to a hop of samples before the window, then the samples of the window so far.
        self._input = SampleQueue()
        self._before = self._start = 0
        # Output of the previous window after the samples that were returned.
        self._previous: NDArray[Any] | None = None
        self.latency = self._window - 1

    def upmix(self, audio: NDArray[Any]) -> NDArray[Any]:
        """Upmix a whole signal."""
        channels = self.upmixer.format.n_channels
        return upmix_in_blocks(audio, channels, self._process, self._rest)

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
        self._input.append(block.astype(np.float64))
        ready = [np.zeros((self.upmixer.format.n_channels, 0), block.dtype)]
        while len(self._input) >= self._before + self._window:
            ready.append(self._advance().astype(block.dtype))
        return np.concatenate(ready, axis=1)

    def _flush(self) -> NDArray[Any]:
        nothing = self._nothing()
        return self._rest().astype(nothing.dtype)

    def _rest(self) -> NDArray[Any]:
        """Return the output for the end of the song."""
        filled = len(self._input) - self._before
        if self._previous is not None and filled == self._window - self._hop:
            return self._previous  # the song ends with a window
        if not filled:
            return self._nothing()
        if self._previous is None:
            return self._upmix_window(self._input.take(), 0)
        before = self._window - filled
        window = self._input.take()[:, -self._window :]
        output = self._upmix_window(window, self._start - before)
        return self._cross_fade(self._previous, output[:, before + self._margin :])

    def _advance(self) -> NDArray[Any]:
        """Upmix a full window and advance by a hop."""
        window = self._input.peek(self._before + self._window)[:, self._before :]
        output = self._upmix_window(window, self._start)
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
        faded[:, :fade] = previous[:, :fade] + self._fade * (output[:, :fade] - previous[:, :fade])
        return faded


def fitted(audio: NDArray[Any], samples: int) -> NDArray[Any]:
    """Return audio truncated to a number of samples, or padded with silence."""
    short = samples - audio.shape[1]
    return np.pad(audio, ((0, 0), (0, short))) if short > 0 else audio[:, :samples]
