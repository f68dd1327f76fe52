"""Directions and gains of the sources of a processor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.panning import REFERENCE_DISTANCE
from spatialkit.validation import as_distances, as_numbers, require_finite

__all__ = ["SourceParameters"]

Values = dict[str, NDArray[np.float64]]

MAX_SOURCES = 1024


class SourceParameters:
    """Parameters of sources by name, each of shape (sources,), and the gains that follow from them.

    All sources have a "gain", and a "distance" in metres, whose level is that of `vbap_pan`: 1 up
    to 1 m, ``1 / distance`` beyond, and 1 until it is set.

    Parameters
    ----------
    n_sources : int
    gains_of : callable
        Function of the parameters "azimuth" and so on, by name, that checks them and returns gains
        (sources, outputs) of a source of gain 1.
    **initial : float
        Names and first values, without "gain" and "distance".

    Attributes
    ----------
    gains : ndarray, shape (sources, outputs)
        Another array after a change.
    distance : ndarray, shape (sources,)
        Metres; infinite for plane waves, whose distance is not set.
    """

    def __init__(
        self, n_sources: int, gains_of: Callable[..., NDArray[np.float64]], **initial: float
    ) -> None:
        self._count, self._gains_of = n_sources, gains_of
        self._values = {name: np.full(n_sources, value) for name, value in initial.items()}
        self._gain = np.ones(n_sources)
        self.distance = np.full(n_sources, np.inf)
        self.gains = gains_of(**self._values)

    def set(self, parameters: dict[str, ArrayLike]) -> None:
        """Replace parameters; nothing is changed if one of them is not accepted."""
        new = {name: self._as_values(name, value) for name, value in parameters.items()}
        gain = require_finite(new.pop("gain", self._gain), "gain")
        distance = self.distance
        if "distance" in new:
            distance = as_distances(new.pop("distance"))
        values = {**self._values, **new}
        pairs = [(value, self._values[name]) for name, value in values.items()]
        pairs += [(gain, self._gain), (distance, self.distance)]
        if all(now is before or np.array_equal(now, before) for now, before in pairs):
            return
        level = gain / np.where(np.isinf(distance), 1.0, np.maximum(distance, REFERENCE_DISTANCE))
        self.gains = self._gains_of(**values) * level[:, None]
        self._values, self._gain, self.distance = values, gain, distance

    def _as_values(self, name: str, value: ArrayLike) -> NDArray[np.float64]:
        known = (*self._values, "gain", "distance")
        if name not in known:
            raise OptionError(f"unknown parameter {name!r}; the parameters are {', '.join(known)}")
        array = as_numbers(value, name, OptionError)
        if array.shape not in ((), (self._count,)):
            raise ShapeError(
                f"{name} must be a number or have shape ({self._count},), got {array.shape}"
            )
        values = np.empty(self._count)
        values[:] = array
        return values
