"""Which of four stems a part of a stereo song belongs to: the one part that has to know music."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from spatialkit.errors import OptionError
from spatialkit_models.modules.covariance import Moments, Resolution

__all__ = ["MaskConfig", "PerBand", "StemMasks", "mask_loss"]


@dataclass(frozen=True)
class MaskConfig:
    """Shape of `StemMasks`.

    Parameters
    ----------
    sample_rate : int
        Hz of the audio; other rates are resampled before.
    n_fft, hop_length : int
        Samples of an STFT frame and between frames. 4096 tells bass from kick drum.
    regions : tuple of (int, int)
        How finely a spectrum is masked, see `Resolution`; by default up to 16.5 kHz.
    band : int
        Units that are described together.
    band_features : int
        Features that describe a band of the spectrum.
    width : int
        Features that describe a whole frame.
    dilations : tuple of int
        Frames that each block looks back and ahead.
    dropout : float
        Share of features that training leaves out.
    """

    sample_rate: int = 44100
    n_fft: int = 4096
    hop_length: int = 1024
    regions: tuple[tuple[int, int], ...] = ((256, 1), (128, 2), (128, 4), (64, 8))
    band: int = 8
    band_features: int = 24
    width: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        # JSON has lists.
        object.__setattr__(self, "regions", tuple(map(tuple, self.regions)))
        object.__setattr__(self, "dilations", tuple(self.dilations))


class StemMasks(nn.Module):
    """Share of each of four stems in every unit of a stereo spectrum.

    Bands are described apart, joined to one vector per frame, seen in time by residual blocks
    (a frame, its neighbours, and the mean of the excerpt), and parted again, each band beside
    what it was before.

    Parameters
    ----------
    config : MaskConfig
        The shape.
    stems : int
        How many.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    log_prior: Tensor

    def __init__(self, config: MaskConfig, stems: int = 4) -> None:
        super().__init__()
        self.resolution = Resolution(config.regions)
        self.resolution.require(config.n_fft // 2 + 1)
        self.band, self.stems = config.band, stems
        units, features, width = self.resolution.units, config.band_features, config.width
        if units % config.band:
            raise OptionError(f"{units} units cannot be parted into bands of {config.band}")
        bands = units // config.band
        self.register_buffer("feature_mean", torch.zeros(4, units))
        self.register_buffer("feature_scale", torch.ones(4, units))
        self.register_buffer("log_prior", torch.zeros(stems, units))
        self.describe = PerBand(bands, 4 * config.band, features)
        self.join = nn.Linear(bands * features, width)
        self.blocks = nn.ModuleList(_Block(width, d, config.dropout) for d in config.dilations)
        self.part = nn.Linear(width, bands * features)
        self.norm = nn.LayerNorm(features)
        # Near the prior at first: all else is learned from there.
        self.decide = PerBand(bands, features, stems * config.band, 0.3)

    def features(self, stereo: Moments) -> Tensor:
        """Compressed magnitudes of both sides, their sum and difference: (batch, time, 4, units).

        Whatever the level of the whole.
        """
        left, both, right = stereo.products.unbind(2)
        level = (left + right).mean((1, 2))[:, None, None, None]
        seen = torch.stack([left, right, left + right + 2.0 * both, left + right - 2.0 * both], 2)
        # The eighth root is far quicker than other powers.
        return (seen.clamp_min(0.0) / (level + 1e-12) + 1e-7).sqrt().sqrt().sqrt()

    def calibrate(self, features: Tensor, shares: Tensor) -> None:
        """Take scales of features and log prior of stems from examples.

        Parameters
        ----------
        features : Tensor
            Of `features`, (batch, time, 4, units).
        shares : Tensor
            True shares of the stems' power, (batch, time, stems, units).
        """
        self.feature_mean.copy_(features.mean((0, 1)))
        self.feature_scale.copy_(1.0 / features.std((0, 1)).clamp_min(1e-3))
        self.log_prior.copy_(shares.mean((0, 1)).clamp_min(1e-3).log())

    def forward(self, stereo: Moments) -> Tensor:
        """Logits of the masks of a spectrum of two channels, (batch, time, stems, units)."""
        return self.logits(self.bands(stereo))

    def logits(self, bands: Tensor) -> Tensor:
        """Logits of the masks of what `bands` found."""
        return self.per_unit(self.decide(bands)) + self.log_prior

    def per_unit(self, decided: Tensor) -> Tensor:
        """Values of units, (batch, time, n, units), from those by band, n times its units each."""
        return decided.unflatten(3, (-1, self.band)).transpose(2, 3).flatten(3)

    def bands(self, stereo: Moments) -> Tensor:
        """Describe each band beside all that goes on around it, (batch, time, bands, features)."""
        scaled = (self.features(stereo) - self.feature_mean) * self.feature_scale
        bands = scaled.unflatten(3, (-1, self.band)).transpose(2, 3).flatten(3)
        described = self.describe(bands)
        frame = self.join(described.flatten(2))
        for block in self.blocks:
            frame = block(frame)
        parted = self.part(frame).unflatten(2, described.shape[2:]) + described
        return functional.gelu(self.norm(parted))


class PerBand(nn.Module):
    """A linear layer of its own for each band."""

    def __init__(self, bands: int, inputs: int, outputs: int, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(scale * torch.randn(bands, inputs, outputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(bands, outputs))

    def forward(self, value: Tensor) -> Tensor:
        batch, time, bands, inputs = value.shape
        rows = value.permute(2, 0, 1, 3).reshape(bands, batch * time, inputs)
        result = torch.baddbmm(self.bias[:, None], rows, self.weight)
        return result.reshape(bands, batch, time, -1).permute(1, 2, 0, 3)


class _Block(nn.Module):
    """Residual: a frame, those `dilation` before and after, and the mean of all."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(4 * width, width)
        self.outer = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frame: Tensor) -> Tensor:
        value = self.norm(frame)
        reach = min(self.dilation, value.shape[1])
        before = functional.pad(value, (0, 0, reach, 0))[:, : value.shape[1]]
        after = functional.pad(value, (0, 0, 0, reach))[:, -value.shape[1] :]
        mean = value.mean(1, keepdim=True).expand_as(value)
        inner = functional.gelu(self.inner(torch.cat([before, value, after, mean], -1)))
        return frame + self.outer(self.dropout(inner))


def mask_loss(logits: Tensor, powers: Tensor) -> Tensor:
    """Cross-entropy against true shares; loud units count more, by the root of their magnitude.

    Both are (batch, time, stems, units): logits of masks, and the true powers of the stems.
    """
    total = powers.sum(2, keepdim=True)
    weight = (total + 1e-12).pow(0.25)[:, :, 0]
    weight = weight / weight.sum((1, 2), keepdim=True)
    shares = powers / (total + 1e-9)
    # Less the logarithm of the softmax, which itself is slow over this axis.
    entropy = logits.logsumexp(2) * shares.sum(2) - (shares * logits).sum(2)
    return (weight * entropy).sum((1, 2)).mean()
