"""Signal path of `Ambience`: STFT, separation, inverse STFT, decorrelation and mixing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spatialkit.decorrelation import Decorrelator
from spatialkit.sample_queue import SampleQueue
from spatialkit.stft import StreamingISTFT, StreamingSTFT
from spatialkit.upmixing.ambience.filters import (
    PRE_DELAY_SECONDS,
    band_edges,
    lfe_gains,
    mono_spread,
)
from spatialkit.upmixing.ambience.placement import Placement
from spatialkit.upmixing.interface import Upmixer, UpmixStream

FRAME_SECONDS = 0.0427  # 2048 samples at 44.1 and 48 kHz
MIN_FRAME = 64
HOPS_IN_FRAME = 4
# Frames averaged before and after each frame.
NEIGHBOURS = 6
# Tuned by measurement: a smaller knee gives more ambience, with more direct sound in it.
KNEE = 0.04
LIMIT = 4.0
FILL = {1: 10.0 ** (-14.0 / 10.0), 2: 10.0 ** (-20.0 / 10.0)}  # by number of input channels


class AmbienceStream(UpmixStream):
    """Stream of `Ambience`."""

    def __init__(
        self, upmixer: Upmixer, placements: Mapping[int, Placement], sample_rate: int
    ) -> None:
        super().__init__(upmixer, sample_rate)
        self._placements = placements
        n_fft = max(2 ** round(np.log2(FRAME_SECONDS * sample_rate)), MIN_FRAME)
        hop = n_fft // HOPS_IN_FRAME
        self.latency = n_fft + NEIGHBOURS * hop - 1
        self._stft = StreamingSTFT(n_fft=n_fft, hop=hop)
        self._istft = StreamingISTFT(n_fft=n_fft, hop=hop)
        self._bins = n_fft // 2 + 1
        self._samples = 0
        self._stages: tuple[_Separation, _Mixing] | None = None

    def take(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the samples that ``block`` makes ready."""
        separation, mixing = self._get_stages(len(block), block.dtype)
        mixing.append(block)
        self._samples += block.shape[1]
        spectra = separation.process(self._stft.process(block))
        return mixing.process(self._istft.process(spectra))

    def finish(self) -> NDArray[Any]:
        """Return the remaining samples."""
        assert self._stages is not None
        separation, mixing = self._stages
        spectra = separation.process(self._stft.flush(), silent=NEIGHBOURS)
        first = mixing.process(self._istft.process(spectra))
        rest = mixing.process(self._istft.flush(length=self._samples))
        return np.concatenate([first, rest], axis=1)

    def _get_stages(self, channels: int, dtype: DTypeLike) -> tuple[_Separation, _Mixing]:
        if self._stages is None:
            placement, rate = self._placements[channels], self.sample_rate
            options = self.upmixer.options
            self._stages = (
                _Separation(placement, options, channels, self._bins, rate, dtype),
                _Mixing(placement, channels, rate, dtype),
            )
        return self._stages

    _process = take
    _flush = finish


class _Separation:
    """Separation of input spectra into direct sound, ambience of left and right, and the LFE."""

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
        # The dtype of the settings sets the precision of the kernel.
        self._settings = np.array([KNEE, LIMIT, FILL[channels]], dtype)
        self._spectra = SampleQueue(axis=1)  # (left and right, frames, bins)
        self._products = SampleQueue(axis=0)  # (frames, 3, bins)
        self._products.append(np.zeros((NEIGHBOURS, 3, bins), dtype))
        self._memory = np.zeros((3, bins), dtype)
        self._mean = np.empty((3, bins), dtype)  # scratch memory of the kernels, as the next
        self._sums = np.empty((3, bins + 1))
        self._helper = ThreadPoolExecutor(1)  # processes half of the bins

    def process(self, spectrum: NDArray[Any], silent: int = 0) -> NDArray[Any]:
        """Return the next spectra, shape (signals, bins, frames).

        Parameters
        ----------
        spectrum : complex, shape (channels, bins, frames)
        silent : int
            Number of silent frames that follow.
        """
        from spatialkit.upmixing.ambience.kernels import channel_products, separate

        if len(spectrum) == 1:
            spectrum = spectrum * self._spread[:, :, None]
        stereo = np.ascontiguousarray(spectrum.swapaxes(1, 2))
        _, frames, bins = stereo.shape
        products = np.zeros((frames + silent, 3, bins), self._weights.dtype)
        channel_products(stereo[0], stereo[1], *self._bands, self._sums, products)
        self._products.append(products)
        self._spectra.append(stereo)
        ready = max(len(self._products) - 2 * NEIGHBOURS, 0)
        spectra = self._spectra.take(ready)
        direct = self._gains.shape[1]
        signals = direct + (2 if self._lfe is None else 3)
        result = np.empty((signals, ready, bins), spectra.dtype)
        statistics = self._products.peek(), self._weights
        state = self._gains, *self._settings, self._memory, self._mean
        middle = bins // 2
        arguments = *spectra, *statistics, *state, result
        if ready:
            half = self._helper.submit(lambda: separate(0, middle, *arguments))
            separate(middle, bins, *arguments)
            half.result()
        if self._lfe is not None:
            np.multiply(spectra[0] + spectra[1], self._lfe, out=result[-1])
        self._products.skip(ready)
        return result.swapaxes(1, 2)


class _Mixing:
    """Decorrelation of the ambience, and mixing of input and separated signals to the outputs."""

    def __init__(
        self, placement: Placement, channels: int, sample_rate: int, dtype: DTypeLike
    ) -> None:
        self._routing = placement.routing.astype(dtype)
        self._decorrelators = [
            Decorrelator(int(number), sample_rate, dtype) for number in placement.decorrelators
        ]
        self._first = channels + placement.gains.shape[1]  # row of the ambience
        self._matrix = placement.matrix.astype(dtype, order="C")
        self._input = SampleQueue()
        self._past = np.zeros((2, round(PRE_DELAY_SECONDS * sample_rate)), dtype)

    def append(self, block: NDArray[Any]) -> None:
        """Buffer the input until the signals separated from it are ready."""
        self._input.append(block)

    def process(self, signals: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs of the next ``signals`` (signals, samples)."""
        from spatialkit.upmixing.ambience.kernels import mix

        first, samples = self._first, signals.shape[1]
        original = self._input.take(samples)
        rows = np.zeros((self._matrix.shape[1], samples), original.dtype)
        rows[: len(original)] = original
        separated = first + 2 - len(original)
        rows[len(original) : first + 2] = signals[:separated]
        rows[-1] = signals[separated:].sum(axis=0)  # the LFE; 0 without one
        delayed = np.concatenate([self._past, rows[first : first + 2]], axis=1)
        self._past = delayed[:, samples:].copy()
        ambience = delayed[:, :samples]
        for n, decorrelator in enumerate(self._decorrelators, start=first + 2):
            for gain, side in zip(self._routing[:, n - first - 2], ambience, strict=True):
                if gain:
                    rows[n] += gain * side
            decorrelator.process(rows[n])
        outputs = np.empty((len(self._matrix), samples), rows.dtype)
        mix(self._matrix, rows, outputs)
        return outputs
