"""Upmixing by networks that hear some seconds at once: windows that fade into each other."""

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

# Seconds at either end of a window that are heard, but not used: STFT frames there are not whole.
MARGIN = 0.1


class WindowedStream(UpmixStream):
    """Windows that overlap, one fading into the next by a raised cosine.

    The last window ends with the song, and is as long as the others if the song is. A subclass
    defines ``_upmix_window``. What it makes the same in two windows is the same to the bit where
    one fades into the other.

    Parameters
    ----------
    upmixer : Upmixer
        Whose ``format`` comes out.
    sample_rate : int
        Hz.
    window, overlap : int
        Samples of a window, and of those how many it shares with the next; at most half of it.
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
        self._made: NDArray[Any] | None = None  # of the window before, from the margin on
        self.latency = self._window - 1

    def upmix(self, audio: NDArray[Any]) -> NDArray[Any]:
        """Upmix a whole signal."""
        channels = self.upmixer.format.n_channels
        return upmix_in_blocks(audio, channels, self._process, self._rest)

    @abstractmethod
    def _upmix_window(self, audio: NDArray[np.float64], start: int) -> NDArray[Any]:
        """One window, of one sample or more, in the upmixer's format.

        ``start`` is the sample of the song that it starts with.
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
        """What is left when the song ends."""
        filled = len(self._input) - self._before
        if self._made is not None and filled == self._window - self._hop:
            return self._made  # a window ended with the song
        if not filled:
            return self._nothing()
        if self._made is None:
            return self._upmix_window(self._input.take(), 0)
        before = self._window - filled
        last = self._input.take()[:, -self._window :]
        made = self._upmix_window(last, self._start - before)
        return self._joined(self._made, made[:, before + self._margin :])

    def _advance(self) -> NDArray[Any]:
        """Upmix the window, which is full, and move it on by a hop."""
        window = self._input.peek(self._before + self._window)[:, self._before :]
        made = self._upmix_window(window, self._start)
        ready = self._hop
        if self._made is None:
            ready += self._margin
        else:
            made = self._joined(self._made, made[:, self._margin :])
        self._made = made[:, ready:]
        self._input.skip(self._before)
        self._before = self._hop
        self._start += self._hop
        return made[:, :ready]

    def _joined(self, before: NDArray[Any], made: NDArray[Any]) -> NDArray[Any]:
        """``made``, from the window's margin on, where the window before fades into it."""
        fade = len(self._fade)
        joined = made.copy()
        joined[:, :fade] = before[:, :fade] + self._fade * (made[:, :fade] - before[:, :fade])
        return joined


def fitted(audio: NDArray[Any], samples: int) -> NDArray[Any]:
    """Audio cut to so many samples, or with silence behind it."""
    short = samples - audio.shape[1]
    return np.pad(audio, ((0, 0), (0, short))) if short > 0 else audio[:, :samples]
