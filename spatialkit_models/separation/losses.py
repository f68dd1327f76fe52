"""Loss and measures of separation masks, computed from powers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from spatialkit_models.modules import Covariance, StemMasks, mask_loss
from spatialkit_models.separation.config import MaskLossConfig
from spatialkit_models.stem_names import N_STEMS

__all__ = ["MaskLoss", "calibration_error", "mix_covariance", "stem_sdr"]

TINY = 1e-9
# Part of the energy of a mix that an error is measured against at least: quiet stems do not
# dominate the loss.
MIN_RATIO = 0.01
# Part of the energy of a mix below which a stem has no SDR: -30 dB.
AUDIBLE = 1e-3
# Number of intervals of the calibration error.
INTERVALS = 20


class MaskLoss(nn.Module):
    """Cross-entropy of masks, and the error of the masked stems relative to their energies.

    The error is that of uncorrelated stems: a mask m of a stem of power P in a mix of power Q has
    the error ``(1 - m)^2 P + m^2 (Q - P)``. Of songs with joint stems, masks and powers are added
    up by groups first.

    Parameters
    ----------
    network : StemMasks
        Network that is trained.
    config : MaskLossConfig
        Weight of the error.
    """

    def __init__(self, network: StemMasks, config: MaskLossConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(
        self, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss and its terms for a batch of `PowerMixes`."""
        logits = self.network(mix_covariance(batch["mix"])).float()
        powers, groups = batch["powers"], batch["groups"]
        joint = (groups != torch.arange(N_STEMS, device=groups.device)).any(1)
        entropies, errors = [], []
        for index in (~joint, joint):
            if not index.any():
                continue
            kept, energy = logits[index], powers[index]
            masks = kept.softmax(2)
            if index is joint:
                membership = functional.one_hot(groups[index], N_STEMS).to(masks)
                masks, energy = (
                    torch.einsum("btsf,bsg->btgf", each, membership) for each in (masks, energy)
                )
                kept = (masks + TINY).log()
            weight = index.sum() / len(index)
            entropies.append(weight * mask_loss(kept, energy))
            errors.append(weight * _error(masks, energy))
        entropy, error = (torch.stack(each).sum() for each in (entropies, errors))
        total = entropy + self.config.error_weight * error
        return total, {"cross_entropy": entropy, "error": error}


def _error(masks: Tensor, powers: Tensor) -> Tensor:
    """Return the mean logarithm (base 10) of error over energy of the stems."""
    others = powers.sum(2, keepdim=True) - powers
    error = ((1.0 - masks).square() * powers + masks.square() * others).sum((1, 3))
    energy = powers.sum((1, 3))
    least = MIN_RATIO * energy.sum(1, keepdim=True) + TINY
    return ((error + least) / (energy + least)).log10().mean()


def mix_covariance(mix: Tensor) -> Covariance:
    """Return the covariance of left and right from the powers of left, right and left - right.

    Parameters
    ----------
    mix : Tensor, shape (batch, time, 3, bands)
    """
    left, right, difference = mix.unbind(2)
    return Covariance(torch.stack([left, 0.5 * (left + right - difference), right], 2), 2)


def stem_sdr(masks: Tensor, scene: Mapping[str, Tensor]) -> Tensor:
    """Compute the SDR of each masked stem, in dB, exactly in the STFT domain.

    Parameters
    ----------
    masks : Tensor, shape (batch, time, stems, bands)
    scene : mapping of str to Tensor
        Arrays of `natural_excerpts`.

    Returns
    -------
    Tensor, shape (batch, stems)
        NaN for stems that are 30 dB or more below the mix.
    """
    mix = scene["mix"][:, :, :2].sum(2, keepdim=True)
    powers, cross = scene["powers"], scene["cross"]
    error = (masks.square() * mix - 2.0 * masks * cross + powers).sum((1, 3))
    energy = powers.sum((1, 3))
    sdr = 10.0 * (energy / error.clamp_min(TINY)).log10()
    return sdr.masked_fill(energy < AUDIBLE * energy.sum(1, keepdim=True), torch.nan)


def calibration_error(masks: Tensor, powers: Tensor) -> Tensor:
    """Compute the expected calibration error of masks, from 0 (calibrated) to 1.

    The mean difference, in intervals of the mask of width 1/20, between the mean mask and the mean
    true ratio, weighted by loudness as in `mask_loss`.
    """
    total = powers.sum(2, keepdim=True)
    weight = (total + TINY).pow(0.25).expand_as(powers)
    ratio = powers / (total + TINY)
    interval = (masks * INTERVALS).long().clamp_max(INTERVALS - 1).flatten()
    difference: Any = masks.new_zeros(INTERVALS, dtype=torch.float64)
    difference.index_add_(0, interval, (weight * (masks - ratio)).flatten().double())
    return difference.abs().sum() / weight.sum().double()
