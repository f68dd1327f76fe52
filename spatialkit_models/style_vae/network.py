"""Upmixing via style transfer (Yang et al., ICASSP 2022): where instruments stand, as a latent.

Spectra are (batch, time, channels, bins), five channels those of layout "5.0", stems vocals,
drums, bass and other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spatialkit.downmix import downmix_matrix
from spatialkit.panning import vbap_gains
from spatialkit.validation import as_count, as_number
from spatialkit_models.losses import gaussian_kl
from spatialkit_models.modules import (
    MaskConfig,
    Moments,
    Spectra,
    StemMasks,
    joined,
    mask_loss,
    sparsemax,
    sparsemax_loss,
    wiener_filters,
)

__all__ = ["CHANNELS", "STEMS", "FastConfig", "FastStyleVAE", "StyleCode"]

STEMS = 4
CHANNELS = 5
FOCUS = 40.0  # of stems on directions in stereo, see `wiener_filters.share_by_direction`
ANGLES = 33  # of gains, from the left side alone to the right
# Share of the target's power that an error may have at no cost: 30 dB are enough.
FLOOR = 1e-3
# Where a style puts stems is not known better than to 4 degrees: less is meant to be silence.
LEAST_GAIN = 0.1
TOLD_FLOOR = 2e-2  # of gains: 8 degrees


@dataclass(frozen=True)
class FastConfig:
    """Shape of `FastStyleVAE`, and how it is taught.

    Parameters
    ----------
    masks : MaskConfig
        The part that knows stems apart.
    latent_size : int
        Dimensions of the style; the paper has 50 and tried 20 to 60.
    hidden : int
        Width of the layers between panning and style.
    rounds : int
        Times that masks are refined by the power of what they take out.
    direction_rounds : int
        Times that they are refined by direction, to find where stems stand.
    supervised : float
        Share of the training in which true masks and directions teach, before masks, style and
        panning are trained end to end on the paper's objective (Eq. 2).
    beta : float
        Weight of the divergence from the prior, in dB of reconstruction per nat.
    beta_rise : float
        Share of the training in which that weight rises to its value from 0.
    told : int
        Random directions of stems, besides those of the scenes, that the layers between panning
        and style are taught in each step.
    loss_frames : int
        Frames of each example on which reconstruction is judged: filters cost more than masks.
    seconds, sounding, protocol, cross_song, level_db, paired
        Scenes that it is taught on: their length, how many stems have to sound, and options of
        `StyleScenes`.
    """

    masks: MaskConfig = field(default_factory=MaskConfig)
    latent_size: int = 50
    hidden: int = 128
    rounds: int = 2
    direction_rounds: int = 4
    supervised: float = 0.75
    beta: float = 0.05
    beta_rise: float = 0.2
    told: int = 256
    loss_frames: int = 64
    seconds: float = 3.0
    sounding: int = 3
    protocol: str = "mixed"
    cross_song: bool = True
    level_db: float = 3.0
    paired: float = 0.15

    def __post_init__(self) -> None:
        as_count(self.rounds, "rounds", minimum=0)
        for name in ("latent_size", "hidden", "direction_rounds", "told", "loss_frames"):
            as_count(getattr(self, name), name)
        for name in ("supervised", "beta_rise", "paired"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=1.0)

    @property
    def sample_rate(self) -> int:
        """Hz of the audio."""
        return self.masks.sample_rate


@dataclass(frozen=True)
class StyleCode:
    """Posterior of styles: mean and log variance, (batch, latent)."""

    mean: Tensor
    log_variance: Tensor

    def sample(self) -> Tensor:
        """Draw one style of each."""
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()


class FastStyleVAE(nn.Module):
    """The paper's model with its sources made explicit.

    The encoder finds how each of four stems is panned in five channels and says it by a normal
    distribution; the decoder finds the stems in stereo, takes them out, and pans them as the
    latent says, to no other loudspeakers. One network of masks serves both: the encoder sees the
    fold-down of its five channels.

    Parameters
    ----------
    config : FastConfig
        The shape.
    """

    fold: Tensor
    levels: Tensor
    around: Tensor

    def __init__(self, config: FastConfig) -> None:
        super().__init__()
        self.config = config
        self.spectra = Spectra(config.masks.n_fft, config.masks.hop_length)
        self.masks = StemMasks(config.masks, STEMS)
        self.resolution = self.masks.resolution
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        described, panned = STEMS * (CHANNELS + 1), STEMS * CHANNELS
        self.encoder = _Layers(described, config.hidden, 2 * config.latent_size)
        self.decoder = _Layers(config.latent_size, config.hidden, panned)
        fold = torch.as_tensor(downmix_matrix("5.0", "stereo", method="sum"), dtype=torch.float32)
        around = vbap_gains(np.linspace(-180.0, 180.0, 7200, endpoint=False), layout="5.0")
        self.register_buffer("fold", fold, persistent=False)
        self.register_buffer("levels", _levels(around, fold), persistent=False)
        self.register_buffer("around", torch.as_tensor(around).float(), persistent=False)

    # What users call.

    def encode(self, five: Tensor) -> StyleCode:
        """Posterior of the style of a spectrum of five channels."""
        moments = Moments.of(five, self.resolution)
        return self.code(self.describe(moments, self.masks(self.fold_down(moments)).softmax(2)))

    def decode(self, stereo: Tensor, style: Tensor, *, residual: bool = False) -> Tensor:
        """Five channels of a stereo spectrum in a style (batch, latent).

        With ``residual`` what the filters leave over is not lost, but panned with the stems
        (`wiener_filters.residual_filters`).
        """
        masks, filters, entered = self._separate(stereo)
        gains = self.pan_gains(style)
        made = self._panned(filters, entered, gains)
        if residual:
            made = made + wiener_filters.residual_filters(filters, masks, entered, gains)
        return wiener_filters.apply_filters(made, stereo, self.resolution)

    # Its parts.

    def separate(self, stereo: Tensor) -> tuple[Tensor, Tensor]:
        """Stems of a stereo spectrum, and the gains with which they entered it.

        Returns
        -------
        sources : Tensor
            Mono spectra (batch, time, stems, bins), as loud as before they were panned in 5.0
            and folded down.
        gains : Tensor
            (batch, stems, 2), of length 1.
        """
        _, filters, entered = self._separate(stereo)
        sources = wiener_filters.apply_filters(filters, stereo, self.resolution)
        return sources * self.level_of(entered)[:, None, :, None], entered

    def _separate(self, stereo: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        moments = Moments.of(stereo, self.resolution)
        masks = self.masks(moments).softmax(2)
        entered = self._find(moments, masks)
        return *self._take_out(moments, masks, entered), entered

    def _find(self, stereo: Moments, masks: Tensor) -> Tensor:
        """Gains with which stems entered: refined by power, then by direction."""
        # Frames overlap by three quarters: every second one says the same.
        stereo, masks = stereo.frames(slice(None, None, 2)), masks[:, ::2]
        gains = wiener_filters.find_gains(stereo, masks)
        for _ in range(self.config.rounds):
            masks = wiener_filters.share_by_power(stereo, masks, gains)
            gains = wiener_filters.find_gains(stereo, masks)
        for _ in range(self.config.direction_rounds):
            shares = wiener_filters.share_by_direction(stereo, masks, gains, FOCUS)
            gains = wiener_filters.find_gains(stereo, shares)
        return gains

    def _take_out(self, stereo: Moments, masks: Tensor, gains: Tensor) -> tuple[Tensor, Tensor]:
        """Masks that know what they take out, and filters that take it out."""
        for _ in range(self.config.rounds):
            masks = wiener_filters.share_by_power(stereo, masks, gains)
        return masks, wiener_filters.limited(
            wiener_filters.extracting_filters(masks, gains), stereo
        )

    def _panned(self, filters: Tensor, entered: Tensor, gains: Tensor) -> Tensor:
        """Filters for loudspeakers, from those that take stems out as they entered."""
        return wiener_filters.pan_filters(filters, gains * self.level_of(entered)[..., None])

    def level_of(self, gains: Tensor) -> Tensor:
        """How much louder a source was than what the fold-down kept of it, (batch, stems)."""
        # Of sides against each other nothing was folded down: as if they were not.
        angle = torch.atan2(gains[..., 1].abs(), gains[..., 0].abs().clamp_min(1e-9))
        place = angle * (2.0 / torch.pi) * (ANGLES - 1)
        lower = place.detach().floor().long().clamp(0, ANGLES - 2)
        return torch.lerp(self.levels[lower], self.levels[lower + 1], place - lower)

    def describe(self, five: Moments, masks: Tensor) -> Tensor:
        """How stems are panned in five channels: gains and log shares, (batch, stems, 6)."""
        five, masks = five.frames(slice(None, None, 2)), masks[:, ::2]
        gains = wiener_filters.find_gains(five, masks)
        shares = masks
        for _ in range(self.config.direction_rounds):
            shares = wiener_filters.share_by_direction(five, masks, gains, self.sharpness)
            gains = wiener_filters.find_gains(five, shares)
        energy = (shares * five.powers.sum(2, keepdim=True)).sum((1, 3))
        return self.description(gains, energy / energy.sum(1, keepdim=True).clamp_min(1e-12))

    def description(self, gains: Tensor, shares: Tensor | None = None) -> Tensor:
        """What `describe` says of stems with these gains and shares of the energy, or equal ones.

        Gains are (batch, stems, channels), shares (batch, stems).
        """
        if shares is None:
            shares = gains.new_full(gains.shape[:2], 1.0 / STEMS)
        return torch.cat([gains, (shares + 1e-6).log10()[..., None]], -1)

    def fold_down(self, five: Moments) -> Moments:
        """The paper's fold-down."""
        return five.mixed(self.fold.T.expand(len(five.products), -1, -1))

    def code(self, described: Tensor) -> StyleCode:
        """Posterior of styles that `describe` found."""
        mean, log_variance = self.encoder(described.flatten(1)).float().chunk(2, -1)
        return StyleCode(mean, log_variance.clamp(-10.0, 4.0))

    def pan_logits(self, style: Tensor) -> Tensor:
        """What `pan_gains` makes its choice from, (batch, stems, channels)."""
        return self.decoder(style).float().unflatten(1, (STEMS, CHANNELS))

    def pan_gains(self, style: Tensor) -> Tensor:
        """Gains of each stem for the loudspeakers, of power 1 and mostly 0.

        In training those below `LEAST_GAIN` stay, for their gradients.
        """
        gains = nn.functional.normalize(sparsemax(self.pan_logits(style)), dim=-1)
        if self.training:
            return gains
        return nn.functional.normalize(gains * (gains >= LEAST_GAIN), dim=-1)

    # How it is taught.

    def forward(
        self,
        stems: Tensor,
        style_stems: Tensor,
        gains: Tensor,
        seed_gains: Tensor,
        style_gains: Tensor,
        progress: float,
    ) -> dict[str, Tensor]:
        """Loss of scenes (see `StyleScenes.scenes`) and its parts.

        Masks are taught on the stereo and on the fold-down of the style alike. Where five
        channels of recordings stand in for stems (see `RecordedScenes`), nothing is known of
        what is in them: all is trained end to end.
        """
        content = Moments.of(self.spectra(stems), self.resolution)
        example = Moments.of(self.spectra(style_stems), self.resolution)
        five, stereo = example.mixed(style_gains), content.mixed(seed_gains)
        logits = self.masks(joined(stereo, self.fold_down(five))).float()
        stereo_masks, style_masks = logits.softmax(2).chunk(2)
        known = stems.shape[1] == STEMS
        end_to_end = not known or progress >= self.config.supervised
        described = self.describe(five, style_masks if end_to_end else style_masks.detach())
        code = self.code(described)
        style = code.sample()
        panned = self.pan_gains(style) if end_to_end else gains
        parts = {
            "snr": -self._error(content, stereo, stereo_masks, (seed_gains, panned, gains)),
            "divergence": gaussian_kl(code.mean, code.log_variance).mean(),
        }
        beta = self.config.beta * min(1.0, progress / max(self.config.beta_rise, 1e-6))
        parts["told"] = self._told_error(beta)
        parts["loss"] = beta * parts["divergence"] - parts["snr"] + parts["told"]
        if known:
            with torch.autocast(logits.device.type, enabled=False):
                entries = torch.cat([seed_gains, style_gains @ self.fold.T])
            loudness = entries.square().sum(-1)[:, None, :, None]
            parts["masks"] = mask_loss(logits, joined(content, example).powers * loudness)
            parts["directions"] = _direction_loss(self.pan_logits(style), gains)
            teaching = 0.2 if end_to_end else 1.0
            parts["loss"] += teaching * (5.0 * parts["masks"] + 10.0 * parts["directions"])
        return parts

    def _told_error(self, beta: float) -> Tensor:
        """Eq. 2 for stems that are there apart, in random directions and shares of the energy.

        Their error in dB is that of their gains, all stems alike.
        """
        shape = (2, self.config.told, STEMS)
        first, second = self.around[torch.randint(len(self.around), shape, device=self.fold.device)]
        paired = torch.rand(shape[1:], device=self.fold.device)[..., None] < self.config.paired
        gains = nn.functional.normalize(torch.where(paired, first + second, first), dim=-1)
        shares = torch.randn(shape[1:], device=self.fold.device).softmax(-1)
        code = self.code(self.description(gains, shares))
        logits = self.pan_logits(code.sample())
        panned = nn.functional.normalize(sparsemax(logits), dim=-1)
        error = (panned - gains).square().sum(-1).mean(-1)
        loss = (10.0 * (error + TOLD_FLOOR).log10()).mean()
        # Loudspeakers that are left out have no gradient but this.
        loss = loss + 10.0 * _direction_loss(logits, gains)
        return loss + beta * gaussian_kl(code.mean, code.log_variance).mean()

    def _error(
        self,
        stems: Moments,
        stereo: Moments,
        masks: Tensor,
        gains: tuple[Tensor, Tensor, Tensor],
    ) -> Tensor:
        """Mean error in dB of what masks take out of stereo and gains put elsewhere.

        ``gains`` are those of the stems in the stereo, those they are panned with, and the true
        ones. The channels are linear in the stems, so that the power of the error is a sum over
        the stems' moments.
        """
        entered, panned, wanted = gains
        with torch.no_grad():
            found = self._find(stereo, masks)
        count = self.config.loss_frames
        first = int(torch.randint(max(1, masks.shape[1] - count + 1), ()))
        part = slice(first, first + count)
        stems, stereo, masks = stems.frames(part), stereo.frames(part), masks[:, part]
        _, filters = self._take_out(stereo, masks, found)
        filters = self._panned(filters, found, panned)
        with torch.autocast(masks.device.type, enabled=False):
            made = wiener_filters.filtered_power(filters, stereo)
            left, right = filters.unbind(3)
            x_target, y_target = stems.between(entered, wanted).unbind(2)
            target = stems.along(wanted.transpose(1, 2)).sum((1, 2, 3))
            error = (made - 2.0 * (left * x_target + right * y_target)).sum((1, 2, 3)) + target
            heard = target > 1e-6
            ratio = (error.clamp_min(0.0) + FLOOR * target) / target.clamp_min(1e-6)
            return (10.0 * ratio.clamp_min(1e-9).log10() * heard).sum() / heard.sum().clamp_min(1)


class _Layers(nn.Module):
    """A linear map, and what a small network adds to it."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.direct = nn.Linear(inputs, outputs)
        self.added = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, outputs),
        )

    def forward(self, value: Tensor) -> Tensor:
        return self.direct(value) + self.added(value)


def _levels(around: NDArray[np.float64], fold: Tensor) -> Tensor:
    """Mean level of sources by the angle of their gains in stereo, from gains all around."""
    sides = around @ fold.numpy().T
    angle = np.arctan2(sides[:, 1], sides[:, 0])
    place = np.rint(angle * (2.0 / np.pi) * (ANGLES - 1)).astype(int)
    level = np.bincount(place, 1.0 / np.linalg.norm(sides, axis=1)) / np.bincount(place)
    return torch.as_tensor(level, dtype=torch.float32)


def _direction_loss(logits: Tensor, gains: Tensor) -> Tensor:
    """How far the choice of loudspeakers is from true gains."""
    return sparsemax_loss(logits, gains / gains.sum(-1, keepdim=True)).mean()
