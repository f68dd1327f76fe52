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


class _Ramp:
    """Gains that change from the present ones to a target, over a block or 10 ms if longer."""

    def __init__(self, sample_rate: int) -> None:
        self._samples = max(1, round(RAMP_SECONDS * sample_rate))
        self.reset()

    def reset(self) -> None:
        """Start with the next target, without a ramp."""
        self._ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._first = self._duration = 0

    def _towards(
        self, target: NDArray[np.float64], samples: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the gains at both ends of the ramp that a block is part of.

        The same array as in the last call stands for a target that has not changed.
        """
        if self._ends is None:
            self._ends = target, target
        elif target is not self._ends[1] and samples:
            start = self._ends[1]
            if self._first < self._duration:
                start = self._between(*self._ends, self._first / self._duration)
            self._ends, self._first = (start, target), 0
            self._duration = max(self._samples, samples)
        return self._ends

    def _advance(self, samples: int) -> None:
        self._first = min(self._first + samples, self._duration)

    def _between(
        self, start: NDArray[np.float64], end: NDArray[np.float64], weight: float
    ) -> NDArray[np.float64]:
        """Return the gains within a ramp."""
        return (1.0 - weight) * start + weight * end


class GainRamp(_Ramp):
    """Mix of sources with gains that reach a new target over a block, or over 10 ms if longer.

    Parameters
    ----------
    n_outputs : int
    sample_rate : int
        Hz.
    unit_power : bool
        Whether the root of the power of a source's gains changes linearly, too. Gains that change
        linearly by themselves lose power between two loudspeakers.
    """

    def __init__(self, n_outputs: int, sample_rate: int, *, unit_power: bool) -> None:
        super().__init__(sample_rate)
        self._n_outputs, self._unit_power = n_outputs, unit_power
        self._weights = np.empty((2, 0))

    def mix(self, block: NDArray[Any], target: NDArray[np.float64]) -> NDArray[Any]:
        """Return the mix (outputs, samples) of the next block (sources, samples).

        ``target`` are gains (sources, outputs); the same array as in the last call stands for
        gains that have not changed.
        """
        samples = block.shape[1]
        start, end = self._towards(target, samples)
        if self._weights.shape[1] < samples or self._weights.dtype != block.dtype:
            self._weights = np.empty((2, samples), block.dtype)
        out = np.zeros((self._n_outputs, samples), block.dtype)
        mix_ramped(
            block,
            start,
            end,
            self._first,
            self._duration,
            self._unit_power,
            self._weights,
            out,
        )
        self._advance(samples)
        return out

    def _between(
        self, start: NDArray[np.float64], end: NDArray[np.float64], weight: float
    ) -> NDArray[np.float64]:
        gains = super()._between(start, end, weight)
        if self._unit_power:
            ends = [np.linalg.norm(gains_of, axis=1) for gains_of in (start, end)]
            wanted = (1.0 - weight) * ends[0] + weight * ends[1]
            gains *= (wanted / np.maximum(np.linalg.norm(gains, axis=1), 1e-150))[:, None]
        return gains


class MatrixRamp(_Ramp):
    """Product of a matrix and blocks, in which a new matrix takes the place of the old one.

    Parameters
    ----------
    sample_rate : int
        Hz.
    """

    def apply(self, block: NDArray[Any], target: NDArray[np.float64]) -> NDArray[Any]:
        """Return the product (outputs, samples) of a matrix (outputs, inputs) and the next block.

        The same array as in the last call stands for a matrix that has not changed.
        """
        samples = block.shape[1]
        start, end = self._towards(target, samples)
        out: NDArray[Any] = end.astype(block.dtype) @ block
        ramped = min(samples, self._duration - self._first)
        if ramped:
            change = (start - end).astype(block.dtype) @ block[:, :ramped]
            places = np.arange(self._first + 1, self._first + ramped + 1)
            change *= (1.0 - places / self._duration).astype(block.dtype)
            out[:, :ramped] += change
        self._advance(samples)
        return out
