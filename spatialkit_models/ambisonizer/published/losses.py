"""Training loss of the published Ambisonizer (Zang, Wang and Lee 2024, arXiv 2405.13428)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spatialkit_models.ambisonizer.published.config import PublishedLossConfig
from spatialkit_models.ambisonizer.published.network import PublishedAmbisonizer
from spatialkit_models.losses import gaussian_kl, multi_resolution_stft

__all__ = ["PublishedLoss", "loss_terms"]


class PublishedLoss(nn.Module):
    """Loss of `PublishedAmbisonizer`.

    Multi-resolution STFT loss, plus 10 times the mean square error, plus the divergence of the
    spatial latent from its prior. The batch contains the arrays of `PublishedScenes.scenes`.

    Parameters
    ----------
    network : PublishedAmbisonizer
        Network to train.
    config : PublishedLossConfig
        Weights.
    """

    def __init__(self, network: PublishedAmbisonizer, config: PublishedLossConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(
        self, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch of scenes, and its terms."""
        del progress
        stereo, config = batch["stereo"], self.network.config
        frames = self.network.frames(stereo.shape[-1])
        noise = torch.randn(len(stereo), frames, config.latent_size, device=stereo.device)
        terms = loss_terms(batch["sides"], *self.network(stereo, noise))
        loss = (
            terms["stft"]
            + self.config.error * terms["error"]
            + self.config.divergence * terms["divergence"]
        )
        return loss, {name: term.detach() for name, term in terms.items()}


def loss_terms(
    sides: Tensor, estimate: Tensor, mean: Tensor, log_variance: Tensor
) -> dict[str, Tensor]:
    """Compute the terms of the loss from the true X and Y and the output of the network."""
    # The divergence of a frame is the sum over its latent values. The authors' code sums over time
    # instead of features, which makes its weight grow with the length of the examples.
    estimate = estimate.float()
    # One distance of the whole batch, as in auraloss; of silence it is undefined.
    stft = multi_resolution_stft(sides.flatten(0, 1), estimate.flatten(0, 1))
    return {
        "stft": stft.nan_to_num(0.0),
        "error": (estimate - sides).square().mean(),
        "divergence": gaussian_kl(mean, log_variance).mean(),
    }
