"""Orientation of a scene or a head, and fast rotation matrices of harmonics."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.ambisonics import rotate_ambisonics
from spatialkit.errors import OptionError
from spatialkit.validation import as_number

__all__ = ["HarmonicRotation", "Orientation"]


class Orientation:
    """Yaw, pitch and roll in degrees, which keep their values."""

    def __init__(self) -> None:
        self.angles = {"yaw": 0.0, "pitch": 0.0, "roll": 0.0}

    def set(self, parameters: dict[str, ArrayLike]) -> bool:
        """Replace values, none if one of them is not accepted; return whether any is another."""
        for name in parameters:
            if name not in self.angles:
                known = ", ".join(self.angles)
                raise OptionError(f"unknown parameter {name!r}; the parameters are {known}")
        new = {name: as_number(value, name, unit="degrees") for name, value in parameters.items()}
        before, self.angles = self.angles, {**self.angles, **new}
        return self.angles != before


class HarmonicRotation:
    """Matrices that rotate N3D harmonics in ACN order, as `spatialkit.rotate_ambisonics` does.

    A rotation around the vertical axis exchanges only harmonics of degree m and -m, by the cosine
    and sine of m times the angle. One around another axis is the same after that axis has been
    rotated to the vertical one, by a constant matrix.

    Parameters
    ----------
    order : int
    """

    def __init__(self, order: int) -> None:
        identity = np.eye((order + 1) ** 2)
        # From the axes of positive pitch (to the right) and roll (to the front).
        self._to_right = rotate_ambisonics(identity, roll=90.0, normalization="N3D")
        self._to_front = rotate_ambisonics(identity, pitch=-90.0, normalization="N3D")
        numbers = np.arange((order + 1) ** 2)
        n = np.floor(np.sqrt(numbers + 0.5)).astype(np.intp)
        self._degrees = numbers - n * (n + 1)
        self._mirrored = numbers - 2 * self._degrees

    def matrix(self, yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
        """Return the matrix (harmonics, harmonics): roll first, then pitch, then yaw."""
        matrix = self._around_vertical(yaw)
        if pitch:
            matrix = matrix @ self._to_right @ self._around_vertical(pitch) @ self._to_right.T
        if roll:
            matrix = matrix @ self._to_front @ self._around_vertical(roll) @ self._to_front.T
        return matrix

    def _around_vertical(self, angle: float) -> NDArray[np.float64]:
        angles = self._degrees * np.radians(angle)
        matrix = np.diag(np.cos(angles))
        rows = np.arange(len(matrix))
        # A degree of 0 has no sine. The harmonics of -m have the sine of the azimuth.
        matrix[rows, self._mirrored] -= np.sin(angles)
        return matrix
