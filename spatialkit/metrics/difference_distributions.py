"""Distributions of the differences between channels of two signals, and their distances.

The 1-Wasserstein distance is the area between both distribution functions. The differences are
rounded to 2^-23 of their range, and counted in cells of 2^-19 of it with the sum of their places in
the cell: the area of a cell follows from both, unless the functions cross within it. The memory
does not depend on the number of values, and nothing is sorted.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.kernels import add_area, add_differences

# Steps to which differences are rounded, as a power of two, from -clip to clip.
STEP_BITS = 23
# Powers of two: cells of each distribution, and of all of them (8 bytes each).
MIN_CELL_BITS, MAX_CELL_BITS, TOTAL_BITS = 14, 19, 24
# First digits of a difference by which differences are grouped, so that the cells of a group are in
# the CPU cache when they are counted.
GROUP_BITS = 9
# Values of a channel of which the differences are counted at a time: many for each cell.
VALUES_PER_COUNT = 1 << 19


class DifferenceDistributions:
    """Distributions of the differences of each pair of channels, for two signals.

    Pairs are in the order of ``itertools.combinations(range(channels), 2)``.

    Parameters
    ----------
    channels : int
    values : int
        About the number of values of a channel; fewer than 2^19 need fewer cells.
    clip : float
        Limit of the magnitude of the differences.
    """

    def __init__(self, channels: int, values: int, clip: float) -> None:
        self._pairs = list(combinations(range(channels), 2))
        share = TOTAL_BITS - math.ceil(math.log2(2 * max(len(self._pairs), 1)))
        bits = min(max(values.bit_length(), 17), MAX_CELL_BITS, max(share, MIN_CELL_BITS))
        self._cells = np.zeros((2, len(self._pairs), 1 << bits), np.int64)
        self._counts = [0, 0]
        self._place_bits = STEP_BITS - bits
        # Differences of 0 and the limits are at edges of cells.
        self._limit = (1 << (STEP_BITS - 1)) - (1 << self._place_bits)
        self._scale = self._limit / clip
        self._starts = np.empty((1 << GROUP_BITS) + 1, np.int64)
        size = min(max(values, 1), VALUES_PER_COUNT)
        self._levels = np.empty((2, channels, size), np.float32)
        self._filled = [0, 0]
        self._steps = np.empty((2, size), np.int32)

    def add(self, signal: int, levels: NDArray[Any]) -> None:
        """Count the differences of the next values of a signal.

        Parameters
        ----------
        signal : int
            0 or 1.
        levels : ndarray of float32, shape (channels, values)
        """
        memory, start = self._levels[signal], 0
        while start < levels.shape[1]:
            filled = self._filled[signal]
            part = levels[:, start : start + memory.shape[1] - filled]
            start += part.shape[1]
            self._filled[signal] += part.shape[1]
            memory[:, filled : self._filled[signal]] = part
            if self._filled[signal] == memory.shape[1]:
                self._count(signal)

    def distances(self) -> NDArray[np.float64]:
        """Return the distance (pairs,) between the distributions of both signals."""
        for signal in range(2):
            self._count(signal)
        # Whole numbers, so that equal distributions have no distance: heights times both counts.
        common = math.gcd(*self._counts)
        heights = [count // common for count in reversed(self._counts)]
        areas = np.zeros(len(self._pairs))
        for pair in range(len(self._pairs)):
            first, second = self._cells[:, pair]
            add_area(first, second, heights[0], heights[1], self._place_bits, areas[pair:])
        return areas / (self._scale * self._counts[0] * heights[0])

    def _count(self, signal: int) -> None:
        """Count the differences of the values in memory."""
        size = self._filled[signal]
        levels, steps = self._levels[signal, :, :size], self._steps[:, :size]
        for cells, (i, j) in zip(self._cells[signal], self._pairs, strict=True):
            add_differences(
                *(levels[i], levels[j], self._scale, self._limit, self._place_bits),
                *(STEP_BITS - GROUP_BITS, self._starts, steps[0], steps[1], cells),
            )
        self._counts[signal] += size
        self._filled[signal] = 0
