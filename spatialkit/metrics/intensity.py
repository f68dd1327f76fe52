"""Active intensity, energy density and diffuseness of Ambisonic signals.

Intensity vectors have the axes x ahead, y left, z up and point towards the source.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import LayoutError, ShapeError
from spatialkit.layouts import AmbisonicFormat, get_format
from spatialkit.metrics.inputs import as_spectrum, divide
from spatialkit.stft import moving_sum

__all__ = ["active_intensity", "diffuseness", "energy_density"]


def active_intensity(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    r"""Calculate the active intensity of an Ambisonic signal, summed over bins and frames.

    .. math:: I = \sum \mathrm{Re}(W^* [X, Y, Z])

    of the first-order part in SN3D. A plane wave has a vector of length :math:`|W|^2` towards its
    source. (The physical intensity is the flow of energy, which has the opposite direction, divided
    by the acoustic impedance of air.)

    Parameters
    ----------
    spectrum : array_like of complex, shape (..., harmonics, bins, frames)
        Spectrum as `spatialkit.stft` returns it.
    format : str or AmbisonicFormat
        Format of the signal, of any order; only the first order is used.
    frames, bins : int or None
        Size of the neighbourhood of each bin over which the sum runs, see
        `spatialkit.stft.moving_sum`. None sums over the whole axis and leaves length 1.

    Returns
    -------
    ndarray of float64, shape (..., 3, bins, frames)
        x, y and z in the squared unit of the spectrum; 0 for silence.

    Raises
    ------
    LayoutError
        If ``format`` is not Ambisonic.
    ShapeError, SignalError
        If the spectrum does not have the channels of ``format``, is not complex or not finite.
    OptionError
        If ``frames`` or ``bins`` is not accepted.

    References
    ----------
    J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> active_intensity(left).ravel()
    array([ 0., 25.,  0.])
    """
    intensity, _ = intensity_and_energy(spectrum, format)
    return moving_sum(intensity, frames=frames, bins=bins)


def energy_density(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 1,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    r"""Calculate the energy density of an Ambisonic signal, summed over bins and frames.

    .. math:: E = \sum \frac{|W|^2 + |X|^2 + |Y|^2 + |Z|^2}{2}

    of the first-order part in SN3D. A plane wave has :math:`E = |W|^2`, which is also the length of
    its `active_intensity`.

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
    J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> energy_density(left).item()
    25.0
    """
    _, energy = intensity_and_energy(spectrum, format)
    return moving_sum(energy, frames=frames, bins=bins)[..., 0, :, :]


def diffuseness(
    spectrum: ArrayLike,
    format: str | AmbisonicFormat = "foa",
    *,
    frames: int | None = 9,
    bins: int | None = 1,
) -> NDArray[np.float64]:
    r"""Calculate the diffuseness of an Ambisonic signal as in directional audio coding (DirAC).

    .. math:: \psi = 1 - \frac{|I|}{E}

    with the `active_intensity` :math:`I` and the `energy_density` :math:`E`.

    Parameters
    ----------
    spectrum, format
        As for `active_intensity`.
    frames, bins : int or None
        Size of the neighbourhood over which both are averaged, as for `active_intensity`. Without
        averaging, even a diffuse field has a low diffuseness.

    Returns
    -------
    ndarray of float64, shape (..., bins, frames)
        0 (a single plane wave) to 1 (diffuse field); NaN for silence.

    Raises
    ------
    LayoutError, ShapeError, SignalError, OptionError
        As for `active_intensity`.

    References
    ----------
    J. Merimaa and V. Pulkki, "Spatial impulse response rendering I", JAES 53(12), 2005.

    Examples
    --------
    >>> import numpy as np
    >>> left = np.array([1.0, 1.0, 0.0, 0.0])[:, None, None] * (3.0 + 4.0j)
    >>> diffuseness(left).item()
    0.0
    """
    intensity, energy = (
        moving_sum(values, frames=frames, bins=bins)
        for values in intensity_and_energy(spectrum, format)
    )
    directional = divide(np.linalg.norm(intensity, axis=-3)[..., None], energy[..., 0, :, :])
    return np.maximum(1.0 - directional[..., 0], 0.0)


def intensity_and_energy(
    spectrum: ArrayLike, format: str | AmbisonicFormat
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return intensity (..., 3, bins, frames) and energy density (..., 1, bins, frames)."""
    where = get_format(format)
    if not isinstance(where, AmbisonicFormat):
        raise LayoutError(f"format must be Ambisonic, got {format!r}; use 'foa' or 'ambix2'")
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
