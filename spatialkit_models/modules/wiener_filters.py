"""From masks to sources without learning: where each stands, and a filter that takes it out.

Sources are panned by real gains, so that a stem at one place is one vector of gains: of two
for stereo, of five for five channels. Masks are shares of the power, (batch, time, stems, units);
filters that make channels of a stereo spectrum are (batch, time, channels, 2, units).
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from spatialkit_models.losses import in_full_precision
from spatialkit_models.modules.covariance import Moments, Resolution

__all__ = [
    "apply_filters",
    "extracting_filters",
    "filtered_power",
    "find_gains",
    "find_images",
    "image_filters",
    "limited",
    "pan",
    "pan_filters",
    "residual_filters",
    "share_by_direction",
    "share_by_power",
]

# Share of the power that is taken as coming from everywhere: keeps the filter from inverting
# two sources that stand at the same place.
DIFFUSE = 3e-3
# How much more power than a unit has may be taken out of it, stem by stem: stems close to each
# other would else be lent more, to cancel again where they are not panned apart.
MOST_TAKEN = 2.0
POWER_ITERATIONS = 8
# Share of the power along the sum of the channels below which they are against each other.
LEAST_CAUGHT = 0.1
FRAMES_AT_ONCE = 32
TINY = 1e-12
# Power below which products are what rounding has left of the loud.
ROUNDING = 1e-6


def find_gains(moments: Moments, masks: Tensor) -> Tensor:
    """Gains with which each stem entered, one vector of length 1 for the excerpt.

    The main axis of the covariance of what the masks leave, each unit by its magnitude: between
    counting power, where one drum decides, and counting bins, where noise does.

    Parameters
    ----------
    moments : Moments
        Of the channels.
    masks : Tensor
        (batch, time, stems, units).

    Returns
    -------
    Tensor
        (batch, stems, channels).
    """
    with torch.autocast(masks.device.type, enabled=False):
        magnitude = (moments.powers.sum(2, keepdim=True) + ROUNDING).sqrt()
        covariance = moments.covariances(masks.float().square() / magnitude)
        covariance = covariance + 1e-9 * torch.eye(moments.channels, device=masks.device)
        axis = _first_axis(covariance)
        for _ in range(POWER_ITERATIONS):
            axis = torch.einsum("bscd,bsd->bsc", covariance, axis)
            axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-20)
        return axis


def _first_axis(covariance: Tensor) -> Tensor:
    """Where to start from: all channels together, as panning has them.

    Where these cancel each other, with the signs that the loudest has against the others.
    """
    levels = covariance.diagonal(dim1=-2, dim2=-1)
    together = levels.sqrt()
    caught = torch.einsum("bscd,bsc,bsd->bs", covariance, together, together)
    cancelled = caught < LEAST_CAUGHT * levels.sum(-1).square()
    loudest = levels.argmax(-1)[..., None, None].expand_as(covariance[..., :1])
    against = covariance.gather(-1, loudest)[..., 0] < 0.0
    return torch.where(cancelled[..., None] & against, -together, together)


@in_full_precision
def find_images(moments: Moments, masks: Tensor) -> Tensor:
    """How two channels hold each stem on average, wide ones too.

    The covariance of what the masks leave, each unit by its magnitude, as in `find_gains`.

    Parameters
    ----------
    moments : Moments
        Of two channels.
    masks : Tensor
        (batch, time, stems, units).

    Returns
    -------
    Tensor
        First power, product and second power, of sum 1, (batch, stems, 3).
    """
    magnitude = (moments.powers.sum(2, keepdim=True) + ROUNDING).sqrt()
    covariance = moments.covariances(masks.square() / magnitude)
    image = torch.stack([covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]], -1)
    return image / (image[..., :1] + image[..., 2:] + TINY)


@in_full_precision
def image_filters(masks: Tensor, images: Tensor) -> Tensor:
    """Multichannel Wiener filters of stems with images: both channels of each.

    Parameters
    ----------
    masks : Tensor
        (batch, time, stems, units).
    images : Tensor
        Of `find_images`, (batch, stems, 3).

    Returns
    -------
    Tensor
        Gains of both channels for the first and the second of each stem, (batch, time, stems, 2,
        2, units).
    """
    # A stem's real 2 x 2 covariance times the inverse of the sum of all.
    a, b, d = (images.transpose(1, 2)[:, None] @ masks).unbind(2)
    a, d = a + DIFFUSE, d + DIFFUSE
    scale = 1.0 / (a * d - b.square())
    a, b, d = ((value * scale)[:, :, None] for value in (a, b, d))
    first, both, second = images[:, None, :, :, None].unbind(3)
    rows = [
        (first * d - both * b, both * a - first * b),
        (both * d - second * b, second * a - both * b),
    ]
    return torch.stack([torch.stack([masks * x for x in row], 3) for row in rows], 3)


@in_full_precision
def extracting_filters(masks: Tensor, gains: Tensor) -> Tensor:
    """Multichannel Wiener filters of sources at single places.

    Parameters
    ----------
    masks : Tensor
        (batch, time, stems, units).
    gains : Tensor
        Of `find_gains`, (batch, stems, 2).

    Returns
    -------
    Tensor
        Of the sides for each stem, (batch, time, stems, 2, units). What they take out entered the
        sides times its gains.
    """
    # The real 2 x 2 matrix sum(mask gain gain') + DIFFUSE, and its inverse from the gains' side.
    left, right = gains[..., 0], gains[..., 1]
    outer = torch.stack([left.square(), left * right, right.square()], 1)
    a, b, d = (outer[:, None] @ masks).unbind(2)
    a, d = a + DIFFUSE, d + DIFFUSE
    scale = 1.0 / (a * d - b.square())
    a, b, d = ((value * scale)[:, :, None] for value in (a, b, d))
    left, right = left[:, None, :, None], right[:, None, :, None]
    return torch.stack([masks * (left * d - right * b), masks * (right * a - left * b)], 3)


def limited(filters: Tensor, stereo: Moments) -> Tensor:
    """Filters (batch, time, stems, 2, units) that take no more than `MOST_TAKEN` of a unit."""
    taken = filtered_power(filters, stereo).clamp_min(0.0).sum(2)
    power = stereo.powers.sum(2)
    scale = (MOST_TAKEN * power / taken.clamp_min(TINY)).clamp_max(1.0).sqrt()
    return filters * scale[:, :, None, None]


def filtered_power(filters: Tensor, stereo: Moments) -> Tensor:
    """Power of what filters make of stereo, (batch, time, channels, units).

    Where it is next to nothing, rounding may leave less than 0.
    """
    left, right = filters.unbind(3)
    xx, xy, yy = stereo.products[:, :, :, None].unbind(2)
    return left * (left * xx + 2.0 * right * xy) + right.square() * yy


def share_by_power(moments: Moments, masks: Tensor, gains: Tensor) -> Tensor:
    """Masks once more, from what a first filter takes out: geometric mean of old and new shares."""
    taken = filtered_power(extracting_filters(masks, gains), moments).clamp_min(0.0)
    new = (masks * taken / (taken.sum(2, keepdim=True) + TINY) + TINY).sqrt()
    return new / new.sum(2, keepdim=True)


def share_by_direction(
    moments: Moments, masks: Tensor, gains: Tensor, sharpness: Tensor | float
) -> Tensor:
    """Masks once more, from how near each unit stands to each stem's gains.

    The E step of a mixture of Watson distributions on the unit sphere [1]_.

    References
    ----------
    .. [1] D. H. Tran Vu and R. Haeb-Umbach, "Blind speech separation employing directional
       statistics in an expectation maximization framework", ICASSP 2010.
    """
    along = moments.along(gains)
    near = along / (moments.powers.sum(2, keepdim=True) + TINY)
    return ((masks + 1e-6).log() + sharpness * near).softmax(2)


def pan(sources: Tensor, gains: Tensor) -> Tensor:
    """Channels of sources (batch, time, stems, bins) by gains (batch, stems, channels)."""
    parts = torch.view_as_real(sources).flatten(3)  # real gains: half the work of complex ones
    panned = gains.transpose(1, 2)[:, None] @ parts
    return torch.view_as_complex(panned.unflatten(3, (-1, 2)))


@in_full_precision
def pan_filters(filters: Tensor, gains: Tensor) -> Tensor:
    """Filters for channels, from filters for sources and their gains (batch, stems, channels)."""
    panned = gains.transpose(1, 2)[:, None] @ filters.flatten(3)
    return panned.unflatten(3, filters.shape[3:])


@in_full_precision
def residual_filters(filters: Tensor, masks: Tensor, entered: Tensor, gains: Tensor) -> Tensor:
    """Filters that pan what `extracting_filters` leave over: width, reverberation, noise.

    Each unit goes, with its power on average, where the stems go that own it: to a loudspeaker
    that none of them plays from, nothing. The sides are joined a quarter turn apart, so that
    nothing that stands at one place is cancelled, and in phase with the stem's own source.

    Parameters
    ----------
    filters : Tensor
        Of the stems, as they entered the sides, (batch, time, stems, 2, units).
    masks : Tensor
        (batch, time, stems, units).
    entered : Tensor
        Of `find_gains`, (batch, stems, 2).
    gains : Tensor
        Of the stems for the loudspeakers, of power 1, (batch, stems, channels).

    Returns
    -------
    Tensor
        Complex, (batch, time, channels, 2, units).
    """
    left_over = torch.eye(2, device=masks.device)[..., None] - pan_filters(filters, entered)
    both = torch.complex(left_over[:, :, 0], left_over[:, :, 1])[:, :, None]
    shares = gains.square()

    def owned(values: Tensor) -> Tensor:
        return values.transpose(1, 2)[:, None] @ masks

    real, imaginary = owned(entered[..., :1] * shares), owned(-entered[..., 1:] * shares)
    scale = owned(shares).sqrt() * (real.square() + imaginary.square() + 1e-24).rsqrt()
    return both * torch.complex(real * scale, imaginary * scale)[:, :, :, None]


def apply_filters(filters: Tensor, channels: Tensor, resolution: Resolution) -> Tensor:
    """Make new channels of a spectrum by gains, real or complex, of its units.

    Parameters
    ----------
    filters : Tensor
        (batch, time, new channels, channels, units).
    channels : Tensor
        Complex, (batch, time, channels, bins).
    resolution : Resolution
        Of the units.

    Returns
    -------
    Tensor
        (batch, time, new channels, bins).
    """
    # Some frames at a time: they stay in the cache.
    parts = zip(filters.split(FRAMES_AT_ONCE, 1), channels.split(FRAMES_AT_ONCE, 1), strict=True)
    return torch.cat([_applied(*part, resolution) for part in parts], 1)


def _applied(filters: Tensor, channels: Tensor, resolution: Resolution) -> Tensor:
    made = []
    for units, bins in resolution.slices(channels.shape[-1]):
        gains = filters[..., units, None]
        seen = channels[:, :, :, None, bins].unflatten(-1, (gains.shape[4], -1))
        pairs = zip(gains.unbind(3), seen.unbind(2), strict=True)
        made.append(reduce(torch.add, (gain * one for gain, one in pairs)).flatten(3))
    return torch.cat(made, 3)
