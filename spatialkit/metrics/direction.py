"""Directions of sources in loudspeaker signals: angle error of stems, and Gerzon's vectors.

Vectors have the axes x ahead, y left, z up and point towards the source.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, require_equal_rates
from spatialkit.errors import ShapeError
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.layouts import Layout
from spatialkit.metrics.inputs import (
    as_loudspeaker_layout,
    as_signal,
    channel_energies,
    divide,
    in_blocks,
    unpack_signal,
)
from spatialkit.validation import as_choice, as_directions

__all__ = [
    "AngleWeighting",
    "MIN_RELATIVE_EIGENVALUE",
    "MIN_RELATIVE_LEVEL",
    "angle_error",
    "energy_vector",
    "velocity_vector",
]

# Weights of the loudspeakers in `angle_error`.
AngleWeighting = Literal["amplitude", "energy"]

# Limits of `angle_error`. A stem whose coefficients are below this level (-180 dB) relative to the
# loudest channel of the estimate is rounding noise and has no direction.
MIN_RELATIVE_LEVEL = 1e-9
# Eigenvalues of the stems' correlation matrix below this, relative to the largest one, count as 0:
# such stems are copies of each other.
MIN_RELATIVE_EIGENVALUE = 1e-10


def angle_error(
    stems: AudioLike[Any],
    estimate: AudioLike[Any],
    azimuth: ArrayLike,
    layout: str | Layout | None = None,
    *,
    elevation: ArrayLike = 0.0,
    weighting: AngleWeighting = "amplitude",
) -> NDArray[np.float64]:
    r"""Calculate the angle between the true direction of each stem and that in a mix.

    .. math::

        C = \arg\min_C |x - C s|^2, \quad
        d_k = \sum_i c_{ik} u_i, \quad
        \epsilon_k = \angle(d_k, t_k)

    for the channels :math:`x` of the mix, the stems :math:`s`, the signed least-squares
    coefficients :math:`c_{ik}` of stem k in channel i, the unit vectors :math:`u_i` of the
    loudspeakers and :math:`t_k` of the true directions. LFE channels are ignored. The coefficients
    are computed from stems normalized to equal energy.

    Parameters
    ----------
    stems : array_like of float or Audio, shape (..., stems, samples)
        Source signals, one channel each.
    estimate : array_like of float or Audio, shape (..., channels, samples)
        Mix with the same batch axes and number of samples. An `Audio` also specifies ``layout``.
    azimuth : array_like, shape (..., stems)
        True azimuths in degrees; broadcast to the stems.
    layout : str or Layout, optional
        Layout of the estimate; required for arrays.
    elevation : array_like, shape (..., stems)
        True elevations in degrees; broadcast to the stems.
    weighting : {"amplitude", "energy"}
        Weights of the loudspeakers: the coefficients :math:`c_{ik}`, or their squares. With
        "amplitude" a correct VBAP mix has no error; with "energy" even a correct mix has one.

    Returns
    -------
    ndarray of float64, shape (..., stems)
        Degrees, 0 to 180. NaN for a silent stem, for a stem whose coefficients are all below
        `MIN_RELATIVE_LEVEL` (-180 dB) relative to the loudest channel, and for a stem whose
        loudspeaker vectors cancel. Stems that are copies of each other (relative eigenvalues of
        their correlation matrix below `MIN_RELATIVE_EIGENVALUE`) share their coefficients equally.

    Raises
    ------
    ShapeError
        If batch axes or samples of ``stems`` and ``estimate`` differ, ``estimate`` does not have
        the channels of ``layout``, or the angles do not broadcast to the stems.
    SignalError, DirectionError, OptionError, LayoutError
        If a sample or angle is NaN or infinite, or another argument is not accepted.

    References
    ----------
    H. Yang et al., "Upmixing via style transfer: a variational autoencoder for disentangling
    spatial images and musical content", ICASSP 2022.

    Examples
    --------
    >>> import numpy as np
    >>> stem = np.random.default_rng(0).standard_normal((1, 1000))
    >>> angle_error(stem, stem * [[0.0], [1.0]], [-20.0], "stereo").round(6)
    array([10.])
    """
    weighting = as_choice(weighting, "weighting", get_args(AngleWeighting))
    require_equal_rates(stems, estimate, "stems and estimate")
    samples, given, _ = unpack_signal(estimate, layout, name="estimate")
    where = as_loudspeaker_layout(given)
    sources = as_signal(unpack_signal(stems, None)[0], "stems")
    mix = as_signal(samples, "estimate", layout=where)
    if (*sources.shape[:-2], sources.shape[-1]) != (*mix.shape[:-2], mix.shape[-1]):
        raise ShapeError(
            "stems (..., stems, samples) and estimate (..., channels, samples) must have the same "
            f"batch axes and samples, got {sources.shape} and {mix.shape}"
        )
    truth = _true_directions(azimuth, elevation, sources.shape[:-1])
    coefficients, active = _coefficients(sources, mix, where.loudspeakers)
    weights = coefficients if weighting == "amplitude" else coefficients**2
    vectors = weights @ where.directions[where.loudspeakers]
    active &= np.linalg.norm(vectors, axis=-1) > MIN_RELATIVE_LEVEL * np.abs(weights).sum(axis=-1)
    return np.where(active, angle_between(vectors, truth), np.nan)


def energy_vector(audio: AudioLike[Any], layout: str | Layout | None = None) -> NDArray[np.float64]:
    r"""Calculate Gerzon's energy vector rE of the whole item.

    .. math:: r_E = \frac{\sum_i E_i u_i}{\sum_i E_i}, \quad E_i = \sum_n x_i[n]^2

    with the unit vector :math:`u_i` of the loudspeaker of channel i. LFE channels are ignored.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        An `Audio` also specifies ``layout``.
    layout : str or Layout, optional
        Layout of the audio; required for arrays.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x, y and z, without unit; the length is 0 (equal energy all around) to 1 (a single
        loudspeaker). NaN for silence.

    References
    ----------
    M. A. Gerzon, "General metatheory of auditory localisation", AES 92nd Convention, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> energy_vector(np.ones((2, 10)), "stereo").round(3) + 0.0
    array([0.866, 0.   , 0.   ])
    """
    signals, where = _loudspeaker_signals(audio, layout)
    return energy_vector_of_energies(channel_energies(signals), where)


def energy_vector_of_energies(energies: NDArray[np.float64], layout: Layout) -> NDArray[np.float64]:
    """Return the energy vector (..., 3) from the energies (..., channels) of a layout."""
    energy = energies[..., layout.loudspeakers]
    return divide(energy @ layout.directions[layout.loudspeakers], energy.sum(axis=-1))


def velocity_vector(
    audio: AudioLike[Any], layout: str | Layout | None = None
) -> NDArray[np.float64]:
    r"""Calculate Gerzon's velocity vector rV of the whole item.

    .. math::

        r_V = \frac{\sum_n p[n] v[n]}{\sum_n p[n]^2}, \quad
        p = \sum_i x_i, \quad v = \sum_i x_i u_i

    with the unit vector :math:`u_i` of the loudspeaker of channel i. For one source it is the mean
    of the unit vectors, weighted by the gains of the source. LFE channels are ignored.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        An `Audio` also specifies ``layout``.
    layout : str or Layout, optional
        Layout of the audio; required for arrays.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x, y and z, without unit; the length exceeds 1 if channels are out of phase. NaN where the
        pressure is zero, for silence among others.

    References
    ----------
    M. A. Gerzon, "General metatheory of auditory localisation", AES 92nd Convention, 1992.

    Examples
    --------
    >>> import numpy as np
    >>> velocity_vector(np.ones((2, 10)), "stereo").round(3) + 0.0
    array([0.866, 0.   , 0.   ])
    """
    signals, where = _loudspeaker_signals(audio, layout)
    directions = where.directions[where.loudspeakers]
    products, energy = np.zeros((*signals.shape[:-2], 3)), np.zeros(signals.shape[:-2])
    for (every,) in in_blocks(signals):
        block = every[..., where.loudspeakers, :]
        pressure = block.sum(axis=-2)
        products += np.einsum("...s,...ks->...k", pressure, block) @ directions
        energy += np.sum(pressure * pressure, axis=-1)
    return divide(products, energy)


def _loudspeaker_signals(
    audio: AudioLike[Any], layout: str | Layout | None
) -> tuple[NDArray[Any], Layout]:
    """Return all channels (..., channels, samples), and their layout."""
    samples, given, _ = unpack_signal(audio, layout)
    where = as_loudspeaker_layout(given)
    return as_signal(samples, layout=where), where


def _true_directions(
    azimuth: ArrayLike, elevation: ArrayLike, shape: tuple[int, ...]
) -> NDArray[np.float64]:
    azimuths, elevations = as_directions(azimuth, elevation)
    try:
        azimuths = np.broadcast_to(azimuths, shape)
        elevations = np.broadcast_to(elevations, shape)
    except ValueError as error:
        raise ShapeError(
            f"azimuth and elevation must have one value per stem, {shape}, got {azimuths.shape}"
        ) from error
    return to_cartesian(azimuths, elevations)


def _coefficients(
    stems: NDArray[Any], mix: NDArray[Any], loudspeakers: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return least-squares coefficients (..., stems, channels), and which stems are in the mix.

    Each coefficient is multiplied by the norm of its stem: it is the level of the stem in the
    channel. A small gain of a loud stem then has the same weight as a large gain of a quiet one.
    """
    gram = np.zeros((*stems.shape[:-1], stems.shape[-2]))
    cross = np.zeros((*stems.shape[:-1], len(loudspeakers)))
    loudest = np.zeros((*mix.shape[:-2], len(loudspeakers)))
    for sources, every in in_blocks(stems, mix):
        channels = every[..., loudspeakers, :]
        gram += sources @ sources.swapaxes(-1, -2)
        cross += sources @ channels.swapaxes(-1, -2)
        loudest += np.sum(channels * channels, axis=-1)
    level = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    # The stems are normalized first: otherwise a quiet stem could fall below the eigenvalue limit
    # and count as a copy of a loud one.
    unit = np.divide(1.0, level, out=np.zeros_like(level), where=level > 0.0)
    inverse = np.linalg.pinv(
        gram * unit[..., :, None] * unit[..., None, :], MIN_RELATIVE_EIGENVALUE, hermitian=True
    )
    coefficients = inverse @ (cross * unit[..., None])
    minimum = MIN_RELATIVE_LEVEL * np.sqrt(loudest.max(axis=-1))
    active = (level > 0.0) & (np.abs(coefficients).max(axis=-1) > minimum[..., None])
    return coefficients, active
