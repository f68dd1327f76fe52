"""Distributions of spatial cues of a scene, weighted by energy, and distances between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics import wasserstein_distance
from spatialkit_models.ambisonizer.field import Field

__all__ = [
    "CUES",
    "CuePool",
    "circle_distance",
    "cue_distances",
    "cues_of",
    "energy_quantiles",
]

CUES = {
    "diffuseness": (100.0, "%"),
    "azimuth": (1.0, "degrees"),
    "coherence": (100.0, "%"),
    "level_difference": (1.0, "dB"),
}
"""Scale and unit of the distances between distributions of each cue."""
CIRCULAR = "azimuth"

# Number of values of equal weight that represent a distribution.
QUANTILES = 1000
MAX_LEVEL_DIFFERENCE = 60.0  # dB


def cues_of(field: Field) -> dict[str, NDArray[np.float64]]:
    """Return the distribution of each of `CUES`, (quantiles,); empty for silence.

    Coherence (its real part) and level difference are those of L = W + Y and R = W - Y.
    """
    cross = 2.0 * np.array([[[1.0]], [[-1.0]]]) * field.intensity[1]
    left, right = field.omni + field.side + cross
    left, right = np.maximum(left, 0.0), np.maximum(right, 0.0)
    geometric_mean = np.sqrt(left * right)
    coherence = np.zeros_like(geometric_mean)
    np.divide(field.omni - field.side, geometric_mean, out=coherence, where=geometric_mean > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # one channel is silent, or both are
        difference = np.nan_to_num(10.0 * np.log10(left / right), nan=0.0)
    values = {
        "diffuseness": field.diffuseness,
        "azimuth": np.degrees(np.arctan2(field.intensity[1], field.intensity[0])),
        "coherence": np.clip(coherence, -1.0, 1.0),
        "level_difference": np.clip(difference, -MAX_LEVEL_DIFFERENCE, MAX_LEVEL_DIFFERENCE),
    }
    return {name: energy_quantiles(values[name], field.energy) for name in CUES}


def energy_quantiles(values: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Return quantiles of weighted values, at the centres of intervals of equal weight.

    Examples
    --------
    >>> found = energy_quantiles(np.array([5.0, 1.0]), np.array([3.0, 1.0]))
    >>> found[[0, 249, 250, -1]]
    array([1., 1., 5., 5.])
    """
    order = np.argsort(values, axis=None)
    ends = np.cumsum(weights.ravel()[order])
    if not ends.size or not ends[-1] > 0.0:
        return np.zeros(0)
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES * ends[-1]
    places = np.searchsorted(ends, levels)
    quantiles: NDArray[np.float64] = values.ravel()[order][places]
    return quantiles


def cue_distances(
    first: dict[str, NDArray[np.float64]], second: dict[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Return the Wasserstein distance for each of `CUES`; NaN if a scene is silent."""
    found = {}
    for name, (scale, _) in CUES.items():
        one, other = first[name], second[name]
        if not one.size or not other.size:
            found[name] = np.nan
        elif name == CIRCULAR:
            found[name] = scale * circle_distance(one, other)
        else:
            found[name] = scale * float(wasserstein_distance(one, other))
    return found


class CuePool:
    """Distributions pooled over many scenes, each scene of equal weight."""

    def __init__(self) -> None:
        self.references: list[dict[str, NDArray[np.float64]]] = []
        self.estimates: list[dict[str, NDArray[np.float64]]] = []

    def add(
        self,
        reference: dict[str, NDArray[np.float64]],
        estimates: Sequence[dict[str, NDArray[np.float64]]],
    ) -> None:
        """Add the cues (see `cues_of`) of a reference scene and of its estimates."""
        self.references.append(reference)
        self.estimates.extend(estimates)

    def distances(self) -> dict[str, float]:
        """Return the distances (see `cue_distances`) between the pooled distributions."""
        return cue_distances(_concatenated(self.references), _concatenated(self.estimates))


def _concatenated(
    scenes: Sequence[dict[str, NDArray[np.float64]]],
) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate([scene[name] for scene in scenes]) for name in CUES}


def circle_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the Wasserstein distance of two distributions of angles on the circle [1]_.

    Parameters
    ----------
    first, second : ndarray, shape (n,) and (m,)
        Angles in degrees, of equal weight within each array.

    References
    ----------
    .. [1] J. Rabin, J. Delon, Y. Gousseau, "Transportation distances on the circle", Journal of
       Mathematical Imaging and Vision 41, 2011.

    Examples
    --------
    >>> circle_distance(np.array([170.0]), np.array([-170.0]))
    20.0
    """
    points = np.concatenate([first, second]) % 360.0
    steps = np.repeat([1.0 / first.size, -1.0 / second.size], [first.size, second.size])
    order = np.argsort(points)
    # Between neighbouring points the difference of the cumulative distributions is constant. An
    # offset of it is arbitrary, as it depends on where the circle is cut: the distance is the
    # integral with the offset that minimizes it, the weighted median.
    lengths = np.diff(points[order], append=points[order[0]] + 360.0)
    cumulative = np.cumsum(steps[order])
    ascending = np.argsort(cumulative)
    middle = np.searchsorted(np.cumsum(lengths[ascending]), 180.0)
    median = cumulative[ascending[middle]]
    return float(np.abs(cumulative - median) @ lengths)
