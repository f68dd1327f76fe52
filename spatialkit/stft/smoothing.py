"""Moving sums over the bins and frames of a spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError, SignalError
from spatialkit.validation import as_array, as_count

__all__ = ["moving_sum"]


def moving_sum(values: ArrayLike, *, frames: int | None = 1, bins: int | None = 1) -> NDArray[Any]:
    """Sum time-frequency values over the neighbourhood of each bin.

    A ratio of two moving sums equals the ratio of the averages: the number of terms cancels out.

    Parameters
    ----------
    values : array_like, shape (..., bins, frames)
        Powers, cross-spectra or other values of a spectrum.
    frames, bins : int or None
        Size of the neighbourhood, centred on each bin (of an even number of values one more lies
        behind the centre than before it). At the edges only existing values are summed. None sums
        over the whole axis and leaves an axis of length 1.

    Returns
    -------
    ndarray, shape (..., bins, frames)

    Raises
    ------
    ShapeError
        If ``values`` has fewer than two axes.
    OptionError
        If ``frames`` or ``bins`` is not accepted.

    Examples
    --------
    >>> import numpy as np
    >>> moving_sum(np.array([[1.0, 2.0, 3.0, 4.0]]), frames=3)
    array([[3., 6., 9., 7.]])
    """
    sums = as_array(values, "values", SignalError)
    if sums.dtype.kind not in "biufc":
        raise SignalError(f"values must be an array of numbers, got {sums.dtype}")
    if sums.ndim < 2:
        raise ShapeError(f"values must have shape (..., bins, frames), got {sums.shape}")
    for count, name, axis in ((bins, "bins", -2), (frames, "frames", -1)):
        if count is None:
            sums = sums.sum(axis=axis, keepdims=True)
        elif (count := min(as_count(count, name), 2 * sums.shape[axis])) > 1:
            around = [(0, 0)] * sums.ndim
            around[axis] = ((count - 1) // 2, count // 2)
            padded = np.pad(sums, around)
            window = np.lib.stride_tricks.sliding_window_view(padded, count, axis=axis)
            sums = window.sum(axis=-1)
    return sums
