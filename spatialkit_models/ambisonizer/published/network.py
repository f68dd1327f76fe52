"""The published Ambisonizer (Zang, Wang and Lee 2024, arXiv 2405.13428), for its own weights.

From mono or stereo to the horizontal part of first-order Ambisonics. Signals as the network has
them, which is **not AmbiX**:

- Channels are W, X, Y in this order; there is no Z.
- X points ahead, Y to the side towards which azimuth grows. The release never says which one that
  is, and its own scripts disagree. Here it is the left: then the microphone that makes the left
  channel (below) points to the left.
- The gains of a plane wave from azimuth a are 1, sqrt(3) cos a and sqrt(3) sin a (N3D), times
  what the room responses of the training had, whose scale is unknown.
- Stereo is a pair of opposed microphones, left = W + X cos 22.5 + Y sin 22.5 (degrees), right the
  same at 202.5: W is (left + right) / 2 exactly. In stereo from elsewhere a sound on the far left
  is thus taken for one nearly ahead, on the far right for one nearly behind.
- The network was trained at 44.1 kHz on 2.7 s at a time. What it makes of a stretch depends on
  all of it: attention and the gains of channels see the whole input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spatialkit.errors import OptionError, ShapeError
from spatialkit.validation import as_count
from spatialkit_models.ambisonizer.published.seanet import Decoder, Encoder, fold_weight_norm
from spatialkit_models.ambisonizer.published.transformer import Transformer
from spatialkit_models.weights import Card, load_weights

__all__ = [
    "MODEL",
    "PublishedAmbisonizer",
    "PublishedConfig",
    "build_published",
    "load_published",
]

MODEL = "ambisonizer"


@dataclass(frozen=True)
class PublishedConfig:
    """Shape of `PublishedAmbisonizer`; that of the release by default.

    Parameters
    ----------
    latent_size : int
        Values of a frame in each of the two latents; ``embed_dim`` of the release, which fixes
        all else.
    filters : int
        Channels at the full rate; each stage of an encoder doubles them.
    ratios : tuple of int
        Strides of the decoder, those of the encoders in reverse.
    lstm_layers : int
        Of each encoder and of the decoder.
    transformer_layers, transformer_heads, transformer_hidden : int
        Layers, heads and width of the layer between, of the transformer.
    reduction : int
        Channels for each value in the middle of the decoder's channel attention.
    sample_rate : int
        Hz of what it was trained on.

    Examples
    --------
    >>> PublishedConfig().hop
    320
    """

    latent_size: int = 64
    filters: int = 32
    ratios: tuple[int, ...] = (8, 5, 4, 2)
    lstm_layers: int = 2
    transformer_layers: int = 8
    transformer_heads: int = 8
    transformer_hidden: int = 2048
    reduction: int = 16
    sample_rate: int = 44100

    def __post_init__(self) -> None:
        for each in fields(self):
            values = getattr(self, each.name)
            for value in values if each.name == "ratios" else [values]:
                as_count(
                    value, each.name, maximum=self.filters if each.name == "reduction" else None
                )
        if 2 * self.latent_size % self.transformer_heads:
            raise OptionError(
                f"latent_size must be a multiple of half of the {self.transformer_heads} "
                f"transformer_heads, got {self.latent_size}"
            )

    @property
    def hop(self) -> int:
        """Samples of a frame of the latents."""
        return math.prod(self.ratios)


class PublishedAmbisonizer(nn.Module):
    """The published network: X and Y from audio; W is the mean of its channels.

    A SEANet encoder hears the mean, another one the stereo and says of each frame where it may
    stand, as a normal distribution. A transformer sees both latents and a SEANet decoder makes X
    and Y of that, with what the first encoder's stages found. By default it has 26,582,946
    parameters in 302 tensors, named as in released checkpoints.

    Parameters
    ----------
    config : PublishedConfig
        The shape.
    """

    def __init__(self, config: PublishedConfig) -> None:
        super().__init__()
        self.config = config
        size, ratios = config.latent_size, config.ratios
        shape = (size, config.filters, ratios, config.lstm_layers)
        self.encoder = Encoder(1, *shape)
        self.decoder = Decoder(
            2 * size, 2, config.filters, ratios, config.lstm_layers, config.reduction
        )
        self.stereo_conditioner = Encoder(2, *shape)
        self.transformer_encoder = Transformer(
            config.transformer_layers,
            2 * size,
            config.transformer_heads,
            config.transformer_hidden,
        )
        self.mu_layer = nn.Linear(size, size)
        self.log_var_layer = nn.Linear(size, size)
        nn.init.zeros_(self.log_var_layer.weight)
        nn.init.zeros_(self.log_var_layer.bias)

    def posterior(self, stereo: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the spatial latent of stereo.

        Parameters
        ----------
        stereo : Tensor, shape (batch, 2, samples)
            Left and right.

        Returns
        -------
        mean, log_variance : Tensor, shape (batch, frames, latent_size)
        """
        found = self.stereo_conditioner(stereo.transpose(1, 2).contiguous())
        return self.mu_layer(found), self.log_var_layer(found)

    def decode(self, mono: Tensor, spatial: Tensor) -> Tensor:
        """X and Y of W and a spatial latent.

        Parameters
        ----------
        mono : Tensor, shape (batch, 1, samples)
            W, of one sample or more.
        spatial : Tensor, shape (batch, frames, latent_size)
            A frame for each `hop` samples or part of that.

        Returns
        -------
        Tensor, shape (batch, 2, samples)
        """
        skips: list[Tensor] = []
        audio = self.encoder(mono[:, 0, :, None], skips)
        latent = self.transformer_encoder(torch.cat([audio, spatial], -1))
        return self.decoder(latent, skips)[:, : mono.shape[-1]].transpose(1, 2)

    def forward(self, stereo: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """X and Y of stereo, for training.

        Parameters
        ----------
        stereo : Tensor, shape (batch, 2, samples)
            Left and right.
        noise : Tensor, shape (batch, frames, latent_size)
            Standard deviations that the spatial latent is off its mean.

        Returns
        -------
        sides : Tensor, shape (batch, 2, samples)
            X and Y.
        mean, log_variance : Tensor, shape (batch, frames, latent_size)
            Of the spatial latent.
        """
        mean, log_variance = self.posterior(stereo)
        spatial = mean + (0.5 * log_variance).exp() * noise
        return self.decode(stereo.mean(1, keepdim=True), spatial), mean, log_variance

    @torch.inference_mode()
    def ambisonics(self, audio: Tensor, noise: Tensor | None = None) -> Tensor:
        """W, X and Y of mono or stereo, as the network has them (see the module).

        Parameters
        ----------
        audio : Tensor, shape (batch, 1 or 2, samples)
            Of the network's type, at its sample rate. Of any length: a second needs some 40 MB,
            and time grows faster than length. Stereo of two equal channels is not the same as
            mono: it is heard as sounds on neither side, while of mono nothing is assumed and the
            latent is that of the prior.
        noise : Tensor, shape (batch, frames, latent_size), optional
            What chance draws (see `draw_noise`). The mean of the latent by default: of stereo
            its likeliest place, of mono the same for every signal.

        Returns
        -------
        Tensor, shape (batch, 3, samples)
            W is the mean of the channels, exactly.
        """
        if audio.ndim != 3 or audio.shape[1] not in (1, 2):
            raise ShapeError(
                f"audio must have shape (batch, 1 or 2, samples), got {tuple(audio.shape)}"
            )
        batch, channels, samples = audio.shape
        made = audio.new_zeros((batch, 3, samples))
        made[:, :1] = mono = audio.mean(1, keepdim=True)
        if not samples:
            return made
        frames = (batch, self.frames(samples), self.config.latent_size)
        if noise is None:
            noise = audio.new_zeros(frames)
        elif noise.shape != frames:
            raise ShapeError(f"noise must have shape {frames}, got {tuple(noise.shape)}")
        made[:, 1:] = self(audio, noise)[0] if channels == 2 else self.decode(mono, noise)
        return made

    def draw_noise(self, samples: int, seed: int, batch: int = 1) -> Tensor:
        """Noise (batch, frames, latent_size) for so many samples, the same on every device."""
        generator = torch.Generator().manual_seed(seed)
        shape = batch, self.frames(samples), self.config.latent_size
        return torch.randn(shape, generator=generator).to(self.mu_layer.weight)

    def frames(self, samples: int) -> int:
        """Frames of the latents of so many samples."""
        return -(-samples // self.config.hop)


def build_published(config: Mapping[str, Any]) -> PublishedAmbisonizer:
    """Network that the config of a card describes (see `Card`)."""
    return PublishedAmbisonizer(PublishedConfig(**{**config, "ratios": tuple(config["ratios"])}))


def load_published(path: str | Path) -> tuple[PublishedAmbisonizer, Card]:
    """Load what ``spatialkit convert-checkpoint`` wrote, for inference.

    Parameters
    ----------
    path : str or Path
        The file of tensors, ".safetensors", with its card beside it.

    Returns
    -------
    network : PublishedAmbisonizer
        In evaluation mode, its weight norm folded: it can no longer be trained.
    card : Card

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or not of this network.
    """
    network, card = load_weights(path, MODEL, build_published)
    fold_weight_norm(network)
    return network.requires_grad_(False), card
