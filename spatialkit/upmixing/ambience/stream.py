"""The signal path of `Ambience`: transform, separate, transform back, decorrelate, place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spatialkit.sample_queue import SampleQueue
from spatialkit.stft import StreamingISTFT, StreamingSTFT
from spatialkit.upmixing.ambience.filters import band_edges, decorrelators, lfe_gains, mono_spread
from spatialkit.upmixing.ambience.placement import Placement
from spatialkit.upmixing.interface import Upmixer, UpmixStream

FRAME_SECONDS = 0.0427  # 2048 samples at 44.1 and 48 kHz
LEAST_FRAME = 64
HOPS_IN_FRAME = 4
# Frames before and after the one whose statistics are averaged.
NEIGHBOURS = 6
# Found by measurement: a smaller knee brings more ambience and more direct sound with it.
KNEE = 0.04
LIMIT = 4.0
FILL = {1: 10.0 ** (-14.0 / 10.0), 2: 10.0 ** (-20.0 / 10.0)}  # by input channels


class AmbienceStream(UpmixStream):
    """An upmix of `Ambience` under way."""

    def __init__(
        self, upmixer: Upmixer, placements: Mapping[int, Placement], sample_rate: int
    ) -> None:
        super().__init__(upmixer, sample_rate)
        self._placements = placements
        n_fft = max(2 ** round(np.log2(FRAME_SECONDS * sample_rate)), LEAST_FRAME)
        hop = n_fft // HOPS_IN_FRAME
        self.latency = n_fft + NEIGHBOURS * hop - 1
        self._stft = StreamingSTFT(n_fft=n_fft, hop=hop)
        self._istft = StreamingISTFT(n_fft=n_fft, hop=hop)
        self._bins = n_fft // 2 + 1
        self._samples = 0
        self._parts: tuple[_Separation, _Mixing] | None = None

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Samples that the next ones make ready."""
        separation, mixing = self._begun(len(block), block.dtype)
        mixing.wait(block)
        self._samples += block.shape[1]
        spectra = separation.process(self._stft.process(block))
        return mixing.process(self._istft.process(spectra))

    def finish(self) -> NDArray[Any]:
        """What is left."""
        assert self._parts is not None
        separation, mixing = self._parts
        spectra = separation.process(self._stft.flush(), silent=NEIGHBOURS)
        first = mixing.process(self._istft.process(spectra))
        rest = mixing.process(self._istft.flush(length=self._samples))
        return np.concatenate([first, rest], axis=1)

    def _begun(self, channels: int, dtype: DTypeLike) -> tuple[_Separation, _Mixing]:
        if self._parts is None:
            placement, rate = self._placements[channels], self.sample_rate
            options = self.upmixer.options
            self._parts = (
                _Separation(placement, options, channels, self._bins, rate, dtype),
                _Mixing(placement, channels, rate, dtype),
            )
        return self._parts

    _process = take
    _flush = finish


class _Separation:
    """Spectra of the input to spectra of direct sound, both sides' ambience, and the LFE."""

    def __init__(
        self,
        placement: Placement,
        options: Any,
        channels: int,
        bins: int,
        sample_rate: int,
        dtype: DTypeLike,
    ) -> None:
        weights = np.hanning(2 * NEIGHBOURS + 3)[1:-1]
        self._weights = (weights / weights.sum()).astype(dtype)
        self._bands = band_edges(bins, sample_rate)
        self._gains = placement.gains.astype(dtype, order="C")
        self._spread = mono_spread(bins, sample_rate).astype(dtype)
        self._lfe = lfe_gains(bins, sample_rate, options).astype(dtype) if options.lfe else None
        # The kernel computes in the precision of these.
        self._settings = np.array([KNEE, LIMIT, FILL[channels]], dtype)
        self._spectra = SampleQueue(axis=1)  # (left and right, frames, bins)
        self._products = SampleQueue(axis=0)  # (frames, 3, bins)
        self._products.append(np.zeros((NEIGHBOURS, 3, bins), dtype))
        self._memory = np.zeros((3, bins), dtype)

    def process(self, spectrum: NDArray[Any], silent: int = 0) -> NDArray[Any]:
        """Take (channels, bins, frames), and silence behind it; return (signals, bins, frames)."""
        from spatialkit.upmixing.ambience.kernels import separate, side_products

        if len(spectrum) == 1:
            spectrum = spectrum * self._spread[:, :, None]
        sides = np.ascontiguousarray(spectrum.swapaxes(1, 2))
        _, frames, bins = sides.shape
        products = np.zeros((frames + silent, 3, bins), self._weights.dtype)
        side_products(sides[0], sides[1], *self._bands, products)
        self._products.append(products)
        self._spectra.append(sides)
        ready = max(len(self._products) - 2 * NEIGHBOURS, 0)
        now = self._spectra.take(ready)
        direct = self._gains.shape[1]
        signals = direct + (2 if self._lfe is None else 3)
        result = np.empty((signals, ready, bins), now.dtype)
        statistics = self._products.peek(), self._weights
        separate(*now, *statistics, self._gains, *self._settings, self._memory, result)
        if self._lfe is not None:
            np.multiply(now[0] + now[1], self._lfe, out=result[-1])
        self._products.skip(ready)
        return result.swapaxes(1, 2)


class _Mixing:
    """The input, and the signals that were made of it, to the outputs."""

    def __init__(
        self, placement: Placement, channels: int, sample_rate: int, dtype: DTypeLike
    ) -> None:
        filters = decorrelators(placement.routing.shape[1], sample_rate)
        self._taps = [
            (side, n, taps.delays, (gain * taps.gains).astype(dtype))
            for n, taps in enumerate(filters)
            for side, gain in enumerate(placement.routing[:, n])
            if gain
        ]
        longest = max((int(taps.delays.max()) for taps in filters), default=0)
        self._first = channels + placement.gains.shape[1]  # row of the ambience
        self._matrix = placement.matrix.astype(dtype, order="C")
        self._input = SampleQueue()
        self._past = np.zeros((2, longest), dtype)

    def wait(self, block: NDArray[Any]) -> None:
        """Keep the input until what was made of it is there."""
        self._input.append(block)

    def process(self, signals: NDArray[Any]) -> NDArray[Any]:
        """Outputs of the next ``signals`` (signals, samples)."""
        from spatialkit.upmixing.ambience.kernels import add_sparse, mix

        first, samples = self._first, signals.shape[1]
        original = self._input.take(samples)
        rows = np.zeros((self._matrix.shape[1], samples), original.dtype)
        rows[: len(original)] = original
        made = first + 2 - len(original)
        rows[len(original) : first + 2] = signals[:made]
        rows[-1] = signals[made:].sum(axis=0)  # the LFE, if there is one
        ambience = np.concatenate([self._past, rows[first : first + 2]], axis=1)
        for side, n, delays, gains in self._taps:
            add_sparse(ambience[side], delays, gains, rows[first + 2 + n])
        self._past = ambience[:, samples:].copy()
        outputs = np.empty((len(self._matrix), samples), rows.dtype)
        mix(self._matrix, rows, outputs)
        return outputs
