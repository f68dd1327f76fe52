"""The style-transfer VAE at work: its weights loaded, arrays in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spatialkit_models.modules import MaskConfig, power
from spatialkit_models.style_vae.network import FastConfig, FastStyleVAE
from spatialkit_models.style_vae.published import PaperConfig, PaperStyleVAE
from spatialkit_models.weights import load_weights, shipped, state_of

__all__ = ["MODEL", "StyleModel", "build_style_vae", "load_style_model"]

MODEL = "style-vae"
# Whole seconds of audio that a network sees at once: the fast one hears where stems stand from
# all of it, the memory of the paper's grows by 100 MB with each second.
SECONDS = {"fast": 10, "paper": 2}
# RMS at which networks hear audio, whatever its level.
LEVEL = 0.1


class StyleModel:
    """A trained network for arrays: spectra, level and device are its own business.

    Parameters
    ----------
    network : FastStyleVAE or PaperStyleVAE
        In evaluation mode. It is moved to CUDA where there is one.
    sha256 : str
        Of its weights.

    Attributes
    ----------
    name : str
        "style-vae-fast" or "style-vae-paper".
    knows_stems : bool
        Whether it tells stems apart, and where each stands.
    latent_size : int
    sample_rate : int
        Hz that the network hears.
    seconds : int
        That it hears at once.
    """

    def __init__(self, network: FastStyleVAE | PaperStyleVAE, sha256: str) -> None:
        config = network.config
        fast = isinstance(config, FastConfig)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: Any = network.to(self.device)
        self.sha256 = sha256
        self.name = f"{MODEL}-{'fast' if fast else 'paper'}"
        self.seconds = SECONDS["fast" if fast else "paper"]
        self.knows_stems = fast
        self.latent_size = config.latent_size
        heard = config.masks if isinstance(config, FastConfig) else config
        self.sample_rate = heard.sample_rate
        self._settings = {"residual": True} if fast else {}

    @torch.inference_mode()
    def encode(self, five: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and log variance of the style of audio (5, samples) that is not silent."""
        code = self.network.encode(self._spectrum(five / _rms(five)))
        return code.mean[0].cpu().numpy(), code.log_variance[0].cpu().numpy()

    @torch.inference_mode()
    def encode_stems(
        self, stems: Callable[[], NDArray[Any]], gains: NDArray[Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and log variance of the style of equally loud stems with gains (stems, 5).

        The fast network is told where they stand. The paper's hears stems (stems, samples), which
        ``stems`` returns, panned there.
        """
        if not self.knows_stems:
            return self.encode(gains.T.astype(np.float32) @ stems())
        told = torch.from_numpy(gains.astype(np.float32))[None].to(self.device)
        code = self.network.code(self.network.description(told))
        return code.mean[0].cpu().numpy(), code.log_variance[0].cpu().numpy()

    @torch.inference_mode()
    def decode(self, stereo: NDArray[Any], style: NDArray[np.float32]) -> NDArray[np.float32]:
        """Five channels (5, samples) of audio (2, samples) in a style (latent_size,)."""
        rms = _rms(stereo)
        if not rms:
            return np.zeros((5, stereo.shape[1]), np.float32)
        made = self.network.decode(
            self._spectrum(stereo / rms), self._latent(style), **self._settings
        )
        audio = self.network.spectra.inverse(made, stereo.shape[1])[0]
        return audio.cpu().numpy() * np.float32(rms / LEVEL)

    @torch.inference_mode()
    def stem_gains(
        self, style: NDArray[np.float32], stems: Callable[[], NDArray[Any]]
    ) -> NDArray[np.float32]:
        """Gains of each stem for the loudspeakers in a style, of power 1, (stems, 5).

        The fast network says them. The paper's is tried out on stems (stems, samples), which
        ``stems`` returns, each of them alone in the middle.
        """
        latent = self._latent(style)
        if self.knows_stems:
            return self.network.pan_gains(latent)[0].cpu().numpy()
        gains = []
        for stem in stems():
            stereo = np.stack([stem, stem])
            made = self.network.decode(self._spectrum(stereo / _rms(stereo)), latent)
            gains.append(nn.functional.normalize(power(made).sum((1, 3)).sqrt())[0])
        return torch.stack(gains).cpu().numpy()

    def _spectrum(self, audio: NDArray[Any]) -> Tensor:
        """Of audio of RMS 1."""
        heard = np.ascontiguousarray(LEVEL * audio, np.float32)
        return self.network.spectra(torch.from_numpy(heard)[None].to(self.device))

    def _latent(self, style: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(style)[None].to(self.device)


def _rms(audio: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))


def build_style_vae(config: Mapping[str, Any]) -> FastStyleVAE | PaperStyleVAE:
    """Network that the config of a card describes (see `Card`)."""
    if "masks" not in config:
        return PaperStyleVAE(PaperConfig(**config))
    return FastStyleVAE(FastConfig(**{**config, "masks": MaskConfig(**config["masks"])}))


def load_style_model(variant: str = "fast", weights: str | Path = "") -> StyleModel:
    """Model with the shipped weights of a variant, or with those in a file.

    It is kept: another call with the same file returns the same model.

    Parameters
    ----------
    variant : {"fast", "paper"}
        Which of the shipped ones.
    weights : str or Path
        The file, instead; "" for none.

    Raises
    ------
    WeightsError
        If there are no such weights, or they are not whole and sound.
    """
    path = Path(weights) if weights else shipped(f"{MODEL}-{variant}")
    return _load(path, *state_of(path))


@lru_cache(maxsize=2)
def _load(path: Path, changed: int, size: int) -> StyleModel:
    network, card = load_weights(path, MODEL, build_style_vae)
    return StyleModel(network, card.sha256)
