"""Interaural coherence and errors of interaural cues: counterparts of `spatialkit.metrics`."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spatialkit.auditory import MAX_ITD, erb_bands
from spatialkit.errors import ShapeError
from spatialkit.validation import as_sample_rate
from spatialkit_models.losses.precision import in_full_precision, require_same
from spatialkit_models.losses.spectra import power_of

__all__ = ["InterauralErrors", "interaural_coherence", "interaural_errors"]

# As in the core: length of a frame in seconds, floor relative to the loudest band, and lags on
# either side at which the ears are correlated.
FRAME_SECONDS, FLOOR, LAGS = 0.085, 1e-4, 48
# Band powers are limited to this below the floor before levels are compared: 30 dB.
MIN_RELATIVE_POWER = 1e-3
MIN_RATE = 8000


class InterauralErrors(NamedTuple):
    """Errors of `interaural_errors` per band of one ERB."""

    frequencies: Tensor
    """Centres of the bands in Hz, shape (bands,)."""
    ild: Tensor
    """Mean absolute error of the interaural level difference in dB, shape (..., bands)."""
    coherence: Tensor
    """Absolute error of the interaural coherence, shape (..., bands)."""
    loudness: Tensor
    """Mean absolute error of the power of both ears together in dB, shape (..., bands)."""


@in_full_precision
def interaural_coherence(binaural: Tensor, sample_rate: float, *, per_band: bool = False) -> Tensor:
    """Calculate the interaural coherence, as `spatialkit.metrics.interaural_coherence` does.

    In float64 for every input type. The lag of the largest correlation of a band is constant for
    the gradient, which is exact: the correlation is flat at its maximum.

    Parameters
    ----------
    binaural : Tensor of float, shape (..., 2, samples)
        Left and right ear.
    sample_rate : float
        Sample rate in Hz, at least 8000.
    per_band : bool
        Whether the result has one value per band instead of their mean.

    Returns
    -------
    Tensor, shape (...) or (..., bands)
        Up to 1; NaN in bands in which an ear is 40 dB below its loudest band, and for silence.

    Examples
    --------
    >>> noise = torch.randn(2, 96000, generator=torch.Generator().manual_seed(0))
    >>> mixed = torch.stack([noise[0], noise[0] + noise[1]])
    >>> round(interaural_coherence(mixed, 48000).item(), 1)
    0.7
    """
    rate = _checked(binaural, sample_rate)
    found = _coherence(_frame_spectra(binaural, rate), rate)
    return (found if per_band else _mean(found, ~found.isnan(), -1)).to(binaural.dtype)


@in_full_precision
def interaural_errors(reference: Tensor, estimate: Tensor, sample_rate: float) -> InterauralErrors:
    """Calculate errors of interaural cues per band, as `spatialkit.metrics.interaural_errors`.

    In float64 for every input type. The error of the time difference is left out: it depends on
    positions of maxima, and its derivative is zero or undefined.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., 2, samples)
        Left and right ear, signals of the same shape.
    sample_rate : float
        Sample rate in Hz, at least 8000.

    Returns
    -------
    InterauralErrors
        0 for equal signals, NaN in bands without a frame of the reference above -40 dB relative to
        the loudest; of the coherence, in bands in which an ear of either signal is 40 dB below its
        loudest band.

    Examples
    --------
    >>> noise = torch.randn(2, 24000, generator=torch.Generator().manual_seed(0))
    >>> found = interaural_errors(noise, noise * torch.tensor([[1.0], [0.5]]), 48000)
    >>> round(found.ild.mean().item(), 1), round(found.coherence.mean().item(), 3)
    (6.0, 0.0)
    """
    require_same(reference.shape, estimate.shape)
    rate = _checked(reference, sample_rate)
    spectra = [_frame_spectra(each, rate) for each in (reference, estimate)]
    starts, frequencies = erb_bands(rate, 2 * (spectra[0].shape[-1] - 1))
    powers = [_bands(power_of(each), starts) for each in spectra]  # (..., 2, frames, bands)
    floor = FLOOR * powers[0].amax(dim=(-3, -2, -1), keepdim=True)
    floor = floor.clamp(min=torch.finfo(floor.dtype).tiny)
    totals = [each.sum(dim=-3) for each in powers]
    audible = totals[0] > floor[..., 0]
    ears = [_level(each, floor) for each in powers]
    differences = [each[..., 0, :, :] - each[..., 1, :, :] for each in ears]
    together = [_level(each, floor[..., 0]) for each in totals]
    first, second = (_coherence(each, rate) for each in spectra)
    known = ~(first.isnan() | second.isnan())  # a magnitude of NaN has no derivative
    coherence = (torch.where(known, first, 0.0) - torch.where(known, second, 0.0)).abs()
    errors = (
        _mean((differences[0] - differences[1]).abs(), audible, -2),
        torch.where(known, coherence, torch.nan),
        _mean((together[0] - together[1]).abs(), audible, -2),
    )
    centres = torch.as_tensor(frequencies, dtype=reference.dtype, device=reference.device)
    return InterauralErrors(centres, *(each.to(reference.dtype) for each in errors))


def _checked(binaural: Tensor, sample_rate: float) -> int:
    """Return the sample rate after checking the shape of both ears."""
    if binaural.ndim < 2 or binaural.shape[-2] != 2:
        raise ShapeError(
            f"binaural signals must have shape (..., 2, samples), got {tuple(binaural.shape)}"
        )
    return as_sample_rate(sample_rate, minimum=MIN_RATE)


def _frame_spectra(binaural: Tensor, rate: int) -> Tensor:
    """Return spectra (..., 2, frames, bins) of frames, which overlap by half."""
    size = 1 << round(math.log2(FRAME_SECONDS * rate))
    hop, samples = size // 2, binaural.shape[-1]
    behind = -(-samples // hop) * hop + hop - samples
    padded = torch.nn.functional.pad(binaural.double(), (hop, behind))
    places = torch.arange(size, dtype=torch.float64, device=binaural.device)
    window = torch.sin(torch.pi * (places + 0.5) / size)
    return torch.fft.rfft(padded.unfold(-1, size, hop) * window, 2 * size)


def _bands(values: Tensor, starts: np.ndarray) -> Tensor:
    """Return the sums (..., bands) of values (..., bins)."""
    sums = [values[..., low:high].sum(dim=-1) for low, high in pairwise(starts.tolist())]
    return torch.stack(sums, dim=-1)


def _coherence(spectra: Tensor, rate: int) -> Tensor:
    """Return the coherence (..., bands) of spectra (..., 2, frames, bins)."""
    left, right = spectra.unbind(dim=-3)
    cross, bins = (left * right.conj()).sum(dim=-2), spectra.shape[-1]
    starts, _ = erb_bands(rate, 2 * (bins - 1))
    power = _bands(power_of(spectra).sum(dim=-2), starts)
    lags = torch.arange(-LAGS, LAGS + 1, dtype=torch.float64, device=spectra.device) / LAGS
    frequencies = torch.linspace(0.0, rate / 2.0, bins, dtype=torch.float64, device=spectra.device)
    radians = 2.0 * torch.pi * MAX_ITD * frequencies
    best = []
    for low, high in pairwise(starts.tolist()):
        phases = radians[low:high, None] * lags
        waves = torch.polar(torch.ones_like(phases), phases)
        best.append((cross[..., low:high] @ waves).real.amax(dim=-1))
    audible = (power > 0.0) & (power >= FLOOR * power.amax(dim=-1, keepdim=True))
    both = audible.all(dim=-2)
    first, second = torch.where(both[..., None, :], power, 1.0).sqrt().unbind(dim=-2)
    coherence = (torch.stack(best, dim=-1) / (first * second)).clamp(max=1.0)
    return torch.where(both, coherence, torch.nan)


def _level(power: Tensor, floor: Tensor) -> Tensor:
    """Return powers in dB, limited to 30 dB below the floor of what is audible."""
    return 10.0 * torch.log10(torch.maximum(power, MIN_RELATIVE_POWER * floor))


def _mean(values: Tensor, counted: Tensor, dim: int) -> Tensor:
    """Return the mean of the values that count, NaN if there are none."""
    count = counted.sum(dim=dim)
    mean = torch.where(counted, values, 0.0).sum(dim=dim) / count.clamp(min=1)
    return torch.where(count > 0, mean, torch.nan)
