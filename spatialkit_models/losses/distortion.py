"""Energy ratios in torch: counterparts of `spatialkit.metrics`, and losses for training."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spatialkit.downmix import DownmixMethod, downmix_matrix
from spatialkit.errors import OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Format, get_format
from spatialkit.validation import as_number
from spatialkit_models.losses.precision import in_full_precision, require_same

__all__ = [
    "ERROR_FLOOR",
    "SILENCE",
    "downmix_error",
    "error_db",
    "gaussian_kl",
    "sd_sdr",
    "si_sdr",
    "snr",
    "snr_loss",
]

# Energy below which `snr_loss` treats a signal as silent: energy ratios could exceed the range of
# single precision.
MIN_ENERGY = 1e-20
# Targets of less power count as silent in `error_db`.
SILENCE = 1e-6
# Error power relative to the target's power that has no cost in `error_db`: an SNR of 30 dB is
# enough.
ERROR_FLOOR = 1e-3


@in_full_precision
def snr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Calculate the signal-to-noise ratio (SNR), as `spatialkit.metrics.snr` does.

    Parameters
    ----------
    reference, estimate : Tensor of float, shape (..., channels, samples) or (samples,)
        Signals of the same shape.
    per_channel : bool
        Return one value per channel instead of one per item.

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
    return decibels(signal, noise, signal).to(reference.dtype)


@in_full_precision
def sd_sdr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Calculate the scale-dependent signal-to-distortion ratio, as `spatialkit.metrics.sd_sdr`.

    Parameters
    ----------
    reference, estimate, per_channel
        See `snr`.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB. NaN where the reference is silent, -inf where the estimate is silent or orthogonal to
        the reference, +inf where both are equal.
    """
    signal, cross, noise = _energies(reference, estimate, per_channel)
    return decibels(_scale(cross, signal) ** 2 * signal, noise, signal).to(reference.dtype)


@in_full_precision
def si_sdr(reference: Tensor, estimate: Tensor, *, per_channel: bool = False) -> Tensor:
    """Calculate the scale-invariant signal-to-distortion ratio, as `spatialkit.metrics.si_sdr`.

    Parameters
    ----------
    reference, estimate, per_channel
        See `snr`.

    Returns
    -------
    Tensor, shape (...) or (..., channels)
        dB. NaN and infinite values as for `sd_sdr`.
    """
    signal, cross, _ = _energies(reference, estimate, per_channel)
    scale = _scale(cross, signal)
    joint = scale.ndim < reference.ndim - 1
    factor = (scale[..., None, None] if joint else scale[..., None]).to(reference.dtype)
    residual = estimate - factor * reference
    ratio = decibels(scale**2 * signal, _product(residual, residual, joint), signal)
    return ratio.to(reference.dtype)


@in_full_precision
def downmix_error(
    upmix: Tensor, original: Tensor, layout: str | Format, *, method: DownmixMethod = "itu"
) -> Tensor:
    """Calculate the SNR of the downmix of an upmix, as `spatialkit.metrics.downmix_error`.

    Parameters
    ----------
    upmix : Tensor of float, shape (..., channels, samples)
        Upmix with the channels of ``layout``.
    original : Tensor of float, shape (..., 1 or 2, samples)
        Signal that was upmixed.
    layout : str, Layout or AmbisonicFormat
        Format of the upmix.
    method : {"itu", "sum", "iamf"}
        Downmix rule, see `spatialkit.downmix.downmix_matrix`; its matrix is real.

    Returns
    -------
    Tensor, shape (...)
        dB; NaN for a silent original, +inf for an exact downmix.

    Examples
    --------
    >>> stereo = torch.randn(2, 100)
    >>> downmix_error(torch.cat([stereo, torch.zeros(3, 100)]), stereo, "5.0").item()
    inf
    """
    where = get_format(layout)
    if upmix.ndim < 2 or upmix.shape[-2] != where.n_channels:
        raise ShapeError(
            f"upmix must have {where.n_channels} channels for {where.name!r}, "
            f"(..., {where.n_channels}, samples), got {tuple(upmix.shape)}"
        )
    if original.ndim < 2 or original.shape[-2] not in (1, 2):
        raise ShapeError(
            f"original must be mono or stereo, (..., 1 or 2, samples), got {tuple(original.shape)}"
        )
    source = original.double()
    if isinstance(where, AmbisonicFormat):
        source = source.mean(dim=-2, keepdim=True)
    matrix = downmix_matrix(where, ("mono", "stereo")[source.shape[-2] - 1], method=method)
    if np.iscomplexobj(matrix):
        raise OptionError(f"method must have a real matrix: 'itu', 'sum' or 'iamf', got {method!r}")
    gains = torch.as_tensor(matrix, device=upmix.device)
    return snr(source, gains @ upmix.double()).to(upmix.dtype)


@in_full_precision
def snr_loss(
    reference: Tensor, estimate: Tensor, *, ceiling_db: float = 30.0, per_channel: bool = False
) -> Tensor:
    """Calculate the negative SNR with a ceiling, a loss that is finite for all signals.

    ``-10 log10(|s|^2 / (|s - e|^2 + 10^(-ceiling / 10) |s|^2))``, the mean over items. Near the
    ceiling gradients vanish, so that training concentrates on items with larger errors.

    Parameters
    ----------
    reference, estimate, per_channel
        See `snr`.
    ceiling_db : float
        Value for an estimate without error, dB.

    Returns
    -------
    Tensor, shape ()
        dB. Items with a silent reference are ignored; 0 if there are no others.

    Examples
    --------
    >>> tone = torch.sin(torch.arange(1000.0))
    >>> round(snr_loss(tone, tone).item(), 3)
    -30.0
    """
    ceiling = as_number(ceiling_db, "ceiling_db", unit="dB")
    signal, _, noise = _energies(reference, estimate, per_channel)
    active = signal > MIN_ENERGY
    error = noise / torch.where(active, signal, 1.0)
    loss = 10.0 * torch.log10(error + 10.0 ** (-ceiling / 10.0))
    mean = torch.where(active, loss, 0.0).sum() / active.sum().clamp(min=1)
    return mean.to(reference.dtype)


def error_db(error: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Calculate errors relative to targets from their powers, with a floor of -30 dB.

    Parameters
    ----------
    error, target : Tensor of float, same shape
        Powers. Rounding may make an error negative; it counts as 0.

    Returns
    -------
    decibels : Tensor
        Relative errors, dB.
    active : Tensor of bool
        False where the target is silent and the error has no meaning.

    Examples
    --------
    >>> decibels, active = error_db(torch.tensor([0.0, 0.1]), torch.tensor([1.0, 0.0]))
    >>> round(decibels[0].item(), 3), active.tolist()
    (-30.0, [True, False])
    """
    ratio = (error.clamp_min(0.0) + ERROR_FLOOR * target) / target.clamp_min(SILENCE)
    return 10.0 * ratio.clamp_min(1e-9).log10(), target > SILENCE


@in_full_precision
def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Calculate KL(N(mean, exp(log_variance)) || N(0, I)), the divergence of diagonal Gaussians.

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
    """Calculate |s|^2, <e, s> and |s - e|^2."""
    require_same(reference.shape, estimate.shape)
    joint = reference.ndim > 1 and not per_channel
    noise = reference - estimate
    return (
        _product(reference, reference, joint),
        _product(estimate, reference, joint),
        _product(noise, noise, joint),
    )


def _product(a: Tensor, b: Tensor, joint: bool) -> Tensor:
    """Calculate <a, b> in float64: for nearly orthogonal signals, the terms nearly cancel."""
    return (a * b).sum(dim=(-2, -1) if joint else -1, dtype=torch.float64)


def _scale(cross: Tensor, signal: Tensor) -> Tensor:
    """Calculate the scale a = <e, s> / |s|^2, 0 where the reference is silent."""
    return torch.where(signal > 0.0, cross / torch.where(signal > 0.0, signal, 1.0), 0.0)


def decibels(target: Tensor, error: Tensor, signal: Tensor) -> Tensor:
    safe_target = torch.where(target == 0.0, 1.0, target)
    safe_error = torch.where(error == 0.0, 1.0, error)
    ratio = 10.0 * (torch.log10(safe_target) - torch.log10(safe_error))
    ratio = torch.where(error == 0.0, torch.inf, ratio)
    ratio = torch.where(target == 0.0, -torch.inf, ratio)
    return torch.where(signal == 0.0, torch.nan, ratio)
