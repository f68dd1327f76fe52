"""The signal paths of `FOALeftover` and `FOAMono`: X of what is left over, Y of all-passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spatialkit.sample_queue import SampleQueue
from spatialkit.stft import StreamingISTFT, StreamingSTFT
from spatialkit.upmixing.ambience.stream import FRAME_SECONDS, HOPS_IN_FRAME, LEAST_FRAME
from spatialkit.upmixing.interface import Upmixer, UpmixStream
from spatialkit.upmixing.passive import apply_gains

# Found by measurement: of 15,000 draws that last 20 ms or less together, among the eight that
# look least like their input in third octaves above 100 Hz, the one with the best worst band.
ALL_PASS_SECONDS = (0.0023, 0.0041, 0.0052, 0.0081)
# A half: what rings on after a sound ends in exact zeros.
ALL_PASS_GAIN = 0.5


class LeftoverStream(UpmixStream):
    """An upmix of `FOALeftover` under way: output = gains @ (W, Y, X).

    W and Y wait, untouched, for the X that is made of them.
    """

    def __init__(self, upmixer: Upmixer, sample_rate: int, gains: NDArray[np.float64]) -> None:
        super().__init__(upmixer, sample_rate)
        n_fft = max(2 ** round(np.log2(FRAME_SECONDS * sample_rate)), LEAST_FRAME)
        hop = n_fft // HOPS_IN_FRAME
        self.latency = n_fft - 1
        self._gains = gains
        self._stft = StreamingSTFT(n_fft=n_fft, hop=hop)
        self._istft = StreamingISTFT(n_fft=n_fft, hop=hop)
        self._mid_side = SampleQueue()
        self._samples = 0

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Samples that the next ones make ready."""
        mid_side = 0.5 * np.stack([block[0] + block[1], block[0] - block[1]])
        self._mid_side.append(mid_side)
        self._samples += block.shape[1]
        return self._joined(self._istft.process(leftover(self._stft.process(mid_side))))

    def finish(self) -> NDArray[Any]:
        """What is left."""
        first = self._istft.process(leftover(self._stft.flush()))
        rest = self._istft.flush(length=self._samples)
        return self._joined(np.concatenate([first, rest], axis=-1))

    def _joined(self, front: NDArray[Any]) -> NDArray[Any]:
        """The next W and Y with their X."""
        mid_side = self._mid_side.take(front.size)
        return apply_gains(self._gains, np.concatenate([mid_side, front[None]]))

    _process = take
    _flush = finish


class MonoStream(UpmixStream):
    """An upmix of `FOAMono` under way: output = gains @ (W, all-pass W)."""

    def __init__(self, upmixer: Upmixer, sample_rate: int, gains: NDArray[np.float64]) -> None:
        super().__init__(upmixer, sample_rate)
        self._gains = gains
        self._sections: Sequence[AllPass] | None = None

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """As many samples as ``block`` has."""
        if self._sections is None:
            self._sections = all_passes(self.sample_rate, block.dtype)
        passed = block[0]
        for section in self._sections:
            passed = section.process(passed)
        return apply_gains(self._gains, np.stack([block[0], passed]))

    def finish(self) -> NDArray[Any]:
        """Nothing: the filter looks back only."""
        return self._nothing()

    _process = take
    _flush = finish


def leftover(spectra: NDArray[Any]) -> NDArray[Any]:
    """Spectrum of a plane wave's X in front, from those of W and Y, shape (2, bins, frames).

    As |W|^2 = |X|^2 + |Y|^2 for a plane wave, and X has the phase of W in front.
    """
    mid, side = spectra
    # Real products alone: those of complex numbers round by how many there are.
    power = np.square(mid.real) + np.square(mid.imag)
    rest = np.maximum(power - (np.square(side.real) + np.square(side.imag)), 0.0)
    gain = np.sqrt(np.divide(rest, power, out=np.zeros_like(power), where=rest > 0.0))
    front = np.empty_like(mid)
    np.multiply(gain, mid.real, out=front.real)
    np.multiply(gain, mid.imag, out=front.imag)
    return front


def all_passes(sample_rate: int, dtype: DTypeLike) -> list[AllPass]:
    """Sections that follow each other and make of a signal one that is unlike it."""
    return [AllPass(max(round(s * sample_rate), 1), dtype) for s in ALL_PASS_SECONDS]


class AllPass:
    """Schroeder's (z^-N - g) / (1 - g z^-N), block by block.

    Parameters
    ----------
    delay : int
        N, 1 or more.
    dtype : dtype of float
    """

    def __init__(self, delay: int, dtype: DTypeLike) -> None:
        self._line = np.zeros(delay, dtype)  # what went in last and what came round with it

    def process(self, signal: NDArray[Any]) -> NDArray[Any]:
        """The next samples."""
        result = np.empty_like(signal)
        delay = self._line.size
        # What goes in does not come round before a delay is over.
        for start in range(0, signal.size, delay):
            part = signal[start : start + delay]
            late, later = np.split(self._line, [part.size])
            fed = part + ALL_PASS_GAIN * late
            result[start : start + delay] = late - ALL_PASS_GAIN * fed
            self._line = np.concatenate([later, fed])
        return result
