"""A-format of tetrahedral microphones, the signals of their capsules, to first-order Ambisonics.

Source: P. Craven, M. Gerzon, "Coincident microphone simulation covering three dimensional space and
yielding various directional outputs", US patent 4042779, 1977.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_choice, as_number, shown

__all__ = ["Capsules", "a_to_b"]

Capsules: TypeAlias = Literal[
    "tetrahedral", "zoom-h3-vr", "rode-nt-sf1", "sennheiser-ambeo", "soundfield"
]
"""Microphones with their capsules in `USUAL_ORDER`."""

# All named microphones record front left up, front right down, back left down, back right up.
USUAL_ORDER = ("FLU", "FRD", "BLD", "BRU")
_SIGNS = {"F": 1.0, "B": -1.0, "L": 1.0, "R": -1.0, "U": 1.0, "D": -1.0}
_MIN_PATTERN, _MAX_PATTERN = 0.05, 0.95


def a_to_b(
    audio: AudioLike[FloatT],
    geometry: Capsules | Sequence[str] = "tetrahedral",
    *,
    pattern: float = 0.5,
    upside_down: bool = False,
) -> FloatArray[FloatT]:
    """Convert the capsule signals of a tetrahedral microphone (A-format) to Ambisonics (B-format).

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., 4, samples)
        Signals of the capsules, in the order of the microphone.
    geometry : str or sequence of str
        Name of a microphone with capsules front left up, front right down, back left down, back
        right up; or the positions of its capsules in their order, for those above
        ``("FLU", "FRD", "BLD", "BRU")``.
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
        If the geometry or the pattern is not accepted, or the capsules are not the corners of a
        tetrahedron.

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
    signs, name = _signs_of(geometry)
    omni = as_number(pattern, "pattern", minimum=_MIN_PATTERN, maximum=_MAX_PATTERN)
    samples, _, _ = unpack_audio(audio)
    array = as_audio(samples, channels=4, of=f"the microphone {name!r}")
    if upside_down:
        signs = signs * np.array([1.0, -1.0, -1.0])
    figures_of_eight = np.sqrt(3.0) / (4.0 * (1.0 - omni)) * signs.T[[1, 2, 0]]
    matrix = np.vstack([np.full(4, 0.25 / omni), figures_of_eight])
    return np.matmul(matrix.astype(array.dtype), array)


def _signs_of(geometry: Capsules | Sequence[str]) -> tuple[NDArray[np.float64], str]:
    """Return the signs (4, 3) of the capsules in X, Y and Z, and the name of the microphone."""
    order: tuple[str, ...]
    if isinstance(geometry, str):
        name, order = as_choice(geometry, "geometry", get_args(Capsules)), USUAL_ORDER
    else:
        labels = [str(label).upper() for label in geometry]
        name, order = " ".join(labels), tuple(labels)
    axes = ("FB", "LR", "UD")
    if len(order) == 4 and all(
        len(label) == 3 and all(letter in axis for letter, axis in zip(label, axes, strict=True))
        for label in order
    ):
        signs = np.array([[_SIGNS[letter] for letter in label] for label in order])
        # The corners of a cube that are those of a tetrahedron: no two of them are neighbours.
        if np.array_equal(signs @ signs.T, 4 * np.eye(4) - 1):
            return signs, name
    raise OptionError(
        f"geometry must be the four corners of a tetrahedron, such as {' '.join(USUAL_ORDER)}, got "
        f"{shown(name)}"
    )
