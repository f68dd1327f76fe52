"""Gains that follow their targets in ramps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.realtime.kernels import mix_ramped

__all__ = ["RAMP_SECONDS", "GainRamp", "MatrixRamp"]

# Shortest ramp. A ramp of 10 ms is not heard as a click, and is shorter than the blocks of most
# programs.
RAMP_SECONDS = 0.01


class GainRamp:
    """Mix of sources with gains that reach a new target over a block, or over 10 ms if longer.

    Parameters
    ----------
    n_sources, n_outputs : int
    sample_rate : int
        Hz.
    unit_power : bool
        Whether the root of the power of a source's gains changes linearly, too. Gains that change
        linearly by themselves lose power between two loudspeakers.
    """

    def __init__(
        self, n_sources: int, n_outputs: int, sample_rate: int, *, unit_power: bool
    ) -> None:
        self._shape = (n_sources, n_outputs)
        self._samples = max(1, round(RAMP_SECONDS * sample_rate))
        self._unit_power = unit_power
        self._weights = np.empty((2, 0))
        self.reset()

    def reset(self) -> None:
        """Start with the next target, without a ramp."""
        self._start: NDArray[np.float64] | None = None
        self._target: NDArray[np.float64] | None = None
        self._first = self._duration = 0

    def mix(self, block: NDArray[Any], target: NDArray[np.float64]) -> NDArray[Any]:
        """Return the mix (outputs, samples) of the next block (sources, samples).

        ``target`` are gains (sources, outputs); the same array as in the last call stands for
        gains that have not changed.
        """
        samples = block.shape[1]
        if self._target is None or self._start is None:
            self._start = self._target = target
        elif target is not self._target and samples:
            self._start = self._current()
            self._target, self._first = target, 0
            self._duration = max(self._samples, samples)
        if self._weights.shape[1] < samples or self._weights.dtype != block.dtype:
            self._weights = np.empty((2, samples), block.dtype)
        out = np.zeros((self._shape[1], samples), block.dtype)
        mix_ramped(
            block,
            self._start,
            self._target,
            self._first,
            self._duration,
            self._unit_power,
            self._weights,
            out,
        )
        self._first = min(self._first + samples, self._duration)
        return out

    def _current(self) -> NDArray[np.float64]:
        """Return the gains of the last sample."""
        assert self._start is not None
        assert self._target is not None
        if self._first == self._duration:
            return self._target
        weight = self._first / self._duration
        gains: NDArray[np.float64] = (1.0 - weight) * self._start + weight * self._target
        if self._unit_power:
            ends = [np.linalg.norm(ends, axis=1) for ends in (self._start, self._target)]
            wanted = (1.0 - weight) * ends[0] + weight * ends[1]
            gains *= (wanted / np.maximum(np.linalg.norm(gains, axis=1), 1e-150))[:, None]
        return gains


class MatrixRamp:
    """Product of a matrix and blocks, in which a new matrix takes the place of the old one.

    Parameters
    ----------
    sample_rate : int
        Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._samples = max(1, round(RAMP_SECONDS * sample_rate))
        self.reset()

    def reset(self) -> None:
        """Start with the next target, without a ramp."""
        self._start: NDArray[np.float64] | None = None
        self._target: NDArray[np.float64] | None = None
        self._first = self._duration = 0

    def apply(self, block: NDArray[Any], target: NDArray[np.float64]) -> NDArray[Any]:
        """Return the product (outputs, samples) of a matrix (outputs, inputs) and the next block.

        The same array as in the last call stands for a matrix that has not changed.
        """
        samples = block.shape[1]
        if self._target is None or self._start is None:
            self._start = self._target = target
        elif target is not self._target and samples:
            if self._first < self._duration:
                weight = self._first / self._duration
                self._start = (1.0 - weight) * self._start + weight * self._target
            else:
                self._start = self._target
            self._target, self._first = target, 0
            self._duration = max(self._samples, samples)
        out: NDArray[Any] = self._target.astype(block.dtype) @ block
        ramped = min(samples, self._duration - self._first)
        if ramped:
            change = (self._start - self._target).astype(block.dtype) @ block[:, :ramped]
            places = np.arange(self._first + 1, self._first + ramped + 1)
            change *= (1.0 - places / self._duration).astype(block.dtype)
            out[:, :ramped] += change
        self._first = min(self._first + samples, self._duration)
        return out
