"""Where sound comes from: the angle error of sources, Gerzon's vectors, intensity, diffuseness.

Vectors have the axes x ahead, y left, z up. All of them, the intensity included, point to where
the sound comes from.

References
----------
.. [1] M. A. Gerzon, "General metatheory of auditory localisation", AES 92nd Convention, 1992.
.. [2] J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import LayoutError, ShapeError
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.layouts import AmbisonicFormat, Layout, get_format, get_layout
from spatialkit.metrics.inputs import as_signal, as_spectrum, in_blocks
from spatialkit.stft import moving_sum
from spatialkit.validation import as_choice, as_directions

__all__ = [
    "MIN_RELATIVE_EIGENVALUE",
    "MIN_RELATIVE_LEVEL",
    "active_intensity",
    "angle_error",
    "diffuseness",
    "energy_density",
    "energy_vector",
    "velocity_vector",
]

# Limits of `angle_error`. A stem whose coefficients are below this level (-180 dB) relative to the
# loudest channel of the estimate is rounding noise and has no direction.
MIN_RELATIVE_LEVEL = 1e-9
# Eigenvalues of the stems' correlation matrix below this, relative to the largest one, count as 0:
# such stems are copies of each other.
MIN_RELATIVE_EIGENVALUE = 1e-10


def angle_error(
    stems: ArrayLike,
    estimate: ArrayLike,
    azimuth: ArrayLike,
    layout: str | Layout,
    *,
    elevation: ArrayLike = 0.0,
    weighting: str = "amplitude",
) -> NDArray[np.float64]:
    """Angle between where each stem should be and where a multichannel mix has it.

    Each channel is written as the sum of all stems, each times a signed coefficient, by least
    squares. The stem's direction is that of the sum of the loudspeakers' unit vectors, each times
    the stem's coefficient in it; LFE channels are left out.

    Parameters
    ----------
    stems : array_like of float, shape (..., stems, samples)
        The sources, one channel each.
    estimate : array_like of float, shape (..., channels, samples)
        The mix, with the same batch axes and samples.
    azimuth : array_like, shape (..., stems)
        True directions, degrees; broadcast to the stems.
    layout : str or Layout
        Of the estimate.
    elevation : array_like, shape (..., stems)
        Degrees.
    weighting : {"amplitude", "energy"}
        Whether coefficients or their squares weigh the loudspeakers. With amplitudes a mix made
        by VBAP has no error; with energies it has one even then.

    Returns
    -------
    ndarray of float64, shape (..., stems)
        Degrees, 0 to 180. NaN for a silent stem, one that the estimate does not hold, or one
        whose loudspeakers cancel. Of stems that are copies of each other each gets an equal part.

    References
    ----------
    Y. Yang et al., "Upmixing via style transfer", ICASSP 2022, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> stem = np.random.default_rng(0).standard_normal((1, 1000))
    >>> angle_error(stem, stem * [[0.0], [1.0]], [-20.0], "stereo").round(6)
    array([10.])
    """
    weighting = as_choice(weighting, "weighting", ("amplitude", "energy"))
    where = get_layout(layout)
    sources = as_signal(stems, "stems")
    mix = as_signal(estimate, "estimate", layout=where)
    if (*sources.shape[:-2], sources.shape[-1]) != (*mix.shape[:-2], mix.shape[-1]):
        raise ShapeError(
            "stems (..., stems, samples) and estimate (..., channels, samples) must have the same "
            f"batch axes and samples, got {sources.shape} and {mix.shape}"
        )
    truth = _true_directions(azimuth, elevation, sources.shape[:-1])
    coefficients, heard = _coefficients(sources, mix[..., where.loudspeakers, :])
    weights = coefficients if weighting == "amplitude" else coefficients**2
    felt = weights @ where.directions[where.loudspeakers]
    heard &= np.linalg.norm(felt, axis=-1) > MIN_RELATIVE_LEVEL * np.abs(weights).sum(axis=-1)
    return np.where(heard, angle_between(felt, truth), np.nan)


def energy_vector(audio: ArrayLike, layout: str | Layout) -> NDArray[np.float64]:
    """Gerzon's energy vector rE of the whole item.

    The mean of the loudspeakers' unit vectors, each times the energy of its channel; LFE
    channels are left out.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x, y, z; of length 0 (all around) to 1 (one loudspeaker alone). NaN of silence.

    Examples
    --------
    >>> import numpy as np
    >>> energy_vector(np.ones((2, 10)), "stereo").round(3) + 0.0
    array([0.866, 0.   , 0.   ])
    """
    where = get_layout(layout)
    signals = as_signal(audio, layout=where)[..., where.loudspeakers, :]
    energy = np.zeros(signals.shape[:-1])
    for (block,) in in_blocks(signals):
        energy += np.sum(block * block, axis=-1)
    return _ratio(energy @ where.directions[where.loudspeakers], energy.sum(axis=-1))


def velocity_vector(audio: ArrayLike, layout: str | Layout) -> NDArray[np.float64]:
    """Gerzon's velocity vector rV of the whole item.

    With the pressure p, the sum of the channels, and the velocity v, the sum of the
    loudspeakers' unit vectors times their channels: <p v> / <p p>. Of one source it is the mean
    of the unit vectors weighted with the source's gains. LFE channels are left out.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
    layout : str or Layout

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x, y, z; longer than 1 if channels are out of phase. NaN where the pressure is zero.

    Examples
    --------
    >>> import numpy as np
    >>> velocity_vector(np.ones((2, 10)), "stereo").round(3) + 0.0
    array([0.866, 0.   , 0.   ])
    """
    where = get_layout(layout)
    signals = as_signal(audio, layout=where)[..., where.loudspeakers, :]
    directions = where.directions[where.loudspeakers]
    flow, energy = np.zeros((*signals.shape[:-2], 3)), np.zeros(signals.shape[:-2])
    for (block,) in in_blocks(signals):
        pressure = block.sum(axis=-2)
        flow += np.einsum("...s,...ks->...k", pressure, block) @ directions
        energy += np.sum(pressure * pressure, axis=-1)
    return _ratio(flow, energy)


def active_intensity(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    """Active intensity of an Ambisonic signal, summed over a span of bins and frames.

    Re(conj(W) [X, Y, Z]) of the first-order part, in SN3D; a plane wave gives a vector of length
    ``|W|^2`` towards its source. (The physical intensity is the flow of energy, the other way,
    divided by the impedance of air.)

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., harmonics, bins, frames)
        As `spatialkit.stft` returns it.
    format : str or AmbisonicFormat
        Any order; only the first is used.
    frames, bins : int or None
        Span of the sum, centred on each bin; at the edges the part that exists. None sums over
        all of them and leaves an axis of length 1.

    Returns
    -------
    ndarray of float64, shape (..., 3, bins, frames)
        x, y, z.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> active_intensity(left).ravel()
    array([ 0., 25.,  0.])
    """
    flow, _ = flow_and_energy(spectrum, format)
    return moving_sum(flow, frames=frames, bins=bins)


def energy_density(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    """Return the energy density of an Ambisonic signal, summed over a span of bins and frames.

    .. math:: E = (|W|^2 + |X|^2 + |Y|^2 + |Z|^2) / 2

    of the first-order part in SN3D, in which a plane wave has :math:`E = |W|^2`, the length of its
    `active_intensity`.

    Parameters
    ----------
    spectrum, format, frames, bins
        As for `active_intensity`.

    Returns
    -------
    ndarray of float64, shape (..., bins, frames)
        In the squared unit of the spectrum; 0 for silence.

    References
    ----------
    J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005, section 1.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> energy_density(left).item()
    25.0
    """
    _, energy = flow_and_energy(spectrum, format)
    return moving_sum(energy, frames=frames, bins=bins)[..., 0, :, :]


def diffuseness(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 9,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    """Diffuseness of an Ambisonic signal as in DirAC: the share of energy that does not flow.

    ``1 - |<intensity>| / <energy>``, the energy being ``(|W|^2 + |X|^2 + |Y|^2 + |Z|^2) / 2`` in
    SN3D.

    Parameters
    ----------
    spectrum, format
        As for `active_intensity`.
    frames, bins : int or None
        Span of both averages, as for `active_intensity`. Without an average even a diffuse field
        seems to flow.

    Returns
    -------
    ndarray of float64, shape (..., bins, frames)
        0 (one plane wave) to 1 (sound from everywhere alike); NaN of silence.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> diffuseness(left).item()
    0.0
    """
    flow, energy = (
        moving_sum(values, frames=frames, bins=bins) for values in flow_and_energy(spectrum, format)
    )
    flowing = _ratio(np.linalg.norm(flow, axis=-3)[..., None], energy[..., 0, :, :])[..., 0]
    return np.maximum(1.0 - flowing, 0.0)


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
    stems: NDArray[Any], mix: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Least-squares coefficients (..., stems, channels), and which stems the mix holds.

    A coefficient is the level that the stem has in the channel, so that a loud stem's small gain
    counts like a quiet stem's large one.
    """
    gram = np.zeros((*stems.shape[:-1], stems.shape[-2]))
    cross = np.zeros((*stems.shape[:-1], mix.shape[-2]))
    loudest = np.zeros(mix.shape[:-1])
    for sources, channels in in_blocks(stems, mix):
        gram += sources @ sources.swapaxes(-1, -2)
        cross += sources @ channels.swapaxes(-1, -2)
        loudest += np.sum(channels * channels, axis=-1)
    level = np.sqrt(np.diagonal(gram, axis1=-2, axis2=-1))
    # Of stems brought to one level: a quiet one is not to be taken for a part of a loud one.
    unit = np.divide(1.0, level, out=np.zeros_like(level), where=level > 0.0)
    inverse = np.linalg.pinv(
        gram * unit[..., :, None] * unit[..., None, :], MIN_RELATIVE_EIGENVALUE, hermitian=True
    )
    coefficients = inverse @ (cross * unit[..., None])
    least = MIN_RELATIVE_LEVEL * np.sqrt(loudest.max(axis=-1))
    heard = (level > 0.0) & (np.abs(coefficients).max(axis=-1) > least[..., None])
    return coefficients, heard


def flow_and_energy(
    spectrum: ArrayLike, format: str | AmbisonicFormat
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Intensity (..., 3, bins, frames) and energy density (..., 1, bins, frames)."""
    where = get_format(format)
    if not isinstance(where, AmbisonicFormat):
        raise LayoutError(f"format must be Ambisonic, such as 'foa', got {format!r}")
    array = as_spectrum(spectrum)
    if array.shape[-3] != where.n_channels:
        raise ShapeError(
            f"spectrum must have {where.n_channels} channels for {where.name!r}, "
            f"(..., {where.n_channels}, bins, frames), got {array.shape}"
        )
    xyz = [3, 1, 2] if where.channel_order == "ACN" else [1, 2, 3]
    gains = {"SN3D": (1.0, 1.0), "N3D": (1.0, np.sqrt(1.0 / 3.0)), "FuMa": (np.sqrt(2.0), 1.0)}
    w_gain, xyz_gain = gains[where.normalization]
    array = array.astype(np.complex128, copy=False)
    pressure, velocity = w_gain * array[..., :1, :, :], xyz_gain * array[..., xyz, :, :]
    squares = np.abs(pressure) ** 2 + np.sum(np.abs(velocity) ** 2, axis=-3, keepdims=True)
    return (pressure.conj() * velocity).real, squares / 2.0


def _ratio(vectors: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """``vectors`` (..., n) divided by ``total`` (...), NaN where that is zero."""
    result = np.full(vectors.shape, np.nan)
    return np.divide(vectors, total[..., None], out=result, where=total[..., None] > 0.0)
