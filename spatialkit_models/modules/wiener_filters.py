"""Source extraction with masks: mixing gains of stems, and multichannel Wiener filters.

Sources are panned by real gains, so that a point-like stem has one vector of mixing gains: two
for stereo, five for five channels. Masks are ratios of power, (batch, time, stems, bands); filters
that map a stereo spectrum to channels are (batch, time, channels, 2, bands).
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from spatialkit_models.losses import in_full_precision
from spatialkit_models.modules.covariance import Covariance, Resolution

__all__ = [
    "apply_filters",
    "correlation",
    "estimate_gains",
    "extraction_filters",
    "filtered_power",
    "limit_power",
    "multichannel_filters",
    "pan",
    "pan_filters",
    "refine_by_direction",
    "refine_by_power",
    "residual_filters",
    "stem_covariances",
]

# Diffuse power relative to the whole: keeps the filters of two sources in the same direction from
# becoming the inverse of a singular matrix.
DIFFUSE = 3e-3
# Largest sum of the extracted stems' powers, relative to the power of a band. Without a limit,
# stems that are close to each other get large parts that cancel only as long as they are not
# panned apart.
MAX_POWER_RATIO = 2.0
POWER_ITERATIONS = 8
# Ratio of the power along the sum of the channels below which they are out of phase.
MIN_IN_PHASE_RATIO = 0.1
FRAMES_PER_BLOCK = 32
TINY = 1e-12
# Power below which products of a louder signal are rounding errors.
ROUNDING = 1e-6


def estimate_gains(covariance: Covariance, masks: Tensor) -> Tensor:
    """Estimate the mixing gains of each stem, one vector of length 1 for the excerpt.

    The principal axis of the masked covariance with each band weighted by the inverse of its
    magnitude: a compromise between weights by power, which one drum would dominate, and equal
    weights, which noise would dominate.

    Parameters
    ----------
    covariance : Covariance
        Covariance of the channels.
    masks : Tensor, shape (batch, time, stems, bands)

    Returns
    -------
    Tensor, shape (batch, stems, channels)
    """
    with torch.autocast(masks.device.type, enabled=False):
        magnitude = (covariance.powers.sum(2, keepdim=True) + ROUNDING).sqrt()
        matrices = covariance.weighted_sums(masks.float().square() / magnitude)
        matrices = matrices + 1e-9 * torch.eye(covariance.channels, device=masks.device)
        axis = _initial_axis(matrices)
        for _ in range(POWER_ITERATIONS):
            axis = torch.einsum("bscd,bsd->bsc", matrices, axis)
            axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-20)
        return axis


def _initial_axis(matrices: Tensor) -> Tensor:
    """Return the first axis of the power iteration: all channels in phase, as amplitude panning.

    Where the channels cancel each other, their signs are those relative to the loudest channel.
    """
    powers = matrices.diagonal(dim1=-2, dim2=-1)
    in_phase = powers.sqrt()
    along = torch.einsum("bscd,bsc,bsd->bs", matrices, in_phase, in_phase)
    cancelled = along < MIN_IN_PHASE_RATIO * powers.sum(-1).square()
    loudest = powers.argmax(-1)[..., None, None].expand_as(matrices[..., :1])
    opposite = matrices.gather(-1, loudest)[..., 0] < 0.0
    return torch.where(cancelled[..., None] & opposite, -in_phase, in_phase)


@in_full_precision
def stem_covariances(covariance: Covariance, masks: Tensor) -> Tensor:
    """Estimate the spatial covariance of each stem in two channels, wide stems included.

    The masked covariance, with bands weighted as in `estimate_gains`.

    Parameters
    ----------
    covariance : Covariance
        Covariance of two channels.
    masks : Tensor, shape (batch, time, stems, bands)

    Returns
    -------
    Tensor, shape (batch, stems, 3)
        Power of the first channel, cross term and power of the second channel; the powers sum to
        1.
    """
    magnitude = (covariance.powers.sum(2, keepdim=True) + ROUNDING).sqrt()
    matrices = covariance.weighted_sums(masks.square() / magnitude)
    entries = torch.stack([matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]], -1)
    return entries / (entries[..., :1] + entries[..., 2:] + TINY)


@in_full_precision
def multichannel_filters(masks: Tensor, covariances: Tensor) -> Tensor:
    """Compute multichannel Wiener filters that extract both channels of each stem.

    Parameters
    ----------
    masks : Tensor, shape (batch, time, stems, bands)
    covariances : Tensor, shape (batch, stems, 3)
        Output of `stem_covariances`.

    Returns
    -------
    Tensor, shape (batch, time, stems, 2, 2, bands)
        Gains of both input channels for the first and the second channel of each stem.
    """
    # A stem's real 2 x 2 covariance times the inverse of the sum of all.
    a, b, d = (covariances.transpose(1, 2)[:, None] @ masks).unbind(2)
    a, d = a + DIFFUSE, d + DIFFUSE
    scale = 1.0 / (a * d - b.square())
    a, b, d = ((value * scale)[:, :, None] for value in (a, b, d))
    first, both, second = covariances[:, None, :, :, None].unbind(3)
    rows = [
        (first * d - both * b, both * a - first * b),
        (both * d - second * b, second * a - both * b),
    ]
    return torch.stack([torch.stack([masks * x for x in row], 3) for row in rows], 3)


@in_full_precision
def extraction_filters(masks: Tensor, gains: Tensor) -> Tensor:
    """Compute multichannel Wiener filters that extract point sources.

    Parameters
    ----------
    masks : Tensor, shape (batch, time, stems, bands)
    gains : Tensor, shape (batch, stems, 2)
        Mixing gains, as returned by `estimate_gains`.

    Returns
    -------
    Tensor, shape (batch, time, stems, 2, bands)
        Gains of left and right for each stem. The contribution of a stem to left and right is the
        extracted signal times its mixing gains.
    """
    # Inverse of the real 2 x 2 matrix sum(mask gain gain') + DIFFUSE, multiplied by the gains.
    left, right = gains[..., 0], gains[..., 1]
    outer = torch.stack([left.square(), left * right, right.square()], 1)
    a, b, d = (outer[:, None] @ masks).unbind(2)
    a, d = a + DIFFUSE, d + DIFFUSE
    scale = 1.0 / (a * d - b.square())
    a, b, d = ((value * scale)[:, :, None] for value in (a, b, d))
    left, right = left[:, None, :, None], right[:, None, :, None]
    return torch.stack([masks * (left * d - right * b), masks * (right * a - left * b)], 3)


def limit_power(filters: Tensor, stereo: Covariance) -> Tensor:
    """Scale filters (batch, time, stems, 2, bands) where they exceed `MAX_POWER_RATIO`."""
    extracted = filtered_power(filters, stereo).clamp_min(0.0).sum(2)
    power = stereo.powers.sum(2)
    scale = (MAX_POWER_RATIO * power / extracted.clamp_min(TINY)).clamp_max(1.0).sqrt()
    return filters * scale[:, :, None, None]


def filtered_power(filters: Tensor, stereo: Covariance) -> Tensor:
    """Compute the power of filtered stereo, (batch, time, channels, bands).

    Rounding can make a power near 0 negative.
    """
    left, right = filters.unbind(3)
    xx, xy, yy = stereo.products[:, :, :, None].unbind(2)
    return left * (left * xx + 2.0 * right * xy) + right.square() * yy


def refine_by_power(covariance: Covariance, masks: Tensor, gains: Tensor) -> Tensor:
    """Refine masks by the power of the extracted stems: geometric mean of old and new ratios."""
    power = filtered_power(extraction_filters(masks, gains), covariance).clamp_min(0.0)
    new = (masks * power / (power.sum(2, keepdim=True) + TINY) + TINY).sqrt()
    return new / new.sum(2, keepdim=True)


def refine_by_direction(
    covariance: Covariance, masks: Tensor, gains: Tensor, sharpness: Tensor | float
) -> Tensor:
    """Refine masks by the correlation of each band with the mixing gains of each stem.

    The E step of a mixture of Watson distributions on the unit sphere [1]_.

    References
    ----------
    .. [1] D. H. Tran Vu and R. Haeb-Umbach, "Blind speech separation employing directional
       statistics in an expectation maximization framework", ICASSP 2010.
    """
    return ((masks + 1e-6).log() + sharpness * correlation(covariance, gains)).softmax(2)


def correlation(covariance: Covariance, gains: Tensor) -> Tensor:
    """Compute the part of each band's power along gains, (batch, time, stems, bands)."""
    return covariance.along(gains) / (covariance.powers.sum(2, keepdim=True) + TINY)


def pan(sources: Tensor, gains: Tensor) -> Tensor:
    """Pan sources (batch, time, stems, bins) by gains (batch, stems, channels)."""
    parts = torch.view_as_real(sources).flatten(3)  # real gains: half the work of complex ones
    panned = gains.transpose(1, 2)[:, None] @ parts
    return torch.view_as_complex(panned.unflatten(3, (-1, 2)))


@in_full_precision
def pan_filters(filters: Tensor, gains: Tensor) -> Tensor:
    """Combine filters of sources into filters of channels by gains (batch, stems, channels)."""
    panned = gains.transpose(1, 2)[:, None] @ filters.flatten(3)
    return panned.unflatten(3, filters.shape[3:])


@in_full_precision
def residual_filters(filters: Tensor, masks: Tensor, mixing: Tensor, gains: Tensor) -> Tensor:
    """Compute filters that pan the residual of `extraction_filters`: width, reverberation, noise.

    The residual of a band is distributed over the loudspeakers of its stems in proportion to their
    masks, with the same power on average; loudspeakers that no stem is panned to receive nothing.
    Left and right are combined with a phase difference of 90 degrees, so that no point source is
    cancelled, and in phase with the extracted signal of the stem.

    Parameters
    ----------
    filters : Tensor, shape (batch, time, stems, 2, bands)
        Output of `extraction_filters`.
    masks : Tensor, shape (batch, time, stems, bands)
    mixing : Tensor, shape (batch, stems, 2)
        Mixing gains, as returned by `estimate_gains`.
    gains : Tensor, shape (batch, stems, channels)
        Gains of the stems for the loudspeakers, of power 1.

    Returns
    -------
    Tensor of complex, shape (batch, time, channels, 2, bands)
    """
    residual = torch.eye(2, device=masks.device)[..., None] - pan_filters(filters, mixing)
    both = torch.complex(residual[:, :, 0], residual[:, :, 1])[:, :, None]
    powers = gains.square()

    def weighted(values: Tensor) -> Tensor:
        return values.transpose(1, 2)[:, None] @ masks

    real, imaginary = weighted(mixing[..., :1] * powers), weighted(-mixing[..., 1:] * powers)
    scale = weighted(powers).sqrt() * (real.square() + imaginary.square() + 1e-24).rsqrt()
    return both * torch.complex(real * scale, imaginary * scale)[:, :, :, None]


def apply_filters(filters: Tensor, channels: Tensor, resolution: Resolution) -> Tensor:
    """Filter a spectrum by real or complex gains that are constant within each band.

    Parameters
    ----------
    filters : Tensor, shape (batch, time, new channels, channels, bands)
    channels : Tensor of complex, shape (batch, time, channels, bins)
    resolution : Resolution
        Bands of the filters.

    Returns
    -------
    Tensor of complex, shape (batch, time, new channels, bins)
    """
    # In blocks of frames that fit the processor's cache.
    blocks = zip(
        filters.split(FRAMES_PER_BLOCK, 1), channels.split(FRAMES_PER_BLOCK, 1), strict=True
    )
    return torch.cat([_filter_block(*block, resolution) for block in blocks], 1)


def _filter_block(filters: Tensor, channels: Tensor, resolution: Resolution) -> Tensor:
    regions = []
    for bands, bins in resolution.slices(channels.shape[-1]):
        gains = filters[..., bands, None]
        values = channels[:, :, :, None, bins].unflatten(-1, (gains.shape[4], -1))
        pairs = zip(gains.unbind(3), values.unbind(2), strict=True)
        regions.append(reduce(torch.add, (gain * one for gain, one in pairs)).flatten(3))
    return torch.cat(regions, 3)
