"""Spherical harmonics, their rotation matrices and their order and scale in Ambisonic formats.

Harmonics without a format are real, without the Condon-Shortley phase, in ACN order and N3D:
orthonormal for the mean over the sphere. A format specifies the scale and order of its channels.
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike, unpack_ambisonics
from spatialkit.errors import ShapeError
from spatialkit.geometry import sphere_quadrature
from spatialkit.layouts import MAX_ORDER, AmbisonicFormat, ChannelOrder, Normalization
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio

# ACN of W XYZ RSTUV KLMNOPQ, and the factors from SN3D to FuMa (Malham 2003; orders 0 to 3).
_FUMA_ACN = (0, 3, 1, 2, 6, 7, 5, 8, 4, 12, 13, 11, 14, 10, 15, 9)
_SECOND, _THIRD = 2.0 / 3.0**0.5, (1.0, (45.0 / 32.0) ** 0.5, 3.0 / 5.0**0.5, (8.0 / 5.0) ** 0.5)
_FUMA_OVER_SN3D = np.array(
    [0.5**0.5, 1.0, 1.0, 1.0]
    + [_SECOND, _SECOND, 1.0, _SECOND, _SECOND]
    + [_THIRD[abs(degree)] for degree in range(-3, 4)]
)


def orders_of_acn(order: int) -> NDArray[np.intp]:
    """Return the order n of every ACN channel: 0 1 1 1 2 ..."""
    return np.repeat(np.arange(order + 1), 2 * np.arange(order + 1) + 1)


def harmonics(vectors: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Compute harmonics (..., channels) of unit vectors (..., 3).

    Each is a polynomial in x, y, z, ``N Q_n^m(z) Re or Im (x + iy)^m`` with the m-th derivative
    Q_n^m of the Legendre polynomial P_n, so that the poles need no special case.
    """
    x, y, z = np.moveaxis(vectors, -1, 0)
    values = np.empty((*x.shape, (order + 1) ** 2))
    power = np.ones_like(x), np.zeros_like(x)
    first = np.ones_like(z)
    for m in range(order + 1):
        before, current = np.zeros_like(z), first
        for n in range(m, order + 1):
            scale = (2 * n + 1) * factorial(n - m) / factorial(n + m) * (2 if m else 1)
            centre, radial = n * (n + 1), scale**0.5 * current
            values[..., centre + m] = radial * power[0]
            if m:
                values[..., centre - m] = radial * power[1]
            before, current = current, ((2 * n + 1) * z * current - (n + m) * before) / (n - m + 1)
        first = first * (2 * m + 1)
        power = power[0] * x - power[1] * y, power[0] * y + power[1] * x
    return values


def rotation_of_harmonics(rotation: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Compute the matrix M with ``harmonics(rotation @ v) == M @ harmonics(v)`` for unit vectors v.

    M is the mean of Y(R v) Y(v)^T over the sphere, by a quadrature that is exact for its degree.
    """
    vectors, weights = sphere_quadrature(2 * order)
    rotated = harmonics(vectors @ rotation.T, order) * weights[:, None]
    orders = orders_of_acn(order)
    return np.where(orders[:, None] == orders, rotated.T @ harmonics(vectors, order), 0.0)


def acn_and_scale(form: AmbisonicFormat) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the ACN of each channel of a format, and its gain relative to the N3D harmonic."""
    acn = np.arange(form.n_channels)
    scale = np.ones(form.n_channels)
    if form.normalization != "N3D":
        scale /= np.sqrt(2.0 * orders_of_acn(form.order) + 1.0)
    if form.normalization == "FuMa":
        scale *= _FUMA_OVER_SN3D[: form.n_channels]
    if form.channel_order == "FuMa":
        acn = np.array(_FUMA_ACN[: form.n_channels])
    return acn, scale[acn]


def harmonics_in(vectors: NDArray[np.float64], form: AmbisonicFormat) -> NDArray[np.float64]:
    """Compute harmonics (..., channels) of unit vectors (..., 3) as the channels of a format.

    Parameters
    ----------
    vectors : ndarray of float64, shape (..., 3)
    form : AmbisonicFormat

    Returns
    -------
    ndarray of float64, shape (..., channels)

    Examples
    --------
    >>> harmonics_in(np.array([0.0, 1.0, 0.0]), AmbisonicFormat(1))
    array([1., 1., 0., 0.])
    """
    acn, scale = acn_and_scale(form)
    return harmonics(vectors, form.order)[..., acn] * scale


def as_ambisonics(
    ambisonics: AudioLike[FloatT],
    normalization: Normalization | None,
    channel_order: ChannelOrder | None,
    order: int | None = None,
) -> tuple[FloatArray[FloatT], AmbisonicFormat]:
    """Return checked samples and their format; the number of channels determines the order.

    Arguments are those of the calling function; ``order`` is the required order, if any.
    """
    samples, normalization, channel_order = unpack_ambisonics(
        ambisonics, normalization=normalization, channel_order=channel_order
    )
    if order is not None:
        form = AmbisonicFormat(order, normalization, channel_order)
        audio = as_audio(samples, "ambisonics", channels=form.n_channels, of=f"order {order}")
        return audio, form
    audio = as_audio(samples, "ambisonics")
    found = round(audio.shape[-2] ** 0.5) - 1
    if audio.shape[-2] != (found + 1) ** 2 or not 1 <= found <= MAX_ORDER:
        raise ShapeError(
            f"ambisonics must have (order + 1)^2 channels, 4 to {(MAX_ORDER + 1) ** 2}, "
            f"as (..., channels, samples), got shape {audio.shape}"
        )
    return audio, AmbisonicFormat(found, normalization, channel_order)


def apply(matrix: NDArray[np.float64], audio: FloatArray[FloatT]) -> FloatArray[FloatT]:
    """Multiply audio by a matrix (outputs, channels), in the precision of the audio."""
    return np.matmul(matrix.astype(audio.dtype), audio)
