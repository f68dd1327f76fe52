"""Differences and correlation between channels: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from spatialkit.auditory import erb_bands
from spatialkit.metrics import CORRELATION_FRAMES, CORRELATION_SECONDS
from spatialkit.validation import as_number, as_sample_rate
from spatialkit_models.losses.precision import in_full_precision, require_pairs, require_same
from spatialkit_models.losses.spectra import loudest_bin, moving_sum, power_of, stft

__all__ = ["correlation", "correlation_error", "icc", "ild", "ipd"]


@in_full_precision
def correlation(audio: Tensor) -> Tensor:
    """Calculate the correlation of each pair of channels, as `spatialkit.metrics.correlation`.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
        At least two channels.

    Returns
    -------
    Tensor, shape (...) or (..., pairs)
        -1 to 1; NaN if a channel is silent. One value per item for two channels.

    Examples
    --------
    >>> round(correlation(torch.tensor([[1.0, 0.0, -1.0, 0.0], [1.0, 1.0, -1.0, -1.0]])).item(), 3)
    0.707
    """
    require_pairs(audio.ndim > 1 and audio.shape[-2] > 1, audio)
    signals = audio.double()
    products = signals @ signals.mT
    first, second = _pairs(audio.shape[-2], audio.device)
    power = products.diagonal(dim1=-2, dim2=-1)
    found = _normalized(products[..., first, second], power[..., first], power[..., second])
    found = found.clamp(-1.0, 1.0).to(audio.dtype)
    return found[..., 0] if audio.shape[-2] == 2 else found


def ild(spectrum: Tensor, *, floor_db: float = -60.0) -> Tensor:
    """Calculate interchannel level differences, as `spatialkit.metrics.ild` does.

    Parameters
    ----------
    spectrum : Tensor of complex, shape (..., channels, bins, frames)
        Output of `stft`, with two channels or more.
    floor_db : float
        Floor relative to the loudest bin of the item, dB, at most 0.

    Returns
    -------
    Tensor, shape (..., pairs, bins, frames)
        dB; NaN where both channels are below the floor, infinite where one of them is zero.
    """
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    require_pairs(spectrum.ndim > 2 and spectrum.shape[-3] > 1, spectrum)
    magnitude, channels = spectrum.abs(), spectrum.shape[-3]
    floor = 10.0 ** (floor_db / 20.0) * loudest_bin(magnitude)
    quiet = (magnitude < floor) | (magnitude == 0.0)
    level = 20.0 * torch.log10(torch.where(magnitude > 0.0, magnitude, 1.0))
    level = torch.where(magnitude > 0.0, level, -torch.inf)
    first, second = torch.triu_indices(channels, channels, 1, device=spectrum.device)
    difference = level[..., first, :, :] - level[..., second, :, :]
    both_quiet = quiet[..., first, :, :] & quiet[..., second, :, :]
    return torch.where(both_quiet, torch.nan, difference)


def ipd(spectrum: Tensor, *, floor_db: float = -60.0) -> Tensor:
    """Calculate interchannel phase differences, as `spatialkit.metrics.ipd` does.

    Parameters
    ----------
    spectrum, floor_db
        See `ild`.

    Returns
    -------
    Tensor, shape (..., pairs, bins, frames)
        Degrees in (-180, 180]; NaN where either channel is below the floor.
    """
    quiet, (first, second) = _quiet(spectrum, power_of(spectrum), floor_db)
    product = spectrum[..., first, :, :] * spectrum[..., second, :, :].conj()
    audible = ~(quiet[..., first, :, :] | quiet[..., second, :, :])
    # A phase of 0 has no derivative.
    phase = torch.where(audible, product, 1.0).angle().rad2deg()
    phase = torch.where(phase == -180.0, 180.0, phase)
    return torch.where(audible, phase, torch.nan)


def icc(
    spectrum: Tensor, *, frames: int | None = 9, bins: int | None = 1, floor_db: float = -60.0
) -> Tensor:
    """Calculate the interchannel coherence, as `spatialkit.metrics.icc` does.

    Parameters
    ----------
    spectrum, floor_db
        See `ild`.
    frames, bins : int or None
        Size of the neighbourhood of each bin; None averages over the whole axis.

    Returns
    -------
    Tensor, shape (..., pairs, bins, frames)
        0 to 1; NaN where either channel is below the floor.
    """
    power = power_of(spectrum)
    smooth = moving_sum(power, frames=frames, bins=bins)
    terms = moving_sum(power.new_ones(1, *power.shape[-2:]), frames=frames, bins=bins)
    quiet, (first, second) = _quiet(spectrum, power, floor_db, smooth / terms.clamp(min=1.0))
    product = spectrum[..., first, :, :] * spectrum[..., second, :, :].conj()
    cross = moving_sum(product, frames=frames, bins=bins)
    audible = ~(quiet[..., first, :, :] | quiet[..., second, :, :])
    whole = smooth[..., first, :, :].sqrt() * smooth[..., second, :, :].sqrt()
    coherence = (cross.abs() / torch.where(audible, whole, 1.0)).clamp(max=1.0)
    return torch.where(audible, coherence, torch.nan)


@in_full_precision
def correlation_error(
    reference: Tensor, estimate: Tensor, sample_rate: float, *, floor_db: float = -60.0
) -> Tensor:
    """Calculate the error of the cross-correlation, as `spatialkit.metrics.correlation_error`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples)
        Signals of the same shape, with two channels or more.
    sample_rate : float
        Sample rate in Hz, at least 8000.
    floor_db : float
        Power of a band relative to the loudest band of the reference item, dB, at most 0.

    Returns
    -------
    Tensor, shape (...)
        0 to 2. NaN where no two channels are above the floor in the same band.

    Examples
    --------
    >>> noise = torch.randn(1, 48000, generator=torch.Generator().manual_seed(0))
    >>> opposite = noise * torch.tensor([[1.0], [-1.0]])
    >>> round(correlation_error(noise.expand(2, -1), opposite, 48000).item(), 4)
    2.0
    """
    require_same(reference.shape, estimate.shape)
    require_pairs(reference.ndim > 1 and reference.shape[-2] > 1, reference)
    rate = as_sample_rate(sample_rate)
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    first, second = _pairs(reference.shape[-2], reference.device)
    products = [_band_products(audio, rate) for audio in (reference, estimate)]
    powers = [each.diagonal(dim1=-2, dim2=-1) for each in products]
    minimum = floor * powers[0].flatten(-3).amax(dim=-1)[..., None, None, None]
    both = []
    correlations = []
    for product, power in zip(products, powers, strict=True):
        audible = (power > minimum) & (power > 0.0)
        both.append(audible[..., first] & audible[..., second])
        found = _normalized(product[..., first, second], power[..., first], power[..., second])
        correlations.append(torch.where(both[-1], found, 0.0))
    errors = torch.where(both[0], (correlations[0] - correlations[1]).abs(), 0.0)
    count = both[0].flatten(-3).sum(dim=-1)
    mean = errors.flatten(-3).sum(dim=-1) / count.clamp(min=1)
    return torch.where(count > 0, mean, torch.nan)


def _band_products(audio: Tensor, rate: float) -> Tensor:
    """Return the real cross-spectra (..., sections, bands, channels, channels)."""
    n_fft = 1 << round(np.log2(CORRELATION_SECONDS * rate))
    starts, _ = erb_bands(rate, n_fft)
    spectrum = stft(audio, n_fft=n_fft, hop=n_fft // 4)
    # Frames that become complete with each block of samples in the core, one less in the first.
    blocks = max(-(-audio.shape[-1] // (CORRELATION_FRAMES * n_fft // 4)), 1)
    inner = (CORRELATION_FRAMES * np.arange(1, blocks) - 1).tolist()
    sections = []
    for start, end in pairwise([0, *inner, spectrum.shape[-1]]):
        part = spectrum[..., start:end]
        bands = []
        for low, high in pairwise(starts.tolist()):
            band = part[..., low:high, :].flatten(-2)
            bands.append((band @ band.mH).real)
        sections.append(torch.stack(bands, dim=-3))
    return torch.stack(sections, dim=-4)


def _quiet(
    spectrum: Tensor, power: Tensor, floor_db: float, smooth: Tensor | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return which values are below the floor, and the indices of the pairs of channels."""
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    require_pairs(spectrum.ndim > 2 and spectrum.shape[-3] > 1, spectrum)
    values = power if smooth is None else smooth
    quiet = (values < floor * loudest_bin(power)) | (values == 0.0)
    return quiet, _pairs(spectrum.shape[-3], spectrum.device)


def _pairs(channels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    first, second = torch.triu_indices(channels, channels, 1, device=device)
    return first, second


def _normalized(product: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Divide a cross-product by the roots of both powers; NaN where one is zero."""
    active = (first > 0.0) & (second > 0.0)
    scale = torch.where(active, first, 1.0).rsqrt() * torch.where(active, second, 1.0).rsqrt()
    return torch.where(active, product * scale, torch.nan)
