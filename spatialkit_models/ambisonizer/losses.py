"""Training loss of the Ambisonizer's own network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spatialkit_models.ambisonizer.config import AmbisonizerLossConfig
from spatialkit_models.ambisonizer.network import Ambisonizer, add_residual
from spatialkit_models.losses import SILENCE, error_db
from spatialkit_models.modules import Covariance, mask_loss, power
from spatialkit_models.stem_names import N_STEMS

__all__ = ["AmbisonizerLoss"]


class AmbisonizerLoss(nn.Module):
    """Loss of `Ambisonizer`: errors of X and of its intensity on several stages, and of masks.

    The batch contains the arrays of `AmbisonicScenes.scenes`. The error of X on a stage is a sum
    over the covariance of W, Y, their residual and the stems' X, so that many stages are evaluated
    at the cost of one.

    Parameters
    ----------
    network : Ambisonizer
        Network to train.
    config : AmbisonizerLossConfig
        Weights.
    """

    def __init__(self, network: Ambisonizer, config: AmbisonizerLossConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(
        self, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch of scenes, and its terms."""
        del progress
        network, config, stems = self.network, self.config, batch["stems"]
        w, y, x = stems.unbind(2)
        pair = network.stft(torch.stack([w.sum(1), y.sum(1)], 1))
        logits, gains = network.gains(Covariance.of(pair, network.resolution))
        frames, count = logits.shape[1], min(logits.shape[1], config.frames)
        first = int(torch.randint(frames - count + 1, ()))
        part = slice(first, first + count)
        stem_x, stem_w = network.stft.frames(torch.cat([x, w], 1), part).chunk(2, 2)
        signals = torch.cat([add_residual(pair[:, part]), stem_x], 2)
        powers = network.resolution.sum_bins(power(stem_w[..., : network.resolution.bins]))
        terms = {"masks": mask_loss(logits[:, part], powers)}
        conditions, targets, weights = self._stages(
            batch["stage"], batch["expected"], batch["staged"]
        )
        weighted = torch.einsum("bks,btcsu->bktcu", conditions, gains[:, part])
        with torch.autocast(stems.device.type, enabled=False):
            covariance = Covariance.of(signals, network.resolution)
            terms |= stage_errors(covariance, weighted, targets, weights)
        loss = (
            terms["error"] + config.intensity * terms["intensity"] + config.masks * terms["masks"]
        )
        return loss, {name: term.detach() for name, term in terms.items()}

    def _stages(
        self, stage: Tensor, expected: Tensor, staged: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return condition and target stages, (batch, stages, stems), and their weights.

        The first condition is the expected stage of a scene, its target the true one. Where a scene
        has a stage, others are evaluated, too: the X of each stem is the same on all.
        """
        random = torch.rand(len(stage), self.config.random_stages, N_STEMS, device=stage.device)
        others = torch.cat([torch.ones_like(stage)[:, None], 2.0 * random - 1.0], 1)
        conditions, targets = (
            torch.cat([first[:, None], others], 1) for first in (expected, stage)
        )
        weights = staged[:, None].expand(-1, conditions.shape[1]).clone()
        weights[:, 0] = 1.0
        return conditions, targets, weights


def stage_errors(
    covariance: Covariance, gains: Tensor, stages: Tensor, weights: Tensor
) -> dict[str, Tensor]:
    """Compute mean errors of X, dB, and of the front intensity relative to the energy of W.

    Parameters
    ----------
    covariance : Covariance
        Covariance of W, of the other signals that X is computed from, and of the X of each stem.
    gains : Tensor, shape (batch, stages, time, signals, bands)
        Gains of these signals in X.
    stages : Tensor, shape (batch, stages, stems)
        True stages.
    weights : Tensor, shape (batch, stages)
        Weight of each stage in the mean.
    """
    rows, columns = torch.triu_indices(covariance.channels, covariance.channels)
    place = rows.new_zeros(covariance.channels, covariance.channels)
    place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
    products, signals = covariance.products, gains.shape[3]
    between = products[:, :, place[:signals, :signals]]
    reference = torch.einsum("bks,btcsu->bktcu", stages, products[:, :, place[:signals, signals:]])
    estimate = torch.stack([(between[:, None, :, row] * gains).sum(3) for row in range(signals)], 3)
    stems = products[:, :, place[signals:, signals:]].sum((1, 4))
    target = torch.einsum("bks,bsr,bkr->bk", stages, stems, stages).clamp_min(0.0)
    error = (gains * (estimate - 2.0 * reference)).sum((2, 3, 4)) + target
    intensity = (estimate - reference)[:, :, :, 0].abs().sum((2, 3))
    intensity = intensity / products[:, :, 0].sum((1, 2))[:, None].clamp_min(SILENCE)
    decibels, active = error_db(error, target)
    weights = weights * active
    total = weights.sum().clamp_min(1.0)
    return {
        "error": (decibels * weights).sum() / total,
        "intensity": (intensity * weights).sum() / total,
    }
