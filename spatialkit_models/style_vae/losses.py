"""Training losses of the style-transfer VAE.

A loss is a module around the network. Its batch contains the arrays of `StyleScenes.scenes`:
"stems" and "style_stems", (batch, stems, samples), and "gains", "seed_gains" and "style_gains",
(batch, stems, channels), the gains of the stems in target, stereo and style.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spatialkit_models.losses import error_db, gaussian_kl
from spatialkit_models.modules import (
    Covariance,
    concatenate,
    mask_loss,
    sparsemax,
    sparsemax_loss,
    wiener_filters,
)
from spatialkit_models.stem_names import N_STEMS
from spatialkit_models.style_vae.config import FastLossConfig, PaperLossConfig, StyleSceneConfig
from spatialkit_models.style_vae.network import FastStyleVAE
from spatialkit_models.style_vae.published import PaperStyleVAE, rms

__all__ = ["FastLoss", "PaperLoss"]

# Error of the gains in the auxiliary loss that has no cost: 8 degrees.
GAIN_ERROR_FLOOR = 2e-2


class FastLoss(nn.Module):
    """Loss of `FastStyleVAE`.

    The sum of the paper's objective (Eq. 2) with reconstruction in dB, the same for random pannings
    whose true gains are known, and, in supervised training, errors of masks and directions. Masks
    are trained on the stereo and on the downmix of the style alike. Where recorded channels take
    the place of stems (see `RecordedScenes`), there are no true masks: all is trained end to end.

    Parameters
    ----------
    network : FastStyleVAE
        Network to train.
    config : FastLossConfig
        Weights and schedule.
    scenes : StyleSceneConfig
        Scenes that the network is trained on; random pannings follow the same distribution.
    """

    def __init__(
        self, network: FastStyleVAE, config: FastLossConfig, scenes: StyleSceneConfig
    ) -> None:
        super().__init__()
        self.network, self.config, self.scenes = network, config, scenes

    def forward(
        self, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch of scenes, and its terms."""
        network, config = self.network, self.config
        gains, seed_gains, style_gains = (
            batch[name] for name in ("gains", "seed_gains", "style_gains")
        )
        content, example = (
            Covariance.of(network.stft(batch[name]), network.resolution)
            for name in ("stems", "style_stems")
        )
        five, stereo = example.mixed(style_gains), content.mixed(seed_gains)
        logits = network.masks(concatenate(stereo, network.downmix(five))).float()
        stereo_masks, style_masks = logits.softmax(2).chunk(2)
        has_stems = batch["stems"].shape[1] == N_STEMS
        end_to_end = not has_stems or progress >= config.supervised_ratio
        places = network.find_places(five, style_masks if end_to_end else style_masks.detach())
        code = network.encode_features(places.features)
        style = code.sample()
        panned = network.pan_gains(style) if end_to_end else gains
        terms = {
            "snr": -self._error(content, stereo, stereo_masks, (seed_gains, panned, gains)),
            "divergence": gaussian_kl(code.mean, code.log_variance).mean(),
        }
        beta = config.beta * min(1.0, progress / max(config.beta_warmup, 1e-6))
        terms["auxiliary"] = self._auxiliary_reconstruction(beta)
        loss = beta * terms["divergence"] - terms["snr"] + terms["auxiliary"]
        if has_stems:
            with torch.autocast(logits.device.type, enabled=False):
                mixing = torch.cat([seed_gains, style_gains @ network.downmix_gains.T])
            power_gains = mixing.square().sum(-1)[:, None, :, None]
            powers = concatenate(content, example).powers * power_gains
            terms["masks"] = mask_loss(logits, powers)
            terms["directions"] = _direction_loss(network.pan_logits(style), gains)
            weight = 0.2 if end_to_end else 1.0
            loss = loss + weight * (5.0 * terms["masks"] + 10.0 * terms["directions"])
        return loss, {name: term.detach() for name, term in terms.items()}

    def _auxiliary_reconstruction(self, beta: float) -> Tensor:
        """Compute Eq. 2 for separate stems in random directions with random energies.

        The error is that of their gains, in dB, with equal weights for all stems.
        """
        network = self.network
        circle = network.circle
        shape = (2, self.config.random_panning, N_STEMS)
        first, second = circle[torch.randint(len(circle), shape, device=circle.device)]
        paired = torch.rand(shape[1:], device=circle.device)[..., None] < self.scenes.paired
        gains = nn.functional.normalize(torch.where(paired, first + second, first), dim=-1)
        energies = torch.randn(shape[1:], device=circle.device).softmax(-1)
        code = network.encode_features(network.gain_features(gains, energies))
        logits = network.pan_logits(code.sample())
        panned = nn.functional.normalize(sparsemax(logits), dim=-1)
        error = (panned - gains).square().sum(-1).mean(-1)
        loss = (10.0 * (error + GAIN_ERROR_FLOOR).log10()).mean()
        # The only gradient of loudspeakers that sparsemax has set to 0.
        loss = loss + 10.0 * _direction_loss(logits, gains)
        return loss + beta * gaussian_kl(code.mean, code.log_variance).mean()

    def _error(
        self,
        stems: Covariance,
        stereo: Covariance,
        masks: Tensor,
        gains: tuple[Tensor, Tensor, Tensor],
    ) -> Tensor:
        """Compute the mean error, dB, of stems that are extracted from stereo and panned.

        ``gains`` are the stems' gains in the stereo, those that they are panned with, and the
        true ones. The channels are linear in the stems, so that the power of the error is a sum
        over the stems' covariance.
        """
        network = self.network
        mixing, panned, target_gains = gains
        with torch.no_grad():
            estimated = network.estimate_mixing(stereo, masks)
        count = self.config.frames
        first = int(torch.randint(max(1, masks.shape[1] - count + 1), ()))
        part = slice(first, first + count)
        stems, stereo, masks = stems.frames(part), stereo.frames(part), masks[:, part]
        _, filters = network.extraction_filters(stereo, masks, estimated)
        filters = network.pan_filters(filters, estimated, panned)
        with torch.autocast(masks.device.type, enabled=False):
            power = wiener_filters.filtered_power(filters, stereo)
            left, right = filters.unbind(3)
            x_target, y_target = stems.cross(mixing, target_gains).unbind(2)
            target = stems.along(target_gains.transpose(1, 2)).sum((1, 2, 3))
            error = (power - 2.0 * (left * x_target + right * y_target)).sum((1, 2, 3)) + target
            decibels, active = error_db(error, target)
            return (decibels * active).sum() / active.sum().clamp_min(1)


class PaperLoss(nn.Module):
    """Loss of `PaperStyleVAE`: the negative of the paper's Eq. 2, nats, without constants.

    Parameters
    ----------
    network : PaperStyleVAE
        Network to train.
    config : PaperLossConfig
        Likelihood.
    """

    def __init__(self, network: PaperStyleVAE, config: PaperLossConfig) -> None:
        super().__init__()
        self.network, self.config = network, config

    def forward(
        self, batch: Mapping[str, Tensor], progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Compute the loss of a batch of scenes, and its terms."""
        del progress
        network = self.network
        content, examples = network.stft(batch["stems"]), network.stft(batch["style_stems"])
        code = network.encode(wiener_filters.pan(examples, batch["style_gains"]))
        stereo = wiener_filters.pan(content, batch["seed_gains"]).abs()
        level = rms(stereo)
        target = wiener_filters.pan(content, batch["gains"]).abs() / level
        error = target - network.magnitudes(stereo / level, code.sample())
        scale = 2.0 * self.config.likelihood_deviation**2
        terms = {
            "reconstruction": error.square().sum((1, 2, 3)).mean() / scale,
            "divergence": gaussian_kl(code.mean, code.log_variance).mean(),
        }
        loss = terms["reconstruction"] + terms["divergence"]
        return loss, {name: term.detach() for name, term in terms.items()}


def _direction_loss(logits: Tensor, gains: Tensor) -> Tensor:
    """Compare the choice of loudspeakers with true gains."""
    return sparsemax_loss(logits, gains / gains.sum(-1, keepdim=True)).mean()
