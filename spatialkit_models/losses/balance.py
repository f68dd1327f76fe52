"""Balance of energy between halves of a layout: counterparts of `spatialkit.metrics` in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from spatialkit.layouts import Layout
from spatialkit_models.losses.direction import loudspeakers
from spatialkit_models.losses.distortion import decibels
from spatialkit_models.losses.precision import in_full_precision

__all__ = ["front_rear_balance", "left_right_balance"]

# Cosines and sines below this belong to loudspeakers on the border of both halves.
BORDER = 1e-9


@in_full_precision
def front_rear_balance(audio: Tensor, layout: str | Layout) -> Tensor:
    """Calculate the level of the front relative to the rear, as in `spatialkit.metrics`.

    Parameters
    ----------
    audio : Tensor of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    Tensor, shape (...)
        dB; +inf or -inf if one half is silent, NaN if both are or if a half has no loudspeakers.

    Examples
    --------
    >>> round(front_rear_balance(torch.tensor([[2.0], [2.0], [1.0], [1.0]]), "quad").item(), 2)
    6.02
    """
    return _balance(audio, layout, axis=0)


@in_full_precision
def left_right_balance(audio: Tensor, layout: str | Layout) -> Tensor:
    """Calculate the level of the left relative to the right, as in `spatialkit.metrics`.

    Parameters
    ----------
    audio, layout
        See `front_rear_balance`.

    Returns
    -------
    Tensor, shape (...)
        dB; infinite values and NaN as for `front_rear_balance`.
    """
    return _balance(audio, layout, axis=1)


def _balance(audio: Tensor, layout: str | Layout, axis: int) -> Tensor:
    signals, directions = loudspeakers(audio, layout)
    energy = signals.square().sum(dim=-1, dtype=torch.float64)
    positions = directions[:, axis]
    positive, negative = positions > BORDER, positions < -BORDER
    first, second = (energy[..., side].sum(dim=-1) for side in (positive, negative))
    both = positive.any() & negative.any()
    values = decibels(first, second, both * (first + second))
    return values.to(audio.dtype)
