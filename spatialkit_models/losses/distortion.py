"""Differentiable twins of `spatialkit.metrics` in torch, and the losses that only training needs.

Names, argument order (reference first), defaults, floors and edge rules are those of the core; so
are the values, to the rounding of the input's precision. Half precision is computed in single,
also under autocast. Where a value is NaN or infinite by rule (a silent reference, two equal
signals) its gradient is zero, never NaN. Not checked, because it would wait for the device: NaN in
a signal, which gives NaN here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.validation import as_number
from spatialkit_models.losses.direction import (
    angle_between,
    angle_error,
    energy_vector,
    velocity_vector,
)
from spatialkit_models.losses.level import ild, ild_error, stft, wasserstein_distance, wild
from spatialkit_models.losses.precision import in_full_precision, require_same
from spatialkit_models.losses.spectral import multi_resolution_stft

__all__ = [
    "angle_between",
    "angle_error",
    "energy_vector",
    "gaussian_kl",
    "ild",
    "ild_error",
    "multi_resolution_stft",
    "sd_sdr",
    "si_sdr",
    "snr",
    "snr_loss",
    "stft",
    "velocity_vector",
    "wasserstein_distance",
    "wild",
]

# What `snr_loss` takes for silence: below it energy ratios may leave the range of single precision.
LEAST_ENERGY = 1e-20


@in_full_precision
def snr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Signal-to-noise ratio, as `spatialkit.metrics.snr`.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples) or (samples,)
        Of one shape.
    per_channel : bool
        A value per channel rather than one per item.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB. NaN where the reference is silent, +inf where both are equal.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(1000.0))
    >>> round(snr(tone, 0.5 * tone).item(), 3)
    6.021
    """
    signal, _, noise = _energies(reference, estimate, per_channel)
    return _decibels(signal, noise, signal).to(reference.dtype)


@in_full_precision
def sd_sdr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Scale-dependent signal-to-distortion ratio, as `spatialkit.metrics.sd_sdr`.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or has nothing
        of the reference, +inf where both are equal.
    """
    signal, cross, noise = _energies(reference, estimate, per_channel)
    return _decibels(_scale(cross, signal) ** 2 * signal, noise, signal).to(reference.dtype)


@in_full_precision
def si_sdr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Scale-invariant signal-to-distortion ratio, as `spatialkit.metrics.si_sdr`.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB; NaN and infinities as `sd_sdr`.
    """
    signal, cross, _ = _energies(reference, estimate, per_channel)
    scale = _scale(cross, signal)
    joint = scale.ndim < reference.ndim - 1
    factor = (scale[..., None, None] if joint else scale[..., None]).to(reference.dtype)
    residual = estimate - factor * reference
    ratio = _decibels(scale**2 * signal, _product(residual, residual, joint), signal)
    return ratio.to(reference.dtype)


@in_full_precision
def snr_loss(
    reference: Tensor, estimate: Tensor, *, ceiling_db: float = 30.0, per_channel: bool = False
) -> Tensor:
    """Negative SNR with a ceiling, to be minimised: finite whatever the signals.

    ``-10 log10(|s|^2 / (|s - e|^2 + 10^(-ceiling / 10) |s|^2))``, the mean over items. Near the
    ceiling gradients fade, so that no batch is spent on making the good ones better.

    Parameters
    ----------
    reference, estimate, per_channel
        As for `snr`.
    ceiling_db : float
        dB; the SNR of an estimate without any error.

    Returns
    -------
    Tensor, shape ()
        dB. Items with a silent reference are left out; 0 if there is no other.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(1000.0))
    >>> round(snr_loss(tone, tone).item(), 3)
    -30.0
    """
    ceiling = as_number(ceiling_db, "ceiling_db", unit="dB")
    signal, _, noise = _energies(reference, estimate, per_channel)
    heard = signal > LEAST_ENERGY
    error = noise / torch.where(heard, signal, 1.0)
    loss = 10.0 * torch.log10(error + 10.0 ** (-ceiling / 10.0))
    mean = torch.where(heard, loss, 0.0).sum() / heard.sum().clamp(min=1)
    return mean.to(reference.dtype)


@in_full_precision
def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Divergence KL(N(mean, exp(log_variance)) || N(0, I)) of diagonal Gaussians.

    Parameters
    ----------
    mean, log_variance : Tensor of float, shape (..., dimensions)

    Returns
    -------
    Tensor, shape (...)
        Nats, 0 or more.

    Examples
    --------
    >>> gaussian_kl(torch.tensor([0.0, 2.0]), torch.zeros(2))
    tensor(2.)
    """
    return 0.5 * (mean**2 + torch.expm1(log_variance) - log_variance).sum(dim=-1)


def _energies(
    reference: Tensor, estimate: Tensor, per_channel: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """|s|^2, <e, s> and |s - e|^2."""
    require_same(reference.shape, estimate.shape)
    joint = reference.ndim > 1 and not per_channel
    noise = reference - estimate
    return (
        _product(reference, reference, joint),
        _product(estimate, reference, joint),
        _product(noise, noise, joint),
    )


def _product(a: Tensor, b: Tensor, joint: bool) -> Tensor:
    """<a, b> in float64: of signals that have little in common the terms nearly cancel."""
    return (a * b).sum(dim=(-2, -1) if joint else -1, dtype=torch.float64)


def _scale(cross: Tensor, signal: Tensor) -> Tensor:
    """The factor a, 0 where the reference is silent."""
    return torch.where(signal > 0.0, cross / torch.where(signal > 0.0, signal, 1.0), 0.0)


def _decibels(target: Tensor, error: Tensor, signal: Tensor) -> Tensor:
    safe_target = torch.where(target == 0.0, 1.0, target)
    safe_error = torch.where(error == 0.0, 1.0, error)
    ratio = 10.0 * (torch.log10(safe_target) - torch.log10(safe_error))
    ratio = torch.where(error == 0.0, torch.inf, ratio)
    ratio = torch.where(target == 0.0, -torch.inf, ratio)
    return torch.where(signal == 0.0, torch.nan, ratio)
