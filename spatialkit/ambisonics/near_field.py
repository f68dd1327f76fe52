"""Near-field coding of Ambisonics: sources at a distance, loudspeakers at a radius.

The filter of order m is the ratio of the spherical wave of a source at the distance d to that of
loudspeakers at the radius r [1]_::

    H = sum a_n (c / (2 d s))^n / sum a_n (c / (2 r s))^n,   a_n = (m + n)! / ((m - n)! n!)

At high frequencies it is 1, at 0 Hz ``(r / d)^m``. With ``G_n = a_n (c / (2 r s))^n / sum ...``,
whose sum over n is 1, it is ``H = 1 + sum ((r / d)^n - 1) G_n``: filters that do not depend on the
distance, and gains that do. A source may therefore move without a filter that changes.

.. [1] J. Daniel, "Spatial Sound Encoding Including Near Field Effect: Introducing Distance Coding
   Filters and a Viable, New Ambisonic Format", AES 23rd International Conference, 2003.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.acoustics import SPEED_OF_SOUND
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.panning import distances_along
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_number, as_sample_rate

__all__ = ["NearFieldFilters", "as_radius", "near_field_gains", "near_field_parts"]

# Smallest distance, relative to the radius: the bass of order m rises by at most m times 6 dB.
MIN_RELATIVE_DISTANCE = 0.5


def as_radius(radius: float) -> float:
    """Return the radius of the loudspeakers in metres, or raise an OptionError."""
    return as_number(radius, "near_field_radius", minimum=0.1, maximum=100.0, unit="m")


class NearFieldFilters:
    """The filters ``G_n`` of one order, by the bilinear transform, with state.

    Parameters
    ----------
    order : int
        1 to 7.
    radius : float
        Metres.
    sample_rate : int
        Hz.
    """

    def __init__(self, order: int, radius: float, sample_rate: int) -> None:
        from scipy.signal import bilinear_zpk, zpk2sos

        polynomial = np.array(
            [factorial(order + n) / (factorial(order - n) * factorial(n)) for n in range(order + 1)]
        )
        rate = SPEED_OF_SOUND / (2.0 * radius)
        poles = np.roots(polynomial) * rate
        self._sections = [
            zpk2sos(*bilinear_zpk([0.0] * (order - n), poles, polynomial[n] * rate**n, sample_rate))
            for n in range(1, order + 1)
        ]
        self.reset()

    def reset(self) -> None:
        """Forget all blocks."""
        self._states: list[NDArray[np.float64]] | None = None

    def process(self, block: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs of ``G_1`` to ``G_m``, (m, ..., samples), of the next block."""
        from scipy.signal import sosfilt

        if self._states is None:
            shapes = [(len(sections), *block.shape[:-1], 2) for sections in self._sections]
            self._states = [np.zeros(shape) for shape in shapes]
        out = np.empty((len(self._sections), *block.shape), block.dtype)
        if block.shape[-1]:
            for n, sections in enumerate(self._sections):
                out[n], self._states[n] = sosfilt(sections, block, zi=self._states[n])
        return out


def near_field_gains(
    order: int, distance: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return the gains of ``G_1`` to ``G_m``, (m, ...), of distances in metres.

    Sources nearer than half the radius have the wave front of that distance.

    Examples
    --------
    >>> near_field_gains(2, np.array([1.0, 2.0, np.inf]), 2.0)
    array([[ 1.,  0., -1.],
           [ 3.,  0., -1.]])
    """
    ratio = radius / np.maximum(distance, MIN_RELATIVE_DISTANCE * radius)
    return np.array([ratio**n - 1.0 for n in range(1, order + 1)])


def near_field_parts(
    audio: AudioLike[FloatT],
    order: int,
    distance: ArrayLike | None,
    radius: float,
    sample_rate: float | None,
) -> list[FloatArray[FloatT]]:
    """Return sources, in the shape of ``audio``, filtered for each order from 0 to ``order``.

    Arguments are those of `spatialkit.encode_ambisonics`.
    """
    radius = as_radius(radius)
    samples, rate, _ = unpack_audio(audio, sample_rate=sample_rate)
    if rate is None:
        raise OptionError("near_field_radius needs sample_rate, in Hz")
    hertz = as_sample_rate(rate, maximum=MAX_SAMPLE_RATE)
    array = as_audio(samples, allow_mono=True)
    metres = np.full((1, 1), np.inf) if distance is None else distances_along(distance, array)
    sources = array[None] if array.ndim == 1 else array
    parts = [array]
    for number in range(1, order + 1):
        part = sources.copy()
        filters = NearFieldFilters(number, radius, hertz)
        gains = near_field_gains(number, metres, radius).astype(array.dtype)
        for gain, filtered in zip(gains, filters.process(sources), strict=True):
            part += gain * filtered
        parts.append(part.reshape(array.shape))
    return parts
