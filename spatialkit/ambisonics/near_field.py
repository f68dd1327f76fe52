"""Near-field coding of Ambisonics: sources at a distance, loudspeakers at a radius."""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.acoustics import SPEED_OF_SOUND
from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import OptionError
from spatialkit.panning import distances_along
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import MAX_SAMPLE_RATE, as_audio, as_number, as_sample_rate

# Smallest distance, relative to the radius: the bass of order m rises by at most m times 6 dB.
MIN_RELATIVE_DISTANCE = 0.5


def near_field_filter(
    order: int, distance: float, radius: float, sample_rate: int
) -> NDArray[np.float64]:
    """Design the filter of one order, as second-order sections.

    It is the ratio of the spherical wave of a source at ``distance`` to that of loudspeakers at
    ``radius`` (Daniel 2003), by the bilinear transform:
    ``sum a_n (c / (2 distance s))^n / sum a_n (c / (2 radius s))^n`` with
    ``a_n = (m + n)! / ((m - n)! n!)``. At high frequencies it is 1, at 0 Hz
    ``(radius / distance)^m``.
    """
    from scipy.signal import bilinear_zpk, zpk2sos

    polynomial = [
        factorial(order + n) / (factorial(order - n) * factorial(n)) for n in range(order + 1)
    ]
    roots = np.roots(polynomial) * SPEED_OF_SOUND / 2.0
    nearest = max(distance, MIN_RELATIVE_DISTANCE * radius)
    sections: NDArray[np.float64] = zpk2sos(
        *bilinear_zpk(roots / nearest, roots / radius, 1.0, sample_rate)
    )
    return sections


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
    from scipy.signal import sosfilt

    radius = as_number(radius, "near_field_radius", minimum=0.1, maximum=100.0, unit="m")
    samples, rate, _ = unpack_audio(audio, sample_rate=sample_rate)
    if rate is None:
        raise OptionError("near_field_radius needs sample_rate, in Hz")
    hertz = as_sample_rate(rate, maximum=MAX_SAMPLE_RATE)
    array = as_audio(samples, allow_mono=True)
    metres = np.full((1, 1), np.inf) if distance is None else distances_along(distance, array)
    if metres.shape[1] > 1:
        raise OptionError("near_field_radius needs sources at a constant distance")
    sources = array[None] if array.ndim == 1 else array
    parts = [array]
    for number in range(1, order + 1):
        part = np.empty_like(sources)
        each = np.broadcast_to(metres[:, 0], sources.shape[-2]) if sources.size else ()
        for source, away in enumerate(each):
            sections = near_field_filter(number, float(away), radius, hertz)
            part[..., source, :] = sosfilt(sections, sources[..., source, :])
        parts.append(part.reshape(array.shape))
    return parts
