"""Nonnegative least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nonnegative_least_squares"]


def nonnegative_least_squares(
    matrix: NDArray[np.float64], target: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the nonnegative x that minimizes |matrix x - target|, by the active-set method [1]_.

    For a few unknowns; importing the function of SciPy takes longer than a short song.

    Parameters
    ----------
    matrix : array, shape (equations, unknowns)
        Its columns are linearly independent.
    target : array, shape (equations,)

    References
    ----------
    .. [1] C. L. Lawson and R. J. Hanson, "Solving least squares problems", chapter 23,
       Prentice-Hall, 1974.
    """
    unknowns = matrix.shape[1]
    x = np.zeros(unknowns)
    positive = np.zeros(unknowns, bool)
    tolerance = 1e-14 * np.abs(matrix).sum() * np.abs(target).sum()
    for _ in range(3 * unknowns):  # more steps are rounding errors
        gradient = np.where(positive, -np.inf, matrix.T @ (target - matrix @ x))
        best = int(gradient.argmax())
        if gradient[best] <= tolerance:
            break
        positive[best] = True
        while True:
            solution = np.zeros(unknowns)
            solution[positive] = np.linalg.lstsq(matrix[:, positive], target, rcond=None)[0]
            if (solution[positive] > 0.0).all():
                break
            # Go towards the solution until the first unknown becomes 0, and keep it there.
            negative = positive & (solution <= 0.0)
            steps = x[negative] / (x[negative] - solution[negative])
            x += steps.min() * (solution - x)
            positive &= x > 1e-15 * np.abs(x).max()
            x[~positive] = 0.0
        x = solution
    return x
