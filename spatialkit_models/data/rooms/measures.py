"""Analysis of room responses: reverberation time and direction of the direct sound."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.geometry import to_spherical
from spatialkit.validation import as_audio

__all__ = ["around_direct", "direct_direction", "direct_sample", "reverberation_time"]

# Half-width of the direct sound around its peak, and time from the onset to this peak, in seconds.
DIRECT_WIDTH, PEAK_WITHIN = 0.0005, 0.0005
# Onset of the direct sound relative to the highest peak.
ONSET = 0.25


def reverberation_time(pressure: ArrayLike, sample_rate: float) -> float:
    """Estimate RT60 as T20: the Schroeder decay from -5 to -25 dB, extrapolated to -60 dB.

    Parameters
    ----------
    pressure : array_like of float, shape (samples,)
        Response of an omnidirectional receiver, such as W.
    sample_rate : float
        Sample rate in Hz.

    Returns
    -------
    float
        Reverberation time in seconds.

    Raises
    ------
    SignalError
        If the response is silent or does not decay gradually by 25 dB.

    References
    ----------
    .. [1] M. R. Schroeder, "New Method of Measuring Reverberation Time", JASA 37(3), 1965.
    .. [2] ISO 3382-2:2008, Measurement of room acoustic parameters.

    Examples
    --------
    >>> decay = 10.0 ** (-3.0 * np.arange(44100) / 44100 / 0.6)
    >>> round(reverberation_time(decay, 44100), 3)
    0.6
    """
    sound = as_audio(pressure, "pressure", allow_mono=True)
    if sound.ndim != 1:
        raise ShapeError(f"pressure must have shape (samples,), got {sound.shape}: pass W only")
    remaining = np.cumsum(np.square(sound, dtype=np.float64)[::-1])[::-1]
    if not remaining.size or not remaining[0] > 0.0:
        raise SignalError("pressure is silent: there is no decay to measure")
    level = 10.0 * np.log10(np.maximum(remaining / remaining[0], 1e-30))
    (inside,) = np.nonzero((level <= -5.0) & (level >= -25.0))
    if len(inside) < 2 or level[-1] > -25.0:
        raise SignalError("pressure does not decay from -5 to -25 dB: its T20 cannot be measured")
    slope = np.polyfit(inside / sample_rate, level[inside], 1)[0]
    return float(-60.0 / slope)


def direct_direction(response: ArrayLike, sample_rate: float) -> tuple[float, float]:
    """Estimate azimuth and elevation of the direct sound of a response from its intensity.

    Parameters
    ----------
    response : array_like of float, shape (4, samples)
        AmbiX.
    sample_rate : float
        Sample rate in Hz.

    Returns
    -------
    (float, float)
        Azimuth and elevation in degrees.

    Raises
    ------
    SignalError
        If the response is silent.

    Examples
    --------
    >>> from spatialkit import encode_foa
    >>> azimuth, elevation = direct_direction(encode_foa(np.eye(1, 500, 100)[0], 70.0), 44100)
    >>> round(azimuth, 6), round(elevation, 6)
    (70.0, 0.0)
    """
    sound = as_audio(response, "response", channels=4).astype(np.float64)
    place = direct_sample(sound[0], sample_rate)
    near = sound[:, around_direct(place, sample_rate)]
    y, z, x = near[1:] @ near[0]
    azimuth, elevation = to_spherical([x, y, z])
    return float(azimuth), float(elevation)


def direct_sample(pressure: NDArray[Any], sample_rate: float) -> int:
    """Return the index of the direct sound: the peak that follows the onset."""
    size = np.abs(pressure)
    if not size.max(initial=0.0) > 0.0:
        raise SignalError("response is silent: it has no direct sound")
    onset = int(np.argmax(size >= ONSET * size.max()))
    return onset + int(np.argmax(size[onset : onset + max(1, round(PEAK_WITHIN * sample_rate))]))


def around_direct(place: int, sample_rate: float) -> slice:
    """Return the samples of the direct sound around the index of its peak."""
    width = max(1, round(DIRECT_WIDTH * sample_rate))
    return slice(max(0, place - width), place + width + 1)
