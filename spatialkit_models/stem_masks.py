"""Which of four stems a bin of a stereo song belongs to: the one part that has to know music."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from spatialkit.errors import OptionError
from spatialkit_models.spectra import power

__all__ = ["MaskConfig", "StemMasks"]


@dataclass(frozen=True)
class MaskConfig:
    """Shape of `StemMasks`.

    Parameters
    ----------
    sample_rate : int
        Hz of the audio; other rates are resampled before.
    n_fft, hop_length : int
        Samples of an STFT frame and between frames. 4096 tells bass from kick drum.
    bands : tuple of (int, int)
        Bands of the spectrum from 0 Hz on: how many, and how many bins each of them has. Narrow
        where harmonics lie apart; by default up to 16.5 kHz.
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
    bands: tuple[tuple[int, int], ...] = ((32, 8), (16, 16), (16, 32), (8, 64))
    band_features: int = 24
    width: int = 256
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        # JSON has lists.
        object.__setattr__(self, "bands", tuple(map(tuple, self.bands)))
        object.__setattr__(self, "dilations", tuple(self.dilations))


class StemMasks(nn.Module):
    """Share of each of four stems in every bin of a stereo spectrum.

    Bands are described apart, joined to one vector per frame, seen in time by residual blocks
    (a frame, its neighbours, and the mean of the excerpt), and parted again, each band beside
    what it was before. Bins above the last band share its last mask.

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
        self.stems, self.bands = stems, config.bands
        features, width = config.band_features, config.width
        bands = sum(count for count, _ in config.bands)
        self.bins = sum(count * size for count, size in config.bands)
        if self.bins > config.n_fft // 2 + 1:
            raise OptionError(
                f"bands cover {self.bins} bins, a spectrum by n_fft {config.n_fft} has "
                f"{config.n_fft // 2 + 1}"
            )
        self.register_buffer("feature_mean", torch.zeros(4, self.bins))
        self.register_buffer("feature_scale", torch.ones(4, self.bins))
        self.register_buffer("log_prior", torch.zeros(stems, self.bins))
        self.describe = nn.ModuleList(_PerBand(n, 4 * size, features) for n, size in config.bands)
        self.join = nn.Linear(bands * features, width)
        self.blocks = nn.ModuleList(_Block(width, d, config.dropout) for d in config.dilations)
        self.part = nn.Linear(width, bands * features)
        self.norm = nn.LayerNorm(features)
        # Near the prior at first: all else is learned from there.
        self.decide = nn.ModuleList(
            _PerBand(n, features, stems * size, 0.3) for n, size in config.bands
        )

    def features(self, stereo: Tensor) -> Tensor:
        """Compressed magnitudes of both sides, their sum and difference: (batch, time, 4, bins).

        Whatever the level of the whole.
        """
        stereo = stereo[..., : self.bins]
        level = power(stereo).mean((1, 2, 3), keepdim=True)
        left, right = stereo[:, :, 0], stereo[:, :, 1]
        seen = torch.stack([left, right, left + right, left - right], 2)
        return (power(seen) / (level + 1e-12) + 1e-7).pow(0.15)

    def calibrate(self, features: Tensor, shares: Tensor) -> None:
        """Take scales of features and log prior of stems from examples.

        Parameters
        ----------
        features : Tensor
            Of `features`, (batch, time, 4, bins).
        shares : Tensor
            True shares of the stems' power, (batch, time, stems, bins).
        """
        self.feature_mean.copy_(features.mean((0, 1)))
        self.feature_scale.copy_(1.0 / features.std((0, 1)).clamp_min(1e-3))
        self.log_prior.copy_(shares.mean((0, 1)).clamp_min(1e-3).log())

    def forward(self, stereo: Tensor) -> Tensor:
        """Logits of the masks.

        Parameters
        ----------
        stereo : Tensor
            Complex spectrum (batch, time, 2, bins), bins at least up to the last band.

        Returns
        -------
        Tensor
            (batch, time, stems, bins).
        """
        scaled = (self.features(stereo) - self.feature_mean) * self.feature_scale
        parts = [
            layer(part) for layer, part in zip(self.describe, self._bands(scaled), strict=True)
        ]
        described = torch.cat(parts, 2)
        frame = self.join(described.flatten(2))
        for block in self.blocks:
            frame = block(frame)
        parted = self.part(frame).unflatten(2, described.shape[2:]) + described
        parted = functional.gelu(self.norm(parted))
        sized = parted.split([count for count, _ in self.bands], 2)
        decided = [
            layer(part).unflatten(3, (self.stems, -1)).transpose(2, 3).flatten(3)
            for layer, part in zip(self.decide, sized, strict=True)
        ]
        logits = torch.cat(decided, 3) + self.log_prior
        above = stereo.shape[-1] - self.bins
        return torch.cat([logits, logits[..., -1:].expand(*logits.shape[:-1], above)], -1)

    def _bands(self, spectrum: Tensor) -> list[Tensor]:
        """Cut (batch, time, 4, bins) to (batch, time, bands, 4 x bins of a band), per size."""
        parts = spectrum.split([count * size for count, size in self.bands], -1)
        return [
            part.unflatten(3, (count, size)).transpose(2, 3).flatten(3)
            for part, (count, size) in zip(parts, self.bands, strict=True)
        ]


class _PerBand(nn.Module):
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
