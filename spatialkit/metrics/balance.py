"""Balance of energy between the halves of a loudspeaker layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import AudioLike
from spatialkit.layouts import Layout
from spatialkit.metrics.inputs import (
    as_loudspeaker_layout,
    as_signal,
    channel_energies,
    unpack_signal,
)

__all__ = ["front_rear_balance", "left_right_balance"]

# Cosines and sines below this belong to loudspeakers on the border of both halves.
BORDER = 1e-9


def front_rear_balance(
    audio: AudioLike[Any], layout: str | Layout | None = None
) -> NDArray[np.float64]:
    r"""Calculate the level of the front loudspeakers relative to the rear ones.

    .. math:: 10 \log_{10} \frac{\sum_{x_i > 0} E_i}{\sum_{x_i < 0} E_i}

    with the energies :math:`E_i` of the channels and the x axis ahead. Loudspeakers exactly at the
    side, overhead, and LFE channels are in neither half.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (..., channels, samples)
        An `Audio` also specifies ``layout``.
    layout : str or Layout, optional
        Layout of the audio; required for arrays.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; +inf or -inf if one half is silent, NaN if both are, or if a half has no loudspeakers.

    Raises
    ------
    ShapeError, SignalError, LayoutError
        If ``audio`` does not have the channels of ``layout``, a sample is NaN or infinite, or there
        is no loudspeaker layout.

    References
    ----------
    Definition of this package; the energy is that of Gerzon's energy vector, see `energy_vector`.

    Examples
    --------
    >>> import numpy as np
    >>> float(front_rear_balance([[2.0], [2.0], [1.0], [1.0]] * np.ones(10), "quad").round(2))
    6.02
    """
    return _balance(audio, layout, axis=0)


def left_right_balance(
    audio: AudioLike[Any], layout: str | Layout | None = None
) -> NDArray[np.float64]:
    r"""Calculate the level of the left loudspeakers relative to the right ones.

    .. math:: 10 \log_{10} \frac{\sum_{y_i > 0} E_i}{\sum_{y_i < 0} E_i}

    with the energies :math:`E_i` of the channels and the y axis to the left. Loudspeakers in the
    middle and LFE channels are in neither half.

    Parameters
    ----------
    audio, layout
        As for `front_rear_balance`.

    Returns
    -------
    ndarray of float64, shape (...)
        dB; +inf or -inf if one half is silent, NaN if both are, or if a half has no loudspeakers.

    Raises
    ------
    ShapeError, SignalError, LayoutError
        As for `front_rear_balance`.

    References
    ----------
    Definition of this package; the energy is that of Gerzon's energy vector, see `energy_vector`.

    Examples
    --------
    >>> import numpy as np
    >>> float(left_right_balance([[1.0], [2.0]] * np.ones(10), "stereo").round(2))
    -6.02
    """
    return _balance(audio, layout, axis=1)


def _balance(
    audio: AudioLike[Any], layout: str | Layout | None, *, axis: int
) -> NDArray[np.float64]:
    samples, given, _ = unpack_signal(audio, layout)
    where = as_loudspeaker_layout(given)
    return energy_balance(channel_energies(as_signal(samples, layout=where)), where, axis)


def energy_balance(energies: NDArray[np.float64], layout: Layout, axis: int) -> NDArray[np.float64]:
    """Return the balance (...) in dB along an axis from the energies (..., channels)."""
    positions = layout.directions[layout.loudspeakers][:, axis]
    energy = energies[..., layout.loudspeakers]
    halves = [energy[..., side].sum(axis=-1) for side in (positions > BORDER, positions < -BORDER)]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = 10.0 * (np.log10(halves[0]) - np.log10(halves[1]))
    both = bool((positions > BORDER).any() and (positions < -BORDER).any())
    return (values if both else np.full_like(values, np.nan))[()]
