"""Distributions of what is heard of a scene, weighted with energy, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics import wasserstein_distance

if TYPE_CHECKING:
    from spatialkit_models.ambisonizer.scores import Field

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
"""Scale and unit in which distances between distributions of a cue are given."""
AROUND = "azimuth"

# A distribution is kept as so many values of equal weight.
QUANTILES = 1000
MOST_LEVEL_DIFFERENCE = 60.0


def cues_of(field: Field) -> dict[str, NDArray[np.float64]]:
    """Distribution of each of `CUES`, (quantiles,); empty of silence.

    Coherence (its real part) and level difference are those of L = W + Y against R = W - Y.
    """
    left, right = field.omni + field.side + 2.0 * np.array([[[1.0]], [[-1.0]]]) * field.flow[1]
    left, right = np.maximum(left, 0.0), np.maximum(right, 0.0)
    both = np.sqrt(left * right)
    coherence = np.zeros_like(both)
    np.divide(field.omni - field.side, both, out=coherence, where=both > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):  # one side is silent, or both are
        difference = np.nan_to_num(10.0 * np.log10(left / right), nan=0.0)
    values = {
        "diffuseness": field.diffuseness,
        "azimuth": np.degrees(np.arctan2(field.flow[1], field.flow[0])),
        "coherence": np.clip(coherence, -1.0, 1.0),
        "level_difference": np.clip(difference, -MOST_LEVEL_DIFFERENCE, MOST_LEVEL_DIFFERENCE),
    }
    return {name: energy_quantiles(values[name], field.energy) for name in CUES}


def energy_quantiles(values: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Quantiles of weighted values, in the middle of equal shares of the weight.

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
    """Wasserstein distance for each of `CUES`; NaN if a scene is silent."""
    found = {}
    for name, (scale, _) in CUES.items():
        one, other = first[name], second[name]
        if not one.size or not other.size:
            found[name] = np.nan
        elif name == AROUND:
            found[name] = scale * circle_distance(one, other)
        else:
            found[name] = scale * float(wasserstein_distance(one, other))
    return found


class CuePool:
    """Distributions over many scenes, each scene of equal weight."""

    def __init__(self) -> None:
        self.known: list[dict[str, NDArray[np.float64]]] = []
        self.made: list[dict[str, NDArray[np.float64]]] = []

    def add(
        self,
        known: dict[str, NDArray[np.float64]],
        made: Sequence[dict[str, NDArray[np.float64]]],
    ) -> None:
        """Take what `cues_of` gave of a true scene, and of what was made instead."""
        self.known.append(known)
        self.made.extend(made)

    def distances(self) -> dict[str, float]:
        """As `cue_distances`, of all scenes together."""
        return cue_distances(_joined(self.known), _joined(self.made))


def _joined(scenes: Sequence[dict[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    return {name: np.concatenate([scene[name] for scene in scenes]) for name in CUES}


def circle_distance(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Wasserstein distance of two distributions of degrees, around the circle [1]_.

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
    # Between neighbouring points the difference of the cumulative distributions is constant. Its
    # level is free, as it depends on where the circle is cut: the median makes it least.
    lengths = np.diff(points[order], append=points[order[0]] + 360.0)
    ahead = np.cumsum(steps[order])
    sorted_ahead = np.argsort(ahead)
    middle = np.searchsorted(np.cumsum(lengths[sorted_ahead]), 180.0)
    median = ahead[sorted_ahead[middle]]
    return float(np.abs(ahead - median) @ lengths)
