"""Inference with the mask network on NumPy arrays."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spatialkit_models.modules import STFT, Covariance, StemMasks, concatenate
from spatialkit_models.weights import load_weights, shipped, state_of

__all__ = ["MODEL", "MaskModel", "load_mask_model"]

MODEL = "separator"
# RMS that the input of the network is normalized to.
LEVEL = 0.1


class MaskModel:
    """Trained mask network that takes and returns arrays.

    Parameters
    ----------
    network : StemMasks
        Network in evaluation mode; it is moved to CUDA if that is available.
    sha256 : str
        SHA-256 of its weights.

    Attributes
    ----------
    sample_rate : int
        Sample rate of the network in Hz.
    """

    def __init__(self, network: StemMasks, sha256: str) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.to(self.device)
        self.sha256 = sha256
        config = network.config
        self.sample_rate = config.sample_rate
        self.stft = STFT(config.n_fft, config.hop_length).to(self.device)

    @torch.inference_mode()
    def separate(self, stereo: NDArray[Any]) -> NDArray[np.float32]:
        """Separate stereo (2, samples), not silent, to stems (4, 2, samples)."""
        rms = float(np.sqrt(np.mean(np.square(stereo, dtype=np.float64))))
        scaled = np.multiply(stereo, LEVEL / rms, dtype=np.float64).astype(np.float32)
        spectrum = self.stft(torch.from_numpy(scaled)[None].to(self.device))
        masks = self.masks(Covariance.of(spectrum, self.network.resolution))[0]
        # One stem at a time needs a quarter of the memory.
        stems = [self._masked(spectrum, mask, stereo.shape[1]) for mask in masks.unbind(1)]
        return torch.stack(stems).cpu().numpy() * np.float32(rms / LEVEL)

    def masks(self, stereo: Covariance) -> Tensor:
        """Compute masks (batch, time, stems, bands), equal for a song and its mirror image."""
        mirrored = Covariance(stereo.products.flip(2), 2)
        logits = self.network(concatenate(stereo, mirrored)).float()
        return logits.unflatten(0, (2, -1)).mean(0).softmax(2)

    def _masked(self, spectrum: Tensor, mask: Tensor, samples: int) -> Tensor:
        """Multiply both channels by a mask (time, bands), and return audio (2, samples)."""
        bins = self.network.resolution.spread(mask, spectrum.shape[-1])
        return self.stft.inverse(spectrum * bins[None, :, None], samples)[0]


def load_mask_model(weights: str | Path = "") -> MaskModel:
    """Load the shipped weights, or those in a file.

    Models are cached: a second call with the same file returns the same model.

    Raises
    ------
    WeightsError
        If the weights do not exist or are invalid.
    """
    path = Path(weights) if weights else shipped(f"{MODEL}-masks")
    return _load(path, *state_of(path))


@lru_cache(maxsize=2)
def _load(path: Path, changed: int, size: int) -> MaskModel:
    network, card = load_weights(path, MODEL)
    return MaskModel(network.requires_grad_(False), card.sha256)
