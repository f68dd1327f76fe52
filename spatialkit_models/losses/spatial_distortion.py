"""Spatial and residual distortion: counterpart of `spatialkit.metrics.spatial_distortion`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from spatialkit.validation import as_number, as_sample_rate
from spatialkit_models.losses.distortion import decibels
from spatialkit_models.losses.precision import in_full_precision, require_pairs, require_same

__all__ = ["SpatialDistortion", "spatial_distortion"]

# As in the core.
MIN_RELATIVE_EIGENVALUE = 1e-10


class SpatialDistortion(NamedTuple):
    """Ratios of `spatial_distortion`, each a Tensor, shape (...), in dB."""

    ssr: Tensor
    """Signal to spatial distortion ratio."""
    srr: Tensor
    """Signal to residual distortion ratio."""


@in_full_precision
def spatial_distortion(
    reference: Tensor,
    estimate: Tensor,
    sample_rate: float,
    *,
    frame: float = 2.0,
    max_delay: float = 0.02,
    limit_db: float | None = 80.0,
) -> SpatialDistortion:
    """Calculate SSR and SRR, as `spatialkit.metrics.spatial_distortion` does.

    In float64 for every input type, as `angle_error`. The delays are constants for the gradient;
    a ratio at its limit has the gradient 0.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples)
        Signals of the same shape, with two channels or more.
    sample_rate : float
        Sample rate in Hz.
    frame : float
        Length of a frame in seconds; frames overlap by half.
    max_delay : float
        Largest delay that is searched, seconds.
    limit_db : float, optional
        Largest magnitude of the ratios of a frame, dB; None for no limit.

    Returns
    -------
    SpatialDistortion
        ``ssr`` and ``srr``, each of shape (...), in dB; special cases as in the core.

    Examples
    --------
    >>> stereo = torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))
    >>> found = spatial_distortion(stereo, stereo + 0.1 * stereo.flip(0), 48000)
    >>> round(found.ssr.item(), 1), found.srr.item()
    (20.0, 80.0)
    """
    require_same(reference.shape, estimate.shape)
    require_pairs(reference.ndim > 1 and reference.shape[-2] > 1, reference)
    rate = as_sample_rate(sample_rate)
    reach = round(as_number(max_delay, "max_delay", minimum=0.0, maximum=10.0, unit="s") * rate)
    limit = (
        torch.inf if limit_db is None else as_number(limit_db, "limit_db", minimum=0.0, unit="dB")
    )
    half = max(1, round(as_number(frame, "frame", minimum=1e-3, unit="s") * rate / 2.0))
    items = (audio.double().reshape(-1, *audio.shape[-2:]) for audio in (reference, estimate))
    values = []
    for s, e in zip(*items, strict=True):
        ratios = list(_frame_ratios(s, e, half, reach))
        # NaN without frames, with a gradient of 0.
        stacked = torch.stack(ratios) if ratios else (0.0 * e.sum() + torch.nan).expand(1, 2)
        values.append(stacked.clamp(-limit, limit).nanmean(dim=0))
    shape = reference.shape[:-2]
    result = torch.stack(values) if values else reference.new_zeros(0, 2)
    return SpatialDistortion(*result.to(reference.dtype).reshape(*shape, 2).unbind(-1))


def _frame_ratios(reference: Tensor, estimate: Tensor, half: int, reach: int) -> Iterator[Tensor]:
    """Yield both ratios (2,) of each frame in which the reference is not silent."""
    samples = reference.shape[-1]
    around = torch.nn.functional.pad(reference, (reach, reach))
    for start in range(0, max(samples - half, 1), half) if samples > 2 * half else range(1):
        stop = min(start + 2 * half, samples)
        s, e = reference[:, start:stop], estimate[:, start:stop]
        energy = s.square().sum()
        if not energy:
            continue
        projection = _projection(around[:, start : stop + 2 * reach], e, reach)
        explained = projection.square().sum()
        spatial = decibels(energy, (projection - s).square().sum(), energy)
        residual = decibels(explained, (e - projection).square().sum(), explained)
        equal = (s == e).all()
        yield torch.stack([spatial, residual]).masked_fill(equal, torch.inf)


def _projection(around: Tensor, estimate: Tensor, reach: int) -> Tensor:
    """Return the sum of delayed reference channels that is closest to each estimate channel.

    ``around`` is the reference with ``reach`` more samples at both ends.
    """
    delays, samples = _delays(around, estimate, reach), estimate.shape[-1]
    windows = around.unfold(-1, samples, 1)  # (channels, 2 reach + 1, samples)
    projections = []
    for channel, row in zip(estimate, delays, strict=True):
        delayed = windows[torch.arange(len(around), device=row.device), reach - row]
        energy = delayed.square().sum(dim=-1)
        active = energy > 0.0
        # Channels of equal energy, so that a quiet one is no copy of a loud one.
        unit = torch.where(active, torch.where(active, energy, 1.0).rsqrt(), 0.0)
        scaled = delayed * unit[:, None]
        inverse = torch.linalg.pinv(
            scaled @ scaled.mT, rtol=MIN_RELATIVE_EIGENVALUE, hermitian=True
        )
        projected = (inverse @ (scaled @ channel)) @ scaled
        # A second step: rounding errors count where little is left.
        rest = (inverse @ (scaled @ (channel - projected))) @ scaled
        projections.append(projected + rest)
    return torch.stack(projections)


@torch.no_grad()
def _delays(around: Tensor, estimate: Tensor, reach: int) -> Tensor:
    """Return the delays (channels of estimate, of reference) of the largest correlations."""
    size = 1 << (around.shape[-1] + 2 * reach).bit_length()
    cross = torch.fft.rfft(estimate, size)[:, None] * torch.fft.rfft(around, size).conj()
    # Sample n of ``around`` is sample n - reach of the estimate: lag -reach is at 0 samples.
    lags = torch.arange(-2 * reach, 1, device=cross.device) % size
    return torch.fft.irfft(cross, size)[..., lags].abs().argmax(dim=-1) - reach
