"""Mono or stereo to first-order Ambisonics on a stated stage: a network of our own design.

Signals are the horizontal part of AmbiX: W, Y to the left, X ahead, SN3D. Real stereo is taken as
the natural pair L = W + Y, R = W - Y: both W and Y follow from it and are not touched. What is to
be found is X. Of one source at one place |X|^2 = |W|^2 - |Y|^2, and whether it is ahead or behind
cannot be heard; the stage says it, for each of four stems, and the network knows these apart.

The published network [1]_ is `spatialkit_models.ambisonizer.published`.

References
----------
.. [1] Y. Zang, Y. Wang and M. Lee, "Ambisonizer: neural upmixing as spherical harmonics
   generation", 2024, arXiv 2405.13428.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from spatialkit.errors import OptionError
from spatialkit.validation import as_count, as_number
from spatialkit_models.modules import (
    MaskConfig,
    Moments,
    PerBand,
    Spectra,
    StemMasks,
    joined,
    mask_loss,
    power,
)
from spatialkit_models.modules.wiener_filters import (
    apply_filters,
    filtered_power,
    find_images,
    image_filters,
)

__all__ = ["STEMS", "Ambisonizer", "AmbisonizerConfig"]

STEMS = 4
# Of a sum and a difference: W and Y to left and right.
SIDES = ((1.0, 1.0), (1.0, -1.0))
# Where training begins: three quarters of what a single source would leave over, no more.
FIRST_KEPT, FIRST_ADDED = 1.1, -3.0
# Share of the target's power that an error may have at no cost: 30 dB are enough.
FLOOR = 1e-3
# Over which W and Y are compared for what they share.
NEAR_FRAMES, NEAR_UNITS = 4, 3
# Gain of ambience where there is more side than middle.
MOST_AMBIENCE = 1.0
TINY = 1e-12
HEARD = 1e-6
# Share of W's power: the root of 0 has no gradient.
LEAST_LEFT = 1e-6


@dataclass(frozen=True)
class AmbisonizerConfig:
    """Shape of `Ambisonizer`, and how it is taught.

    Parameters
    ----------
    masks : MaskConfig
        The part that knows stems apart.
    rounds : int
        Times that stems' images in W and Y are found, each from what was taken out before.
    mixes, staged, uniform : float
        How often scenes of each kind are drawn, in proportion (see `AmbisonicScenes`).
    plain, images : float
        Share of mixes that are mono, and of stems in others whose image is drawn anew.
    dry_below : float
        Hz below which rooms are left out, see `RoomResponses`.
    intensity : float
        Weight of the error of intensity, relative to energy, in dB.
    mask : float
        Weight of the masks' own error, in dB per nat.
    drawn_stages : int
        Random stages, besides all ahead and what is told of the scene, on which examples are
        judged.
    loss_frames : int
        Frames of each example that are judged.
    seconds, sounding
        Length of scenes, and how many stems have to sound.
    """

    masks: MaskConfig = field(default_factory=lambda: MaskConfig(dropout=0.2))
    rounds: int = 2
    mixes: float = 0.5
    staged: float = 0.4
    uniform: float = 0.1
    plain: float = 0.15
    images: float = 0.4
    dry_below: float = 150.0
    intensity: float = 3.0
    mask: float = 1.0
    drawn_stages: int = 2
    loss_frames: int = 96
    seconds: float = 3.0
    sounding: int = 2

    def __post_init__(self) -> None:
        for name in ("mixes", "staged", "uniform", "dry_below", "intensity", "mask"):
            as_number(getattr(self, name), name, minimum=0.0)
        for name in ("plain", "images"):
            as_number(getattr(self, name), name, minimum=0.0, maximum=1.0)
        as_count(self.rounds, "rounds")
        if not self.mixes + self.staged + self.uniform:
            raise OptionError("of mixes, staged and uniform one must be above 0")
        as_number(self.seconds, "seconds", minimum=0.05, unit="s")
        as_count(self.sounding, "sounding", maximum=STEMS)
        as_count(self.drawn_stages, "drawn_stages", minimum=0)
        as_count(self.loss_frames, "loss_frames")

    @property
    def sample_rate(self) -> int:
        """Hz of the audio."""
        return self.masks.sample_rate


class Ambisonizer(nn.Module):
    """X from W and Y on a stage, and Y and X from W alone.

    Bins of the spectrum are joined to units. Of each the network says which share each of four
    stems has, and by which real gains the X of that share follows from W, from Y and from what Y
    leaves over of W in each bin. These are summed by the stage: one network serves all stages.
    Its answer to W and -Y is the same, that is the mirror image, exactly: both are asked, and
    their mean is taken.

    Parameters
    ----------
    config : AmbisonizerConfig
        The shape.
    """

    sides: Tensor

    def __init__(self, config: AmbisonizerConfig) -> None:
        super().__init__()
        self.config = config
        self.spectra = Spectra(config.masks.n_fft, config.masks.hop_length)
        self.masks = StemMasks(config.masks, STEMS)
        self.resolution = self.masks.resolution
        bands, features = self.masks.decide.weight.shape[:2]
        self.turn = PerBand(bands, features, 4 * STEMS * config.masks.band, 0.1)
        with torch.no_grad():
            first = self.turn.bias.unflatten(1, (4, -1))
            first[:, 0], first[:, 1] = FIRST_KEPT, FIRST_ADDED
        self.register_buffer("sides", torch.tensor(SIDES), persistent=False)

    # What users call.

    def front(self, pair: Tensor, stage: Tensor) -> Tensor:
        """X of W and Y on a stage.

        Parameters
        ----------
        pair : Tensor, shape (batch, time, 2, bins)
            Complex spectrum of W and Y.
        stage : Tensor, shape (batch, stems)
            Of vocals, drums, bass and other: from -1, behind, to 1, ahead.

        Returns
        -------
        Tensor, shape (batch, time, bins)
        """
        _, gains = self._gains(Moments.of(pair, self.resolution))
        chosen = (gains * stage[:, None, None, :, None]).sum(3)
        # Over three frames: the image flutters less, the error grows by a twentieth of a dB.
        before, after = (
            torch.cat(x, 1) for x in ((chosen[:, :1], chosen), (chosen, chosen[:, -1:]))
        )
        slow = 0.25 * before[:, :-1] + 0.5 * chosen + 0.25 * after[:, 1:]
        return apply_filters(slow[:, :, None], _with_leftover(pair), self.resolution)[:, :, 0]

    def place(self, mono: Tensor, gains: Tensor) -> Tensor:
        """W, Y and X of mono, whose stems are placed.

        Parameters
        ----------
        mono : Tensor, shape (batch, time, 2, bins)
            Complex spectrum of W, and of its decorrelated twin, which makes stems wide.
        gains : Tensor, shape (batch, stems, 3)
            Of each stem: what of it is in Y and in X, and of its twin in Y.

        Returns
        -------
        Tensor, shape (batch, time, 3, bins)
            W as it was, Y and X.
        """
        alone = mono * mono.new_tensor([1.0, 0.0])[:, None]
        logits, _ = self._gains(Moments.of(alone, self.resolution))
        y, x, width = (gains.transpose(1, 2)[:, None] @ logits.softmax(2)).unbind(2)
        filters = torch.stack([torch.stack([y, width], 2), torch.stack([x, 0.0 * x], 2)], 2)
        made = apply_filters(filters, mono, self.resolution)
        return torch.cat([mono[:, :, :1], made], 2)

    def ambience(self, pair: Tensor, twin: Tensor) -> Tensor:
        """X of what has no place: as loud as what of Y is not W, panned, and unlike both.

        Parameters
        ----------
        pair : Tensor, shape (batch, time, 2, bins)
            Complex spectrum of W and Y.
        twin : Tensor, shape (batch, time, bins)
            That of W, decorrelated.

        Returns
        -------
        Tensor, shape (batch, time, bins)
        """
        products = Moments.of(pair, self.resolution).products
        # Unrelated only on average: over neighbouring units and frames.
        batch, time, kinds, units = products.shape
        means = nn.functional.avg_pool2d(
            products.transpose(1, 2).reshape(batch * kinds, 1, time, units),
            (2 * NEAR_FRAMES + 1, 2 * NEAR_UNITS + 1),
            1,
            (NEAR_FRAMES, NEAR_UNITS),
            count_include_pad=False,
        )
        w, both, y = means.reshape(batch, kinds, time, units).unbind(1)
        apart = (y - both.square() / (w + TINY)).clamp_min(0.0)
        gain = (apart / (w + TINY)).sqrt().clamp_max(MOST_AMBIENCE)
        return apply_filters(gain[:, :, None, None], twin[:, :, None], self.resolution)[:, :, 0]

    # Its parts.

    def _gains(self, pair: Moments) -> tuple[Tensor, Tensor]:
        """Logits of the stems' shares, and gains of W, Y and the leftover for the X of each.

        Shapes are (batch, time, stems, units) and (batch, time, 3, stems, units).
        """
        sides = self.to_sides(pair)
        if not self.training:  # both mirror images, one of them in training
            sides = joined(sides, Moments(sides.products.flip(2), 2))
        bands = self.masks.bands(sides)
        logits = self.masks.logits(bands).float()
        turned = self.masks.per_unit(self.turn(bands)).float()
        if not self.training:
            logits, turned = (each.unflatten(0, (2, -1)).mean(0) for each in (logits, turned))
        kept, added, across, fine = turned.unflatten(2, (4, STEMS)).unbind(2)
        kept, fine = kept.sigmoid(), fine.sigmoid()
        shares = logits.softmax(2)
        filters, own = self._taken_out(shares, pair)
        left = (1.0 - own[:, :, :, 1] / (own[:, :, :, 0] + HEARD)).clamp_min(LEAST_LEFT).sqrt()
        # A stem's leftover by its own filters, or its share of that of each bin.
        turn = kept * (1.0 - fine) * left + added.sigmoid() * (1.0 - left)
        w, both, y = pair.products[:, :, :, None].unbind(2)
        # Odd in Y, so that the mirror image has the same X.
        against = shares * across.tanh() * (2.0 * both / (w + y + TINY))
        along, aside = filters[:, :, :, 0].unbind(3)
        return logits, torch.stack([turn * along, turn * aside + against, shares * kept * fine], 2)

    def _taken_out(self, shares: Tensor, pair: Moments) -> tuple[Tensor, Tensor]:
        """Filters for W and Y of each stem, and the powers of what they take out."""
        for number in range(self.config.rounds):
            filters = image_filters(shares, find_images(pair, shares))
            own = torch.stack([filtered_power(x, pair) for x in filters.unbind(3)], 3).clamp_min(
                0.0
            )
            if number < self.config.rounds - 1:
                taken = own.sum(3)
                shares = (shares * taken / (taken.sum(2, keepdim=True) + HEARD) + TINY).sqrt()
                shares = shares / shares.sum(2, keepdim=True)
        return filters, own

    def to_sides(self, pair: Moments) -> Moments:
        """Moments of left and right, from those of W and Y."""
        return pair.mixed(self.sides.expand(len(pair.products), -1, -1))

    # How it is taught.

    def forward(
        self, stems: Tensor, stage: Tensor, expected: Tensor, staged: Tensor
    ) -> dict[str, Tensor]:
        """Loss of scenes (see `AmbisonicScenes.scenes`) and its parts.

        The error of X on a stage is a sum over moments of W, Y, their leftover and the stems' X:
        so many stages are judged at the price of one.
        """
        w, y, x = stems.unbind(2)
        whole = self.spectra(torch.stack([w.sum(1), y.sum(1)], 1))
        logits, gains = self._gains(Moments.of(whole, self.resolution))
        frames, count = logits.shape[1], min(logits.shape[1], self.config.loss_frames)
        first = int(torch.randint(frames - count + 1, ()))
        judged = slice(first, first + count)
        own, alone = self.spectra.part(torch.cat([x, w], 1), judged).chunk(2, 2)
        heard = torch.cat([_with_leftover(whole[:, judged]), own], 2)
        powers = self.resolution.join(power(alone[..., : self.resolution.bins]))
        parts = {"masks": mask_loss(logits[:, judged], powers)}
        told, wanted, counts = self._stages(stage, expected, staged)
        chosen = torch.einsum("bks,btcsu->bktcu", told, gains[:, judged])
        with torch.autocast(stems.device.type, enabled=False):
            parts |= _errors(Moments.of(heard, self.resolution), chosen, wanted, counts)
        config = self.config
        parts["loss"] = (
            parts["error"] + config.intensity * parts["intensity"] + config.mask * parts["masks"]
        )
        return parts

    def _stages(
        self, stage: Tensor, expected: Tensor, staged: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Stages that the network is told, true ones, (batch, stages, stems), and which count.

        First what can be expected of a scene, against what it is. Where there is a stage, others
        are asked for, too: the stems' own X are the same on all.
        """
        drawn = 2.0 * torch.rand(len(stage), self.config.drawn_stages, STEMS, device=stage.device)
        stated = torch.cat([torch.ones_like(stage)[:, None], drawn - 1.0], 1)
        told, wanted = (torch.cat([first[:, None], stated], 1) for first in (expected, stage))
        counts = staged[:, None].expand(-1, told.shape[1]).clone()
        counts[:, 0] = 1.0
        return told, wanted, counts


def _with_leftover(pair: Tensor) -> Tensor:
    """W and Y, and in each bin what Y leaves over of W: X of a single plane wave from ahead."""
    w, y = (power(side) for side in pair.unbind(2))
    left = (1.0 - y / (w + TINY)).clamp_min(0.0).sqrt()
    return torch.cat([pair, (pair[:, :, 0] * left)[:, :, None]], 2)


def _errors(moments: Moments, gains: Tensor, stages: Tensor, counts: Tensor) -> dict[str, Tensor]:
    """Errors of X, in dB, and of the intensity ahead, as a share of W's energy.

    Parameters
    ----------
    moments : Moments
        Of W, of other signals that X is made of, and of the X of each stem.
    gains : Tensor
        Of these signals, (batch, stages, time, signals, units).
    stages : Tensor
        (batch, stages, stems).
    counts : Tensor
        Weight of each, (batch, stages).
    """
    rows, columns = torch.triu_indices(moments.channels, moments.channels)
    place = rows.new_zeros(moments.channels, moments.channels)
    place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
    products, signals = moments.products, gains.shape[3]
    between = products[:, :, place[:signals, :signals]]
    true = torch.einsum("bks,btcsu->bktcu", stages, products[:, :, place[:signals, signals:]])
    made = torch.stack([(between[:, None, :, row] * gains).sum(3) for row in range(signals)], 3)
    stems = products[:, :, place[signals:, signals:]].sum((1, 4))
    target = torch.einsum("bks,bsr,bkr->bk", stages, stems, stages).clamp_min(0.0)
    error = (gains * (made - 2.0 * true)).sum((2, 3, 4)) + target
    missed = (made - true)[:, :, :, 0].abs().sum((2, 3))
    missed = missed / products[:, :, 0].sum((1, 2))[:, None].clamp_min(HEARD)
    heard = counts * (target > HEARD)
    ratio = (error.clamp_min(0.0) + FLOOR * target) / target.clamp_min(HEARD)
    decibels = 10.0 * ratio.clamp_min(1e-9).log10()
    total = heard.sum().clamp_min(1.0)
    return {"error": (decibels * heard).sum() / total, "intensity": (missed * heard).sum() / total}
