"""Directions and gains of the sources of a processor."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.validation import as_numbers, require_finite

__all__ = ["SourceParameters"]

Values = dict[str, NDArray[np.float64]]

MAX_SOURCES = 1024


class SourceParameters:
    """Parameters of sources by name, each of shape (sources,), and the gains that follow from them.

    Parameters
    ----------
    n_sources : int
    gains_of : callable
        Function of the parameters "azimuth" and so on, by name, that checks them and returns gains
        (sources, outputs) of a source of gain 1.
    **initial : float
        Names and first values, without "gain".

    Attributes
    ----------
    gains : ndarray, shape (sources, outputs)
    """

    def __init__(
        self, n_sources: int, gains_of: Callable[..., NDArray[np.float64]], **initial: float
    ) -> None:
        self._count, self._gains_of = n_sources, gains_of
        self._values = {name: np.full(n_sources, value) for name, value in initial.items()}
        self._gain = np.ones(n_sources)
        self.gains = gains_of(**self._values)

    def set(self, parameters: dict[str, ArrayLike]) -> None:
        """Replace parameters; nothing is changed if one of them is not accepted."""
        new = {name: self._as_values(name, value) for name, value in parameters.items()}
        gain = require_finite(new.pop("gain", self._gain), "gain")
        values = {**self._values, **new}
        if np.array_equal(gain, self._gain) and all(
            np.array_equal(value, self._values[name]) for name, value in values.items()
        ):
            return
        self.gains = self._gains_of(**values) * gain[:, None]
        self._values, self._gain = values, gain

    def _as_values(self, name: str, value: ArrayLike) -> NDArray[np.float64]:
        known = (*self._values, "gain")
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
