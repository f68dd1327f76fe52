"""Network that estimates a time-frequency mask for each stem of a stereo song."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from spatialkit.errors import OptionError
from spatialkit_models.modules.config import MaskConfig
from spatialkit_models.modules.covariance import Covariance, Resolution
from spatialkit_models.stem_names import N_STEMS

__all__ = ["GroupedLinear", "StemMasks", "mask_loss", "mean_nearby"]


class StemMasks(nn.Module):
    """Masks of the stems in every band of a stereo spectrum.

    Groups of bands are described separately and joined to one vector per frame. Residual blocks
    process the sequence of frames (a frame, its neighbours, and the mean of the excerpt or of the
    frames within reach); their output is split into groups again and added to the description of
    each group.

    Parameters
    ----------
    config : MaskConfig
        Shape of the network.
    """

    feature_mean: Tensor
    feature_scale: Tensor
    log_prior: Tensor

    def __init__(self, config: MaskConfig) -> None:
        super().__init__()
        self.config = config
        self.resolution = Resolution(config.regions)
        self.resolution.require(config.n_fft // 2 + 1)
        self.bands_per_group = config.bands_per_group
        bands, features, width = self.resolution.bands, config.group_features, config.width
        if bands % config.bands_per_group:
            raise OptionError(
                f"bands_per_group must divide the {bands} bands of regions, got "
                f"{config.bands_per_group}"
            )
        groups = bands // config.bands_per_group
        # Names of modules and buffers are the keys of stored weights.
        self.register_buffer("feature_mean", torch.zeros(4, bands))
        self.register_buffer("feature_scale", torch.ones(4, bands))
        self.register_buffer("log_prior", torch.zeros(N_STEMS, bands))
        self.describe = GroupedLinear(groups, 4 * config.bands_per_group, features)
        self.join = nn.Linear(groups * features, width)
        self.blocks = nn.ModuleList(_Block(width, d, config) for d in config.dilations)
        self.part = nn.Linear(width, groups * features)
        self.norm = nn.LayerNorm(features)
        # Small initial weights: training starts from masks near the prior.
        self.decide = GroupedLinear(groups, features, N_STEMS * config.bands_per_group, 0.3)

    def features(self, stereo: Covariance) -> Tensor:
        """Compute compressed magnitudes of left, right, sum and difference.

        Returns
        -------
        Tensor, shape (batch, time, 4, bands)
            Independent of the level of the excerpt.
        """
        left, both, right = stereo.products.unbind(2)
        level = mean_nearby((left + right).mean(2), self.config.reach)[:, :, None, None]
        powers = torch.stack([left, right, left + right + 2.0 * both, left + right - 2.0 * both], 2)
        # Three square roots are much faster than a general power of 1/8.
        return (powers.clamp_min(0.0) / (level + 1e-12) + 1e-7).sqrt().sqrt().sqrt()

    def calibrate(self, features: Tensor, masks: Tensor) -> None:
        """Set the scales of features and the log prior of stems from examples.

        Parameters
        ----------
        features : Tensor, shape (batch, time, 4, bands)
            Output of `features`.
        masks : Tensor, shape (batch, time, stems, bands)
            True ratios of the stems' powers.
        """
        self.feature_mean.copy_(features.mean((0, 1)))
        self.feature_scale.copy_(1.0 / features.std((0, 1)).clamp_min(1e-3))
        self.log_prior.copy_(masks.mean((0, 1)).clamp_min(1e-3).log())

    def forward(self, stereo: Covariance) -> Tensor:
        """Compute the logits of the masks of two channels, (batch, time, stems, bands)."""
        return self.logits_of(self.features(stereo))

    def logits_of(self, features: Tensor) -> Tensor:
        """Compute the logits of the masks from the output of `features`."""
        return self.logits(self._describe(features))

    def logits(self, groups: Tensor) -> Tensor:
        """Compute the logits of the masks from the output of `describe_groups`."""
        return self.per_band(self.decide(groups)) + self.log_prior

    def per_band(self, values: Tensor) -> Tensor:
        """Reorder (batch, time, groups, n * bands per group) to (batch, time, n, bands)."""
        return values.unflatten(3, (-1, self.bands_per_group)).transpose(2, 3).flatten(3)

    def describe_groups(self, stereo: Covariance) -> Tensor:
        """Describe each group of bands in its context, (batch, time, groups, features)."""
        return self._describe(self.features(stereo))

    def _describe(self, features: Tensor) -> Tensor:
        scaled = (features - self.feature_mean) * self.feature_scale
        groups = scaled.unflatten(3, (-1, self.bands_per_group)).transpose(2, 3).flatten(3)
        described = self.describe(groups)
        frame = self.join(described.flatten(2))
        for block in self.blocks:
            frame = block(frame)
        split = self.part(frame).unflatten(2, described.shape[2:]) + described
        return functional.gelu(self.norm(split))


class GroupedLinear(nn.Module):
    """Linear layer with separate weights for each group of bands."""

    def __init__(self, groups: int, inputs: int, outputs: int, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(scale * torch.randn(groups, inputs, outputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(groups, outputs))

    def forward(self, value: Tensor) -> Tensor:
        batch, time, groups, inputs = value.shape
        rows = value.permute(2, 0, 1, 3).reshape(groups, batch * time, inputs)
        result = torch.baddbmm(self.bias[:, None], rows, self.weight)
        return result.reshape(groups, batch, time, -1).permute(1, 2, 0, 3)


class _Block(nn.Module):
    """Residual block over a frame, the frames `dilation` before and after, and their mean."""

    def __init__(self, width: int, dilation: int, config: MaskConfig) -> None:
        super().__init__()
        self.dilation, self.reach = dilation, config.reach
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(4 * width, width)
        self.outer = nn.Linear(width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frame: Tensor) -> Tensor:
        value = self.norm(frame)
        shift = min(self.dilation, value.shape[1])
        before = functional.pad(value, (0, 0, shift, 0))[:, : value.shape[1]]
        after = functional.pad(value, (0, 0, 0, shift))[:, -value.shape[1] :]
        mean = mean_nearby(value, self.reach).expand_as(value)
        inner = functional.gelu(self.inner(torch.cat([before, value, after, mean], -1)))
        return frame + self.outer(self.dropout(inner))


def mean_nearby(values: Tensor, reach: int) -> Tensor:
    """Average over the frames within reach; at both ends over as many of the nearest frames.

    Parameters
    ----------
    values : Tensor, shape (batch, time, ...)
    reach : int
        Frames before and after; 0 for all.

    Returns
    -------
    Tensor, shape (batch, time, ...), or (batch, 1, ...) if the mean is that of all frames
    """
    frames, count = values.shape[1], 2 * reach + 1
    if not reach or frames <= count:
        return values.mean(1, keepdim=True)
    first = (torch.arange(frames, device=values.device) - reach).clamp(0, frames - count)
    # Differences of sums of many frames need double precision.
    sums = torch.cat([torch.zeros_like(values[:, :1]), values], 1).double().cumsum(1)
    return ((sums[:, first + count] - sums[:, first]) / count).to(values.dtype)


def mask_loss(logits: Tensor, powers: Tensor) -> Tensor:
    """Compute the cross-entropy between masks and true ratios, weighted by loudness.

    The weight of a band is the square root of its magnitude.

    Parameters
    ----------
    logits : Tensor, shape (batch, time, stems, bands)
        Logits of the masks.
    powers : Tensor, shape (batch, time, stems, bands)
        True powers of the stems.

    Returns
    -------
    Tensor, shape ()
        Nats.
    """
    total = powers.sum(2, keepdim=True)
    weight = (total + 1e-12).pow(0.25)[:, :, 0]
    weight = weight / weight.sum((1, 2), keepdim=True)
    ratios = powers / (total + 1e-9)
    # Expanded logarithm of the softmax, which itself is slow over this axis.
    entropy = logits.logsumexp(2) * ratios.sum(2) - (ratios * logits).sum(2)
    return (weight * entropy).sum((1, 2)).mean()
