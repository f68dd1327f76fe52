"""Panning of stereo stems to loudspeakers with their width."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.layouts import get_layout

__all__ = ["stereo_gains"]

# Lateral distance of a loudspeaker from the image, sine of the azimuth, from which on it counts
# as completely on one side.
FULL_SIDE = 0.5


def stereo_gains(gains: ArrayLike) -> NDArray[np.float64]:
    """Return gains from left and right of a stereo stem to the loudspeakers of "5.0".

    With M the sum and S the difference of left and right, each over the square root of 2, the
    loudspeaker c receives ``g_c (M + u_c S)``: M is panned by the gains, and S to the loudspeakers
    on either side of the image, with u_c between -1 and 1 such that M and S are uncorrelated over
    the loudspeakers (the sum of ``g_c^2 u_c`` is 0). Two loudspeakers of equal gain receive left
    and right themselves, so that no energy is lost; a single one receives M.

    Parameters
    ----------
    gains : array_like, shape (..., 5)
        Gains of mono stems; their squares sum to 1.

    Returns
    -------
    ndarray, shape (..., 5, 2)

    Examples
    --------
    >>> rear = np.array([0, 0, 0, 0.5, 0.5]) ** 0.5
    >>> stereo_gains(rear)[3:].round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> stereo_gains([0, 0, 1, 0, 0])[2].round(3).tolist()
    [0.707, 0.707]
    """
    gains = np.asarray(gains, float)
    lateral = np.sin(np.deg2rad(get_layout("5.0").azimuth))
    energy = np.square(gains)
    centre = (energy * lateral).sum(-1, keepdims=True)
    side = np.clip((lateral - centre) / FULL_SIDE, -1.0, 1.0)
    side -= (energy * side).sum(-1, keepdims=True)
    used = np.where(energy > 0.0, np.abs(side), 0.0).max(-1, keepdims=True)
    side = np.divide(side, used, out=np.zeros_like(side), where=used > 1e-9)
    return np.stack([gains * (1.0 + side), gains * (1.0 - side)], -1) / np.sqrt(2.0)
