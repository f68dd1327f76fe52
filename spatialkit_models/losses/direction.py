"""Directions of sources in loudspeaker signals: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.errors import ShapeError
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics import MIN_RELATIVE_EIGENVALUE, MIN_RELATIVE_LEVEL
from spatialkit.validation import as_choice
from spatialkit_models.losses.precision import in_full_precision

__all__ = ["angle_between", "angle_error", "energy_vector", "velocity_vector"]


@in_full_precision
def angle_error(
    stems: Tensor,
    estimate: Tensor,
    azimuth: Tensor,
    layout: str | Layout,
    *,
    elevation: Tensor | float = 0.0,
    weighting: str = "amplitude",
) -> Tensor:
    """Calculate the angle between the true direction of each stem and that in a mix.

    Same as `spatialkit.metrics.angle_error`, computed in float64 for every input type: the normal
    equations of similar stems are ill-conditioned. The gradient at 0 degrees is 0.

    Parameters
    ----------
    stems : Tensor of float, shape (..., stems, samples)
    estimate : Tensor of float, shape (..., channels, samples)
    azimuth : Tensor, shape (..., stems)
        True azimuths, degrees; broadcast to the stems.
    layout : str or Layout
        Layout of the estimate.
    elevation : Tensor or float
        True elevations, degrees; broadcast to the stems.
    weighting : {"amplitude", "energy"}
        Weights of the loudspeakers: the coefficients, or their squares.

    Returns
    -------
    Tensor, shape (..., stems)
        Degrees, 0 to 180, in the precision of the estimate. NaN for a stem that is silent or not
        contained in the estimate, or whose loudspeaker vectors cancel.

    Examples
    --------
    >>> stem = torch.randn(1, 1000)
    >>> right = stem * torch.tensor([[0.0], [1.0]])
    >>> round(angle_error(stem, right, torch.tensor([-20.0]), "stereo").item(), 4)
    10.0
    """
    weighting = as_choice(weighting, "weighting", ("amplitude", "energy"))
    mix, directions = loudspeakers(estimate.double(), layout, "estimate")
    sources = stems.double()
    if (*sources.shape[:-2], sources.shape[-1]) != (*mix.shape[:-2], mix.shape[-1]):
        raise ShapeError(
            "stems (..., stems, samples) and estimate (..., channels, samples) must have the same "
            f"batch axes and samples, got {tuple(stems.shape)} and {tuple(estimate.shape)}"
        )
    truth = _unit_vectors(azimuth, elevation, sources)
    coefficients, active = _coefficients(sources, mix)
    weights = coefficients if weighting == "amplitude" else coefficients**2
    vectors = weights @ directions
    active = active & (vectors.norm(dim=-1) > MIN_RELATIVE_LEVEL * weights.abs().sum(dim=-1))
    # Inactive stems get the true direction: their own would make the gradient 0 times infinity.
    vectors = torch.where(active[..., None], vectors, truth)
    return torch.where(active, angle_between(vectors, truth), torch.nan).to(estimate.dtype)


@in_full_precision
def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Calculate the angle between vectors, as `spatialkit.geometry.angle_between` does.

    Parameters
    ----------
    a, b : Tensor of float, shape (..., 3)
        Vectors, broadcast against each other; the zero vector gives NaN.

    Returns
    -------
    Tensor, shape (...)
        Degrees, 0 to 180, exact for small angles too.

    Examples
    --------
    >>> angle_between(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 3.0, 0.0]))
    tensor(90.)
    """
    # atan2 of cross and dot: the arc cosine of a dot product loses half of the digits near 0.
    sine = torch.linalg.cross(*torch.broadcast_tensors(a, b)).norm(dim=-1)
    cosine = (a * b).sum(dim=-1)
    nowhere = (sine == 0.0) & (cosine == 0.0)
    angle = torch.rad2deg(torch.atan2(sine, torch.where(nowhere, 1.0, cosine)))
    return torch.where(nowhere, torch.nan, angle)


@in_full_precision
def energy_vector(audio: Tensor, layout: str | Layout) -> Tensor:
    """Calculate Gerzon's energy vector of each item, as `spatialkit.metrics.energy_vector` does.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    Tensor, shape (..., 3)
        x (front), y (left), z (up); length 0 to 1. NaN for silence.

    Examples
    --------
    >>> energy_vector(torch.ones(2, 10), "stereo")[0]
    tensor(0.8660)
    """
    signals, directions = loudspeakers(audio, layout)
    energy = signals.square().sum(dim=-1)
    return _ratio((energy[..., None] * directions).sum(dim=-2), energy.sum(dim=-1))


@in_full_precision
def velocity_vector(audio: Tensor, layout: str | Layout) -> Tensor:
    """Calculate Gerzon's velocity vector of each item, as `spatialkit.metrics.velocity_vector`.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    Tensor, shape (..., 3)
        x (front), y (left), z (up); longer than 1 if channels are out of phase. NaN where the sum
        of the channels is zero.
    """
    signals, directions = loudspeakers(audio, layout)
    pressure = signals.sum(dim=-2, keepdim=True)
    flow = (pressure * signals).sum(dim=-1)
    return _ratio((flow[..., None] * directions).sum(dim=-2), pressure.square().sum(dim=(-2, -1)))


def loudspeakers(audio: Tensor, layout: str | Layout, name: str = "audio") -> tuple[Tensor, Tensor]:
    """Return the signals without LFE, and unit vectors to their loudspeakers, (channels, 3)."""
    where = get_layout(layout)
    if audio.ndim < 2 or audio.shape[-2] != where.n_channels:
        raise ShapeError(
            f"{name} must have {where.n_channels} channels for layout {where.name!r}, "
            f"(..., {where.n_channels}, samples), got shape {tuple(audio.shape)}"
        )
    signals = audio[..., torch.from_numpy(where.loudspeakers.copy()).to(audio.device), :]
    return signals, audio.new_tensor(where.directions[where.loudspeakers])


def _unit_vectors(azimuth: Tensor, elevation: Tensor | float, stems: Tensor) -> Tensor:
    """Convert degrees to vectors (..., stems, 3), in the precision of the stems."""
    angles = (
        torch.as_tensor(angle, dtype=stems.dtype, device=stems.device)
        for angle in (azimuth, elevation)
    )
    try:
        angles = (angle.broadcast_to(stems.shape[:-1]).deg2rad() for angle in angles)
        lateral, up = angles
    except RuntimeError as error:
        raise ShapeError(
            f"azimuth and elevation must have one value per stem, {tuple(stems.shape[:-1])}"
        ) from error
    return torch.stack([up.cos() * lateral.cos(), up.cos() * lateral.sin(), up.sin()], dim=-1)


def _coefficients(stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Return coefficients (..., stems, channels), and which stems the mix contains."""
    gram, cross = stems @ stems.mT, stems @ mix.mT
    energy = gram.diagonal(dim1=-2, dim2=-1)
    # Stems are scaled to one level: otherwise quiet ones would be treated as parts of loud ones.
    unit = torch.where(energy > 0.0, torch.where(energy > 0.0, energy, 1.0).rsqrt(), 0.0)
    inverse = torch.linalg.pinv(
        gram * unit[..., :, None] * unit[..., None, :], rtol=MIN_RELATIVE_EIGENVALUE, hermitian=True
    )
    coefficients = inverse @ (cross * unit[..., None])
    minimum = MIN_RELATIVE_LEVEL * mix.detach().square().sum(dim=-1).amax(dim=-1).sqrt()
    active = (energy > 0.0) & (coefficients.abs().amax(dim=-1) > minimum[..., None])
    return coefficients, active


def _ratio(vectors: Tensor, total: Tensor) -> Tensor:
    """Divide ``vectors`` (..., n) by ``total`` (...); NaN where it is zero."""
    positive = total[..., None] > 0.0
    return torch.where(positive, vectors / torch.where(positive, total[..., None], 1.0), torch.nan)
