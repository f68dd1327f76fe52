"""A-format of tetrahedral microphones, the signals of their capsules, to first-order Ambisonics.

Source: P. Craven, M. Gerzon, "Coincident microphone simulation covering three dimensional space and
yielding various directional outputs", US patent 4042779, 1977.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_choice, as_number

__all__ = ["Capsules", "a_to_b"]

Capsules: TypeAlias = Literal[
    "tetrahedral", "zoom-h3-vr", "rode-nt-sf1", "sennheiser-ambeo", "soundfield"
]
"""Microphones with the capsules front left up, front right down, back left down, back right up."""

# Signs of the capsules in X, Y and Z.
_SIGNS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
_MIN_PATTERN, _MAX_PATTERN = 0.05, 0.95


def a_to_b(
    audio: AudioLike[FloatT],
    geometry: Capsules = "tetrahedral",
    *,
    pattern: float = 0.5,
    upside_down: bool = False,
) -> FloatArray[FloatT]:
    """Convert the capsule signals of a tetrahedral microphone (A-format) to Ambisonics (B-format).

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., 4, samples)
        Capsules front left up, front right down, back left down, back right up.
    geometry : str
        Microphone: all of the named ones have their capsules in this order.
    pattern : float
        Omnidirectional part of the capsules, 0.05 to 0.95: 0.5 for cardioids, 0.7 for the wider
        pattern of some electret capsules.
    upside_down : bool
        Whether the microphone hung upside down, its front still to the front.

    Returns
    -------
    ndarray, shape (..., 4, samples)
        First order in ACN and SN3D: W Y Z X.

    Raises
    ------
    ShapeError, SignalError
        If ``audio`` is not audio of 4 channels.
    OptionError
        If the geometry or the pattern is not accepted.

    Notes
    -----
    The conversion is exact for capsules at one point. The capsules of real microphones are some
    centimetres apart: above about 5 kHz (10 kHz for the smallest ones) directions become uncertain
    and the level changes with the direction. Software of the manufacturers corrects the measured
    response of their microphones, which this function does not.

    Examples
    --------
    >>> import numpy as np
    >>> a_to_b(np.full((4, 1), 0.5))[:, 0].tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    geometry = as_choice(geometry, "geometry", get_args(Capsules))
    omni = as_number(pattern, "pattern", minimum=_MIN_PATTERN, maximum=_MAX_PATTERN)
    samples, _, _ = unpack_audio(audio)
    array = as_audio(samples, channels=4, of=f"the microphone {geometry!r}")
    signs = _SIGNS * (np.array([1, -1, -1]) if upside_down else 1)
    figures_of_eight = np.sqrt(3.0) / (4.0 * (1.0 - omni)) * signs.T[[1, 2, 0]]
    matrix = np.vstack([np.full(4, 0.25 / omni), figures_of_eight])
    return np.matmul(matrix.astype(array.dtype), array)
