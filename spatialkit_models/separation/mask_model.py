"""Inference with mask networks on NumPy arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spatialkit_models.modules import STFT, Covariance, StemMasks
from spatialkit_models.weights import (
    WeightsError,
    load_weights,
    shipped,
    shipped_names,
    state_of,
)

__all__ = ["MODEL", "MaskModel", "load_mask_model"]

MODEL = "separator"
# RMS that the input of networks is normalized to.
LEVEL = 0.1
# Features of left, right, sum and difference in the mirror image.
MIRRORED = [1, 0, 2, 3]
# Weights of the logits of neighbouring frames: masks of single frames are noisy.
SMOOTHING = (1 / 9, 2 / 9, 3 / 9, 2 / 9, 1 / 9)
# The mean logits of several networks are less certain than those of each, and contain too little of
# vocals: factor, and summands by stem. Chosen, as the smoothing, on caesium and on MIDI pieces of
# the split "valid".
SHARPNESS, BIAS = 1.2, (0.2, 0.0, 0.0, 0.0)


class MaskModel:
    """Trained mask networks that take and return arrays; their logits are averaged.

    Parameters
    ----------
    networks : sequence of StemMasks
        Networks in evaluation mode with the same spectrum, bands and reach; they are moved to CUDA
        if that is available.
    sha256 : sequence of str
        SHA-256 of the weights of each.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the networks in Hz.
    config : MaskConfig
        Spectrum and bands of the masks.
    """

    def __init__(self, networks: Sequence[StemMasks], sha256: Sequence[str]) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.networks = [network.to(self.device) for network in networks]
        self.sha256 = tuple(sha256)
        self.config = networks[0].config
        self.sample_rate = self.config.sample_rate
        self.resolution = networks[0].resolution
        self.stft = STFT(self.config.n_fft, self.config.hop_length).to(self.device)

    @torch.inference_mode()
    def separate(self, stereo: NDArray[Any], start: int = 0) -> NDArray[np.float32]:
        """Separate stereo (2, samples), not silent, to stems (4, 2, samples).

        Frames begin at multiples of the hop from the beginning of the song on, of which the stereo
        signal begins with the sample ``start``: overlapping windows of a song have the same frames.
        """
        early = start % self.config.hop_length
        stereo = np.pad(stereo, ((0, 0), (early, 0)))
        rms = float(np.sqrt(np.mean(np.square(stereo, dtype=np.float64))))
        scaled = np.multiply(stereo, LEVEL / rms, dtype=np.float64).astype(np.float32)
        spectrum = self._spectrum(scaled)
        masks = self._masks(spectrum).unbind(1)
        # One stem at a time needs a quarter of the memory; the last one is what the others leave.
        found = torch.stack([self._masked(spectrum, mask, stereo.shape[1]) for mask in masks[:-1]])
        stems = found[..., early:].cpu().numpy()
        stems = np.concatenate([stems, (scaled[:, early:] - stems.sum(0))[None]])
        return stems * np.float32(rms / LEVEL)

    @torch.inference_mode()
    def masks(self, stereo: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute masks (frames, 4, bands) of stereo (2, samples)."""
        return self._masks(self._spectrum(stereo)).cpu().numpy()

    @torch.inference_mode()
    def mean_masks(self) -> NDArray[np.float32]:
        """Return the mean masks of the training data, (4, bands)."""
        priors = torch.stack([network.log_prior for network in self.networks])
        return priors.mean(0).softmax(0).cpu().numpy()

    def _spectrum(self, stereo: NDArray[np.float32]) -> Tensor:
        return self.stft(torch.from_numpy(stereo)[None].to(self.device))

    @torch.inference_mode()
    def masks_of(self, stereo: Covariance, *, mono: bool = False) -> Tensor:
        """Compute masks (batch, frames, 4, bands) from the covariance of left and right.

        They are equal for a song and its mirror image, which ``mono`` states to be the same.
        """
        features = self.networks[0].features(stereo)
        if not mono:
            features = torch.cat([features, features[:, :, MIRRORED]])
        found = [
            network.logits_of(features).float().unflatten(0, (-1, len(stereo.products))).mean(0)
            for network in self.networks
        ]
        logits = _smooth(torch.stack(found).mean(0))
        if len(found) > 1:
            logits = SHARPNESS * logits + logits.new_tensor(BIAS)[:, None]
        return logits.softmax(2)

    def _masks(self, spectrum: Tensor) -> Tensor:
        """Compute masks (frames, 4, bands) of a spectrum (1, frames, 2, bins)."""
        return self.masks_of(Covariance.of(spectrum, self.resolution))[0]

    def _masked(self, spectrum: Tensor, mask: Tensor, samples: int) -> Tensor:
        """Multiply both channels by a mask (time, bands), and return audio (2, samples)."""
        bins = self.resolution.spread(mask, spectrum.shape[-1])
        return self.stft.inverse(spectrum * bins[None, :, None], samples)[0]


def _smooth(logits: Tensor) -> Tensor:
    """Average the logits (batch, frames, 4, bands) of neighbouring frames."""
    side, frames = len(SMOOTHING) // 2, logits.shape[1]
    padded = torch.cat([logits[:, :1]] * side + [logits] + [logits[:, -1:]] * side, 1)
    smooth = torch.zeros_like(logits)
    for offset, weight in enumerate(SMOOTHING):
        smooth += weight * padded[:, offset : offset + frames]
    return smooth


def load_mask_model(weights: str | Path = "") -> MaskModel:
    """Load all shipped weights of separators, or those in a file.

    Models are cached: a second call with the same file returns the same model.

    Raises
    ------
    WeightsError
        If the weights do not exist or are invalid.
    """
    if weights:
        paths = [Path(weights)]
    else:
        paths = [shipped(name) for name in shipped_names() if name.startswith(f"{MODEL}-")]
        if not paths:
            raise WeightsError("this package contains no weights of separators: pass weights=")
    return _load(tuple((path, *state_of(path)) for path in paths))


@lru_cache(maxsize=2)
def _load(files: tuple[tuple[Path, int, int], ...]) -> MaskModel:
    found = [load_weights(path, MODEL) for path, *_ in files]
    networks = [network.requires_grad_(False) for network, _ in found]
    return MaskModel(networks, [card.sha256 for _, card in found])
