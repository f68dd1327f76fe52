"""Distances of interchannel level differences: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import math
from itertools import combinations

import torch
from torch import Tensor

from spatialkit.validation import as_number
from spatialkit_models.losses.distortion import decibels
from spatialkit_models.losses.precision import in_full_precision, require_pairs, require_same
from spatialkit_models.losses.spectra import loudest_bin, power_of, stft

__all__ = ["ild_error", "leakage", "wasserstein_distance", "wild"]

# One neper in dB.
DECIBELS = 20.0 / math.log(10.0)


@in_full_precision
def wild(
    reference: Tensor,
    estimate: Tensor,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
) -> Tensor:
    """Calculate the exact Wasserstein distance of level differences, as `spatialkit.metrics.wild`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples)
        Signals with two channels or more; their lengths may differ.
    n_fft, hop : int
        Parameters of `stft`.
    floor_db : float
        Floor relative to the loudest bin of the reference item, dB, at most 0.
    clip_db : float
        Largest level difference, dB, above 0.

    Returns
    -------
    Tensor, shape (...)
        dB; 0 for equal distributions, NaN where the reference is silent.

    Examples
    --------
    >>> stereo = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    >>> round(wild(stereo, stereo * torch.tensor([[1.0], [2.0]])).item(), 2)
    6.02
    """
    require_same(reference.shape[:-1], estimate.shape[:-1], "the same axes but the last")
    levels, active = _levels(reference, estimate, n_fft, hop, floor_db)
    clip = as_number(clip_db, "clip_db", minimum=1e-3, unit="dB") / DECIBELS
    total = torch.zeros_like(active, dtype=reference.dtype)
    for i, j in combinations(range(reference.shape[-2]), 2):
        differences = (
            (level[..., i, :, :] - level[..., j, :, :]).flatten(-2).clamp(-clip, clip)
            for level in levels
        )
        total = total + wasserstein_distance(*differences)
    return torch.where(active, DECIBELS * total, torch.nan)


@in_full_precision
def ild_error(
    reference: Tensor,
    estimate: Tensor,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
    clip_db: float = 60.0,
) -> Tensor:
    """Calculate the mean absolute error of level differences, as `spatialkit.metrics.ild_error`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples)
        Signals of the same shape, with two channels or more.
    n_fft, hop, floor_db, clip_db
        See `wild`.

    Returns
    -------
    Tensor, shape (...)
        dB; NaN where the reference is silent.
    """
    require_same(reference.shape, estimate.shape)
    (first, second), active = _levels(reference, estimate, n_fft, hop, floor_db)
    clip = as_number(clip_db, "clip_db", minimum=1e-3, unit="dB") / DECIBELS
    total = torch.zeros_like(active, dtype=reference.dtype)
    count = torch.zeros_like(active, dtype=torch.int64)
    for i, j in combinations(range(reference.shape[-2]), 2):
        either = torch.maximum(first[..., i, :, :], first[..., j, :, :]) > 0.0
        a, b = (
            (level[..., i, :, :] - level[..., j, :, :]).clamp(-clip, clip)
            for level in (first, second)
        )
        total = total + torch.where(either, (a - b).abs(), 0.0).sum((-2, -1))
        count = count + either.sum((-2, -1))
    return torch.where(active, DECIBELS * total / count.clamp(min=1), torch.nan)


@in_full_precision
def leakage(
    reference: Tensor,
    estimate: Tensor,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    floor_db: float = -60.0,
) -> Tensor:
    """Calculate the level in channels that should be silent, as `spatialkit.metrics.leakage` does.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples)
        Signals of the same shape, with two channels or more.
    n_fft, hop : int
        Parameters of `stft`.
    floor_db : float
        Floor relative to the loudest channel of each bin, dB, at most 0.

    Returns
    -------
    Tensor, shape (...)
        dB, 0 or less; -inf without leakage, NaN where the reference or the estimate is silent.

    Examples
    --------
    >>> voice = torch.randn(8000, generator=torch.Generator().manual_seed(0))
    >>> left = torch.stack([voice, 0.0 * voice])
    >>> round(leakage(left, torch.stack([voice, 0.01 * voice])).item(), 1)
    -40.0
    """
    require_same(reference.shape, estimate.shape)
    require_pairs(reference.ndim > 1 and reference.shape[-2] > 1, reference)
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    s, e = (power_of(stft(audio, n_fft=n_fft, hop=hop)) for audio in (reference, estimate))
    loudest = s.amax(dim=-3, keepdim=True)
    leaked, total = (
        torch.where(counted, e, 0.0).sum((-3, -2, -1), dtype=torch.float64)
        for counted in (s < floor * loudest, loudest > 0.0)
    )
    return decibels(leaked, total, total).to(reference.dtype)


@in_full_precision
def wasserstein_distance(a: Tensor, b: Tensor) -> Tensor:
    """Calculate the exact 1-Wasserstein distance of two sets of samples.

    The mean distance of the sorted samples, or of both quantile functions if the numbers of samples
    differ. The gradient is that for the sorted order.

    Parameters
    ----------
    a, b : Tensor of float, shapes (..., n) and (..., m)
        Samples along the last axis, in any order, at least one each.

    Returns
    -------
    Tensor, shape (...)

    Examples
    --------
    >>> wasserstein_distance(torch.tensor([0.0, 1.0, 3.0]), torch.tensor([5.0, 6.0, 8.0]))
    tensor(5.)
    """
    n, m = a.shape[-1], b.shape[-1]
    a, b = a.sort(dim=-1).values, b.sort(dim=-1).values
    if n == m:
        return (a - b).abs().mean(dim=-1)
    # Both quantile functions are constant between neighbouring multiples of 1/n and 1/m, which
    # are integers in units of 1/(n m).
    edges = torch.cat([torch.arange(n + 1) * m, torch.arange(m + 1) * n]).unique().to(a.device)
    start = edges[:-1]
    distance = (a[..., start // m] - b[..., start // n]).abs()
    return (distance * edges.diff().to(a.dtype)).sum(dim=-1) / (n * m)


def _levels(
    reference: Tensor, estimate: Tensor, n_fft: int, hop: int, floor_db: float
) -> tuple[list[Tensor], Tensor]:
    """Return levels above the floor, nepers, of both signals, and which items are not silent."""
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 20.0)
    require_pairs(reference.ndim > 1 and reference.shape[-2] > 1, reference)
    magnitudes = [stft(audio, n_fft=n_fft, hop=hop).abs() for audio in (reference, estimate)]
    loudest = loudest_bin(magnitudes[0])
    active = loudest > 0.0
    minimum = floor * torch.where(active, loudest, 1.0)
    levels = [(each / minimum).clamp(min=1.0).log() for each in magnitudes]
    return levels, active[..., 0, 0, 0]
