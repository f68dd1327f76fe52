"""Bass management, band limits, gains and delays, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.crossover import BandSplit

__all__ = ["SetupFilter"]

Values = NDArray[np.float64]


class SetupFilter:
    """Filter from the channels of a layout to the signals of its loudspeakers, with state.

    Parameters
    ----------
    sample_rate : int
        Hz.
    crossover : ndarray, shape (channels,)
        Hz; NaN for channels of full range.
    feeds : ndarray, shape (channels, channels)
        Gains of the low bands of channels with a crossover, and of channels that are subwoofers.
        The rows of subwoofers are their signals; all others are zero.
    high_pass, low_pass : ndarray, shape (channels,)
        Hz; NaN for none.
    gain : ndarray, shape (channels,)
        Linear.
    delay : ndarray, shape (channels,)
        Seconds.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        crossover: Values,
        feeds: Values,
        high_pass: Values,
        low_pass: Values,
        gain: Values,
        delay: Values,
    ) -> None:
        self._crossovers = list(_splits(crossover, sample_rate, "crossover"))
        self._high_passes = list(_splits(high_pass, sample_rate, "high_pass"))
        self._low_passes = list(_splits(low_pass, sample_rate, "low_pass"))
        self._subwoofers = np.flatnonzero(feeds.any(axis=1))
        self._feeds = [
            [(channel, row[channel]) for channel in np.flatnonzero(row)]
            for row in feeds[self._subwoofers]
        ]
        self._gain = gain[:, None]
        self._delay = np.round(delay * sample_rate).astype(int)
        self.reset()

    def reset(self) -> None:
        """Forget all blocks."""
        for _, split in (*self._crossovers, *self._high_passes, *self._low_passes):
            split.reset()
        self._past = np.zeros((len(self._delay), self._delay.max()))

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the signals (channels, samples) of the next block of float32 or float64."""
        out = block.astype(np.float64)
        bass = out.copy()
        for channels, split in self._crossovers:
            bass[channels], out[channels] = split.process(out[channels])
        # Not a matrix product, which adds in another order in blocks of another size.
        for subwoofer, feeds in zip(self._subwoofers, self._feeds, strict=True):
            out[subwoofer] = sum(gain * bass[channel] for channel, gain in feeds)
        for channels, split in self._high_passes:
            out[channels] = split.process(out[channels])[1]
        for channels, split in self._low_passes:
            out[channels] = split.process(out[channels])[0]
        out *= self._gain
        return self._delayed(out).astype(block.dtype)

    def _delayed(self, block: Values) -> Values:
        longest, samples = self._past.shape[1], block.shape[1]
        if not longest:
            return block
        whole = np.hstack([self._past, block])
        self._past = whole[:, samples:].copy()
        starts = longest - self._delay
        return np.stack(
            [row[start : start + samples] for row, start in zip(whole, starts, strict=True)]
        )


def _splits(
    frequency: Values, sample_rate: int, name: str
) -> Iterator[tuple[NDArray[np.intp], BandSplit]]:
    """Yield the channels of each frequency and their crossover."""
    for hertz in np.unique(frequency[~np.isnan(frequency)]):
        channels = np.flatnonzero(frequency == hertz)
        yield channels, BandSplit(len(channels), sample_rate, hertz, name)
