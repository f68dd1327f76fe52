"""Active intensity of Ambisonic signals: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spatialkit.errors import LayoutError, ShapeError
from spatialkit.layouts import AmbisonicFormat, get_format
from spatialkit_models.losses.spectra import moving_sum, power_of

__all__ = ["active_intensity", "diffuseness", "energy_density"]


def active_intensity(
    spectrum: Tensor,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> Tensor:
    """Calculate the active intensity, as `spatialkit.metrics.active_intensity` does.

    Parameters
    ----------
    spectrum : Tensor of complex, shape (..., harmonics, bins, frames)
        Output of `stft`.
    format : str or AmbisonicFormat
        Format of the signal, of any order; only the first order is used.
    frames, bins : int or None
        Size of the neighbourhood of each bin that is summed; None sums over the whole axis.

    Returns
    -------
    Tensor, shape (..., 3, bins, frames)
        x, y and z in the squared unit of the spectrum, towards the source.

    Examples
    --------
    >>> left = torch.tensor([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> active_intensity(left).flatten()
    tensor([ 0., 25.,  0.])
    """
    intensity, _ = _intensity_and_energy(spectrum, format)
    return moving_sum(intensity, frames=frames, bins=bins)


def energy_density(
    spectrum: Tensor,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> Tensor:
    """Calculate the energy density, as `spatialkit.metrics.energy_density` does.

    Parameters
    ----------
    spectrum, format, frames, bins
        See `active_intensity`.

    Returns
    -------
    Tensor, shape (..., bins, frames)
    """
    _, energy = _intensity_and_energy(spectrum, format)
    return moving_sum(energy, frames=frames, bins=bins)


def diffuseness(
    spectrum: Tensor,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 9,
    bins: int | None = 1,
) -> Tensor:
    """Calculate the diffuseness, as `spatialkit.metrics.diffuseness` does.

    Parameters
    ----------
    spectrum, format, frames, bins
        See `active_intensity`.

    Returns
    -------
    Tensor, shape (..., bins, frames)
        0 to 1; NaN for silence.
    """
    intensity, energy = (
        moving_sum(values, frames=frames, bins=bins)
        for values in _intensity_and_energy(spectrum, format)
    )
    square = intensity.square().sum(dim=-3)
    length = torch.where(square > 0.0, torch.where(square > 0.0, square, 1.0).sqrt(), 0.0)
    active = energy > 0.0
    ratio = length / torch.where(active, energy, 1.0)
    return torch.where(active, (1.0 - ratio).clamp(min=0.0), torch.nan)


def _intensity_and_energy(spectrum: Tensor, format: str | AmbisonicFormat) -> tuple[Tensor, Tensor]:
    """Return intensity (..., 3, bins, frames) and energy density (..., bins, frames)."""
    where = get_format(format)
    if not isinstance(where, AmbisonicFormat):
        raise LayoutError(f"format must be Ambisonic, got {format!r}; use 'foa' or 'ambix2'")
    if spectrum.ndim < 3 or spectrum.shape[-3] != where.n_channels:
        raise ShapeError(
            f"spectrum must have {where.n_channels} channels for {where.name!r}, "
            f"(..., {where.n_channels}, bins, frames), got {tuple(spectrum.shape)}"
        )
    xyz = [3, 1, 2] if where.channel_order == "ACN" else [1, 2, 3]
    gains = {"SN3D": (1.0, 1.0), "N3D": (1.0, math.sqrt(1.0 / 3.0)), "FuMa": (math.sqrt(2.0), 1.0)}
    w_gain, xyz_gain = gains[where.normalization]
    pressure, velocity = w_gain * spectrum[..., :1, :, :], xyz_gain * spectrum[..., xyz, :, :]
    energy = power_of(pressure)[..., 0, :, :] + power_of(velocity).sum(dim=-3)
    return (pressure.conj() * velocity).real, energy / 2.0
