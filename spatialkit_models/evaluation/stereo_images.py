"""Target images of stereo stems at given loudspeaker gains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import get_layout

__all__ = ["stereo_image_gains"]

# Distance from the mean position, as the sine of the azimuth, at which a loudspeaker receives one
# channel of the stem only.
FULL_WIDTH = 0.5
MIN_GAIN = 1e-6


def stereo_image_gains(gains: NDArray[Any], layout: str = "5.0") -> NDArray[np.float64]:
    """Return the gains from left and right of stereo stems to loudspeakers.

    The sum of both channels is panned by the gains; their difference goes to the loudspeakers in
    proportion to the lateral distance from the mean position of the stem. Gains to two symmetric
    loudspeakers reproduce left and right; a single loudspeaker receives (L + R) / sqrt(2).

    Parameters
    ----------
    gains : ndarray, shape (stems, channels)
        Loudspeaker gains of the stems, of power 1.
    layout : str
        Layout of the loudspeakers.

    Returns
    -------
    ndarray, shape (stems, channels, 2)

    Examples
    --------
    >>> matrices = stereo_image_gains(np.array([[0, 0, 1, 0, 0], [0, 0, 0, 0.5**0.5, 0.5**0.5]]))
    >>> matrices[0].round(3).tolist()
    [[0.0, 0.0], [0.0, 0.0], [0.707, 0.707], [0.0, 0.0], [0.0, 0.0]]
    >>> matrices[1].round(3).tolist()
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    gains = np.asarray(gains, np.float64)
    sine = np.sin(np.deg2rad(get_layout(layout).azimuth))
    used = gains > MIN_GAIN

    def centred(values: NDArray[Any]) -> NDArray[Any]:
        powers = np.square(gains)
        return values - (powers * values).sum(1, keepdims=True) / powers.sum(1, keepdims=True)

    place = centred(np.clip(centred(np.where(used, sine, 0.0)) / FULL_WIDTH, -1.0, 1.0))
    width = np.max(np.abs(place), axis=1, keepdims=True, where=used, initial=0.0)
    place = np.divide(place, width, out=np.zeros_like(place), where=width > MIN_GAIN)
    difference = gains * place
    return np.stack([gains + difference, gains - difference], -1) / np.sqrt(2.0)
