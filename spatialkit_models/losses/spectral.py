"""Distances between magnitude spectra: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spatialkit.errors import ShapeError
from spatialkit.validation import as_number
from spatialkit_models.losses.precision import in_full_precision, require_same
from spatialkit_models.losses.spectra import stft
from spatialkit_models.stft_resolutions import MIN_POWER, RESOLUTIONS

__all__ = ["log_spectral_distance", "multi_resolution_stft"]


@in_full_precision
def log_spectral_distance(
    reference: Tensor,
    estimate: Tensor,
    *,
    n_fft: int = 2048,
    hop: int = 512,
    floor_db: float = -60.0,
    per_channel: bool = False,
) -> Tensor:
    """Calculate the log-spectral distance, as `spatialkit.metrics.log_spectral_distance`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples) or (samples,)
        Signals of the same shape.
    n_fft, hop : int
        Parameters of `stft`.
    floor_db : float
        Floor relative to the loudest bin of the reference item, dB, at most 0.
    per_channel : bool
        Return one value per channel instead of one per item.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB. NaN where the reference item is silent, and for a channel in which both signals are
        below the floor.

    Examples
    --------
    >>> noise = torch.randn(2, 8000, generator=torch.Generator().manual_seed(0))
    >>> round(log_spectral_distance(noise, 0.5 * noise).item(), 1)
    6.0
    """
    require_same(reference.shape, estimate.shape)
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 20.0)
    signals = [torch.atleast_2d(audio) for audio in (reference, estimate)]
    s, e = (stft(audio, n_fft=n_fft, hop=hop).abs() for audio in signals)
    loudest = s.flatten(-3).amax(dim=-1) if s.shape[-1] else s.new_zeros(s.shape[:-3])
    active = loudest > 0.0
    minimum = floor * torch.where(active, loudest, 1.0)[..., None, None, None]
    audible = (s.amax(dim=-2) > minimum[..., 0]) | (e.amax(dim=-2) > minimum[..., 0])
    levels = (each.clamp(min=minimum).log() for each in (s, e))
    first, second = levels
    square = (first - second).square().mean(dim=-2)  # (..., channels, frames)
    # The root has no derivative at 0, where both spectra are equal.
    distance = torch.where(square > 0.0, torch.where(square > 0.0, square, 1.0).sqrt(), 0.0)
    axes = -1 if per_channel and reference.ndim > 1 else (-2, -1)
    total, count = torch.where(audible, distance, 0.0).sum(axes), audible.sum(axes)
    defined = (count > 0) & (active if axes != -1 else active[..., None])
    scale = 20.0 / math.log(10.0)
    return torch.where(defined, scale * total / count.clamp(min=1), torch.nan)


@in_full_precision
def multi_resolution_stft(
    reference: Tensor, estimate: Tensor, *, per_channel: bool = False
) -> Tensor:
    """Calculate the multi-resolution STFT distance, as `spatialkit.metrics.multi_resolution_stft`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples) or (samples,)
        Signals of the same shape, with more than 1024 samples. To calculate one distance of a
        whole batch, as auraloss does, flatten it to (signals, samples).
    per_channel : bool
        Return one value per channel instead of one per item.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        0 for equal magnitudes. NaN where the reference is silent.

    Raises
    ------
    ShapeError
        If the shapes differ or the signals are too short.

    Examples
    --------
    >>> noise = torch.randn(2, 4000, generator=torch.Generator().manual_seed(0))
    >>> round(multi_resolution_stft(noise, 0.5 * noise).item(), 3)
    1.193
    """
    require_same(reference.shape, estimate.shape)
    minimum = max(n_fft for n_fft, _, _ in RESOLUTIONS) // 2
    if reference.shape[-1] <= minimum:
        raise ShapeError(
            f"multi_resolution_stft needs more than {minimum} samples, got {reference.shape[-1]}"
        )
    axes = (-3, -2, -1) if reference.ndim > 1 and not per_channel else (-2, -1)
    total = reference.new_zeros(())
    for resolution in RESOLUTIONS:
        s, e = (_magnitudes(audio, *resolution) for audio in (reference, estimate))
        error, signal = ((each.square()).sum(axes) for each in (e - s, s))
        # The root has no derivative at 0, where both spectra are equal.
        ratio = torch.where(error > 0.0, error, 1.0) / signal
        convergence = torch.where(error > 0.0, ratio.sqrt(), 0.0)
        total = total + convergence + (e.log() - s.log()).abs().mean(axes)
    active = (reference != 0.0).flatten(-2 if len(axes) == 3 else -1).any(dim=-1)
    return torch.where(active, total / len(RESOLUTIONS), torch.nan)


def _magnitudes(audio: Tensor, n_fft: int, hop: int, width: int) -> Tensor:
    """Calculate magnitudes (..., bins, frames) with powers of at least `MIN_POWER`."""
    window = torch.hann_window(width, dtype=audio.dtype, device=audio.device)
    spectrum = torch.stft(
        audio.reshape(-1, audio.shape[-1]),
        n_fft,
        hop,
        width,
        window,
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    power = spectrum.real.square() + spectrum.imag.square()
    magnitudes = power.clamp(min=MIN_POWER).sqrt()
    return magnitudes.reshape(*audio.shape[:-1], *magnitudes.shape[-2:])
