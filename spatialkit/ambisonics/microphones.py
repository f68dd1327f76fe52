"""Virtual microphones in an Ambisonic scene."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.transforms import convert_ambisonics
from spatialkit.audio import AudioLike
from spatialkit.errors import OptionError, ShapeError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, ChannelOrder, Normalization
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_directions, as_numbers, shown

__all__ = ["virtual_microphones"]


def virtual_microphones(
    ambisonics: AudioLike[FloatT],
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    pattern: ArrayLike = 0.5,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Compute the signals of first-order microphones at the centre of the scene.

    Each signal is ``(1 - pattern) W + pattern (x X + y Y + z Z)`` in SN3D, where (x, y, z) is the
    unit vector of the microphone's axis: a plane wave on the axis has gain 1.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., channels, samples)
        4 to 64 channels (orders 1 to 7); only those up to order 1 are used.
    azimuth, elevation : array_like, shape () or (microphones,)
        Directions of the axes in degrees, broadcast against each other.
    pattern : array_like, shape () or (microphones,)
        0 omnidirectional, 0.5 cardioid, 1 figure of eight.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., microphones, samples)
        In the precision of ``ambisonics``; one microphone for scalars.

    Raises
    ------
    ShapeError
        If the number of channels is not that of an order from 1 to 7, or the shapes of
        angles and patterns do not match.
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    OptionError
        If a pattern is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import encode_foa
    >>> scene = encode_foa(np.ones(1), azimuth=90.0)
    >>> virtual_microphones(scene, [90.0, 0.0, -90.0])[:, 0].round(3) + 0.0
    array([1. , 0.5, 0. ])
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    patterns = as_numbers(pattern, "pattern", OptionError)
    if not np.all((patterns >= 0.0) & (patterns <= 1.0)):
        raise OptionError(f"pattern must be from 0 to 1, got {shown(pattern)}")
    azimuths, elevations = as_directions(azimuth, elevation)
    try:
        azimuths, elevations, patterns = np.broadcast_arrays(azimuths, elevations, patterns)
    except ValueError as error:
        raise ShapeError(
            f"pattern of shape {patterns.shape} does not fit {azimuths.size} microphones"
        ) from error
    if azimuths.ndim > 1:
        raise ShapeError(f"azimuth must be a scalar or (microphones,), got {azimuths.shape}")
    axes = np.atleast_2d(to_cartesian(azimuths, elevations))
    weights = np.concatenate([1.0 - patterns.reshape(-1, 1), patterns.reshape(-1, 1) * axes], 1)
    w_xyz = convert_ambisonics(audio, form, AmbisonicFormat(1, "SN3D", "FuMa"))
    return harmonics.apply(weights, w_xyz)
