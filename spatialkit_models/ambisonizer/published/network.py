"""Network of the published Ambisonizer (Zang, Wang and Lee 2024, arXiv 2405.13428).

Mono or stereo to the horizontal part of first-order Ambisonics, compatible with the authors'
weights. The signals of the network are **not AmbiX**:

- Channels are W, X, Y in this order; there is no Z.
- X points to the front, Y to the side of positive azimuth. The release does not specify which side
  that is, and its scripts disagree. Here it is the left, because then the microphone of the left
  channel (below) points to the left.
- The gains of a plane wave from azimuth a are 1, sqrt(3) cos a and sqrt(3) sin a (N3D), times an
  unknown scale of the room responses in training.
- Stereo is a pair of opposed microphones, left = W + X cos 22.5 + Y sin 22.5 (degrees), right the
  same at 202.5: W is (left + right) / 2 exactly. In other stereo recordings, a source on the far
  left is therefore placed near the front, and one on the far right near the rear.
- The network was trained at 44.1 kHz on excerpts of 2.7 s. Its output depends on the whole input:
  attention and channel gains are computed over all of it.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from spatialkit.errors import ShapeError
from spatialkit_models.ambisonizer.published.config import PublishedConfig
from spatialkit_models.ambisonizer.published.seanet import Decoder, Encoder, fold_weight_norm
from spatialkit_models.ambisonizer.published.transformer import Transformer
from spatialkit_models.weights import Card, WeightsError, load_weights

__all__ = ["MODEL", "PublishedAmbisonizer", "load_published"]

MODEL = "ambisonizer"


class PublishedAmbisonizer(nn.Module):
    """The published network: estimates X and Y; W is the mean of the input's channels.

    One SEANet encoder processes the mean of the channels. Another one processes the stereo and
    returns a normal distribution of a spatial latent for each frame. A transformer and a SEANet
    decoder compute X and Y from both latents; the decoder also receives the maps of the first
    encoder's stages. The default has 26,582,946 parameters in 302 tensors, named as in released
    checkpoints.

    Parameters
    ----------
    config : PublishedConfig
        Shape of the network.
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
        """Compute the mean and log variance of the spatial latent of stereo.

        Parameters
        ----------
        stereo : Tensor, shape (batch, 2, samples)
            Left and right.

        Returns
        -------
        mean, log_variance : Tensor, shape (batch, frames, latent_size)
        """
        features = self.stereo_conditioner(stereo.transpose(1, 2).contiguous())
        return self.mu_layer(features), self.log_var_layer(features)

    def decode(self, mono: Tensor, spatial: Tensor) -> Tensor:
        """Compute X and Y from W and a spatial latent.

        Parameters
        ----------
        mono : Tensor, shape (batch, 1, samples)
            W, at least one sample.
        spatial : Tensor, shape (batch, frames, latent_size)
            One frame per `hop` samples, rounded up.

        Returns
        -------
        Tensor, shape (batch, 2, samples)
        """
        skips: list[Tensor] = []
        audio = self.encoder(mono[:, 0, :, None], skips)
        latent = self.transformer_encoder(torch.cat([audio, spatial], -1))
        return self.decoder(latent, skips)[:, : mono.shape[-1]].transpose(1, 2)

    def forward(self, stereo: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute X and Y from stereo.

        Parameters
        ----------
        stereo : Tensor, shape (batch, 2, samples)
            Left and right.
        noise : Tensor, shape (batch, frames, latent_size)
            Deviation of the spatial latent from its mean, in standard deviations.

        Returns
        -------
        sides : Tensor, shape (batch, 2, samples)
            X and Y.
        mean, log_variance : Tensor, shape (batch, frames, latent_size)
            Distribution of the spatial latent.
        """
        mean, log_variance = self.posterior(stereo)
        spatial = mean + (0.5 * log_variance).exp() * noise
        return self.decode(stereo.mean(1, keepdim=True), spatial), mean, log_variance

    @torch.inference_mode()
    def ambisonics(self, audio: Tensor, noise: Tensor | None = None) -> Tensor:
        """Upmix mono or stereo to W, X and Y in the network's convention (see the module).

        Parameters
        ----------
        audio : Tensor, shape (batch, 1 or 2, samples)
            In the network's dtype, at its sample rate, of any length: one second needs about 40
            MB, and the time grows faster than the length. Stereo with two equal channels is not
            equivalent to mono: it is a centred recording, whereas mono leaves the directions open
            and its latent is that of the prior.
        noise : Tensor, shape (batch, frames, latent_size), optional
            Random deviation of the latent (see `sample_noise`). The mean of the latent by default:
            the likeliest directions for stereo, the same latent for all mono signals.

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
        output = audio.new_zeros((batch, 3, samples))
        output[:, :1] = mono = audio.mean(1, keepdim=True)
        if not samples:
            return output
        frames = (batch, self.frames(samples), self.config.latent_size)
        if noise is None:
            noise = audio.new_zeros(frames)
        elif noise.shape != frames:
            raise ShapeError(f"noise must have shape {frames}, got {tuple(noise.shape)}")
        output[:, 1:] = self(audio, noise)[0] if channels == 2 else self.decode(mono, noise)
        return output

    def sample_noise(self, samples: int, seed: int, batch: int = 1) -> Tensor:
        """Sample the noise of `ambisonics` for a number of samples, equal on every device."""
        generator = torch.Generator().manual_seed(seed)
        shape = batch, self.frames(samples), self.config.latent_size
        return torch.randn(shape, generator=generator).to(self.mu_layer.weight)

    def frames(self, samples: int) -> int:
        """Return the number of frames of the latents for a number of samples."""
        return -(-samples // self.config.hop)


def load_published(path: str | Path) -> tuple[PublishedAmbisonizer, Card]:
    """Load weights, such as those from ``spatialkit convert-checkpoint``, for inference.

    Parameters
    ----------
    path : str or Path
        Tensor file, ".safetensors", with its model card beside it.

    Returns
    -------
    network : PublishedAmbisonizer
        Network in evaluation mode; its weight norm is folded, so that it cannot be trained.
    card : Card
        Its model card.

    Raises
    ------
    WeightsError
        If a file is missing, damaged, or of another network.
    """
    network, card = load_weights(path, MODEL)
    if not isinstance(network, PublishedAmbisonizer):
        raise WeightsError(
            f"{path} has the architecture {card.architecture}, expected ambisonizer-published"
        )
    fold_weight_norm(network)
    return network.requires_grad_(False), card
