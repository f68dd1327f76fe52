"""Near-field coding of Ambisonics: sources at a distance, loudspeakers at a radius."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.acoustics import SPEED_OF_SOUND

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


def filter_order(
    sources: NDArray[Any],
    order: int,
    distances: NDArray[np.float64],
    radius: float,
    sample_rate: int,
) -> NDArray[Any]:
    """Filter sources (..., sources, samples) at distances (sources or 1,) for one order."""
    from scipy.signal import sosfilt

    if order == 0 or not sources.size:
        return sources
    out = np.empty_like(sources)
    for number, distance in enumerate(np.broadcast_to(distances, sources.shape[-2])):
        sections = near_field_filter(order, float(distance), radius, sample_rate)
        out[..., number, :] = sosfilt(sections, sources[..., number, :])
    return out
