"""Spherical harmonics and Ambisonic encoders."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import harmonics
from spatialkit.ambisonics.near_field import near_field_parts
from spatialkit.audio import AudioLike
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, ChannelOrder, Normalization
from spatialkit.panning import place_sources
from spatialkit.typing import FloatArray, FloatT

__all__ = ["encode_ambisonics", "encode_foa", "spherical_harmonics"]

# Largest angle between control points of a moving source, divided by the order. Harmonics are
# interpolated linearly between control points: the error is at most (order * step)^2 / 8 = 2.4e-6.
STEP_DEGREES = 0.25


def spherical_harmonics(
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    order: int = 1,
    normalization: Normalization = "SN3D",
    channel_order: ChannelOrder = "ACN",
) -> NDArray[np.float64]:
    """Compute real spherical harmonics: the gains that encode a plane wave.

    They have no Condon-Shortley phase: at order 1 in SN3D they are 1, y, z, x.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; elevation from -90 to 90.
    order : int
        1 to 7; at most 3 with FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
        In N3D the squares of the harmonics of a direction sum to ``(order + 1)**2``.
    channel_order : {"ACN", "FuMa"}
        "FuMa" is W XYZ RSTUV KLMNOPQ.

    Returns
    -------
    ndarray of float64, shape (..., (order + 1)**2)

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    LayoutError
        If FuMa is requested above order 3.

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
    audio: AudioLike[FloatT],
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    distance: ArrayLike | None = None,
    near_field_radius: float | None = None,
    sample_rate: float | None = None,
    normalization: Normalization = "SN3D",
    channel_order: ChannelOrder = "ACN",
) -> FloatArray[FloatT]:
    """Encode sources to first-order Ambisonics: `encode_ambisonics` at order 1.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (samples,) or (..., sources, samples)
        One source, or several; the channels of an `Audio` are its sources.
    azimuth, elevation : array_like
        Degrees; shapes as in `encode_ambisonics`.
    distance, near_field_radius, sample_rate
        As in `encode_ambisonics`.
    normalization : {"SN3D", "N3D", "FuMa"}
        Normalization of the result.
    channel_order : {"ACN", "FuMa"}
        Channel order of the result.

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
        audio,
        azimuth,
        elevation,
        distance=distance,
        near_field_radius=near_field_radius,
        sample_rate=sample_rate,
        normalization=normalization,
        channel_order=channel_order,
    )


def encode_ambisonics(
    audio: AudioLike[FloatT],
    azimuth: ArrayLike,
    elevation: ArrayLike = 0.0,
    *,
    order: int = 1,
    distance: ArrayLike | None = None,
    near_field_radius: float | None = None,
    sample_rate: float | None = None,
    normalization: Normalization = "SN3D",
    channel_order: ChannelOrder = "ACN",
) -> FloatArray[FloatT]:
    """Encode static or moving sources to Ambisonics and sum them.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (samples,) or (..., sources, samples)
        One source, or several; the channels of an `Audio` are its sources.
    azimuth : array_like
        Degrees. For audio (samples,): a scalar, or (points,) for a moving source. Otherwise a
        scalar for all sources, (sources,), or (sources, points). Points are equally spaced from
        the first to the last sample; between them the direction moves along the shortest arc, as
        in `spatialkit.vbap_pan`.
    elevation : array_like
        Degrees, -90 to 90: a scalar, (sources,), or the shape of ``azimuth``.
    distance : array_like, optional
        Metres, in the shapes of ``azimuth``, with any number of points. The gain is 1 up to 1 m and
        ``1 / distance`` beyond; linear between points. For delay and absorption in air see
        `spatialkit.propagation.propagate`.
    near_field_radius : float, optional
        Metres, 0.1 to 100: distance of the loudspeakers for which the wave fronts of sources at
        ``distance``, or of plane waves without it, are encoded [1]_. Sources
        nearer than half the radius have the wave front of that distance. By default the harmonics
        of all orders have the same spectrum.
    sample_rate : float, optional
        Hz; required with ``near_field_radius`` unless ``audio`` is an `Audio`.
    order : int
        1 to 7; at most 3 with FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
        Normalization of the result.
    channel_order : {"ACN", "FuMa"}
        Channel order of the result.

    Returns
    -------
    ndarray, shape (..., (order + 1)**2, samples)
        In the precision of ``audio``.

    Raises
    ------
    ShapeError, SignalError
        If the audio has the wrong number of sources, or is not floating point.
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    OptionError
        If a distance or the radius is out of range, or the sample rate is missing.

    References
    ----------
    .. [1] J. Daniel, "Spatial Sound Encoding Including Near Field Effect: Introducing Distance
       Coding Filters and a Viable, New Ambisonic Format", AES 23rd International Conference, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> encode_ambisonics(np.ones((2, 3)), [30.0, -30.0], order=2).shape
    (9, 3)
    """
    form = AmbisonicFormat(order, normalization, channel_order)

    def place(sources: AudioLike[FloatT], channels: NDArray[np.intp]) -> FloatArray[FloatT]:
        return place_sources(
            sources,
            azimuth,
            elevation,
            lambda vectors: harmonics.harmonics_in(vectors, form)[..., channels],
            n_outputs=len(channels),
            step_degrees=STEP_DEGREES / form.order,
            unit_power=False,
            distance=distance,
        )

    if near_field_radius is None:
        return place(audio, np.arange(form.n_channels))
    parts = near_field_parts(audio, form.order, distance, near_field_radius, sample_rate)
    # In every channel order, harmonics of higher orders follow those of lower orders.
    encoded = [place(part, np.arange(n**2, (n + 1) ** 2)) for n, part in enumerate(parts)]
    return np.concatenate(encoded, axis=-2)
