"""Spectra of a pair of signals, block by block, from which several metrics are computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import zip_longest
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.inputs import peak_of
from spatialkit.stft import StreamingSTFT

FRAMES_PER_BLOCK = 32
"""Number of hops of a block, about the number of its frames; part of `correlation_error`."""

# Spectra of a reference that are kept until its loudest bin is known, instead of a second
# transform: 29 s with six channels at 48 kHz.
MAX_KEPT_BYTES = 1 << 27


class SpectralMetric(Protocol):
    """Metric of one item that is computed from blocks (channels, frames, bins) of both spectra."""

    double: bool
    """Whether powers exceed the range of float32, so that spectra are complex128."""

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks; the shorter signal ends with blocks that have no frames."""

    def results(self) -> dict[str, Any]:
        """Return the values by the names of the metrics, after the last block."""


class PairedSpectra:
    """Spectra of a reference and an estimate, each transformed once for several metrics.

    Parameters
    ----------
    reference, estimate : ndarray of float, shape (channels, samples)
    n_fft, hop : int
        Size and hop of the Hann-windowed transform in samples, see `spatialkit.stft`.

    Attributes
    ----------
    channels : int
    bins : int
        Number of bins of a frame.
    values : int
        Number of bins of a channel in all frames of the longer signal.
    """

    def __init__(
        self, reference: NDArray[Any], estimate: NDArray[Any], n_fft: int, hop: int
    ) -> None:
        self._signals, self._sizes = (reference, estimate), (n_fft, hop)
        self._kept: list[NDArray[Any]] | None = None
        self.channels, self.bins = len(reference), n_fft // 2 + 1
        samples = max(each.shape[-1] for each in self._signals)
        self.values = self.bins * (samples // hop + 1)

    @cached_property
    def peak(self) -> float:
        """Largest magnitude of a sample of both signals."""
        return max(peak_of(each) for each in self._signals)

    @cached_property
    def loudest(self) -> np.floating[Any]:
        """Largest magnitude of a bin of the reference."""
        reference = self._signals[0]
        blocks: Iterable[NDArray[Any]] = spectra(reference, *self._sizes)
        if 2 * reference.dtype.itemsize * self.channels * self.values <= MAX_KEPT_BYTES:
            blocks = self._kept = list(blocks)
        return max(np.abs(block).max(initial=0.0) for block in blocks)

    def measure(self, *metrics: SpectralMetric) -> dict[str, Any]:
        """Return the values of metrics by name."""
        nothing = np.zeros((self.channels, 0, self.bins), np.complex64)
        for double in (False, True):
            chosen = [metric for metric in metrics if metric.double == double]
            first, second = (spectra(each, *self._sizes, double=double) for each in self._signals)
            if self._kept is not None and not double:
                first = iter(self._kept)
            blocks = zip_longest(first, second, fillvalue=nothing)
            for pair in blocks if chosen else ():
                for metric in chosen:
                    metric.add(*pair)
        return {name: value for metric in metrics for name, value in metric.results().items()}


def spectra(
    audio: NDArray[Any], n_fft: int, hop: int, *, double: bool = False
) -> Iterator[NDArray[Any]]:
    """Yield spectra (channels, frames, bins) of successive blocks; one block for zero samples."""
    transform = StreamingSTFT(n_fft=n_fft, hop=hop)
    step = FRAMES_PER_BLOCK * hop
    for start in range(0, max(audio.shape[-1], 1), step):
        block = audio[:, start : start + step]
        spectrum = transform.process(block.astype(np.float64) if double else block)
        if start + step >= audio.shape[-1]:
            spectrum = np.concatenate([spectrum, transform.flush()], axis=-1)
        yield spectrum.swapaxes(-1, -2)
