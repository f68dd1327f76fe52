"""Rotation and format conversion of Ambisonic scenes."""

from __future__ import annotations

import numpy as np

from spatialkit.ambisonics import harmonics
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import LayoutError
from spatialkit.geometry import rotation_matrix
from spatialkit.layouts import (
    AmbisonicFormat,
    ChannelOrder,
    Format,
    Normalization,
    channels_of,
    get_format,
)
from spatialkit.typing import FloatArray, FloatT

__all__ = ["convert_ambisonics", "convert_foa", "rotate_ambisonics", "rotate_foa"]


def rotate_foa(
    ambisonics: AudioLike[FloatT],
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    *,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Rotate a first-order scene: `rotate_ambisonics` for 4 channels.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., 4, samples)
    yaw, pitch, roll : float
        Degrees; positive values rotate the scene to the left, raise its front and raise its left
        side.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., 4, samples)
        In the format and precision of ``ambisonics``.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import encode_ambisonics, encode_foa
    >>> ahead = encode_foa(np.ones(1), 0.0)
    >>> np.allclose(rotate_foa(ahead, yaw=40.0), encode_foa(np.ones(1), 40.0))
    True
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order, order=1)
    return _rotate(audio, form, yaw, pitch, roll)


def rotate_ambisonics(
    ambisonics: AudioLike[FloatT],
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    *,
    normalization: Normalization | None = None,
    channel_order: ChannelOrder | None = None,
) -> FloatArray[FloatT]:
    """Rotate a scene of any order: roll first, then pitch, then yaw.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., channels, samples)
        4 to 64 channels; the order follows from their number.
    yaw : float
        Degrees; positive rotates the scene to the left: a source at azimuth a moves to a + yaw.
    pitch : float
        Degrees; positive raises the front of the scene.
    roll : float
        Degrees; positive raises the left side of the scene.
    normalization : {"SN3D", "N3D", "FuMa"}, optional
        Normalization of ``ambisonics``. By default that of an `Audio`, else "SN3D".
    channel_order : {"ACN", "FuMa"}, optional
        Channel order of ``ambisonics``. By default that of an `Audio`, else "ACN".

    Returns
    -------
    ndarray, shape (..., channels, samples)
        In the format and precision of ``ambisonics``.

    Raises
    ------
    DirectionError
        If an angle is not finite.
    ShapeError
        If the number of channels is not that of an order from 1 to 7.

    Examples
    --------
    >>> import numpy as np
    >>> from spatialkit import encode_ambisonics, encode_foa
    >>> ahead, above = (encode_ambisonics(np.ones(1), 0.0, up, order=3) for up in (0.0, 90.0))
    >>> np.allclose(rotate_ambisonics(ahead, pitch=90.0), above)
    True
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    return _rotate(audio, form, yaw, pitch, roll)


def _rotate(
    audio: FloatArray[FloatT], form: AmbisonicFormat, yaw: float, pitch: float, roll: float
) -> FloatArray[FloatT]:
    acn, scale = harmonics.acn_and_scale(form)
    matrix = harmonics.rotation_of_harmonics(rotation_matrix(yaw, pitch, roll), form.order)
    return harmonics.apply(matrix[np.ix_(acn, acn)] * (scale[:, None] / scale), audio)


def convert_foa(
    ambisonics: AudioLike[FloatT],
    source: str | AmbisonicFormat | None = None,
    target: str | AmbisonicFormat | None = None,
) -> FloatArray[FloatT]:
    """Convert first-order Ambisonics to another normalization and channel order.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., 4, samples)
    source, target : str or AmbisonicFormat
        Formats of order 1: "ambix1" (or "foa"), "fuma1", ``AmbisonicFormat(1, "N3D")`` ...
        ``source`` may be omitted for an `Audio` with a format.

    Returns
    -------
    ndarray, shape (..., 4, samples)
        In the precision of ``ambisonics``.

    Examples
    --------
    >>> import numpy as np
    >>> convert_foa(np.array([[1.0], [0.1], [0.2], [0.3]]), "ambix1", "fuma1")[:, 0].round(4)
    array([0.7071, 0.3   , 0.1   , 0.2   ])
    """
    return _convert(ambisonics, source, target, order=1)


def convert_ambisonics(
    ambisonics: AudioLike[FloatT],
    source: str | AmbisonicFormat | None = None,
    target: str | AmbisonicFormat | None = None,
) -> FloatArray[FloatT]:
    """Convert Ambisonics to another normalization and channel order, or to a lower order.

    A lower order results from omitting the channels of the higher orders.

    Parameters
    ----------
    ambisonics : array_like of float or Audio, shape (..., channels, samples)
    source, target : str or AmbisonicFormat
        "ambix1" ... "ambix7", "fuma1" ... "fuma3", or any `AmbisonicFormat`. ``source`` may be
        omitted for an `Audio` with a format.

    Returns
    -------
    ndarray, shape (..., channels of the target, samples)
        A copy, in the precision of ``ambisonics``.

    Raises
    ------
    ShapeError
        If the number of channels is not that of ``source``.
    LayoutError
        If a format is missing, unknown or not Ambisonic, ``source`` contradicts the `Audio`, or
        the target has the higher order.

    Examples
    --------
    >>> import numpy as np
    >>> convert_ambisonics(np.ones((16, 2)), "ambix3", "fuma2").shape
    (9, 2)
    """
    return _convert(ambisonics, source, target)


def _convert(
    ambisonics: AudioLike[FloatT],
    source: str | AmbisonicFormat | None,
    target: str | AmbisonicFormat | None,
    order: int | None = None,
) -> FloatArray[FloatT]:
    samples, _, known = unpack_audio(
        ambisonics, format=source, name="ambisonics", format_name="source"
    )
    start, goal = _ambisonic_format(known, "source"), _ambisonic_format(target, "target")
    for argument, form in (("source", start), ("target", goal)):
        if order not in (None, form.order):
            raise LayoutError(
                f"{argument} must be of order {order}, got {form.name!r}; use convert_ambisonics "
                "for other orders"
            )
    if goal.order > start.order:
        raise LayoutError(
            f"target {goal.name!r} is of a higher order than source {start.name!r}; conversion "
            "adds no detail, so the order of the target must be the same or lower"
        )
    audio = channels_of(samples, start)
    source_acn, source_scale = harmonics.acn_and_scale(start)
    target_acn, target_scale = harmonics.acn_and_scale(goal)
    places = np.argsort(source_acn)[target_acn]
    gains = (target_scale / source_scale[places]).astype(audio.dtype)
    return audio[..., places, :] * gains[:, None]


def _ambisonic_format(name: str | Format | None, argument: str) -> AmbisonicFormat:
    if name is None:
        raise LayoutError(
            f"{argument} is missing; pass an Ambisonic format such as {argument}='ambix1'"
        )
    form = get_format(name)
    if not isinstance(form, AmbisonicFormat):
        raise LayoutError(
            f"{argument} must be an Ambisonic format, got the layout {form.name!r}; use "
            "decode_ambisonics to convert to loudspeakers"
        )
    return form
