"""From masks to sources without learning: where each stands, and a filter that takes it out.

Sources are panned by real gains, so that a stem at one place is one vector of gains: of two
for stereo, of five for five channels. Spectra are (batch, time, channels, bins).
"""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit_models._precision import in_full_precision
from spatialkit_models.spectra import power

__all__ = [
    "extract_sources",
    "find_gains",
    "pan",
    "pan_residual",
    "share_by_direction",
    "share_by_power",
]

# Share of the power that is taken as coming from everywhere: keeps the filter from inverting
# two sources that stand at the same place.
DIFFUSE = 3e-3
POWER_ITERATIONS = 8


@in_full_precision
def find_gains(spectrum: Tensor, masks: Tensor) -> Tensor:
    """Gains with which each stem entered, one vector of length 1 for the excerpt.

    The main axis of the covariance of what the masks leave, each bin by its magnitude: between
    counting power, where one drum decides, and counting bins, where noise does.

    Parameters
    ----------
    spectrum : Tensor
        (batch, time, channels, bins), complex.
    masks : Tensor
        (batch, time, stems, bins).

    Returns
    -------
    Tensor
        (batch, stems, channels).
    """
    rows, columns = torch.triu_indices(spectrum.shape[2], spectrum.shape[2])
    weight = masks.square() / (power(spectrum).sum(2, keepdim=True) + 1e-12).sqrt()
    first, second = spectrum[:, :, rows], spectrum[:, :, columns]
    products = first.real * second.real + first.imag * second.imag
    found = (weight @ products.transpose(2, 3)).sum(1)
    covariance = found.new_zeros(*found.shape[:2], spectrum.shape[2], spectrum.shape[2])
    covariance[:, :, rows, columns] = found
    covariance[:, :, columns, rows] = found
    covariance = covariance + 1e-9 * torch.eye(spectrum.shape[2], device=found.device)
    axis = covariance.diagonal(dim1=-2, dim2=-1).sqrt()
    for _ in range(POWER_ITERATIONS):
        axis = torch.einsum("bscd,bsd->bsc", covariance, axis)
        axis = axis / axis.norm(dim=-1, keepdim=True).clamp_min(1e-20)
    return axis


def extract_sources(stereo: Tensor, masks: Tensor, gains: Tensor) -> Tensor:
    """Take stems out of stereo by the multichannel Wiener filter of sources at single places.

    Parameters
    ----------
    stereo : Tensor
        (batch, time, 2, bins), complex.
    masks : Tensor
        Shares of the power, (batch, time, stems, bins).
    gains : Tensor
        Of `find_gains`, (batch, stems, 2).

    Returns
    -------
    Tensor
        Mono stems (batch, time, stems, bins): each entered the sides times its gains.
    """
    left, right = gains[:, None, :, 0, None], gains[:, None, :, 1, None]
    # The real 2 x 2 matrix sum(mask gain gain') + DIFFUSE, and its inverse on the sides.
    a = (masks * left.square()).sum(2) + DIFFUSE
    b = (masks * left * right).sum(2)
    d = (masks * right.square()).sum(2) + DIFFUSE
    scale = 1.0 / (a * d - b.square())
    x, y = stereo[:, :, 0], stereo[:, :, 1]
    u = ((d * scale) * x - (b * scale) * y)[:, :, None]
    v = ((a * scale) * y - (b * scale) * x)[:, :, None]
    return (masks * left) * u + (masks * right) * v


def share_by_power(sources: Tensor, masks: Tensor) -> Tensor:
    """Masks once more, from what a first filter took out: geometric mean of old and new shares."""
    taken = power(sources)
    new = (masks * taken / (taken.sum(2, keepdim=True) + 1e-12) + 1e-12).sqrt()
    return new / new.sum(2, keepdim=True)


def share_by_direction(spectrum: Tensor, masks: Tensor, gains: Tensor, sharpness: Tensor) -> Tensor:
    """Masks once more, from how near each bin stands to each stem's gains.

    The E step of a mixture of Watson distributions on the unit sphere [1]_.

    References
    ----------
    .. [1] D. H. Tran Vu and R. Haeb-Umbach, "Blind speech separation employing directional
       statistics in an expectation maximization framework", ICASSP 2010.
    """
    along = torch.einsum("btcf,bsc->btsf", spectrum, gains.to(spectrum.dtype))
    near = power(along) / (power(spectrum).sum(2, keepdim=True) + 1e-12)
    return ((masks + 1e-6).log() + sharpness * near).softmax(2)


def pan(sources: Tensor, gains: Tensor) -> Tensor:
    """Channels of sources (batch, time, stems, bins) by gains (batch, stems, channels)."""
    parts = torch.view_as_real(sources).flatten(3)  # real gains: half the work of complex ones
    panned = gains.transpose(1, 2)[:, None] @ parts
    return torch.view_as_complex(panned.unflatten(3, (-1, 2)))


def pan_residual(residual: Tensor, masks: Tensor, entered: Tensor, gains: Tensor) -> Tensor:
    """Channels of what `extract_sources` left over of the sides: width, reverberation, noise.

    Each bin goes, with all its power, where the stems go that own it: to a loudspeaker that none
    of them plays from, nothing. The sides are joined a quarter turn apart, so that nothing that
    stands at one place is cancelled, and in phase with the stem's own source.

    Parameters
    ----------
    residual : Tensor
        The stereo less its stems, (batch, time, 2, bins), complex.
    masks : Tensor
        Shares of the power, (batch, time, stems, bins).
    entered : Tensor
        Of `find_gains`, (batch, stems, 2).
    gains : Tensor
        Of the stems for the loudspeakers, of power 1, (batch, stems, channels).

    Returns
    -------
    Tensor
        (batch, time, channels, bins).
    """
    left, right = residual[:, :, 0], residual[:, :, 1]
    both = torch.complex(left.real - right.imag, left.imag + right.real)[:, :, None]
    shares = gains.square()

    def owned(values: Tensor) -> Tensor:
        return values.transpose(1, 2)[:, None] @ masks

    real, imaginary = owned(entered[..., :1] * shares), owned(-entered[..., 1:] * shares)
    scale = owned(shares).sqrt() * (real.square() + imaginary.square() + 1e-24).rsqrt()
    return both * torch.complex(real * scale, imaginary * scale)
