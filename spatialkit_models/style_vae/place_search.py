"""Search for a more likely place of a stem in five channels, and the sound at each place.

Estimating places from masks and masks from places in turn ends in a local maximum of the
likelihood: a stem that is confused with a louder one shares its place, and another place remains
without a stem. The search compares the places found with those where one stem is at the remaining
place.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spatialkit_models.modules import Covariance, wiener_filters
from spatialkit_models.stem_names import N_STEMS

__all__ = ["search_places", "separate_places"]

# Frames at equal distances from which likelihoods are computed.
MAX_FRAMES = 128
# Increase of the mean logarithm of the likelihood above which a stem is moved.
MIN_INCREASE = 0.05
# Iterations for the remaining place, and the factor of the sharpness there: it is found
# without masks.
ITERATIONS, SHARPER = 4, 2.0
# Correlation of gains above which they are one place, and the sharpness that separates places.
SAME_PLACE, SEPARATION = 0.97, 30.0
TINY = 1e-12


def search_places(
    five: Covariance, masks: Tensor, gains: Tensor, sharpness: Tensor | float
) -> Tensor | None:
    """Return places of which one is more likely, or None if there is none.

    Parameters
    ----------
    five : Covariance
        Covariance of the five channels of one item.
    masks : Tensor, shape (1, time, stems, bands)
        Masks of the stems.
    gains : Tensor, shape (1, stems, 5)
        Gains of each stem so far.
    sharpness : Tensor or float
        Concentration of sounds around their places, see `wiener_filters.refine_by_direction`.

    Returns
    -------
    Tensor, shape (1, stems, 5), optional
        Gains of the stems at their new places.
    """
    stems = list(range(N_STEMS))
    candidates = [stems, *([*stems[:s], N_STEMS, *stems[s + 1 :]] for s in stems)]
    places = torch.cat([gains, _remaining_place(five, gains, sharpness)], 1)
    step = -(-masks.shape[1] // MAX_FRAMES)
    five, masks = five.frames(slice(None, None, step)), masks[:, ::step]
    density = (sharpness * (wiener_filters.correlation(five, places) - 1.0)).exp()
    weight = five.powers.sum(2).sqrt()
    likelihood = []
    for chosen in candidates:
        joint = ((masks + 1e-6) * density[:, :, chosen]).sum(2)
        likelihood.append(float((joint.log() * weight).sum() / weight.sum().clamp_min(TINY)))
    best = int(np.argmax(likelihood))
    if likelihood[best] <= likelihood[0] + MIN_INCREASE:
        return None
    return places[:, candidates[best]]


def separate_places(five: Covariance, gains: Tensor, sharpness: Tensor | float) -> Tensor:
    """Estimate what part of each band is at each of the places of stems, and at the remaining one.

    Parameters
    ----------
    five : Covariance
        Covariance of the five channels of one item.
    gains : Tensor, shape (1, stems, 5)
        Gains of each stem.
    sharpness : Tensor or float
        As for `search_places`.

    Returns
    -------
    Tensor, shape (1, time, places, bands)
        Ratios of power. Stems at the same place count as one place.
    """
    gains = torch.cat([gains, _remaining_place(five, gains, sharpness)], 1)
    distinct: list[int] = []
    for place in range(gains.shape[1]):
        if not ((gains[0, distinct] @ gains[0, place]) > SAME_PLACE).any():
            distinct.append(place)
    return (SEPARATION * wiener_filters.correlation(five, gains[:, distinct])).softmax(2)


def _remaining_place(five: Covariance, gains: Tensor, sharpness: Tensor | float) -> Tensor:
    """Return the gains (1, 1, 5) of the sound that is least at the given places."""
    unlike = 1.0 - wiener_filters.correlation(five, gains).amax(2, keepdim=True)
    found = wiener_filters.estimate_gains(five, unlike.clamp(0.0, 1.0))
    equal = unlike.new_ones(()).expand(*unlike.shape[:2], gains.shape[1] + 1, unlike.shape[3])
    for _ in range(ITERATIONS):
        places = torch.cat([gains, found], 1)
        masks = wiener_filters.refine_by_direction(five, equal, places, SHARPER * sharpness)
        found = wiener_filters.estimate_gains(five, masks[:, :, -1:])
    return found
