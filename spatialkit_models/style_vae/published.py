"""Published network of the style-transfer VAE: dense convolutional networks on magnitudes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from spatialkit_models.modules import STFT
from spatialkit_models.style_vae.config import PaperConfig
from spatialkit_models.style_vae.network import CHANNELS, StyleCode

__all__ = ["PaperStyleVAE", "rms"]


class PaperStyleVAE(nn.Module):
    """The published networks, and the published rule for phases.

    The input of the encoder is the magnitudes of five channels: dense blocks alternate with
    transitions that halve bins and frames. The input of the decoder is the magnitudes of stereo
    and, at every bin, the style: dense blocks alternate with transitions that keep the size. Front
    and rear left get the phase of the left channel, front and rear right that of the right channel,
    the centre that of their mean.

    By default the encoder has 535,910 parameters, the decoder 399,165.

    Parameters
    ----------
    config : PaperConfig
        Shape of the network.
    """

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        self.stft = STFT(config.n_fft, config.hop_length)
        self.encoder, channels = _dense_network(config, CHANNELS, stride=2)
        self.posterior = nn.Linear(channels, 2 * config.latent_size)
        self.decoder, channels = _dense_network(config, 2 + config.latent_size, stride=1)
        self.heads = nn.Conv2d(channels, CHANNELS, 1)

    def forward(self, stereo: Tensor, style: Tensor) -> Tensor:
        """Upmix in the style of another recording.

        Parameters
        ----------
        stereo : Tensor of complex, shape (batch, time, 2, bins)
            Spectrum to upmix.
        style : Tensor of complex, shape (batch, time, 5, bins)
            Spectrum of a five-channel recording.

        Returns
        -------
        Tensor of complex, shape (batch, time, 5, bins)
        """
        return self.decode(stereo, self.encode(style).mean)

    def encode(self, five: Tensor) -> StyleCode:
        """Estimate the style of a spectrum (batch, time, 5, bins)."""
        magnitude = five.abs()
        magnitude = magnitude / rms(magnitude)
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
        """Upmix a stereo spectrum to five channels (batch, time, 5, bins) in a style."""
        magnitude = stereo.abs()
        level = rms(magnitude)
        return self.magnitudes(magnitude / level, style) * level * _phases(stereo)

    def magnitudes(self, stereo: Tensor, style: Tensor) -> Tensor:
        """Compute magnitudes (batch, time, 5, bins) from those of stereo, in units of its RMS."""
        maps = stereo.transpose(1, 2)
        style = style[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        output = self.heads(self.decoder(torch.cat([maps, style], 1))).float()
        return nn.functional.softplus(output).transpose(1, 2)


def rms(magnitude: Tensor) -> Tensor:
    """Compute the RMS of the magnitudes of each item, with its axes kept."""
    return magnitude.square().mean((1, 2, 3), keepdim=True).add(1e-12).sqrt()


def _phases(stereo: Tensor) -> Tensor:
    """Return the phases of the five channels, in WAVE order."""
    left, right = stereo[:, :, 0], stereo[:, :, 1]
    five = torch.stack([left, right, left + right, left, right], 2)
    return five / five.abs().clamp_min(1e-12)


def _dense_network(config: PaperConfig, channels: int, stride: int) -> tuple[nn.Module, int]:
    """Build dense blocks with transitions between them; return the output channels, too."""
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
    """Convolutions, each applied to the input and to the outputs of all before it [1]_.

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
