"""Where sound comes from, in torch: twins of `spatialkit.metrics.direction`."""

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
    """Angle between where each stem should be and where a mix has it.

    As `spatialkit.metrics.angle_error`, and in float64 within, whatever comes in: few digits are
    left where stems are nearly copies of each other. The kink at 0 degrees has the gradient 0.

    Parameters
    ----------
    stems : Tensor of float, shape (..., stems, samples)
    estimate : Tensor of float, shape (..., channels, samples)
    azimuth : Tensor, shape (..., stems)
        True directions, degrees; broadcast to the stems.
    layout : str or Layout
        Of the estimate.
    elevation : Tensor or float
        Degrees, broadcast as the azimuth is.
    weighting : {"amplitude", "energy"}
        Whether coefficients or their squares weigh the loudspeakers.

    Returns
    -------
    Tensor, shape (..., stems)
        Degrees, 0 to 180, in the precision of the estimate. NaN for a silent stem, one that the
        estimate does not hold, or one whose loudspeakers cancel.

    Examples
    --------
    >>> stem = torch.randn(1, 1000)
    >>> right = stem * torch.tensor([[0.0], [1.0]])
    >>> round(angle_error(stem, right, torch.tensor([-20.0]), "stereo").item(), 4)
    10.0
    """
    weighting = as_choice(weighting, "weighting", ("amplitude", "energy"))
    mix, directions = _loudspeakers(estimate.double(), layout, "estimate")
    sources = stems.double()
    if (*sources.shape[:-2], sources.shape[-1]) != (*mix.shape[:-2], mix.shape[-1]):
        raise ShapeError(
            "stems (..., stems, samples) and estimate (..., channels, samples) must have the same "
            f"batch axes and samples, got {tuple(stems.shape)} and {tuple(estimate.shape)}"
        )
    truth = _unit_vectors(azimuth, elevation, sources)
    coefficients, heard = _coefficients(sources, mix)
    weights = coefficients if weighting == "amplitude" else coefficients**2
    felt = weights @ directions
    heard = heard & (felt.norm(dim=-1) > MIN_RELATIVE_LEVEL * weights.abs().sum(dim=-1))
    # Of tiny vectors that are left out, the gradient may not even be zero times infinity.
    felt = torch.where(heard[..., None], felt, truth)
    return torch.where(heard, angle_between(felt, truth), torch.nan).to(estimate.dtype)


@in_full_precision
def angle_between(a: Tensor, b: Tensor) -> Tensor:
    """Angle between vectors, as `spatialkit.geometry.angle_between`.

    Parameters
    ----------
    a, b : Tensor of float, shape (..., 3)
        Vectors of any length but zero (which gives NaN), broadcast against each other.

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
    """Gerzon's energy vector of the whole item, as `spatialkit.metrics.energy_vector`.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    Tensor, shape (..., 3)
        x ahead, y left, z up; of length 0 to 1. NaN of silence.

    Examples
    --------
    >>> energy_vector(torch.ones(2, 10), "stereo")[0]
    tensor(0.8660)
    """
    signals, directions = _loudspeakers(audio, layout)
    energy = signals.square().sum(dim=-1)
    return _ratio((energy[..., None] * directions).sum(dim=-2), energy.sum(dim=-1))


@in_full_precision
def velocity_vector(audio: Tensor, layout: str | Layout) -> Tensor:
    """Gerzon's velocity vector of the whole item, as `spatialkit.metrics.velocity_vector`.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    Tensor, shape (..., 3)
        x ahead, y left, z up; longer than 1 if channels are out of phase. NaN where the sum of
        the channels is zero.
    """
    signals, directions = _loudspeakers(audio, layout)
    pressure = signals.sum(dim=-2, keepdim=True)
    flow = (pressure * signals).sum(dim=-1)
    return _ratio((flow[..., None] * directions).sum(dim=-2), pressure.square().sum(dim=(-2, -1)))


def _loudspeakers(
    audio: Tensor, layout: str | Layout, name: str = "audio"
) -> tuple[Tensor, Tensor]:
    """Signals without LFE, and the unit vectors to their loudspeakers, (channels, 3)."""
    where = get_layout(layout)
    if audio.ndim < 2 or audio.shape[-2] != where.n_channels:
        raise ShapeError(
            f"{name} must have {where.n_channels} channels for layout {where.name!r}, "
            f"(..., {where.n_channels}, samples), got shape {tuple(audio.shape)}"
        )
    signals = audio[..., torch.from_numpy(where.loudspeakers.copy()).to(audio.device), :]
    return signals, audio.new_tensor(where.directions[where.loudspeakers])


def _unit_vectors(azimuth: Tensor, elevation: Tensor | float, stems: Tensor) -> Tensor:
    """Directions in degrees as vectors (..., stems, 3), in the precision of the stems."""
    angles = (
        torch.as_tensor(angle, dtype=stems.dtype, device=stems.device)
        for angle in (azimuth, elevation)
    )
    try:
        angles = (angle.broadcast_to(stems.shape[:-1]).deg2rad() for angle in angles)
        aside, up = angles
    except RuntimeError as error:
        raise ShapeError(
            f"azimuth and elevation must have one value per stem, {tuple(stems.shape[:-1])}"
        ) from error
    return torch.stack([up.cos() * aside.cos(), up.cos() * aside.sin(), up.sin()], dim=-1)


def _coefficients(stems: Tensor, mix: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares coefficients (..., stems, channels), and which stems the mix holds."""
    gram, cross = stems @ stems.mT, stems @ mix.mT
    energy = gram.diagonal(dim1=-2, dim2=-1)
    # Of stems brought to one level: a quiet one is not to be taken for a part of a loud one.
    unit = torch.where(energy > 0.0, torch.where(energy > 0.0, energy, 1.0).rsqrt(), 0.0)
    inverse = torch.linalg.pinv(
        gram * unit[..., :, None] * unit[..., None, :], rtol=MIN_RELATIVE_EIGENVALUE, hermitian=True
    )
    coefficients = inverse @ (cross * unit[..., None])
    least = MIN_RELATIVE_LEVEL * mix.detach().square().sum(dim=-1).amax(dim=-1).sqrt()
    heard = (energy > 0.0) & (coefficients.abs().amax(dim=-1) > least[..., None])
    return coefficients, heard


def _ratio(vectors: Tensor, total: Tensor) -> Tensor:
    """``vectors`` (..., n) divided by ``total`` (...), NaN where that is zero."""
    heard = total[..., None] > 0.0
    return torch.where(heard, vectors / torch.where(heard, total[..., None], 1.0), torch.nan)
