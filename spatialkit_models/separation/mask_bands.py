"""Spectrum and frequency bands of masks, without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.stft import istft, stft
from spatialkit_models.modules import MaskConfig

__all__ = ["MaskBands"]

TINY = 1e-12


class MaskBands:
    """Spectrum and frequency bands of masks, without torch.

    Parameters
    ----------
    config : MaskConfig
        Spectrum and bands.
    """

    def __init__(self, config: MaskConfig) -> None:
        self.n_fft, self.hop = config.n_fft, config.hop_length
        sizes = [size for count, size in config.regions for _ in range(count)]
        self._starts = np.cumsum([0, *sizes[:-1]])
        self._bins = sum(sizes)
        bins = self.n_fft // 2 + 1
        # The last mask applies to all bins above.
        self._band = np.minimum(np.repeat(np.arange(len(sizes) + 1), [*sizes, bins - sum(sizes)]),
                                len(sizes) - 1)  # fmt: skip

    def powers(self, audio: NDArray[Any]) -> NDArray[np.float64]:
        """Return the power of audio (channels, samples) by frame and band, (frames, bands)."""
        spectrum = stft(audio, n_fft=self.n_fft, hop=self.hop)[:, : self._bins]
        powers = np.sum(np.square(np.abs(spectrum), dtype=np.float64), axis=0)
        return np.add.reduceat(powers, self._starts, axis=0).T

    def ratios(self, stems: NDArray[Any]) -> NDArray[np.float64]:
        """Return the ratio masks of stems (stems, 2, samples), (frames, stems, bands)."""
        powers = self.stem_powers(stems)
        return powers / (powers.sum(1, keepdims=True) + TINY)

    def stem_powers(self, stems: NDArray[Any]) -> NDArray[np.float64]:
        """Return the powers of stems (stems, 2, samples), (frames, stems, bands)."""
        return np.stack([self.powers(stem) for stem in stems], 1)

    def apply(self, masks: NDArray[Any], audio: NDArray[Any]) -> NDArray[Any]:
        """Multiply audio (2, samples) by masks (frames, stems, bands), (stems, 2, samples)."""
        spectrum = stft(audio, n_fft=self.n_fft, hop=self.hop)
        return np.stack(
            [
                istft(
                    spectrum * mask[:, self._band].T.astype(audio.dtype),
                    n_fft=self.n_fft, hop=self.hop, length=audio.shape[1],
                )
                for mask in masks.swapaxes(0, 1)
            ]
        )  # fmt: skip
