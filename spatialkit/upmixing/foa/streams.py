"""Streams of the upmixers to first-order Ambisonics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.sample_queue import SampleQueue
from spatialkit.stft import StreamingISTFT, StreamingSTFT
from spatialkit.upmixing.ambience.stream import FRAME_SECONDS, HOPS_IN_FRAME, MIN_FRAME
from spatialkit.upmixing.decorrelation import AllPassDecorrelator
from spatialkit.upmixing.foa.decoding import SharpStream
from spatialkit.upmixing.interface import Upmixer, UpmixStream
from spatialkit.upmixing.passive import apply_gains
from spatialkit.upmixing.plane_waves import plane_wave_x


class GainStream(UpmixStream):
    """Stream of output = gains @ (left, right)."""

    def __init__(self, upmixer: Upmixer, sample_rate: int, gains: NDArray[np.float64]) -> None:
        super().__init__(upmixer, sample_rate)
        self._gains = gains

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return as many samples as ``block`` has."""
        return apply_gains(self._gains, block)

    def finish(self) -> NDArray[Any]:
        """Return no samples."""
        return np.zeros((len(self._gains), 0), self._nothing().dtype)

    _process = take
    _flush = finish


class SharpUpmixStream(UpmixStream):
    """Stream of first order that is decoded by "dirac".

    Parameters
    ----------
    upmixer : Upmixer
    scene : UpmixStream
        Stream with ``take`` and ``finish`` that return W, Y, Z and X.
    decoder : SharpStream
    """

    def __init__(self, upmixer: Upmixer, scene: Any, decoder: SharpStream) -> None:
        super().__init__(upmixer, scene.sample_rate)
        self._scene, self._decoder = scene, decoder
        self.latency = scene.latency + decoder.latency

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples that ``block`` makes ready."""
        return self._decoder.process(self._scene.take(block))

    def finish(self) -> NDArray[Any]:
        """Return the remaining samples."""
        scene = self._scene.finish()
        first = self._decoder.process(scene) if scene.shape[1] else None
        rest = self._decoder.flush()
        return rest if first is None else np.concatenate([first, rest], axis=1)

    _process = take
    _flush = finish


class ResidualStream(UpmixStream):
    """Stream of `FOAResidual`: output = gains @ (W, Y, X).

    W and Y are buffered, unchanged, until the X estimated from them is ready.
    """

    def __init__(self, upmixer: Upmixer, sample_rate: int, gains: NDArray[np.float64]) -> None:
        super().__init__(upmixer, sample_rate)
        n_fft = max(2 ** round(np.log2(FRAME_SECONDS * sample_rate)), MIN_FRAME)
        hop = n_fft // HOPS_IN_FRAME
        self.latency = n_fft - 1
        self._gains = gains
        self._stft = StreamingSTFT(n_fft=n_fft, hop=hop)
        self._istft = StreamingISTFT(n_fft=n_fft, hop=hop)
        self._mid_side = SampleQueue()
        self._samples = 0

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples that ``block`` makes ready."""
        mid_side = 0.5 * np.stack([block[0] + block[1], block[0] - block[1]])
        self._mid_side.append(mid_side)
        self._samples += block.shape[1]
        return self._mixed(self._istft.process(plane_wave_x(self._stft.process(mid_side))))

    def finish(self) -> NDArray[Any]:
        """Return the remaining samples."""
        first = self._istft.process(plane_wave_x(self._stft.flush()))
        rest = self._istft.flush(length=self._samples)
        return self._mixed(np.concatenate([first, rest], axis=-1))

    def _mixed(self, front: NDArray[Any]) -> NDArray[Any]:
        """Mix the next W and Y with their X."""
        mid_side = self._mid_side.take(front.size)
        return apply_gains(self._gains, np.concatenate([mid_side, front[None]]))

    _process = take
    _flush = finish


class MonoStream(UpmixStream):
    """Stream of `FOAMono`: output = gains @ (W, all-pass W)."""

    def __init__(self, upmixer: Upmixer, sample_rate: int, gains: NDArray[np.float64]) -> None:
        super().__init__(upmixer, sample_rate)
        self._gains = gains
        self._decorrelator: AllPassDecorrelator | None = None

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return as many samples as ``block`` has."""
        if self._decorrelator is None:
            self._decorrelator = AllPassDecorrelator(self.sample_rate, block.dtype)
        passed = self._decorrelator.process(block[0])
        return apply_gains(self._gains, np.stack([block[0], passed]))

    def finish(self) -> NDArray[Any]:
        """Return no samples: the filter has no latency."""
        return self._nothing()

    _process = take
    _flush = finish
