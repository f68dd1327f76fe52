"""Ambisonics: encoding sources, turning and converting scenes, listening into them, decoding.

Signals are ``(..., channels, samples)``, AmbiX unless said otherwise: ACN order (W, Y, Z, X, ...),
SN3D. Decoders live in `spatialkit.ambisonics` and are offered here too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.decoding import (
    DecoderReport,
    decode_ambisonics,
    decode_foa,
    decoder_matrix,
    decoder_report,
)
from spatialkit.errors import LayoutError, ShapeError
from spatialkit.geometry import rotation_matrix, to_cartesian
from spatialkit.layouts import AmbisonicFormat, channels_of, get_format
from spatialkit.panning import place_sources
from spatialkit.validation import as_directions, as_number

__all__ = [
    "DecoderReport",
    "convert_ambisonics",
    "convert_foa",
    "decode_ambisonics",
    "decode_foa",
    "decoder_matrix",
    "decoder_report",
    "encode_ambisonics",
    "encode_foa",
    "rotate_ambisonics",
    "rotate_foa",
    "spherical_harmonics",
    "virtual_microphones",
]

# Control points of a moving source lie at most this far apart, divided by the order: between them
# the harmonics are taken as straight lines, which is wrong by (order * step)^2 / 8 at most: 2.4e-6.
STEP_DEGREES = 0.25


def spherical_harmonics(
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    order: int = 1,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[np.float64]:
    """Real spherical harmonics: the gains that encode a plane wave.

    Without the Condon-Shortley phase: at order 1 in SN3D they are 1, y, z, x.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; elevation from -90 to 90.
    order : int
        1 to 7; to 3 with FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
        In N3D the squares of each direction sum to ``(order + 1)**2``.
    channel_order : {"ACN", "FuMa"}
        FuMa is W XYZ RSTUV KLMNOPQ.

    Returns
    -------
    ndarray of float64, shape (..., (order + 1)**2)

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is beyond +-90 degrees.
    LayoutError
        If FuMa is asked for above order 3.

    References
    ----------
    .. [1] C. Nachbar, F. Zotter, E. Deleflie, A. Sontacchi, "ambiX - A Suggested Ambisonics
       Format", Ambisonics Symposium, 2011.
    .. [2] D. G. Malham, "Space in Music - Music in Space", thesis, University of York, 2003: FuMa.

    Examples
    --------
    >>> spherical_harmonics([0.0, 90.0, 180.0]).round(3) + 0.0
    array([[ 1., 0., 0.,  1.],
           [ 1., 1., 0.,  0.],
           [ 1., 0., 0., -1.]])
    """
    form = AmbisonicFormat(order, normalization, channel_order)
    return harmonics.harmonics_in(to_cartesian(azimuth, elevation), form)


def encode_foa(
    audio: ArrayLike,
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """First-order Ambisonics of sources in given directions: `encode_ambisonics` at order 1.

    Parameters
    ----------
    audio : array_like of float, shape (samples,) or (..., sources, samples)
    azimuth, elevation : array_like
        Degrees; shapes as in `encode_ambisonics`.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., 4, samples)
        W, Y, Z, X (FuMa: W, X, Y, Z), in the precision of ``audio``.

    Examples
    --------
    >>> import numpy as np
    >>> encode_foa(np.ones(3), azimuth=90.0)[:, 0].round(3) + 0.0
    array([1., 1., 0., 0.])
    """
    return encode_ambisonics(
        audio, azimuth, elevation, normalization=normalization, channel_order=channel_order
    )


def encode_ambisonics(
    audio: ArrayLike,
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    order: int = 1,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """Ambisonics of sources in given directions, still or moving, summed.

    Parameters
    ----------
    audio : array_like of float, shape (samples,) or (..., sources, samples)
    azimuth : array_like
        Degrees. For (samples,): a scalar, or (points,) for a moving source. For sources: a scalar
        for all of them, (sources,), or (sources, points). Points are equally spaced from the first
        to the last sample; between them the direction moves along the shortest arc, as in
        `spatialkit.vbap_pan`.
    elevation : array_like
        Degrees, -90 to 90: a scalar, (sources,), or the shape of ``azimuth``.
    order : int
        1 to 7; to 3 with FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., (order + 1)**2, samples)
        In the precision of ``audio``.

    Raises
    ------
    ShapeError, SignalError
        If the audio has the wrong number of sources, or is not floating point.
    DirectionError
        If an angle is not finite, or an elevation is beyond +-90 degrees.

    Examples
    --------
    >>> import numpy as np
    >>> encode_ambisonics(np.ones((2, 3)), [30.0, -30.0], order=2).shape
    (9, 3)
    """
    form = AmbisonicFormat(order, normalization, channel_order)
    return place_sources(
        audio,
        azimuth,
        elevation,
        lambda vectors: harmonics.harmonics_in(vectors, form),
        n_outputs=form.n_channels,
        step_degrees=STEP_DEGREES / order,
        unit_power=False,
    )


def rotate_foa(
    ambisonics: ArrayLike,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    *,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """Turn a first-order scene: `rotate_ambisonics` for 4 channels.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., 4, samples)
    yaw, pitch, roll : float
        Degrees; positive turns the scene to the left, lifts its front, lifts its left side.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., 4, samples)

    Examples
    --------
    >>> import numpy as np
    >>> ahead = encode_foa(np.ones(1), 0.0)
    >>> np.allclose(rotate_foa(ahead, yaw=40.0), encode_foa(np.ones(1), 40.0))
    True
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order, order=1)
    return _rotate(audio, form, yaw, pitch, roll)


def rotate_ambisonics(
    ambisonics: ArrayLike,
    yaw: float = 0.0,
    pitch: float = 0.0,
    roll: float = 0.0,
    *,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """Turn a scene of any order: roll first, then pitch, then yaw.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., channels, samples)
        4 to 64 channels; the order follows from their number.
    yaw : float
        Degrees; positive turns the scene to the left: a source at azimuth a moves to a + yaw.
    pitch : float
        Degrees; positive lifts its front.
    roll : float
        Degrees; positive lifts its left side.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., channels, samples)

    Raises
    ------
    DirectionError
        If an angle is not finite.
    ShapeError
        If the number of channels is not that of an order from 1 to 7.

    Examples
    --------
    >>> import numpy as np
    >>> ahead, above = (encode_ambisonics(np.ones(1), 0.0, up, order=3) for up in (0.0, 90.0))
    >>> np.allclose(rotate_ambisonics(ahead, pitch=90.0), above)
    True
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    return _rotate(audio, form, yaw, pitch, roll)


def _rotate(
    audio: NDArray[Any], form: AmbisonicFormat, yaw: float, pitch: float, roll: float
) -> NDArray[Any]:
    acn, scale = harmonics.acn_and_scale(form)
    matrix = harmonics.turning_matrix(rotation_matrix(yaw, pitch, roll), form.order)
    return harmonics.apply(matrix[np.ix_(acn, acn)] * (scale[:, None] / scale), audio)


def convert_foa(
    ambisonics: ArrayLike, source: str | AmbisonicFormat, target: str | AmbisonicFormat
) -> NDArray[Any]:
    """First-order Ambisonics in another normalization and channel order.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., 4, samples)
    source, target : str or AmbisonicFormat
        Formats of order 1: "ambix1" (or "foa"), "fuma1", ``AmbisonicFormat(1, "N3D")`` ...

    Returns
    -------
    ndarray, shape (..., 4, samples)

    Examples
    --------
    >>> import numpy as np
    >>> convert_foa(np.array([[1.0], [0.1], [0.2], [0.3]]), "ambix1", "fuma1")[:, 0].round(4)
    array([0.7071, 0.3   , 0.1   , 0.2   ])
    """
    for what, name in (("source", source), ("target", target)):
        if _ambisonic_format(name, what).order != 1:
            raise LayoutError(
                f"{what} must be of order 1, got {name!r}: convert_ambisonics serves any order"
            )
    return convert_ambisonics(ambisonics, source, target)


def convert_ambisonics(
    ambisonics: ArrayLike, source: str | AmbisonicFormat, target: str | AmbisonicFormat
) -> NDArray[Any]:
    """Ambisonics in another normalization and channel order, or of a lower order.

    A lower order is what is left when the channels above it are dropped.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., channels, samples)
    source, target : str or AmbisonicFormat
        "ambix1" ... "ambix7", "fuma1" ... "fuma3", or any `AmbisonicFormat`.

    Returns
    -------
    ndarray, shape (..., channels of the target, samples)
        A copy.

    Raises
    ------
    ShapeError
        If the number of channels is not that of ``source``.
    LayoutError
        If a format is unknown or no Ambisonic one, or the target has the higher order.

    Examples
    --------
    >>> import numpy as np
    >>> convert_ambisonics(np.ones((16, 2)), "ambix3", "fuma2").shape
    (9, 2)
    """
    source, target = _ambisonic_format(source, "source"), _ambisonic_format(target, "target")
    if target.order > source.order:
        raise LayoutError(
            f"target {target.name!r} is of a higher order than source {source.name!r}: "
            "conversion adds no detail, it keeps or lowers the order"
        )
    audio = channels_of(ambisonics, source)
    source_acn, source_scale = harmonics.acn_and_scale(source)
    target_acn, target_scale = harmonics.acn_and_scale(target)
    places = np.argsort(source_acn)[target_acn]
    gains = (target_scale / source_scale[places]).astype(audio.dtype)
    return audio[..., places, :] * gains[:, None]


def _ambisonic_format(name: str | AmbisonicFormat, what: str) -> AmbisonicFormat:
    form = get_format(name)
    if not isinstance(form, AmbisonicFormat):
        raise LayoutError(
            f"{what} must be an Ambisonic format, got the layout {form.name!r}: "
            "decode_ambisonics leads to loudspeakers"
        )
    return form


def virtual_microphones(
    ambisonics: ArrayLike,
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    pattern: ArrayLike = 0.5,
    normalization: str = "SN3D",
    channel_order: str = "ACN",
) -> NDArray[Any]:
    """What first-order microphones in the middle of the scene would record.

    Each is ``(1 - pattern) W + pattern (x X + y Y + z Z)`` in SN3D, (x, y, z) its unit vector: a
    plane wave on its axis has gain 1.

    Parameters
    ----------
    ambisonics : array_like of float, shape (..., channels, samples)
        Of any order from 1 to 7; what lies above order 1 is not used.
    azimuth, elevation : array_like, shape () or (microphones,)
        Where they point, in degrees, broadcast against each other.
    pattern : array_like, shape () or (microphones,)
        0 omnidirectional, 0.5 cardioid, 1 figure of eight.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Returns
    -------
    ndarray, shape (..., microphones, samples)
        In the precision of ``ambisonics``; one microphone for scalars.

    Raises
    ------
    ShapeError
        If the number of channels is not that of an order from 1 to 7, or angles and patterns do
        not fit each other.
    DirectionError
        If an angle is not finite, or an elevation is beyond +-90 degrees.
    OptionError
        If a pattern is not from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> scene = encode_foa(np.ones(1), azimuth=90.0)
    >>> virtual_microphones(scene, [90.0, 0.0, -90.0])[:, 0].round(3) + 0.0
    array([1. , 0.5, 0. ])
    """
    audio, form = harmonics.as_ambisonics(ambisonics, normalization, channel_order)
    checked = [as_number(value, "pattern", minimum=0.0, maximum=1.0) for value in np.ravel(pattern)]
    patterns = np.reshape(checked, np.shape(pattern))
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
