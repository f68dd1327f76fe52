"""The style-transfer VAE as published: dense convolutional networks on magnitudes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spatialkit.validation import as_choice
from spatialkit_models.losses import gaussian_kl
from spatialkit_models.modules import Spectra, wiener_filters
from spatialkit_models.style_vae.network import CHANNELS, StyleCode

__all__ = ["PaperConfig", "PaperStyleVAE"]


@dataclass(frozen=True)
class PaperConfig:
    """Shape of `PaperStyleVAE`; what the paper states, and what it leaves open.

    Parameters
    ----------
    sample_rate : int
        Hz; stated.
    n_fft, hop_length : int
        A Hann window of 1024 samples, 75 % overlap; stated.
    latent_size : int
        Dimensions of the style; 50 stated, 20 to 60 tried.
    growth, convolutions, blocks : int
        Channels that a convolution of a dense block adds, convolutions in a block, blocks in
        each network; stated.
    kernel : int
        Bins and frames that a convolution sees. Open; 3 as in DenseNet. A transition that keeps
        the size sees 1, as there.
    transition_channels : int
        Channels that a transition leaves. Open: DenseNet halves them; 40 is two of a block's
        five convolutions.
    normalization : {"batch", "layer"}
        Before each convolution. Open: DenseNet's is "batch"; "layer", of all channels, bins and
        frames of an example together, does not change with the others in the batch. (In smaller
        groups of channels the style, the same at all bins and frames, would be evened out.)
    pooling : {"mean", "energy"}
        How the encoder's last map becomes one vector: its mean over bins and frames, or weighted
        by their magnitude, so that silence does not count. Open; "mean" is the plain reading.
    likelihood_deviation : float
        Standard deviation of the normal distribution about the decoder's magnitudes, in units of
        the RMS of the stereo. Open; it sets the weight of reconstruction against divergence.
    seconds, sounding, protocol, cross_song, level_db, paired
        Scenes that it is taught on: their length, how many stems have to sound, and options of
        `StyleScenes`. Stated: 98,048 samples, 1, a stereo panned independently, and a style
        heard in the target itself; of changed levels and of stems in two places nothing is said.
    """

    sample_rate: int = 44100
    n_fft: int = 1024
    hop_length: int = 256
    latent_size: int = 50
    growth: int = 20
    convolutions: int = 5
    blocks: int = 5
    kernel: int = 3
    transition_channels: int = 40
    normalization: str = "layer"
    pooling: str = "mean"
    likelihood_deviation: float = 1.0
    seconds: float = 98_048 / 44_100
    sounding: int = 1
    protocol: str = "independent"
    cross_song: bool = False
    level_db: float = 0.0
    paired: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "normalization",
            as_choice(self.normalization, "normalization", ("batch", "layer")),
        )
        object.__setattr__(self, "pooling", as_choice(self.pooling, "pooling", ("mean", "energy")))


class PaperStyleVAE(nn.Module):
    """The published networks, and the published rule for phases.

    The encoder reads magnitudes of five channels: dense blocks alternate with transitions that
    halve bins and frames. The decoder reads those of stereo and, at every bin, the style: dense
    blocks alternate with transitions that keep the size. Front and rear left take the phase of
    the left side, front and rear right that of the right, the centre that of their mean.

    By default the encoder has 535,910 parameters, the decoder 399,165.

    Parameters
    ----------
    config : PaperConfig
        The shape.
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        self.spectra = Spectra(config.n_fft, config.hop_length)
        self.encoder, found = _dense_network(config, CHANNELS, stride=2)
        self.posterior = nn.Linear(found, 2 * config.latent_size)
        self.decoder, found = _dense_network(config, 2 + config.latent_size, stride=1)
        self.heads = nn.Conv2d(found, CHANNELS, 1)

    def encode(self, five: Tensor) -> StyleCode:
        """Posterior of styles of a spectrum (batch, time, 5, bins)."""
        magnitude = five.abs()
        magnitude = magnitude / _level(magnitude)
        features = self.encoder(magnitude.transpose(1, 2))
        if self.config.pooling == "energy":
            weight = nn.functional.adaptive_avg_pool2d(
                magnitude.sum(2)[:, None], features.shape[2:]
            )
            pooled = (features * weight).sum((2, 3)) / weight.sum((2, 3)).clamp_min(1e-9)
        else:
            pooled = features.mean((2, 3))
        mean, log_variance = self.posterior(pooled).float().chunk(2, -1)
        return StyleCode(mean, log_variance.clamp(-10.0, 4.0))

    def decode(self, stereo: Tensor, style: Tensor) -> Tensor:
        """Five channels (batch, time, 5, bins) of a stereo spectrum in a style."""
        magnitude = stereo.abs()
        level = _level(magnitude)
        return self.magnitudes(magnitude / level, style) * level * _phases(stereo)

    def magnitudes(self, stereo: Tensor, style: Tensor) -> Tensor:
        """Magnitudes (batch, time, 5, bins) of those of stereo, both in units of its RMS."""
        maps = stereo.transpose(1, 2)
        style = style[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        found = self.heads(self.decoder(torch.cat([maps, style], 1))).float()
        return nn.functional.softplus(found).transpose(1, 2)

    def forward(
        self,
        stems: Tensor,
        style_stems: Tensor,
        gains: Tensor,
        seed_gains: Tensor,
        style_gains: Tensor,
        progress: float,
    ) -> dict[str, Tensor]:
        """Loss of scenes (see `StyleScenes.scenes`) and its parts: the negative of Eq. 2, nats.

        Constants left out; the same at all of ``progress``.
        """
        content, examples = self.spectra(stems), self.spectra(style_stems)
        code = self.encode(wiener_filters.pan(examples, style_gains))
        stereo = wiener_filters.pan(content, seed_gains).abs()
        level = _level(stereo)
        target = wiener_filters.pan(content, gains).abs() / level
        error = target - self.magnitudes(stereo / level, code.sample())
        scale = 2.0 * self.config.likelihood_deviation**2
        parts = {
            "reconstruction": error.square().sum((1, 2, 3)).mean() / scale,
            "divergence": gaussian_kl(code.mean, code.log_variance).mean(),
        }
        parts["loss"] = parts["reconstruction"] + parts["divergence"]
        return parts


def _level(magnitude: Tensor) -> Tensor:
    return magnitude.square().mean((1, 2, 3), keepdim=True).add(1e-12).sqrt()


def _phases(stereo: Tensor) -> Tensor:
    """Phases of the five channels, in WAVE order."""
    left, right = stereo[:, :, 0], stereo[:, :, 1]
    five = torch.stack([left, right, left + right, left, right], 2)
    return five / five.abs().clamp_min(1e-12)


def _dense_network(config: PaperConfig, channels: int, stride: int) -> tuple[nn.Module, int]:
    """Dense blocks with transitions between, and the channels that come out."""
    layers: list[nn.Module] = []
    for block in range(config.blocks):
        layers.append(_DenseBlock(config, channels))
        channels += config.convolutions * config.growth
        if block < config.blocks - 1:
            kernel = config.kernel if stride > 1 else 1
            layers.append(
                nn.Conv2d(channels, config.transition_channels, kernel, stride, kernel // 2)
            )
            channels = config.transition_channels
    return nn.Sequential(*layers), channels


class _DenseBlock(nn.Module):
    """Convolutions, each of all that came before [1]_.

    References
    ----------
    .. [1] G. Huang et al., "Densely connected convolutional networks", CVPR 2017.
    """

    def __init__(self, config: PaperConfig, channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for number in range(config.convolutions):
            inputs = channels + number * config.growth
            batch = config.normalization == "batch"
            normal = nn.BatchNorm2d(inputs) if batch else nn.GroupNorm(1, inputs)
            convolution = nn.Conv2d(
                inputs, config.growth, config.kernel, padding=config.kernel // 2
            )
            self.layers.append(nn.Sequential(normal, nn.ReLU(), convolution))

    def forward(self, maps: Tensor) -> Tensor:
        for layer in self.layers:
            maps = torch.cat([maps, layer(maps)], 1)
        return maps
